//! `tailgate models bench`: how long inference takes on this machine, and what to choose.
//!
//! Every combination of model, input size and thread count is loaded, then all take turns, so that
//! whatever else the machine does falls on all alike. The least time says what the machine can do;
//! the median what it did. Every provider that the runtime was built with is tried; one that cannot
//! start on this machine is named with its reason and left out.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::columns::columns;
use super::probe::size;
use super::{ready, unusable};
use crate::commands::{DONE, Failure, Outcome};
use crate::detection::Detection;
use crate::inference::{
    Detector, InputSize, Manifest, Provider, Registry, Settings, YuvPicture, find_weights, open,
};

/// Sizes tried where none is given: a whole view, and a wide one.
const SIZES: [InputSize; 2] = [InputSize::Exact(416, 256), InputSize::Exact(640, 384)];
/// More threads in one inference than this are not tried: doors are small pictures.
const MOST_THREADS: u32 = 4;
/// A second thread must save at least this share of the time to be worth recommending.
const WORTH_SHARE: f64 = 0.25;
/// Stands in the place of a precision where there is no network.
const BUILT_IN: &str = "-";
/// A quantised network has nodes of this kind; their names stand in the file as text.
const QUANTISED_NODE: &[u8] = b"QuantizeLinear";

/// Times models on this machine with every provider, size and thread count, and recommends.
///
/// Without names, every network whose weights are there, and the built-in one.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Names of models, or folders with a model.toml.
    names: Vec<String>,
    /// Input sizes [default: 416x256 and 640x384, or the only one that the model takes].
    #[arg(long, value_parser = size)]
    size: Vec<InputSize>,
    /// Thread counts in one inference [default: 1, 2 and 4, as many as there are processors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Vec<u32>,
    /// What computes networks [default: all that the ONNX Runtime library here was built with].
    #[arg(long, value_name = "NAME")]
    provider: Vec<Provider>,
    /// How often each is run.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    /// The times as one JSON array.
    #[arg(long)]
    json: bool,
}

/// One combination.
struct Trial {
    detector: Box<dyn Detector>,
    precision: &'static str,
    provider: Provider,
    threads: u32,
    input: (u32, u32),
    times_ms: Vec<f64>,
}

/// How long one combination took.
#[derive(Debug, Clone, Serialize)]
struct Timing {
    model: String,
    precision: &'static str,
    provider: Provider,
    width: u32,
    height: u32,
    threads: u32,
    least_ms: f64,
    median_ms: f64,
}

/// Times every combination and prints them.
pub fn run(registry: &Registry, args: &BenchArgs) -> Outcome {
    let models = ready(registry, &args.names)?;
    let picture = grey()?;
    let (mut trials, problems) = trials(&models, args, &picture)?;
    for _ in 0..args.repeat {
        for trial in &mut trials {
            time(trial, &picture).map_err(Failure::unusable)?;
        }
    }
    let timings: Vec<Timing> = trials.iter_mut().map(Timing::of).collect();
    if args.json {
        let text = serde_json::to_string_pretty(&timings);
        let text = text.map_err(|error| Failure::unusable(error.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table(&timings));
        println!("{}", recommendation(&timings));
    }
    if problems.is_empty() {
        Ok(DONE)
    } else {
        Err(Failure::unusable(problems.join("\n")))
    }
}

/// An even picture of a door camera's proportions: what it shows does not change the time.
fn grey() -> Result<YuvPicture, Failure> {
    let (width, height) = (1280, 768);
    let planes = YuvPicture::from_rgb(width, height, &vec![110; width * height * 3]);
    planes.map_err(unusable)
}

/// Loads every combination; beside them what could not be loaded, and why.
fn trials(
    models: &[Manifest],
    args: &BenchArgs,
    picture: &YuvPicture,
) -> Result<(Vec<Trial>, Vec<String>), Failure> {
    let all = if args.provider.is_empty() {
        Provider::available().map_err(unusable)?
    } else {
        args.provider.clone()
    };
    let (mut trials, mut problems) = (Vec::new(), Vec::new());
    for manifest in models {
        for settings in combinations(manifest, args, &all) {
            let asked_for = settings.provider == Provider::Cpu || !args.provider.is_empty();
            match trial(manifest, &settings, picture) {
                Ok(trial) => trials.push(trial),
                Err(problem) if asked_for => problems.push(problem),
                // That a library was built for a graphics processor does not put one here.
                Err(problem) => eprintln!("left out: {problem}"),
            }
        }
    }
    Ok((trials, problems))
}

/// Every size, provider and thread count that a model is tried with.
fn combinations(manifest: &Manifest, args: &BenchArgs, all: &[Provider]) -> Vec<Settings> {
    let mut found = Vec::new();
    for size in sizes(manifest, args) {
        for &provider in providers(manifest, all) {
            found.extend(threads(args).into_iter().map(|threads| Settings {
                size,
                threads,
                provider,
                ..Settings::default()
            }));
        }
    }
    found
}

/// What is built in computes by itself.
fn providers<'a>(manifest: &Manifest, all: &'a [Provider]) -> &'a [Provider] {
    match manifest.weights {
        Some(_) => all,
        None => &[Provider::Cpu],
    }
}

