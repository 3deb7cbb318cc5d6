//! Ready-made places: a hall, a wall with doors, and what lies behind it, furnished by a seed.
//!
//! The wall with the doors runs along the x axis. Outside (unsecured) is y < 0, inside is y > 0,
//! so that a portal drawn along +x has the inside to its left.

use serde::{Deserialize, Serialize};

use super::{Camera, Door, Finish, LeafStyle, Light, Material, Opening, Room, Scene, Sensor, Wall};
use crate::sim::body::{Dice, Rgb};

/// Where a doorway is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Doorway {
    /// Middle of the opening on the x axis, m.
    pub x_m: f32,
    /// Clear width, m.
    pub width_m: f32,
    /// Clear height, m.
    pub height_m: f32,
    /// Whether it has a leaf (which opens inwards), or is a bare opening.
    pub leaf: bool,
}

impl Default for Doorway {
    fn default() -> Self {
        Self {
            x_m: 0.0,
            width_m: 1.0,
            height_m: 2.1,
            leaf: true,
        }
    }
}

/// A hall with doors, furnished by a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// Extent along x, centred on 0, m.
    pub width_m: f32,
    /// Depth of the hall outside the doors, m.
    pub outside_m: f32,
    /// Depth of the room inside, m.
    pub inside_m: f32,
    /// Height of the ceiling, m.
    pub ceiling_m: f32,
    /// The doors.
    pub doorways: Vec<Doorway>,
    /// Seed of finishes, lamps and furniture.
    pub seed: u64,
    /// Floor rectangles to keep free of furniture (x, y, half width, half depth), m.
    pub keep_free: Vec<[f32; 4]>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            width_m: 7.0,
            outside_m: 6.0,
            inside_m: 5.0,
            ceiling_m: 2.9,
            doorways: vec![Doorway::default()],
            seed: 1,
            keep_free: vec![[0.0, 0.0, 1.8, 20.0]],
        }
    }
}

const FLOORS: [(Finish, Rgb, Rgb, f32); 12] = [
    (Finish::Tiles, [188, 184, 176], [140, 136, 130], 0.6),
    (Finish::Tiles, [120, 120, 122], [90, 90, 90], 0.6),
    (Finish::Tiles, [206, 200, 188], [150, 146, 138], 0.3),
    (Finish::Tiles, [150, 112, 86], [110, 96, 84], 0.3),
    (Finish::Planks, [158, 116, 76], [184, 144, 100], 0.14),
    (Finish::Planks, [112, 82, 58], [136, 102, 74], 0.12),
    (Finish::Planks, [190, 166, 136], [206, 184, 156], 0.18),
    (Finish::Carpet, [86, 90, 100], [104, 108, 118], 0.5),
    (Finish::Carpet, [64, 76, 104], [84, 96, 122], 0.5),
    (Finish::Carpet, [120, 108, 94], [140, 128, 112], 0.5),
    (Finish::Concrete, [140, 138, 134], [170, 168, 164], 1.0),
    (Finish::Concrete, [176, 172, 168], [150, 148, 146], 1.0),
];

const WALLS: [Rgb; 8] = [
    [224, 222, 214],
    [210, 206, 196],
    [196, 202, 206],
    [180, 186, 178],
    [214, 198, 170],
    [150, 160, 170],
    [232, 230, 228],
    [176, 156, 140],
];

pub(super) const LEAVES: [Rgb; 8] = [
    [150, 108, 70],
    [196, 164, 122],
    [214, 212, 206],
    [110, 116, 122],
    [62, 74, 96],
    [92, 62, 44],
    [70, 92, 84],
    [168, 60, 50],
];

impl Layout {
    /// Any hall with one door or two.
    pub fn random(dice: &mut Dice) -> Self {
        let width_m = dice.range(5.0, 10.0);
        let mut doorways = vec![Doorway {
            x_m: dice.range(-0.8, 0.8),
            width_m: dice.range(0.9, 1.3),
            height_m: dice.range(2.03, 2.25),
            leaf: dice.chance(0.85),
        }];
        if dice.chance(0.25) && width_m > 6.5 {
            let x_m = doorways[0].x_m + dice.pick(&[-2.2, 2.2]);
            doorways.push(Doorway { x_m, ..doorways[0] });
        }
        Self {
            width_m,
            outside_m: dice.range(4.5, 9.0),
            inside_m: dice.range(3.5, 8.0),
            ceiling_m: dice.range(2.6, 3.6),
            doorways,
            seed: u64::from(dice.bits()),
            keep_free: vec![[0.0, 0.0, 1.4, 20.0]],
        }
    }

