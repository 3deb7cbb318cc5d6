//! What stands and hangs about in a hall: picked and placed by chance, clear of doors and ways.

use super::layout::{Doorway, LEAVES, Layout};
use super::{Finish, Material, Room, Shape, Solid};
use crate::sim::body::{Dice, Rgb};

/// Dark greys of metal feet and screens.
const DARK: Rgb = [34, 35, 38];
const STEEL: Rgb = [150, 152, 156];

/// Furnishes a room.
pub(super) fn furnish(layout: &Layout, dice: &mut Dice, room: &mut Room) {
    let half = 0.5 * layout.width_m;
    for _ in 0..dice.below(8) + 2 {
        let x = dice.range(-half + 0.3, half - 0.3);
        let y = dice.range(-layout.outside_m + 0.3, layout.inside_m - 0.3);
        let out = &mut room.solids;
        let wood = dice.pick(&LEAVES);
        let side = if x > 0.0 { 1.0 } else { -1.0 };
        match dice.below(9) {
            0 if free(layout, x, y, 0.8) => desk(out, dice, [x, y], wood),
            1 if free(layout, side * (half - 0.3), y, 0.4) => {
                let tall = dice.range(0.45, 1.0);
                let at = [side * (half - 0.31), y, tall];
                out.push(shading(Solid::new(
                    at,
                    [0.23, 0.45, tall],
                    Material::paint(wood),
                )));
            }
            2 if free(layout, x, y, 0.2) => {
                let grey = dice.pick(&[[60, 62, 66], STEEL, [40, 70, 50]]);
                let bin = Solid::new([x, y, 0.31], [0.16, 0.16, 0.31], Material::paint(grey));
                out.push(shading(Solid {
                    shape: Shape::Post,
                    ..bin
                }));
            }
            3 | 4 if free(layout, x, y, 0.5) => plant(out, dice, [x, y]),
            5 if free(layout, x, y, 0.7) => bench(out, [x, y], wood),
            6 if free(layout, side * (half - 0.5), y, 0.9) => {
                sofa(out, dice, [side * (half - 0.55), y], side);
            }
            7 if free(layout, x, y, 0.4) && dice.chance(0.4) => {
                let m = room.walls[0].material;
                out.push(shading(Solid::new([x, y, 1.6], [0.2, 0.2, 1.6], m)));
            }
            8 => radiator(out, layout, y, side),
            _ => {}
        }
    }
    for doorway in &layout.doorways {
        by_door(layout, dice, room, doorway);
    }
    hang(layout, dice, room);
}

fn shading(solid: Solid) -> Solid {
    Solid {
        casts: true,
        ..solid
    }
}

fn free(layout: &Layout, x: f32, y: f32, half: f32) -> bool {
    let blocks = |r: &[f32; 4]| (x - r[0]).abs() < r[2] + half && (y - r[1]).abs() < r[3] + half;
    let near_door = |d: &Doorway| (x - d.x_m).abs() < 1.2 && y.abs() < 1.6;
    !layout.doorways.iter().any(near_door) && !layout.keep_free.iter().any(blocks)
}

fn desk(out: &mut Vec<Solid>, dice: &mut Dice, [x, y]: [f32; 2], wood: Rgb) {
    let m = Material::paint(wood);
    out.push(shading(Solid::new([x, y, 0.73], [0.75, 0.38, 0.02], m)));
    for s in [-0.7_f32, 0.7] {
        out.push(shading(Solid::new(
            [x + s, y, 0.355],
            [0.02, 0.36, 0.355],
            m,
        )));
    }
    let shift = dice.range(-0.3, 0.3);
    let screen = Material::new(Finish::Poster, [40, 60, 110], DARK, 1.0, dice.bits());
    out.push(Solid::new(
        [x + shift, y - 0.05, 0.97],
        [0.26, 0.016, 0.16],
        screen,
    ));
    out.push(Solid::new(
        [x + shift, y - 0.03, 0.80],
        [0.03, 0.02, 0.06],
        Material::paint(DARK),
    ));
    // A chair behind it.
    let chair = Material::paint(dice.pick(&[[40, 44, 52], [60, 70, 110], [120, 50, 44]]));
    let (cx, cy) = (x + dice.range(-0.3, 0.3), y + 0.65);
    out.push(shading(Solid::new(
        [cx, cy, 0.46],
        [0.23, 0.22, 0.04],
        chair,
    )));
    let back = Solid::new([cx, cy + 0.22, 0.75], [0.21, 0.03, 0.25], chair);
    out.push(shading(Solid {
        shape: Shape::Round,
        ..back
    }));
    let foot = Solid::new([cx, cy, 0.21], [0.03, 0.03, 0.21], Material::paint(DARK));
    out.push(Solid {
        shape: Shape::Post,
        ..foot
    });
}

