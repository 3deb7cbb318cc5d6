//! `tailgate calibrate points`: from points known in the picture and on the floor.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{Found, OutputArgs, cannot, numbers};
use crate::app::overlay::{CalibrationEvidence, Mark};
use crate::calibrate::{PointsFit, PointsOptions, from_points};
use crate::commands::{Failure, Outcome};
use crate::config::Made;
use crate::detection::PointInImage;
use crate::floor::{ControlPoint, Lens, PointInFloor};

/// From control points: places on the floor known both in the picture and in metres.
///
/// Four at least; six or more, so that one that slipped is found. Corners of tiles, marks of tape
/// and door posts will do, spread over the floor that people walk. The origin is yours; seen from
/// above, y points a quarter turn to the left of x.
#[derive(Debug, Args)]
pub struct PointsArgs {
    /// A point: pixels, then metres: `--point 212,640=0,0`. Repeat it.
    #[arg(long = "point", value_name = "PX,PY=X,Y")]
    points: Vec<String>,
    /// Points in a file, one a line: pixel x, pixel y, metre x, metre y.
    #[arg(long = "points", value_name = "FILE.csv")]
    file: Option<PathBuf>,
    #[command(flatten)]
    click: ClickArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How points were taken and through which lens.
#[derive(Debug, Args)]
pub struct ClickArgs {
    /// How far a click may be off on each axis, px (1 sigma).
    #[arg(long, value_name = "PX", default_value_t = 1.0)]
    click_sd: f64,
    /// A calibration whose [lens] is this camera's, as `tailgate calibrate board` writes it.
    #[arg(long, value_name = "CALIBRATION.toml")]
    lens: Option<PathBuf>,
}

impl ClickArgs {
    /// `size_px`: of the picture that was clicked on.
    pub fn options(&self, size_px: (u32, u32)) -> Result<PointsOptions, Failure> {
        if !(self.click_sd > 0.0 && self.click_sd < 100.0) {
            return Err(Failure::unusable(
                "--click-sd must be above 0 and below 100 px",
            ));
        }
        Ok(PointsOptions {
            click_sd_px: self.click_sd,
            lens: self
                .lens
                .as_deref()
                .map(|path| lens(path, size_px))
                .transpose()?,
            known: None,
        })
    }
}

/// Calibrates from them.
pub fn run(args: &PointsArgs) -> Outcome {
    args.output.check()?;
    let points = given(args)?;
    let still = args.output.still()?;
    let size_px = still.picture.dimensions();
    let fit = from_points(size_px, &points, &args.click.options(size_px)?);
    let fit = fit.map_err(Failure::unusable)?;
    args.output.finish(&still, found("points", &points, fit))
}

/// A fit of points as something to be written and drawn.
pub fn found(by: &str, points: &[ControlPoint], fit: PointsFit) -> Found {
    let mut notes = Vec::new();
    if let Some(slip) = fit.slip {
        let what = format!(
            "point {} looks wrong: it is {:.0} px from ({:.0}, {:.0}), where the others put it",
            slip.index + 1,
            slip.off_px,
            slip.expected.x,
            slip.expected.y
        );
        notes.push(match slip.left_out {
            true => format!("{what}; it was left out, so measure it again"),
            false => format!(
                "{what}; with five points another may be the wrong one: measure again and give a sixth"
            ),
        });
    }
    if fit.fit.is_none() {
        notes.push(
            "no camera with square pixels sees these points so: the plain map was kept, which \
             knows no heights. Check the points; a picture that was stretched or cut out of a \
             larger one does this too"
                .to_owned(),
        );
    } else if points.len() == 4 {
        notes.push("four points leave nothing to check them by: give six or more".to_owned());
    }
    let slipped = fit.slip.filter(|slip| slip.left_out).map(|slip| slip.index);
    let marks = points.iter().zip(&fit.seen).enumerate();
    let marks = marks.map(|(index, (point, seen))| Mark {
        clicked: point.image,
        seen: *seen,
        slipped: Some(index) == slipped,
    });
    Found {
        made: Made {
            by: Some(by.to_owned()),
            points_px: Some(points.iter().map(|p| [p.image.x, p.image.y]).collect()),
            points_m: Some(points.iter().map(|p| [p.floor.x, p.floor.y]).collect()),
            residual_px: Some(fit.rms_px()),
            ..Made::default()
        },
        evidence: CalibrationEvidence {
            marks: marks.collect(),
            ..CalibrationEvidence::default()
        },
        spec: fit.spec,
        fit: fit.fit,
        length_share: None,
        notes,
        kept: toml::Table::new(),
    }
}

fn given(args: &PointsArgs) -> Result<Vec<ControlPoint>, Failure> {
    let mut problems = Vec::new();
    let mut points = Vec::new();
    for (number, text) in (1..).zip(&args.points) {
        match numbers(text, "212,640=0,0") {
            Ok(values) => points.push(point(values)),
            Err(problem) => problems.push(format!("--point {number}: {problem}")),
        }
    }
    if let Some(path) = &args.file {
        points.extend(from_file(path, &mut problems)?);
    }
    if points.is_empty() && problems.is_empty() {
        problems
            .push("no points: give --point PX,PY=X,Y four times or more, or --points FILE".into());
    }
    match problems.is_empty() {
        true => Ok(points),
        false => Err(Failure::unusable(problems.join("\n"))),
    }
}

/// Points of a file; lines that begin with a letter or # are headings.
pub fn from_file(path: &Path, problems: &mut Vec<String>) -> Result<Vec<ControlPoint>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|problem| cannot("read", path, &problem))?;
    let mut points = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let is_heading = line.starts_with(|c: char| c.is_alphabetic() || c == '#');
        if line.is_empty() || is_heading {
            continue;
        }
        match numbers(line, "212,640,0,0") {
            Ok(values) => points.push(point(values)),
            Err(problem) => problems.push(format!("{}:{number}: {problem}", path.display())),
        }
    }
    Ok(points)
}

