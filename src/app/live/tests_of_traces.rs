//! Traces of live runs: segment by segment, through a kill and through a change of the configuration.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::group::Group;
use super::metrics::{Metrics, TraceMetrics};
use super::recover::{Recovered, recover};
use super::segment::{SEGMENT_TIME, Traces};
use super::tests::{begin, nobody};
use crate::access::{AccessEvent, AccessKind};
use crate::app::replay::{TraceReplay, replay_trace};
use crate::app::segments::Chain;
use crate::config::TraceConfig;
use crate::engine::{Input, Output};
use crate::sight::SightState;
use crate::units::{DoorId, Instant, Interval, Span};
use crate::verdict::GrantOutcome;

/// A box that runs: its folder, and what engines need.
struct World {
    folder: tempfile::TempDir,
    traces: Traces,
    metrics: Arc<Metrics>,
}

/// Some day.
fn at(ms: i64) -> Instant {
    Instant::from_us(1_795_348_080_000_000 + ms * 1_000)
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let traces = Traces::open(path, TraceConfig::default(), TraceMetrics::default());
        Self {
            folder,
            traces: traces.expect("a folder"),
            metrics: Arc::default(),
        }
    }

    /// A camera's engine, told to see.
    fn start(&self, now: Instant, recovered: Option<Recovered>) -> (Group, Vec<Output>) {
        let group = Group::start(&begin(), now, &self.traces, &self.metrics, recovered);
        let mut group = group.expect("usable");
        let mut said = Vec::new();
        group.sight(now, SightState::Clear, &mut |s| said.push(s.output.clone()));
        (group, said)
    }

    fn recover(&self, now: Instant) -> Option<Recovered> {
        recover(self.folder.path(), &begin().camera, now)
    }

    /// The files, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path()).expect("readable");
        let mut files: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
        files.sort();
        files
    }

    /// What is found of the files, one after the other.
    fn checked(&self) -> Vec<String> {
        let mut chain = Chain::default();
        let files = self.files().into_iter();
        let links = files.map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let link = chain.take(&name, replayed(&path));
            match link.problem {
                Some(problem) => problem,
                None if link.follows => "follows".to_owned(),
                None => "begins".to_owned(),
            }
        });
        links.collect()
    }
}

fn replayed(path: &Path) -> TraceReplay {
    let file = fs::File::open(path).expect("a trace");
    replay_trace(BufReader::new(file), None).expect("readable")
}

/// A frame in which nobody is.
fn frame(group: &mut Group, now: Instant) {
    group.seen(now, nobody(now), &mut |_| {});
}

fn grant(group: &mut Group, id: &str, now: Instant) -> Vec<Output> {
    let event = AccessEvent {
        id: id.to_owned(),
        door: Some(DoorId(0)),
        reader: None,
        direction: None,
        kind: AccessKind::Granted,
        occurred: Interval::exact(now),
        received: now,
        holder: None,
        passages: None,
    };
    let mut said = Vec::new();
    let take = &mut |s: &super::group::Stated<'_>| said.push(s.output.clone());
    group.access(now, DoorId(0), &Input::Access(event), take);
    said
}

/// The last word on each grant.
fn grants(said: &[Output]) -> Vec<(String, u32, GrantOutcome)> {
    let grants = said.iter().filter_map(|output| match output {
        Output::Grant(grant) => Some((grant.id.clone(), grant.revision, grant.outcome)),
        _ => None,
    });
    grants.collect()
}

#[test]
fn a_run_is_a_series_of_segments_each_of_which_is_judged_again() {
    let world = World::new();
    let (mut group, _) = world.start(at(0), None);
    let hour = SEGMENT_TIME.as_us() / 1_000;
    for round in 0..3 {
        let now = at(round * hour + 30_000);
        grant(&mut group, &format!("g{round}"), now);
        frame(&mut group, now + Span::from_ms(100));
        // The grant is still good when the next segment begins.
        group.tick(at((round + 1) * hour + 1), &mut |_| {});
    }
    let tail = group.trace_since(at(0));
    group.end();
    let files = world.files();
    assert!(files.len() >= 3, "{files:?}");
    for file in &files {
        let replayed = replayed(file);
        let end = replayed.recorded.as_ref().expect("an end");
        assert_eq!(end.verdict_hash, replayed.run.log.verdict_hash());
        assert_eq!(replayed.differs, None);
        assert!(replayed.run.log.grant_order.len() <= 2, "a segment's own");
    }
    let mut expect = vec!["follows"; files.len()];
    expect[0] = "begins";
    assert_eq!(world.checked(), expect);
    // What evidence takes begins with an engine that knows nothing, and has no frames of segments.
    let evidence = replay_trace(tail.as_slice(), None).expect("a trace of its own");
    assert!(evidence.continues.is_none() && evidence.recorded.is_none());
    // One that is left out is missed, and so is one that was changed.
    let text = fs::read_to_string(&files[1]).expect("readable");
    fs::remove_file(&files[1]).expect("there");
    assert!(
        world.checked()[1].contains("which is missing"),
        "{:?}",
        world.checked()
    );
    let changed: String = text
        .lines()
        .filter(|line| !line.contains("\"access\""))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(changed, text);
    fs::write(&files[1], changed).expect("writable");
    let found = world.checked();
    assert!(found[1].contains("records"), "{found:?}");
    assert!(found[2].contains("goes on from verdict hash"), "{found:?}");
}

