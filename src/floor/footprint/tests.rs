//! People of known place and height, made into boxes by cameras of known pose.
//!
//! The bodies here are drawn more finely than the fitted one, so that the fit's simplifications show.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use super::*;
use crate::floor::camera::tests::{Mount, mount, mounts};
use crate::floor::{CameraSpec, PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M};

/// 95 % of squared errors over their covariance lie below this (chi-squared, 2 degrees of freedom).
const NEES_95: f64 = 5.99;

fn at(x: f64, y: f64) -> PointInFloor {
    PointInFloor { x, y }
}

/// A normally distributed number.
fn normal(rng: &mut Pcg32) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * libm::log(1.0 - u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

/// The box around the rings of a body; what is lower than `hidden_m` is behind a desk.
fn body_box(
    model: &CameraModel,
    foot: PointInFloor,
    height_m: f64,
    hidden_m: f64,
) -> Option<BoxInImage> {
    let rings = [
        (0.0, 0.08),
        (0.1, 0.10),
        (0.5, 0.17),
        (0.82, 0.21),
        (0.9, 0.09),
        (0.96, 0.10),
        (1.0, 0.03),
    ];
    let mut b = BoxInImage::new(f64::MAX, f64::MAX, f64::MIN, f64::MIN);
    for (share, radius_m) in rings {
        let z = (share * height_m).max(hidden_m);
        for step in 0..12 {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * f64::from(step) / 12.0);
            let rim = at(foot.x + radius_m * cos, foot.y + radius_m * sin);
            let p = model.image_from_floor(rim, z)?;
            b = BoxInImage::new(
                b.left.min(p.x),
                b.top.min(p.y),
                b.right.max(p.x),
                b.bottom.max(p.y),
            );
        }
    }
    Some(b)
}

/// What hides the feet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hides {
    Nothing,
    Border,
    Desk,
    /// As a desk, but the nearer person was detected too.
    Person,
}

/// How true the covariances are over many people.
#[derive(Default)]
struct Tally {
    people: f64,
    nees: f64,
    beyond_95: f64,
    error_m: f64,
    heads: f64,
}

fn tally(hides: Hides, pitch_deg: std::ops::Range<f64>) -> Tally {
    let mut rng = Pcg32::seed_from_u64(11);
    let settings = FootprintSettings::default();
    let mut tally = Tally::default();
    for _ in 0..60 {
        let camera = Mount {
            height_m: rng.random_range(2.2..6.0),
            pitch_deg: rng.random_range(pitch_deg.clone()),
            roll_deg: rng.random_range(-5.0..5.0),
            focal_px: rng.random_range(600.0..1300.0),
            size_px: (1280, 720),
        };
        let model = camera.model();
        for _ in 0..60 {
            if let Some((truth, bbox)) = person(&model, hides, &settings, &mut rng) {
                let detection = Detection::new(bbox, 0.9);
                let is_covered = hides == Hides::Person;
                let height = model.height_prior();
                let found = model.footprint_of(&settings, &detection, is_covered, height);
                let found = found.expect("a footprint");
                let (dx, dy) = (found.at.x - truth.x, found.at.y - truth.y);
                let nees = found.cov.mahalanobis2(dx, dy);
                tally.people += 1.0;
                tally.nees += nees;
                tally.beyond_95 += f64::from(u8::from(nees > NEES_95));
                tally.error_m += truth.distance(found.at);
                tally.heads += f64::from(u8::from(found.basis == FootprintBasis::Head));
            }
        }
    }
    let n = tally.people;
    Tally {
        people: n,
        nees: tally.nees / n,
        beyond_95: tally.beyond_95 / n,
        error_m: tally.error_m / n,
        heads: tally.heads / n,
    }
}

/// A random person within 15 m whose box has noise; `None` if the picture's borders get in the way.
fn person(
    model: &CameraModel,
    hides: Hides,
    settings: &FootprintSettings,
    rng: &mut Pcg32,
) -> Option<(PointInFloor, BoxInImage)> {
    let foot = PointInImage {
        x: rng.random_range(100.0..1180.0),
        y: rng.random_range(50.0..1100.0),
    };
    let truth = model.floor_from_image(foot)?;
    if truth.distance(model.pose()?.foot) > 15.0 {
        return None;
    }
    let height_m = PERSON_HEIGHT_M + PERSON_HEIGHT_SD_M * normal(rng);
    let stance = at(
        truth.x + STANCE_SD_M * normal(rng),
        truth.y + STANCE_SD_M * normal(rng),
    );
    let hidden_m = match hides {
        Hides::Desk | Hides::Person => rng.random_range(0.6..1.1),
        Hides::Nothing | Hides::Border => 0.0,
    };
    let exact = body_box(model, stance, height_m, hidden_m)?;
    let sd = settings.edge_sd_px(&exact);
    let mut noisy = |edge: f64| edge + sd * normal(rng);
    let mut bbox = BoxInImage::new(
        noisy(exact.left),
        noisy(exact.top),
        noisy(exact.right),
        noisy(exact.bottom),
    );
    let fits = bbox.left > 10.0 && bbox.top > 10.0 && bbox.right < 1270.0 && bbox.top < 600.0;
    if hides == Hides::Border {
        let is_cut = bbox.bottom > 720.0;
        bbox.bottom = 720.0;
        return (fits && is_cut).then_some((truth, bbox));
    }
    (fits && bbox.bottom < 710.0).then_some((truth, bbox))
}

