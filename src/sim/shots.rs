//! Labelled pictures by the thousand: chance shots rendered on several threads, as JPEG files and
//! one file of labels.
//!
//! Every scene has a seed of its own, made of the order's seed and the scene's number, so the same
//! order gives the same files whatever the number of threads. Scenes are dealt to training and
//! validation whole: no room, camera, body or outfit of one is thrown from a seed of the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use image::codecs::jpeg::JpegEncoder;
use serde::Serialize;

use super::body::Dice;
use super::labels::{CameraLabel, ImageLabel, PersonLabel, light, people};
use super::render::{Frame, Moment, Renderer, Shot, ShotPlan};

/// Quality of the files, as cameras write them.
const QUALITY: (usize, usize) = (82, 93);
/// Share of exposures long enough for people to smear.
const SMEARED: f32 = 0.12;
/// How far people move in such an exposure, m.
const TRAVEL_M: (f32, f32) = (0.02, 0.12);
/// Nor farther than this, px: an exposure is only three moments, and they must not show apart.
const MOST_TRAVEL_PX: f64 = 8.0;
/// Orders with different seeds share no scene as long as they have fewer scenes than this.
const SCENES_A_SEED: u64 = 1_000_000;

/// What to render.
#[derive(Debug, Clone, PartialEq)]
pub struct ShotOrder {
    /// Where the files go; made if missing.
    pub folder: PathBuf,
    /// Number of pictures.
    pub count: usize,
    /// Orders with different seeds have different pictures.
    pub seed: u64,
    /// Size of the pictures, px.
    pub size_px: (u32, u32),
    /// Scenes rendered side by side.
    pub threads: usize,
    /// Every so many scenes one is for validation; 0 for none.
    pub val_every: u64,
    /// Pictures of one room through one camera.
    pub pictures_a_scene: usize,
}

impl Default for ShotOrder {
    /// A first look, at the size that the detector is trained at.
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            count: 200,
            seed: 1,
            size_px: (416, 256),
            threads: 1,
            val_every: 10,
            pictures_a_scene: 2,
        }
    }
}

#[derive(Serialize)]
struct Labels<'a> {
    info: Info,
    categories: [Category; 1],
    images: Vec<&'a ImageLabel>,
    annotations: Vec<&'a PersonLabel>,
}

#[derive(Serialize)]
struct Info {
    generator: &'static str,
    seed: u64,
    count: usize,
    width: u32,
    height: u32,
    val_every: u64,
    pictures_a_scene: usize,
}

