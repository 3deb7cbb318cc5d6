//! Tiny networks of every family through the runtime, and everything that is wrong with a model.
//!
//! testdata/networks/make.py wrote them: a grid cell that is bright is a "person" of its size.

use std::path::{Path, PathBuf};

use super::*;
use crate::detection::BoxInImage;
use crate::inference::YuvPicture;

const YOLOX: &str = r#"
family = "yolox"
licence = "CC0-1.0"
source = "testdata/networks/make.py"
file = "yolox.onnx"
[input]
name = "images"
width = 96
height = 64
flexible = true
colour = "rgb"
placement = "top_left"
[output]
names = ["output"]
strides = [8, 16, 32]
classes = 3
person = 1
[thresholds]
score = 0.5
overlap = 0.45
"#;

fn networks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/networks")
}

/// The YOLOX description with each `(from, to)` replaced in it.
fn describe(changes: &[(&str, &str)]) -> Manifest {
    let mut text = YOLOX.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Manifest::parse(&networks(), "model.toml", &text).unwrap()
}

fn yolov8() -> Manifest {
    let fixed = ("flexible = true", "flexible = false");
    describe(&[
        ("yolox", "yolov8"),
        ("[\"output\"]", "[\"output0\"]"),
        fixed,
    ])
}

fn nanodet() -> Manifest {
    let names = r#"["cls_8", "cls_16", "cls_32", "dis_8", "dis_16", "dis_32"]"#;
    describe(&[
        ("yolox", "nanodet"),
        ("[\"output\"]", names),
        ("person = 1", "person = 1\nbins = 4"),
    ])
}

fn detr() -> Manifest {
    let names = r#"["labels", "boxes", "scores"]"#;
    let size = (
        "name = \"images\"",
        "name = \"images\"\nsize_name = \"orig_target_sizes\"",
    );
    let file = ("yolox.onnx", "detr.onnx");
    let family = ("\"yolox\"", "\"detr\"");
    let stretch = ("top_left", "stretch");
    describe(&[
        file,
        family,
        ("[\"output\"]", names),
        size,
        stretch,
        ("flexible = true", ""),
    ])
}

fn detr_logits() -> Manifest {
    let names = r#"["dets", "labels"]"#;
    let file = ("yolox.onnx", "detr_logits.onnx");
    let family = ("\"yolox\"", "\"detr_logits\"");
    describe(&[
        file,
        family,
        ("[\"output\"]", names),
        ("top_left", "stretch"),
        ("flexible = true", ""),
    ])
}

/// A dark picture with one white rectangle.
fn picture(width: usize, height: usize, white: [usize; 4]) -> YuvPicture {
    let [left, top, right, bottom] = white;
    let rgb: Vec<u8> = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            let inside = (left..right).contains(&x) && (top..bottom).contains(&y);
            [if inside { 255 } else { 10 }; 3]
        })
        .collect();
    YuvPicture::from_rgb(width, height, &rgb).unwrap()
}

fn open(manifest: &Manifest, options: OnnxOptions) -> Result<OnnxDetector, InferenceError> {
    let file = manifest.weights.as_ref().unwrap().file.clone();
    let weights = Weights::load(manifest, Some(&networks().join(file)))?;
    OnnxDetector::open(manifest, weights, options)
}

#[track_caller]
fn see(manifest: &Manifest, options: OnnxOptions, picture: &YuvPicture) -> Vec<BoxInImage> {
    let mut detector = open(manifest, options).unwrap();
    let mut found = Vec::new();
    detector.detect(&picture.view(), &mut found).unwrap();
    assert!(found.iter().all(|d| d.score > 0.5), "{found:?}");
    found.iter().map(|d| d.bbox).collect()
}

