//! Arms, hands, legs and shoes, bare or clothed.

use super::loft::{Ring, Rows, grid, tube};
use super::math::{Mat3, Vec3, mix, smooth, table, v3};
use super::noise::noise;
use super::outfit::{Bottom, Outer, Top};
use super::skeleton::side_sign;
use super::surface::{Part, Surface};
use super::{Build, Outfit, Pose, Skeleton};

/// Half width, front and back depth of a bare leg as shares of body height, by share of the
/// leg's length from hip joint (0) over the knee (0.5) to the ankle (1).
const LEG: &[(f32, [f32; 3])] = &[
    (0.00, [0.046, 0.048, 0.050]),
    (0.10, [0.048, 0.049, 0.050]),
    (0.25, [0.044, 0.047, 0.045]),
    (0.40, [0.036, 0.040, 0.037]),
    (0.50, [0.032, 0.036, 0.033]),
    (0.58, [0.031, 0.031, 0.038]),
    (0.68, [0.031, 0.029, 0.041]),
    (0.80, [0.025, 0.025, 0.031]),
    (0.92, [0.019, 0.020, 0.023]),
    (1.00, [0.019, 0.021, 0.024]),
];

/// The same for an arm, from shoulder joint (0) over the elbow (0.54) to the wrist (1).
const ARM: &[(f32, [f32; 3])] = &[
    (-0.07, [0.004, 0.005, 0.005]),
    (-0.055, [0.015, 0.018, 0.018]),
    (-0.03, [0.023, 0.028, 0.028]),
    (0.00, [0.028, 0.034, 0.033]),
    (0.12, [0.030, 0.034, 0.033]),
    (0.30, [0.027, 0.030, 0.030]),
    (0.54, [0.023, 0.024, 0.025]),
    (0.64, [0.025, 0.026, 0.024]),
    (0.80, [0.020, 0.020, 0.019]),
    (1.00, [0.014, 0.017, 0.017]),
];

/// Thickness of a bare leg `down_m` along it from the hip: half width, front, back, m.
pub(super) fn leg_radius(build: &Build, down_m: f32) -> [f32; 3] {
    let share = down_m / (build.thigh_m() + build.shank_m());
    let fat = mix(build.girth, build.girth.powf(0.55), smooth(0.2, 0.9, share));
    let woman = 1.0 + 0.05 * build.feminine * smooth(0.4, 0.1, share);
    table(LEG, share).map(|r| r * build.height_m * fat * woman)
}

/// The middle of a leg `down_m` along it from the hip, m.
pub(super) fn leg_centre(build: &Build, skeleton: &Skeleton, side: usize, down_m: f32) -> Vec3 {
    let thigh = build.thigh_m();
    if down_m <= thigh {
        skeleton.hips[side].point(v3(0.0, 0.0, -down_m))
    } else {
        skeleton.knees[side].point(v3(0.0, 0.0, thigh - down_m))
    }
}

/// A limb of two bones: a place along it, with the frame bent smoothly around the middle joint.
struct Limb<'a> {
    upper: &'a super::skeleton::Frame,
    lower: &'a super::skeleton::Frame,
    upper_m: f32,
    /// Half the length over which the bend is spread, m.
    soft_m: f32,
}

impl Limb<'_> {
    fn at(&self, down_m: f32) -> (Vec3, Mat3) {
        let over = down_m - self.upper_m;
        let a = self.upper.point(v3(0.0, 0.0, -down_m));
        let b = self.lower.point(v3(0.0, 0.0, -over));
        let t = smooth(-self.soft_m, self.soft_m, over);
        // Blending positions cuts the corner a little, as flesh does.
        (a.lerp(b, t), self.upper.rot.blend(&self.lower.rot, t))
    }
}

/// Adds arms, hands, legs and shoes.
pub(super) fn add(
    out: &mut Surface,
    build: &Build,
    outfit: &Outfit,
    pose: &Pose,
    skeleton: &Skeleton,
) {
    for side in 0..2 {
        arm(out, build, outfit, skeleton, side);
        hand(out, build, pose, skeleton, side);
        leg(out, build, outfit, skeleton, side);
        shoe(out, build, pose, skeleton, side);
    }
}

