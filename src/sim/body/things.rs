//! Carried things: bags, boxes, cups, phones; what is sat in is in `workplace`.

use super::loft::{Rows, ellipsoid, grid, rounded_box, sheet, tube_between};
use super::math::{Mat3, Vec3, mix, v3};
use super::outfit::{Carried, Outer};
use super::skeleton::Frame;
use super::surface::{Part, Surface};
use super::torso::Trunk;
use super::workplace::{Place, chair, desk};
use super::{Build, Outfit, Skeleton};

/// Adds everything the outfit carries.
pub(super) fn add(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    for thing in &outfit.carried {
        match thing {
            Carried::Backpack => backpack(out, build, outfit, skeleton),
            Carried::ShoulderBag => shoulder_bag(out, build, outfit, skeleton),
            Carried::Handbag => hung(out, build, skeleton, 0, v3(0.15, 0.055, 0.11)),
            Carried::Briefcase => hung(out, build, skeleton, 1, v3(0.20, 0.045, 0.145)),
            Carried::Box => boxed(out, build, outfit, skeleton),
            Carried::Cup => {
                let (at, rot) = grip(build, skeleton, 1);
                let upright = Mat3 { u: Vec3::UP, ..rot };
                rounded_box(out, Part::Thing, at, &upright, v3(0.04, 0.04, 0.06), 0.04);
            }
            Carried::Phone => {
                let (at, rot) = grip(build, skeleton, 1);
                rounded_box(out, Part::Thing, at, &rot, v3(0.038, 0.006, 0.075), 0.004);
            }
            Carried::Tablet => {
                let (at, rot) = grip(build, skeleton, 1);
                rounded_box(out, Part::Thing, at, &rot, v3(0.12, 0.012, 0.17), 0.01);
            }
            Carried::Trolley => trolley(out, build, skeleton),
            Carried::Umbrella => umbrella(out, build, outfit, skeleton),
            Carried::Wheelchair => wheelchair(out, skeleton),
            Carried::Chair => chair(out, outfit, skeleton),
            Carried::Desk => desk(out, outfit, skeleton),
            Carried::Cart => cart(out, build, outfit, skeleton),
        }
    }
}

/// Inside a hand: where it grips, and the wrist's turn.
fn grip(build: &Build, skeleton: &Skeleton, side: usize) -> (Vec3, Mat3) {
    let wrist = &skeleton.wrists[side];
    let inwards = if side == 0 { -1.0 } else { 1.0 };
    (
        wrist.point(v3(0.0, inwards * 0.03, -0.55 * build.hand_m())),
        wrist.rot,
    )
}

/// Thickness of what is worn under a strap, m.
fn padding(outfit: &Outfit) -> f32 {
    match outfit.outer {
        Outer::None => 0.018,
        Outer::Padded => 0.062,
        Outer::Coat => 0.044,
        _ => 0.038,
    }
}

fn ribbon(out: &mut Surface, points: &[Vec3], across: Vec3, half_m: f32) {
    let last = points.len() - 1;
    sheet(
        out,
        Part::Strap,
        Rows::Down,
        points.len(),
        2,
        |along, side| {
            let i = (along * last as f32).round() as usize;
            (
                points[i] + across * (half_m * (2.0 * side - 1.0)),
                [side, along],
            )
        },
    );
}

fn backpack(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let trunk = Trunk::new(build, skeleton);
    let pad = padding(outfit);
    let depth = trunk.section(0.72)[2] + pad + 0.075;
    let at = trunk.place(0.705, -depth, 0.0);
    let rot = skeleton.chest.rot;
    rounded_box(out, Part::Thing, at, &rot, v3(0.085, 0.15, 0.225), 0.09);
    let pocket = trunk.place(0.665, -depth - 0.085, 0.0);
    rounded_box(out, Part::Thing, pocket, &rot, v3(0.04, 0.115, 0.10), 0.04);
    for s in [-1.0_f32, 1.0] {
        let left = s * 0.052 * build.height_m;
        let points: Vec<Vec3> = (0..12)
            .map(|i| {
                let t = i as f32 / 11.0;
                // Up the back, over the shoulder, down the front and under the arm.
                let z = if t < 0.35 {
                    mix(0.79, 0.824, t / 0.35)
                } else {
                    mix(0.824, 0.67, (t - 0.35) / 0.65)
                };
                let [_, front, back] = trunk.section(z.min(0.79));
                let x = mix(
                    -back - pad,
                    front + pad + 0.006,
                    ((t - 0.1) / 0.4).clamp(0.0, 1.0),
                );
                let out_y = left + s * 0.03 * ((t - 0.7) / 0.3).max(0.0) * build.height_m;
                trunk.place(z + pad * 0.4, x, out_y)
            })
            .collect();
        ribbon(out, &points, rot.l, 0.026);
    }
}

