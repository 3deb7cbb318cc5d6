//! Replay of a clip or of a trace: the feeder that makes the engine's past happen again.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::{Duration, Instant as Clock};

use super::report::{RunFacts, Stages};
use super::run::{EngineRun, config_sha256};
use super::sightings::{self, Judged, Sighting};
use super::trace::{Continues, Provenance, TraceEnd, TraceError, TraceLine, TraceReader};
use crate::access::AccessEvent;
use crate::capture::{Clip, ClipOptions};
use crate::engine::{EngineConfig, FrameInput, Input, Output, Seen};
use crate::inference::Detector;
use crate::picture::Attention;
use crate::sight::SightState;
use crate::units::{CameraId, Instant, Span};

/// The end of a clip whose rate is not known comes this long after its last frame.
const LAST_FRAME: Span = Span::from_ms(100);

/// What to replay.
pub struct ClipReplay {
    /// The clip.
    pub path: PathBuf,
    /// How to read it.
    pub options: ClipOptions,
    /// Everything the engine needs to know.
    pub config: EngineConfig,
    /// The grant log, on the site's time line.
    pub events: Vec<AccessEvent>,
    /// When the clip's first frame was taken.
    pub start: Instant,
    /// Whether that is UTC.
    pub utc: bool,
    /// What people call each door.
    pub titles: Vec<String>,
    /// One for each thread that looks.
    pub detectors: Vec<Box<dyn Detector>>,
    /// Which frames need looking at; `None`: every one.
    pub attention: Option<Attention>,
    /// Where the trace goes.
    pub trace: Option<Box<dyn std::io::Write>>,
}

/// What is done beside replaying: pictures, progress. Called after each frame was judged.
pub trait Watcher {
    /// One frame was judged at `taken`.
    fn frame(&mut self, seen: &Sighting, taken: Instant, run: &EngineRun) -> Result<(), String>;
}

/// Replays a clip. `Err` says in one sentence or more why it can't be.
pub fn replay_clip(
    replay: ClipReplay,
    watchers: &mut [&mut dyn Watcher],
) -> Result<(EngineRun, RunFacts), String> {
    let begun = Clock::now();
    let mut clip =
        Clip::open(&replay.path, &replay.options).map_err(|problem| problem.to_string())?;
    let size = (clip.info().width, clip.info().height);
    fits(&replay.config, size)?;
    let frame_span = clip
        .info()
        .declared_rate
        .map_or(LAST_FRAME, |rate| Span::from_s(1.0 / rate));
    let model = replay
        .detectors
        .first()
        .map(|d| format!("{} {}", d.name(), d.identity()));
    let mut run = EngineRun::new(replay.config, replay.events).map_err(|p| p.join("\n"))?;
    let source = replay.path.display().to_string();
    if let Some(to) = replay.trace {
        let provenance = Provenance {
            source: source.clone(),
            start_us: replay.start.as_us(),
            utc: replay.utc,
            model: model.clone(),
            config_sha256: config_sha256(run.engine.config()),
            picture: Some(size),
            titles: replay.titles,
        };
        run.record(to, provenance)
            .map_err(|problem| format!("cannot write the trace: {problem}"))?;
    }
    let mut last: Option<Instant> = None;
    let (mut engine_time, mut draw_time) = (Duration::ZERO, Duration::ZERO);
    let mut looked = 0;
    let spent =
        sightings::for_each_looking(&mut clip, replay.detectors, replay.attention, |seen| {
            looked += u64::from(seen.looked);
            let taken = replay.start + seen.frame.time();
            let clock = Clock::now();
            if last.is_none() {
                run.begin(taken).map_err(written)?;
            }
            run.feed_events(taken).map_err(written)?;
            let input = FrameInput {
                camera: CameraId(0),
                taken,
                seen: Seen::Boxes(seen.detections.clone()),
            };
            run.step(taken, &Input::Frame(input)).map_err(written)?;
            last = Some(taken);
            engine_time += clock.elapsed();
            let clock = Clock::now();
            for watcher in watchers.iter_mut() {
                watcher.frame(seen, taken, &run)?;
            }
            draw_time += clock.elapsed();
            let camera = run.engine.camera(CameraId(0));
            let follows = camera.is_some_and(|camera| !camera.tracks.is_empty());
            Ok(if follows {
                Judged::Followed
            } else {
                Judged::Nobody
            })
        })
        .map_err(|problem| problem.to_string())?;
    let Some(last) = last else {
        return Err(format!(
            "{source}: no frame of it could be decoded; is it a video?"
        ));
    };
    let losses = clip.losses();
    run.losses = losses.iter().map(ToString::to_string).collect();
    run.losses.extend(clip.notes());
    let end = last + frame_span;
    run.end(end).map_err(written)?;
    let frames = run.frames;
    let facts = RunFacts {
        source,
        frames,
        looked: Some(looked),
        seconds: begun.elapsed().as_secs_f64(),
        media_seconds: (end - replay.start).as_s(),
        stages: Stages {
            engine_ms: engine_time.as_secs_f64() * 1e3 / frames.max(1) as f64,
            draw_ms: draw_time.as_secs_f64() * 1e3 / frames.max(1) as f64,
            ..spent.stages(frames)
        },
        model,
        losses: run.losses.clone(),
    };
    Ok((run, facts))
}

