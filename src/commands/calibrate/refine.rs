//! `tailgate calibrate refine`: an existing calibration with new evidence, never silently.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{Found, OutputArgs, cannot, near_spec, raster};
use super::people::{self, FootageArgs};
use super::points::{self, ClickArgs};
use crate::app::overlay::CalibrationEvidence;
use crate::calibrate::people::from_people;
use crate::calibrate::{Param, Prior, View, difference, from_points};
use crate::commands::{DONE, Failure, Outcome};
use crate::config::{StoredCalibration, load_calibration};
use crate::floor::{CameraModel, CameraSpec};

/// Nine of ten normal draws lie within so many standard deviations.
const NINETY: f64 = 1.645;
/// What an older calibration is believed to, where it does not say (1 sigma): focal length and height
/// as shares, angles in degrees, the bend of the lens, the camera's foot in camera heights.
const FOCAL_SD: f64 = 0.15;
const PITCH_SD_DEG: f64 = 2.0;
const ROLL_SD_DEG: f64 = 1.5;
const BEND_SD: f64 = 0.05;
const YAW_SD_DEG: f64 = 2.0;
const FOOT_SD_HEIGHTS: f64 = 0.05;
/// A change beyond this many times what the old one said of itself is worth a question.
const SURPRISE: f64 = 3.0;

/// An existing calibration with new evidence: more control points, or people who walked by since.
///
/// What the old calibration says counts as far as it is sure of itself. Prints old and new side by
/// side and how far the floor moves; writes nothing without --write.
#[derive(Debug, Args)]
pub struct RefineArgs {
    /// The calibration to refine.
    #[arg(value_name = "CALIBRATION.toml")]
    calibration: PathBuf,
    /// New control points in a file, one a line: pixel x, pixel y, metre x, metre y.
    #[arg(long, value_name = "FILE.csv", required_unless_present = "footage")]
    points: Option<PathBuf>,
    #[command(flatten)]
    click: ClickArgs,
    #[command(flatten)]
    footage: FootageArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Replace the old file (it is kept beside it as .old).
    #[arg(long)]
    write: bool,
}

/// Refines; nothing is written unless asked for.
pub fn run(args: &RefineArgs) -> Outcome {
    let path = &args.calibration;
    let (stored, warnings) =
        load_calibration(path).map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &warnings {
        eprintln!("tailgate: {warning}");
    }
    let old = CameraModel::new(stored.spec.clone()).map_err(Failure::unusable)?;
    let view = view_of(&stored.spec, &old).ok_or_else(|| {
        cannot(
            "refine",
            path,
            &"its points do not tell where the camera is; make a new one from points",
        )
    })?;
    let mut found = match args.footage.is_given() {
        true => with_people(&args.footage, &stored, view)?,
        false => with_points(args, &stored, view)?,
    };
    found.spec.person_height_m = stored.spec.person_height_m;
    found.spec.person_height_sd_m = stored.spec.person_height_sd_m;
    found.kept = stored.kept.clone();
    let new = CameraModel::new(found.spec.clone()).map_err(Failure::unusable)?;
    compare(&old, &new, view, &stored, &mut found);
    let is_clip = |path: &&Path| path.extension().is_none_or(|e| e != "jsonl");
    let clip = Some(args.footage.path());
    let clip = clip.filter(|_| args.footage.is_given()).filter(is_clip);
    let still = args.output.still_of(clip, view.size_px)?;
    if !args.write {
        args.output.show(&still, found)?;
        eprintln!(
            "nothing was written: add --write to replace {}",
            path.display()
        );
        return Ok(DONE);
    }
    let mut kept = path.clone().into_os_string();
    kept.push(".old");
    std::fs::copy(path, &kept).map_err(|problem| cannot("copy", path, &problem))?;
    args.output.write_to(path, &still, found)
}

fn view_of(spec: &CameraSpec, model: &CameraModel) -> Option<View> {
    let size = (spec.image_width_px, spec.image_height_px);
    let mut view = View::of_pose(model.pose()?, spec.lens, size)?;
    let more = |lens: &crate::floor::Lens| {
        let rest = [lens.radial[2], lens.tangential[0], lens.tangential[1]];
        rest.iter().any(|term| term.abs() > 0.0)
    };
    view.measured = spec.lens.filter(more);
    Some(view)
}