#[test]
fn covariances_tell_the_truth() {
    // Mean NEES of an honest footprint is 2, with 5 % of it beyond the 95 % bound. Desks are read as
    // short people some of the time, which no single picture can tell: there the bounds are wider.
    let cases = [
        (Hides::Nothing, 15.0..45.0, 1.7..2.4, 0.08, 0.13, 0.0..0.01),
        (Hides::Nothing, 45.0..75.0, 1.7..2.5, 0.09, 0.10, 0.0..0.01),
        (Hides::Border, 15.0..45.0, 1.5..2.6, 0.10, 0.20, 1.0..1.01),
        (Hides::Border, 45.0..75.0, 1.5..2.8, 0.10, 0.15, 1.0..1.01),
        (Hides::Person, 15.0..45.0, 1.2..2.8, 0.12, 0.35, 0.9..1.01),
        (Hides::Person, 45.0..75.0, 1.5..4.0, 0.20, 0.20, 0.7..1.01),
        (Hides::Desk, 15.0..45.0, 1.2..6.5, 0.18, 0.45, 0.8..1.01),
        (Hides::Desk, 45.0..75.0, 1.5..6.5, 0.25, 0.20, 0.4..1.01),
    ];
    for (hides, pitch, nees, beyond_95, error_m, heads) in cases {
        let t = tally(hides, pitch.clone());
        let text = format!(
            "{hides:?} {pitch:?}: {} people, NEES {:.2}, {:.3} beyond 95 %, {:.3} m, {:.3} heads",
            t.people, t.nees, t.beyond_95, t.error_m, t.heads
        );
        assert!(t.people > 100.0, "{text}");
        assert!(nees.contains(&t.nees), "{text}");
        assert!(t.beyond_95 < beyond_95 && t.error_m < error_m, "{text}");
        assert!(heads.contains(&t.heads), "{text}");
    }
}

/// 3 m up, 35 degrees down, nothing random.
fn model() -> CameraModel {
    mount(3.0, 35.0, 900.0).model()
}

#[track_caller]
fn check(detections: &[Detection], expect: &[Option<(PointInFloor, f64, FootprintBasis)>]) {
    let mut out = vec![None; 40];
    let room = out.capacity();
    model().footprints(&FootprintSettings::default(), detections, &mut out);
    assert_eq!(out.capacity(), room, "allocates nothing once it has room");
    assert_eq!(out.len(), expect.len());
    for (i, (got, expect)) in out.iter().zip(expect).enumerate() {
        match (got, expect) {
            (Some(got), Some((place, within_m, basis))) => {
                assert_eq!(got.basis, *basis, "{i}: {got:?}");
                assert!(
                    got.at.distance(*place) < *within_m,
                    "{i}: {got:?} is not at {place:?}"
                );
            }
            (got, expect) => assert_eq!(got.is_some(), expect.is_some(), "{i}: {got:?}"),
        }
    }
}

fn seen(x: f64, y: f64, height_m: f64) -> Detection {
    Detection::new(body_box(&model(), at(x, y), height_m, 0.0).unwrap(), 0.9)
}

