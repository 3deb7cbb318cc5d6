//! From files to cases: door, grants and truth read, footage looked at once or taken from the cache.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use super::cache::{self, DetectionCache};
use super::case::{Case, Changes, Feed, Seen, eyes_key};
use super::folder::{CaseFiles, FootageKind};
use crate::access::AccessEvent;
use crate::app::eyes::{EyesChoice, looked_at, model_of, open_eyes};
use crate::app::sightings;
use crate::app::trace::{TraceHeader, TraceLine, TraceReader};
use crate::app::truth::{crossing_labels, verdict_labels};
use crate::capture::{Clip, ClipOptions};
use crate::config::{self, DetectorChoice, GrantReading, SiteConfig, setting_named};
use crate::engine::{EngineConfig, Input};
use crate::inference::{Weights, inference_library};
use crate::score::Truth;
use crate::sight::{SightChange, SightState};
use crate::units::{CameraId, Instant, Span};

/// The end of a clip whose rate is not known comes this long after its last frame.
const LAST_FRAME: Span = Span::from_ms(100);

/// Before a segment begins, nobody knows what happened: longer than any window.
const UNSEEN_BEFORE: Span = Span::from_ms(3_600_000);

/// How footage is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Door files for every case, instead of those beside it.
    pub doors: Vec<PathBuf>,
    /// Which detector looks, and how.
    pub eyes: EyesChoice,
    /// Frames a second of footage that has no times.
    pub rate: Option<f64>,
    /// How grants are read, and the zone of local times.
    pub grants: GrantReading,
    /// Where detections are kept.
    pub cache: DetectionCache,
}

/// The case of some files, looked at once for each of `eyes` (changes of detector settings; none of
/// them: the settings as they are). `say` is told of what takes long.
pub fn load(
    files: &CaseFiles,
    reading: &Reading,
    eyes: &[Changes],
    say: &mut dyn FnMut(&str),
) -> Result<Case, String> {
    let labels = labels(files)?;
    load_with(files, reading, eyes, labels, say)
}

/// The same without a truth: nothing is labelled yet.
pub fn load_unlabelled(
    files: &CaseFiles,
    reading: &Reading,
    say: &mut dyn FnMut(&str),
) -> Result<Case, String> {
    let by_verdict = files.grants.is_some() || files.kind == FootageKind::Trace;
    load_with(
        files,
        reading,
        &[Changes::new()],
        (Vec::new(), by_verdict),
        say,
    )
}

fn load_with(
    files: &CaseFiles,
    reading: &Reading,
    eyes: &[Changes],
    labels: (Vec<Truth>, bool),
    say: &mut dyn FnMut(&str),
) -> Result<Case, String> {
    match files.kind {
        FootageKind::Clip => load_clip(files, reading, eyes, labels, say),
        FootageKind::Trace => load_trace(files, reading, eyes, labels),
        FootageKind::Scene => Err(format!(
            "{}: scene scripts are played, not read",
            files.footage.display()
        )),
    }
}

/// What really happened: verdicts where they are labelled, else crossings.
pub fn labels(files: &CaseFiles) -> Result<(Vec<Truth>, bool), String> {
    let path = files.truth.as_ref().ok_or_else(|| {
        format!(
            "{}: there is no truth file beside it; `tailgate label` makes one",
            files.footage.display()
        )
    })?;
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|problem| format!("cannot read {name}: {problem}"))?;
    let (truth, _) = config::read_truth(&name, &bytes).map_err(|problems| problems.to_string())?;
    Ok(match verdict_labels(&truth) {
        Some(labels) => (labels, true),
        None => (crossing_labels(&truth), false),
    })
}

