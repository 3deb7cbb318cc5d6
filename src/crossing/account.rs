//! The account a counter keeps of one track: where it came from, where it has settled, and what
//! happened since it last was settled.
//!
//! Theory: a track settles on a side by being deep on it (beyond the portal's depth and its own
//! uncertainty) without a break for a while, a longer one while barely so. Settling on one side after the
//! other is a crossing,
//! if the line itself was passed and not the floor beside its ends. All that lies between leaving
//! the one side and settling on the other is the *excursion*: whoever dithers is on one long
//! excursion, which ends in a crossing or doesn't.
//!
//! What is inferred from people who appear or vanish at the line is in `threshold`.

use serde::{Deserialize, Serialize};

use super::continuity::{INTERRUPTED_AFTER, SHORTEST, only_unread, unread_points};
use super::excursion::Excursion;
use super::finding::Finding;
use super::sighting::{Motion, Pass, Side, Sighting};
use super::swap::Bounce;
use super::{CounterSettings, Crossing};
use crate::floor::PortalLine;
use crate::tracking::{PathPoint, Track, TrackState};
use crate::units::{Instant, Interval, Span, TrackId};

/// Motion is measured over at least this long (and at most twice as long): a stride, so that
/// jitter of a few centimetres does not look like walking.
const MOTION_SPAN: Span = Span::from_ms(400);

/// How far off the foot of somebody who stands may be for as long as they keep the posture, m: half as
/// much again as the default detector's median error (10 cm, `models/lintel/README.md`). More frames of
/// the same posture do not average it out.
const STANDING_ERROR_M: f64 = 0.15;

/// How long somebody must stand barely beyond the depth to have settled there: longer than people
/// dither on a threshold.
const STANDING_FOR: Span = Span::from_ms(1_000);

/// A margin of fewer standard deviations than this is small: less than 95 % sure.
pub(super) const MARGIN_SIGMAS: f64 = 2.0;

/// What a counter reads with.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) portal: &'a PortalLine,
    pub(super) settings: &'a CounterSettings,
    /// The frame that is being counted.
    pub(super) now: Instant,
}

/// One track's account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) id: TrackId,
    /// Points up to here have been read.
    pub(super) read_until: Instant,
    /// Last sighting of the track as the tracker has it.
    pub(super) track_seen: Instant,
    /// No more points will come: the track ended, or the rest of it is somebody else.
    pub(super) ended: bool,
    /// Another track goes on where this one was lost.
    pub(super) handed_on: bool,
    /// Nobody has looked yet whether another track was lost where this one began.
    pub(super) is_new: bool,
    /// Its new points wait until it is clear whose they are.
    pub(super) waits: bool,
    /// Time since the last sighting in which frames did come.
    pub(super) unseen: Span,
    /// It has been judged whether it vanished over the line.
    pub(super) vanish_judged: bool,
    pub(super) birth: Birth,
    pub(super) last: Sighting,
    pub(super) settled: Option<Side>,
    pub(super) excursion: Excursion,
    /// It lately came up to the line and went away again as if it were somebody else.
    pub(super) bounce: Option<Bounce>,
    run: Option<Run>,
    /// The last point that was on a side, from which the next passage is measured.
    anchor: Option<Sighting>,
    /// The last point on the line since then.
    on_line: Option<Sighting>,
    /// Two earlier sightings, from which motion is measured.
    newer: Sighting,
    older: Sighting,
}

/// How a track began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Birth {
    pub(super) sighting: Sighting,
    /// How it moved at first; `None` while it is too early to say.
    pub(super) motion: Option<Motion>,
    /// The footage itself began then, so that appearing says nothing.
    pub(super) with_footage: bool,
}

/// A stay deep on one side, not yet long enough to have settled or going on since.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Run {
    side: Side,
    since: Instant,
    deepest_m: f64,
}

impl Account {
    /// The account of a track first seen at `birth`.
    pub(super) fn open(id: TrackId, birth: Sighting, with_footage: bool) -> Self {
        Self {
            id,
            read_until: Instant::MIN,
            track_seen: birth.at,
            ended: false,
            handed_on: false,
            is_new: true,
            waits: false,
            unseen: Span::ZERO,
            vanish_judged: false,
            birth: Birth {
                sighting: birth,
                motion: None,
                with_footage,
            },
            last: birth,
            settled: None,
            excursion: Excursion::default(),
            bounce: None,
            run: None,
            anchor: None,
            on_line: None,
            newer: birth,
            older: birth,
        }
    }

