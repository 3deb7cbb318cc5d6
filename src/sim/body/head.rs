//! Head, hair and what is worn on the head.

use std::f32::consts::PI;

use super::loft::{Rows, ellipsoid, grid, sheet};
use super::math::{Mat3, Vec3, mix, smooth, table, v3};
use super::noise::noise;
use super::outfit::{Hair, Headwear};
use super::surface::{Part, Surface};
use super::{Build, Outfit, Skeleton};

/// Axis offset to the front, half width, front and back depth, all as shares of the head's
/// height, by height share from chin (0) to crown (1).
const HEAD: &[(f32, [f32; 4])] = &[
    (0.00, [0.26, 0.050, 0.060, 0.05]),
    (0.02, [0.25, 0.130, 0.120, 0.12]),
    (0.07, [0.20, 0.200, 0.190, 0.18]),
    (0.15, [0.12, 0.252, 0.275, 0.25]),
    (0.26, [0.06, 0.284, 0.335, 0.33]),
    (0.40, [0.02, 0.306, 0.372, 0.39]),
    (0.50, [0.00, 0.320, 0.378, 0.42]),
    (0.58, [0.00, 0.330, 0.392, 0.435]),
    (0.66, [0.00, 0.336, 0.398, 0.445]),
    (0.76, [-0.01, 0.333, 0.382, 0.440]),
    (0.85, [-0.02, 0.306, 0.328, 0.395]),
    (0.92, [-0.03, 0.252, 0.248, 0.315]),
    (0.97, [-0.04, 0.168, 0.158, 0.205]),
    (1.00, [-0.04, 0.010, 0.010, 0.010]),
];

/// Where hair begins, as a height share of the head, by angle from the front.
pub fn hairline(hair: Hair, angle: f32) -> f32 {
    let a = angle.abs();
    let rows = [
        (0.0, [0.82]),
        (0.55, [0.80]),
        (0.85, [0.72]),
        (1.15, [0.60]),
        (1.35, [0.46]),
        (1.60, [0.44]),
        (1.85, [0.34]),
        (2.30, [0.16]),
        (PI, [0.10]),
    ];
    let [line] = table(&rows, a);
    match hair {
        Hair::Bald => 2.0,
        Hair::Cropped => line + 0.02,
        _ => line,
    }
}

/// Distance of skull and hair from the axis, by style: how thick the hair lies, in head heights.
fn thickness(hair: Hair) -> f32 {
    match hair {
        Hair::Bald => 0.0,
        Hair::Cropped => 0.012,
        Hair::Short => 0.045,
        Hair::Bun | Hair::Tail => 0.030,
        Hair::Full | Hair::Bob | Hair::Long => 0.07,
        Hair::Afro => 0.20,
    }
}

/// A point of the skull widened by `slack` head heights, in the head's own frame, head heights.
fn skull(t: f32, angle: f32, slack: f32) -> Vec3 {
    let [cx, w, f, b] = table(HEAD, t.clamp(0.0, 1.0));
    let (s, c) = angle.sin_cos();
    let depth = if c > 0.0 { f } else { b };
    let top = smooth(0.75, 1.0, t) * slack;
    let open = (w / 0.336).min(1.0);
    v3(
        cx + c * (depth + slack * open),
        s * (w + slack * open),
        t + top,
    )
}

/// Nose, sockets, brow and lips: how far the face stands out, in head heights.
fn relief(t: f32, angle: f32) -> f32 {
    let bell = |x: f32, half: f32| (-(x / half) * (x / half)).exp();
    let nose = 0.115 * smooth(0.58, 0.37, t) * smooth(0.29, 0.345, t) * bell(angle, 0.17);
    let socket = -0.030 * bell(t - 0.50, 0.05) * bell(angle.abs() - 0.36, 0.22);
    let brow = 0.016 * bell(t - 0.595, 0.04) * bell(angle, 0.6);
    let lips = 0.022 * bell(t - 0.205, 0.045) * bell(angle, 0.28);
    let cheek = 0.012 * bell(t - 0.36, 0.08) * bell(angle.abs() - 0.7, 0.3);
    nose + socket + brow + lips + cheek
}

