//! What somebody sits at: an office chair, and a desk before it. They hide the legs, from behind and
//! from the front.

use super::loft::{rounded_box, tube_between};
use super::math::{Mat3, Vec3, v3};
use super::surface::{Part, Surface};
use super::{Dice, Outfit, Skeleton};

/// Top of a cushion, m.
const CUSHION_M: f32 = 0.50;
/// Top of a desk, m.
pub(super) const DESK_M: f32 = 0.74;

/// The floor below the hips, and the way the body faces.
pub(super) struct Place<'a> {
    skeleton: &'a Skeleton,
    forward_m: f32,
}

impl<'a> Place<'a> {
    pub(super) fn new(skeleton: &'a Skeleton) -> Self {
        let root = &skeleton.root;
        let hips = root.rot.undo(skeleton.pelvis.at - root.at);
        Self {
            skeleton,
            forward_m: hips.x,
        }
    }

    /// So far forward, left and up of that, in the world, m.
    pub(super) fn point(&self, x: f32, y: f32, z: f32) -> Vec3 {
        self.skeleton.root.point(v3(self.forward_m + x, y, z))
    }
}

/// A chair on a star of five feet; at times a jacket hangs over its back.
pub(super) fn chair(out: &mut Surface, outfit: &Outfit, skeleton: &Skeleton) {
    let mut dice = Dice::new(u64::from(outfit.seed) ^ 0xc4a1);
    let place = Place::new(skeleton);
    let rot = skeleton.root.rot;
    let seat = v3(0.24, 0.24, 0.04);
    let middle = place.point(0.08, 0.0, CUSHION_M - seat.z);
    rounded_box(out, Part::Frame, middle, &rot, seat, 0.03);
    let (low, high) = (dice.range(0.52, 0.62), dice.range(0.85, 1.2));
    let half = v3(0.03, dice.range(0.19, 0.25), 0.5 * (high - low));
    let lean = rot.after(&Mat3::pitch(-0.12));
    let back = place.point(-0.23, 0.0, low + half.z);
    rounded_box(out, Part::Frame, back, &lean, half, 0.03);
    if dice.chance(0.35) {
        let coat = v3(0.05, half.y + 0.03, dice.range(0.25, 0.4));
        let hung = place.point(-0.25, 0.0, high + 0.02 - coat.z);
        rounded_box(out, Part::Furniture, hung, &lean, coat, 0.05);
    }
    let foot = place.point(0.05, 0.0, 0.09);
    tube_between(out, foot, place.point(0.05, 0.0, CUSHION_M - 0.08), 0.03);
    let turn = dice.range(0.0, 1.2);
    for arm in 0..5 {
        let (sin, cos) = (turn + std::f32::consts::TAU / 5.0 * arm as f32).sin_cos();
        let tip = place.point(0.05 + 0.28 * cos, 0.28 * sin, 0.05);
        tube_between(out, foot, tip, 0.022);
    }
    if dice.chance(0.5) {
        for side in [-0.28_f32, 0.28] {
            let rest = v3(0.14, 0.03, 0.018);
            rounded_box(
                out,
                Part::Frame,
                place.point(0.02, side, 0.70),
                &rot,
                rest,
                0.015,
            );
        }
    }
}

/// A desk with a screen or two; at times its front is closed.
pub(super) fn desk(out: &mut Surface, outfit: &Outfit, skeleton: &Skeleton) {
    let mut dice = Dice::new(u64::from(outfit.seed) ^ 0xde5c);
    let place = Place::new(skeleton);
    let rot = skeleton.root.rot;
    let half = v3(dice.range(0.32, 0.42), dice.range(0.5, 0.9), 0.018);
    let (middle, shift) = (0.28 + half.x, dice.range(-0.2, 0.2));
    let mut add = |part, at: [f32; 3], half: Vec3| {
        out.add_box(part, place.point(at[0], shift + at[1], at[2]), &rot, half);
    };
    add(Part::Furniture, [middle, 0.0, DESK_M - half.z], half);
    for side in [-1.0_f32, 1.0] {
        let end = v3(0.9 * half.x, 0.02, 0.5 * DESK_M - half.z);
        add(
            Part::Furniture,
            [middle, side * (half.y - 0.05), end.z],
            end,
        );
    }
    let far = middle + 0.6 * half.x;
    if dice.chance(0.5) {
        let front = v3(0.015, half.y - 0.06, dice.range(0.2, 0.34));
        add(
            Part::Furniture,
            [far + 0.08, 0.0, DESK_M - 0.04 - front.z],
            front,
        );
    }
    for screen in 0..dice.below(3) {
        let y = dice.range(-0.15, 0.15) + 0.55 * screen as f32;
        let pane = v3(0.018, dice.range(0.2, 0.3), dice.range(0.13, 0.19));
        let up = DESK_M + dice.range(0.08, 0.16);
        add(Part::Frame, [far, y, up + pane.z], pane);
        add(
            Part::Frame,
            [far, y, 0.5 * (DESK_M + up)],
            v3(0.03, 0.03, 0.5 * (up - DESK_M)),
        );
    }
}