#[derive(Serialize)]
struct Category {
    id: u32,
    name: &'static str,
    keypoints: [&'static str; 2],
}

type Labelled = (ImageLabel, Vec<PersonLabel>);
/// A scene's number and what became of it.
type Made = (usize, Result<Vec<Labelled>, String>);

/// Renders an order. Errors say which file could not be written.
pub fn write(order: &ShotOrder) -> Result<(), String> {
    for split in ["train", "val"] {
        let folder = order.folder.join(split);
        fs::create_dir_all(&folder).map_err(|e| said(&folder, &e))?;
    }
    let each = order.pictures_a_scene.max(1);
    let scenes = order.count.div_ceil(each);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Made>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..order.threads.clamp(1, scenes.max(1)) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= scenes {
                        break;
                    }
                    let made = scene(order, n, each.min(order.count - n * each));
                    match done.lock() {
                        Ok(mut done) => done.push((n, made)),
                        Err(_) => break,
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().map_err(|e| e.to_string())?;
    done.sort_by_key(|(n, _)| *n);
    let mut all = Vec::with_capacity(order.count);
    for (_, made) in done {
        all.extend(made?);
    }
    number(&mut all);
    labels(order, &all)
}

fn said(path: &Path, problem: &dyn std::fmt::Display) -> String {
    format!("cannot write {}: {problem}", path.display())
}

/// Renders and writes the pictures of scene `n`.
fn scene(order: &ShotOrder, n: usize, count: usize) -> Result<Vec<Labelled>, String> {
    let id = order.seed * SCENES_A_SEED + n as u64;
    let val = order.val_every > 0 && n as u64 % order.val_every == order.val_every - 1;
    let split = if val { "val" } else { "train" };
    // The lowest bit tells the splits apart, whatever the orders.
    let seed = (scattered(id) & !1) | u64::from(val);
    let Shot {
        scene,
        moments,
        dim,
    } = ShotPlan::training(order.size_px).take(seed, count);
    let renderer = Renderer::new(scene);
    let camera = renderer.scene().camera;
    let mut dice = Dice::new(seed ^ 0x5047);
    let mut out = Vec::with_capacity(count);
    for (k, moment) in moments.iter().enumerate() {
        let frame = expose(&renderer, moment, &mut dice);
        let file_name = format!("{split}/{id:09}_{k}.jpg");
        let quality = QUALITY.0 + dice.below(QUALITY.1 - QUALITY.0 + 1);
        save(&frame, &order.folder.join(&file_name), quality as u8)?;
        let image = ImageLabel {
            id: 0,
            file_name,
            width: order.size_px.0,
            height: order.size_px.1,
            split,
            scene: id,
            light: light(renderer.scene(), dim),
            spectrum: renderer.scene().sensor.spectrum,
            camera: CameraLabel::new(&camera),
        };
        out.push((image, people(&camera, moment, &frame)));
    }
    Ok(out)
}

/// Renders a moment; some of them while people move.
fn expose(renderer: &Renderer, moment: &Moment, dice: &mut Dice) -> Frame {
    if !dice.chance(SMEARED) {
        return renderer.render(moment);
    }
    let camera = &renderer.scene().camera;
    let nearest_m = (camera.position_m[2] - 1.7).max(0.6);
    let most_m = (MOST_TRAVEL_PX * nearest_m / camera.lens.focal_px) as f32;
    let travel = dice.range(TRAVEL_M.0, TRAVEL_M.1).min(most_m);
    let moved = |share: f32| {
        let mut moment = moment.clone();
        for figure in &mut moment.figures {
            let pose = &mut figure.pose;
            let walks = (pose.legs[0].swing - pose.legs[1].swing).abs() > 0.12;
            let way = if walks {
                share * travel
            } else {
                0.2 * share * travel
            };
            pose.at[0] += f64::from(way * pose.heading_rad.cos());
            pose.at[1] += f64::from(way * pose.heading_rad.sin());
        }
        moment
    };
    renderer.render_exposure(&[moved(-0.33), moment.clone(), moved(0.33)])
}

fn save(frame: &Frame, path: &Path, quality: u8) -> Result<(), String> {
    let picture = &frame.picture;
    let mut bytes = Vec::with_capacity(picture.rgb.len() / 4);
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(
            &picture.rgb,
            picture.width,
            picture.height,
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|e| said(path, &e))?;
    fs::write(path, bytes).map_err(|e| said(path, &e))
}

/// Gives pictures and people their numbers, in order.
fn number(all: &mut [Labelled]) {
    let mut last = 0;
    for (i, (image, people)) in all.iter_mut().enumerate() {
        image.id = i + 1;
        for person in people {
            last += 1;
            person.id = last;
            person.image_id = i + 1;
        }
    }
}

fn labels(order: &ShotOrder, all: &[Labelled]) -> Result<(), String> {
    let labels = Labels {
        info: Info {
            generator: concat!("tailgate ", env!("CARGO_PKG_VERSION")),
            seed: order.seed,
            count: order.count,
            width: order.size_px.0,
            height: order.size_px.1,
            val_every: order.val_every,
            pictures_a_scene: order.pictures_a_scene,
        },
        categories: [Category {
            id: 1,
            name: "person",
            keypoints: ["head", "foot"],
        }],
        images: all.iter().map(|(image, _)| image).collect(),
        annotations: all.iter().flat_map(|(_, people)| people).collect(),
    };
    let path = order.folder.join("annotations.json");
    let text = serde_json::to_vec(&labels).map_err(|e| said(&path, &e))?;
    fs::write(&path, text).map_err(|e| said(&path, &e))
}

/// Neighbouring numbers to seeds that have nothing in common (the finaliser of `SplitMix64`).
fn scattered(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(folder: &Path, threads: usize) -> ShotOrder {
        ShotOrder {
            folder: folder.to_owned(),
            count: 7,
            size_px: (64, 40),
            threads,
            val_every: 3,
            ..ShotOrder::default()
        }
    }

    /// Every file of a folder's two splits with its bytes, and the labels.
    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut out = vec![(
            "labels".to_owned(),
            fs::read(folder.join("annotations.json")).unwrap(),
        )];
        for split in ["train", "val"] {
            for entry in fs::read_dir(folder.join(split)).unwrap() {
                let path = entry.unwrap().path();
                out.push((
                    path.file_name().unwrap().to_string_lossy().into(),
                    fs::read(path).unwrap(),
                ));
            }
        }
        out.sort();
        out
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (one, three) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&order(one.path(), 1)).unwrap();
        write(&order(three.path(), 3)).unwrap();
        let (one, three) = (files(one.path()), files(three.path()));
        assert_eq!(one.len(), 8);
        assert!(
            one == three,
            "one thread and three must write the same bytes"
        );
    }

    #[test]
    fn labels_fit_their_pictures() {
        let folder = tempfile::tempdir().unwrap();
        write(&order(folder.path(), 2)).unwrap();
        let text = fs::read(folder.path().join("annotations.json")).unwrap();
        let labels: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let images = labels["images"].as_array().unwrap();
        assert_eq!(images.len(), 7);
        for image in images {
            let name = image["file_name"].as_str().unwrap();
            let picture = image::open(folder.path().join(name)).unwrap();
            assert_eq!((picture.width(), picture.height()), (64, 40));
            assert!(name.starts_with(image["split"].as_str().unwrap()));
        }
        assert!(images.iter().any(|image| image["split"] == "val"));
        let people = labels["annotations"].as_array().unwrap();
        assert!(people.len() > 7, "{} people", people.len());
        for (i, person) in people.iter().enumerate() {
            assert_eq!(person["id"], i + 1);
            let [x, y, w, h] = [0, 1, 2, 3].map(|k: usize| person["bbox"][k].as_f64().unwrap());
            assert!(
                x >= 0.0 && y >= 0.0 && x + w <= 64.0 && y + h <= 40.0,
                "{person}"
            );
            let visible = person["visible"].as_f64().unwrap();
            assert!(visible > 0.0 && visible <= 1.0, "{person}");
        }
    }

    #[test]
    fn an_unwritable_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, "a file").unwrap();
        let problem = write(&order(&taken, 1)).unwrap_err();
        assert!(problem.contains("taken"), "{problem}");
    }
}
