//! Cameras hung well and badly, and what is said of them.

use super::*;
use crate::detection::{BoxInImage, Detection, PointInImage};
use crate::floor::{CameraSpec, GridSpec, Lens};

/// A camera `height_m` up, `back_m` before the door and `aside_m` to its left, that looks at it.
fn camera(height_m: f64, back_m: f64, aside_m: f64, focal_px: f64) -> CameraModel {
    let (width, height) = (1280, 720);
    let aim = 1.0;
    let eye = [-aside_m, -back_m, height_m];
    let forward = unit([-eye[0], -eye[1], aim - eye[2]]);
    let right = unit([forward[1], -forward[0], 0.0]);
    let down = [
        forward[1] * right[2] - forward[2] * right[1],
        forward[2] * right[0] - forward[0] * right[2],
        forward[0] * right[1] - forward[1] * right[0],
    ];
    let rotation = [right, down, forward];
    let translation = rotation.map(|axis| -dot(axis, eye));
    let lens = Lens::pinhole(
        focal_px,
        PointInImage {
            x: f64::from(width) / 2.0,
            y: f64::from(height) / 2.0,
        },
    );
    let spec = CameraSpec::from_pose(width, height, lens, rotation, translation).unwrap();
    CameraModel::new(spec).unwrap()
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|v| v / length)
}

fn health(model: &CameraModel, heights: &[Height]) -> Health {
    let at = |x: f64, y: f64| PointInFloor { x, y };
    let portal = Portal {
        line: vec![at(0.6, 0.0), at(-0.6, 0.0)],
        depth_m: 0.3,
    };
    // The inside lies to the left of the line: the other way round, it would be the near side.
    let portal = Portal {
        line: portal.line.into_iter().rev().collect(),
        ..portal
    };
    let spec = GridSpec {
        min: at(-3.0, -3.0),
        max: at(3.0, 3.0),
        tile_m: 0.5,
        blocked: Vec::new(),
        walkable: Vec::new(),
    };
    let portals = [("main".to_owned(), portal.clone())];
    Health::of(&Patient {
        model,
        grid: &Grid::new(spec, &[portal]),
        portals: &portals,
        footprints: &FootprintSettings::default(),
        heights,
        loose_boxes: false,
    })
}

/// The grade, and a word that the worst finding must hold.
#[track_caller]
fn check(model: &CameraModel, grade: Grade, word: &str) {
    let health = health(model, &[]);
    let worst = &health.findings[0];
    assert_eq!(health.grade, grade, "{:#?}", health.findings);
    assert!(
        grade == Grade::Good
            || health
                .findings
                .iter()
                .any(|f| f.grade == grade && f.what.contains(word)),
        "{:#?}",
        health.findings
    );
    assert_eq!(worst.change.is_empty(), grade == Grade::Good);
}

#[test]
fn a_camera_as_the_guide_hangs_it_is_good() {
    check(&camera(3.2, 4.5, 2.5, 700.0), Grade::Good, "");
}

#[test]
fn head_on_is_doubtful() {
    check(
        &camera(3.2, 5.0, 0.0, 700.0),
        Grade::Doubtful,
        "side of straight through",
    );
}

#[test]
fn from_far_away_people_are_too_small() {
    check(&camera(4.0, 60.0, 30.0, 700.0), Grade::Refuse, "px large");
}

#[test]
fn from_straight_above_is_doubtful() {
    check(
        &camera(3.2, 0.5, 0.3, 500.0),
        Grade::Doubtful,
        "above the horizon",
    );
}

#[test]
fn a_lens_too_long_cuts_people() {
    check(
        &camera(3.2, 4.0, 2.0, 3400.0),
        Grade::Refuse,
        "head to foot",
    );
}

#[test]
fn a_flat_view_cannot_tell_followers_apart() {
    let model = camera(1.7, 6.0, 0.3, 800.0);
    let flat = health(&model, &[]).portals[0].gap_behind_m;
    let good = health(&camera(3.2, 4.5, 2.5, 700.0), &[]).portals[0].gap_behind_m;
    let far = |gap: Option<f64>| gap.unwrap_or(f64::INFINITY);
    assert!(far(flat) > far(good) + 0.2, "{flat:?} {good:?}");
    assert!(far(good) < 0.9, "{good:?}");
}

#[test]
fn tiles_outside_the_picture_are_blind() {
    let health = health(&camera(3.2, 2.0, 1.0, 900.0), &[]);
    let blind = health
        .tiles
        .iter()
        .filter(|tile| tile.problem == Some(TileProblem::NotSeen));
    assert!(blind.count() > 5);
    let seen = health
        .tiles
        .iter()
        .find(|tile| tile.problem.is_none())
        .unwrap();
    assert!(seen.metres_per_px.unwrap() < 0.02, "{seen:?}");
}

#[test]
fn people_of_the_wrong_height_contradict_the_calibration() {
    let model = camera(3.2, 4.5, 2.5, 700.0);
    let people = |height_m: f64, tilt: f64| -> Vec<Height> {
        let height = |n: u32| Height {
            height_m: height_m
                * (1.0 + 0.05 * (f64::from(n * 7 % 11) / 5.0 - 1.0))
                * (1.0 + tilt * (0.5 - f64::from(n) / 60.0)),
            away_m: 3.0 + f64::from(n) / 10.0,
        };
        (0..60).map(height).collect()
    };
    assert_eq!(health(&model, &people(1.70, 0.0)).grade, Grade::Good);
    assert_eq!(health(&model, &people(1.55, 0.0)).grade, Grade::Doubtful);
    assert_eq!(health(&model, &people(1.30, 0.0)).grade, Grade::Refuse);
    assert_eq!(health(&model, &people(1.70, 0.2)).grade, Grade::Doubtful);
}

#[test]
fn a_persons_height_is_read_from_their_box() {
    let model = camera(3.2, 4.5, 2.5, 700.0);
    let at = PointInFloor { x: 0.3, y: 0.4 };
    let feet = model.image_from_floor(at, 0.0).unwrap();
    let head = model.image_from_floor(at, 1.8).unwrap();
    let middle = 0.5 * (feet.x + head.x);
    let bbox = |bottom: f64| BoxInImage::new(middle - 30.0, head.y, middle + 30.0, bottom);
    let whole = height_of(&model, &Detection::new(bbox(feet.y), 0.9)).unwrap();
    assert!((whole.height_m - 1.8).abs() < 0.06, "{whole:?}");
    assert_eq!(height_of(&model, &Detection::new(bbox(feet.y), 0.3)), None);
    assert_eq!(height_of(&model, &Detection::new(bbox(719.0), 0.9)), None);
}
