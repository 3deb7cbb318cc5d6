//! A site of [`super::passages`] as a hall to be rendered: floor, walls far away, lamps.
//!
//! Nothing stands in it: what furniture hides is another question than what people tell of the floor.

use super::body::Dice;
use super::passages::Site;
use super::render::{Finish, Light, Material, Room, Scene, Sensor, Wall};

/// The hall, from the camera's foot: to each side, behind, ahead, m. People walk up to 14 m away.
const HALL_M: [f32; 3] = [13.0, 3.0, 17.0];
/// Its ceiling is so far above the camera, and no lower than this, m.
const CEILING_M: (f32, f32) = (0.4, 3.2);
/// From lamp to lamp, m, and their strength.
const LAMPS_M: f32 = 5.0;
const STRENGTH: (f32, f32) = (7.0, 12.0);
/// Floors: what is seldom mistaken for a person's legs, light and dark.
const FLOORS: [(Finish, [u8; 3], [u8; 3], f32); 5] = [
    (Finish::Tiles, [188, 184, 176], [150, 146, 138], 0.6),
    (Finish::Planks, [158, 116, 76], [184, 144, 100], 0.14),
    (Finish::Carpet, [86, 90, 100], [104, 108, 118], 0.5),
    (Finish::Concrete, [140, 138, 134], [170, 168, 164], 1.0),
    (Finish::Tiles, [120, 120, 122], [96, 96, 96], 0.6),
];
const WALLS: [[u8; 3]; 4] = [
    [224, 222, 214],
    [196, 202, 206],
    [214, 198, 170],
    [150, 160, 170],
];

impl Site {
    /// The hall around its camera, for pictures of `size_px`.
    pub fn scene(&self, size_px: (u32, u32)) -> Scene {
        let mut dice = Dice::new(self.seed() ^ 0x4a11);
        let camera = self.camera_of(size_px);
        let ceiling_m = (camera.position_m[2] as f32 + CEILING_M.0).max(CEILING_M.1);
        let [side, behind, ahead] = HALL_M;
        let paint = Material::paint(dice.pick(&WALLS));
        let corners = [
            [-side, -behind],
            [side, -behind],
            [side, ahead],
            [-side, ahead],
        ];
        let walls = (0..corners.len())
            .map(|i| Wall::new(corners[i], corners[(i + 1) % 4], ceiling_m, paint))
            .collect();
        let (finish, colour, second, scale_m) = dice.pick(&FLOORS);
        let power = dice.range(STRENGTH.0, STRENGTH.1);
        let lamp = |x: f32, y: f32| Light {
            at_m: [x, y, ceiling_m - 0.03],
            radius_m: 0.4,
            power: [power; 3],
            shown: false,
        };
        let rows = [0.5, 1.5, 2.5].map(|row| row * LAMPS_M);
        let lights = rows
            .iter()
            .flat_map(|y| [-0.5 * LAMPS_M, 0.5 * LAMPS_M].map(|x| lamp(x, *y)))
            .collect();
        let level = dice.range(0.2, 0.4);
        Scene {
            room: Room {
                floor: Material::new(finish, colour, second, scale_m, dice.bits()),
                floor_gloss: 0.0,
                ceiling: None,
                walls,
                solids: Vec::new(),
            },
            doors: Vec::new(),
            lights,
            ambient: [level; 3],
            camera,
            sensor: Sensor {
                blur_px: dice.range(0.3, 0.8),
                noise: dice.range(1.0, 4.0),
                exposure_stops: 0.25 * dice.normal(),
                ..Sensor::default()
            },
        }
    }
}
