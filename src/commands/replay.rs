//! `tailgate replay --door DOOR.toml --grants GRANTS CLIP`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::detector::DetectorArgs;
use super::{BREACH, DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::access::{AccessEvent, AccessKind};
use crate::app::eyes::{looked_at, open_eyes};
use crate::app::names::{SiteNames, clock};
use crate::app::overlay::{Canvas, FrameSink, OverlayWatcher};
use crate::app::replay::{ClipReplay, Watcher, replay_clip, replay_trace};
use crate::app::report::text::{Ink, summary};
use crate::app::report::{Report, Score, html};
use crate::app::run::EngineRun;
use crate::app::segments::Chain;
use crate::app::sightings::Sighting;
use crate::app::truth::{crossing_labels, verdict_labels};
use crate::capture::{Clip, ClipInfo, ClipOptions, VideoOptions, VideoWriter};
use crate::config::{self, GrantReading, SiteConfig};
use crate::picture::Attention;
use crate::score::{Found, match_crossings};
use crate::units::{Instant, Interval, Span};

/// Frames a second of a clip that declares none, for videos made of it.
const FALLBACK_RATE_HZ: f64 = 10.0;

/// Grants this close to the clip may still be meant for it: somebody who badged just before it
/// began.
const NEAR_CLIP: Span = Span::from_ms(60_000);

/// Replays a recorded clip (or a trace) against a grant log and judges who came through each door.
///
/// Exit code 0 when the replay was done, whatever it found (3 with --fail-on-breach if somebody
/// got in without a grant), 1 when something given cannot be used.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The clip: a video file, a folder of pictures, or a trace (.jsonl) of an earlier run. Several traces are checked one
    /// by one and against each other: the segments of a live run, oldest first.
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,
    /// The door's file; repeat it for several doors in one view. A trace brings its own.
    #[arg(long = "door", value_name = "DOOR.toml")]
    doors: Vec<PathBuf>,
    /// Access events as JSONL or CSV.
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    /// When the clip's first frame was taken (ISO-8601 with zone), if its file does not say.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Time zone of times that name none, for example Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Leave out lines of the grant log that can't be read (and say so) instead of refusing it.
    #[arg(long)]
    lenient: bool,
    /// What really happened, to be scored against.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Print one JSON object instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write every input and output of the engine here; judge again with `tailgate replay TRACE`.
    #[arg(long, value_name = "OUT.jsonl")]
    trace: Option<PathBuf>,
    /// Write a video with tiles, footprints, tracks and the ledger drawn in.
    #[arg(long, value_name = "OUT.mp4")]
    video: Option<PathBuf>,
    /// Write one self-contained page with time line, verdicts and key frames.
    #[arg(long, value_name = "OUT.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    detector: DetectorArgs,
    /// Look at the whole picture, not only at the floor around the portals.
    #[arg(long)]
    whole_picture: bool,
    /// Look at every frame, also where nothing moves and nobody is followed.
    #[arg(long)]
    every_frame: bool,
    /// Threads that look for people; 1 does everything in turn. Verdicts never depend on it.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Frames a second of a folder of pictures or a raw stream.
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// No progress bar.
    #[arg(long)]
    quiet: bool,
    /// Exit with code 3 if somebody got in without a grant.
    #[arg(long)]
    fail_on_breach: bool,
}

/// Replays.
pub fn run(args: &ReplayArgs) -> Outcome {
    let [path] = &args.clips[..] else {
        return segments(args);
    };
    let report = if is_trace(path) {
        trace(args, path)?
    } else {
        clip(args, path)?
    };
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|problem| Failure::unusable(problem.to_string()))?;
        println!("{text}");
    } else {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", summary(&report, Ink::new(colour)));
    }
    let breach = args.fail_on_breach && report.breaches().next().is_some();
    Ok(if breach { BREACH } else { DONE })
}

fn is_trace(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "jsonl")
}

