//! Labelled pictures: a folder with an `annotations.json` in COCO's style.
//!
//! `images` hold `id`, `file_name`, `width`, `height` and optionally `split`, `source`, `light` and
//! `camera`; `annotations` hold `image_id`, `bbox` (left, top, width, height, px) and optionally
//! `ignore` or `iscrowd`, `foot`, `foot_visible` and `visible`. What the `shots` example writes is
//! one such folder. Where nothing is said, nothing is measured.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::detection::{BoxInImage, PointInImage};
use crate::floor::{Homography, Lens, PointInFloor};
use crate::score::boxes::Person;

/// A picture and who is in it.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// Its name in the labels.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Where it comes from.
    pub source: String,
    /// How it is lit, if that is said.
    pub light: Option<String>,
    /// How it was looked at, if that is said.
    pub camera: Option<Camera>,
    /// Width and height that the labels are of, px, if that is said.
    pub size: Option<(u32, u32)>,
    /// Who is in it.
    pub people: Vec<Person>,
    /// What more is known of each of `people`.
    pub details: Vec<Details>,
}

/// What more is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Details {
    /// The floor point below the body, px; may be hidden or outside of the picture.
    pub foot: Option<PointInImage>,
    /// Whether that point can be seen.
    pub is_foot_seen: Option<bool>,
    /// Share of the body that shows, 0 to 1.
    pub visible: Option<f64>,
}

/// How a picture was looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Camera {
    /// Degrees below the horizon.
    pub pitch_deg: f64,
    focal_px: f64,
    centre_px: [f64; 2],
    radial: [f64; 3],
    floor_from_image: [f64; 9],
}

#[derive(Debug, Deserialize)]
struct File {
    images: Vec<RawImage>,
    annotations: Vec<RawPerson>,
}

