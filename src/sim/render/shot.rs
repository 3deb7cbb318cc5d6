//! Pictures by chance: a hall, a camera and a handful of people, for measuring and training.
//!
//! A [`ShotPlan`] says within which bounds; [`ShotPlan::take`] throws the dice. One scene serves
//! several moments, because casting the empty room costs more than drawing people into it.
//! People stand where the floor is seen and free, alone, in pairs or in crowds around the door,
//! and look about as people do: most towards where they go.

use std::f32::consts::PI;

use serde::{Deserialize, Serialize};

use super::room::Cast;
use super::scene::is_free;
use super::{Camera, Figure, Lamp, Layout, Light, Moment, Scene, Sensor, Spectrum};
use crate::detection::PointInImage;
use crate::sim::body::{Action, Build, Carried, Dice, Outfit, Stance, Vec3, v3, walking};

/// Throws for a place before a person is given up: walls, furniture and others are hit often.
const THROWS: usize = 60;
/// Share of people who may stand where a wall hides them from the camera.
const BEHIND_WALLS: f32 = 0.06;
/// Where a bent lens's picture folds back, as a share of what its first term allows: with
/// `k2 = 0.28 k1^2` the radius stops growing where `-k1 u^2 = 0.413`, at `r = 0.635 u`.
const FOLD: (f64, f64) = (0.413, 0.60);

/// Bounds of chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShotPlan {
    /// Size of the picture, px.
    pub size_px: (u32, u32),
    /// Height of the camera, m.
    pub height_m: (f64, f64),
    /// Angle of its axis below the horizon, rad.
    pub pitch_rad: (f64, f64),
    /// Angle from side to side of the picture, rad.
    pub span_rad: (f64, f64),
    /// Number of people in a picture that is not empty.
    pub people: (usize, usize),
    /// Share of pictures without anybody.
    pub empty: f32,
    /// Share of rooms with little light: noise, dull colours.
    pub dim: f32,
    /// Share of rooms with the sun behind the door, wet-looking floors, haze in the lens.
    pub glare: f32,
    /// Share of people who stand close to another.
    pub crowding: f32,
    /// Share of cameras turned about their axis by any angle: ceiling cameras have no upright.
    pub any_roll: f32,
    /// Kinds of light and how often.
    pub spectra: Vec<(Spectrum, f32)>,
    /// Share of lenses that bend strongly (wide angle).
    pub wide_lenses: f32,
    /// Share of people who are children.
    pub children: f32,
    /// Share of people who sit on office chairs, most of them at desks.
    pub seated: f32,
}

impl Default for ShotPlan {
    /// Door cameras as they usually hang.
    fn default() -> Self {
        Self {
            size_px: (640, 360),
            height_m: (2.5, 4.0),
            pitch_rad: (0.26, 0.79),
            span_rad: (0.96, 1.40),
            people: (1, 4),
            empty: 0.0,
            dim: 0.0,
            glare: 0.0,
            crowding: 0.15,
            any_roll: 0.0,
            spectra: vec![(Spectrum::Visible, 1.0)],
            wide_lenses: 0.0,
            children: 0.0,
            seated: 0.0,
        }
    }
}

impl ShotPlan {
    /// Everything a detector at doors must stand: low and high, flat and straight down, day and
    /// night, alone and crowded.
    pub fn training(size_px: (u32, u32)) -> Self {
        Self {
            size_px,
            height_m: (2.2, 6.0),
            pitch_rad: (0.26, std::f64::consts::FRAC_PI_2),
            span_rad: (0.8, 1.9),
            people: (1, 8),
            empty: 0.1,
            dim: 0.2,
            glare: 0.2,
            crowding: 0.45,
            any_roll: 0.1,
            spectra: vec![
                (Spectrum::Visible, 0.62),
                (Spectrum::Grey, 0.12),
                (Spectrum::NearInfrared, 0.22),
                (Spectrum::Thermal, 0.04),
            ],
            wide_lenses: 0.2,
            children: 0.08,
            seated: 0.10,
        }
    }
}

/// What chance made.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// The place and the camera.
    pub scene: Scene,
    /// Different people at different moments before the same camera.
    pub moments: Vec<Moment>,
    /// Whether the room has little light.
    pub dim: bool,
}

