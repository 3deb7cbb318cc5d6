//! Walking and standing: from where somebody is and how fast, to a pose.
//!
//! The stance foot is planted: in the body's own frame it moves back exactly as fast as the body
//! moves forward, rolls over heel, sole and ball, then swings. Hips ride as high as both legs
//! allow, knees follow by two-bone inverse kinematics, arms and shoulders swing against the legs.
//! Proportions of the cycle after Perry, "Gait Analysis": 62 % stance, about 35 degrees toe-off.
//!
//! What it does not do: turning on the spot, running, stairs. Feet slide a little on tight curves.

use std::f32::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::math::{Mat3, Vec3, mix, smooth, v3};
use super::skeleton::{WAIST_SHARE, side_sign};
use super::workplace::DESK_M;
use super::{Arm, Build, Dice, Pose};

/// Share of the cycle a foot stays on the floor.
const STANCE_SHARE: f32 = 0.62;
/// Below this speed strides shrink to nothing, m/s: people shuffle, they do not creep in long steps.
const SHUFFLE_MPS: f32 = 0.35;
/// Speed at which the stride and the swings are as tabulated, m/s.
const USUAL_MPS: f32 = 1.35;

/// What the hands do.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Swing or hang.
    #[default]
    Free,
    /// Hold a phone to the right ear.
    Phone,
    /// Read something held in both hands.
    Read,
    /// Hands in the pockets.
    Pockets,
    /// Arms crossed.
    Crossed,
    /// Hold a box or a tray before the belly with both hands.
    Carry,
    /// The right hand holds something small before the chest (cup, tablet).
    Hold,
    /// Push a cart with both hands.
    Push,
    /// The right hand holds an umbrella over the head.
    Raise,
    /// Sit in a wheelchair, hands on its rims; goes with [`super::Carried::Wheelchair`].
    Sit,
    /// Sit on a chair, hands before the chest on what may be a desk; goes with
    /// [`super::Carried::Chair`].
    Desk,
    /// The right hand reaches for this point of the world (reader, handle), m.
    Reach([f64; 3]),
    /// The left hand reaches for this point of the world, m.
    ReachLeft([f64; 3]),
}

/// Where somebody is and what they are about: the animator's input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stance {
    /// On the floor, m.
    pub at: [f64; 2],
    /// Which way they face, anticlockwise from +x, rad.
    pub heading_rad: f32,
    /// Speed along the heading, m/s.
    pub speed_mps: f32,
    /// Where in the stride, 0 to 1; it grows by distance over [`stride_m`]. 0: left heel strikes.
    pub phase: f32,
    /// Media time, s: standing people shift their weight with it.
    pub time_s: f32,
    /// Seed of the person's own manner: posture, toe-out, swing of the arms.
    pub manner: u32,
    /// What the hands do.
    pub action: Action,
    /// Head: turn to the left and nod, rad.
    pub look: [f32; 2],
}

impl Default for Stance {
    fn default() -> Self {
        Self {
            at: [0.0, 0.0],
            heading_rad: 0.0,
            speed_mps: 0.0,
            phase: 0.0,
            time_s: 0.0,
            manner: 0,
            action: Action::Free,
            look: [0.0, 0.0],
        }
    }
}

/// Length of a stride (two steps) at a speed, m.
pub fn stride_m(build: &Build, speed_mps: f32) -> f32 {
    let speed = speed_mps.max(0.0);
    let share = |v: f32| 0.77 * (v / USUAL_MPS).powf(0.42);
    let share = if speed < SHUFFLE_MPS {
        share(SHUFFLE_MPS) * speed / SHUFFLE_MPS
    } else {
        share(speed)
    };
    (share * build.height_m).min(1.0 * build.height_m)
}

/// Small lasting differences between people.
struct Manner {
    lean: f32,
    nod: f32,
    toe_out: f32,
    arm_lift: f32,
    arm_swing: f32,
    elbow: f32,
    width: f32,
    sway: f32,
    shift: f32,
}

