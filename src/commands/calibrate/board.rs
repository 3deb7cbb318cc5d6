//! `tailgate calibrate board`: a lens from a clip of a checkerboard.

use std::path::PathBuf;

use clap::Args;

#[cfg(not(feature = "opencv"))]
use crate::commands::{Failure, Outcome};

/// From a clip of a checkerboard: focal length, optical centre and distortion of a lens.
///
/// Print a board, glue it onto something flat, and carry it before the camera for half a minute:
/// into all corners of the picture, near and far, tilted to all sides, held still for a moment at
/// each place. The file that comes out goes into `tailgate calibrate points --lens FILE`. It holds
/// for this camera, at this zoom and picture size.
#[derive(Debug, Args)]
pub struct BoardArgs {
    /// The clip.
    #[arg(value_name = "CLIP")]
    clip: PathBuf,
    /// Squares (not corners) along both sides of the board: OpenCV's usual one is 10x7.
    #[arg(long, value_name = "COLUMNSxROWS")]
    squares: String,
    /// Side of a square, mm. The lens does not depend on it.
    #[arg(long, value_name = "MM", default_value_t = 25.0)]
    square_mm: f64,
    /// Dictionary of a ChArUco board's markers. Not there yet: see the message.
    #[arg(long, value_name = "DICTIONARY")]
    charuco: Option<String>,
    /// Where the lens goes; without it, it is printed.
    #[arg(long, short, value_name = "LENS.toml")]
    out: Option<PathBuf>,
    /// Replace that file if it is there already.
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Measures the lens.
#[cfg(not(feature = "opencv"))]
pub fn run(args: &BoardArgs) -> Outcome {
    Err(Failure::unusable(format!(
        "{}: this build has no OpenCV, which finds the board: build with `--features opencv`, or write \
         a [lens] that another tool measured (docs/calibration.md)",
        args.clip.display()
    )))
}

#[cfg(feature = "opencv")]
pub use with_opencv::run;

#[cfg(feature = "opencv")]
mod with_opencv {
    use serde::Serialize;

    use super::super::output::{NINETY, cannot};
    use super::BoardArgs;
    use crate::app::board::{Board, BoardLens, BoardViews, PARTS, Squares};
    use crate::capture::{Clip, ClipOptions};
    use crate::commands::{DONE, Failure, Outcome};
    use crate::config::{Made, lens_text};
    use crate::floor::Lens;

    /// From one picture looked at to the next, s: a board that is carried takes this long to a new place.
    const EVERY_S: f64 = 0.25;
    /// Pictures looked at for a board of another size, if this one is nowhere.
    const HINTS: usize = 8;
    /// Above this share the focal length is worth a note (1 sigma).
    const LOOSE_FOCAL: f64 = 0.01;
    /// Below this share of the picture's parts the corners of the picture are a guess.
    const LITTLE: f64 = 0.7;
    /// Corners of a sharp picture of a flat board fit to less than this, px.
    const ROUGH_PX: f64 = 1.0;

    #[derive(Debug, Serialize)]
    struct Report {
        image_px: (u32, u32),
        lens: Lens,
        focal_sd_px: f64,
        centre_sd_px: [f64; 2],
        radial_sd: [f64; 2],
        residual_px: f64,
        views: usize,
        left_out: usize,
        covered: f64,
        notes: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        out: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        toml: Option<String>,
    }

    /// Measures the lens.
    pub fn run(args: &BoardArgs) -> Outcome {
        let board = board(args)?;
        let (size_px, views) = look(args, board)?;
        let failed = |problem: crate::app::board::BoardError| {
            Failure::unusable(format!("{}: {problem}", args.clip.display()))
        };
        let found = views.solve().map_err(failed)?;
        let reach = NINETY * found.focal_sd_px;
        let made = Made {
            by: Some("board".to_owned()),
            from: Some(args.clip.display().to_string()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            residual_px: Some(found.residual_px),
            focal_90_px: Some([found.lens.focal_px - reach, found.lens.focal_px + reach]),
            ..Made::default()
        };
        let text = lens_text(size_px, &found.lens, &made);
        if let Some(path) = &args.out {
            std::fs::write(path, &text).map_err(|problem| cannot("write", path, &problem))?;
        }
        let report = Report {
            image_px: size_px,
            lens: found.lens,
            focal_sd_px: found.focal_sd_px,
            centre_sd_px: found.centre_sd_px,
            radial_sd: found.radial_sd,
            residual_px: found.residual_px,
            views: found.views,
            left_out: found.left_out,
            covered: found.covered,
            notes: notes(&found),
            out: args.out.as_ref().map(|path| path.display().to_string()),
            toml: (args.json && args.out.is_none()).then(|| text.clone()),
        };
        if args.json {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|problem| Failure::unusable(problem.to_string()))?;
            println!("{text}");
        } else {
            if args.out.is_none() {
                println!("{text}");
            }
            report.print(args.out.is_none());
        }
        Ok(DONE)
    }