/// How far the old calibration is believed.
fn beliefs(view: &View, stored: &StoredCalibration) -> Vec<Prior> {
    let made = stored.made.clone().unwrap_or_default();
    let half = |range: Option<[f64; 2]>| range.map(|[low, high]| (high - low) / (2.0 * NINETY));
    let share = |range: Option<[f64; 2]>| half(range.map(|range| range.map(libm::log)));
    let turn = |range: Option<[f64; 2]>, usual: f64| half(range).unwrap_or(usual).to_radians();
    let height = share(made.height_90_m).unwrap_or(stored.spec.scale_uncertainty.max(0.02));
    let foot = FOOT_SD_HEIGHTS * view.height_m();
    let all = [
        (Param::LnFocal, share(made.focal_90_px).unwrap_or(FOCAL_SD)),
        (Param::Pitch, turn(made.pitch_90_deg, PITCH_SD_DEG)),
        (Param::Roll, turn(made.roll_90_deg, ROLL_SD_DEG)),
        (Param::LnHeight, height),
        (Param::K1, BEND_SD),
        (Param::Yaw, YAW_SD_DEG.to_radians()),
        (Param::X, foot),
        (Param::Y, foot),
    ];
    let is_lens = |param: Param| matches!(param, Param::LnFocal | Param::K1);
    let free = all
        .into_iter()
        .filter(|(param, sd)| *sd > 0.0 && !(view.measured.is_some() && is_lens(*param)));
    free.map(|(param, sd)| Prior {
        param,
        mean: view.get(param),
        sd,
    })
    .collect()
}

fn with_people(
    footage: &FootageArgs,
    stored: &StoredCalibration,
    view: View,
) -> Result<Found, Failure> {
    let mut options = footage.options()?;
    options.priors = beliefs(&view, stored);
    options.start = Some(view);
    let seen = footage.read()?;
    if seen.size_px != view.size_px {
        return Err(footage.failed(&format!(
            "its pictures are {} x {} px, the calibration's {} x {} px",
            seen.size_px.0, seen.size_px.1, view.size_px.0, view.size_px.1
        )));
    }
    let fit = from_people(seen.size_px, &seen.walkers, &options);
    let fit = fit.map_err(|problem| footage.failed(&problem))?;
    let mut found = people::found(&fit, near_spec(&fit.fit.view)?);
    found.made.by = Some("refined with people".to_owned());
    found.made.from = Some(footage.path().display().to_string());
    Ok(found)
}

/// Measured points of the old calibration count again; where it has none, it counts itself.
fn with_points(
    args: &RefineArgs,
    stored: &StoredCalibration,
    view: View,
) -> Result<Found, Failure> {
    let mut problems = Vec::new();
    let path = args.points.as_deref().unwrap_or(Path::new(""));
    let new = points::from_file(path, &mut problems)?;
    if !problems.is_empty() {
        return Err(Failure::unusable(problems.join("\n")));
    }
    let made = stored.made.clone().unwrap_or_default();
    let old_px = made.points_px.clone().unwrap_or_default();
    let old_m = made.points_m.clone().unwrap_or_default();
    let mut all: Vec<_> = old_px.iter().zip(&old_m).map(points::pair).collect();
    let mut options = args.click.options(view.size_px)?;
    if all.len() < 4 {
        options.known = Some((view, beliefs(&view, stored)));
    } else {
        options.lens = options.lens.or(view.measured);
    }
    all.extend(new);
    let fit = from_points(view.size_px, &all, &options).map_err(Failure::unusable)?;
    Ok(points::found("refined with points", &all, fit))
}

/// Says old, new and the difference on the floor.
fn compare(
    old: &CameraModel,
    new: &CameraModel,
    view: View,
    stored: &StoredCalibration,
    found: &mut Found,
) {
    let pixels = raster(&view, &CalibrationEvidence::default());
    let row = |model: &CameraModel| match model.pose() {
        Some(pose) => format!(
            "height {:.2} m, pitch {:.1} degrees, focal length {:.0} px",
            pose.height_m,
            pose.pitch_rad.to_degrees(),
            pose.focal_px
        ),
        None => "place unknown".to_owned(),
    };
    found.notes.push(format!("old: {}", row(old)));
    found.notes.push(format!("new: {}", row(new)));
    let Some([median, p95, most]) = difference(old, new, &pixels) else {
        found.notes.push("old and new share no floor".to_owned());
        return;
    };
    found.notes.push(format!(
        "the floor moves by {:.1} cm (median), {:.1} cm (95 %), {:.1} cm (most)",
        100.0 * median,
        100.0 * p95,
        100.0 * most
    ));
    let said = stored.spec.scale_uncertainty;
    if let (Some(a), Some(b)) = (old.pose(), new.pose()) {
        let share = libm::log(b.height_m / a.height_m).abs();
        if share > SURPRISE * said.max(0.01) {
            found.notes.push(format!(
                "lengths change by {:.0} %, more than the old calibration's {:.0} % explain: was \
                 the camera moved?",
                100.0 * share,
                100.0 * said
            ));
        }
    }
    // The old one's own points are still what they were.
    let made = stored.made.clone().unwrap_or_default();
    if found.made.points_px.is_none() {
        found.made.points_px = made.points_px;
        found.made.points_m = made.points_m;
    }
}
