//! Counts who passes a portal, in which direction, and when.
//!
//! Theory: the counter keeps one small account of each track (`account`) and reads into it the
//! points of the path that are new since the last step and no predictions. A track that is
//! confirmed late is read from its birth on. A step first opens accounts, then joins tracks that
//! are the same person (`stitch`), then reads, then judges who has vanished (`threshold`).
//!
//! It does not decide who is allowed through, nor does it ever take a crossing back.

use serde::{Deserialize, Serialize};

use super::CounterSettings;
use super::account::{Account, Rules};
use super::continuity::{Continuation, continuation, first_motion, sightings};
use super::stitch::find_ancestor;
use super::swap::judge_bounces;
use crate::floor::{Portal, PortalLine, TileIndex};
use crate::tracking::{Track, TrackState};
use crate::units::{
    CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, Span, TrackId,
};

/// Who is seen within this of the first frame (or of the first one after a gap) may have stood
/// there before: detectors and trackers need a moment.
const FOOTAGE_BEGINS: Span = Span::from_ms(500);

/// A wait for the next frame that is longer is a gap in the footage.
const FOOTAGE_GAP: Span = Span::from_ms(1_000);

/// One frame stands for at most this much time of watching: nobody vanishes in a gap.
const LONGEST_WATCH: Span = Span::from_ms(250);

/// Which way somebody passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to inside.
    In,
    /// From inside to outside.
    Out,
}

/// A track passed a portal in a direction, after hysteresis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// Its number; given by the engine in the order in which crossings were established.
    pub id: CrossingId,
    /// The door it counts for.
    pub door: DoorId,
    /// The portal passed.
    pub portal: PortalId,
    /// The camera that saw it.
    pub camera: CameraId,
    /// Who.
    pub track: TrackId,
    /// Which way.
    pub direction: Direction,
    /// Best estimate of when the line was passed.
    pub at: Instant,
    /// From when it can have been to when: last settled outside to first settled inside.
    pub interval: Interval,
    /// When the counter became sure: the frame that completed the crossing.
    pub settled_at: Instant,
    /// How far beyond the line the track went, m.
    pub margin_m: f64,
    /// Where along the portal's line it passed, m.
    pub station_m: f64,
    /// The tiles walked over around the crossing, in order.
    pub tiles: Vec<TileIndex>,
    /// Why it may be wrong.
    pub doubts: Vec<Doubt>,
}

/// The counter of one portal.
#[derive(Debug, Clone)]
pub struct CrossingCounter {
    portal: Portal,
    line: PortalLine,
    settings: CounterSettings,
    /// In order of track; an account that broke off comes before the one that goes on.
    pub(super) accounts: Vec<Account>,
    /// The last frame.
    pub(super) last_step: Option<Instant>,
    /// When the footage began or went on after a gap.
    pub(super) footage_from: Instant,
}

impl CrossingCounter {
    /// A counter that has seen nobody.
    pub fn new(portal: Portal, settings: CounterSettings) -> Self {
        Self {
            line: portal.prepare(),
            portal,
            settings,
            accounts: Vec::new(),
            last_step: None,
            footage_from: Instant::MIN,
        }
    }

    /// The portal it watches.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// Reads the tracks after one tracker step, in order of id, and appends the crossings
    /// established by it. Crossings of one track come in the order in which they were made.
    /// Ids (crossing, door, portal, camera) and tiles are filled in by the engine.
    pub fn step(&mut self, at: Instant, tracks: &[Track], out: &mut Vec<Crossing>) {
        let watched = self.watch(at);
        let known = out.len();
        let rules = Rules {
            portal: &self.line,
            settings: &self.settings,
            now: at,
        };
        if !read_plain(&mut self.accounts, rules, watched, tracks, out) {
            self.read_others(at, tracks, out);
        }
        let rules = Rules {
            portal: &self.line,
            settings: &self.settings,
            now: at,
        };
        for crossing in &out[known..] {
            excuse_broken(&mut self.accounts, rules, crossing);
        }
        judge_bounces(&mut self.accounts, rules, out);
        judge_vanished(&mut self.accounts, rules, out);
    }

    /// Reads the tracks that take more than a look: new ones, and those that jump or come back.
    fn read_others(&mut self, at: Instant, tracks: &[Track], out: &mut Vec<Crossing>) {
        for track in tracks {
            self.open(at, track);
        }
        for track in tracks {
            self.stitch(track);
        }
        let rules = Rules {
            portal: &self.line,
            settings: &self.settings,
            now: at,
        };
        for track in tracks {
            if let Some(live) = live(&self.accounts, track.id) {
                self.accounts[live].read_all(rules, track, out);
            }
        }
    }

    /// Notes a frame; for how long it stands in which everybody could have been seen.
    fn watch(&mut self, at: Instant) -> Span {
        let wait = self.last_step.map(|last| at - last);
        if wait.is_none_or(|wait| wait > FOOTAGE_GAP) {
            self.footage_from = at;
        }
        self.last_step = Some(at);
        wait.map_or(Span::ZERO, |wait| wait.min(LONGEST_WATCH))
    }