impl Manner {
    fn new(seed: u32) -> Self {
        let mut dice = Dice::new(0x6d61_6e6e ^ u64::from(seed));
        Self {
            lean: 0.04 + 0.03 * dice.normal(),
            nod: 0.05 + 0.06 * dice.normal(),
            toe_out: (0.14 + 0.07 * dice.normal()).clamp(-0.02, 0.4),
            arm_lift: 0.13 + 0.03 * dice.normal(),
            arm_swing: (1.0 + 0.25 * dice.normal()).clamp(0.3, 1.7),
            elbow: (0.28 + 0.10 * dice.normal()).max(0.05),
            width: (0.75 + 0.2 * dice.normal()).clamp(0.3, 1.3),
            sway: TAU * dice.unit(),
            shift: dice.range(-1.0, 1.0),
        }
    }
}

/// A person walking (or, at speed 0, standing).
pub fn walking(build: &Build, stance: &Stance) -> Pose {
    let manner = Manner::new(stance.manner);
    let stride = stride_m(build, stance.speed_mps);
    let vigour = (stance.speed_mps / USUAL_MPS).clamp(0.0, 1.5);
    let moving = smooth(0.0, 0.6, stance.speed_mps);
    let turn = TAU * stance.phase;
    let idle = (1.0 - moving) * (stance.time_s * 0.9 + manner.sway).sin();

    let mut pose = Pose {
        at: stance.at,
        heading_rad: stance.heading_rad,
        ..Pose::default()
    };
    // The left foot is forward at phase 0: so is the left hip, and the right shoulder.
    let twist = 0.085 * vigour.min(1.2) * turn.cos();
    pose.pelvis = [
        -twist,
        0.02 + 0.02 * vigour,
        moving * 0.045 * (turn - 0.4).sin(),
    ];
    pose.pelvis[2] += (1.0 - moving) * 0.05 * manner.shift;
    pose.spine = [
        2.0 * twist,
        manner.lean + 0.03 * vigour,
        -pose.pelvis[2] * 1.2,
    ];
    pose.head = [
        -twist + stance.look[0],
        manner.nod - manner.lean + stance.look[1],
        0.02 * manner.shift,
    ];
    pose.sway_m = [
        -0.01,
        moving * 0.022 * turn.sin() + (1.0 - moving) * (0.035 * manner.shift + 0.008 * idle),
    ];
    plant_feet(build, stance, &manner, stride, moving, &mut pose);
    let swing = 0.36 * vigour.powf(0.8) * manner.arm_swing;
    let heavy = 0.35 * (build.girth - 1.0).max(0.0) + 0.05 * build.belly;
    for side in 0..2 {
        let wave = -side_sign(side) * (turn + 0.2).cos();
        pose.arms[side] = Arm {
            swing: swing * (wave + 0.12) - 0.04 + 0.02 * idle,
            lift: manner.arm_lift + heavy + 0.02 * vigour,
            twist: 0.25,
            elbow: manner.elbow + swing * (0.6 + 0.6 * wave),
            palm: 0.3,
            curl: 0.45,
        };
    }
    act(build, stance.action, &mut pose);
    pose
}

/// A person standing still.
pub fn standing(build: &Build, stance: &Stance) -> Pose {
    walking(
        build,
        &Stance {
            speed_mps: 0.0,
            ..*stance
        },
    )
}

/// Where one foot is in the body's own frame: ankle (forward, up), pitch (toes up), toe bend.
struct Foot {
    ahead: f32,
    up: f32,
    pitch: f32,
    toes: f32,
}

