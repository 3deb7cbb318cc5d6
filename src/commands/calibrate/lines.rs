//! `tailgate calibrate lines`: from straight edges and the height of the camera.

use clap::Args;

use super::output::{Found, OutputArgs, near_spec, numbers};
use crate::app::overlay::CalibrationEvidence;
use crate::calibrate::{Line, LineEvidence, from_lines};
use crate::commands::{Failure, Outcome};
use crate::config::Made;
use crate::detection::PointInImage;

/// From straight edges and the camera's height: floor boards, skirting, door posts.
///
/// Draw over edges that are parallel in the world: some that run away from the camera (--along),
/// some at right angles to them on the floor (--across), some that stand upright (--upright).
/// The origin is the floor under the camera, y runs along the first ones.
#[derive(Debug, Args)]
pub struct LinesArgs {
    /// An edge on the floor that runs away from the camera: both ends in the picture. Repeat it.
    #[arg(long, value_name = "X1,Y1,X2,Y2")]
    along: Vec<String>,
    /// An edge on the floor at right angles to those. Repeat it.
    #[arg(long, value_name = "X1,Y1,X2,Y2")]
    across: Vec<String>,
    /// An upright edge: a door post, a corner of the room. Repeat it.
    #[arg(long, value_name = "X1,Y1,X2,Y2")]
    upright: Vec<String>,
    /// Height of the camera's lens above the floor, m.
    #[arg(long, value_name = "METRES")]
    height: f64,
    /// How far that may be wrong, m (1 sigma).
    #[arg(long, value_name = "METRES", default_value_t = 0.03)]
    height_sd: f64,
    /// How far ends may be off, px (1 sigma).
    #[arg(long, value_name = "PX", default_value_t = 1.0)]
    click_sd: f64,
    /// Focal length, px, if it is known.
    #[arg(long, value_name = "PX")]
    focal_px: Option<f64>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Calibrates from them.
pub fn run(args: &LinesArgs) -> Outcome {
    args.output.check()?;
    if !(args.click_sd > 0.0 && args.focal_px.is_none_or(|focal| focal > 0.0)) {
        return Err(Failure::unusable(
            "--click-sd and --focal-px must be above 0 px",
        ));
    }
    let still = args.output.still()?;
    let evidence = LineEvidence {
        along: lines(&args.along)?,
        across: lines(&args.across)?,
        upright: lines(&args.upright)?,
        height_m: args.height,
        height_sd_m: args.height_sd,
        click_sd_px: args.click_sd,
        focal_px: args.focal_px,
    };
    let solved = from_lines(still.picture.dimensions(), &evidence);
    let (fit, residuals_px) = solved.map_err(Failure::unusable)?;
    let square: f64 = residuals_px.iter().map(|r| r * r).sum();
    let drawn = || {
        let all = [&evidence.along, &evidence.across, &evidence.upright];
        all.into_iter().flatten()
    };
    let mut notes = Vec::new();
    if let Some((number, off)) = (1..)
        .zip(&residuals_px)
        .max_by(|a, b| a.1.total_cmp(b.1))
        .filter(|(_, off)| **off > 5.0 * args.click_sd)
    {
        notes.push(format!(
            "line {number} (counting along, across, upright) is {off:.0} px from where the others \
             put it: is it straight, and of that direction?"
        ));
    }
    let found = Found {
        spec: near_spec(&fit.view)?,
        made: Made {
            by: Some("lines".to_owned()),
            residual_px: Some((square / residuals_px.len() as f64).sqrt()),
            ..Made::default()
        },
        evidence: CalibrationEvidence {
            lines: drawn().map(|line| [line.a, line.b]).collect(),
            ..CalibrationEvidence::default()
        },
        fit: Some(fit),
        length_share: None,
        notes,
        kept: toml::Table::new(),
    };
    args.output.finish(&still, found)
}

fn lines(texts: &[String]) -> Result<Vec<Line>, Failure> {
    let line = |text: &String| {
        let [x1, y1, x2, y2] = numbers(text, "100,700,420,310").map_err(Failure::unusable)?;
        Ok(Line {
            a: PointInImage { x: x1, y: y1 },
            b: PointInImage { x: x2, y: y2 },
        })
    };
    texts.iter().map(line).collect()
}