fn clip(args: &ReplayArgs, path: &Path) -> Result<Report, Failure> {
    let site = site(&args.doors)?;
    if let [first, second, ..] = site.engine.cameras.as_slice() {
        return Err(Failure::unusable(format!(
            "a clip is one camera's, but the doors name two: {:?} and {:?}",
            first.name, second.name
        )));
    }
    let truth = truth(args)?;
    let options = ClipOptions {
        rate: args.rate,
        ..ClipOptions::default()
    };
    let info = Clip::open(path, &options)
        .map_err(|problem| Failure::unusable(problem.to_string()))?
        .info()
        .clone();
    let known = start(args, path, &info)?;
    let events = events(args, &site, known)?;
    // Without a known start the time line begins with the clip.
    let (start, utc) = (known.unwrap_or(Instant::ZERO), known.is_some());
    if let Some(length) = declared_length(&info)
        && let Some(warning) = events_outside(&events, Interval::new(start, start + length), utc)
    {
        eprintln!("tailgate: {warning}");
    }
    let threads = usize::from(args.threads);
    let choice = args.detector.eyes(args.whole_picture, threads);
    let picture = (info.width, info.height);
    let detectors =
        open_eyes(&choice, &site.detectors[0], &site.engine, picture).map_err(Failure::unusable)?;
    let attention = if args.every_frame {
        None
    } else {
        let look = looked_at(&choice, &site.detectors[0], &site.engine, picture);
        let look = look.map_err(Failure::unusable)?;
        Some(Attention::new(look.map(|look| look.source)))
    };
    let names = SiteNames::new(&site.engine, &site.titles, start, utc);
    let doors = site.engine.doors.len();
    let rate = info.declared_rate.unwrap_or(FALLBACK_RATE_HZ);
    let mut drawn = drawing(args, &names, start, rate)?;
    let mut progress = progress(args, info.frames);
    let mut watchers: Vec<&mut dyn Watcher> = Vec::new();
    if let Some(progress) = &mut progress {
        watchers.push(progress);
    }
    if let Some(drawn) = &mut drawn {
        watchers.push(drawn);
    }
    let replay = ClipReplay {
        path: path.to_owned(),
        options,
        config: site.engine.clone(),
        events,
        start,
        utc,
        titles: site.titles.clone(),
        detectors,
        attention,
        trace: args.trace.as_deref().map(create).transpose()?,
    };
    let (run, facts) = replay_clip(replay, &mut watchers).map_err(Failure::unusable)?;
    let mut report = Report::new(facts, &run.log, &names, doors);
    report.take_clocks(&run.engine, &names);
    report.score = truth.map(|truth| score(&truth, &report));
    finish(args, drawn, &report)?;
    Ok(report)
}

fn trace(args: &ReplayArgs, path: &Path) -> Result<Report, Failure> {
    for (given, flag) in [
        (args.grants.is_some(), "--grants"),
        (args.video.is_some(), "--video"),
        (args.trace.is_some(), "--trace"),
    ] {
        if given {
            let why = "a trace holds its grants and no pictures";
            return Err(Failure::unusable(format!("{flag} needs a clip: {why}")));
        }
    }
    let truth = truth(args)?;
    let (config, titles) = match args.doors.as_slice() {
        [] => (None, None),
        doors => site(doors).map(|site| (Some(site.engine), Some(site.titles)))?,
    };
    let file = File::open(path).map_err(|problem| cannot("read", path, &problem))?;
    let replayed = replay_trace(BufReader::new(file), config)
        .map_err(|problem| cannot("replay", path, &problem))?;
    let config = replayed.run.engine.config();
    let start = Instant::from_us(replayed.provenance.start_us);
    let titles = titles.as_ref().unwrap_or(&replayed.provenance.titles);
    let names = SiteNames::new(config, titles, start, replayed.provenance.utc);
    let mut report = Report::new(
        replayed.facts,
        &replayed.run.log,
        &names,
        config.doors.len(),
    );
    report.take_clocks(&replayed.run.engine, &names);
    match replayed.recorded {
        None => report
            .losses
            .push("the trace was cut short: it has no end".to_owned()),
        Some(end) if !replayed.changed && end.verdict_hash != report.verdict_hash => {
            return Err(Failure {
                code: NOT_AS_EXPECTED,
                message: format!(
                    "{}: judged again it gives verdict hash {}, but it records {}; it was \
                     written by another version, or it was changed",
                    path.display(),
                    report.verdict_hash,
                    end.verdict_hash
                ),
            });
        }
        Some(_) => {}
    }
    report.score = truth.map(|truth| score(&truth, &report));
    if let Some(path) = &args.report {
        std::fs::write(path, html::page(&report, &BTreeMap::new()))
            .map_err(|problem| cannot("write", path, &problem))?;
    }
    Ok(report)
}