fn shoulder_bag(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let trunk = Trunk::new(build, skeleton);
    let pad = padding(outfit);
    let wide = trunk.section(0.52)[0] + pad + 0.06;
    let at = trunk.place(0.515, -0.03, wide);
    let rot = skeleton.pelvis.rot;
    rounded_box(out, Part::Thing, at, &rot, v3(0.17, 0.055, 0.13), 0.04);
    for x in [-0.06_f32, 0.05] {
        let points: Vec<Vec3> = (0..10)
            .map(|i| {
                let t = i as f32 / 9.0;
                let z = mix(0.585, 0.828, t);
                let [w, ..] = trunk.section(z.min(0.76));
                let y = mix(wide - 0.02, 0.068 * build.height_m, t * t).max(w * (1.0 - t * t));
                trunk.place(z, x * (1.0 - 0.6 * t), y + pad * 0.6)
            })
            .collect();
        ribbon(out, &points, rot.f, 0.016);
    }
}

fn hung(out: &mut Surface, build: &Build, skeleton: &Skeleton, side: usize, half: Vec3) {
    let (at, _) = grip(build, skeleton, side);
    let rot = Mat3 {
        u: Vec3::UP,
        ..skeleton.root.rot
    };
    let outwards = if side == 0 { 0.02 } else { -0.02 };
    let middle = at + rot.l * outwards - Vec3::UP * (half.z + 0.09);
    rounded_box(out, Part::Thing, middle, &rot, half, 0.03);
    for x in [-0.4_f32, 0.4] {
        tube_between(
            out,
            middle + rot.f * (x * half.x) + Vec3::UP * half.z,
            at + rot.f * (0.4 * x * half.x),
            0.008,
        );
    }
}

fn boxed(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let trunk = Trunk::new(build, skeleton);
    let front = trunk.section(0.6)[1] + padding(outfit) + 0.16;
    let mut dice = super::Dice::new(u64::from(outfit.seed) ^ 0xb0c5);
    let half = v3(0.14, dice.range(0.15, 0.22), dice.range(0.08, 0.17));
    out.add_box(
        Part::Thing,
        trunk.place(0.63, front, 0.0),
        &skeleton.chest.rot,
        half,
    );
}

fn trolley(out: &mut Surface, build: &Build, skeleton: &Skeleton) {
    let root: &Frame = &skeleton.root;
    let (hand, _) = grip(build, skeleton, 0);
    let half = v3(0.11, 0.19, 0.27);
    let rot = root.rot.after(&Mat3::pitch(0.35));
    let local = root.rot.undo(hand - root.at);
    let at = root.at + root.rot.apply(v3(local.x - 0.42, local.y + 0.05, 0.36));
    rounded_box(out, Part::Thing, at, &rot, half, 0.05);
    for s in [-1.0_f32, 1.0] {
        let from = at + rot.apply(v3(0.0, s * 0.07, half.z));
        tube_between(out, from, hand + rot.l * (s * 0.04), 0.008);
        let wheel = at + rot.apply(v3(-0.05, s * 0.14, -half.z - 0.02));
        ellipsoid(out, Part::Strap, wheel, &rot, v3(0.035, 0.018, 0.035));
    }
}

fn umbrella(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let (hand, _) = grip(build, skeleton, 1);
    let mut dice = super::Dice::new(u64::from(outfit.seed) ^ 0x0b2e);
    let lean = Mat3::pitch(dice.range(-0.15, 0.25)).after(&Mat3::roll(dice.range(-0.2, 0.2)));
    let rot = skeleton.root.rot.after(&lean);
    let top = hand + rot.u * (0.36 * build.height_m);
    tube_between(out, hand - rot.u * 0.12, top, 0.008);
    let (radius, ribs) = (dice.range(0.44, 0.62), 8.0);
    let segments = out.segments(32);
    grid(out, Part::Thing, Rows::Up, 8, segments, |row, angle| {
        // From the rim to the tip; cloth sags between the ribs.
        let t = row as f32 / 7.0;
        let sag = 1.0 - 0.09 * (1.0 - t) * (0.5 + 0.5 * (ribs * angle).cos());
        let r = radius * (1.0 - t * t).max(1e-4).sqrt() * sag;
        let z = -0.5 * radius * (1.0 - t) * (1.0 - 0.25 * t);
        (
            top + rot.f * (r * angle.cos()) + rot.l * (r * angle.sin()) + rot.u * z,
            t,
        )
    });
}

