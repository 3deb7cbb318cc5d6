//! Carried things: bags, boxes, cups, phones.

use super::loft::{Rows, ellipsoid, grid, rounded_box, sheet};
use super::math::{Mat3, Vec3, mix, v3};
use super::outfit::{Carried, Outer};
use super::skeleton::Frame;
use super::surface::{Part, Surface};
use super::torso::Trunk;
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

fn tube_between(out: &mut Surface, a: Vec3, b: Vec3, radius: f32) {
    let along = (b - a).unit();
    let side = along.cross(v3(0.31, 0.87, 0.21)).unit();
    let front = side.cross(along);
    grid(out, Part::Strap, Rows::Down, 2, 6, |row, angle| {
        let at = if row == 0 { a } else { b };
        (
            at + side * (radius * angle.sin()) + front * (radius * angle.cos()),
            row as f32,
        )
    });
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
