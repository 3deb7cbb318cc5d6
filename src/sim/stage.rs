//! From a scene script to what the renderer draws: the hall, the people, the door that swings.
//!
//! Theory: a script's walkers are ground truth; here they get a body, clothes and a gait, and the
//! door gets a leaf that opens for whoever comes near. The camera is the script's own, so the
//! calibration of [`super::camera::SceneCamera`] is exact for the pictures.

use super::body::{Build, Carried, Dice, Outfit, Stance, stride_m, walking};
use super::render::{Camera, Doorway, Figure, Lamp, Layout, Moment, Renderer, Sensor};
use super::script::{CameraSetup, Scene, SceneEvent, Walker};
use crate::access::AccessKind;
use crate::detection::PointInImage;
use crate::floor::{Lens, PointInFloor};

/// A leaf opens for somebody this near to the middle of the doorway, m.
const LEAF_REACH_M: f64 = 1.15;
/// How far it opens, radians.
const LEAF_OPEN_RAD: f32 = 1.65;
/// How fast it swings, radians a second.
const LEAF_SPEED_RAD_S: f64 = 3.2;
/// A reader's lamp shows green or red for this long, s.
const LAMP_S: f64 = 1.5;
/// The hall reaches this far beyond the grid, m.
const HALL_MARGIN_M: f64 = 1.5;
/// Clear width beside a portal's line, m: the frame of a doorway.
const FRAME_M: f64 = 0.06;

/// A scene ready to be rendered, moment by moment.
pub struct Stage<'a> {
    scene: &'a Scene,
    renderer: Renderer,
    cast: Vec<(Build, Outfit, u32)>,
    doorways: Vec<PointInFloor>,
}

impl<'a> Stage<'a> {
    /// Builds the hall and dresses the people; `scene.noise.seed` decides how they look.
    pub fn new(scene: &'a Scene) -> Self {
        let doorways: Vec<PointInFloor> =
            scene.doors.iter().map(|door| middle(&door.line)).collect();
        let (min, max) = scene.grid;
        let widest = min.x.abs().max(max.x.abs());
        let layout = Layout {
            width_m: (2.0 * widest + HALL_MARGIN_M) as f32,
            outside_m: (HALL_MARGIN_M - min.y.min(scene.camera.at.y)) as f32,
            inside_m: (HALL_MARGIN_M + max.y) as f32,
            ceiling_m: 3.4,
            doorways: scene
                .doors
                .iter()
                .map(|door| doorway(&door.line, scene.look.leaf))
                .collect(),
            seed: scene.look.room,
            keep_free: vec![[0.0, 0.0, widest as f32, 20.0]],
        };
        let renderer = Renderer::new(layout.scene(camera(&scene.camera), Sensor::default()));
        let cast = (0_u64..).zip(&scene.walkers).map(|(index, walker)| {
            let mut dice = Dice::new(scene.look.people.wrapping_mul(1_000).wrapping_add(index));
            let mut build = Build::random(&mut dice);
            build.height_m = walker.height_m as f32;
            let mut outfit = Outfit::random(&mut dice, build.feminine);
            // Trolleys and boxes are for detectors to learn, not for a first demonstration.
            outfit
                .carried
                .retain(|thing| !matches!(thing, Carried::Box));
            (build, outfit, dice.bits())
        });
        Self {
            scene,
            renderer,
            cast: cast.collect(),
            doorways,
        }
    }

    /// The renderer; share it by reference between threads.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// What there is at each frame's time, in order: the door's swing depends on what was before.
    pub fn moments(&self, times_s: &[f64]) -> Vec<Moment> {
        let mut angles = vec![0.0_f64; self.doorways.len()];
        let mut before = 0.0;
        let mut moments = Vec::with_capacity(times_s.len());
        for (number, time_s) in times_s.iter().enumerate() {
            let step = LEAF_SPEED_RAD_S * (time_s - before);
            before = *time_s;
            for (door, angle) in self.doorways.iter().zip(&mut angles) {
                let near = |walker: &Walker| {
                    walker
                        .stance(*time_s)
                        .is_some_and(|s| s.at.distance(*door) < LEAF_REACH_M)
                };
                let open = self.scene.walkers.iter().any(near);
                let goal = if open { f64::from(LEAF_OPEN_RAD) } else { 0.0 };
                *angle += (goal - *angle).clamp(-step, step);
            }
            moments.push(Moment {
                figures: self.figures(*time_s),
                door_angles_rad: angles.iter().map(|angle| *angle as f32).collect(),
                reader_lamps: (0..self.doorways.len())
                    .map(|door| self.lamp(door, *time_s))
                    .collect(),
                noise_seed: number as u32,
            });
        }
        moments
    }