/// Adds the head and what grows and sits on it.
pub(super) fn add(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let m = build.head_m();
    let frame = &skeleton.head;
    // The skull's axis lies a little before the neck's.
    let place = |v: Vec3| frame.point(v3(0.012 + v.x * m, v.y * m * 0.98, v.z * m));
    let covered = matches!(outfit.headwear, Headwear::Scarf | Headwear::Hood);
    let hair = if covered { Hair::Cropped } else { outfit.hair };
    let thick = thickness(hair);
    let rows = 26;
    let segments = out.segments(36);
    grid(out, Part::Head, Rows::Up, rows, segments, |row, angle| {
        let t = row as f32 / (rows - 1) as f32;
        let t = mix(t, 0.5 - 0.5 * (PI * t).cos(), 0.4);
        let line = hairline(hair, angle);
        let uneven = 1.0 + 0.25 * noise(angle * 3.0, t * 9.0, outfit.seed ^ 77);
        let slack = thick * smooth(line - 0.01, line + 0.10, t) * uneven;
        let mut p = skull(t, angle, slack);
        let r =
            relief(t, angle) + 0.02 * outfit.beard * smooth(0.3, 0.15, t) * angle.cos().max(0.0);
        p += v3(angle.cos(), angle.sin(), 0.0) * r;
        (place(p), t)
    });
    if !covered && !matches!(hair, Hair::Bob | Hair::Long | Hair::Afro) {
        for s in [-1.0_f32, 1.0] {
            let rot = frame.rot.after(&Mat3::yaw(s * 0.35));
            let at = place(v3(-0.04, s * 0.325, 0.47));
            ellipsoid(out, Part::Skin, at, &rot, v3(0.075, 0.03, 0.135) * m);
        }
    }
    if !covered {
        hang_hair(out, build, outfit, skeleton, &place);
    }
    headwear(out, outfit, &place);
}

fn hang_hair(
    out: &mut Surface,
    build: &Build,
    outfit: &Outfit,
    skeleton: &Skeleton,
    place: &impl Fn(Vec3) -> Vec3,
) {
    let m = build.head_m();
    let frame = &skeleton.head;
    let long = match outfit.hair {
        Hair::Bob => -0.08,
        Hair::Long => -0.75,
        Hair::Bun => {
            ellipsoid(
                out,
                Part::Hair,
                place(v3(-0.50, 0.0, 0.66)),
                &frame.rot,
                v3(0.15, 0.17, 0.17) * m,
            );
            return;
        }
        Hair::Tail => {
            let chest = &skeleton.chest.rot;
            let from = place(v3(-0.42, 0.0, 0.62));
            let hang = frame.rot.f * (-0.22 * m) - Vec3::UP * (0.45 * m);
            let to = from + hang - chest.f * (0.04 * m) - chest.u * (0.45 * m);
            let knee = from + hang * 0.55;
            tail(out, from, knee, to, m, outfit.seed);
            return;
        }
        _ => return,
    };
    let chest = &skeleton.chest;
    sheet(out, Part::Hair, Rows::Down, 16, 22, |down, across| {
        let t = mix(0.86, long, down);
        let edge = mix(0.95, 1.25, smooth(0.8, 0.45, t));
        let angle = mix(edge, 2.0 * PI - edge, across);
        let strand = 0.02 * noise(angle * 5.0, t * 2.0, outfit.seed ^ 5);
        let swell = 0.075 + 0.03 * smooth(0.7, 0.2, t) + strand;
        let mut p = skull(t.max(0.47), angle, swell);
        p.z = t;
        let low = smooth(0.15, -0.2, t);
        let mut world = place(p);
        if low > 0.0 {
            // Below the chin hair lies on shoulders and back, whichever way the head turns.
            let local = chest.rot.undo(world - chest.at);
            let back = (-0.055 - 0.02 * build.girth) * build.height_m;
            let x = local.x.min(mix(local.x, back, low * 0.8));
            world = chest.point(v3(x, local.y * (1.0 - 0.15 * low), local.z));
        }
        (world, [angle, t])
    });
}