/// Checks the segments of a run, each by itself and against the one before.
fn segments(args: &ReplayArgs) -> Outcome {
    let alone = [
        (!args.doors.is_empty(), "--door"),
        (args.grants.is_some(), "--grants"),
        (args.truth.is_some(), "--truth"),
        (args.trace.is_some(), "--trace"),
        (args.video.is_some(), "--video"),
        (args.report.is_some(), "--report"),
        (args.fail_on_breach, "--fail-on-breach"),
    ];
    if let Some((_, flag)) = alone.iter().find(|(given, _)| *given) {
        return Err(Failure::unusable(format!(
            "{flag} is for one clip or trace: several traces are only checked"
        )));
    }
    if let Some(clip) = args.clips.iter().find(|path| !is_trace(path)) {
        return Err(Failure::unusable(format!(
            "{}: clips are replayed one by one; several files are the traces (.jsonl) of one run",
            clip.display()
        )));
    }
    let mut chain = Chain::default();
    let mut wrong = 0_usize;
    for path in &args.clips {
        let file = File::open(path).map_err(|problem| cannot("read", path, &problem))?;
        let replayed = replay_trace(BufReader::new(file), None)
            .map_err(|problem| cannot("replay", path, &problem))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let link = chain.take(&name, replayed);
        wrong += usize::from(link.problem.is_some());
        if args.json {
            let line = serde_json::to_string(&link);
            println!("{}", line.map_err(|e| Failure::unusable(e.to_string()))?);
        } else {
            println!("{link}");
        }
    }
    if wrong > 0 {
        return Err(Failure {
            code: NOT_AS_EXPECTED,
            message: format!("{wrong} of {} traces differ", args.clips.len()),
        });
    }
    Ok(DONE)
}

fn site(doors: &[PathBuf]) -> Result<SiteConfig, Failure> {
    if doors.is_empty() {
        return Err(Failure::unusable("say which door: --door DOOR.toml"));
    }
    let site = config::load(doors).map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &site.warnings {
        eprintln!("tailgate: {warning}");
    }
    Ok(site)
}

fn truth(args: &ReplayArgs) -> Result<Option<config::Truth>, Failure> {
    let Some(path) = &args.truth else {
        return Ok(None);
    };
    let bytes = std::fs::read(path).map_err(|problem| cannot("read", path, &problem))?;
    match config::read_truth(&path.display().to_string(), &bytes) {
        Ok((truth, _)) => Ok(Some(truth)),
        Err(problems) => Err(Failure::unusable(problems.to_string())),
    }
}

fn score(truth: &config::Truth, report: &Report) -> Score {
    let crossings = report.crossings.iter().map(|crossing| Found {
        time_s: crossing.time_s,
        direction: crossing.direction.clone(),
        track: crossing.track,
    });
    let verdicts = report.verdicts.iter().map(|verdict| Found {
        time_s: verdict.time_s,
        direction: verdict.kind.name().to_owned(),
        track: verdict.track,
    });
    let verdicts: Vec<Found> = verdicts.collect();
    Score {
        crossings: match_crossings(&crossing_labels(truth), &crossings.collect::<Vec<_>>()),
        verdicts: verdict_labels(truth).map(|labels| match_crossings(&labels, &verdicts)),
    }
}