    /// Furnishes it. The camera may hang anywhere below or above the ceiling's height: a ceiling
    /// that would be between camera and floor is lifted out of the way.
    pub fn scene(&self, camera: Camera, sensor: Sensor) -> Scene {
        let mut dice = Dice::new(self.seed ^ 0x1a70);
        let ceiling_m = self.ceiling_m.max(camera.position_m[2] as f32 + 0.1);
        let (half, near, far) = (0.5 * self.width_m, -self.outside_m, self.inside_m);
        let paint = Material {
            seed: dice.bits(),
            ..Material::paint(dice.pick(&WALLS))
        };
        let other = if dice.chance(0.12) {
            Material::new(
                Finish::Bricks,
                [150, 92, 72],
                [170, 164, 154],
                0.24,
                dice.bits(),
            )
        } else if dice.chance(0.4) {
            Material {
                seed: dice.bits(),
                ..Material::paint(dice.pick(&WALLS))
            }
        } else {
            paint
        };
        let wall = |from, to, m| Wall::new(from, to, ceiling_m, m);
        let mut door_wall = wall([-half, 0.0], [half, 0.0], other);
        door_wall.trim =
            Material::paint(dice.pick(&[[226, 224, 218], [120, 122, 126], [96, 70, 50]]));
        for d in &self.doorways {
            door_wall.openings.push(Opening {
                from_m: d.x_m - 0.5 * d.width_m + half,
                width_m: d.width_m,
                height_m: d.height_m,
            });
        }
        let walls = vec![
            door_wall,
            wall([-half, near], [half, near], paint),
            wall([-half, far], [half, far], paint),
            wall([-half, near], [-half, far], paint),
            wall([half, near], [half, far], paint),
        ];
        let (finish, colour, second, scale) = dice.pick(&FLOORS);
        let floor = Material::new(finish, colour, second, scale, dice.bits());
        let doors = self.doors(&mut dice);
        let lights = self.lamps(&mut dice, ceiling_m);
        let mut room = Room {
            floor,
            floor_gloss: 0.0,
            ceiling: Some((
                ceiling_m,
                Material::new(Finish::Panels, [226, 226, 222], [180, 180, 176], 0.6, 1),
            )),
            walls,
            solids: Vec::new(),
        };
        super::furniture::furnish(self, &mut dice, &mut room);
        let level = dice.range(0.12, 0.42);
        let warm = dice.range(-0.06, 0.06);
        Scene {
            room,
            doors,
            lights,
            ambient: [level * (1.0 + warm), level, level * (1.0 - warm)],
            camera,
            sensor,
        }
    }

    fn doors(&self, dice: &mut Dice) -> Vec<Door> {
        let style = dice.weighted(&[
            (LeafStyle::Solid, 1.0),
            (LeafStyle::Panel, 1.0),
            (LeafStyle::Glass, 0.6),
        ]);
        let material = Material::paint(dice.pick(&LEAVES));
        self.doorways
            .iter()
            .filter(|d| d.leaf)
            .map(|d| Door {
                // Inside the frame's posts.
                hinge_m: [d.x_m - 0.5 * d.width_m + 0.06, 0.05],
                shut_yaw_rad: 0.0,
                swing: 1.0,
                width_m: d.width_m - 0.12,
                height_m: d.height_m - 0.06,
                style,
                material,
                reader_m: Some([d.x_m + 0.5 * d.width_m + 0.22, -0.085, 1.18]),
                reader_yaw_rad: -std::f32::consts::FRAC_PI_2,
            })
            .collect()
    }

    fn lamps(&self, dice: &mut Dice, ceiling_m: f32) -> Vec<Light> {
        // Spots throw edges, panels hardly any.
        let radius_m = dice.pick(&[0.06, 0.14, 0.25, 0.4]) * dice.range(0.8, 1.3);
        let warm = dice.range(-0.12, 0.16);
        let strength = dice.range(5.0, 11.0);
        let mut out = Vec::new();
        for (from, to) in [(-self.outside_m, 0.0), (0.0, self.inside_m)] {
            let rows = ((to - from) / 3.4_f32).round().clamp(1.0, 2.0) as usize;
            let shift = dice.range(-0.8, 0.8);
            for row in 0..rows {
                let y = from + (to - from) * (row as f32 + 0.5) / rows as f32;
                let k = strength * dice.range(0.75, 1.25);
                out.push(Light {
                    at_m: [shift + dice.range(-0.4, 0.4), y, ceiling_m - 0.03],
                    radius_m,
                    power: [k * (1.0 + warm), k, k * (1.0 - 1.5 * warm)],
                    shown: true,
                });
            }
        }
        if dice.chance(0.4) {
            // Daylight from a window in the side wall of the hall.
            let side = dice.pick(&[-1.0_f32, 1.0]);
            let k = dice.range(6.0, 26.0);
            out.push(Light {
                at_m: [
                    side * (0.5 * self.width_m - 0.15),
                    -0.55 * self.outside_m,
                    1.7,
                ],
                radius_m: 0.7,
                power: [0.92 * k, k, 1.12 * k],
                shown: false,
            });
        }
        out
    }
}