    /// The account of the same person under a new id: what was settled stays settled.
    pub(super) fn heir(&self, id: TrackId, birth: &Sighting) -> Self {
        let mut heir = self.clone();
        heir.id = id;
        heir.read_until = self.last.at;
        heir.track_seen = birth.at;
        heir.ended = false;
        heir.is_new = false;
        heir.waits = false;
        heir.vanish_judged = false;
        heir.unseen = Span::ZERO;
        heir.handed_on = false;
        heir.bounce = None;
        heir.run = None;
        heir.excursion.interrupted = true;
        // The seam between two tracks is no jump of one.
        heir.last = *birth;
        heir
    }

    /// Whether nobody can have gone from the last sighting to `next`.
    pub(super) fn is_jump_to(&self, next: &Sighting, settings: &CounterSettings) -> bool {
        let seconds = (next.at - self.last.at).as_s();
        let reach_m = settings.max_speed_mps * seconds;
        let (dx, dy) = (
            next.point.x - self.last.point.x,
            next.point.y - self.last.point.y,
        );
        let way_m2 = dx * dx + dy * dy;
        if seconds <= 0.0 || way_m2 <= reach_m * reach_m {
            return false;
        }
        let noise_m = MARGIN_SIGMAS * (self.last.var_any_m2 + next.var_any_m2).sqrt();
        way_m2.sqrt() - noise_m > reach_m
    }

    /// Leaves out the points up to `stray`; a stay with strays in it settles nothing.
    pub(super) fn skip_to(&mut self, stray: Instant) {
        self.read_until = stray;
        self.run = None;
        self.excursion.interrupted = true;
    }

    /// How it moved up to the last sighting.
    pub(super) fn motion(&self) -> Motion {
        self.last.motion_since(&self.older)
    }

    /// Reads a track that shows one more sighting or none, and nothing odd; whether it was one.
    pub(super) fn read_plain(
        &mut self,
        rules: Rules<'_>,
        track: &Track,
        out: &mut Vec<Crossing>,
    ) -> bool {
        self.track_seen = track.last_seen;
        if self.waits || self.is_new {
            return false;
        }
        if track.last_seen > self.read_until {
            let Some(point) = only_unread(track, self.read_until) else {
                return false;
            };
            let Some(sighting) = Sighting::read(rules.portal, point) else {
                return false;
            };
            let gap = sighting.at - self.last.at;
            if gap >= INTERRUPTED_AFTER || self.is_jump_to(&sighting, rules.settings) {
                return false;
            }
            out.extend(self.read_sighting(rules, point, &sighting));
        }
        self.ended = track.state == TrackState::Ended;
        true
    }

    /// Reads all points that are new and no predictions.
    pub(super) fn read_all(&mut self, rules: Rules<'_>, track: &Track, out: &mut Vec<Crossing>) {
        if !self.waits {
            for point in unread_points(track, self.read_until) {
                out.extend(self.read(rules, point));
            }
        }
        self.ended = track.state == TrackState::Ended;
    }

    /// Reads the next point of the path; a crossing if that completes one.
    fn read(&mut self, rules: Rules<'_>, point: &PathPoint) -> Option<Crossing> {
        self.read_until = point.at;
        let sighting = Sighting::read(rules.portal, point)?;
        self.read_sighting(rules, point, &sighting)
    }

    /// Reads the next point of the path, of which the portal's reading is known.
    fn read_sighting(
        &mut self,
        rules: Rules<'_>,
        point: &PathPoint,
        sighting: &Sighting,
    ) -> Option<Crossing> {
        self.read_until = point.at;
        let seen = point.basis.is_some();
        if seen && self.is_jump_to(sighting, rules.settings) {
            let with_footage = self.birth.with_footage;
            *self = Self {
                read_until: point.at,
                track_seen: self.track_seen,
                is_new: false,
                ..Self::open(self.id, *sighting, with_footage)
            };
        }
        self.note_passage(rules, sighting);
        if !seen {
            return None; // a bridged point says where the line was passed, but settles nothing
        }
        let deep = sighting.deep_side(rules.portal.depth_m(), rules.settings.settle_sigmas);
        self.note_motion(sighting, deep.is_some());
        let gap = sighting.at - self.last.at;
        self.last = *sighting;
        self.note_excursion(rules, deep);
        self.excursion.note(point, gap >= INTERRUPTED_AFTER);
        self.unseen = Span::ZERO;
        self.vanish_judged = false;
        self.handed_on = false; // seen again: it was somebody else who went on
        let settle_for = Self::settle_for(rules, deep, sighting);
        let side = self.run_on(deep, sighting, settle_for)?;
        self.settle(rules, side)
    }

    /// Ends the excursion of a track that is back, or notes how far it got.
    fn note_excursion(&mut self, rules: Rules<'_>, deep: Option<Side>) {
        let Some(side) = self.settled else { return };
        if deep == Some(side) {
            let bounce = Bounce::ending(&self.excursion, side, &self.last, rules.settings);
            self.bounce = bounce.or(self.bounce);
            self.excursion = Excursion::since(self.last.at);
            return;
        }
        let depth_m = self.last.depth_on(side);
        let nearest = self.excursion.nearest;
        if nearest.is_none_or(|(nearest, _)| depth_m < nearest.depth_on(side)) {
            self.excursion.nearest = Some((self.last, self.motion()));
        }
    }