/// What a trace's replay came to.
pub struct TraceReplay {
    /// The run, judged again.
    pub run: EngineRun,
    /// What it took.
    pub facts: RunFacts,
    /// Where the trace came from.
    pub provenance: Provenance,
    /// The end that the trace itself records; `None` if it was cut short.
    pub recorded: Option<TraceEnd>,
    /// Whether another configuration than the recorded one was used.
    pub changed: bool,
    /// The segment that it goes on from; `None` if it is the first or only one.
    pub continues: Option<Continues>,
    /// The state that it began with, as it is written; `None`: the engine knew nothing.
    pub state: Option<String>,
    /// The first statement that is recorded otherwise than it comes out now; with another
    /// configuration there may be many.
    pub differs: Option<String>,
}

/// Replays a trace without pixels. With `config` it is judged anew by that configuration.
pub fn replay_trace(
    from: impl BufRead,
    config: Option<EngineConfig>,
) -> Result<TraceReplay, TraceReplayError> {
    let begun = Clock::now();
    let mut reader = TraceReader::new(from)?;
    let changed = config
        .as_ref()
        .is_some_and(|config| *config != reader.header.config);
    let config = config.unwrap_or_else(|| reader.header.config.clone());
    let engine = reader.header.engine_of(config);
    let mut run =
        EngineRun::of(engine.map_err(|problems| TraceReplayError::Config(problems.join("\n")))?);
    let (mut said, mut differs) = (VecDeque::new(), None);
    let start = Instant::from_us(reader.header.provenance.start_us);
    let (mut recorded, mut end) = (None, start);
    while let Some(line) = reader.next_line()? {
        match line {
            TraceLine::In { at, r#in } => {
                match &r#in {
                    Input::Frame(frame) => end = end.max(frame.taken),
                    // Said once more when the last frame has been shown.
                    Input::Sight(change) if change.state == SightState::NoFootage => {
                        end = end.max(at);
                    }
                    _ => {}
                }
                // Who was cut short may not have written the last statements down.
                if let Some(missing) = said.pop_front() {
                    differs.get_or_insert_with(|| differing(at, Some(&missing), None));
                }
                said.clear();
                said.extend(run.step(at, &r#in).map_err(TraceError::Io)?.iter().cloned());
            }
            TraceLine::End { end } => {
                run.losses.clone_from(&end.losses);
                recorded = Some(end);
            }
            // What the engine said then is what it must say again.
            TraceLine::Out { at, out } => {
                let again = said.pop_front();
                if again.as_ref() != Some(&out) {
                    differs.get_or_insert_with(|| differing(at, again.as_ref(), Some(&out)));
                }
            }
            TraceLine::Header { .. } => {}
        }
    }
    let state = reader.header.state.as_ref();
    let state = state.map(|state| serde_json::to_string(&**state));
    let seconds = begun.elapsed().as_secs_f64();
    let frames = run.frames;
    let facts = RunFacts {
        source: reader.header.provenance.source.clone(),
        frames,
        looked: None,
        seconds,
        media_seconds: (end - start).as_s(),
        stages: Stages {
            engine_ms: seconds * 1e3 / frames.max(1) as f64,
            ..Stages::default()
        },
        model: reader.header.provenance.model.clone(),
        losses: run.losses.clone(),
    };
    Ok(TraceReplay {
        run,
        facts,
        provenance: reader.header.provenance,
        recorded,
        changed,
        continues: reader.header.continues,
        state: state.transpose().map_err(|e| TraceError::Io(e.into()))?,
        differs,
    })
}

/// What was recorded otherwise, in one line.
fn differing(at: Instant, now: Option<&Output>, then: Option<&Output>) -> String {
    let named = |output: Option<&Output>| match output {
        None => "nothing".to_owned(),
        Some(Output::Crossing(crossing)) => format!("crossing {}", crossing.id),
        Some(Output::Verdict(v)) => format!("verdict {} ({})", v.id, v.kind.name()),
        Some(Output::Grant(grant)) => format!("grant {} ({})", grant.id, grant.outcome.name()),
        Some(Output::Alarm(alarm)) => format!("an alarm ({})", alarm.text),
    };
    format!(
        "at {} us it records {}, and {} comes out",
        at.as_us(),
        named(then),
        named(now)
    )
}

/// Why a trace can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum TraceReplayError {
    /// The trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The configuration.
    #[error("{0}")]
    Config(String),
}

/// A calibration holds for one picture size only.
fn fits(config: &EngineConfig, size: (u32, u32)) -> Result<(), String> {
    for camera in &config.cameras {
        let Some(spec) = &camera.calibration else {
            continue;
        };
        let calibrated = (spec.image_width_px, spec.image_height_px);
        if calibrated != size {
            return Err(format!(
                "the clip's picture is {} x {} px, but camera {:?} is calibrated for {} x {} px; \
                 calibrate it on a picture of this clip",
                size.0, size.1, camera.name, calibrated.0, calibrated.1
            ));
        }
    }
    Ok(())
}

fn written(problem: std::io::Error) -> String {
    format!("cannot write the trace: {problem}")
}