fn tail(out: &mut Surface, from: Vec3, knee: Vec3, to: Vec3, m: f32, seed: u32) {
    let rows = 9;
    let segments = out.segments(10);
    let along = (to - from).unit();
    let side = along.cross(v3(0.3, 0.9, 0.1)).unit();
    let front = side.cross(along).unit();
    grid(out, Part::Hair, Rows::Down, rows, segments, |row, angle| {
        let t = row as f32 / (rows - 1) as f32;
        let at = from.lerp(knee, t).lerp(knee.lerp(to, t), t);
        let r = m * 0.11 * (0.45 + 1.2 * t * (1.0 - t) * 2.0) * (1.0 - smooth(0.85, 1.0, t) * 0.9);
        let r = r * (1.0 + 0.15 * noise(angle * 2.0, t * 6.0, seed));
        (at + side * (r * angle.sin()) + front * (r * angle.cos()), t)
    });
}

fn headwear(out: &mut Surface, outfit: &Outfit, place: &impl Fn(Vec3) -> Vec3) {
    let puff = thickness(outfit.hair).min(0.06);
    // (lower edge, slack, extra height, brim before, brim around)
    let (edge, slack, high, peak, brim) = match outfit.headwear {
        Headwear::None => return,
        Headwear::Cap => (0.70, 0.035, 0.02, 0.34, 0.0),
        Headwear::Beanie => (0.62, 0.050, 0.07, 0.0, 0.0),
        Headwear::Helmet => (0.68, 0.115, 0.03, 0.16, 0.06),
        Headwear::Scarf => return cowl(out, outfit, 0.07, -0.42, place),
        Headwear::Hood => return cowl(out, outfit, 0.13, -0.30, place),
    };
    let slack = slack + puff;
    let rows = 11;
    let segments = out.segments(26);
    grid(
        out,
        Part::Headwear,
        Rows::Up,
        rows,
        segments,
        |row, angle| {
            let k = (row.max(1) - 1) as f32 / (rows - 2) as f32;
            let tilt = 0.05 * angle.cos();
            let t = mix(edge + tilt, 1.0, k);
            let inner = if row == 0 { -0.04 } else { 0.0 };
            let mut p = skull(t, angle, slack + inner);
            p.z += high * smooth(edge, 1.0, t);
            (place(p), t)
        },
    );
    if peak > 0.0 {
        sheet(out, Part::Headwear, Rows::Up, 5, 15, |far, across| {
            let angle = mix(-1.15, 1.15, across);
            let p = skull(edge + 0.05 * angle.cos(), angle, slack);
            let reach = far * peak * (1.0 - (angle / 1.15).powi(2)).max(0.0).sqrt();
            (
                place(p + v3(reach, 0.0, -0.28 * reach * (1.0 - 0.3 * far))),
                [angle, far],
            )
        });
    }
    if brim > 0.0 {
        sheet(out, Part::Headwear, Rows::Up, 3, 27, |far, across| {
            let angle = mix(-PI, PI, across);
            let p = skull(edge + 0.05 * angle.cos(), angle, slack + brim * far);
            (place(p + v3(0.0, 0.0, -0.02 * far)), [angle, far])
        });
    }
}

/// Cloth around head and neck with an opening for the face.
fn cowl(out: &mut Surface, outfit: &Outfit, slack: f32, low: f32, place: &impl Fn(Vec3) -> Vec3) {
    sheet(out, Part::Headwear, Rows::Down, 24, 30, |down, across| {
        let t = mix(1.0, low, down);
        let open = smooth(-0.02, 0.12, t) * smooth(0.90, 0.74, t);
        let edge = 0.02 + 0.80 * open;
        let angle = mix(edge, 2.0 * PI - edge, across);
        let fold = 0.02 * noise(angle * 2.0, t * 5.0, outfit.seed ^ 31);
        let mut p = skull(t.max(0.36), angle, slack + fold);
        let under = smooth(0.30, -0.1, t);
        p.x = mix(p.x, p.x * 0.9 - 0.02, under) + 0.05 * under * angle.cos();
        p.z = if t < 0.36 { t } else { p.z };
        (place(p), [angle, t])
    });
}