/// When the clip starts, if anything says.
fn start(args: &ReplayArgs, path: &Path, info: &ClipInfo) -> Result<Option<Instant>, Failure> {
    let zone = zone(args)?;
    let created = info
        .created
        .map(|stamp| Instant::from_us(stamp.as_microsecond()));
    let start = config::clip_start(path, args.start.as_deref(), created, zone.as_ref())
        .map_err(|problems| Failure::unusable(problems.to_string()))?;
    if let Some(start) = &start {
        tracing::info!(start = %start.at, from = %start.from, "the clip's start is known");
    }
    Ok(start.map(|start| start.at))
}

fn zone(args: &ReplayArgs) -> Result<Option<jiff::tz::TimeZone>, Failure> {
    let Some(name) = &args.zone else {
        return Ok(None);
    };
    config::parse_zone(name)
        .map(Some)
        .map_err(|problem| Failure::unusable(format!("--zone: {problem}")))
}

/// The grant log on the site's time line.
fn events(
    args: &ReplayArgs,
    site: &SiteConfig,
    start: Option<Instant>,
) -> Result<Vec<AccessEvent>, Failure> {
    let Some(path) = &args.grants else {
        return Ok(Vec::new());
    };
    let bytes = std::fs::read(path).map_err(|problem| cannot("read", path, &problem))?;
    let reading = GrantReading {
        zone: zone(args)?,
        lenient: args.lenient,
    };
    let (file, warnings) = config::read_grants(&path.display().to_string(), &bytes, &reading)
        .map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &warnings {
        eprintln!("tailgate: {warning}");
    }
    let (events, warnings) = file
        .events(site, start)
        .map_err(|problems| Failure::unusable(problems.to_string()))?;
    for warning in &warnings {
        eprintln!("tailgate: {warning}");
    }
    Ok(events)
}

/// How long the clip says it is.
fn declared_length(info: &ClipInfo) -> Option<Span> {
    let by_count = info.frames.zip(info.declared_rate);
    let by_count = by_count.map(|(frames, rate)| Span::from_s(frames as f64 / rate));
    info.duration_us.map(Span::from_us).or(by_count)
}

/// A warning if there are grants and not one of them is from the clip's time: most likely the
/// clip's start is wrong, and every verdict with it.
fn events_outside(events: &[AccessEvent], clip: Interval, utc: bool) -> Option<String> {
    let near = clip.widened(NEAR_CLIP);
    let grants = || events.iter().filter(|e| e.kind == AccessKind::Granted);
    if grants().any(|grant| grant.occurred.overlaps(near)) {
        return None;
    }
    let first = grants().map(|grant| grant.occurred.lo).min()?;
    let last = grants().map(|grant| grant.occurred.hi).max()?;
    let say = |at: Instant| match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) if utc => format!("{stamp:.0}"),
        _ => clock(at.as_s()),
    };
    let advice = if utc {
        "most likely the clip's start is wrong: give the true one with --start TIME, and check \
         the time zone of the grants (--zone)"
    } else {
        "most likely the grants count from another moment than the clip's first frame: write wall \
         times and give the clip's with --start TIME"
    };
    let which = match grants().count() {
        1 => "the only grant is not".to_owned(),
        many => format!("none of the {many} grants is"),
    };
    Some(format!(
        "warning: {which} from the clip's time: the clip runs from {} to {}, the grants from {} to \
         {}; {advice}",
        say(clip.lo),
        say(clip.hi),
        say(first),
        say(last)
    ))
}

/// What draws, if a video or a page is wanted.
fn drawing(
    args: &ReplayArgs,
    names: &SiteNames,
    start: Instant,
    rate: f64,
) -> Result<Option<OverlayWatcher<VideoSink>>, Failure> {
    if args.video.is_none() && args.report.is_none() {
        return Ok(None);
    }
    let sink = args.video.clone().map(|path| VideoSink {
        path,
        rate,
        writer: None,
    });
    Ok(Some(OverlayWatcher::new(names.clone(), start, sink)))
}

