//! Trunk, neck and everything that hangs from shoulders or waist.

use super::loft::{Rows, grid};
use super::math::{Vec3, mix, smooth, table, v3};
use super::noise::noise;
use super::outfit::{Bottom, Outer, Top};
use super::skeleton::WAIST_SHARE;
use super::surface::{Part, Surface};
use super::{Build, Outfit, Skeleton, limbs};

/// Half width, depth to the front, depth to the back of a bare trunk, all as shares of body
/// height, by height share from crotch to neck. Widths and depths follow the tables of
/// "The Measure of Man and Woman" (Tilley), smoothed by eye.
const MAN: &[(f32, [f32; 3])] = &[
    (0.455, [0.030, 0.030, 0.034]),
    (0.475, [0.076, 0.050, 0.060]),
    (0.500, [0.093, 0.058, 0.070]),
    (0.525, [0.097, 0.059, 0.071]),
    (0.555, [0.094, 0.058, 0.064]),
    (0.590, [0.088, 0.058, 0.054]),
    (0.620, [0.084, 0.059, 0.050]),
    (0.655, [0.086, 0.061, 0.052]),
    (0.695, [0.092, 0.064, 0.058]),
    (0.735, [0.099, 0.067, 0.064]),
    (0.765, [0.106, 0.064, 0.067]),
    (0.790, [0.113, 0.055, 0.064]),
    (0.805, [0.115, 0.046, 0.059]),
    (0.818, [0.106, 0.039, 0.053]),
    (0.828, [0.084, 0.035, 0.048]),
    (0.838, [0.060, 0.033, 0.043]),
    (0.850, [0.043, 0.033, 0.038]),
    (0.870, [0.036, 0.035, 0.035]),
    (0.905, [0.035, 0.036, 0.036]),
];

const WOMAN: &[(f32, [f32; 3])] = &[
    (0.455, [0.030, 0.030, 0.034]),
    (0.475, [0.080, 0.051, 0.064]),
    (0.500, [0.100, 0.058, 0.077]),
    (0.525, [0.103, 0.057, 0.078]),
    (0.555, [0.096, 0.055, 0.065]),
    (0.590, [0.082, 0.053, 0.050]),
    (0.620, [0.074, 0.053, 0.046]),
    (0.655, [0.076, 0.056, 0.048]),
    (0.695, [0.083, 0.065, 0.052]),
    (0.735, [0.088, 0.077, 0.056]),
    (0.765, [0.092, 0.063, 0.058]),
    (0.790, [0.098, 0.049, 0.056]),
    (0.805, [0.100, 0.041, 0.051]),
    (0.818, [0.090, 0.035, 0.046]),
    (0.828, [0.070, 0.031, 0.042]),
    (0.838, [0.050, 0.029, 0.037]),
    (0.850, [0.037, 0.028, 0.033]),
    (0.870, [0.031, 0.030, 0.030]),
    (0.905, [0.030, 0.030, 0.030]),
];

/// The trunk of one posed body, in shares of its height.
pub(super) struct Trunk<'a> {
    build: &'a Build,
    skeleton: &'a Skeleton,
}

impl<'a> Trunk<'a> {
    pub(super) fn new(build: &'a Build, skeleton: &'a Skeleton) -> Self {
        Self { build, skeleton }
    }

    /// Half width, front and back depth of the bare trunk at a height share, m.
    pub(super) fn section(&self, z: f32) -> [f32; 3] {
        let b = self.build;
        let (man, woman) = (table(MAN, z), table(WOMAN, z));
        let shoulders = smooth(0.77, 0.80, z);
        let neck = smooth(0.82, 0.85, z);
        let natural = mix(0.105, 0.092, b.feminine) * b.height_m;
        let broad = b.shoulder_half_m() / natural;
        let wide = mix(
            mix(b.girth.powf(0.8), broad, shoulders),
            b.girth.powf(0.4),
            neck,
        );
        let deep = mix(b.girth, b.girth.powf(0.45), smooth(0.74, 0.84, z));
        let bump = |centre: f32, half: f32| {
            let t = (z - centre) / half;
            (-t * t).exp()
        };
        let belly = 0.034 * b.belly * bump(0.595, 0.062) * b.girth;
        let love = 0.010 * b.belly * bump(0.585, 0.05);
        let h = b.height_m;
        let at = |k: usize| mix(man[k], woman[k], b.feminine) * h;
        [
            at(0) * wide + love * h,
            at(1) * deep + belly * h,
            at(2) * deep,
        ]
    }