fn load_clip(
    files: &CaseFiles,
    reading: &Reading,
    eyes: &[Changes],
    (labels, by_verdict): (Vec<Truth>, bool),
    say: &mut dyn FnMut(&str),
) -> Result<Case, String> {
    let doors = match (reading.doors.is_empty(), &files.door) {
        (false, _) => reading.doors.clone(),
        (true, Some(door)) => vec![door.clone()],
        (true, None) => {
            let name = files.footage.display();
            return Err(format!(
                "{name}: there is no door file beside it (NAME.door.toml or door.toml), and none is \
                 given with --door"
            ));
        }
    };
    let site = config::load(&doors).map_err(|problems| problems.to_string())?;
    let clip = Footage::open(files, reading, &site)?;
    let mut seen = BTreeMap::new();
    let mut end = clip.start;
    for changes in eyes {
        let detector = detector_with(&site.detectors[0], &site.engine, changes)?;
        let looked = clip.look(reading, &site.engine, &detector, say)?;
        end = end.max(looked.end);
        seen.insert(eyes_key(&detector), Arc::new(looked));
    }
    Ok(Case {
        name: files.name.clone(),
        seconds: (end - clip.start).as_s(),
        start: clip.start,
        config: site.engine,
        detector: site.detectors.into_iter().next().unwrap_or_default(),
        door_files: doors,
        labels,
        by_verdict,
        feed: Feed::Footage {
            events: clip.events,
            seen,
        },
    })
}

/// A detector's choice with changed settings.
fn detector_with(
    detector: &DetectorChoice,
    config: &EngineConfig,
    changes: &Changes,
) -> Result<DetectorChoice, String> {
    let (mut config, mut detector) = (config.clone(), detector.clone());
    for (name, value) in changes {
        setting_named(name)?.set(value, &mut config, &mut detector)?;
    }
    Ok(detector)
}

/// A clip on its time line, before anybody has looked at it.
struct Footage {
    path: PathBuf,
    options: ClipOptions,
    picture: (u32, u32),
    frame_span: Span,
    start: Instant,
    events: Vec<AccessEvent>,
    sha256: String,
}

impl Footage {
    fn open(files: &CaseFiles, reading: &Reading, site: &SiteConfig) -> Result<Self, String> {
        let path = files.footage.clone();
        if let [first, second, ..] = site.engine.cameras.as_slice() {
            return Err(format!(
                "{}: a clip is one camera's, but the doors name two: {:?} and {:?}",
                path.display(),
                first.name,
                second.name
            ));
        }
        let options = ClipOptions {
            rate: reading.rate,
            ..ClipOptions::default()
        };
        let clip = Clip::open(&path, &options).map_err(|problem| problem.to_string())?;
        let info = clip.info();
        let created = info
            .created
            .map(|stamp| Instant::from_us(stamp.as_microsecond()));
        let known = config::clip_start(&path, None, created, reading.grants.zone.as_ref())
            .map_err(|problems| problems.to_string())?
            .map(|start| start.at);
        let sha256 = cache::sha256_of(&path)
            .map_err(|problem| format!("cannot read {}: {problem}", path.display()))?;
        Ok(Self {
            events: events(files, reading, site, known)?,
            picture: (info.width, info.height),
            frame_span: info
                .declared_rate
                .map_or(LAST_FRAME, |rate| Span::from_s(1.0 / rate)),
            start: known.unwrap_or(Instant::ZERO),
            path,
            options,
            sha256,
        })
    }

