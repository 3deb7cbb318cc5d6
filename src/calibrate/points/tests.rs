//! Control points with errors, from cameras that are known.

use super::super::{FloorSpread, Sampler};
use super::*;

const SIZE: (u32, u32) = (1280, 720);

fn view(height_m: f64, pitch_deg: f64, focal_px: f64, k1: f64) -> View {
    let mut view = View::new(SIZE, focal_px, pitch_deg.to_radians(), 0.03, height_m);
    view.p[4..].copy_from_slice(&[k1, 0.28 * k1 * k1, 1.2, -0.6, -3.0]);
    view
}

/// Eight points around the floor that the middle of the picture shows.
fn points(view: &View, noise_px: f64, seed: u64) -> Vec<ControlPoint> {
    let eye = view.eye();
    let mut dice = Sampler::new(seed);
    let shares = [
        (0.1, 0.9),
        (0.9, 0.92),
        (0.85, 0.45),
        (0.12, 0.5),
        (0.5, 0.7),
        (0.45, 0.95),
        (0.7, 0.6),
        (0.3, 0.62),
    ];
    let at = |(x, y): (f64, f64)| {
        let image = PointInImage {
            x: x * f64::from(SIZE.0),
            y: y * f64::from(SIZE.1),
        };
        let floor = eye.floor_from_image(image, 0.0).unwrap();
        let image = PointInImage {
            x: image.x + noise_px * dice.normal(),
            y: image.y + noise_px * dice.normal(),
        };
        ControlPoint { image, floor }
    };
    shares.map(at).to_vec()
}

#[track_caller]
fn check(truth: &View, fit: &PointsFit, within_m: f64) {
    let model = CameraModel::new(fit.spec.clone()).unwrap();
    for (x, y) in [(0.2, 0.8), (0.5, 0.6), (0.8, 0.75)] {
        let pixel = PointInImage {
            x: x * 1280.0,
            y: y * 720.0,
        };
        let is = truth.eye().floor_from_image(pixel, 0.0).unwrap();
        let got = model.floor_from_image(pixel).unwrap();
        assert!(is.distance(got) < within_m, "{is:?} came out as {got:?}");
    }
}

#[test]
fn exact_points_give_the_camera_back() {
    for (height, pitch, focal, k1) in [(2.4, 25.0, 900.0, 0.0), (4.0, 50.0, 600.0, -0.1)] {
        let truth = view(height, pitch, focal, k1);
        let fit = from_points(SIZE, &points(&truth, 0.0, 1), &PointsOptions::default()).unwrap();
        check(&truth, &fit, 0.01);
        let found = fit.fit.unwrap().view;
        assert!(
            (found.height_m() / height - 1.0).abs() < 0.01,
            "{}",
            found.height_m()
        );
        assert!(fit.slip.is_none());
    }
}

#[test]
fn the_uncertainty_says_how_large_errors_are() {
    let truth = view(3.0, 35.0, 800.0, -0.05);
    let pixels: Vec<PointInImage> = (0..30)
        .map(|i| PointInImage {
            x: 160.0 + 160.0 * f64::from(i % 6),
            y: 400.0 + 60.0 * f64::from(i / 6),
        })
        .collect();
    let (mut square, mut said, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..40 {
        let fit = from_points(SIZE, &points(&truth, 1.0, seed), &PointsOptions::default()).unwrap();
        let spread = FloorSpread::of(fit.fit.as_ref().unwrap(), &pixels).unwrap();
        let model = CameraModel::new(fit.spec.clone()).unwrap();
        for pixel in &pixels {
            let is = truth.eye().floor_from_image(*pixel, 0.0).unwrap();
            let off = is.distance(model.floor_from_image(*pixel).unwrap());
            square += off * off;
            said += spread.place_median_m * spread.place_median_m;
            count += 1.0;
        }
    }
    let ratio = (square / count).sqrt() / (said / count).sqrt();
    assert!(
        (0.6..1.6).contains(&ratio),
        "errors are {ratio} times what was said"
    );
}

#[test]
fn one_gross_slip_is_named_and_left_out() {
    let truth = view(3.0, 30.0, 900.0, 0.0);
    for index in 0..8 {
        let mut points = points(&truth, 0.7, 5);
        points[index].image.x += 40.0;
        points[index].image.y -= 25.0;
        let fit = from_points(SIZE, &points, &PointsOptions::default()).unwrap();
        let slip = fit.slip.unwrap();
        assert_eq!((slip.index, slip.left_out), (index, true));
        assert!((slip.off_px - 47.0).abs() < 12.0, "{}", slip.off_px);
        check(&truth, &fit, 0.06);
    }
}

#[test]
fn a_swap_on_the_floor_is_said() {
    let truth = view(3.0, 30.0, 900.0, 0.0);
    let mut four = points(&truth, 0.0, 1)[..4].to_vec();
    let other = four[0].floor;
    four[0].floor = four[1].floor;
    four[1].floor = other;
    let problem = from_points(SIZE, &four, &PointsOptions::default()).unwrap_err();
    assert!(
        problem.contains("swapped") || problem.contains("mirrored"),
        "{problem}"
    );
    let problem = from_points(SIZE, &four[..3], &PointsOptions::default()).unwrap_err();
    assert!(problem.contains("too few"), "{problem}");
}

#[test]
fn a_measured_rectangle_is_enough() {
    let truth = view(2.8, 40.0, 900.0, 0.0)
        .with(Param::Yaw, 1.57)
        .with(Param::X, 0.5);
    let truth = truth.with(Param::Y, -2.0);
    let corner = |x, y| truth.eye().image_from_floor(PointInFloor { x, y }).unwrap();
    let corners = [
        corner(0.0, 0.0),
        corner(1.2, 0.0),
        corner(1.2, 1.8),
        corner(0.0, 1.8),
    ];
    let fit = from_points(
        SIZE,
        &rectangle_points(corners, 1.2, 1.8),
        &PointsOptions::default(),
    );
    check(&truth, &fit.unwrap(), 0.05);
}