fn arm(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton, side: usize) {
    let length = build.upper_arm_m() + build.forearm_m();
    let limb = Limb {
        upper: &skeleton.shoulders[side],
        lower: &skeleton.elbows[side],
        upper_m: build.upper_arm_m(),
        soft_m: 0.03 * build.height_m,
    };
    let fat = build.girth.powf(0.75) * mix(1.0, 0.88, build.feminine);
    let bare = |share: f32| table(ARM, share).map(|r| r * build.height_m * fat);
    let sleeve = |out: &mut Surface, part: Part, to: f32, slack: f32, flare: f32, seed: u32| {
        let from: f32 = -0.07;
        let rows = ((to - from) / 0.042).ceil() as usize + 2;
        let segments = out.segments(16);
        grid(out, part, Rows::Down, rows, segments, |row, angle| {
            let last = row == rows - 1;
            let share = mix(from, to, (row.min(rows - 2)) as f32 / (rows - 2) as f32);
            let d = share * length;
            let (at, rot) = limb.at(d);
            let [w, f, b] = bare(share);
            let near_elbow = (-((share - 0.54) / 0.16).powi(2)).exp();
            let wrinkle = noise(angle * 1.3, share * 34.0, seed)
                * (0.25 + near_elbow + 0.6 * smooth(0.8, 1.0, share))
                * 0.22
                * slack;
            let cap = smooth(-0.07, 0.10, share);
            let k = if last {
                -0.35 * w
            } else {
                (slack + flare * share) * cap + wrinkle
            };
            let ring = Ring::oval(at, &rot, w + k, f + k, b + k, d);
            (ring.point(angle), d)
        });
    };
    let skin_from_shoulder = outfit.outer == Outer::None || outfit.outer == Outer::HighVis;
    let (top_to, top_slack) = match outfit.top {
        Top::TShirt => (0.36, 0.016),
        Top::Shirt => (0.985, 0.014),
        Top::Jumper => (0.985, 0.018),
        Top::Sleeveless => (0.0, 0.0),
    };
    if skin_from_shoulder {
        if top_to < 0.9 {
            sleeve(out, Part::Skin, 1.0, 0.0, 0.0, 0);
        }
        if top_to > 0.0 {
            sleeve(
                out,
                Part::TopSleeve,
                top_to,
                top_slack,
                0.004,
                outfit.seed ^ side as u32,
            );
        }
        return;
    }
    let slack = match outfit.outer {
        Outer::Suit => 0.020,
        Outer::Padded => 0.040,
        Outer::Coat => 0.026,
        _ => 0.024,
    };
    sleeve(
        out,
        Part::OuterSleeve,
        0.985,
        slack,
        0.0,
        outfit.seed ^ (7 + side as u32),
    );
}

fn hand(out: &mut Surface, build: &Build, pose: &Pose, skeleton: &Skeleton, side: usize) {
    let wrist = &skeleton.wrists[side];
    let (s, m) = (side_sign(side), build.hand_m());
    let curl = pose.arms[side].curl;
    // Thumb forward; the palm looks inwards, so fingers curl towards -s * left.
    let rows: &[(f32, f32, f32)] = &[
        (-0.06, 0.145, 0.11),
        (0.08, 0.15, 0.11),
        (0.25, 0.19, 0.11),
        (0.45, 0.22, 0.10),
        (0.58, 0.21, 0.085),
        (0.75, 0.18, 0.07),
        (0.90, 0.15, 0.06),
        (0.98, 0.09, 0.04),
        (1.00, 0.01, 0.01),
    ];
    let mut at = wrist.point(v3(0.0, 0.0, 0.06 * m));
    let mut along = 0.0;
    let mut rings = Vec::with_capacity(rows.len());
    for &(t, wide, thick) in rows {
        let bend = 1.5 * curl * smooth(0.40, 0.95, t) + 0.15 * t;
        let rot = wrist.rot.after(&Mat3::roll(-s * bend));
        let step = (t + 0.06) * m - along;
        along += step;
        at += rot.u * -step;
        let mut ring = Ring::oval(at, &rot, thick * m, wide * m, wide * m, t);
        ring.square = 0.85;
        rings.push(ring);
    }
    tube(out, Part::Hand, Rows::Down, 12, &rings);
    let thumb_rot = wrist
        .rot
        .after(&Mat3::pitch(-0.55))
        .after(&Mat3::roll(-s * (0.3 + 0.5 * curl)));
    let base = wrist.point(v3(0.10 * m, -s * 0.03 * m, -0.16 * m));
    let thumb: Vec<Ring> = [
        (0.0, 0.075),
        (0.18, 0.075),
        (0.33, 0.062),
        (0.40, 0.03),
        (0.42, 0.004),
    ]
    .iter()
    .map(|&(t, r)| {
        Ring::oval(
            base - thumb_rot.u * (t * m),
            &thumb_rot,
            r * m,
            r * m,
            r * m,
            t,
        )
    })
    .collect();
    tube(out, Part::Hand, Rows::Down, 8, &thumb);
}