    /// A point forward and left of the trunk's axis at a height share, in the world.
    pub(super) fn place(&self, z: f32, forward: f32, left: f32) -> Vec3 {
        let (s, zm) = (self.skeleton, z * self.build.height_m);
        let chest_z = zm - WAIST_SHARE * self.build.height_m;
        let by_pelvis = s.pelvis.point(v3(forward, left, zm - self.build.hip_m()));
        let by_chest = s.chest.point(v3(forward, left, chest_z));
        let by_neck = s.neck.point(v3(forward, left, zm - self.build.neck_m()));
        by_pelvis
            .lerp(by_chest, smooth(0.55, 0.69, z))
            .lerp(by_neck, smooth(0.825, 0.87, z))
    }

    /// The point at an angle of a cross-section widened by `slack_m`.
    fn round(&self, z: f32, angle: f32, section: [f32; 3], slack_m: f32) -> Vec3 {
        let (s, c) = angle.sin_cos();
        // Trunks are squarer than ellipses.
        let p = 0.86;
        let (s, c) = (s.abs().powf(p).copysign(s), c.abs().powf(p).copysign(c));
        let depth = if c > 0.0 { section[1] } else { section[2] };
        self.place(z, c * (depth + slack_m), s * (section[0] + slack_m))
    }

    /// A point of cloth hung around both legs, `down_m` below the hip joints.
    fn around_legs(&self, down_m: f32, angle: f32, slack_m: f32) -> Vec3 {
        let rot = &self.skeleton.root.rot;
        let n = rot.f * angle.cos() + rot.l * angle.sin();
        let leg = |side: usize| limbs::leg_centre(self.build, self.skeleton, side, down_m);
        let (left, right) = (leg(0), leg(1));
        let r = limbs::leg_radius(self.build, down_m)[0] + slack_m;
        let soft = 0.02 + 0.2 * (left - right).norm();
        let w = 1.0 / (1.0 + (-(left - right).dot(n) * 2.0 / soft).exp());
        right.lerp(left, w) + n * r
    }
}

/// How a garment of the trunk is cut.
struct Cut {
    part: Part,
    /// Hem and upper edge, height shares.
    hem: f32,
    top: f32,
    /// Thickness and looseness over the body, m.
    slack_m: f32,
    /// 0 follows the waist, 1 hangs straight from the chest.
    loose: f32,
    /// Extra width at the hem of what hangs over the legs, m per m.
    flare: f32,
    /// Height of soft folds, m.
    folds_m: f32,
}

fn garment(out: &mut Surface, trunk: &Trunk, cut: &Cut, seed: u32) {
    let build = trunk.build;
    let h = build.height_m;
    let rows = (((cut.top - cut.hem) / 0.0175).ceil() as usize + 2).max(4);
    let hip = build.hip_m() / h;
    let chest = trunk.section(0.72);
    let segments = out.segments(30);
    grid(out, cut.part, Rows::Up, rows, segments, |row, angle| {
        // The first row turns the hem in, so that one does not look through the cloth.
        let k = (row.max(1) - 1) as f32 / (rows - 2) as f32;
        let z = mix(cut.hem, cut.top, k);
        let inner = if row == 0 { -0.03 } else { 0.0 };
        let mut section = trunk.section(z.max(0.49));
        let hang = cut.loose * smooth(0.74, 0.66, z);
        // Below the waist cloth keeps clear of what it hangs over.
        let clear = 0.006 * smooth(0.62, 0.56, z) * f32::from(u8::from(cut.part != Part::Seat));
        for i in 0..3 {
            section[i] = mix(section[i], section[i].max(chest[i] * 0.97), hang);
        }
        let fold = noise(angle * 1.9 + 3.0, z * 16.0, seed) * cut.folds_m * smooth(0.80, 0.62, z);
        let thin = mix(1.0, 0.55, smooth(0.80, 0.845, z));
        let slack = cut.slack_m * thin + fold.max(-0.6 * cut.slack_m) + clear + inner;
        let body = trunk.round(z, angle, section, slack);
        let over_legs = smooth(0.525, 0.465, z);
        if over_legs <= 0.0 {
            return (body, z);
        }
        let down = (hip - z).max(0.0) * h;
        let legs = trunk.around_legs(down, angle, slack + 0.012 + cut.flare * down);
        let mut p = body.lerp(legs, over_legs);
        let level = trunk.place(z, 0.0, 0.0).z;
        // Cloth over the thighs of somebody who sits does not hang.
        let upright = 0.5 * (trunk.skeleton.hips[0].rot.u.z + trunk.skeleton.hips[1].rot.u.z);
        p.z = mix(p.z, level, 0.7 * over_legs * smooth(0.3, 0.8, upright));
        (p, z)
    });
}