fn cart(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let root = &skeleton.root;
    let between = grip(build, skeleton, 0)
        .0
        .lerp(grip(build, skeleton, 1).0, 0.5);
    let local = root.rot.undo(between - root.at);
    let mut dice = super::Dice::new(u64::from(outfit.seed) ^ 0xca27);
    let half = v3(dice.range(0.3, 0.45), dice.range(0.22, 0.3), 0.02);
    let place = |x: f32, y: f32, z: f32| root.at + root.rot.apply(v3(local.x + x, y, z));
    let middle = half.x + 0.08;
    for z in [0.22_f32, 0.78] {
        rounded_box(
            out,
            Part::Thing,
            place(middle, 0.0, z),
            &root.rot,
            half,
            0.02,
        );
    }
    if dice.chance(0.7) {
        let load = v3(0.7 * half.x, 0.8 * half.y, dice.range(0.08, 0.2));
        out.add_box(
            Part::Thing,
            place(middle, 0.0, 0.8 + load.z),
            &root.rot,
            load,
        );
    }
    for (x, y) in [(-1.0_f32, -1.0_f32), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
        let (px, py) = (middle + 0.95 * x * half.x, 0.95 * y * half.y);
        tube_between(out, place(px, py, 0.08), place(px, py, 0.8), 0.012);
        ellipsoid(
            out,
            Part::Strap,
            place(px, py, 0.05),
            &root.rot,
            v3(0.05, 0.02, 0.05),
        );
    }
    let bar = |y: f32| place(0.0, y, local.z);
    tube_between(out, bar(-half.y), bar(half.y), 0.014);
    for y in [-half.y, half.y] {
        tube_between(out, bar(y), place(0.08, y, 0.78), 0.012);
    }
}

/// A ring in the plane of forward and up.
fn wheel(out: &mut Surface, at: Vec3, rot: &Mat3, radius: f32, thick: f32) {
    let segments = out.segments(28);
    grid(out, Part::Strap, Rows::Up, 7, segments, |row, angle| {
        let (s, c) = (std::f32::consts::TAU * row as f32 / 6.0).sin_cos();
        let r = radius + thick * c;
        let v = v3(r * angle.cos(), thick * s, r * angle.sin());
        (at + rot.apply(v), row as f32)
    });
}

fn wheelchair(out: &mut Surface, skeleton: &Skeleton) {
    let rot = skeleton.root.rot;
    let seat = Place::new(skeleton);
    let place = |x: f32, y: f32, z: f32| seat.point(x, y, z);
    rounded_box(
        out,
        Part::Thing,
        place(0.12, 0.0, 0.485),
        &rot,
        v3(0.22, 0.22, 0.035),
        0.03,
    );
    let back = rot.after(&Mat3::pitch(-0.12));
    rounded_box(
        out,
        Part::Thing,
        place(-0.19, 0.0, 0.72),
        &back,
        v3(0.025, 0.21, 0.22),
        0.02,
    );
    for s in [-1.0_f32, 1.0] {
        wheel(out, place(-0.04, s * 0.27, 0.30), &rot, 0.285, 0.014);
        wheel(out, place(-0.04, s * 0.30, 0.30), &rot, 0.25, 0.008);
        for spoke in 0..4 {
            let (sin, cos) = (0.785 * spoke as f32 + 0.3).sin_cos();
            let rim = |k: f32| place(-0.04 + 0.28 * k * cos, s * 0.27, 0.30 + 0.28 * k * sin);
            tube_between(out, rim(-1.0), rim(1.0), 0.003);
        }
        wheel(out, place(0.36, s * 0.20, 0.09), &rot, 0.07, 0.016);
        tube_between(
            out,
            place(0.32, s * 0.22, 0.46),
            place(0.50, s * 0.14, 0.14),
            0.012,
        );
        rounded_box(
            out,
            Part::Strap,
            place(0.50, s * 0.10, 0.11),
            &rot,
            v3(0.11, 0.07, 0.012),
            0.01,
        );
        rounded_box(
            out,
            Part::Strap,
            place(0.08, s * 0.24, 0.70),
            &rot,
            v3(0.16, 0.025, 0.018),
            0.015,
        );
        tube_between(
            out,
            place(-0.22, s * 0.20, 0.90),
            place(-0.34, s * 0.20, 0.93),
            0.016,
        );
    }
}
