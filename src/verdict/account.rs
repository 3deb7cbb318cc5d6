//! The account of a judgement: the steps that explain it, gathered when it is stated.
//!
//! Reads the history and changes nothing. It looks a little further than the judge did, so that it
//! can also say what was nearly so: the credit that had just expired, the exit that was too far off.

use super::history::{CrossingEntry, CrossingKey, DoorEvent, GrantEntry, History, Spend};
use super::judge::{Fit, Standing, Unlocked, is_credited, same_track};
use super::{Apart, Fate, GrantStep, Other, Step, VerdictKind};
use crate::access::AccessKind;
use crate::crossing::Direction;
use crate::units::{CrossingId, Instant, Interval, Span, TrackId};

/// How far beyond the rules the account looks for near misses.
const LOOK_FURTHER: Span = Span::from_ms(30_000);

/// At most this many credits are listed, the ones nearest in time: an account is to be read.
const MOST_CREDITS: usize = 8;

/// At most this many of the door's own reports are listed, the latest ones.
const MOST_DOOR_EVENTS: usize = 6;

impl History {
    /// Why a crossing was judged as it was, and not otherwise.
    pub(super) fn account(&self, key: CrossingKey, entry: &CrossingEntry) -> Vec<Step> {
        let mut steps = Vec::new();
        match self.standing(key, entry) {
            Standing::Netted(partner) => {
                let other = self.other(key, partner);
                steps.push(Step::UTurn { other });
            }
            Standing::WrongWay(allowed) => steps.push(Step::AgainstOneWay { allowed }),
            Standing::Free => steps.push(self.unlocked_step(entry.span)),
            Standing::Walks { needs, maybe_free } => {
                if !needs {
                    steps.push(Step::NoneNeeded);
                }
                if maybe_free {
                    steps.push(self.unlocked_step(entry.span));
                }
                if needs || entry.credit.is_some() {
                    self.account_credits(key, entry, &mut steps);
                }
            }
        }
        if entry.finding.uncredited {
            self.account_neighbours(key, entry, &mut steps);
            self.account_door(entry, &mut steps);
        }
        self.account_doubts(entry, &mut steps);
        steps
    }

    fn unlocked_step(&self, span: Interval) -> Step {
        let mut events = self.unlocks_until(span.hi);
        let started = |event: &&DoorEvent| event.kind == AccessKind::UnlockStarted;
        let (since, ended) = match events.next() {
            Some(last) if started(&last) => (Some(last.when), None),
            Some(last) => {
                let since = events.next().filter(started);
                (since.map(|event| event.when), Some(last.when))
            }
            None => (None, None),
        };
        Step::Unlocked { since, ended }
    }

    fn account_credits(&self, key: CrossingKey, entry: &CrossingEntry, steps: &mut Vec<Step>) {
        let looked = Interval::new(
            entry.span.lo - self.longest_credit() - LOOK_FURTHER,
            entry.span.hi + self.policy.early + LOOK_FURTHER,
        );
        let mut credits: Vec<&GrantEntry> = self
            .grants_within(looked.lo, looked.hi)
            .map(|(_, grant)| grant)
            .collect();
        // Nearest in time first; then, of those that are listed, in order of time.
        credits.sort_by_key(|grant| grant.when.mid().since(key.0).abs());
        credits.truncate(MOST_CREDITS);
        credits.sort_by_key(|grant| (grant.when.mid(), grant.when.lo));
        if credits.is_empty() {
            let looked = self.grants_wanted(entry.span);
            steps.push(Step::NoGrant { looked });
        }
        // They were corrected alike, but for a clock that drifts.
        let mut corrected = credits.iter().map(|grant| grant.corrected);
        if let Some(by) = corrected.next_back().filter(|by| !by.is_zero()) {
            steps.push(Step::ClockCorrected { by });
        }
        for grant in credits {
            steps.push(Step::Credit {
                grant: grant.event.id.clone(),
                holder: grant.event.holder.clone(),
                granted: grant.event.occurred,
                good: self.good(grant),
                fate: self.fate(key, entry, grant),
            });
        }
    }

    fn fate(&self, key: CrossingKey, entry: &CrossingEntry, grant: &GrantEntry) -> Fate {
        if let Ok(place) = grant.claims.binary_search(&key) {
            return Fate::Spent {
                passage: u8::try_from(place + 1).unwrap_or(u8::MAX),
                allowed: grant.allowed,
            };
        }
        let good = self.good(grant);
        if self.fit(grant, entry.span) == Fit::No {
            return if good.hi < entry.span.lo {
                let by = entry.span.lo - good.hi;
                Fate::Expired { by }
            } else {
                let by = good.lo - entry.span.hi;
                Fate::TooLate { by }
            };
        }
        if !self.allows(grant, entry.crossing.direction) {
            return Fate::OtherWay;
        }
        let spent = grant.claims.partition_point(|claim| *claim < key);
        if spent >= usize::from(grant.allowed) {
            let on = grant.claims[..spent].iter();
            return Fate::SpentBefore {
                on: on.map(|claim| self.other(key, *claim)).collect(),
            };
        }
        Fate::NotNeeded
    }