/// Closes the video and writes the page.
fn finish(
    args: &ReplayArgs,
    drawn: Option<OverlayWatcher<VideoSink>>,
    report: &Report,
) -> Result<(), Failure> {
    let Some(drawn) = drawn else { return Ok(()) };
    if let Some(path) = &args.report {
        std::fs::write(path, html::page(report, &drawn.key_frames))
            .map_err(|problem| cannot("write", path, &problem))?;
    }
    match drawn.into_sink().and_then(|sink| sink.writer) {
        Some(writer) => writer
            .finish()
            .map_err(|problem| Failure::unusable(problem.to_string())),
        None => Ok(()),
    }
}

/// A video file that begins with its first frame, when its size is known.
struct VideoSink {
    path: PathBuf,
    rate: f64,
    writer: Option<VideoWriter>,
}

impl FrameSink for VideoSink {
    fn frame(&mut self, canvas: &Canvas, at: Span) -> Result<(), String> {
        if self.writer.is_none() {
            let (width, height) = canvas.size();
            let options = VideoOptions {
                rate: self.rate,
                ..VideoOptions::default()
            };
            let writer = VideoWriter::create(&self.path, width, height, &options);
            self.writer = Some(writer.map_err(|problem| problem.to_string())?);
        }
        match &mut self.writer {
            Some(writer) => writer
                .write(&canvas.to_rgb(), at)
                .map_err(|problem| problem.to_string()),
            None => Ok(()),
        }
    }
}

/// A bar on standard error.
struct Progress(ProgressBar);

fn progress(args: &ReplayArgs, frames: Option<u64>) -> Option<Progress> {
    if args.quiet || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = match frames {
        Some(frames) => ProgressBar::new(frames),
        None => ProgressBar::new_spinner(),
    };
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} frames, {per_sec}, {eta} left");
    Some(Progress(match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }))
}

impl Watcher for Progress {
    fn frame(&mut self, _: &Sighting, _: Instant, _: &EngineRun) -> Result<(), String> {
        self.0.inc(1);
        Ok(())
    }
}

fn create(path: &Path) -> Result<Box<dyn std::io::Write>, Failure> {
    let file = File::create(path).map_err(|problem| cannot("write", path, &problem))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn cannot(what: &str, path: &Path, problem: &dyn std::fmt::Display) -> Failure {
    Failure::unusable(format!("cannot {what} {}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grants at these times of a clip from 100 s to 160 s, and what is said of them.
    #[track_caller]
    fn check(times_s: &[f64], utc: bool, expect: Option<&str>) {
        let events: Vec<AccessEvent> = times_s
            .iter()
            .map(|time| AccessEvent {
                id: format!("at {time}"),
                door: None,
                reader: None,
                direction: None,
                kind: AccessKind::Granted,
                occurred: Interval::new(Instant::from_s(*time), Instant::from_s(time + 1.0)),
                received: Instant::from_s(*time),
                holder: None,
                passages: None,
            })
            .collect();
        let clip = Interval::new(Instant::from_s(100.0), Instant::from_s(160.0));
        assert_eq!(events_outside(&events, clip, utc).as_deref(), expect);
    }

    #[test]
    fn grants_of_another_time_are_noticed() {
        check(&[], true, None);
        check(&[7.0, 120.0, 9_000.0], true, None);
        // Badged just before the clip begins.
        check(&[45.0], true, None);
        check(
            &[3_700.0, 3_900.0],
            true,
            Some(
                "warning: none of the 2 grants is from the clip's time: the clip runs from \
                 1970-01-01T00:01:40Z to 1970-01-01T00:02:40Z, the grants from \
                 1970-01-01T01:01:40Z to 1970-01-01T01:05:01Z; most likely the clip's start is \
                 wrong: give the true one with --start TIME, and check the time zone of the grants \
                 (--zone)",
            ),
        );
        check(
            &[1.0],
            false,
            Some(
                "warning: the only grant is not from the clip's time: the clip runs from 1:40.00 \
                 to 2:40.00, the grants from 0:01.00 to 0:02.00; most likely the grants count from \
                 another moment than the clip's first frame: write wall times and give the clip's \
                 with --start TIME",
            ),
        );
    }
}