/// Adds neck, seat, top and outer garment.
pub(super) fn add(out: &mut Surface, build: &Build, outfit: &Outfit, skeleton: &Skeleton) {
    let trunk = Trunk::new(build, skeleton);
    let seed = outfit.seed;
    let cut = |part, hem, top, slack_m, loose| Cut {
        part,
        hem,
        top,
        slack_m,
        loose,
        flare: 0.0,
        folds_m: 0.005,
    };
    garment(
        out,
        &trunk,
        &Cut {
            folds_m: 0.0,
            ..cut(Part::Skin, 0.80, 0.90, 0.0, 0.0)
        },
        seed,
    );
    let seat_hem = match outfit.bottom {
        Bottom::Skirt => 0.275,
        Bottom::Dress => 0.26,
        Bottom::LongSkirt => 0.10,
        _ => 0.455,
    };
    let flare = match outfit.bottom {
        Bottom::Skirt => 0.05,
        Bottom::Dress => 0.11,
        Bottom::LongSkirt => 0.10,
        _ => 0.0,
    };
    let seat = cut(Part::Seat, seat_hem, 0.615, 0.008, 0.0);
    garment(
        out,
        &trunk,
        &Cut {
            flare,
            folds_m: 0.003 + 0.1 * flare,
            ..seat
        },
        seed ^ 1,
    );
    top(out, &trunk, outfit, seed ^ 2);
    if outfit.outer != Outer::None {
        garment(out, &trunk, &outer_cut(outfit, build), seed ^ 3);
    }
}

fn top(out: &mut Surface, trunk: &Trunk, outfit: &Outfit, seed: u32) {
    let (slack_m, loose, collar) = match outfit.top {
        Top::TShirt => (0.010, 0.55, 0.838),
        Top::Shirt => (0.012, 0.5, 0.862),
        Top::Jumper => (0.018, 0.7, 0.846),
        Top::Sleeveless => (0.009, 0.2, 0.826),
    };
    let dress = outfit.bottom == Bottom::Dress;
    let hem = match (outfit.outer, outfit.tucked || outfit.has_skirt()) {
        _ if dress => 0.600,
        // Under a jacket only the collar and the front show; the front is painted on the jacket.
        (outer, _) if outer != Outer::None => 0.79,
        (_, true) => 0.600,
        (_, false) => 0.495,
    };
    let loose = if outfit.tucked || dress {
        0.25 * loose
    } else {
        loose
    };
    let cut = Cut {
        part: Part::Top,
        hem,
        top: collar,
        slack_m,
        loose,
        flare: 0.0,
        folds_m: 0.006,
    };
    garment(out, trunk, &cut, seed);
}

fn outer_cut(outfit: &Outfit, build: &Build) -> Cut {
    // (hem, slack m, looseness, flare)
    let (hem, slack_m, loose, flare) = match outfit.outer {
        Outer::Suit => (0.462, 0.026, 0.35, 0.05),
        Outer::Coat => (0.300, 0.036, 0.6, 0.08),
        Outer::Padded => (0.475, 0.055, 0.8, 0.0),
        Outer::Hoodie => (0.488, 0.034, 0.8, 0.0),
        Outer::HighVis => (0.485, 0.030, 0.9, 0.02),
        Outer::Jacket | Outer::None => (0.480, 0.030, 0.65, 0.0),
    };
    let collar = match outfit.outer {
        Outer::Suit => 0.842,
        Outer::HighVis => 0.828,
        Outer::Padded | Outer::Coat => 0.866,
        _ => 0.856,
    };
    Cut {
        part: Part::Outer,
        hem: hem
            + if outfit.outer == Outer::Coat {
                0.08 * (build.girth - 1.0)
            } else {
                0.0
            },
        top: collar,
        slack_m,
        loose,
        flare,
        folds_m: if outfit.outer == Outer::Padded {
            0.004
        } else {
            0.007
        },
    }
}
