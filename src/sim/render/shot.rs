//! Pictures by chance: a hall, a camera and a handful of people, for measuring and training.
//!
//! A [`ShotPlan`] says within which bounds; [`ShotPlan::take`] throws the dice. One scene serves
//! several moments, because casting the empty room costs more than drawing people into it.
//! People stand where the floor is seen and free, alone, in pairs or in crowds around the door,
//! and look about as people do: most towards where they go.

use serde::{Deserialize, Serialize};

use super::{Camera, Figure, Lamp, Layout, Moment, Scene, Sensor, Spectrum};
use crate::detection::PointInImage;
use crate::sim::body::{Action, Build, Carried, Dice, Outfit, Stance, walking};

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
    /// Number of people.
    pub people: (usize, usize),
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
            crowding: 0.15,
            any_roll: 0.0,
            spectra: vec![(Spectrum::Visible, 1.0)],
            wide_lenses: 0.0,
            children: 0.0,
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
            pitch_rad: (0.26, 1.5708),
            span_rad: (0.8, 1.9),
            people: (0, 12),
            crowding: 0.45,
            any_roll: 0.1,
            spectra: vec![
                (Spectrum::Visible, 0.62),
                (Spectrum::Grey, 0.12),
                (Spectrum::NearInfrared, 0.22),
                (Spectrum::Thermal, 0.04),
            ],
            wide_lenses: 0.2,
            children: 0.06,
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
}

impl ShotPlan {
    /// One camera and `moments` pictures of it. The same seed, the same shot.
    pub fn take(&self, seed: u64, moments: usize) -> Shot {
        let mut dice = Dice::new(seed);
        let scene = self.scene(&mut dice);
        let moments = (0..moments)
            .map(|_| self.moment(&mut dice, &scene))
            .collect();
        Shot { scene, moments }
    }

    fn scene(&self, dice: &mut Dice) -> Scene {
        let mut range = |(a, b): (f64, f64)| f64::from(dice.range(a as f32, b as f32));
        let height = range(self.height_m);
        let pitch = range(self.pitch_rad);
        let span = range(self.span_rad);
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
            f64::from(dice.range(-3.14, 3.14))
        } else {
            f64::from(0.02 * dice.normal())
        };
        if dice.chance(self.wide_lenses) {
            let k1 = f64::from(dice.range(-0.30, -0.15));
            camera.lens.radial = [k1, 0.28 * k1 * k1, 0.0];
        } else if dice.chance(0.5) {
            camera.lens.radial = [f64::from(dice.range(-0.12, 0.02)), 0.01, 0.0];
        }
        let mut scene = layout.scene(camera, self.sensor(dice));
        if dice.chance(0.5) {
            scene.doors.iter_mut().for_each(|d| d.reader_m = None);
        }
        scene
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
        }
    }

    fn moment(&self, dice: &mut Dice, scene: &Scene) -> Moment {
        let (least, most) = self.people;
        let count = least + dice.below(most + 1 - least.min(most));
        let mut figures: Vec<Figure> = Vec::with_capacity(count);
        // Many throws miss: walls, furniture, others.
        for _ in 0..60 * count {
            if figures.len() >= count {
                break;
            }
            let Some(at) = self.place(dice, scene, &figures) else {
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
    fn place(&self, dice: &mut Dice, scene: &Scene, figures: &[Figure]) -> Option<[f64; 2]> {
        let camera = &scene.camera;
        let close = !figures.is_empty() && dice.chance(self.crowding);
        let at = if close {
            let friend = figures[dice.below(figures.len())].pose.at;
            let (turn, gap) = (
                f64::from(dice.range(-3.14, 3.14)),
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
        if taken || far > 12.0 || (far < 0.5 && eye[2] < 2.6) || !scene.is_free(at, 0.28) {
            return None;
        }
        Some(at)
    }

    fn figure(&self, dice: &mut Dice, at: [f64; 2], id: u32) -> Figure {
        let mut build = Build::random(dice);
        if dice.chance(self.children) {
            build.height_m = dice.range(1.05, 1.45);
            build.girth *= 0.92;
            build.belly *= 0.5;
        }
        let outfit = Outfit::random(dice, build.feminine);
        let through = if dice.chance(0.5) { 1.571 } else { -1.571 };
        let heading_rad = if dice.chance(0.6) {
            through + 0.45 * dice.normal()
        } else {
            dice.range(-3.14, 3.14)
        };
        let moves = dice.chance(0.7);
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

/// What somebody does with their hands, given what they carry.
pub fn any_action(dice: &mut Dice, outfit: &Outfit) -> Action {
    for thing in &outfit.carried {
        match thing {
            Carried::Box => return Action::Carry,
            Carried::Cart => return Action::Push,
            Carried::Wheelchair => return Action::Sit,
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
