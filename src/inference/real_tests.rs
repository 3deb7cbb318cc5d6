//! The published networks on a real picture, against what Python's onnxruntime makes of it.
//!
//! The numbers below come from an independent decode in numpy with OpenCV's resize. The weights and
//! the picture are not the project's: without them these tests say so and pass.

use std::path::{Path, PathBuf};

use super::*;
use crate::detection::{BoxInImage, Detection};

/// Two people stand, two walk, in an office lobby; 576 x 324.
const LOBBY: &str = "train/images/cctv_office_lobby/05386_lobby_clip1_mp4-174_1.jpg";

/// Boxes with scores of at least this are compared.
const SURE: f64 = 0.3;

/// The data kept beside the checkout; `None`, loudly, when this machine has none.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let named = std::env::var_os("TAILGATE_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .find(|path| path.join("models").is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: this test needs ../shared/data (or TAILGATE_DATA)");
    }
    found
}

fn manifest(name: &str) -> Manifest {
    Manifest::load(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("models")
            .join(name),
    )
    .unwrap()
}

fn picture(data: &Path) -> YuvPicture {
    let rgb = image::open(data.join(LOBBY)).unwrap().to_rgb8();
    YuvPicture::from_rgb(rgb.width() as usize, rgb.height() as usize, &rgb).unwrap()
}

/// The same people, each edge within a pixel, each score within 0.02.
#[track_caller]
fn same(found: &[Detection], expect: &[([f64; 4], f64)]) {
    let sure: Vec<&Detection> = found.iter().filter(|d| d.score >= SURE).collect();
    assert_eq!(sure.len(), expect.len(), "{sure:?}");
    for &([left, top, right, bottom], score) in expect {
        let want = BoxInImage::new(left, top, right, bottom);
        let best = sure
            .iter()
            .max_by(|a, b| a.bbox.iou(&want).total_cmp(&b.bbox.iou(&want)));
        let best = best.unwrap();
        let edges = [
            best.bbox.left - left,
            best.bbox.top - top,
            best.bbox.right - right,
            best.bbox.bottom - bottom,
        ];
        assert!(
            edges.iter().all(|off| off.abs() < 1.0),
            "{want:?} is {best:?}"
        );
        assert!((best.score - score).abs() < 0.02, "{score} is {best:?}");
    }
}

fn detect(name: &str, size: InputSize, data: &Path) -> (Vec<Detection>, Report) {
    let manifest = manifest(name);
    let file = data.join("models").join(format!("{name}.onnx"));
    let settings = Settings {
        weights: Some(file),
        size,
        ..Settings::default()
    };
    let mut detector = open(&manifest, &settings).unwrap();
    let mut found = Vec::new();
    let picture = picture(data);
    let report = detector.detect(&picture.view(), &mut found).unwrap();
    // Again: nothing may be left over from the first time.
    let mut again = Vec::new();
    detector.detect(&picture.view(), &mut again).unwrap();
    assert_eq!(found, again);
    (found, report)
}

#[test]
fn yolox_as_published_finds_what_the_reference_finds() {
    let Some(data) = data() else { return };
    let (found, report) = detect("yolox_nano", InputSize::Published, &data);
    assert_eq!((report.input, report.lost), ((416, 416), 0));
    same(
        &found,
        &[
            ([170.16, 139.56, 226.08, 317.85], 0.8802),
            ([319.07, 136.77, 374.44, 306.5], 0.8794),
            ([285.93, 144.54, 323.03, 268.36], 0.8026),
            ([249.41, 147.31, 300.64, 276.88], 0.7886),
        ],
    );
}

#[test]
fn yolox_at_another_size_finds_what_the_reference_finds() {
    let Some(data) = data() else { return };
    let (found, report) = detect("yolox_nano", InputSize::Tight, &data);
    assert_eq!(report.input, (416, 256));
    same(
        &found,
        &[
            ([318.98, 136.65, 374.51, 306.46], 0.8792),
            ([170.16, 139.59, 226.13, 317.77], 0.8778),
            ([285.9, 144.51, 323.08, 268.62], 0.8016),
            ([249.43, 147.33, 300.57, 277.03], 0.787),
        ],
    );
}

#[test]
fn nanodet_finds_what_the_reference_finds() {
    let Some(data) = data() else { return };
    let (found, report) = detect("nanodet_m", InputSize::Tight, &data);
    assert_eq!(report.input, (416, 416), "its reshapes are fixed");
    let found: Vec<_> = found.into_iter().filter(|d| d.score >= 0.35).collect();
    same(
        &found,
        &[
            ([166.63, 142.57, 224.66, 318.81], 0.7512),
            ([319.79, 138.96, 374.68, 307.52], 0.7247),
            ([244.17, 143.47, 298.87, 280.17], 0.6339),
            ([286.13, 147.15, 320.4, 267.95], 0.527),
        ],
    );
}

#[test]
fn a_part_of_the_picture_is_looked_at_alone() {
    let Some(data) = data() else { return };
    let manifest = manifest("yolox_nano");
    let weights = data.join("models/yolox_nano.onnx");
    // Around the man on the left: the others are outside.
    let source = crate::detection::SourceRect {
        left: 101,
        top: 81,
        width: 150,
        height: 243,
    };
    let settings = Settings {
        weights: Some(weights),
        source: Some(source),
        size: InputSize::LongSide(416),
        ..Settings::default()
    };
    let mut detector = open(&manifest, &settings).unwrap();
    let mut found = Vec::new();
    detector.detect(&picture(&data).view(), &mut found).unwrap();
    let man = BoxInImage::new(170.16, 139.56, 226.08, 317.85);
    let sure: Vec<_> = found.iter().filter(|d| d.score > 0.6).collect();
    assert_eq!(sure.len(), 1, "{found:?}");
    assert!(sure[0].bbox.iou(&man) > 0.85, "{:?}", sure[0]);
}
