//! Evidence of breaches, and of what cannot be judged: asked for when the pictures after them have come.
//!
//! Theory of operation: a verdict is noted when it is first stated, with the door, the region and the camera's ring as
//! they are then. When its clip's end has passed, that, the trace's last minutes and what is known of the verdict by
//! then go to the keeper, which takes the pictures out of the ring. Until then the configuration may change: the trace
//! is taken from an engine before another takes over from it. Where the camera's pictures end before the clip does,
//! because its stream or the process ends, nothing is waited for any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::group::Group;
use super::judge::Listener;
use super::status::utc;
use super::view::clear_regions;
use crate::config::EvidenceConfig;
use crate::engine::Alarm;
use crate::evidence::{Cut, Keeper};
use crate::sight::SightState;
use crate::units::{Instant, Span};
use crate::verdict::{Verdict, VerdictKind, explain_verdict};

/// The trace of a verdict begins this long before its clip: tracks and grants are older than what is seen.
const TRACE_BEFORE: Span = Span::from_ms(30_000);

/// Asks for evidence.
pub struct Keeping {
    keeper: Arc<Keeper>,
    settings: EvidenceConfig,
    wanted: Vec<Wanted>,
    asked: BTreeSet<String>,
}

/// Evidence that waits for its clip's end.
struct Wanted {
    /// What is asked for. A camera or door of the same name may be another one by then.
    cut: Cut,
    /// The engine that stated the verdict sees no more, and its trace was taken.
    is_over: bool,
}

impl Wanted {
    fn new(settings: &EvidenceConfig, group: &Group, verdict: &Verdict, id: String) -> Self {
        let at = verdict.crossing.at;
        let mut wanted = Self {
            cut: Cut {
                id,
                camera: group.camera.clone(),
                door: group.door(verdict).to_owned(),
                ring: Arc::clone(&group.ring),
                from: at - settings.before,
                to: at + settings.after,
                keep: clear_regions(group.run.engine.config(), verdict.door),
                clear: settings.clear,
                moments: Vec::new(),
                trace: Vec::new(),
                about: Value::Null,
            },
            is_over: false,
        };
        wanted.tell(group, verdict);
        wanted
    }

    /// What is known of the verdict now.
    fn tell(&mut self, group: &Group, verdict: &Verdict) {
        let crossing = &verdict.crossing;
        self.cut.moments = vec![crossing.interval.lo, crossing.at];
        self.cut.about = json!({
            "line": explain_verdict(verdict, &group.names),
            "at": utc(crossing.at),
            "verdict": verdict,
        });
    }

    fn take_trace(&mut self, group: &Group) {
        self.cut.trace = group.trace_since(self.cut.from - TRACE_BEFORE);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.cut.to <= now || self.is_over && self.cut.ring.has_ended()
    }
}

impl Keeping {
    /// Evidence that this keeper writes.
    pub fn new(keeper: Arc<Keeper>, settings: EvidenceConfig) -> Self {
        Self {
            keeper,
            settings,
            wanted: Vec::new(),
            asked: BTreeSet::new(),
        }
    }

    fn ask(&self, cut: Cut) {
        let (id, camera) = (cut.id.clone(), cut.camera.clone());
        if let Err(refused) = self.keeper.cut(cut) {
            tracing::error!(id, camera, "no evidence: {refused}");
        }
    }
}

impl Listener for Keeping {
    fn verdict(&mut self, group: &Group, verdict: &Verdict) {
        let id = evidence_id(group, verdict);
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| wanted.cut.id == id) {
            wanted.tell(group, verdict);
            return;
        }
        if !is_kept(verdict.kind) || !self.asked.insert(id.clone()) {
            return;
        }
        let wanted = Wanted::new(&self.settings, group, verdict, id);
        self.wanted.push(wanted);
    }

    fn again(&mut self, group: &Group, verdict: &Verdict) {
        // Its pictures are gone, if it had any left to come.
        self.asked.insert(evidence_id(group, verdict));
    }

    fn sight(&mut self, _: &Group, _: Instant, _: SightState, _: &str) {}

    fn alarm(&mut self, _: &Group, _: &Alarm) {}

    fn last_word(&mut self, group: &Group, verdict: &Verdict) {
        let id = evidence_id(group, verdict);
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| wanted.cut.id == id) {
            wanted.take_trace(group);
            wanted.is_over = true;
        }
    }

    fn gone(&mut self, group: &Group) {
        let own = |wanted: &&mut Wanted| !wanted.is_over && wanted.cut.camera == group.camera;
        for wanted in self.wanted.iter_mut().filter(own) {
            wanted.take_trace(group);
            wanted.is_over = true;
        }
    }

    fn tick(&mut self, groups: &BTreeMap<usize, Group>, now: Instant) {
        while let Some(place) = self.wanted.iter().position(|wanted| wanted.is_due(now)) {
            let mut wanted = self.wanted.swap_remove(place);
            let mut own = groups.values();
            let own = own.find(|group| group.camera == wanted.cut.camera && !wanted.is_over);
            if let Some(group) = own {
                wanted.take_trace(group);
            }
            self.ask(wanted.cut);
        }
    }

    fn end(&mut self, groups: &BTreeMap<usize, Group>) {
        self.tick(groups, Instant::MAX);
    }
}