    fn figures(&self, time_s: f64) -> Vec<Figure> {
        let people = (0_u32..).zip(self.scene.walkers.iter().zip(&self.cast));
        people
            .filter_map(|(id, (walker, (build, outfit, manner)))| {
                let stance = walker.stance(time_s)?;
                let stride = f64::from(stride_m(build, stance.speed as f32)).max(0.1);
                let stance = Stance {
                    at: [stance.at.x, stance.at.y],
                    heading_rad: stance.heading_rad as f32,
                    speed_mps: stance.speed as f32,
                    phase: (stance.walked_m / stride).fract() as f32,
                    time_s: time_s as f32,
                    manner: *manner,
                    ..Stance::default()
                };
                let pose = walking(build, &stance);
                Some(Figure {
                    id,
                    build: *build,
                    outfit: outfit.clone(),
                    pose,
                })
            })
            .collect()
    }

    fn lamp(&self, door: usize, time_s: f64) -> Lamp {
        let recent = self.scene.events.iter().rev().find_map(|event| {
            let SceneEvent::Access {
                kind, door: name, ..
            } = &event.what
            else {
                return None;
            };
            let here = match name {
                Some(name) => self.scene.doors.get(door).is_some_and(|d| d.name == *name),
                None => door == 0,
            };
            let fresh = (0.0..LAMP_S).contains(&(time_s - event.at_s));
            match (here && fresh, kind) {
                (true, AccessKind::Granted) => Some(Lamp::Granted),
                (true, AccessKind::Denied) => Some(Lamp::Denied),
                _ => None,
            }
        });
        recent.unwrap_or_default()
    }
}

/// The script's camera as the renderer's: its yaw turns from +y to the right, the renderer's from
/// +x to the left.
fn camera(setup: &CameraSetup) -> Camera {
    let (width, height) = setup.size_px;
    Camera {
        position_m: [setup.at.x, setup.at.y, setup.height_m],
        yaw_rad: std::f64::consts::FRAC_PI_2 - setup.yaw_deg.to_radians(),
        pitch_rad: setup.pitch_deg.to_radians(),
        roll_rad: setup.roll_deg.to_radians(),
        width_px: width,
        height_px: height,
        lens: Lens {
            focal_px: setup.focal_px,
            centre: PointInImage {
                x: 0.5 * f64::from(width),
                y: 0.5 * f64::from(height),
            },
            radial: [setup.k1, 0.0, 0.0],
            tangential: [0.0; 2],
        },
    }
}

fn doorway(line: &[PointInFloor], leaf: bool) -> Doorway {
    let width = match line {
        [first, .., last] => first.distance(*last),
        _ => 1.0,
    };
    Doorway {
        x_m: middle(line).x as f32,
        width_m: (width + 2.0 * FRAME_M) as f32,
        height_m: 2.15,
        leaf,
    }
}

fn middle(line: &[PointInFloor]) -> PointInFloor {
    match line {
        [first, .., last] => first.lerp(*last, 0.5),
        _ => PointInFloor::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::camera::SceneCamera;
    use super::super::script::parse;
    use super::*;

    #[test]
    fn the_renderers_camera_is_the_scripts_camera() {
        let scene = parse(
            "scene cameras agree\ncamera at (1.5,-5) height 3.1 pitch 27 yaw -14 roll 3 focal 700 \
             size 640x480 k1 -0.08",
        )
        .unwrap();
        let (ours, theirs) = (SceneCamera::new(&scene.camera), camera(&scene.camera));
        for (x, y, height) in [(0.0, 0.0, 0.0), (-1.0, 2.0, 1.7), (2.0, -2.0, 0.3)] {
            let at = PointInFloor { x, y };
            let (a, b) = (
                ours.project(at, height).unwrap(),
                theirs.image_from_floor(at, height).unwrap(),
            );
            assert!(a.distance(b) < 1e-6, "{a:?} is not {b:?}");
        }
    }

    #[test]
    fn a_leaf_opens_for_who_comes_near_and_shuts_behind_them() {
        let scene = parse("scene door\nwalker ann path (0,-3) (0,3)").unwrap();
        let stage = Stage::new(&scene);
        let times: Vec<f64> = (0..90).map(|frame| f64::from(frame) / 15.0).collect();
        let angles: Vec<f32> = stage
            .moments(&times)
            .iter()
            .map(|moment| moment.door_angles_rad[0])
            .collect();
        assert!(angles[0].abs() < 1e-6 && angles[89].abs() < 1e-6);
        assert!(angles.iter().any(|angle| *angle > 1.5));
    }
}