fn foot_at(build: &Build, stride: f32, phase: f32) -> Foot {
    let (heel_back, ball) = (0.25 * build.foot_m(), 0.42 * build.foot_m());
    let ankle = build.ankle_m();
    let reach = (stride / (0.77 * build.height_m)).min(1.2);
    let (strike, off) = (0.34 * reach, -0.92 * reach);
    let centre = -0.13 * STANCE_SHARE * stride;
    let start = 0.5 * STANCE_SHARE * stride + centre;
    let rolled = |sole: f32, pitch: f32| {
        let (s, c) = pitch.sin_cos();
        let px = if pitch > 0.0 { -heel_back } else { ball };
        let pz = -ankle;
        (
            sole + px - (px * c - pz * s),
            ankle + pz - (px * s + pz * c),
        )
    };
    if phase < STANCE_SHARE {
        let down = strike * (1.0 - smooth(0.0, 0.11, phase));
        let pitch = down + off * smooth(0.34, STANCE_SHARE + 0.04, phase);
        let (ahead, up) = rolled(start - stride * phase, pitch);
        return Foot {
            ahead,
            up,
            pitch,
            toes: (-pitch).max(0.0),
        };
    }
    let s = (phase - STANCE_SHARE) / (1.0 - STANCE_SHARE);
    let off_now = off * smooth(0.34, STANCE_SHARE + 0.04, STANCE_SHARE);
    let (from, from_up) = rolled(start - stride * STANCE_SHARE, off_now);
    let (to, _) = rolled(start, strike);
    let slope = -stride * (1.0 - STANCE_SHARE);
    let (s2, s3) = (s * s, s * s * s);
    let ahead = (2.0 * s3 - 3.0 * s2 + 1.0) * from
        + (s3 - 2.0 * s2 + s) * slope
        + (3.0 * s2 - 2.0 * s3) * to
        + (s3 - s2) * slope;
    let pitch =
        mix(off_now, 0.2 * reach, smooth(0.0, 0.65, s)) + 0.14 * reach * smooth(0.6, 1.0, s);
    // Lowest of toe tip and heel clears the floor by a finger's breadth in mid swing.
    let (sp, cp) = pitch.sin_cos();
    let toe_low = 0.72 * build.foot_m() * sp - ankle * cp;
    let heel_low = -heel_back * sp - ankle * cp;
    let clear = 0.03 * reach * (PI * s).sin();
    let level = -toe_low.min(heel_low) + clear;
    let up = mix(from_up, level, smooth(0.0, 0.5, s));
    Foot {
        ahead,
        up,
        pitch,
        toes: (-off_now).max(0.0) * (1.0 - smooth(0.0, 0.3, s)),
    }
}

fn plant_feet(
    build: &Build,
    stance: &Stance,
    manner: &Manner,
    stride: f32,
    moving: f32,
    pose: &mut Pose,
) {
    let phase = stance.phase.rem_euclid(1.0);
    let feet = [
        foot_at(build, stride, phase),
        foot_at(build, stride, (phase + 0.5).rem_euclid(1.0)),
    ];
    let bob = 0.010 * build.height_m * moving;
    pose.hip_m = build.hip_m() * 0.992 - bob + bob * (2.0 * TAU * (phase - 0.31)).cos();
    let pelvis_rot = |pose: &Pose| {
        let [yaw, pitch, roll] = pose.pelvis;
        Mat3::yaw(yaw)
            .after(&Mat3::pitch(pitch))
            .after(&Mat3::roll(roll))
    };
    let hips = pelvis_rot(pose);
    let reach = 0.992 * (build.thigh_m() + build.shank_m());
    let mut targets = [Vec3::ZERO; 2];
    for side in 0..2 {
        let s = side_sign(side);
        let apart = mix(1.15 + 0.5 * manner.width, manner.width, moving) * build.hip_half_m();
        let stagger = (1.0 - moving) * 0.05 * manner.shift * s;
        targets[side] = v3(feet[side].ahead + stagger, s * apart, feet[side].up);
        let hip = v3(pose.sway_m[0], pose.sway_m[1], 0.0) + hips.l * (s * build.hip_half_m());
        let (dx, dy) = (targets[side].x - hip.x, targets[side].y - hip.y);
        let room = (reach * reach - dx * dx - dy * dy).max(0.04).sqrt();
        pose.hip_m = pose.hip_m.min(targets[side].z + room - hip.z);
    }
    for side in 0..2 {
        let s = side_sign(side);
        let hip =
            v3(pose.sway_m[0], pose.sway_m[1], pose.hip_m) + hips.l * (s * build.hip_half_m());
        let toes = feet[side].toes;
        bend_leg(build, targets[side] - hip, feet[side].pitch, side, pose);
        pose.legs[side].turn = manner.toe_out * mix(1.8, 1.0, moving);
        pose.legs[side].toes = toes;
    }
}

