//! Puts a moment before the empty room: draws, lights, shades, and keeps the truth.

use super::actor::Actor;
use super::backdrop::Backdrop;
use super::camera::Projector;
use super::light::{Source, WallLine};
use super::picture::Picture;
use super::scene::{Figure, Moment, Scene};
use super::sensor::Spectrum;
use super::truth::{FrameTruth, PersonTruth, Shown};
use crate::detection::BoxInImage;
use crate::floor::PointInFloor;
use crate::sim::body::{Skeleton, Vec3};

/// Samples along the side of a pixel, unless told otherwise.
const SAMPLES: usize = 2;
/// A rendered frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What the camera delivers.
    pub picture: Picture,
    /// What is true of it.
    pub truth: FrameTruth,
    /// Who owns each sample: 0 the room, `i + 1` figure `i` of the moment (with what it carries),
    /// `u16::MAX` a door. Rows of `samples * width`.
    pub owners: Vec<u16>,
    /// Samples along the side of a pixel.
    pub samples: u32,
}

/// A scene made ready: the empty room is cast and kept. Share it by reference between threads.
#[derive(Debug, Clone)]
pub struct Renderer {
    pub(super) scene: Scene,
    pub(super) sources: Vec<Source>,
    pub(super) walls: Vec<WallLine>,
    pub(super) projector: Projector,
    pub(super) backdrop: Backdrop,
    gain: f32,
    pub(super) samples: usize,
}

impl Renderer {
    /// Casts the empty room with two by two samples a pixel.
    pub fn new(scene: Scene) -> Self {
        Self::with_samples(scene, SAMPLES)
    }

    /// Casts the empty room with `samples` by `samples` samples a pixel (1 to 4).
    pub fn with_samples(mut scene: Scene, samples: usize) -> Self {
        let samples = samples.clamp(1, 4);
        scene.prepare();
        let sources: Vec<Source> = scene.lights.iter().map(Source::new).collect();
        let backdrop = Backdrop::new(&scene, &sources, samples);
        let gain = scene.sensor.gain(&backdrop.colour);
        Self {
            walls: scene.room.walls.iter().map(WallLine::new).collect(),
            projector: Projector::new(&scene.camera),
            gain,
            sources,
            backdrop,
            samples,
            scene,
        }
    }

    /// The scene, as it is lit (night mode has lamps of its own).
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Renders a moment.
    pub fn render(&self, moment: &Moment) -> Frame {
        self.render_exposure(std::slice::from_ref(moment))
    }

    /// Renders one picture of several moments within one exposure: what moves is blurred. Truth
    /// and owners are those of the middle moment; an empty slice gives the empty room.
    pub fn render_exposure(&self, moments: &[Moment]) -> Frame {
        let nobody = [Moment::default()];
        let moments = if moments.is_empty() { &nobody } else { moments };
        let middle = moments.len() / 2;
        let mut light: Vec<[f32; 3]> = Vec::new();
        let mut kept = (FrameTruth::default(), Vec::new());
        for (i, moment) in moments.iter().enumerate() {
            let (now, truth, owners) = self.draw(moment);
            if light.is_empty() {
                light = now;
            } else {
                for (sum, c) in light.iter_mut().zip(&now) {
                    for k in 0..3 {
                        sum[k] += c[k];
                    }
                }
            }
            if i == middle {
                kept = (truth, owners);
            }
        }
        let gain = self.gain(&light, moments.len());
        let size = (self.scene.camera.width_px, self.scene.camera.height_px);
        let seed = moments[middle].noise_seed;
        Frame {
            picture: self.scene.sensor.expose(&mut light, size, gain, seed),
            truth: kept.0,
            owners: kept.1,
            samples: self.samples as u32,
        }
    }

    /// Exposure for the sum of `count` pictures. It is fixed for a room, so that a walk through it
    /// does not flicker; only the infrared lamp, which glares on who is near, is turned down.
    fn gain(&self, light: &[[f32; 3]], count: usize) -> f32 {
        let fixed = self.gain / count as f32;
        if self.scene.sensor.spectrum == Spectrum::NearInfrared {
            fixed.min((fixed * self.scene.sensor.gain(light)).sqrt())
        } else {
            fixed
        }
    }