    /// What a detector sees of it, from the cache if it has seen it before.
    fn look(
        &self,
        reading: &Reading,
        config: &EngineConfig,
        detector: &DetectorChoice,
        say: &mut dyn FnMut(&str),
    ) -> Result<Seen, String> {
        for camera in &config.cameras {
            let Some(spec) = &camera.calibration else {
                continue;
            };
            let size = (spec.image_width_px, spec.image_height_px);
            if size != self.picture {
                return Err(format!(
                    "{}: its picture is {} x {} px, but camera {:?} is calibrated for {} x {} px",
                    self.path.display(),
                    self.picture.0,
                    self.picture.1,
                    camera.name,
                    size.0,
                    size.1
                ));
            }
        }
        let key = self.key(reading, config, detector)?;
        if let Some(seen) = reading.cache.load(&key, self.start) {
            return Ok(seen);
        }
        say(&format!("looking through {}", self.path.display()));
        let eyes = open_eyes(&reading.eyes, detector, config, self.picture)?;
        let mut clip =
            Clip::open(&self.path, &self.options).map_err(|problem| problem.to_string())?;
        let mut inputs = Vec::new();
        sightings::for_each(&mut clip, eyes, |sighting| {
            let taken = self.start + sighting.frame.time();
            inputs.push(cache::frame(taken, sighting.detections.clone()));
            Ok(())
        })
        .map_err(|problem| problem.to_string())?;
        let Some((last, _)) = inputs.last() else {
            let name = self.path.display();
            return Err(format!(
                "{name}: no frame of it could be decoded; is it a video?"
            ));
        };
        let seen = Seen {
            end: *last + self.frame_span,
            inputs,
        };
        if let Err(problem) = reading.cache.store(&key, self.start, &seen) {
            say(&format!(
                "what was seen cannot be kept for the next time: {problem}"
            ));
        }
        Ok(seen)
    }

    /// Everything that what is seen depends on.
    fn key(
        &self,
        reading: &Reading,
        config: &EngineConfig,
        detector: &DetectorChoice,
    ) -> Result<String, String> {
        let manifest = model_of(&reading.eyes, detector)?;
        let network = if manifest.weights.is_some() {
            let weights = Weights::load(&manifest, reading.eyes.weights.as_deref());
            weights.map_err(|problem| problem.to_string())?.sha256
        } else {
            let eyes = EyesChoice {
                threads: 1,
                ..reading.eyes.clone()
            };
            let opened = open_eyes(&eyes, detector, config, self.picture)?;
            opened
                .first()
                .map(|eye| eye.identity().to_owned())
                .unwrap_or_default()
        };
        let description = cache::sha256_of(&manifest.folder.join("model.toml")).unwrap_or_default();
        let lines: Vec<_> = config.portals.iter().map(|p| &p.portal.line).collect();
        let cameras: Vec<_> = config
            .cameras
            .iter()
            .map(|c| (&c.calibration, &c.grid))
            .collect();
        let place = serde_json::to_string(&(cameras, lines)).map_err(|e| e.to_string())?;
        let look = looked_at(&reading.eyes, detector, config, self.picture)?;
        let how = format!(
            "{} {} {look:?} {} {:?} {:?} {:?} {:?}",
            inference_library(),
            reading.eyes.provider,
            reading.eyes.whole,
            reading.eyes.input,
            reading.rate,
            detector.min_score,
            detector.max_overlap
        );
        let version = env!("CARGO_PKG_VERSION");
        let parts = [
            &self.sha256,
            &manifest.name,
            &description,
            &network,
            &place,
            &how,
            version,
        ];
        Ok(cache::key(&parts))
    }
}

fn events(
    files: &CaseFiles,
    reading: &Reading,
    site: &SiteConfig,
    start: Option<Instant>,
) -> Result<Vec<AccessEvent>, String> {
    let Some(path) = &files.grants else {
        return Ok(Vec::new());
    };
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|problem| format!("cannot read {name}: {problem}"))?;
    let (file, _) = config::read_grants(&name, &bytes, &reading.grants)
        .map_err(|problems| problems.to_string())?;
    let (events, _) = file
        .events(site, start)
        .map_err(|problems| problems.to_string())?;
    Ok(events)
}

/// A trace as it was recorded: its inputs, its configuration and its time line.
pub struct RecordedTrace {
    /// What the engine was told, in order, without the ticks that let time pass.
    pub inputs: Vec<(Instant, Input)>,
    /// What the engine knew.
    pub config: EngineConfig,
    /// When its footage starts.
    pub start: Instant,
    /// How long it is, s.
    pub seconds: f64,
}

