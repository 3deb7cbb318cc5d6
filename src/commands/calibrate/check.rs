//! `tailgate calibrate check DOOR.toml`: whether a door is set up right, in words, as a picture, and as
//! one verdict.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::output::{cannot, frame, picture};
use crate::app::overlay::draw_health;
use crate::app::walked::walked;
use crate::calibrate::health::{Grade, Health, Height, Patient};
use crate::commands::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::config;
use crate::engine::EngineConfig;
use crate::floor::{CameraModel, Grid, Portal};

/// The detector that draws a margin around people.
const LOOSE_DETECTOR: &str = "hog";
/// Behind tiles where there is no picture.
const BLANK: [u8; 3] = [46, 50, 56];

/// Says whether a door is set up right: what its camera sees of every tile and portal, and what to
/// change.
///
/// The verdict is good, usable with doubts, or refuse (exit code 4).
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The door's file.
    #[arg(value_name = "DOOR.toml")]
    door: PathBuf,
    /// A still picture of the camera, to draw on.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// A clip of the camera, instead of a still picture.
    #[arg(long, value_name = "CLIP", conflicts_with = "picture")]
    clip: Option<PathBuf>,
    /// Which moment of the clip, s.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    at: f64,
    /// A trace of people walking (`tailgate replay --trace`): their heights test the calibration.
    #[arg(long = "trace", value_name = "TRACE.jsonl")]
    traces: Vec<PathBuf>,
    /// Draw tiles, portals and findings over the picture and write it here.
    #[arg(long, value_name = "PICTURE.png")]
    overlay: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    door: String,
    camera: &'a str,
    #[serde(flatten)]
    health: &'a Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay: Option<String>,
}

/// Checks; exit code 4 if the door would have to be refused.
pub fn run(args: &CheckArgs) -> Outcome {
    let site = config::load(std::slice::from_ref(&args.door))
        .map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &site.warnings {
        eprintln!("tailgate: {warning}");
    }
    let camera = &site.engine.cameras[0];
    let spec = camera.calibration.clone();
    let spec = spec.ok_or_else(|| Failure::unusable("the door's camera has no calibration"))?;
    let model = CameraModel::new(spec).map_err(Failure::unusable)?;
    let named = site.engine.portals.iter();
    let portals: Vec<(String, Portal)> = named
        .map(|portal| (portal.name.clone(), portal.portal.clone()))
        .collect();
    let lines: Vec<Portal> = portals.iter().map(|(_, portal)| portal.clone()).collect();
    let grid = Grid::new(camera.grid.clone(), &lines);
    let (heights, loose_boxes) = heights(args, &site.engine)?;
    let health = Health::of(&Patient {
        model: &model,
        grid: &grid,
        portals: &portals,
        footprints: &camera.footprints,
        heights: &heights,
        loose_boxes,
    });
    if let Some(path) = &args.overlay {
        let still = still(args, &model)?;
        let drawn = draw_health(&still, &model, &grid, &portals, &health);
        let drawn = drawn.ok_or_else(|| Failure::unusable("the picture has no pixels"))?;
        drawn
            .save(path)
            .map_err(|problem| cannot("write", path, &problem))?;
    }
    if args.json {
        let report = Report {
            door: args.door.display().to_string(),
            camera: &camera.name,
            health: &health,
            overlay: args.overlay.as_ref().map(|path| path.display().to_string()),
        };
        let text = serde_json::to_string_pretty(&report)
            .map_err(|problem| Failure::unusable(problem.to_string()))?;
        println!("{text}");
    } else {
        print(args, &health);
    }
    Ok(match health.grade {
        Grade::Refuse => NOT_AS_EXPECTED,
        _ => DONE,
    })
}

fn print(args: &CheckArgs, health: &Health) {
    println!("{}: {}", args.door.display(), health.grade.words());
    for finding in &health.findings {
        let word = match finding.grade {
            Grade::Good => "good  ",
            Grade::Doubtful => "DOUBT ",
            Grade::Refuse => "REFUSE",
        };
        println!("  {word}  {}", finding.what);
        if !finding.change.is_empty() {
            println!("          -> {}", finding.change);
        }
    }
    println!(
        "  not looked at: what hides the door. See that its leaf, desks and plants do not, and mark \
         blocked floor in the door's file"
    );
    if let Some(path) = &args.overlay {
        println!("wrote {}", path.display());
    }
}

/// Heights of the people of all traces, by this door's calibration, and whether their boxes are loose.
fn heights(args: &CheckArgs, config: &EngineConfig) -> Result<(Vec<Height>, bool), Failure> {
    let (mut heights, mut loose) = (Vec::new(), false);
    for path in &args.traces {
        let file = File::open(path).map_err(|problem| cannot("read", path, &problem))?;
        let (seen, _) = walked(BufReader::new(file), Some(config.clone()))
            .map_err(|problem| cannot("read", path, &problem))?;
        heights.extend(seen.heights);
        loose |= seen
            .detector
            .is_some_and(|name| name.starts_with(LOOSE_DETECTOR));
    }
    Ok((heights, loose))
}

fn still(args: &CheckArgs, model: &CameraModel) -> Result<RgbImage, Failure> {
    let spec = model.spec();
    let size = (spec.image_width_px, spec.image_height_px);
    let still = match (&args.picture, &args.clip) {
        (Some(path), _) => picture(path)?,
        (None, Some(path)) => frame(path, args.at)?,
        (None, None) => RgbImage::from_pixel(size.0, size.1, image::Rgb(BLANK)),
    };
    if still.dimensions() == size {
        return Ok(still);
    }
    Err(Failure::unusable(format!(
        "the picture is {} x {} px, but the calibration is for {} x {} px: give a picture of the \
         camera in its full size",
        still.width(),
        still.height(),
        size.0,
        size.1
    )))
}