/// Throws for a camera that sees floor, and how much of the picture shall show it.
const CAMERAS: usize = 8;
const LEAST_FLOOR: f32 = 0.3;

impl ShotPlan {
    /// One camera and `moments` pictures of it. The same seed, the same shot.
    pub fn take(&self, seed: u64, moments: usize) -> Shot {
        let mut dice = Dice::new(seed);
        let mut range = |(a, b): (f64, f64)| f64::from(dice.range(a as f32, b as f32));
        // Kept for all throws: else flat cameras, which see more wall, would become rare.
        let view = [self.height_m, self.pitch_rad, self.span_rad].map(&mut range);
        let (mut scene, mut dim) = self.scene(&mut dice, view);
        let mut casts = scene.room.casts();
        for _ in 0..CAMERAS {
            if floor_share(&scene, &casts) > LEAST_FLOOR {
                break;
            }
            (scene, dim) = self.scene(&mut dice, view);
            casts = scene.room.casts();
        }
        let moments = (0..moments)
            .map(|_| self.moment(&mut dice, &scene, &casts))
            .collect();
        Shot {
            scene,
            moments,
            dim,
        }
    }

    /// A place and a camera, and whether it has little light.
    fn scene(&self, dice: &mut Dice, [height, pitch, span]: [f64; 3]) -> (Scene, bool) {
        let mut layout = Layout::random(dice);
        // The axis meets the floor near the door; the camera hangs where that puts it.
        let target = [
            f64::from(dice.range(-0.9, 0.9)),
            f64::from(dice.range(-2.6, 1.6)),
        ];
        let side = if dice.chance(0.65) { 1.0 } else { -1.0 };
        let yaw = side * std::f64::consts::FRAC_PI_2 + f64::from(0.35 * dice.normal());
        // A high camera that looks flat would see walls only: halls are not that long.
        let pitch = pitch.max((height - 0.9).atan2(7.0));
        let back = (height / pitch.tan()).min(7.0);
        let half = f64::from(layout.width_m) * 0.5 - 0.25;
        let x = (target[0] - back * yaw.cos()).clamp(-half, half);
        let mut y = target[1] - back * yaw.sin();
        if y.abs() < 0.35 {
            y = if y < 0.0 { -0.35 } else { 0.35 };
        }
        layout.outside_m = layout.outside_m.max(0.3 - y as f32);
        layout.inside_m = layout.inside_m.max(0.3 + y as f32);
        let mut camera = Camera::new([x, y, height], yaw, pitch, self.size_px, span);
        camera.roll_rad = if dice.chance(self.any_roll) {
            f64::from(dice.range(-PI, PI))
        } else {
            f64::from(0.02 * dice.normal())
        };
        if dice.chance(self.wide_lenses) {
            bend(&mut camera, dice.range(-0.30, -0.15));
        } else if dice.chance(0.5) {
            bend(&mut camera, dice.range(-0.12, 0.02));
        }
        let mut scene = layout.scene(camera, self.sensor(dice));
        if dice.chance(0.5) {
            scene.doors.iter_mut().for_each(|d| d.reader_m = None);
        }
        let lamps_matter = matches!(scene.sensor.spectrum, Spectrum::Visible | Spectrum::Grey);
        let dim = lamps_matter && dice.chance(self.dim);
        if dim {
            darken(&mut scene, dice);
        }
        if dice.chance(self.glare) {
            dazzle(&mut scene, dice, layout.inside_m);
        }
        (scene, dim)
    }

    fn sensor(&self, dice: &mut Dice) -> Sensor {
        let spectrum = dice.weighted(&self.spectra);
        let dark = spectrum == Spectrum::NearInfrared;
        Sensor {
            spectrum,
            exposure_stops: 0.35 * dice.normal(),
            vignette: dice.range(0.0, if dark { 0.7 } else { 0.4 }),
            blur_px: dice.range(0.3, 0.9),
            sharpen: dice.range(0.0, 0.6),
            noise: dice.range(1.0, 6.0) * if dark { 1.5 } else { 1.0 },
            balance: [1.0 + 0.04 * dice.normal(), 1.0, 1.0 + 0.05 * dice.normal()],
            saturation: dice.range(0.6, 1.05),
            contrast: dice.range(0.9, 1.15),
            ..Sensor::default()
        }
    }