#[test]
fn people_land_where_they_stand() {
    use FootprintBasis::{Feet, Fused, Head};
    let place = |x, y, within, basis| Some((at(x, y), within, basis));
    check(&[], &[]);
    check(&[seen(0.0, 4.0, 1.7)], &[place(0.0, 4.0, 0.06, Fused)]);
    // Off the middle the body leans in the picture, and the feet are not under the box's middle.
    check(&[seen(1.8, 3.5, 1.7)], &[place(1.8, 3.5, 0.07, Fused)]);
    let bottom = model().floor_from_image(seen(1.8, 3.5, 1.7).bbox.bottom_centre());
    assert!(
        bottom.unwrap().distance(at(1.8, 3.5)) > 0.15,
        "the naive foot {bottom:?}"
    );
    check(&[seen(0.5, 6.0, 1.55)], &[place(0.5, 6.0, 0.15, Fused)]);

    // Cut by the lower border: the feet are below the picture.
    let mut cut = seen(0.3, 1.6, 1.7);
    assert!(cut.bbox.bottom > 730.0, "{cut:?}");
    cut.bbox.bottom = 720.0;
    check(&[cut], &[place(0.3, 1.6, 0.12, Head)]);
    // Cut above: the feet are all there is.
    let mut near = seen(0.0, 4.0, 1.7);
    near.bbox.top = 0.0;
    check(&[near], &[place(0.0, 4.0, 0.08, Feet)]);
    // Cut on the left: the middle of what is seen is not the middle of the person.
    let mut aside = seen(0.0, 4.0, 1.7);
    let shift = aside.bbox.left + 0.6 * aside.bbox.width();
    let stands = model().floor_from_image(PointInImage {
        x: 640.0 - shift,
        y: aside.bbox.bottom,
    });
    aside.bbox = BoxInImage::new(
        0.0,
        aside.bbox.top,
        aside.bbox.right - shift,
        aside.bbox.bottom,
    );
    check(&[aside], &[Some((stands.unwrap(), 0.25, Feet))]);

    // A desk hides the legs.
    let desk = Detection::new(body_box(&model(), at(0.5, 4.0), 1.7, 0.9).unwrap(), 0.9);
    check(&[desk], &[place(0.5, 4.0, 0.4, Head)]);
    // A nearer person hides the legs, seen alone and with the one who hides them.
    let mut behind = seen(0.0, 5.0, 1.7);
    let before = seen(0.05, 4.2, 1.7);
    behind.bbox.bottom = 0.4 * behind.bbox.top + 0.6 * behind.bbox.bottom;
    check(
        &[behind, before],
        &[place(0.0, 5.0, 0.35, Head), place(0.05, 4.2, 0.06, Fused)],
    );
    // The same person twice does not hide itself.
    let mut again = seen(0.0, 4.0, 1.7);
    again.bbox.bottom += 3.0;
    check(
        &[seen(0.0, 4.0, 1.7), again],
        &[place(0.0, 4.0, 0.1, Fused), place(0.0, 4.0, 0.1, Fused)],
    );
}

#[test]
fn points_given_by_the_detector_are_used() {
    use FootprintBasis::{Fused, Head};
    let model = model();
    let foot = model.image_from_floor(at(0.5, 4.0), 0.0).unwrap();
    let head = model.image_from_floor(at(0.5, 4.0), 1.6).unwrap();
    // The box is cut off at the hips; the detector knows better.
    let half = Detection::new(body_box(&model, at(0.5, 4.0), 1.7, 0.9).unwrap(), 0.9);
    let told = Detection {
        foot: Some(foot),
        ..half
    };
    check(&[told], &[Some((at(0.5, 4.0), 0.06, Head))]);
    let mut cut = seen(0.5, 1.6, 1.7);
    cut.bbox = BoxInImage::new(cut.bbox.left, 200.0, cut.bbox.right, 720.0);
    cut.head = model.image_from_floor(at(0.5, 1.6), 1.6);
    assert!(cut.head.is_some());
    check(&[cut], &[Some((at(0.5, 1.6), 0.2, Head))]);
    let broken = Detection {
        head: Some(PointInImage {
            x: f64::NAN,
            y: 1.0,
        }),
        ..told
    };
    check(&[broken], &[None]);
    let both = Detection {
        head: Some(head),
        ..told
    };
    check(&[both], &[Some((at(0.5, 4.0), 0.1, Head))]);
    // Seen whole, the told foot is as good as an edge, and better than a guess.
    let whole = Detection {
        foot: Some(foot),
        ..seen(0.5, 4.0, 1.7)
    };
    check(&[whole], &[Some((at(0.5, 4.0), 0.06, Fused))]);
    let footprint = |detection: &Detection| {
        let height = model.height_prior();
        model.footprint_of(&FootprintSettings::default(), detection, false, height)
    };
    let (guessed, whole) = (footprint(&told).unwrap(), footprint(&whole).unwrap());
    assert!(guessed.cov.det() > 2.0 * whole.cov.det());
}