fn sizes(manifest: &Manifest, args: &BenchArgs) -> Vec<InputSize> {
    let is_fixed = manifest.weights.is_some() && !manifest.input.flexible;
    if is_fixed {
        vec![InputSize::Published]
    } else if args.size.is_empty() {
        SIZES.to_vec()
    } else {
        args.size.clone()
    }
}

fn threads(args: &BenchArgs) -> Vec<u32> {
    if !args.threads.is_empty() {
        return args.threads.clone();
    }
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    let here = u32::try_from(here).unwrap_or(1).min(MOST_THREADS);
    [1, 2, 4]
        .into_iter()
        .filter(|count| *count <= here)
        .collect()
}

fn trial(manifest: &Manifest, settings: &Settings, picture: &YuvPicture) -> Result<Trial, String> {
    let mut detector = open(manifest, settings).map_err(|error| error.to_string())?;
    // The first run loads, plans and warms up.
    let report = detector
        .detect(&picture.view(), &mut Vec::new())
        .map_err(|error| error.to_string())?;
    Ok(Trial {
        detector,
        precision: match find_weights(manifest) {
            Ok(path) if manifest.weights.is_some() => precision(&path)?,
            _ => BUILT_IN,
        },
        provider: settings.provider,
        threads: settings.threads,
        input: report.input,
        times_ms: Vec::new(),
    })
}

fn precision(path: &Path) -> Result<&'static str, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut places = bytes.windows(QUANTISED_NODE.len());
    let is_quantised = places.any(|place| place == QUANTISED_NODE);
    Ok(if is_quantised { "int8" } else { "float32" })
}

fn time(trial: &mut Trial, picture: &YuvPicture) -> Result<(), String> {
    let mut found: Vec<Detection> = Vec::new();
    let report = trial
        .detector
        .detect(&picture.view(), &mut found)
        .map_err(|error| error.to_string())?;
    trial.times_ms.push(report.infer.as_secs_f64() * 1e3);
    Ok(())
}

impl Timing {
    fn of(trial: &mut Trial) -> Self {
        let times = &mut trial.times_ms;
        times.sort_by(f64::total_cmp);
        let rounded = |ms: f64| (ms * 100.0).round() / 100.0;
        Self {
            model: trial.detector.name().to_owned(),
            precision: trial.precision,
            provider: trial.provider,
            width: trial.input.0,
            height: trial.input.1,
            threads: trial.threads,
            least_ms: times.first().copied().map_or(0.0, rounded),
            median_ms: times.get(times.len() / 2).copied().map_or(0.0, rounded),
        }
    }

    fn input(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.model, self.precision, self.provider)
            == (&other.model, other.precision, other.provider)
    }
}