    fn moment(&self, dice: &mut Dice, scene: &Scene, casts: &[Cast]) -> Moment {
        let (least, most) = self.people;
        let count = if dice.chance(self.empty) {
            0
        } else {
            least + dice.below(most + 1 - least.min(most))
        };
        let mut figures: Vec<Figure> = Vec::with_capacity(count);
        for _ in 0..THROWS * count {
            if figures.len() >= count {
                break;
            }
            let Some(at) = self.place(dice, scene, casts, &figures) else {
                continue;
            };
            figures.push(self.figure(dice, at, figures.len() as u32 + 1));
        }
        let lamps = [Lamp::Off, Lamp::Granted, Lamp::Denied];
        Moment {
            figures,
            door_angles_rad: scene.doors.iter().map(|_| dice.range(0.0, 1.6)).collect(),
            reader_lamps: scene.doors.iter().map(|_| dice.pick(&lamps)).collect(),
            noise_seed: dice.bits(),
        }
    }

    /// A free place on the floor that the camera sees.
    fn place(
        &self,
        dice: &mut Dice,
        scene: &Scene,
        casts: &[Cast],
        figures: &[Figure],
    ) -> Option<[f64; 2]> {
        let camera = &scene.camera;
        let close = !figures.is_empty() && dice.chance(self.crowding);
        let at = if close {
            let friend = figures[dice.below(figures.len())].pose.at;
            let (turn, gap) = (
                f64::from(dice.range(-PI, PI)),
                f64::from(dice.range(0.42, 0.8)),
            );
            [friend[0] + gap * turn.cos(), friend[1] + gap * turn.sin()]
        } else {
            let pixel = PointInImage {
                x: f64::from(dice.range(0.02, 0.98)) * f64::from(camera.width_px),
                y: f64::from(dice.range(0.02, 1.1)) * f64::from(camera.height_px),
            };
            let floor = camera.floor_from_image(pixel)?;
            [floor.x, floor.y]
        };
        let gap = |b: [f64; 2]| (b[0] - at[0]).hypot(b[1] - at[1]);
        let eye = camera.position_m;
        let far = gap([eye[0], eye[1]]);
        let taken = figures.iter().any(|f| gap(f.pose.at) < 0.40);
        // Who stands under a low camera fills the picture with hair.
        if taken || far > 12.0 || (far < 0.5 && eye[2] < 2.6) || !is_free(casts, at, 0.28) {
            return None;
        }
        (shows(scene, casts, at) || dice.chance(BEHIND_WALLS)).then_some(at)
    }

    fn figure(&self, dice: &mut Dice, at: [f64; 2], id: u32) -> Figure {
        let mut build = Build::random(dice);
        if dice.chance(self.children) {
            build.height_m = dice.range(1.05, 1.45);
            build.girth *= 0.92;
            build.belly *= 0.5;
        }
        let mut outfit = Outfit::random(dice, build.feminine);
        let seated = self.seated > 0.0 && dice.chance(self.seated);
        if seated {
            outfit.carried = vec![Carried::Chair];
            if dice.chance(0.7) {
                outfit.carried.push(Carried::Desk);
            }
        }
        let through = if dice.chance(0.5) { 1.571 } else { -1.571 };
        let heading_rad = if dice.chance(0.6) {
            through + 0.45 * dice.normal()
        } else {
            dice.range(-PI, PI)
        };
        let moves = !seated && dice.chance(0.7);
        let stance = Stance {
            at,
            heading_rad,
            speed_mps: if moves { dice.range(0.5, 1.7) } else { 0.0 },
            phase: dice.unit(),
            time_s: dice.range(0.0, 10.0),
            manner: dice.bits(),
            action: any_action(dice, &outfit),
            look: [0.3 * dice.normal(), 0.12 * dice.normal()],
        };
        Figure {
            id,
            pose: walking(&build, &stance),
            build,
            outfit,
        }
    }
}