/// Reads a trace.
pub fn read_trace(path: &std::path::Path) -> Result<RecordedTrace, String> {
    let name = path.display();
    let file =
        std::fs::File::open(path).map_err(|problem| format!("cannot read {name}: {problem}"))?;
    let told = |problem| format!("{name}: {problem}");
    let mut reader = TraceReader::new(BufReader::new(file)).map_err(told)?;
    let start = Instant::from_us(reader.header.provenance.start_us);
    let (mut inputs, mut end) = (before(&reader.header), start);
    while let Some(line) = reader.next_line().map_err(told)? {
        let TraceLine::In { at, r#in } = line else {
            continue;
        };
        match &r#in {
            // Time passed as that configuration needed it; another needs it otherwise.
            Input::Tick => continue,
            Input::Frame(frame) => end = end.max(frame.taken),
            Input::Sight(change) if change.state == SightState::NoFootage => end = end.max(at),
            _ => {}
        }
        inputs.push((at, r#in));
    }
    Ok(RecordedTrace {
        inputs,
        config: reader.header.config,
        start,
        seconds: (end - start).as_s(),
    })
}

/// What an engine that knows nothing is told at the beginning of a segment: that it did not see what was
/// before, and what the cameras' pictures were worth then.
fn before(header: &TraceHeader) -> Vec<(Instant, Input)> {
    let Some(state) = &header.state else {
        return Vec::new();
    };
    let cameras = (0_u16..).map(CameraId).zip(&header.config.cameras);
    let told = cameras.flat_map(|(camera, _)| {
        let sight = |at, state| (at, Input::Sight(SightChange { camera, state }));
        let then = state.sight(camera).unwrap_or(SightState::Clear);
        [
            sight(state.now() - UNSEEN_BEFORE, SightState::NoFootage),
            sight(state.now(), then),
        ]
    });
    let mut told: Vec<(Instant, Input)> = told.collect();
    told.sort_by_key(|(at, _)| *at);
    told
}

fn load_trace(
    files: &CaseFiles,
    reading: &Reading,
    eyes: &[Changes],
    (labels, by_verdict): (Vec<Truth>, bool),
) -> Result<Case, String> {
    let name = files.footage.display();
    if eyes.iter().any(|changes| !changes.is_empty()) {
        return Err(format!(
            "{name}: a trace holds what was seen: settings of the detector can't be tried on it"
        ));
    }
    let trace = read_trace(&files.footage)?;
    let doors = match (reading.doors.is_empty(), &files.door) {
        (false, _) => reading.doors.clone(),
        (true, door) => door.iter().cloned().collect(),
    };
    let config = if doors.is_empty() {
        trace.config
    } else {
        let site = config::load(&doors).map_err(|problems| problems.to_string())?;
        same_places(&trace.config, &site.engine).map_err(|why| format!("{name}: {why}"))?;
        site.engine
    };
    Ok(Case {
        name: files.name.clone(),
        seconds: trace.seconds,
        start: trace.start,
        config,
        detector: DetectorChoice::default(),
        door_files: doors,
        labels,
        by_verdict,
        feed: Feed::Recorded(Arc::new(trace.inputs)),
    })
}

/// Whether a trace's inputs mean in one configuration what they meant in another: doors and cameras
/// are numbers in it. `Err` says what differs.
pub fn same_places(recorded: &EngineConfig, given: &EngineConfig) -> Result<(), String> {
    let doors = |config: &EngineConfig| {
        let names: Vec<&str> = config.doors.iter().map(|door| door.name.as_str()).collect();
        names.join(", ")
    };
    if doors(recorded) != doors(given) {
        return Err(format!(
            "the trace is of {}, the door files are of {}: give those of the same doors, in the \
             same order",
            doors(recorded),
            doors(given)
        ));
    }
    if recorded.cameras.len() != given.cameras.len() {
        return Err(format!(
            "the trace has {} cameras, the door files have {}",
            recorded.cameras.len(),
            given.cameras.len()
        ));
    }
    Ok(())
}