/// A measured pair of a file.
pub fn pair((px, m): (&[f64; 2], &[f64; 2])) -> ControlPoint {
    point([px[0], px[1], m[0], m[1]])
}

fn point([px, py, x, y]: [f64; 4]) -> ControlPoint {
    ControlPoint {
        image: PointInImage { x: px, y: py },
        floor: PointInFloor { x, y },
    }
}

/// The lens of a calibration file.
fn lens(path: &Path, size_px: (u32, u32)) -> Result<Lens, Failure> {
    #[derive(serde::Deserialize)]
    struct File {
        lens: Option<Table>,
        image_px: Option<[f64; 2]>,
    }
    #[derive(serde::Deserialize)]
    struct Table {
        focal_px: f64,
        centre_px: Option<[f64; 2]>,
        #[serde(flatten)]
        terms: std::collections::BTreeMap<String, f64>,
    }
    let text = std::fs::read_to_string(path).map_err(|problem| cannot("read", path, &problem))?;
    let file: File = toml::from_str(&text).map_err(|problem| cannot("read", path, &problem))?;
    let table = file
        .lens
        .ok_or_else(|| cannot("use", path, &"it has no [lens] table"))?;
    let picture = [f64::from(size_px.0), f64::from(size_px.1)];
    let is_other = |size: &[f64; 2]| (size[0] - picture[0]).hypot(size[1] - picture[1]) > 0.5;
    if let Some([w, h]) = file.image_px.filter(is_other) {
        let problem = format!(
            "it is for pictures of {w} x {h} px and this one has {} x {} px: a lens holds for one \
             picture size",
            size_px.0, size_px.1
        );
        return Err(cannot("use", path, &problem));
    }
    let middle = file.image_px.map(|[w, h]| [0.5 * w, 0.5 * h]);
    let centre = table.centre_px.or(middle);
    let [x, y] = centre.ok_or_else(|| cannot("use", path, &"its [lens] has no centre_px"))?;
    let term = |name: &str| table.terms.get(name).copied().unwrap_or(0.0);
    let lens = Lens {
        radial: [term("k1"), term("k2"), term("k3")],
        tangential: [term("p1"), term("p2")],
        ..Lens::pinhole(table.focal_px, PointInImage { x, y })
    };
    match lens.is_sound() {
        true => Ok(lens),
        false => Err(cannot("use", path, &"its lens has no focal length above 0")),
    }
}