    /// Opens an account for a track that is new, or that goes on as somebody else.
    fn open(&mut self, at: Instant, track: &Track) {
        let Some(live) = live(&self.accounts, track.id) else {
            if !matches!(track.state, TrackState::Confirmed | TrackState::Lost) {
                return;
            }
            let first = sightings(track, &self.line, Instant::MIN).next();
            if let Some(birth) = first {
                let mut account = Account::open(track.id, birth, self.is_footage_start(birth.at));
                account.track_seen = track.last_seen;
                self.insert(account);
            }
            return;
        };
        self.accounts[live].track_seen = track.last_seen;
        let rules = Rules {
            portal: &self.line,
            settings: &self.settings,
            now: at,
        };
        let found = continuation(&self.accounts[live], track, rules);
        let account = &mut self.accounts[live];
        account.waits = matches!(found, Continuation::TooEarly);
        match found {
            Continuation::GoesOn | Continuation::TooEarly => {}
            Continuation::AfterStrays(stray) => account.skip_to(stray),
            Continuation::IsAnother(next) => {
                account.ended = true;
                account.track_seen = account.last.at;
                let mut rest = Account::open(track.id, next, self.is_footage_start(next.at));
                rest.read_until = self.accounts[live].read_until;
                rest.track_seen = track.last_seen;
                self.insert(rest);
            }
        }
    }

    fn insert(&mut self, account: Account) {
        let place = self
            .accounts
            .partition_point(|other| other.id <= account.id);
        self.accounts.insert(place, account);
    }

    /// Joins a new account with one that was lost where it began.
    fn stitch(&mut self, track: &Track) {
        let Some(newborn) = live(&self.accounts, track.id).filter(|&i| self.accounts[i].is_new)
        else {
            return;
        };
        let account = &mut self.accounts[newborn];
        let birth = account.birth.sighting;
        account.is_new = false;
        let motion = first_motion(track, &self.line, &birth);
        let Some(ancestor) = find_ancestor(&self.accounts, newborn, &motion, &self.settings) else {
            return;
        };
        self.accounts[ancestor].handed_on = true;
        let mut heir = self.accounts[ancestor].heir(track.id, &birth);
        heir.track_seen = track.last_seen;
        self.accounts[newborn] = heir;
    }

    #[cfg(test)]
    pub(super) fn accounts_kept(&self) -> usize {
        self.accounts.len()
    }

    fn is_footage_start(&self, at: Instant) -> bool {
        at - self.footage_from <= FOOTAGE_BEGINS
    }
}

/// The account of a track that still goes on.
fn live(accounts: &[Account], id: TrackId) -> Option<usize> {
    let index = accounts
        .partition_point(|account| account.id <= id)
        .checked_sub(1)?;
    let account = &accounts[index];
    (account.id == id && !account.ended).then_some(index)
}

/// Passes time, and reads the tracks that show one more sighting and nothing odd: most of them,
/// most of the time. Whether that was all there is to read.
fn read_plain(
    accounts: &mut [Account],
    rules: Rules<'_>,
    watched: Span,
    tracks: &[Track],
    out: &mut Vec<Crossing>,
) -> bool {
    let mut all = true;
    let mut tracks = tracks.iter().peekable();
    for account in accounts {
        account.unseen = account.unseen + watched;
        if account.ended {
            continue;
        }
        while let Some(new) = tracks.next_if(|track| track.id < account.id) {
            all &= new.state == TrackState::Tentative;
        }
        match tracks.next_if(|track| track.id == account.id) {
            Some(track) => all &= account.read_plain(rules, track, out),
            None => account.ended = true,
        }
    }
    all && tracks.all(|new| new.state == TrackState::Tentative)
}

/// A track that broke off at the line and whose rest was then counted as born there has not
/// vanished over the line as well: one jump at the line is one passage.
fn excuse_broken(accounts: &mut [Account], rules: Rules<'_>, born: &Crossing) {
    if !born.doubts.contains(&Doubt::BornOnThreshold) {
        return;
    }
    for account in accounts {
        if account.id == born.track && account.ended {
            let over = account.vanished_over(rules);
            account.handed_on |= over.is_some_and(|over| over.onto.direction() == born.direction);
        }
    }
}

/// Judges who has been out of sight for long, and forgets who is gone.
fn judge_vanished(accounts: &mut Vec<Account>, rules: Rules<'_>, out: &mut Vec<Crossing>) {
    for account in accounts.iter_mut() {
        let is_due = account.unseen >= rules.settings.vanish_after && !account.waits;
        if !is_due || account.vanish_judged {
            continue;
        }
        account.vanish_judged = true;
        if !account.handed_on {
            out.extend(account.vanish(rules));
        }
    }
    let keep_for = rules.settings.stitch_within;
    accounts.retain(|account| {
        !account.ended || !account.vanish_judged || rules.now - account.last.at <= keep_for
    });
}