fn leg(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton, side: usize) {
    let length = build.thigh_m() + build.shank_m();
    let limb = Limb {
        upper: &skeleton.hips[side],
        lower: &skeleton.knees[side],
        upper_m: build.thigh_m(),
        soft_m: 0.035 * build.height_m,
    };
    let h = build.height_m;
    let covered = match outfit.bottom {
        Bottom::Trousers | Bottom::Slim | Bottom::Wide => 1.0,
        Bottom::Shorts => 0.46,
        _ => 0.0,
    };
    if covered < 0.9 {
        let rows: Vec<Ring> = (0..22)
            .map(|i| {
                let share = i as f32 / 21.0;
                let d = mix(0.1, 1.06, share) * length;
                let (at, rot) = limb.at(d);
                let [w, f, b] = leg_radius(build, d);
                Ring::oval(at, &rot, w, f, b, d)
            })
            .collect();
        tube(out, Part::Skin, Rows::Down, 16, &rows);
    }
    if covered <= 0.0 {
        return;
    }
    // (slack m at the thigh, least half width at the hem as a share of height)
    let (slack, hem) = match outfit.bottom {
        Bottom::Slim => (0.006, 0.025),
        Bottom::Wide => (0.024, 0.058),
        Bottom::Shorts => (0.022, 0.050),
        _ => (0.013, 0.040),
    };
    let seed = outfit.seed ^ (21 + side as u32);
    let to: f32 = if covered < 0.9 { covered } else { 1.02 };
    let from = -0.07;
    let rows = ((to - from) / 0.042).ceil() as usize + 2;
    let segments = out.segments(18);
    grid(
        out,
        Part::Trouser,
        Rows::Down,
        rows,
        segments,
        |row, angle| {
            let last = row == rows - 1;
            let share = mix(from, to, row.min(rows - 2) as f32 / (rows - 2) as f32);
            let d = share * length;
            let (at, rot) = limb.at(d);
            let [w, f, b] = leg_radius(build, d.max(0.0));
            let least = mix(0.052, hem, smooth(0.1, 0.8, share)) * h;
            let near_knee = (-((share - 0.52) / 0.12).powi(2)).exp();
            let low = smooth(0.78, 1.0, share);
            let wrinkle = noise(angle * 1.2 + 9.0, share * 26.0, seed)
                * (0.15 + 0.5 * near_knee + low)
                * (0.003 + 0.35 * slack);
            let widen = |r: f32| {
                let r = r + slack;
                // Cloth spans hollows: a smooth maximum of leg and cut.
                let gap = r - least;
                0.5 * (r + least + (gap * gap + 1e-4).sqrt()) + wrinkle
            };
            // The seat takes over above; keep the thigh's top inside it.
            let tuck = if share < 0.0 { 1.0 + 3.0 * share } else { 1.0 };
            let k = if last { 0.6 } else { tuck };
            let ring = Ring::oval(at, &rot, widen(w) * k, widen(f) * k, widen(b) * k, d);
            (ring.point(angle), d)
        },
    );
}

/// Half width and height above the floor of a shoe's upper, shares of its length, from heel to toe.
const SHOE: &[(f32, [f32; 2])] = &[
    (0.00, [0.040, 0.20]),
    (0.03, [0.095, 0.27]),
    (0.12, [0.125, 0.32]),
    (0.26, [0.130, 0.34]),
    (0.40, [0.135, 0.28]),
    (0.55, [0.165, 0.215]),
    (0.70, [0.180, 0.165]),
    (0.84, [0.165, 0.125]),
    (0.94, [0.115, 0.095]),
    (1.00, [0.030, 0.055]),
];

fn shoe(out: &mut Surface, build: &Build, pose: &Pose, skeleton: &Skeleton, side: usize) {
    let ankle = &skeleton.ankles[side];
    let (m, low) = (build.foot_m(), build.ankle_m());
    let s = side_sign(side);
    let toes = pose.legs[side].toes;
    let rows = 15;
    let segments = out.segments(16);
    let ball = 0.68;
    grid(out, Part::Shoe, Rows::Down, rows, segments, |row, angle| {
        let t = row as f32 / (rows - 1) as f32;
        // Rows crowd at both ends, where the shape turns.
        let t = t * t * (3.0 - 2.0 * t);
        let [wide, high] = table(SHOE, t);
        let k = if row == 0 || row == rows - 1 {
            0.05
        } else {
            1.0
        };
        let (sin, cos) = angle.sin_cos();
        // Angle 0 is on top; the sole is flat.
        let up = if cos > 0.0 {
            cos.powf(0.8)
        } else {
            -(-cos).powf(0.25)
        };
        let (top, bottom) = (high * m * k, 0.012 * (1.0 - k));
        let z = bottom + (top - bottom) * 0.5 * (1.0 + up);
        let y = wide * m * k * sin.abs().powf(0.75).copysign(sin) - s * 0.02 * m * (1.0 - t);
        let bent = ((t - ball) * m).max(0.0);
        let x = (t.min(ball) - 0.27) * m;
        let (ts, tc) = toes.sin_cos();
        let lift = (z - 0.3 * top).clamp(-0.02, 0.02);
        let p = v3(
            x + bent * tc - lift * ts * smooth(0.0, 0.03, bent),
            y,
            z - low + bent * ts,
        );
        (ankle.point(p), z)
    });
}