/// Every box lies in the white rectangle, and there are so many.
#[track_caller]
fn check(manifest: &Manifest, white: [usize; 4], count: usize) {
    let boxes = see(manifest, OnnxOptions::default(), &picture(96, 64, white));
    assert_eq!(boxes.len(), count, "{boxes:?}");
    let [left, top, right, bottom] = white.map(|edge| edge as f64);
    for b in boxes {
        assert!(b.left > left - 0.01 && b.top > top - 0.01, "{b:?}");
        assert!(b.right < right + 0.01 && b.bottom < bottom + 0.01, "{b:?}");
    }
}

#[test]
fn every_family_sees_what_is_bright() {
    // 4 x 4 cells of stride 8, 2 x 2 of stride 16, none of stride 32.
    let square = [32, 16, 64, 48];
    check(&describe(&[]), square, 20);
    check(
        &describe(&[("yolox.onnx", "yolox_listed.onnx")]),
        square,
        20,
    );
    check(&yolov8(), square, 20);
    check(&nanodet(), square, 20);
    // The upper middle sixth of the picture; the label of the lower right sixth is no person.
    check(&detr(), [32, 0, 64, 32], 1);
    check(&detr(), [64, 32, 96, 64], 0);
    check(&detr_logits(), [32, 0, 64, 32], 1);
}

#[test]
fn a_flexible_network_takes_the_size_that_the_picture_wants() {
    let manifest = describe(&[]);
    let mut detector = open(&manifest, OnnxOptions::default()).unwrap();
    assert_eq!(detector.input(), (96, 64));
    let mut found = Vec::new();
    // Tall, then wide, then as published: the network is loaded anew each time.
    for (width, height, input) in [(64, 96, (64, 96)), (192, 40, (96, 32)), (96, 64, (96, 64))] {
        let white = [width / 2, height / 2, width, height];
        let report = detector
            .detect(&picture(width, height, white).view(), &mut found)
            .unwrap();
        assert_eq!(report.input, input);
        assert!(!found.is_empty());
        for d in &found {
            assert!(
                d.bbox.left > white[0] as f64 - 5.0 && d.bbox.top > white[1] as f64 - 5.0,
                "{d:?}"
            );
        }
    }
}

#[test]
fn what_came_before_changes_nothing() {
    let manifest = describe(&[]);
    let options = OnnxOptions {
        size: InputSize::Exact(96, 64),
        ..OnnxOptions::default()
    };
    let wide = picture(192, 64, [100, 10, 160, 40]);
    let fresh = see(&manifest, options.clone(), &wide);
    let mut detector = open(&manifest, options).unwrap();
    let mut found = Vec::new();
    // Padding of the first picture lies where the second one has pixels, and the other way round.
    detector
        .detect(&picture(64, 96, [0, 0, 64, 96]).view(), &mut found)
        .unwrap();
    detector.detect(&wide.view(), &mut found).unwrap();
    assert_eq!(found.iter().map(|d| d.bbox).collect::<Vec<_>>(), fresh);
}

#[test]
fn only_the_part_that_matters_is_seen() {
    let source = SourceRect {
        left: 96,
        top: 0,
        width: 96,
        height: 64,
    };
    let options = OnnxOptions {
        source: Some(source),
        ..OnnxOptions::default()
    };
    let manifest = describe(&[]);
    assert!(
        see(
            &manifest,
            options.clone(),
            &picture(192, 64, [0, 0, 90, 64])
        )
        .is_empty()
    );
    let boxes = see(&manifest, options, &picture(192, 64, [128, 16, 160, 48]));
    assert_eq!(boxes.len(), 20);
    assert!(
        boxes.iter().all(|b| b.left >= 127.9 && b.right <= 160.1),
        "{boxes:?}"
    );
}

#[test]
fn more_than_the_cap_is_said() {
    let manifest = describe(&[("overlap = 0.45", "overlap = 1.0")]);
    let options = OnnxOptions {
        size: InputSize::Exact(192, 96),
        ..OnnxOptions::default()
    };
    let mut detector = open(&manifest, options).unwrap();
    let mut found = Vec::new();
    let report = detector
        .detect(&picture(192, 96, [0, 0, 192, 96]).view(), &mut found)
        .unwrap();
    // 24 x 12 + 12 x 6 + 6 x 3 cells, all bright.
    assert_eq!((found.len(), report.lost), (200, 378 - 200));
}