/// A tub with a bush of tilted leaves.
fn plant(out: &mut Vec<Solid>, dice: &mut Dice, [x, y]: [f32; 2]) {
    let tub = dice.pick(&[
        [186, 180, 170],
        [60, 60, 64],
        [150, 92, 70],
        [220, 218, 214],
    ]);
    let pot = Solid::new([x, y, 0.19], [0.17, 0.17, 0.19], Material::paint(tub));
    out.push(shading(Solid {
        shape: Shape::Post,
        ..pot
    }));
    let tall = dice.range(0.7, 1.5);
    let trunk = Solid::new(
        [x, y, 0.4 * tall],
        [0.015, 0.015, 0.4 * tall],
        Material::paint([84, 66, 44]),
    );
    out.push(Solid {
        shape: Shape::Post,
        ..trunk
    });
    let broad = dice.range(0.04, 0.09);
    let green = [
        dice.range(28.0, 70.0),
        dice.range(70.0, 120.0),
        dice.range(30.0, 60.0),
    ];
    for _ in 0..38 {
        let yaw = dice.range(-3.1, 3.1);
        let reach = dice.range(0.05, 0.30);
        let up = tall * dice.range(0.42, 1.0);
        let tilt = dice.range(-0.9, 0.9);
        let shade = dice.range(0.7, 1.25);
        let leaf = Solid {
            shape: Shape::Round,
            yaw_rad: yaw,
            tilt_rad: tilt,
            ..Solid::new(
                [x + reach * yaw.cos(), y + reach * yaw.sin(), up],
                [dice.range(0.12, 0.22), broad, 0.012],
                Material::paint(green.map(|c| (c * shade) as u8)),
            )
        };
        out.push(leaf);
    }
    // Its shadow is that of a ball: too many leaves to draw each.
    let ball = Solid::new(
        [x, y, 0.72 * tall],
        [0.2, 0.2, 0.25 * tall],
        Material::paint([30, 60, 30]),
    );
    out.push(shading(Solid {
        shape: Shape::Round,
        half_m: [0.10, 0.10, 0.2 * tall],
        ..ball
    }));
}

fn bench(out: &mut Vec<Solid>, [x, y]: [f32; 2], wood: Rgb) {
    out.push(shading(Solid::new(
        [x, y, 0.42],
        [0.6, 0.22, 0.035],
        Material::paint(wood),
    )));
    for s in [-0.5_f32, 0.5] {
        let leg = Material::paint([70, 70, 72]);
        out.push(shading(Solid::new(
            [x + s, y, 0.19],
            [0.03, 0.2, 0.19],
            leg,
        )));
    }
}

fn sofa(out: &mut Vec<Solid>, dice: &mut Dice, [x, y]: [f32; 2], side: f32) {
    let cloth = dice.pick(&[[70, 74, 82], [120, 60, 50], [60, 84, 110], [160, 150, 132]]);
    let m = Material::new(
        Finish::Carpet,
        cloth,
        cloth.map(|c| c - c / 8),
        1.0,
        dice.bits(),
    );
    let long = dice.range(0.45, 0.95);
    out.push(shading(Solid::new([x, y, 0.21], [0.40, long, 0.21], m)));
    out.push(shading(Solid::new(
        [x + side * 0.33, y, 0.52],
        [0.09, long, 0.32],
        m,
    )));
    for s in [-1.0_f32, 1.0] {
        out.push(Solid::new(
            [x, y + s * (long - 0.08), 0.30],
            [0.40, 0.08, 0.30],
            m,
        ));
    }
}

fn radiator(out: &mut Vec<Solid>, layout: &Layout, y: f32, side: f32) {
    if y.abs() < 0.9 {
        return;
    }
    let x = side * (0.5 * layout.width_m - 0.12);
    let white = Material::paint([222, 222, 218]);
    out.push(Solid::new([x, y, 0.42], [0.03, 0.5, 0.26], white));
    for i in 0..8 {
        let rib = [x - side * 0.03, y - 0.44 + 0.125 * i as f32, 0.42];
        out.push(Solid::new(rib, [0.012, 0.03, 0.24], white));
    }
}

