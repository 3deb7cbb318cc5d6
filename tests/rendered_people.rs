//! Rendered people look like people to a network that was trained on photographs: `yolox_nano`
//! finds nearly all of them in the project's own clips. Its weights are not part of the project:
//! where they are absent this says so and is skipped.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

mod replays;

use std::path::PathBuf;

use replays::project;
use tailgate::capture::{Clip, ClipOptions};
use tailgate::detection::BoxInImage;
use tailgate::inference::{Registry, Settings, YuvPicture, find_weights, open};
use tailgate::sim::script::parse;
use tailgate::sim::stage::Stage;

const CLIPS: [&str; 6] = [
    "dithering",
    "entry-on-exit",
    "three-abreast",
    "two-grants-two-people",
    "two-on-one-grant",
    "u-turn",
];
/// Frames from one that is looked at to the next.
const STEP: usize = 10;
/// Who shows less than this is not fully visible: a hair before a chin counts as nothing.
const FULLY: f64 = 0.99;
/// A box is a person's from this overlap on.
const OVERLAP: f64 = 0.5;
/// Share of the fully visible people to be found.
const LEAST_FOUND: f64 = 0.9;

/// Fully visible people at each frame of a clip, from its script.
fn people(clip: &str, frames: usize) -> Vec<Vec<BoxInImage>> {
    let path = project(&format!("testdata/clips/{clip}/script.scene"));
    let scene = parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let stage = Stage::new(&scene);
    let times: Vec<f64> = (0..frames).map(|n| n as f64 / scene.rate_hz).collect();
    let moments = stage.moments(&times);
    let boxes = moments.iter().step_by(STEP).map(|moment| {
        let people = stage.renderer().render(moment).truth.people;
        let whole = people.into_iter().filter(|p| p.visible_share >= FULLY);
        whole.filter_map(|p| p.visible_box).collect()
    });
    boxes.collect()
}

/// Where the weights are: in the folder the registry looks in, or beside the checkout.
fn weights() -> Option<PathBuf> {
    let registry = Registry::new(Some(&project("models")));
    let manifest = registry.get("yolox_nano").unwrap();
    let beside = project("../shared/data/models/yolox_nano.onnx");
    let found = find_weights(&manifest)
        .ok()
        .or_else(|| beside.exists().then_some(beside));
    if found.is_none() {
        eprintln!(
            "SKIPPED: this test needs yolox_nano.onnx in $TAILGATE_WEIGHTS_DIR or \
             ../shared/data/models, which is not here"
        );
    }
    found
}

#[test]
fn a_network_trained_on_photographs_finds_rendered_people() {
    let Some(weights) = weights() else { return };
    let manifest = Registry::new(Some(&project("models")))
        .get("yolox_nano")
        .unwrap();
    let settings = Settings {
        weights: Some(weights),
        ..Settings::default()
    };
    let mut detector = open(&manifest, &settings).unwrap();
    let (mut found, mut all) = (0_u32, 0_u32);
    let mut boxes = Vec::new();
    for name in CLIPS {
        let path = project(&format!("testdata/clips/{name}/clip.mp4"));
        let mut clip = Clip::open(&path, &ClipOptions::default()).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = clip.next_frame().unwrap() {
            frames.push(frame.to_rgb());
        }
        let (mut here, mut of) = (0_u32, 0_u32);
        let looked_at = frames.iter().step_by(STEP);
        for (frame, people) in looked_at.zip(people(name, frames.len())) {
            let (width, height) = (frame.width() as usize, frame.height() as usize);
            let picture = YuvPicture::from_rgb(width, height, frame.as_raw()).unwrap();
            detector.detect(&picture.view(), &mut boxes).unwrap();
            for person in people {
                of += 1;
                here += u32::from(boxes.iter().any(|b| b.bbox.iou(&person) >= OVERLAP));
            }
        }
        eprintln!("{name}: {here} of {of} fully visible people found");
        found += here;
        all += of;
    }
    assert!(all >= 50, "only {all} fully visible people were looked for");
    let share = f64::from(found) / f64::from(all);
    assert!(share >= LEAST_FOUND, "{found} of {all} found");
}
