//! Calibrations from people as a detector sees them: the real clips, against what their truth files
//! say of the floor, and rendered scenes with known cameras.
//!
//! The rendered scenes take ten minutes of a core: `TAILGATE_RENDERED=30 cargo test --profile ci --test
//! calibration rendered -- --nocapture`; `TAILGATE_FIRST_SITE=5000` for others.

use std::path::PathBuf;

use tailgate::app::eyes::{EyesChoice, open_eyes};
use tailgate::app::sightings::for_each;
use tailgate::calibrate::people::{
    FloorLength, PeopleFit, PeopleOptions, Walker, WalkerLinker, from_people,
};
use tailgate::calibrate::{Param, Prior, similarity_scale};
use tailgate::capture::{Clip, ClipOptions};
use tailgate::config::{DetectorChoice, load_calibration};
use tailgate::detection::PointInImage;
use tailgate::engine::EngineConfig;
use tailgate::floor::{CameraModel, PointInFloor};
use tailgate::inference::{Detector, YuvPicture};
use tailgate::sim::passages::{Site, exact_box};
use tailgate::sim::render::{Camera, Moment, Renderer};

use super::{ASKED, NINETY, PASSAGES, number, quantile};

/// Pictures of the rendered scenes, px, and how many a second.
const PICTURE_PX: (u32, u32) = (640, 360);
const RATE_HZ: f64 = 3.3;
/// Longer side of the network's input, px: as `tailgate calibrate people` has it for such clips.
const INPUT_PX: u32 = 640;

/// Focal length of the camera of vtest-first-half in the clip's px, and how well a data sheet would have it:
/// PETS2009's calibration of view 1, for pictures of 480 px.
const VTEST_FOCAL_PX: f64 = 739.0;
const FOCAL_SD: f64 = 0.03;

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of `../shared/data`; says so where it is absent.
fn shared(path: &str) -> Option<PathBuf> {
    let path = project("../shared/data").join(path);
    if !path.exists() {
        eprintln!(
            "SKIPPED: this test needs {}, which is not here",
            path.display()
        );
    }
    path.exists().then_some(path)
}

fn detector(size_px: (u32, u32), weights: PathBuf) -> Vec<Box<dyn Detector>> {
    let choice = EyesChoice {
        model: Some("yolox_nano".to_owned()),
        weights: Some(weights),
        models: Some(project("models")),
        whole: true,
        input: Some(size_px.0.max(INPUT_PX)),
        threads: 1,
        ..EyesChoice::default()
    };
    let nothing = EngineConfig {
        cameras: Vec::new(),
        doors: Vec::new(),
        portals: Vec::new(),
    };
    open_eyes(&choice, &DetectorChoice::default(), &nothing, size_px).unwrap()
}

fn options(lengths: Vec<FloorLength>) -> PeopleOptions {
    PeopleOptions {
        person_m: 1.70,
        person_sd_m: 0.10,
        priors: Vec::new(),
        start: None,
        lengths,
    }
}

/// By which share (as a logarithm) the floor where people walked is too large.
fn scale_off(fit: &PeopleFit, truth: impl Fn(PointInImage) -> Option<PointInFloor>) -> f64 {
    let eye = fit.fit.view.eye();
    let believed = fit.sightings.iter().filter(|(_, is_believed)| *is_believed);
    let pairs = believed.filter_map(|(seen, _)| {
        let p = seen.bbox.bottom_centre();
        Some((truth(p)?, eye.floor_from_image(p, 0.0)?))
    });
    let (truth, got): (Vec<PointInFloor>, Vec<PointInFloor>) = pairs.unzip();
    similarity_scale(&truth, &got).unwrap().ln()
}

#[test]
fn a_yard_is_as_large_as_its_truth_file_says() {
    let (Some(weights), Some(clip)) = (
        shared("models/yolox_nano.onnx"),
        shared("clips/vtest-first-half.mp4"),
    ) else {
        return;
    };
    let mut clip = Clip::open(&clip, &ClipOptions::default()).unwrap();
    let size_px = (clip.info().width, clip.info().height);
    let mut linker = WalkerLinker::new(size_px);
    for_each(&mut clip, detector(size_px, weights), |seen| {
        linker.frame(seen.frame.time().as_s(), &seen.detections);
        Ok(())
    })
    .unwrap();
    let walkers = linker.finish();
    let truth = project("tests/real_clips/vtest-first-half/calibration.toml");
    let (truth, _) = load_calibration(&truth).unwrap();
    let uncertainty = truth.spec.scale_uncertainty;
    let truth = CameraModel::new(truth.spec).unwrap();
    let off = |name: &str, priors: Vec<Prior>| {
        let options = PeopleOptions {
            priors,
            ..options(Vec::new())
        };
        let fit = from_people(size_px, &walkers, &options).unwrap();
        let off = scale_off(&fit, |p| truth.floor_from_image(p));
        let reach = NINETY * fit.spread.scale_share;
        eprintln!(
            "vtest-first-half, {name}: scale off by {:+.1} %, told to be known to +/-{:.1} % (90 %); \
             the truth's own uncertainty is {:.0} %",
            100.0 * off,
            100.0 * reach,
            100.0 * uncertainty
        );
        (off.abs(), reach)
    };
    // Both are uncertain: no further apart than what both say of themselves.
    let (alone, reach) = off("people alone", Vec::new());
    assert!(alone < reach + uncertainty, "{alone} against {reach}");
    let lens = Prior {
        param: Param::LnFocal,
        mean: VTEST_FOCAL_PX.ln(),
        sd: FOCAL_SD,
    };
    let (known, _) = off("with its lens known", vec![lens]);
    assert!(known < uncertainty, "{known}");
}