/// What cannot be judged may turn out to be a breach when its pictures are gone.
pub fn is_kept(kind: VerdictKind) -> bool {
    kind.is_breach() || kind == VerdictKind::Undetermined
}

/// The folder of a verdict's evidence: the same name however often it is amended.
pub fn evidence_id(group: &Group, verdict: &Verdict) -> String {
    evidence_name(&group.camera, &group.started, &verdict.id)
}

/// The folder of a verdict's evidence, by the camera's name, the run's start and the verdict's id.
pub fn evidence_name(camera: &str, run: &str, verdict: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let camera = camera.chars();
    let camera: String = camera
        .map(|c| if fits(c) { c } else { '_' })
        .take(40)
        .collect();
    format!("{camera}-{run}-{verdict}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use crossbeam_channel::bounded;

    use super::super::clock::BoxClock;
    use super::super::group::Stated;
    use super::super::judge::{Audience, Judge};
    use super::super::metrics::{Metrics, TraceMetrics};
    use super::super::progress::Pulse;
    use super::super::segment::Traces;
    use super::super::tests::begin;
    use super::super::told::{Begin, Change, Seen, Told};
    use super::*;
    use crate::config::TraceConfig;
    use crate::detection::{BoxInImage, Detection, PointInImage};
    use crate::engine::{EngineConfig, Output};
    use crate::evidence::{KeeperSettings, Region, list};
    use crate::floor::PointInFloor;
    use crate::units::{CameraId, DoorId};

    /// Clips end long after everything here has happened, however slow the machine is.
    const SETTINGS: EvidenceConfig = EvidenceConfig {
        before: Span::from_ms(5_000),
        after: Span::from_ms(20_000),
        clear: false,
        most_bytes: None,
        free_bytes: None,
    };
    /// How long somebody walks, ms: from 2.2 m before the door to 2.6 m behind it.
    const WALK_MS: i64 = 4_000;

    /// Some day.
    fn at(ms: i64) -> Instant {
        Instant::from_us(1_795_348_080_000_000 + ms * 1_000)
    }

    /// Somebody so far behind the middle of the door, m.
    fn person(group: &Group, y: f64) -> Detection {
        let camera = group.run.engine.camera(CameraId(0)).expect("there");
        let model = camera.model.expect("calibrated");
        let px = |x, height_m| {
            let point = model.image_from_floor(PointInFloor { x, y }, height_m);
            point.expect("in front of the camera")
        };
        let (foot, head) = (px(0.0, 0.0), px(0.0, 1.75));
        let (left, right) = (px(-0.25, 0.9).x, px(0.25, 0.9).x);
        Detection {
            bbox: BoxInImage::new(left, head.y, right, foot.y),
            score: 0.9,
            foot: Some(foot),
            head: Some(head),
        }
    }

    /// A camera before whose door somebody walked in without a grant, and what is noted of it.
    struct World {
        folder: tempfile::TempDir,
        keeper: Arc<Keeper>,
        keeping: Keeping,
        traces: Traces,
        metrics: Arc<Metrics>,
        group: Group,
        verdict: Verdict,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let evidence = KeeperSettings::new(folder.path().join("evidence"));
            let keeper = Arc::new(Keeper::start(evidence).expect("a folder"));
            let mut keeping = Keeping::new(Arc::clone(&keeper), SETTINGS);
            let path = folder.path().join("traces");
            let traces = Traces::open(path, TraceConfig::default(), TraceMetrics::default());
            let (traces, metrics) = (traces.expect("a folder"), Arc::default());
            let group = Group::start(&begin(), at(0), &traces, &metrics, None);
            let mut group = group.expect("usable");
            let verdict = walk(&mut group, &mut keeping);
            Self {
                folder,
                keeper,
                keeping,
                traces,
                metrics,
                group,
                verdict,
            }
        }

        /// The judge is told this and to stop, and the keeper writes what it was asked for. Where evidence is.
        fn stop(self, told: Option<Told>) -> (PathBuf, tempfile::TempDir) {
            let (tell, queue) = bounded(2);
            for told in told.into_iter().chain([Told::Stop]) {
                tell.send(told).expect("room");
            }
            let clock = BoxClock::new(at(WALK_MS));
            let judge = Judge {
                groups: BTreeMap::from([(0, self.group)]),
                leaving: Vec::new(),
                doors: vec![Some((0, DoorId(0)))],
                traces: self.traces,
                recovered: BTreeMap::new(),
                told: queue,
                progress: Pulse::new(clock.clone()).of("judge"),
                audience: Audience {
                    listeners: vec![Box::new(self.keeping)],
                    metrics: self.metrics,
                    clock,
                },
            };
            judge.run();
            let keeper = Arc::into_inner(self.keeper).expect("the judge's has gone");
            let status = keeper.stop(Duration::from_secs(60));
            assert_eq!((status.asked, status.written), (1, 1), "{status:?}");
            (self.folder.path().join("evidence"), self.folder)
        }
    }

    /// Frames of the walk, at 12.5 a second. What was last stated.
    fn walk(group: &mut Group, keeping: &mut Keeping) -> Verdict {
        let mut last = None;
        let mut hear = |said: &Stated<'_>| {
            if let Output::Verdict(verdict) = said.output {
                keeping.verdict(said.group, verdict);
                last = Some(verdict.clone());
            }
        };
        group.sight(at(0), SightState::Clear, &mut hear);
        for ms in (0..WALK_MS).step_by(80) {
            let y = -2.2 + 1.2 * ms as f64 / 1_000.0;
            let seen = Seen {
                camera: 0,
                taken: at(ms),
                people: vec![person(group, y)],
                looked: true,
                arrived_us: 0,
                decoded_us: 0,
                taken_up_us: 0,
                looked_us: 0,
            };
            group.seen(at(ms), seen, &mut hear);
        }
        *last.expect("somebody went through")
    }

    fn regions(config: &EngineConfig) -> Vec<Vec<PointInImage>> {
        let regions = clear_regions(config, DoorId(0));
        regions.iter().map(Region::corners).collect()
    }

    /// The camera's engine is exchanged for one of this configuration.
    fn exchanged(edit: impl FnOnce(&mut EngineConfig)) -> Vec<Begin> {
        let mut begin = begin();
        begin.after = Some(0);
        edit(&mut begin.camera.site.engine);
        vec![begin]
    }

    /// Whatever the camera's place is given to before the clip's end, evidence is as the walk was.
    #[track_caller]
    fn check(begin: Option<Vec<Begin>>) {
        let world = World::new();
        let (id, verdict) = (evidence_id(&world.group, &world.verdict), &world.verdict.id);
        let stated = format!("\"id\":\"{verdict}\"");
        let clear = regions(world.group.run.engine.config());
        assert_eq!(clear.len(), 1, "one portal");
        let told = begin.map(|begin| {
            Told::Change(Box::new(Change {
                gone: vec![0],
                begin,
                doors: Vec::new(),
                done: bounded(1).0,
            }))
        });
        let (evidence, _folder) = world.stop(told);
        let all = list(&evidence).expect("readable");
        let [kept] = &all[..] else { panic!("{all:?}") };
        let manifest = kept.manifest.as_ref().expect("readable");
        assert_eq!((&kept.id, manifest.door.as_str()), (&id, "front"));
        assert_eq!(manifest.kept_px, clear);
        let trace = std::fs::read_to_string(kept.path.join("trace.jsonl"));
        let trace = trace.expect("a trace");
        assert!(trace.contains(&stated), "{stated} is not in {trace}");
    }

    #[test]
    fn what_waits_for_its_clips_end_is_asked_for_when_the_judge_ends() {
        check(None);
    }

    #[test]
    fn a_door_that_moves_changes_no_evidence_of_before() {
        let was = regions(&begin().camera.site.engine);
        let moved = exchanged(|config| {
            config.doors[0].name = "back".to_owned();
            for point in &mut config.portals[0].portal.line {
                point.x += 1.0;
            }
        });
        assert_ne!(regions(&moved[0].camera.site.engine), was);
        check(Some(moved));
    }

    #[test]
    fn an_engine_that_is_exchanged_leaves_its_trace() {
        check(Some(exchanged(|config| {
            config.cameras[0].tracker.path_memory = Span::from_ms(9_000);
        })));
    }

    #[test]
    fn a_camera_that_is_taken_out_leaves_its_evidence() {
        check(Some(Vec::new()));
    }

    #[test]
    fn pictures_are_waited_for_while_they_come() {
        // The folder is deleted after the keeper has ended.
        let World {
            folder: _folder,
            keeper,
            mut keeping,
            group,
            ..
        } = World::new();
        let now = at(WALK_MS);
        keeping.gone(&group);
        keeping.tick(&BTreeMap::new(), now);
        assert_eq!(keeper.status().asked, 0, "its stream goes on");
        group.ring.end();
        keeping.tick(&BTreeMap::new(), now);
        assert_eq!(keeper.status().asked, 1);
        keeping.tick(&BTreeMap::new(), Instant::MAX);
        assert_eq!(keeper.status().asked, 1, "once");
    }
}