fn table(timings: &[Timing]) -> String {
    let head = [
        "MODEL",
        "PRECISION",
        "PROVIDER",
        "INPUT",
        "THREADS",
        "LEAST MS",
        "MEDIAN MS",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(timings.iter().map(|timing| {
        [
            timing.model.clone(),
            timing.precision.to_owned(),
            timing.provider.to_string(),
            format!("{}x{}", timing.width, timing.height),
            timing.threads.to_string(),
            format!("{:.2}", timing.least_ms),
            format!("{:.2}", timing.median_ms),
        ]
    }));
    columns(&rows, 4..7)
}

/// What to choose at each input size: the fastest network with one thread, and whether more are worth
/// it. What is built in is for boxes without a network.
fn recommendation(timings: &[Timing]) -> String {
    let networks = || timings.iter().filter(|one| one.precision != BUILT_IN);
    let mut sizes: Vec<(u32, u32)> = networks().map(Timing::input).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut lines = Vec::new();
    for size in sizes {
        let of_size = networks().filter(|one| one.input() == size);
        let single = of_size.clone().filter(|one| one.threads == 1);
        let Some(fastest) = single.min_by(least) else {
            continue;
        };
        let more = of_size.filter(|one| one.threads > 1 && one.is_of(fastest));
        lines.push(line(fastest, more.min_by(least)));
    }
    if lines.is_empty() {
        return "no network was timed with one thread: nothing to recommend".to_owned();
    }
    lines.push("with several cameras give each one thread".to_owned());
    lines.join("\n")
}

fn least(a: &&Timing, b: &&Timing) -> std::cmp::Ordering {
    a.least_ms.total_cmp(&b.least_ms)
}

/// The fastest at one size, and its best time with more threads.
fn line(fastest: &Timing, more: Option<&Timing>) -> String {
    let (width, height) = fastest.input();
    let pictures_s = 1e3 / fastest.least_ms.max(1e-3);
    let mut text = format!(
        "fastest at {width}x{height}: {} {} with provider {}, {pictures_s:.0} pictures a second with \
         one thread",
        fastest.model, fastest.precision, fastest.provider
    );
    if let Some(best) = more {
        let saved = 1.0 - best.least_ms / fastest.least_ms.max(1e-3);
        text += &if saved >= WORTH_SHARE {
            format!(
                "; a single camera is answered {:.0} % sooner with {} threads",
                100.0 * saved,
                best.threads
            )
        } else {
            "; more threads save little".to_owned()
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(threads: u32, least_ms: f64) -> Timing {
        Timing {
            model: "a".to_owned(),
            precision: "int8",
            provider: Provider::Cpu,
            width: 416,
            height: 256,
            threads,
            least_ms,
            median_ms: least_ms + 1.0,
        }
    }

    #[track_caller]
    fn check(timings: &[Timing], expect: &str) {
        let text = recommendation(timings);
        assert!(text.contains(expect), "{text}");
    }

    #[test]
    fn threads_are_recommended_where_they_help() {
        check(&[], "nothing to recommend");
        let built_in = Timing {
            precision: BUILT_IN,
            ..timing(1, 0.1)
        };
        check(&[built_in], "nothing to recommend");
        check(
            &[timing(1, 5.0)],
            "fastest at 416x256: a int8 with provider cpu, 200 pictures a second",
        );
        check(
            &[timing(1, 5.0), timing(2, 3.0)],
            "40 % sooner with 2 threads",
        );
        check(
            &[timing(1, 5.0), timing(2, 4.5)],
            "more threads save little",
        );
    }

    #[test]
    fn the_table_lines_up() {
        insta::assert_snapshot!(table(&[timing(1, 12.5), timing(2, 8.0)]), @r"
        MODEL  PRECISION  PROVIDER  INPUT    THREADS  LEAST MS  MEDIAN MS
        a      int8       cpu       416x256        1     12.50      13.50
        a      int8       cpu       416x256        2      8.00       9.00
        ");
    }
}