/// One site through the renderer: walks of the exact boxes, and of what the detector sees.
fn seen(site: &Site, eye: &mut dyn Detector) -> [Vec<Walker>; 2] {
    let camera: Camera = site.camera_of(PICTURE_PX);
    let renderer = Renderer::with_samples(site.scene(PICTURE_PX), 1);
    let mut linkers = [0, 1].map(|_| WalkerLinker::new(PICTURE_PX));
    for (number, (time_s, figure)) in site.figures(PASSAGES, RATE_HZ).into_iter().enumerate() {
        let exact = exact_box(&camera, &figure);
        let mut detected = Vec::new();
        // Who is outside of the picture need not be rendered.
        if exact.is_some() {
            let moment = Moment {
                figures: vec![figure],
                noise_seed: number as u32,
                ..Moment::default()
            };
            let picture = renderer.render(&moment).picture;
            let (width, height) = (picture.width as usize, picture.height as usize);
            let picture = YuvPicture::from_rgb(width, height, &picture.rgb).unwrap();
            eye.detect(&picture.view(), &mut detected).unwrap();
        }
        let exact: Vec<_> = exact.into_iter().collect();
        linkers[0].frame(time_s, &exact);
        linkers[1].frame(time_s, &detected);
    }
    linkers.map(WalkerLinker::finish)
}

/// A length as somebody would measure it: between the two places furthest apart that are walked.
fn measured(site: &Site, camera: &Camera) -> FloorLength {
    let pairs = site
        .places
        .iter()
        .flat_map(|a| site.places.iter().map(move |b| (a, b)));
    let (a, b) = pairs
        .max_by(|x, y| x.0.distance(*x.1).total_cmp(&y.0.distance(*y.1)))
        .unwrap();
    FloorLength {
        ends: [a, b].map(|p| camera.image_from_floor(*p, 0.0).unwrap()),
        length_m: a.distance(*b),
    }
}

/// What came out of one way over all sites: pitch, by how much off, the standard deviation told.
type Row = (f64, f64, f64);

fn tell(name: &str, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    let mut off: Vec<f64> = rows.iter().map(|row| row.1.abs()).collect();
    let held = rows.iter().filter(|row| row.1.abs() < NINETY * row.2);
    eprintln!(
        "{name}: {} scenes: scale off by {:.1} % (median), {:.1} % (p95), held {:.0} of 100",
        rows.len(),
        100.0 * quantile(&mut off, 0.5),
        100.0 * quantile(&mut off, 0.95),
        100.0 * held.count() as f64 / rows.len() as f64
    );
}

#[test]
fn rendered_scenes_through_a_detector() {
    let Some(count) = number("TAILGATE_RENDERED") else {
        eprintln!("SKIPPED: it takes ten minutes of a core; set TAILGATE_RENDERED=30 to run it");
        return;
    };
    let Some(weights) = shared("models/yolox_nano.onnx") else {
        return;
    };
    let first = number("TAILGATE_FIRST_SITE").unwrap_or(0);
    let mut eyes = detector(PICTURE_PX, weights);
    let mut rows: [Vec<Row>; 3] = [const { Vec::new() }; 3];
    for seed in first..first + count {
        let site = Site::new(seed);
        let camera = site.camera_of(PICTURE_PX);
        let [exact, detected] = seen(&site, eyes[0].as_mut());
        let length = vec![measured(&site, &camera)];
        let ways = [
            (&exact, Vec::new()),
            (&detected, Vec::new()),
            (&detected, length),
        ];
        for (way, (walkers, lengths)) in ways.into_iter().enumerate() {
            let pitch_deg = camera.pitch_rad.to_degrees();
            let row = match from_people(PICTURE_PX, walkers, &options(lengths)) {
                Ok(fit) => {
                    let off = scale_off(&fit, |p| camera.floor_from_image(p));
                    (pitch_deg, off, fit.spread.scale_share)
                }
                Err(problem) => {
                    eprintln!("site {seed}, way {way}: {problem}");
                    continue;
                }
            };
            eprintln!("site {seed}, way {way}: {row:.3?}");
            rows[way].push(row);
        }
    }
    let names = ["exact boxes", "detected", "detected and one length"];
    for (name, rows) in names.into_iter().zip(&rows) {
        tell(name, &rows.iter().collect::<Vec<_>>());
        for low in [15.0, 30.0, 45.0, 60.0] {
            let here = |row: &&Row| row.0 >= low && row.0 < low + 15.0;
            let here: Vec<&Row> = rows.iter().filter(here).collect();
            tell(&format!("  {low} to {} degrees", low + 15.0), &here);
        }
        let sure = |row: &&Row| NINETY * row.2 < ASKED;
        tell(
            "  no length asked for",
            &rows.iter().filter(sure).collect::<Vec<_>>(),
        );
    }
    assert!(!rows[1].is_empty(), "nobody was detected in any scene");
}