#[test]
fn what_was_pending_at_a_kill_is_said_after_it() {
    let world = World::new();
    let (mut group, _) = world.start(at(0), None);
    frame(&mut group, at(400));
    let said = grant(&mut group, "g", at(500));
    assert_eq!(
        grants(&said),
        [("d0-g-g".to_owned(), 1, GrantOutcome::Live)]
    );
    let known = serde_json::to_string(&group.run.engine.state()).expect("plain data");
    let run = group.started.clone();
    drop(group);
    // A kill tears the last line.
    let path = world.files().remove(0);
    let mut text = fs::read_to_string(&path).expect("readable");
    assert!(text.ends_with('\n'), "what was stated is written through");
    text.push_str("{\"at\":17953480");
    fs::write(&path, text).expect("writable");

    let recovered = world.recover(at(7_000)).expect("something to go on from");
    let skipped = serde_json::to_string(&recovered.engine.state()).expect("plain data");
    let numbers = |text: &str| text.split("\"cameras\"").nth(1).map(str::to_owned);
    assert_eq!(
        numbers(&skipped),
        numbers(&known),
        "all but numbers is as it was"
    );
    assert!(skipped.contains("\"next_crossing\":1001"), "{skipped}");
    let (mut group, _) = world.start(at(7_000), Some(recovered));
    assert_eq!(group.started, run, "ids go on");
    // The same event read again from the journal, and one from long before.
    assert!(grant(&mut group, "g", at(500)).is_empty());
    assert!(grant(&mut group, "old", at(-90_000)).is_empty());
    let mut said = Vec::new();
    group.tick(at(60_000), &mut |s| said.push(s.output.clone()));
    // Nobody saw whether somebody walked.
    assert_eq!(
        grants(&said),
        [("d0-g-g".to_owned(), 2, GrantOutcome::Undetermined)]
    );
    group.end();
    assert_eq!(world.checked(), ["begins", "follows"]);
}

#[test]
fn what_cannot_be_gone_on_from_costs_nothing_but_itself() {
    let world = World::new();
    assert!(world.recover(at(0)).is_none(), "there is nothing");
    let name = |ms: i64| format!("scene-{}.jsonl", super::segment::stamp(at(ms)));
    let (mut group, _) = world.start(at(0), None);
    grant(&mut group, "g", at(500));
    group.end();
    assert!(world.recover(at(1_000)).is_some());
    assert!(
        world.recover(at(-1_000)).is_none(),
        "the clock was set back"
    );
    assert!(world.recover(at(100)).is_none(), "it ends in the future");
    let future = world.folder.path().join(name(90_000_000));
    fs::write(&future, "{}\n").expect("writable");
    assert!(
        world.recover(at(1_000)).is_some(),
        "of a clock that was set back"
    );
    fs::remove_file(&future).expect("there");
    let days = 86_400_000 * 2;
    assert!(
        world.recover(at(days)).is_none(),
        "nothing can be amended any more"
    );
    // A segment that was begun and not headed yet is passed over.
    fs::write(world.folder.path().join(name(800)), "{\"trace\":{\"ver").expect("writable");
    assert!(world.recover(at(1_000)).is_some());
    // One that was written by another version comes out otherwise.
    let path = world.files().remove(0);
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(
        &path,
        text.replace("\"outcome\":\"live\"", "\"outcome\":\"unused\""),
    )
    .expect("writable");
    assert!(world.recover(at(1_000)).is_none());
    fs::write(&path, "no trace\n").expect("writable");
    assert!(world.recover(at(1_000)).is_none());
}

#[test]
fn another_configuration_keeps_what_is_the_same() {
    let world = World::new();
    let (mut group, _) = world.start(at(0), None);
    frame(&mut group, at(400));
    grant(&mut group, "g", at(500));
    let mut change = begin();
    change.after = Some(0);
    change.camera.site.titles = vec!["Front door".to_owned()];
    change.camera.site.engine.cameras[0].tracker.path_memory = Span::from_ms(9_000);
    let changed = group.succeed(&change, at(1_000), &world.traces, &world.metrics);
    let (mut heir, kept) = changed.expect("usable");
    assert_eq!(kept.len(), 1);
    assert_eq!(heir.started, group.started);
    assert!(group.next_due().is_none(), "it has nothing more to say");
    group.end();
    frame(&mut heir, at(1_100));
    frame(&mut heir, at(1_200));
    let mut said = Vec::new();
    heir.tick(at(60_000), &mut |s| said.push(s.output.clone()));
    let [(id, _, _)] = &grants(&said)[..] else {
        panic!("{said:?}")
    };
    assert_eq!(id, "d0-g-g");
    heir.end();
    let files = world.files();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(world.checked(), ["begins", "follows"]);
    // A restart goes on from the heir.
    let recovered = world.recover(at(61_000)).expect("something to go on from");
    assert_eq!(recovered.continues.run, heir.started);
    let segment = Path::new(&recovered.continues.segment);
    assert!(files[1].ends_with(segment), "{segment:?} of {files:?}");
}