/// Mat, sign, switch, extinguisher: what is found beside doors.
fn by_door(layout: &Layout, dice: &mut Dice, room: &mut Room, d: &Doorway) {
    let wall = 0.07;
    let out = &mut room.solids;
    if dice.chance(0.45) {
        let y = dice.pick(&[-0.75_f32, 0.75]);
        let dark = dice.pick(&[[46, 46, 50], [64, 54, 46], [50, 62, 76]]);
        let m = Material::new(Finish::Carpet, dark, dark.map(|c| c + 14), 0.2, dice.bits());
        out.push(Solid::new(
            [d.x_m, y, 0.003],
            [0.62 * d.width_m, 0.42, 0.004],
            m,
        ));
    }
    if dice.chance(0.35) && layout.ceiling_m > d.height_m + 0.35 {
        let green = Material {
            finish: Finish::Glow,
            ..Material::paint([10, 52, 24])
        };
        for s in [-1.0_f32, 1.0] {
            out.push(Solid::new(
                [d.x_m, s * (wall + 0.02), d.height_m + 0.2],
                [0.17, 0.015, 0.08],
                green,
            ));
        }
    }
    let clear = |x: f32| {
        layout
            .doorways
            .iter()
            .all(|o| (x - o.x_m).abs() > 0.5 * o.width_m + 0.15)
    };
    let left = d.x_m - 0.5 * d.width_m - 0.3;
    if dice.chance(0.5) && clear(left) {
        let plate = Material::paint([236, 236, 232]);
        out.push(Solid::new(
            [left, 0.0, 1.1],
            [0.04, wall + 0.008, 0.04],
            plate,
        ));
    }
    let far = d.x_m + 0.5 * d.width_m + 0.62;
    if dice.chance(0.3) && clear(far) && far < 0.5 * layout.width_m - 0.2 {
        let y = -wall - 0.09;
        let red = Solid::new(
            [far, y, 0.55],
            [0.075, 0.075, 0.24],
            Material::paint([190, 24, 22]),
        );
        out.push(shading(Solid {
            shape: Shape::Post,
            ..red
        }));
        let neck = Solid::new([far, y, 0.82], [0.03, 0.03, 0.05], Material::paint(DARK));
        out.push(Solid {
            shape: Shape::Post,
            ..neck
        });
        let sign = Material::new(
            Finish::Poster,
            [180, 30, 30],
            [240, 240, 240],
            1.0,
            dice.bits(),
        );
        out.push(Solid::new(
            [far, 0.0, 1.55],
            [0.09, wall + 0.006, 0.09],
            sign,
        ));
    }
}

/// Pictures, boards and windows on the walls.
fn hang(layout: &Layout, dice: &mut Dice, room: &mut Room) {
    let half = 0.5 * layout.width_m;
    for _ in 0..dice.below(6) + 1 {
        let (w, h) = (dice.range(0.2, 0.7), dice.range(0.25, 0.5));
        let up = dice.range(1.4, 1.7);
        let window = dice.chance(0.25);
        let material = if window {
            Material::new(
                Finish::Window,
                [200, 215, 235],
                [60, 70, 60],
                1.0,
                dice.bits(),
            )
        } else {
            let paper = dice.pick(&[[235, 235, 230], [40, 60, 110], [220, 190, 120]]);
            Material::new(Finish::Poster, paper, [60, 70, 60], 1.0, dice.bits())
        };
        let k = if window { 1.6 } else { 1.0 };
        let y = dice.range(-layout.outside_m + 0.8, layout.inside_m - 0.8);
        let side = dice.pick(&[-1.0_f32, 1.0]);
        let thick = 0.078;
        if dice.below(3) < 2 && y.abs() > 1.0 {
            let at = [side * half, y, up];
            room.solids
                .push(Solid::new(at, [thick, w * k, h * k], material));
            continue;
        }
        let x = dice.range(-half + 0.6, half - 0.6);
        let clear = |d: &Doorway| (x - d.x_m).abs() > 0.5 * d.width_m + w + 0.35;
        if !window && layout.doorways.iter().all(clear) {
            room.solids
                .push(Solid::new([x, 0.0, up], [w, thick, h], material));
        }
    }
}
