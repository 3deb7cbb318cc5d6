//! What every way of calibrating takes and gives: a picture, and a file, an overlay and a report.

use std::path::{Path, PathBuf};

use clap::Args;
use image::RgbImage;
use serde::Serialize;

use crate::app::overlay::{CalibrationEvidence, draw_calibration};
use crate::calibrate::{Fit, FloorSpread, Param, View};
use crate::capture::{Clip, ClipOptions};
use crate::commands::{DONE, Failure, Outcome};
use crate::config::{Made, calibration_text};
use crate::detection::PointInImage;
use crate::floor::{CameraModel, CameraSpec};

/// Nine of ten normal draws lie within so many standard deviations.
pub(super) const NINETY: f64 = 1.645;
/// Lengths are never said to be better known than this: floors are not flat, tapes sag.
const LEAST_UNCERTAINTY: f64 = 0.005;
/// Nor worse than a calibration file may say.
const MOST_UNCERTAINTY: f64 = 0.5;
/// Above this share of uncertainty the report says what to do about it.
const MUCH_UNCERTAINTY: f64 = 0.1;
/// The floor that counts for the report lies within this many camera heights.
const NEAR_HEIGHTS: f64 = 4.0;
/// Pixels a side of the raster on which the floor is looked at.
const RASTER: u32 = 12;
/// Size of a plan without a picture, where none is given, is an error; its colour is this.
const BLANK: [u8; 3] = [46, 50, 56];

/// Picture in, files out.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// A still picture of the camera, in its full size (PNG or JPEG).
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// A clip of the camera, instead of a still picture.
    #[arg(long, value_name = "CLIP", conflicts_with = "picture")]
    clip: Option<PathBuf>,
    /// Which moment of the clip, s.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    at: f64,
    /// Size of the picture, px, where neither is at hand: 1920x1080.
    #[arg(long, value_name = "WxH", conflicts_with_all = ["picture", "clip"])]
    size: Option<String>,
    /// Where the calibration goes; without it, it is printed.
    #[arg(long, short, value_name = "CALIBRATION.toml")]
    out: Option<PathBuf>,
    /// Replace that file if it is there already (or see `tailgate calibrate refine`).
    #[arg(long)]
    force: bool,
    /// Draw the calibration over the picture and write it here.
    #[arg(long, value_name = "PICTURE.png")]
    overlay: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// The camera's picture.
pub struct Still {
    /// Grey where there is none.
    pub picture: RgbImage,
    /// What it is from.
    pub from: Option<String>,
}

/// What a way of calibrating found.
pub struct Found {
    /// The calibration.
    pub spec: CameraSpec,
    /// How sure it is; `None` where only a plain map fits.
    pub fit: Option<Fit>,
    /// How it was made.
    pub made: Made,
    /// Points, lines, boxes, for the overlay.
    pub evidence: CalibrationEvidence,
    /// Standard deviation of lengths, as a share, where the way itself knows better.
    pub length_share: Option<f64>,
    /// What a person should read.
    pub notes: Vec<String>,
    /// What an older file said besides the camera.
    pub kept: toml::Table,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub struct Report {
    by: String,
    image_px: (u32, u32),
    #[serde(skip_serializing_if = "Option::is_none")]
    height_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pitch_deg: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_deg: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    focal_px: Option<f64>,
    k1: f64,
    uncertainty: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<FloorSpread>,
    made: Made,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    toml: Option<String>,
}

impl OutputArgs {
    /// The camera's picture, or a grey one of the size given.
    pub fn still(&self) -> Result<Still, Failure> {
        let from = self.picture.as_ref().or(self.clip.as_ref());
        let from = from.map(|path| path.display().to_string());
        let picture = match (&self.picture, &self.clip, &self.size) {
            (Some(path), ..) => picture(path)?,
            (None, Some(path), _) => frame(path, self.at)?,
            (None, None, Some(size)) => {
                let (width, height) = size_of(size).map_err(Failure::unusable)?;
                RgbImage::from_pixel(width, height, image::Rgb(BLANK))
            }
            (None, None, None) => {
                return Err(Failure::unusable(
                    "say which picture the points are of: --picture FILE, --clip CLIP, or at \
                     least its size with --size 1920x1080",
                ));
            }
        };
        Ok(Still { picture, from })
    }