#[test]
fn nobody_stands_in_the_sky() {
    // Nearly level: the horizon is in the picture.
    let model = mount(2.5, 5.0, 900.0).model();
    let mut out = Vec::new();
    let bird = Detection::new(BoxInImage::new(600.0, 100.0, 640.0, 200.0), 0.9);
    let broken = Detection::new(BoxInImage::new(600.0, f64::NAN, 640.0, 200.0), 0.9);
    let inverted = Detection::new(BoxInImage::new(640.0, 100.0, 600.0, 500.0), 0.9);
    let settings = FootprintSettings::default();
    model.footprints(&settings, &[bird, broken, inverted], &mut out);
    assert_eq!(out, [None, None, None]);
}

#[test]
fn heights_are_told_as_measured_and_help_when_learned() {
    let model = model();
    let settings = FootprintSettings::default();
    for height_m in [1.55, 1.7, 1.9] {
        let detection = seen(0.2, 4.5, height_m);
        let found = model.footprint_of(&settings, &detection, false, model.height_prior());
        let told = found.unwrap().height_m.unwrap();
        assert!((told - height_m).abs() < 0.04, "{told} is not {height_m}");
    }
    // A tall person whose feet are hidden is misplaced until the height has been learned.
    let mut tall = seen(0.0, 1.6, 1.95);
    tall.bbox.bottom = 720.0;
    let error_m = |height: HeightPrior| {
        let found = model.footprint_of(&settings, &tall, false, height).unwrap();
        (
            found.at.distance(at(0.0, 1.6)),
            found.cov.along(0.0, 1.0).sqrt(),
        )
    };
    let (before, sd_before) = error_m(model.height_prior());
    let (after, sd_after) = error_m(HeightPrior {
        mean_m: 1.95,
        sd_m: 0.03,
    });
    assert!(after < 0.1 && after < 0.6 * before, "{before} {after}");
    assert!(sd_after < sd_before, "{sd_before} {sd_after}");
}

#[test]
fn without_a_pose_the_lower_edge_is_all_there_is() {
    let spec = mount(3.0, 89.0, 900.0);
    let spec = CameraSpec {
        lens: None,
        ..spec.spec(spec.lens())
    };
    let model = CameraModel::new(spec).unwrap();
    assert_eq!(model.pose(), None);
    let settings = FootprintSettings::default();
    let open = Detection::new(BoxInImage::new(600.0, 200.0, 700.0, 400.0), 0.9);
    let cut = Detection::new(BoxInImage::new(600.0, 520.0, 700.0, 720.0), 0.9);
    let mut out = Vec::new();
    model.footprints(&settings, &[open, cut], &mut out);
    let [Some(open), Some(cut)] = out[..] else {
        panic!("{out:?}");
    };
    assert_eq!(open.basis, FootprintBasis::Feet);
    assert_eq!(
        Some(open.at),
        model.floor_from_image(PointInImage { x: 650.0, y: 400.0 })
    );
    assert_eq!((open.height_m, cut.basis), (None, FootprintBasis::Head));
    assert!(cut.cov.det() > 10.0 * open.cov.det());
}

proptest! {
    #[test]
    fn any_box_gives_a_sound_footprint_or_none(
        mount in mounts(), edges in prop::array::uniform4(-500.0..2000.0_f64),
        given in prop::array::uniform4(-500.0..2000.0_f64), which in 0..4_u8, is_covered in any::<bool>(),
    ) {
        let model = mount.model();
        let mut detection = Detection::new(BoxInImage::new(edges[0], edges[1], edges[2], edges[3]), 0.5);
        detection.foot = (which & 1 > 0).then_some(PointInImage { x: given[0], y: given[1] });
        detection.head = (which & 2 > 0).then_some(PointInImage { x: given[2], y: given[3] });
        let settings = FootprintSettings::default();
        let height = model.height_prior();
        if let Some(f) = model.footprint_of(&settings, &detection, is_covered, height) {
            prop_assert!(f.at.x.is_finite() && f.at.y.is_finite());
            prop_assert!(f.cov.inverse().is_some(), "{f:?}");
            prop_assert!(f.height_m.is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn no_input_panics(n in prop::array::uniform8(prop::num::f64::ANY)) {
        let wild = Detection {
            foot: Some(PointInImage { x: n[4], y: n[5] }),
            head: Some(PointInImage { x: n[6], y: n[7] }),
            ..Detection::new(BoxInImage::new(n[0], n[1], n[2], n[3]), n[4])
        };
        let plain = Detection { foot: None, head: None, ..wild };
        let settings = FootprintSettings { edge_sd_share: n[0], edge_sd_floor_px: n[1], cut_margin_px: n[2] };
        let mut out = Vec::new();
        for settings in [settings, FootprintSettings::default()] {
            model().footprints(&settings, &[wild, plain, wild], &mut out);
        }
    }
}
