//! `tailgate calibrate rectangle`: from one measured rectangle on the floor.

use clap::Args;

use super::output::{OutputArgs, numbers};
use super::points::{ClickArgs, found};
use crate::calibrate::{from_points, rectangle_points};
use crate::commands::{Failure, Outcome};
use crate::detection::PointInImage;

/// From one rectangle on the floor: a mat, a lift's sill and jambs, a field of tiles.
///
/// Its corners in the picture in the order near left, near right, far right, far left, and its
/// sides in metres. The origin is the first corner, x runs to the second.
#[derive(Debug, Args)]
pub struct RectangleArgs {
    /// The four corners in the picture: near left, near right, far right, far left.
    #[arg(long, num_args = 4, value_name = "PX,PY", required = true)]
    corners: Vec<String>,
    /// From the first corner to the second, m.
    #[arg(long, value_name = "METRES")]
    width: f64,
    /// From the second corner to the third, m.
    #[arg(long, value_name = "METRES")]
    depth: f64,
    #[command(flatten)]
    click: ClickArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Calibrates from it.
pub fn run(args: &RectangleArgs) -> Outcome {
    args.output.check()?;
    let sound = |side: f64| side.is_finite() && side > 0.0;
    if !sound(args.width) || !sound(args.depth) {
        return Err(Failure::unusable("--width and --depth must be above 0 m"));
    }
    let mut corners = [PointInImage::default(); 4];
    for (corner, text) in corners.iter_mut().zip(&args.corners) {
        let [x, y] = numbers(text, "212,640").map_err(Failure::unusable)?;
        *corner = PointInImage { x, y };
    }
    let still = args.output.still()?;
    let size_px = still.picture.dimensions();
    let points = rectangle_points(corners, args.width, args.depth);
    let fit = from_points(size_px, &points, &args.click.options(size_px)?);
    let fit = fit.map_err(|problem| {
        Failure::unusable(format!(
            "{problem}\nthe corners must come in the order near left, near right, far right, far left"
        ))
    })?;
    args.output.finish(&still, found("rectangle", &points, fit))
}