    /// The picture asked for, else a frame of this clip, else a grey one of this size.
    pub fn still_of(&self, clip: Option<&Path>, size_px: (u32, u32)) -> Result<Still, Failure> {
        let is_given = self.picture.is_some() || self.clip.is_some() || self.size.is_some();
        let still = match (is_given, clip) {
            (true, _) => self.still()?,
            (false, Some(clip)) => Still {
                picture: frame(clip, self.at)?,
                from: Some(clip.display().to_string()),
            },
            (false, None) => Still {
                picture: RgbImage::from_pixel(size_px.0, size_px.1, image::Rgb(BLANK)),
                from: None,
            },
        };
        match still.picture.dimensions() == size_px {
            true => Ok(still),
            false => Err(Failure::unusable(format!(
                "the picture is {} x {} px, the footage {} x {} px: give a picture of its size",
                still.picture.width(),
                still.picture.height(),
                size_px.0,
                size_px.1
            ))),
        }
    }

    /// Says now what would go wrong only after the work.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.out {
            Some(path) if path.exists() && !self.force => Err(Failure::unusable(format!(
                "{} is there already: refine it with `tailgate calibrate refine`, replace it \
                 with --force, or give --out another name",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Writes what was found and says it.
    pub fn finish(&self, still: &Still, found: Found) -> Outcome {
        self.check()?;
        self.give(still, found, self.out.as_deref(), true)
    }

    /// Says what was found and draws it; the calibration itself goes nowhere.
    pub fn show(&self, still: &Still, found: Found) -> Outcome {
        self.give(still, found, None, false)
    }

    /// Writes what was found to a file, whether it is there already or not.
    pub fn write_to(&self, path: &Path, still: &Still, found: Found) -> Outcome {
        self.give(still, found, Some(path), true)
    }

    fn give(
        &self,
        still: &Still,
        mut found: Found,
        out: Option<&Path>,
        with_text: bool,
    ) -> Outcome {
        let floor = floor_spread(&found);
        let said = floor.map(|floor| floor.length_share);
        let share = found.length_share.or(said).unwrap_or(MUCH_UNCERTAINTY);
        found.spec.scale_uncertainty = share.clamp(LEAST_UNCERTAINTY, MOST_UNCERTAINTY);
        found.made.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        if found.made.from.is_none() {
            found.made.from.clone_from(&still.from);
        }
        let model = CameraModel::new(found.spec.clone()).map_err(Failure::unusable)?;
        if let Some(fit) = &found.fit {
            say_ninety(&mut found.made, fit);
        }
        if share > MUCH_UNCERTAINTY {
            found.notes.push(format!(
                "lengths are known to {:.0} % only: give more evidence, spread over the floor",
                100.0 * share
            ));
        }
        let text = calibration_text(&found.spec, &found.made, &found.kept);
        let mut report = report(&found, &model, floor);
        found.evidence.caption = report.caption();
        if let Some(path) = &self.overlay {
            let drawn = draw_calibration(&still.picture, &model, &found.evidence);
            let drawn = drawn.ok_or_else(|| Failure::unusable("the picture has no pixels"))?;
            drawn
                .save(path)
                .map_err(|problem| cannot("write", path, &problem))?;
            report.overlay = Some(path.display().to_string());
        }
        match out {
            Some(path) => {
                std::fs::write(path, &text).map_err(|problem| cannot("write", path, &problem))?;
                report.out = Some(path.display().to_string());
            }
            None if self.json => report.toml = with_text.then_some(text),
            None if with_text => println!("{text}"),
            None => {}
        }
        if self.json {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|problem| Failure::unusable(problem.to_string()))?;
            println!("{text}");
        } else {
            report.print(out.is_none() && with_text);
        }
        Ok(DONE)
    }
}

impl Report {
    /// The camera in one or two lines.
    fn caption(&self) -> Vec<String> {
        let mut camera = Vec::new();
        if let Some(height) = self.height_m {
            camera.push(format!("{height:.2} m above the floor"));
        }
        if let Some(pitch) = self.pitch_deg {
            camera.push(format!("{pitch:.1} degrees down"));
        }
        if let Some(roll) = self.roll_deg {
            camera.push(format!("roll {roll:.1}"));
        }
        if let Some(focal) = self.focal_px {
            let half = libm::atan(0.5 * f64::from(self.image_px.0) / focal);
            let wide = 2.0 * half.to_degrees();
            camera.push(format!(
                "focal length {focal:.0} px ({wide:.0} degrees wide)"
            ));
        }
        if self.k1.abs() > 0.0 {
            camera.push(format!("k1 {:.3}", self.k1));
        }
        if camera.is_empty() {
            camera.push("place unknown: only the map from picture to floor fits".to_owned());
        }
        let mut floor = format!("lengths known to {:.1} %", 100.0 * self.uncertainty);
        if let Some(spread) = self.floor {
            floor.push_str(&format!(
                ", places to {:.1} cm, the worst to {:.1} cm (1 sigma)",
                100.0 * spread.place_median_m,
                100.0 * spread.place_p95_m
            ));
        }
        vec![
            format!("camera  {}", camera.join(", ")),
            format!("floor   {floor}"),
        ]
    }

    /// `aside`: to standard error, since the calibration itself went to standard output.
    fn print(&self, aside: bool) {
        let mut lines = self.caption();
        if let Some([low, high]) = self.made.scale_90 {
            lines.push(format!(
                "scale   with 90 % between {:+.1} and {:+.1} % of this",
                100.0 * (low - 1.0),
                100.0 * (high - 1.0)
            ));
        }
        if let Some(residual) = self.made.residual_px {
            lines.push(format!(
                "points  agree within {residual:.1} px (root mean square)"
            ));
        }
        lines.extend(self.notes.iter().map(|note| format!("note    {note}")));
        for (what, path) in [("wrote", &self.out), ("wrote", &self.overlay)] {
            lines.extend(path.iter().map(|path| format!("{what}   {path}")));
        }
        for line in lines {
            if aside {
                eprintln!("{line}");
            } else {
                println!("{line}");
            }
        }
    }
}

fn report(found: &Found, model: &CameraModel, floor: Option<FloorSpread>) -> Report {
    let spec = &found.spec;
    let size = (spec.image_width_px, spec.image_height_px);
    let pose = model.pose();
    let view = pose.and_then(|pose| View::of_pose(pose, spec.lens, size));
    Report {
        by: found.made.by.clone().unwrap_or_default(),
        image_px: size,
        height_m: pose.map(|pose| pose.height_m),
        pitch_deg: pose.map(|pose| pose.pitch_rad.to_degrees()),
        roll_deg: view.map(|view| view.get(Param::Roll).to_degrees()),
        focal_px: pose.map(|pose| pose.focal_px),
        k1: spec.lens.map_or(0.0, |lens| lens.radial[0]),
        uncertainty: spec.scale_uncertainty,
        floor,
        made: found.made.clone(),
        notes: found.notes.clone(),
        out: None,
        overlay: None,
        toml: None,
    }
}

/// The 90 % intervals of the camera's numbers.
fn say_ninety(made: &mut Made, fit: &Fit) {
    let around = |param: Param| {
        let (value, reach) = (fit.view.get(param), NINETY * fit.sd(param));
        (fit.sd(param) > 0.0).then_some([value - reach, value + reach])
    };
    made.height_90_m = around(Param::LnHeight).map(|range| range.map(libm::exp));
    made.focal_90_px = around(Param::LnFocal).map(|range| range.map(libm::exp));
    made.pitch_90_deg = around(Param::Pitch).map(|range| range.map(f64::to_degrees));
    made.roll_90_deg = around(Param::Roll).map(|range| range.map(f64::to_degrees));
}

/// What the uncertainty means on the floor that matters: around the points, or near the camera.
fn floor_spread(found: &Found) -> Option<FloorSpread> {
    let fit = found.fit.as_ref()?;
    FloorSpread::of(fit, &raster(&fit.view, &found.evidence))
}

/// The calibration of a view over the floor near the camera.
pub fn near_spec(view: &View) -> Result<CameraSpec, Failure> {
    let reach_m = NEAR_HEIGHTS * view.height_m();
    let spec = view.spec(view.whole(), reach_m);
    spec.map_err(Failure::unusable)
}

/// Pixels that show the floor within the points' bounds or, without points, near the camera.
pub fn raster(view: &View, evidence: &CalibrationEvidence) -> Vec<PointInImage> {
    let (width, height) = (f64::from(view.size_px.0), f64::from(view.size_px.1));
    let marks: Vec<PointInImage> = evidence
        .marks
        .iter()
        .filter(|mark| !mark.slipped)
        .map(|mark| mark.clicked)
        .collect();
    let least = |of: fn(&PointInImage) -> f64| marks.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&PointInImage) -> f64| marks.iter().map(of).fold(0.0, f64::max);
    let bounds = match marks.is_empty() {
        true => [0.0, 0.0, width, height],
        false => [least(|p| p.x), least(|p| p.y), most(|p| p.x), most(|p| p.y)],
    };
    let (eye, last) = (view.eye(), f64::from(RASTER - 1));
    let reach = NEAR_HEIGHTS * view.height_m();
    let pixel = |i: u32| PointInImage {
        x: bounds[0] + (bounds[2] - bounds[0]) * f64::from(i % RASTER) / last,
        y: bounds[1] + (bounds[3] - bounds[1]) * f64::from(i / RASTER) / last,
    };
    let near = |p: &PointInImage| {
        let [x, y, _] = eye.centre();
        eye.floor_from_image(*p, 0.0).is_some_and(|at| {
            let (dx, dy) = (at.x - x, at.y - y);
            !marks.is_empty() || dx * dx + dy * dy < reach * reach
        })
    };
    (0..RASTER * RASTER).map(pixel).filter(near).collect()
}

/// A still picture.
pub fn picture(path: &Path) -> Result<RgbImage, Failure> {
    let opened = image::open(path).map_err(|problem| cannot("read", path, &problem))?;
    Ok(opened.to_rgb8())
}

/// The frame of a clip at a time.
pub fn frame(path: &Path, at_s: f64) -> Result<RgbImage, Failure> {
    let said = |problem: crate::capture::CaptureError| Failure::unusable(problem.to_string());
    let mut clip = Clip::open(path, &ClipOptions::default()).map_err(said)?;
    let mut last = None;
    while let Some(frame) = clip.next_frame().map_err(said)? {
        let reached = frame.time().as_s() >= at_s;
        last = Some(frame);
        if reached {
            break;
        }
    }
    match last {
        Some(frame) => Ok(frame.to_rgb()),
        None => Err(Failure::unusable(format!(
            "{}: has no pictures",
            path.display()
        ))),
    }
}

/// A size written as `1920x1080`.
fn size_of(text: &str) -> Result<(u32, u32), String> {
    text.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .filter(|(w, h)| (16..=16_384).contains(w) && (16..=16_384).contains(h))
        .ok_or_else(|| format!("--size {text}: is no width and height like 1920x1080"))
}

/// Numbers written as `1,2` or `1 2`, so many of them.
pub fn numbers<const N: usize>(text: &str, like: &str) -> Result<[f64; N], String> {
    let parts = text
        .split([',', ' ', ';', '='])
        .filter(|part| !part.is_empty());
    let values: Option<Vec<f64>> = parts.map(|part| part.parse().ok()).collect();
    values
        .and_then(|values| <[f64; N]>::try_from(values).ok())
        .filter(|values| values.iter().all(|v| v.is_finite()))
        .ok_or_else(|| format!("{text:?} is not {N} numbers like {like}"))
}

/// A failure with a file.
pub fn cannot(what: &str, path: &Path, problem: &dyn std::fmt::Display) -> Failure {
    Failure::unusable(format!("cannot {what} {}: {problem}", path.display()))
}