/// A wrong description of a sound network, and what is said about it.
#[test]
fn a_description_that_does_not_fit_is_refused() {
    let cases: Vec<(&str, Manifest, &str)> = vec![
        (
            "input's name",
            describe(&[("\"images\"", "\"picture\"")]),
            "no input `picture` in it: there is `images`",
        ),
        (
            "output's name",
            describe(&[("\"output\"", "\"out\"")]),
            "no output `out`, but `output`",
        ),
        (
            "more classes",
            describe(&[("classes = 3", "classes = 80")]),
            "[1, 126, 85]",
        ),
        (
            "fewer classes",
            describe(&[("classes = 3", "classes = 2")]),
            "[1, 126, 7]",
        ),
        (
            "a stride less",
            describe(&[("[8, 16, 32]", "[8, 16]")]),
            "[1, 120, 8]",
        ),
        (
            "another stride",
            describe(&[("[8, 16, 32]", "[8, 16, 64]")]),
            "wants [1, 122, 8]",
        ),
        (
            "yolov8 as yolox",
            describe(&[
                ("yolox.onnx", "yolov8.onnx"),
                ("[\"output\"]", "[\"output0\"]"),
                ("= true", "= false"),
            ]),
            "family yolox",
        ),
        (
            "yolox as yolov8",
            describe(&[("\"yolox\"", "\"yolov8\"")]),
            "[1, 7, 126]",
        ),
        (
            "nanodet's bins",
            {
                let mut m = nanodet();
                m.output.bins = 8;
                m
            },
            "wants [1, 96, 32]",
        ),
        (
            "nanodet's order",
            {
                let mut m = nanodet();
                m.output.names.reverse();
                m
            },
            "`dis_32`",
        ),
        (
            "detr's order",
            {
                let mut m = detr();
                m.output.names.reverse();
                m
            },
            "output `scores`",
        ),
        (
            "detr without its size",
            {
                let mut m = detr();
                m.input.size_name = None;
                m
            },
            "it wants an input `orig_target_sizes` too",
        ),
        (
            "a size nobody asked for",
            {
                let mut m = describe(&[]);
                m.input.size_name = Some("size".into());
                m
            },
            "no input `size`",
        ),
        (
            "detr_logits' classes",
            {
                let mut m = detr_logits();
                m.output.classes = 91;
                m
            },
            "wants [1, 6, 91]",
        ),
        (
            "numbers that are none",
            describe(&[("yolox.onnx", "nan.onnx")]),
            "NaN",
        ),
        (
            "scores beyond 1",
            describe(&[("yolox.onnx", "logits.onnx")]),
            "outside 0 to 1",
        ),
        (
            "hog",
            {
                let mut m = describe(&[]);
                m.family = Family::Hog;
                m
            },
            "not run by ONNX Runtime",
        ),
    ];
    for (what, manifest, words) in cases {
        let refused = open(&manifest, OnnxOptions::default()).err();
        let message = refused
            .unwrap_or_else(|| panic!("{what} was taken"))
            .to_string();
        assert!(message.contains(words), "{what}: {message}");
    }
}

#[test]
fn a_size_that_the_network_can_not_take_is_refused() {
    let flexible = describe(&[]);
    let fixed = describe(&[("yolox.onnx", "yolox_fixed.onnx"), ("= true", "= false")]);
    let boastful = describe(&[("yolox.onnx", "yolox_fixed.onnx")]);
    let cases = [
        (&flexible, InputSize::Exact(100, 64), "multiples of 32"),
        (&flexible, InputSize::Exact(0, 64), "multiples of 32"),
        (&fixed, InputSize::Exact(128, 64), "made for 96 x 64 alone"),
        (&fixed, InputSize::LongSide(128), "made for 96 x 64 alone"),
        (&boastful, InputSize::Exact(128, 64), "set flexible = false"),
    ];
    for (manifest, size, words) in cases {
        let options = OnnxOptions {
            size,
            ..OnnxOptions::default()
        };
        let message = open(manifest, options).err().unwrap().to_string();
        assert!(message.contains(words), "{message}");
    }
    assert!(open(&fixed, OnnxOptions::default()).is_ok());
}

