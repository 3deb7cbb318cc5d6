//! `tailgate calibrate people`: from people who walk by; nothing is measured.

use std::fs::File;
use std::io::{BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;

use super::output::{Found, NINETY, OutputArgs, cannot, near_spec, numbers};
use crate::app::eyes::{model_of, open_eyes};
use crate::app::overlay::CalibrationEvidence;
use crate::app::sightings::for_each;
use crate::app::trace::{TraceLine, TraceReader};
use crate::calibrate::people::{
    FloorLength, PeopleFit, PeopleOptions, Walker, WalkerLinker, from_people,
};
use crate::calibrate::{Param, Prior};
use crate::capture::{Clip, ClipOptions};
use crate::commands::detector::DetectorArgs;
use crate::commands::{Failure, Outcome};
use crate::config::{DetectorChoice, Made};
use crate::detection::PointInImage;
use crate::engine::{EngineConfig, FrameInput, Input, Seen};
use crate::floor::{PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M};
use crate::units::CameraId;

/// The network looks at the whole picture with a longer side in this range, px: people far away
/// count here too.
const LONG_SIDE_PX: (u32, u32) = (640, 960);
/// Boxes drawn into the overlay at most.
const MOST_DRAWN: usize = 60;
/// How far a focal length from a data sheet may be off, as a share (1 sigma).
const FOCAL_SD: f64 = 0.03;
/// Fewer people than this are worth a note.
const FEW_PEOPLE: usize = 10;
/// Ends of a measured length are at least so far apart, px: clicks are off by one or two.
const LEAST_LENGTH_PX: f64 = 40.0;
/// If the 90 % interval of the scale reaches further than this share, a measured length is asked for.
const ASK_SHARE: f64 = 0.08;

/// From people walking: no tape, no marks. A clip of a quiet hour will do.
///
/// People who are seen whole, from head to feet, and walk through say how the camera hangs and how
/// large everything is, because adults are about equally tall. Ten people make it good, thirty
/// better; the report says how sure it is. The origin is the floor under the camera, y points away
/// from it.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    #[command(flatten)]
    people: FootageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Footage of people, and how tall they are.
#[derive(Debug, Args)]
pub struct FootageArgs {
    /// The clip, or a trace of `tailgate replay --whole-picture --trace`.
    #[arg(value_name = "CLIP")]
    footage: Option<PathBuf>,
    /// Mean height of the people here, in shoes, m.
    #[arg(long, value_name = "METRES", default_value_t = PERSON_HEIGHT_M)]
    person_height: f64,
    /// Standard deviation of it, m.
    #[arg(long, value_name = "METRES", default_value_t = PERSON_HEIGHT_SD_M)]
    person_height_sd: f64,
    /// Focal length of the lens, px, if it is known: it makes the result much surer. Half the picture's
    /// width over the tangent of half the horizontal angle of view.
    #[arg(long, value_name = "PX")]
    focal_px: Option<f64>,
    /// A length on the floor, between two places in the picture: `--length 212,640=815,655=2.40` (px, px,
    /// m). One long one, across the floor that people walk, makes the scale sure. Repeat it.
    #[arg(long, value_name = "PX,PY=PX,PY=METRES")]
    length: Vec<String>,
    #[command(flatten)]
    detector: DetectorArgs,
    /// Threads that look for people; the calibration does not depend on it.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
}

/// Walks and the size of the picture they were seen in.
pub struct Footage {
    pub walkers: Vec<Walker>,
    pub size_px: (u32, u32),
    pub is_trace: bool,
}

/// Calibrates from them.
pub fn run(args: &PeopleArgs) -> Outcome {
    args.output.check()?;
    if args.people.footage.is_none() {
        return Err(Failure::unusable(
            "say which clip shows people walking: tailgate calibrate people CLIP",
        ));
    }
    let options = args.people.options()?;
    let footage = args.people.read()?;
    let clip = (!footage.is_trace).then_some(args.people.path());
    let still = args.output.still_of(clip, footage.size_px)?;
    let fit = from_people(footage.size_px, &footage.walkers, &options);
    let fit = fit.map_err(|problem| args.people.failed(&problem))?;
    let mut found = found(&fit, near_spec(&fit.fit.view)?);
    found.spec.person_height_m = args.people.person_height;
    found.spec.person_height_sd_m = args.people.person_height_sd;
    found.made.from = Some(args.people.path().display().to_string());
    if footage.is_trace {
        found.notes.push(
            "a trace has only what its run looked at: replay with --whole-picture, or give the clip"
                .to_owned(),
        );
    }
    args.output.finish(&still, found)
}

/// A fit of people as something to be written and drawn.
pub fn found(fit: &PeopleFit, spec: crate::floor::CameraSpec) -> Found {
    let mut notes = Vec::new();
    let believed: Vec<_> = fit
        .sightings
        .iter()
        .filter(|(_, is_believed)| *is_believed)
        .collect();
    if fit.people < FEW_PEOPLE {
        notes.push(format!(
            "{} people only: more footage makes it surer, up to a few dozen",
            fit.people
        ));
    }
    let odd = fit.sightings.len() - believed.len();
    if 3 * odd > fit.sightings.len() {
        notes.push(format!(
            "{odd} of {} sightings do not fit an upright body: is something in front of the feet, \
             or the floor not flat?",
            fit.sightings.len()
        ));
    }
    let reach = NINETY * fit.spread.scale_share;
    if reach > ASK_SHARE {
        notes.push(format!(
            "these people leave the scale open by {:.0} % either way, and distances far away by more \
             (a narrow lens, a steep view, small or few people): measure one length on the floor and \
             give --length PX,PY=PX,PY=METRES, or --focal-px if the lens is known",
            100.0 * reach
        ));
    }
    let step = believed.len().div_ceil(MOST_DRAWN).max(1);
    Found {
        spec,
        fit: Some(fit.fit.clone()),
        made: Made {
            by: Some("people".to_owned()),
            people: Some(fit.people as u32),
            sightings: Some(believed.len() as u32),
            scale_90: Some([libm::exp(-reach), libm::exp(reach)]),
            ..Made::default()
        },
        evidence: CalibrationEvidence {
            boxes: believed
                .iter()
                .step_by(step)
                .map(|(seen, _)| seen.bbox)
                .collect(),
            ..CalibrationEvidence::default()
        },
        length_share: Some(fit.spread.length_share.max(fit.spread.scale_share)),
        notes,
        kept: toml::Table::new(),
    }
}

impl FootageArgs {
    /// Whether there is any.
    pub fn is_given(&self) -> bool {
        self.footage.is_some()
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        self.footage.as_deref().unwrap_or(Path::new(""))
    }

    /// What is known of the people.
    pub fn options(&self) -> Result<PeopleOptions, Failure> {
        let sound = |v: f64, most: f64| v > 0.0 && v < most;
        if !sound(self.person_height, 2.5) || !sound(self.person_height_sd, 0.5) {
            return Err(Failure::unusable(
                "--person-height and --person-height-sd must be above 0 m, for example 1.70 and 0.10",
            ));
        }
        Ok(PeopleOptions {
            person_m: self.person_height,
            person_sd_m: self.person_height_sd,
            priors: self.focal(),
            start: None,
            lengths: self.lengths()?,
        })
    }

    fn lengths(&self) -> Result<Vec<FloorLength>, Failure> {
        let one = |text: &String| {
            let [ax, ay, bx, by, length_m] = numbers(text, "212,640=815,655=2.40")?;
            let ends = [(ax, ay), (bx, by)].map(|(x, y)| PointInImage { x, y });
            match length_m > 0.0 && ends[0].distance(ends[1]) > LEAST_LENGTH_PX {
                true => Ok(FloorLength { ends, length_m }),
                false => Err(format!(
                    "{text:?}: must be above 0 m, between places at least {LEAST_LENGTH_PX} px apart"
                )),
            }
        };
        let lengths: Result<Vec<FloorLength>, String> = self.length.iter().map(one).collect();
        lengths.map_err(|problem| Failure::unusable(format!("--length {problem}")))
    }

    fn focal(&self) -> Vec<Prior> {
        let known = self
            .focal_px
            .filter(|focal| *focal > 0.0)
            .map(|focal| Prior {
                param: Param::LnFocal,
                mean: libm::log(focal),
                sd: FOCAL_SD,
            });
        known.into_iter().collect()
    }

    /// The walks of everybody in it.
    pub fn read(&self) -> Result<Footage, Failure> {
        match self.path().extension().is_some_and(|e| e == "jsonl") {
            true => self.trace(),
            false => self.clip(),
        }
    }

    /// What went wrong, with the file's name.
    pub fn failed(&self, problem: &str) -> Failure {
        Failure::unusable(format!("{}: {problem}", self.path().display()))
    }

    fn clip(&self) -> Result<Footage, Failure> {
        let mut clip = Clip::open(self.path(), &ClipOptions::default())
            .map_err(|problem| Failure::unusable(problem.to_string()))?;
        let (size_px, frames) = ((clip.info().width, clip.info().height), clip.info().frames);
        let side = size_px
            .0
            .max(size_px.1)
            .clamp(LONG_SIDE_PX.0, LONG_SIDE_PX.1);
        let mut choice = self.detector.eyes(true, usize::from(self.threads));
        let door = DetectorChoice::default();
        let manifest = model_of(&choice, &door).map_err(Failure::unusable)?;
        if manifest.takes_any_size() {
            choice.input = choice.input.or(Some(side));
        }
        let detectors = open_eyes(
            &choice,
            &door,
            &EngineConfig {
                cameras: Vec::new(),
                doors: Vec::new(),
                portals: Vec::new(),
            },
            size_px,
        )
        .map_err(Failure::unusable)?;
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(frames.unwrap_or_default()),
            false => ProgressBar::hidden(),
        };
        let mut linker = WalkerLinker::new(size_px);
        for_each(&mut clip, detectors, |seen| {
            bar.inc(1);
            linker.frame(seen.frame.time().as_s(), &seen.detections);
            Ok(())
        })
        .map_err(|problem| self.failed(&problem.to_string()))?;
        bar.finish_and_clear();
        Ok(Footage {
            walkers: linker.finish(),
            size_px,
            is_trace: false,
        })
    }

    fn trace(&self) -> Result<Footage, Failure> {
        let path = self.path();
        let file = File::open(path).map_err(|problem| cannot("read", path, &problem))?;
        let said = |problem: crate::app::trace::TraceError| self.failed(&problem.to_string());
        let mut reader = TraceReader::new(BufReader::new(file)).map_err(said)?;
        let size_px = reader.header.provenance.picture;
        let size_px =
            size_px.ok_or_else(|| self.failed("the trace does not say its picture's size"))?;
        let mut linker = WalkerLinker::new(size_px);
        while let Some(line) = reader.next_line().map_err(said)? {
            if let TraceLine::In {
                r#in: Input::Frame(frame),
                ..
            } = line
                && let FrameInput {
                    camera: CameraId(0),
                    taken,
                    seen: Seen::Boxes(boxes),
                } = frame
            {
                linker.frame(taken.as_s(), &boxes);
            }
        }
        Ok(Footage {
            walkers: linker.finish(),
            size_px,
            is_trace: true,
        })
    }
}