    fn board(args: &BoardArgs) -> Result<Board, Failure> {
        if args.charuco.is_some() {
            return Err(Failure::unusable(
                "--charuco: boards with markers are not looked for (OpenCV has them in its main modules \
                 from version 4.7 on, and the one in use is older): give a plain checkerboard, whole in \
                 the picture",
            ));
        }
        if !(args.square_mm > 0.0 && args.square_mm < 10_000.0) {
            return Err(Failure::unusable(
                "--square-mm must be above 0, for example 25",
            ));
        }
        if let Some(path) = args
            .out
            .as_ref()
            .filter(|path| path.exists() && !args.force)
        {
            return Err(Failure::unusable(format!(
                "{} is there already: replace it with --force, or give --out another name",
                path.display()
            )));
        }
        let squares: Result<Squares, String> = args.squares.parse();
        let Squares(columns, rows) = squares.map_err(|problem| {
            Failure::unusable(format!("--squares {}: {problem}", args.squares))
        })?;
        Ok(Board {
            columns,
            rows,
            square_m: 0.001 * args.square_mm,
        })
    }

    /// The board's views in the clip, and the picture's size.
    fn look(args: &BoardArgs, board: Board) -> Result<((u32, u32), BoardViews), Failure> {
        let said = |problem: crate::capture::CaptureError| Failure::unusable(problem.to_string());
        let refused =
            |problem: crate::app::board::BoardError| Failure::unusable(problem.to_string());
        let mut clip = Clip::open(&args.clip, &ClipOptions::default()).map_err(said)?;
        let size_px = (clip.info().width, clip.info().height);
        let mut views = BoardViews::new(board, size_px);
        let (mut next_s, mut hints) = (f64::NEG_INFINITY, 0);
        while let Some(frame) = clip.next_frame().map_err(said)? {
            let time_s = frame.time().as_s();
            if time_s < next_s || views.is_full() {
                continue;
            }
            next_s = time_s + EVERY_S;
            let luma = frame.planes().y;
            views.look(luma.data, luma.stride).map_err(refused)?;
            if views.found == 0 && hints < HINTS {
                hints += 1;
                if views
                    .shows_larger(luma.data, luma.stride)
                    .map_err(refused)?
                {
                    return Err(Failure::unusable(format!(
                        "{}: shows no board of {board} squares but one of {}x{}: were corners \
                         counted? Give --squares {}x{}",
                        args.clip.display(),
                        board.columns + 1,
                        board.rows + 1,
                        board.columns + 1,
                        board.rows + 1,
                    )));
                }
            }
        }
        Ok((size_px, views))
    }

    fn notes(found: &BoardLens) -> Vec<String> {
        let mut notes = Vec::new();
        if found.focal_sd_px > LOOSE_FOCAL * found.lens.focal_px {
            notes.push(
                "the focal length is loosely known: tilt the board more, by 30 degrees to all sides, \
                 and hold it nearer"
                    .to_owned(),
            );
        }
        if found.covered < LITTLE {
            notes.push(format!(
                "the board was seen in {:.0} of {} parts of the picture: what the lens does in the \
                 others, mostly its corners, is a guess",
                found.covered * (PARTS.0 * PARTS.1) as f64,
                PARTS.0 * PARTS.1
            ));
        }
        if found.residual_px > ROUGH_PX {
            notes.push(format!(
                "corners are off by {:.1} px: is the board flat, was it held still, and is the lens no \
                 fisheye (above about 110 degrees)?",
                found.residual_px
            ));
        }
        if found.left_out > 0 {
            notes.push(format!(
                "{} views that the others contradict were left out",
                found.left_out
            ));
        }
        notes
    }

    impl Report {
        fn print(&self, aside: bool) {
            let half = libm::atan(0.5 * f64::from(self.image_px.0) / self.lens.focal_px);
            let [k1, k2, _] = self.lens.radial;
            let mut lines = vec![
                format!(
                    "lens    focal length {:.1} px (+/-{:.1}), {:.0} degrees wide; centre {:.1}, {:.1} \
                     (+/-{:.1}); k1 {k1:.4} (+/-{:.4}), k2 {k2:.4} (+/-{:.4}); 90 %",
                    self.lens.focal_px,
                    NINETY * self.focal_sd_px,
                    2.0 * half.to_degrees(),
                    self.lens.centre.x,
                    self.lens.centre.y,
                    NINETY * self.centre_sd_px[0].max(self.centre_sd_px[1]),
                    NINETY * self.radial_sd[0],
                    NINETY * self.radial_sd[1],
                ),
                format!(
                    "views   {} of the board, in {:.0} % of the picture; corners agree within {:.2} px \
                     (root mean square)",
                    self.views,
                    100.0 * self.covered,
                    self.residual_px
                ),
            ];
            lines.extend(self.notes.iter().map(|note| format!("note    {note}")));
            lines.extend(self.out.iter().map(|path| format!("wrote   {path}")));
            for line in lines {
                if aside {
                    eprintln!("{line}");
                } else {
                    println!("{line}");
                }
            }
        }
    }
}