    /// Linear light, truth and owners of a moment.
    fn draw(&self, moment: &Moment) -> (Vec<[f32; 3]>, FrameTruth, Vec<u16>) {
        let mut actors = self.actors(moment);
        let shadows = self.shadows(&actors);
        let owners = self.compose(&actors);
        for i in 0..actors.len() {
            if actors[i].figure.is_some() {
                actors[i].light = self.light_vertices(&actors, i, &shadows, &owners);
            }
        }
        let mut light = self.ground(&actors, &shadows);
        self.shade(&actors, &shadows, &owners, &mut light);
        let truth = self.truth(moment, &actors, &owners);
        let named = |&o: &u16| match o.checked_sub(1).map(|i| actors[usize::from(i)].figure) {
            None => 0,
            Some(Some((i, _))) => i as u16 + 1,
            Some(None) => u16::MAX,
        };
        let owners = owners.iter().map(named).collect();
        (light, truth, owners)
    }

    /// Which actor owns each sample: 0 none, else index + 1.
    fn compose(&self, actors: &[Actor]) -> Vec<u16> {
        let across = (self.backdrop.width * self.samples) as i32;
        let down = (self.backdrop.height * self.samples) as i32;
        let mut owners = vec![0_u16; (across * down) as usize];
        let mut front = self.backdrop.inv.clone();
        for (i, actor) in actors.iter().enumerate() {
            let layer = &actor.layer;
            for y in layer.y0.max(0)..(layer.y0 + layer.height).min(down) {
                for x in layer.x0.max(0)..(layer.x0 + layer.width).min(across) {
                    let from = ((y - layer.y0) * layer.width + x - layer.x0) as usize;
                    let to = (y * across + x) as usize;
                    if layer.inv[from] > front[to] {
                        front[to] = layer.inv[from];
                        owners[to] = i as u16 + 1;
                    }
                }
            }
        }
        owners
    }

    fn truth(&self, moment: &Moment, actors: &[Actor], owners: &[u16]) -> FrameTruth {
        let people = moment
            .figures
            .iter()
            .zip(actors)
            .enumerate()
            .map(|(i, (figure, actor))| self.person_truth(figure, actor, i as u16 + 1, owners))
            .collect();
        FrameTruth { people }
    }

    /// The samples of a body that show, and how many it has in all: also those that lie outside of
    /// the picture.
    fn shown(&self, actor: &Actor, me: u16, owners: &[u16]) -> (Shown, u64) {
        let k = self.samples as i32;
        let across = self.backdrop.width as i32 * k;
        let down = self.backdrop.height as i32 * k;
        let layer = &actor.layer;
        let mut shown = Shown::new(layer.width as usize, layer.height as usize);
        let mut whole = 0;
        for row in 0..layer.height {
            for column in 0..layer.width {
                let i = (row * layer.width + column) as usize;
                if !layer.body[i] {
                    continue;
                }
                whole += 1;
                let (x, y) = (column + layer.x0, row + layer.y0);
                let inside = x >= 0 && y >= 0 && x < across && y < down;
                let before = || actor.surface.part_of(layer.triangle[i]);
                if inside && owners[(y * across + x) as usize] == me && !before().is_furniture() {
                    shown.add(column as usize, row as usize);
                }
            }
        }
        (shown, whole)
    }

    fn person_truth(&self, figure: &Figure, actor: &Actor, me: u16, owners: &[u16]) -> PersonTruth {
        let k = f64::from(self.samples as u32);
        let layer = &actor.layer;
        let (shown, whole) = self.shown(actor, me, owners);
        let count = shown.count as f64;
        let px = |first: i32, samples: usize| (f64::from(first) + samples as f64) / k;
        let visible_box = shown.bounds().map(|[left, top, right, bottom]| {
            BoxInImage::new(
                px(layer.x0, left),
                px(layer.y0, top),
                px(layer.x0, right),
                px(layer.y0, bottom),
            )
        });
        let seen_whole = layer
            .spots
            .iter()
            .zip(actor.surface.parts())
            .all(|(s, part)| s.inv > 0.0 || part.is_thing());
        let [left, top, right, bottom] = layer.extent.map(|v| f64::from(v) / k);
        let pose = &figure.pose;
        let skeleton = Skeleton::new(&figure.build, pose);
        let (crown, chin) = (skeleton.crown, skeleton.head.at);
        let point = |p: [f64; 3]| self.projector.project(p).map(|hit| hit.0);
        let seen = |p: Vec3| point([f64::from(p.x), f64::from(p.y), f64::from(p.z)]);
        PersonTruth {
            id: figure.id,
            visible_box,
            full_box: seen_whole.then(|| BoxInImage::new(left, top, right, bottom)),
            visible_area: count / (k * k),
            visible_share: if whole > 0 { count / whole as f64 } else { 0.0 },
            floor: PointInFloor {
                x: pose.at[0],
                y: pose.at[1],
            },
            foot: point([pose.at[0], pose.at[1], 0.0]),
            head: seen(crown),
            head_middle: seen(chin.lerp(crown, 0.5)),
            head_m: f64::from(crown.z),
        }
    }
}