#[derive(Debug, Deserialize)]
struct RawImage {
    id: i64,
    file_name: String,
    split: Option<String>,
    source: Option<String>,
    light: Option<String>,
    camera: Option<Camera>,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct RawPerson {
    image_id: i64,
    bbox: [f64; 4],
    #[serde(default)]
    ignore: u8,
    #[serde(default)]
    iscrowd: u8,
    foot: Option<[f64; 2]>,
    foot_visible: Option<u8>,
    visible: Option<f64>,
}

impl Camera {
    /// The floor point that the picture shows at `point`, m.
    pub fn floor_from_image(&self, point: PointInImage) -> Option<PointInFloor> {
        let lens = Lens {
            radial: self.radial,
            ..Lens::pinhole(
                self.focal_px,
                PointInImage {
                    x: self.centre_px[0],
                    y: self.centre_px[1],
                },
            )
        };
        let [a, b, c, d, e, f, g, h, i] = self.floor_from_image;
        let homography = Homography {
            m: [[a, b, c], [d, e, f], [g, h, i]],
        };
        let straight = lens.try_undistorted(point)?;
        let [x, y] = homography.apply(straight.x, straight.y)?;
        Some(PointInFloor { x, y })
    }
}

/// The pictures of `folder` that are of `split` (or of no split), in the order of the labels.
pub fn read(folder: &Path, split: &str) -> Result<Vec<Labelled>, String> {
    let path = folder.join("annotations.json");
    let shown = path.display();
    let text = std::fs::read(&path).map_err(|error| format!("{shown}: {error}"))?;
    let file: File = serde_json::from_slice(&text).map_err(|error| format!("{shown}: {error}"))?;
    let problems = problems(&file);
    if !problems.is_empty() {
        let lines: Vec<String> = problems
            .iter()
            .map(|what| format!("{shown}: {what}"))
            .collect();
        return Err(lines.join("\n"));
    }
    let mut people: BTreeMap<i64, Vec<RawPerson>> = BTreeMap::new();
    for person in file.annotations {
        people.entry(person.image_id).or_default().push(person);
    }
    let wanted = |image: &RawImage| image.split.as_deref().is_none_or(|named| named == split);
    let found: Vec<Labelled> = file
        .images
        .into_iter()
        .filter(wanted)
        .map(|image| {
            let of_image = people.remove(&image.id).unwrap_or_default();
            labelled(folder, image, &of_image)
        })
        .collect();
    if found.is_empty() {
        return Err(format!(
            "{shown}: no image has split \"{split}\": name another with --split"
        ));
    }
    Ok(found)
}

/// Everything that would make figures of such labels mean nothing.
fn problems(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (index, image) in file.images.iter().enumerate() {
        if !known.insert(image.id) {
            found.push(format!("images[{index}].id: {} is given twice", image.id));
        }
    }
    for (index, person) in file.annotations.iter().enumerate() {
        let [_, _, width, height] = person.bbox;
        if !known.contains(&person.image_id) {
            found.push(format!(
                "annotations[{index}] is of image {}, and images has no such id",
                person.image_id
            ));
        }
        if width <= 0.0 || height <= 0.0 {
            found.push(format!(
                "annotations[{index}].bbox: {width} wide and {height} high; it is left, top, width, \
                 height, px"
            ));
        }
    }
    found
}

fn labelled(folder: &Path, image: RawImage, people: &[RawPerson]) -> Labelled {
    let point = |[x, y]: [f64; 2]| PointInImage { x, y };
    let source = image.source.unwrap_or_else(|| match image.camera {
        Some(_) => "rendered".to_owned(),
        None => "all".to_owned(),
    });
    Labelled {
        path: folder.join(&image.file_name),
        name: image.file_name,
        source,
        light: image.light,
        size: image.width.zip(image.height),
        camera: image.camera,
        people: people
            .iter()
            .map(|person| {
                let [left, top, width, height] = person.bbox;
                Person {
                    bbox: BoxInImage::new(left, top, left + width, top + height),
                    is_ignored: person.ignore != 0 || person.iscrowd != 0,
                }
            })
            .collect(),
        details: people
            .iter()
            .map(|person| Details {
                foot: person.foot.map(point),
                is_foot_seen: person.foot_visible.map(|seen| seen != 0),
                visible: person.visible,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = r#"{
        "images": [
            {"id": 7, "file_name": "a.jpg", "split": "val", "light": "dim", "camera": {
                "pitch_deg": 40.0, "focal_px": 100.0, "centre_px": [50.0, 50.0],
                "radial": [0.0, 0.0, 0.0], "floor_from_image": [0.1, 0, 0, 0, 0.1, 0, 0, 0, 1]}},
            {"id": 8, "file_name": "b.jpg", "split": "train"},
            {"id": 9, "file_name": "c.jpg", "source": "lobby"}
        ],
        "annotations": [
            {"image_id": 7, "bbox": [1, 2, 3, 4], "foot": [20, 30], "visible": 0.5},
            {"image_id": 9, "bbox": [1, 2, 3, 4], "iscrowd": 1}
        ]
    }"#;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("annotations.json"), text).unwrap();
        folder
    }

    #[test]
    fn pictures_of_the_split_come_with_their_people() {
        let folder = folder_with(LABELS);
        let found = read(folder.path(), "val").unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|p| (p.name.as_str(), p.source.as_str()))
            .collect();
        assert_eq!(names, [("a.jpg", "rendered"), ("c.jpg", "lobby")]);
        assert_eq!(found[0].people[0].bbox, BoxInImage::new(1.0, 2.0, 4.0, 6.0));
        let foot = found[0].details[0].foot.unwrap();
        let floor = found[0]
            .camera
            .as_ref()
            .unwrap()
            .floor_from_image(foot)
            .unwrap();
        assert!((floor.x - 2.0).abs() < 1e-9 && (floor.y - 3.0).abs() < 1e-9);
        assert!(found[1].people[0].is_ignored);
    }

    #[track_caller]
    fn refused(text: &str, split: &str, expect: &str) {
        let folder = folder_with(text);
        let message = read(folder.path(), split).unwrap_err();
        assert!(message.contains("annotations.json: "), "{message}");
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        refused("{", "val", "EOF");
        let stray = LABELS.replace("\"image_id\": 9", "\"image_id\": 4");
        refused(&stray, "val", "annotations[1] is of image 4");
        let twice = LABELS.replace("\"id\": 8", "\"id\": 7");
        refused(&twice, "val", "images[1].id: 7 is given twice");
        let corners = LABELS.replace("[1, 2, 3, 4], \"iscrowd\"", "[3, 4, -2, -2], \"iscrowd\"");
        refused(&corners, "val", "annotations[1].bbox: -2 wide and -2 high");
        let only = LABELS.replace(", \"source\": \"lobby\"", ", \"split\": \"train\"");
        refused(&only, "test", "no image has split \"test\"");
    }
}