/// Angles that put the ankle at `to` from the hip (heading frame) with the foot at `pitch`.
fn bend_leg(build: &Build, to: Vec3, pitch: f32, side: usize, pose: &mut Pose) {
    let (a, b) = (build.thigh_m(), build.shank_m());
    let (knee, inner) = two_bones(a, b, to.norm());
    let leg = &mut pose.legs[side];
    leg.lift = side_sign(side) * to.y.atan2(-to.z);
    let down = (to.y * to.y + to.z * to.z).sqrt();
    leg.swing = to.x.atan2(down) + inner;
    leg.knee = knee;
    leg.ankle = pitch - leg.swing + knee;
}

/// Flexion of the middle joint, and the angle between the first bone and the straight line.
fn two_bones(a: f32, b: f32, distance: f32) -> (f32, f32) {
    let d = distance.clamp((a - b).abs() + 0.01, 0.9995 * (a + b));
    let bend = PI
        - ((a * a + b * b - d * d) / (2.0 * a * b))
            .clamp(-1.0, 1.0)
            .acos();
    let inner = ((a * a + d * d - b * b) / (2.0 * a * d))
        .clamp(-1.0, 1.0)
        .acos();
    (bend, inner)
}

/// What the hands do, over the swing they would have.
fn act(build: &Build, action: Action, pose: &mut Pose) {
    let h = build.height_m;
    // Depth of the belly: hands before it must not sink into it.
    let front = h * (0.075 + 0.03 * (build.girth - 1.0) + 0.02 * build.belly);
    let up = |share: f32| (share - WAIST_SHARE) * h;
    let down_out = |side: usize| v3(-0.3, 0.45 * side_sign(side), -1.0);
    match action {
        Action::Free => {}
        Action::Phone => {
            reach(
                build,
                pose,
                1,
                v3(0.055 * h, -0.062 * h, up(0.905)),
                v3(0.3, -0.6, -1.0),
            );
            pose.arms[1].palm = 0.2;
            pose.arms[1].curl = 0.8;
        }
        Action::Read => {
            for side in 0..2 {
                let at = v3(front + 0.13 * h, 0.03 * h * side_sign(side), up(0.70));
                reach(build, pose, side, at, down_out(side));
                pose.arms[side].palm = -1.2;
                pose.arms[side].curl = 0.6;
            }
            pose.head[1] += 0.35;
        }
        Action::Pockets => {
            for side in 0..2 {
                let at = v3(
                    0.045 * h,
                    0.098 * h * build.girth * side_sign(side),
                    up(0.525),
                );
                reach(build, pose, side, at, v3(-1.0, 0.9 * side_sign(side), -0.2));
                pose.arms[side].palm = 0.2;
            }
        }
        Action::Crossed => {
            for side in 0..2 {
                let s = side_sign(side);
                let low = if side == 0 { 0.695 } else { 0.72 };
                reach(
                    build,
                    pose,
                    side,
                    v3(front + 0.03 * h, -0.045 * h * s, up(low)),
                    v3(-0.1, s, -0.9),
                );
                pose.arms[side].palm = -0.3;
            }
        }
        Action::Carry => {
            for side in 0..2 {
                let at = v3(front + 0.10 * h, 0.10 * h * side_sign(side), up(0.63));
                reach(build, pose, side, at, v3(-0.8, 0.5 * side_sign(side), -0.6));
                pose.arms[side].palm = -1.2;
                pose.arms[side].curl = 0.4;
            }
        }
        Action::Hold => {
            reach(
                build,
                pose,
                1,
                v3(front + 0.12 * h, -0.06 * h, up(0.69)),
                down_out(1),
            );
            pose.arms[1].palm = -0.3;
            pose.arms[1].curl = 0.7;
        }
        Action::Push => {
            for side in 0..2 {
                let at = v3(front + 0.16 * h, 0.13 * h * side_sign(side), up(0.60));
                reach(build, pose, side, at, down_out(side));
                pose.arms[side].palm = 1.4;
                pose.arms[side].curl = 0.9;
            }
            pose.spine[1] += 0.08;
        }
        Action::Raise => {
            let at = v3(front + 0.07 * h, -0.075 * h, up(0.77));
            reach(build, pose, 1, at, down_out(1));
            pose.arms[1].palm = -0.4;
            pose.arms[1].curl = 0.9;
        }
        Action::Sit => {
            // Feet on rests, a hand's breadth over the floor.
            sit(build, pose, 0.13);
            for side in 0..2 {
                let s = side_sign(side);
                let at = v3(0.02, 0.30 * s, 0.02 - 0.09 * build.height_m);
                reach(build, pose, side, at, v3(-1.0, 0.6 * s, 0.2));
                pose.arms[side].curl = 0.8;
            }
        }
        Action::Desk => at_desk(build, pose),
        Action::Reach(to) => reach_world(build, pose, 1, to),
        Action::ReachLeft(to) => reach_world(build, pose, 0, to),
    }
}