/// Bends a lens by its first term, or by as much of it as the picture's corners bear.
fn bend(camera: &mut Camera, k1: f32) {
    let half = f64::from(camera.width_px).hypot(f64::from(camera.height_px)) * 0.5;
    let corner = half / camera.lens.focal_px;
    let k1 = f64::from(k1).max(-FOLD.0 * (FOLD.1 / corner).powi(2));
    camera.lens.radial = [k1, 0.28 * k1 * k1, 0.0];
}

/// The share of the picture that shows floor.
fn floor_share(scene: &Scene, casts: &[Cast]) -> f32 {
    let camera = &scene.camera;
    let [x, y, z] = camera.position_m.map(|v| v as f32);
    let eye = v3(x, y, z);
    let (across, down) = (10, 6);
    let seen = (0..across * down).filter(|i| {
        let at = PointInImage {
            x: (f64::from(i % across) + 0.5) / f64::from(across) * f64::from(camera.width_px),
            y: (f64::from(i / across) + 0.5) / f64::from(down) * f64::from(camera.height_px),
        };
        camera.floor_from_image(at).is_some_and(|p| {
            let ray = v3(p.x as f32, p.y as f32, 0.03) - eye;
            casts
                .iter()
                .all(|c| c.meet(eye, ray).is_none_or(|(t, _)| t > 1.0))
        })
    });
    seen.count() as f32 / (across * down) as f32
}

/// Whether nothing of the room stands between the camera and somebody's chest.
fn shows(scene: &Scene, casts: &[Cast], at: [f64; 2]) -> bool {
    let [x, y, z] = scene.camera.position_m.map(|v| v as f32);
    let eye = v3(x, y, z);
    let ray: Vec3 = v3(at[0] as f32, at[1] as f32, 1.2) - eye;
    casts
        .iter()
        .all(|c| c.meet(eye, ray).is_none_or(|(t, _)| t > 1.0))
}

/// Evening: few lamps, a sensor at its limit.
fn darken(scene: &mut Scene, dice: &mut Dice) {
    let keep = dice.below(scene.lights.len().max(1));
    for (i, light) in scene.lights.iter_mut().enumerate() {
        let k = if i == keep {
            1.0
        } else {
            dice.range(0.0, 0.25)
        };
        light.power = light.power.map(|p| p * k);
    }
    let level = dice.range(0.08, 0.3);
    scene.ambient = scene.ambient.map(|a| a * level);
    scene.sensor.exposure_stops -= dice.range(0.7, 2.2);
    scene.sensor.noise += dice.range(1.0, 7.0);
    scene.sensor.saturation *= dice.range(0.35, 0.9);
}

/// Sun behind the door or in the lens, lamps that show in the floor.
fn dazzle(scene: &mut Scene, dice: &mut Dice, inside_m: f32) {
    scene.sensor.haze = dice.range(0.05, 0.4);
    scene.room.floor_gloss = dice.range(0.1, 0.9);
    if dice.chance(0.6) {
        // Daylight behind the doors: who comes through them is a dark shape.
        let k = dice.range(20.0, 70.0);
        scene.lights.push(Light {
            at_m: [dice.range(-1.0, 1.0), 0.7 * inside_m, 2.2],
            radius_m: 0.8,
            power: [k, k, 1.1 * k],
            shown: false,
        });
    }
}

/// What somebody does with their hands, given what they carry.
pub fn any_action(dice: &mut Dice, outfit: &Outfit) -> Action {
    for thing in &outfit.carried {
        match thing {
            Carried::Box => return Action::Carry,
            Carried::Cart => return Action::Push,
            Carried::Wheelchair => return Action::Sit,
            Carried::Chair => return Action::Desk,
            Carried::Umbrella => return Action::Raise,
            Carried::Cup | Carried::Tablet => return Action::Hold,
            Carried::Phone => return dice.pick(&[Action::Phone, Action::Read, Action::Hold]),
            _ => {}
        }
    }
    dice.weighted(&[
        (Action::Free, 7.0),
        (Action::Pockets, 0.6),
        (Action::Crossed, 0.3),
        (Action::Phone, 0.2),
    ])
}
