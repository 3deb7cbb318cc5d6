//! Ready-made places: a hall, a wall with doors, and what lies behind it, furnished by a seed.
//!
//! The wall with the doors runs along the x axis. Outside (unsecured) is y < 0, inside is y > 0,
//! so that a portal drawn along +x has the inside to its left.

use serde::{Deserialize, Serialize};

use super::{
    Camera, Door, Finish, LeafStyle, Light, Material, Opening, Room, Scene, Sensor, Solid, Wall,
};
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

const LEAVES: [Rgb; 8] = [
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
            ceiling: Some((
                ceiling_m,
                Material::new(Finish::Panels, [226, 226, 222], [180, 180, 176], 0.6, 1),
            )),
            walls,
            solids: Vec::new(),
        };
        self.furnish(&mut dice, &mut room);
        let level = dice.range(0.25, 0.6);
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
        let radius_m = dice.range(0.18, 0.5);
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
            out.push(Light {
                at_m: [
                    side * (0.5 * self.width_m - 0.15),
                    -0.55 * self.outside_m,
                    1.7,
                ],
                radius_m: 0.7,
                power: [dice.range(8.0, 22.0) * 0.92, 15.0, 16.5],
                shown: false,
            });
        }
        out
    }

    fn free(&self, x: f32, y: f32, half: f32) -> bool {
        let blocks =
            |r: &[f32; 4]| (x - r[0]).abs() < r[2] + half && (y - r[1]).abs() < r[3] + half;
        let by_door = self
            .doorways
            .iter()
            .any(|d| (x - d.x_m).abs() < 1.2 && y.abs() < 1.6);
        !by_door && !self.keep_free.iter().any(blocks)
    }

    fn furnish(&self, dice: &mut Dice, room: &mut Room) {
        let half = 0.5 * self.width_m;
        let solid = |at: [f32; 3], half: [f32; 3], yaw: f32, colour: Rgb, casts: bool| Solid {
            at_m: at,
            half_m: half,
            yaw_rad: yaw,
            material: Material::paint(colour),
            casts,
        };
        for _ in 0..dice.below(7) + 2 {
            let (x, y) = (
                dice.range(-half + 0.3, half - 0.3),
                dice.range(-self.outside_m + 0.3, self.inside_m - 0.3),
            );
            let wood = dice.pick(&LEAVES);
            match dice.below(6) {
                // A desk: top and two sides.
                0 if self.free(x, y, 0.8) => {
                    room.solids
                        .push(solid([x, y, 0.73], [0.75, 0.38, 0.02], 0.0, wood, true));
                    for s in [-0.7_f32, 0.7] {
                        room.solids.push(solid(
                            [x + s, y, 0.355],
                            [0.02, 0.36, 0.355],
                            0.0,
                            wood,
                            true,
                        ));
                    }
                    let screen = [x + dice.range(-0.3, 0.3), y, 0.95];
                    room.solids
                        .push(solid(screen, [0.26, 0.015, 0.16], 0.0, [24, 24, 28], false));
                }
                // A cupboard against a side wall.
                1 => {
                    let side = if x > 0.0 { half - 0.30 } else { -half + 0.30 };
                    if self.free(side, y, 0.4) {
                        let tall = dice.range(0.5, 1.0);
                        room.solids.push(solid(
                            [side, y, tall],
                            [0.22, 0.45, tall],
                            0.0,
                            wood,
                            true,
                        ));
                    }
                }
                // A bin.
                2 if self.free(x, y, 0.2) => {
                    let grey = dice.pick(&[[60, 62, 66], [150, 152, 154], [40, 70, 50]]);
                    room.solids
                        .push(solid([x, y, 0.3], [0.15, 0.15, 0.3], 0.4, grey, true));
                }
                // A plant: a tub and a bush of tilted leaves.
                3 if self.free(x, y, 0.45) => {
                    room.solids.push(solid(
                        [x, y, 0.2],
                        [0.18, 0.18, 0.2],
                        0.3,
                        [186, 180, 170],
                        true,
                    ));
                    for _ in 0..14 {
                        let (dx, dy) = (0.22 * dice.normal(), 0.22 * dice.normal());
                        let up = dice.range(0.5, 1.25);
                        let green = [40 + dice.below(40) as u8, 80 + dice.below(50) as u8, 40];
                        let leaf = [0.11, 0.035, dice.range(0.02, 0.10)];
                        let yaw = dice.range(0.0, 3.1);
                        room.solids
                            .push(solid([x + dx, y + dy, up], leaf, yaw, green, false));
                    }
                }
                // A bench.
                4 if self.free(x, y, 0.7) => {
                    room.solids
                        .push(solid([x, y, 0.42], [0.6, 0.22, 0.04], 0.0, wood, true));
                    for s in [-0.5_f32, 0.5] {
                        room.solids.push(solid(
                            [x + s, y, 0.19],
                            [0.03, 0.2, 0.19],
                            0.0,
                            [70, 70, 72],
                            true,
                        ));
                    }
                }
                // A column.
                _ if dice.chance(0.25) && self.free(x, y, 0.4) => {
                    let m = room.walls[0].material;
                    room.solids.push(Solid {
                        at_m: [x, y, 1.5],
                        half_m: [0.2, 0.2, 1.5],
                        yaw_rad: 0.0,
                        material: m,
                        casts: true,
                    });
                }
                _ => {}
            }
        }
        self.hang(dice, room);
    }

    /// Pictures, boards and windows on the walls.
    fn hang(&self, dice: &mut Dice, room: &mut Room) {
        let half = 0.5 * self.width_m;
        for _ in 0..dice.below(6) + 1 {
            let (w, h) = (dice.range(0.2, 0.7), dice.range(0.25, 0.5));
            let up = dice.range(1.4, 1.7);
            let window = dice.chance(0.25);
            let finish = if window {
                Finish::Window
            } else {
                Finish::Poster
            };
            let colour = if window {
                [200, 215, 235]
            } else {
                dice.pick(&[[235, 235, 230], [40, 60, 110], [220, 190, 120]])
            };
            let material = Material::new(finish, colour, [60, 70, 60], 1.0, dice.bits());
            let k = if window { 1.6 } else { 1.0 };
            let y = dice.range(-self.outside_m + 0.8, self.inside_m - 0.8);
            let side = dice.pick(&[-1.0_f32, 1.0]);
            let thick = 0.5 * 0.14 + 0.008;
            let sheet = match dice.below(3) {
                0 | 1 if y.abs() > 1.0 => Solid {
                    at_m: [side * half, y, up],
                    half_m: [thick, w * k, h * k],
                    yaw_rad: 0.0,
                    material,
                    casts: false,
                },
                _ => {
                    let x = dice.range(-half + 0.6, half - 0.6);
                    let clear = |d: &Doorway| (x - d.x_m).abs() > 0.5 * d.width_m + w + 0.35;
                    if window || !self.doorways.iter().all(clear) {
                        continue;
                    }
                    Solid {
                        at_m: [x, 0.0, up],
                        half_m: [w, thick, h],
                        yaw_rad: 0.0,
                        material,
                        casts: false,
                    }
                }
            };
            room.solids.push(sheet);
        }
    }
}