/// Height of a seated person's hip joints, m: a cushion at half a metre.
pub(super) const SEATED_HIP_M: f32 = 0.60;

/// Sits, with the feet this far over the floor, m.
fn sit(build: &Build, pose: &mut Pose, feet_m: f32) {
    pose.hip_m = SEATED_HIP_M;
    pose.sway_m = [-0.05, 0.0];
    pose.pelvis = [0.0, -0.10, 0.0];
    pose.spine = [0.0, 0.10, 0.0];
    for side in 0..2 {
        let s = side_sign(side);
        let to = v3(
            build.thigh_m() * 0.98,
            0.04 * s,
            feet_m + build.ankle_m() - SEATED_HIP_M,
        );
        bend_leg(build, to, 0.1, side, pose);
        let leg = &mut pose.legs[side];
        (leg.turn, leg.toes) = (0.1, 0.0);
    }
}

/// Sits with the hands on a desk, bent forward a little.
fn at_desk(build: &Build, pose: &mut Pose) {
    sit(build, pose, 0.0);
    pose.spine[1] += 0.12;
    let (chest, rot) = chest_frame(build, pose);
    let root = Mat3::yaw(pose.heading_rad);
    let floor = v3(pose.at[0] as f32, pose.at[1] as f32, 0.0);
    for side in 0..2 {
        let s = side_sign(side);
        let hand = floor + root.apply(v3(0.40, 0.16 * s, DESK_M + 0.05));
        let elbow = v3(-0.3, 0.45 * s, -1.0);
        reach(build, pose, side, rot.undo(hand - chest), elbow);
        pose.arms[side].palm = 1.2;
        pose.arms[side].curl = 0.4;
    }
}

fn chest_frame(build: &Build, pose: &Pose) -> (Vec3, Mat3) {
    let skeleton = super::Skeleton::new(build, pose);
    (skeleton.chest.at, skeleton.chest.rot)
}

fn reach_world(build: &Build, pose: &mut Pose, side: usize, to: [f64; 3]) {
    let (at, rot) = chest_frame(build, pose);
    let hand_back = 0.6 * build.hand_m();
    let target = rot.undo(v3(to[0] as f32, to[1] as f32, to[2] as f32) - at);
    let target = target - v3(hand_back, 0.0, 0.0);
    reach(
        build,
        pose,
        side,
        target,
        v3(-0.2, 0.5 * side_sign(side), -1.0),
    );
    pose.arms[side].palm = 0.6;
    pose.arms[side].curl = 0.25;
}

/// Bends an arm so that the wrist comes to `to` (chest frame, m), the elbow pointing to `pole`.
fn reach(build: &Build, pose: &mut Pose, side: usize, to: Vec3, pole: Vec3) {
    let s = side_sign(side);
    let shoulder = v3(
        -0.012 * build.height_m,
        s * build.shoulder_half_m(),
        build.shoulder_m() - WAIST_SHARE * build.height_m,
    );
    let w = to - shoulder;
    let (a, b) = (build.upper_arm_m(), build.forearm_m());
    let (elbow, inner) = two_bones(a, b, w.norm());
    let along = w.unit();
    let aside = (pole - along * pole.dot(along)).unit();
    let upper = along * inner.cos() + aside * inner.sin();
    let up = -upper;
    let hollow = (w - upper * w.dot(upper)).unit();
    let (roll, pitch) = ((-up.y).atan2(up.z), up.x.clamp(-1.0, 1.0).asin());
    let base = Mat3::roll(roll).after(&Mat3::pitch(pitch));
    let yaw = hollow.dot(base.l).atan2(hollow.dot(base.f));
    let arm = &mut pose.arms[side];
    arm.lift = s * roll;
    arm.swing = -pitch;
    arm.twist = -s * yaw;
    arm.elbow = elbow;
}
