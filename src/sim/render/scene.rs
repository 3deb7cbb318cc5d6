//! What the renderer is given: what stays, and what changes from frame to frame.

use serde::{Deserialize, Serialize};

use super::room::Cast;
use super::{Camera, Door, Finish, Material, Room, Sensor, Solid, Spectrum};
use crate::sim::body::{Build, Outfit, Pose, v3};

/// A round lamp in the ceiling, or a window taken as one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Light {
    /// Where, m.
    pub at_m: [f32; 3],
    /// Radius of the shining disc, m: larger lamps cast softer shadows.
    pub radius_m: f32,
    /// Colour and strength: irradiance straight below at a distance of one metre.
    pub power: [f32; 3],
    /// Whether a shining panel is drawn there.
    pub shown: bool,
}

/// What stays: the renderer keeps a picture of it without people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Floor, walls, furniture.
    pub room: Room,
    /// Door leaves and readers.
    pub doors: Vec<Door>,
    /// Lamps.
    pub lights: Vec<Light>,
    /// Light from everywhere, from above; from below it takes the floor's colour.
    pub ambient: [f32; 3],
    /// The camera.
    pub camera: Camera,
    /// How the camera's sensor sees.
    pub sensor: Sensor,
}

impl Scene {
    /// Puts lamps where the sensor's kind of light comes from, and panels where lamps are shown.
    pub(super) fn prepare(&mut self) {
        match self.sensor.spectrum {
            Spectrum::Visible | Spectrum::Grey => {}
            Spectrum::NearInfrared => {
                let [x, y, z] = self.camera.position_m.map(|v| v as f32);
                // The ring of diodes: small, at the lens, twelve times a lamp's share nearby.
                self.lights = vec![Light {
                    at_m: [x, y, z + 0.05],
                    radius_m: 0.06,
                    power: [9.0; 3],
                    shown: false,
                }];
                self.ambient = [0.10; 3];
            }
            Spectrum::Thermal => {
                self.lights.clear();
                self.ambient = [1.0; 3];
            }
        }
        let Some((ceiling, _)) = self.room.ceiling else {
            return;
        };
        for light in self.lights.iter().filter(|l| l.shown) {
            let half = light.radius_m * 0.88;
            let peak = light.power.iter().fold(1e-3_f32, |a, b| a.max(*b));
            let colour = light.power.map(|p| (255.0 * p / peak) as u8);
            let material = Material {
                finish: Finish::Glow,
                ..Material::paint(colour)
            };
            let at = [light.at_m[0], light.at_m[1], ceiling - 0.01];
            self.room
                .solids
                .push(Solid::new(at, [half, half, 0.012], material));
        }
    }
}

/// Whether somebody of this radius can stand at a floor point: no wall, no furniture there.
pub(super) fn is_free(casts: &[Cast], at: [f64; 2], radius_m: f32) -> bool {
    casts.iter().all(|c| {
        let overhead = c.at.z - c.half.z > 1.9;
        let flat = c.at.z + c.half.z < 0.03;
        let p = v3(at[0] as f32, at[1] as f32, c.at.z);
        overhead || flat || c.distance(p) >= radius_m
    })
}

/// One person in one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Name of the person in the truth.
    pub id: u32,
    /// Proportions.
    pub build: Build,
    /// Clothes.
    pub outfit: Outfit,
    /// Joint angles.
    pub pose: Pose,
}

/// What changes from frame to frame.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// Everybody.
    pub figures: Vec<Figure>,
    /// How far each door of the scene is open, rad; missing ones are shut.
    pub door_angles_rad: Vec<f32>,
    /// Lamp on each door's reader: off, granted, denied; missing ones are off.
    pub reader_lamps: Vec<Lamp>,
    /// Seed of the sensor's noise: the frame's number.
    pub noise_seed: u32,
}

/// What a reader shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lamp {
    /// A dim blue stand-by light.
    #[default]
    Off,
    /// Green.
    Granted,
    /// Red.
    Denied,
}