    /// How long it must stay deep: longer while it is barely beyond the depth. Whoever walks
    /// on is further in by then, so only those who stand there wait.
    fn settle_for(rules: Rules<'_>, deep: Option<Side>, now: &Sighting) -> Span {
        let barely =
            deep.is_some_and(|side| now.depth_on(side) < rules.portal.depth_m() + STANDING_ERROR_M);
        match barely {
            true => rules.settings.settle_for.max(STANDING_FOR),
            false => rules.settings.settle_for,
        }
    }

    /// Goes on with the run, or breaks it; the side on which it has now settled, if it has.
    fn run_on(&mut self, deep: Option<Side>, now: &Sighting, settle_for: Span) -> Option<Side> {
        let Some(side) = deep else {
            self.run = None;
            return None;
        };
        let depth_m = now.depth_on(side);
        let run = match self.run {
            Some(run) if run.side == side => Run {
                deepest_m: run.deepest_m.max(depth_m),
                ..run
            },
            _ => Run {
                side,
                since: now.at,
                deepest_m: depth_m,
            },
        };
        self.run = Some(run);
        (now.at - run.since >= settle_for).then_some(side)
    }

    fn settle(&mut self, rules: Rules<'_>, side: Side) -> Option<Crossing> {
        let before = self.settled.replace(side);
        if before == Some(side) {
            return None;
        }
        let run = self.run?;
        let finding = match before {
            Some(_) => self.passed_onto(rules, &run),
            None => self.born_into(rules, side, run.since, run.deepest_m),
        };
        let crossing = finding.map(|finding| self.crossing(rules, finding));
        self.excursion = Excursion::since(self.last.at);
        crossing
    }

    /// The crossing from the other side onto the run's, if it led over the line itself.
    fn passed_onto(&self, rules: Rules<'_>, run: &Run) -> Option<Finding> {
        let pass = self.excursion.last_pass?;
        if pass.beyond_m > rules.settings.end_slack_m {
            return None;
        }
        let from = self.excursion.left.unwrap_or(self.birth.sighting.at);
        Some(Finding {
            onto: run.side,
            at: self.excursion.passed_at(&pass),
            interval: Interval::new(from, run.since),
            station_m: pass.station_m,
            margin_m: run.deepest_m,
            doubt: None,
        })
    }

    /// Notes where the line was passed since the last point that had a side.
    fn note_passage(&mut self, rules: Rules<'_>, to: &Sighting) {
        let Some(side) = to.side() else {
            self.on_line = Some(*to);
            return;
        };
        let anchor = self.anchor.replace(*to);
        let on_line = self.on_line.take();
        let Some(from) = anchor.filter(|from| from.side() == Some(side.other())) else {
            return;
        };
        let pass = if let Some(on) = on_line {
            Pass {
                at: on.at,
                station_m: on.station_m,
                beyond_m: on.beyond_m,
                onto: side,
            }
        } else if let Some(found) = rules.portal.passage(from.point, to.point) {
            let seconds = found.share * (to.at - from.at).as_s();
            Pass {
                at: from.at + Span::from_s(seconds),
                station_m: found.station_m,
                beyond_m: found.beyond_m,
                onto: side,
            }
        } else {
            return;
        };
        self.excursion.first_pass.get_or_insert(pass);
        self.excursion.last_pass = Some(pass);
    }

    fn note_motion(&mut self, now: &Sighting, deep: bool) {
        let age = now.at - self.birth.sighting.at;
        if self.birth.motion.is_none()
            && (age >= MOTION_SPAN + MOTION_SPAN || (deep && age >= SHORTEST))
        {
            self.birth.motion = Some(now.motion_since(&self.birth.sighting));
        }
        if now.at - self.newer.at >= MOTION_SPAN {
            self.older = self.newer;
            self.newer = *now;
        }
    }

    /// Goes on from beyond the line, where it is taken to have vanished.
    pub(super) fn vanished_onto(&mut self, onto: Side, at: Instant, depth_m: f64) {
        let (nx, ny) = self.last.normal;
        let step_m = onto.sign() * depth_m - self.last.side_m;
        let mut beyond = self.last;
        beyond.at = at;
        beyond.point.x += step_m * nx;
        beyond.point.y += step_m * ny;
        beyond.side_m = onto.sign() * depth_m;
        self.anchor = Some(beyond);
        self.on_line = None;
        self.run = None;
        self.settled = Some(onto);
        self.excursion = Excursion::since(at);
        self.excursion.interrupted = true;
    }
}