    fn account_neighbours(&self, key: CrossingKey, entry: &CrossingEntry, steps: &mut Vec<Step>) {
        let finding = &entry.finding;
        let leader = finding
            .beside
            .filter(|_| finding.kind == VerdictKind::Tailgating);
        if let Some(leader) = leader {
            let spend = self.crossings.get(&leader);
            let spend = spend.and_then(|entry| entry.credit.as_ref());
            let grant = spend.and_then(|spend| self.grants.get(&spend.grant));
            if let Some(grant) = grant {
                steps.push(Step::Followed {
                    leader: self.other(key, leader),
                    grant: grant.event.id.clone(),
                    holder: grant.event.holder.clone(),
                    granted: grant.event.occurred,
                    behind: finding
                        .behind
                        .filter(|behind| *behind != leader)
                        .map(|behind| self.other(key, behind)),
                });
            }
            return;
        }
        steps.push(Step::NotFollowed {
            nearest: self.nearest(key, |there| {
                there.crossing.direction == entry.crossing.direction && is_credited(there)
            }),
            follow: self.policy.follow,
        });
        if entry.crossing.direction == Direction::Out {
            return;
        }
        match finding.beside {
            Some(exit) => steps.push(Step::OnExit {
                exit: self.other(key, exit),
            }),
            None => steps.push(Step::NotOnExit {
                nearest: self.nearest(key, |there| there.crossing.direction == Direction::Out),
                close: self.policy.exit_close,
            }),
        }
    }

    /// The nearest crossing of a kind, and why it did not count for this one.
    fn nearest(
        &self,
        key: CrossingKey,
        wanted: impl Fn(&CrossingEntry) -> bool,
    ) -> Option<(Other, Apart)> {
        let entry = self.crossings.get(&key)?;
        let (nearest, there) = self
            .crossings_within(key.0 - LOOK_FURTHER, key.0 + LOOK_FURTHER)
            .filter(|(other, there)| **other != key && wanted(there))
            .min_by_key(|(other, _)| (other.0.since(key.0).abs(), **other))?;
        let apart = if same_track(entry, there) {
            Apart::SameTrack
        } else if self.closed_between(key.min(*nearest), key.max(*nearest)) {
            Apart::Closed
        } else {
            Apart::Time
        };
        Some((self.other(key, *nearest), apart))
    }

    /// What the door itself reported about the time of a crossing that nobody had a grant for.
    fn account_door(&self, entry: &CrossingEntry, steps: &mut Vec<Step>) {
        let from = entry.span.lo - self.policy.window;
        let to = entry.span.hi + self.policy.early;
        let near = self.door_events_within(from, to).rev();
        let mut events: Vec<_> = near
            .filter(|event| event.kind != AccessKind::Other)
            .take(MOST_DOOR_EVENTS)
            .collect();
        let contact = |kind| matches!(kind, AccessKind::Opened | AccessKind::Closed);
        if !events.iter().any(|event| contact(event.kind)) {
            // A door that was left open long ago says so only once.
            let mut before = self.door_events_within(Instant::MIN, from).rev();
            let last = before.find(|event| contact(event.kind));
            events.extend(last.filter(|event| event.kind == AccessKind::Opened));
        }
        events.reverse();
        for event in events {
            let (kind, at) = (event.kind, event.when);
            steps.push(Step::Door { kind, at });
        }
    }

    fn account_doubts(&self, entry: &CrossingEntry, steps: &mut Vec<Step>) {
        for (during, doubt) in self.blind_at(entry.span) {
            steps.push(Step::Blind { during, doubt });
        }
        if let Some(grant) = self.blurred_for(entry) {
            steps.push(Step::ClockUncertain {
                grant: grant.event.id.clone(),
                width: grant.when.width(),
                limit: self.clock_limit(),
            });
        }
        if !entry.finding.uncredited {
            return;
        }
        if let Some(during) = self.gap_during(self.grants_wanted(entry.span)) {
            steps.push(Step::FeedGap { during });
        }
        if entry.lagging
            && let Some(complete_to) = self.feed.complete_to
        {
            steps.push(Step::FeedIncomplete { complete_to });
        }
    }

    fn blurred_for(&self, entry: &CrossingEntry) -> Option<&GrantEntry> {
        let spent_on: Option<&Spend> = entry.credit.as_ref();
        match spent_on {
            Some(spend) => {
                let grant = self.grants.get(&spend.grant)?;
                self.is_blurred(grant).then_some(grant)
            }
            None if entry.finding.uncredited => self.blurred_near(entry),
            None => None,
        }
    }

    /// Another crossing as seen from the one at `key`. One that was forgotten keeps its number.
    fn other(&self, key: CrossingKey, other: CrossingKey) -> Other {
        let track = self.crossings.get(&other);
        Other {
            crossing: other.1,
            track: track.map_or(TrackId(u32::MAX), |entry| entry.crossing.track),
            before: key.0 - other.0,
        }
    }

    /// Why a grant ended as it did.
    pub(super) fn account_grant(&self, grant: &GrantEntry) -> Vec<GrantStep> {
        let mut steps = Vec::new();
        for claim in &grant.claims {
            let entry = self.crossings.get(claim);
            steps.push(GrantStep::Spent {
                crossing: claim.1,
                track: entry.map_or(TrackId(u32::MAX), |entry| entry.crossing.track),
                after: claim.0 - grant.when.mid(),
            });
        }
        if grant.claims.is_empty() {
            let good = self.good(grant);
            if self.unlocked(grant.when) != Unlocked::No {
                steps.push(GrantStep::Unlocked);
            }
            for (during, doubt) in self.blind_during(good) {
                steps.push(GrantStep::Blind { during, doubt });
            }
        }
        if self.is_blurred(grant) {
            steps.push(GrantStep::ClockUncertain {
                width: grant.when.width(),
                limit: self.clock_limit(),
            });
        }
        steps
    }
}

/// The numbers of the crossings at some places.
pub(super) fn numbers(keys: &[CrossingKey]) -> Vec<CrossingId> {
    keys.iter().map(|key| key.1).collect()
}