/// Files that are no weights, whatever they are called.
#[test]
fn a_file_that_is_no_model_is_refused() {
    let good = std::fs::read(networks().join("yolox.onnx")).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), vec![]),
        ("zeros".into(), vec![0; 4096]),
        ("ones".into(), vec![0xff; 4096]),
        (
            "text".into(),
            b"these are the weights, honestly\n".repeat(40),
        ),
        (
            "a pointer".into(),
            b"version https://git-lfs.github.com/spec/v1\noid sha256:e8af\nsize 3\n".to_vec(),
        ),
        (
            "a page".into(),
            b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
        ),
        (
            "a JPEG".into(),
            [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 900]].concat(),
        ),
        (
            "a ZIP".into(),
            [b"PK\x03\x04".as_slice(), &[1; 900]].concat(),
        ),
        (
            "a program".into(),
            [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 900]].concat(),
        ),
        (
            "a tensor file".into(),
            [b"\x93NUMPY\x01\x00v\x00".as_slice(), &[b' '; 900]].concat(),
        ),
        (
            "a model without a graph".into(),
            vec![0x08, 0x08, 0x42, 0x02, 0x10, 0x0d],
        ),
        (
            "a model with an empty graph".into(),
            vec![0x08, 0x08, 0x3a, 0x00],
        ),
        (
            "a model twice over, cut".into(),
            [&good[..], &good[..good.len() - 3]].concat(),
        ),
    ];
    for step in 1..20 {
        let length = good.len() * step / 20;
        files.push((
            format!("cut to {length} of {}", good.len()),
            good[..length].to_vec(),
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let manifest = describe(&[]);
    for (what, bytes) in files {
        let path = folder.path().join("yolox.onnx");
        std::fs::write(&path, bytes).unwrap();
        let refused = Weights::load(&manifest, Some(&path))
            .and_then(|weights| OnnxDetector::open(&manifest, weights, OnnxOptions::default()));
        let message = refused
            .err()
            .unwrap_or_else(|| panic!("{what} was taken"))
            .to_string();
        assert!(
            message.contains("`yolox.onnx`") || message.contains("networks"),
            "{what}: {message}"
        );
    }
    for (path, words) in [("nowhere.onnx", "No such file"), ("", "directory")] {
        let refused = Weights::load(&manifest, Some(&folder.path().join(path)));
        let message = refused.err().unwrap().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn weights_that_are_not_the_pinned_ones_are_refused() {
    let pinned = "file = \"yolox.onnx\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";
    let manifest = describe(&[("file = \"yolox.onnx\"", pinned)]);
    let message = open(&manifest, OnnxOptions::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("expected 0000") && message.contains("models fetch"),
        "{message}"
    );
}

#[test]
fn weights_are_found_in_the_shared_folder_first() {
    use crate::inference::weights::find_in;
    let shared = tempfile::tempdir().unwrap();
    let manifest = describe(&[]);
    let own = networks().join("yolox.onnx");
    assert_eq!(find_in(&manifest, None), Ok(own.clone()));
    assert_eq!(find_in(&manifest, Some(shared.path())), Ok(own.clone()));
    let first = shared.path().join("yolox.onnx");
    std::fs::write(&first, b"x").unwrap();
    assert_eq!(find_in(&manifest, Some(shared.path())), Ok(first));
    let mut absent = manifest.clone();
    absent.folder = shared.path().join("none");
    assert!(find_in(&absent, None).is_err());
    let message = Weights::load(&absent, None).err().unwrap().to_string();
    assert!(message.contains("is not there"), "{message}");
}
