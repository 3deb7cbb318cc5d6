//! `tailgate calibrate WAY`: from a camera's picture to a calibration file, and the picture that
//! proves it. One file a way; what they share is in [`output`].

mod board;
mod check;
mod lines;
mod output;
mod people;
mod points;
mod propose;
mod rectangle;
mod refine;

use clap::{Args, Subcommand};

use super::Outcome;

/// Makes a calibration: which floor a camera's picture shows, in metres.
///
/// Each way ends in the same calibration file and, with --overlay, in a picture that proves it: the
/// floor's metres drawn in, people of 1.70 m standing on it.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    #[command(subcommand)]
    way: Way,
}

#[derive(Debug, Subcommand)]
enum Way {
    Points(points::PointsArgs),
    Rectangle(rectangle::RectangleArgs),
    Lines(lines::LinesArgs),
    Board(board::BoardArgs),
    // `tailgate calibrate --check DOOR.toml` is the same.
    #[command(long_flag = "check")]
    Check(check::CheckArgs),
    Propose(propose::ProposeArgs),
    People(people::PeopleArgs),
    Refine(refine::RefineArgs),
}

/// Calibrates; exit code 1 if what was given makes no calibration.
pub fn run(args: &CalibrateArgs) -> Outcome {
    match &args.way {
        Way::Points(args) => points::run(args),
        Way::Rectangle(args) => rectangle::run(args),
        Way::Lines(args) => lines::run(args),
        Way::Board(args) => board::run(args),
        Way::Check(args) => check::run(args),
        Way::Propose(args) => propose::run(args),
        Way::People(args) => people::run(args),
        Way::Refine(args) => refine::run(args),
    }
}
