//! The rules once more, naively: whole histories at once, every pair looked at, whole milliseconds.
//!
//! Written from the rules and not from the ledger, to be compared with it.

use crate::crossing::Direction;
use crate::verdict::{GrantOutcome, Policy, VerdictKind};

/// A time as a range, ms.
pub(super) type Range = (i64, i64);

#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub id: String,
    pub when: Range,
    pub direction: Option<Direction>,
    pub passages: u8,
}

#[derive(Debug, Clone)]
pub(super) struct Passage {
    pub number: u32,
    pub at: i64,
    pub when: Range,
    pub direction: Direction,
    pub track: u32,
}

/// What the door itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    Opened,
    Closed,
    Forced,
}

/// All that happened at a door.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub policy: Policy,
    pub grants: Vec<Grant>,
    pub passages: Vec<Passage>,
    pub contacts: Vec<(Contact, Range)>,
    /// Unlocked from and to, in order, not touching one another.
    pub unlocks: Vec<(Range, Range)>,
    pub gaps: Vec<Range>,
    pub blind: Vec<Range>,
}

/// The judgement on a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub number: u32,
    pub kind: VerdictKind,
    pub likely: Option<VerdictKind>,
    pub grant: Option<String>,
    pub beside: Option<u32>,
}

/// The outcome of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub id: String,
    pub outcome: GrantOutcome,
    pub spent_on: Vec<u32>,
}

/// How long after blindness a track may still be mixed up, ms.
const NEAR_BLIND: i64 = 500;

fn ms(span: crate::units::Span) -> i64 {
    span.as_us() / 1_000
}

fn overlap(one: Range, other: Range) -> bool {
    let lo = one.0.max(other.0);
    let hi = one.1.min(other.1);
    lo < hi || lo == hi && (one.0 == one.1 || other.0 == other.1)
}

impl World {
    /// Judges everything.
    pub fn judge(&self) -> (Vec<Judged>, Vec<Ended>) {
        let mut passages: Vec<&Passage> = self.passages.iter().collect();
        passages.sort_by_key(|passage| (passage.at, passage.number));
        let mut grants: Vec<&Grant> = self.grants.iter().collect();
        grants.sort_by_key(|grant| (grant.when.0 + grant.when.1, grant.when.0, &grant.id));
        let credits = self.spend(&passages, &grants);
        let mut judged: Vec<Judged> = Vec::new();
        let mut leaders: Vec<Option<usize>> = Vec::new();
        for (i, passage) in passages.iter().enumerate() {
            let leader = self.leader(&passages, &credits, &leaders, i);
            leaders.push(leader.filter(|_| self.lacks(&passages, &credits, i)));
            let (kind, beside) = self.kind(&passages, &credits, leaders[i], i);
            let wide = |grant: &Grant| self.is_wide(grant);
            let abstain = match credits[i] {
                Some(grant) => wide(grants[grant]),
                None if kind == VerdictKind::WrongWay => self.is_unseen(passage),
                None => self.lacks(&passages, &credits, i) && self.cannot_tell(passage),
            };
            judged.push(Judged {
                number: passage.number,
                kind: if abstain {
                    VerdictKind::Undetermined
                } else {
                    kind
                },
                likely: abstain.then_some(kind),
                grant: credits[i].map(|grant| grants[grant].id.clone()),
                beside: beside.map(|other| passages[other].number),
            });
        }
        let ended = grants.iter().enumerate().map(|(g, grant)| {
            let spent_on: Vec<u32> = (0..passages.len())
                .filter(|i| credits[*i] == Some(g))
                .map(|i| passages[i].number)
                .collect();
            let good = self.good(grant);
            let unseen = self.blind.iter().any(|blind| overlap(*blind, good));
            let outcome = match spent_on.is_empty() {
                _ if self.is_wide(grant) => GrantOutcome::Undetermined,
                false => GrantOutcome::Used,
                true if unseen => GrantOutcome::Undetermined,
                true => GrantOutcome::Unused,
            };
            Ended {
                id: grant.id.clone(),
                outcome,
                spent_on,
            }
        });
        let ended = ended.collect();
        (judged, ended)
    }

    /// For each passage the grant it spent.
    fn spend(&self, passages: &[&Passage], grants: &[&Grant]) -> Vec<Option<usize>> {
        let mut left: Vec<u8> = grants.iter().map(|grant| grant.passages).collect();
        let mut credits = Vec::new();
        for (i, passage) in passages.iter().enumerate() {
            let barred = self.other_half(passages, i).is_some()
                || self.is_wrong_way(passage)
                || self.needs_grant(passage) && self.unlocked(passage) == (true, false);
            let fits = |g: &usize| {
                let grant = grants[*g];
                let good = self.good(grant);
                let way = match passage.direction {
                    Direction::In => grant.direction != Some(Direction::Out),
                    Direction::Out if self.policy.exit_needs_grant => {
                        grant.direction != Some(Direction::In)
                    }
                    Direction::Out => grant.direction == Some(Direction::Out),
                };
                left[*g] > 0 && way && good.0 <= passage.when.1 && passage.when.0 <= good.1
            };
            let found = if barred {
                None
            } else {
                (0..grants.len()).find(fits)
            };
            if let Some(g) = found {
                left[g] -= 1;
            }
            credits.push(found);
        }
        credits
    }

    fn good(&self, grant: &Grant) -> Range {
        (
            grant.when.0 - ms(self.policy.early),
            grant.when.1 + ms(self.policy.window),
        )
    }

    fn is_wide(&self, grant: &Grant) -> bool {
        (grant.when.1 - grant.when.0) * 4 > ms(self.policy.window)
    }

    fn needs_grant(&self, passage: &Passage) -> bool {
        passage.direction == Direction::In || self.policy.exit_needs_grant
    }

    fn is_wrong_way(&self, passage: &Passage) -> bool {
        self.policy
            .one_way
            .is_some_and(|way| way != passage.direction)
    }

    /// Whether the door can have been unlocked during a passage, and whether locked.
    fn unlocked(&self, passage: &Passage) -> (bool, bool) {
        let mut can = (false, false);
        // Every half millisecond at which the state can differ.
        for twice in 2 * passage.when.0..=2 * passage.when.1 {
            for (from, to) in &self.unlocks {
                let started = 2 * from.0 <= twice;
                let surely_started = 2 * from.1 <= twice;
                let over = 2 * to.1 <= twice;
                let maybe_over = 2 * to.0 <= twice;
                can.0 |= started && !over;
                can.1 |= !surely_started && started || maybe_over && !over;
            }
            let inside = |(from, to): &&(Range, Range)| 2 * from.0 <= twice && twice < 2 * to.1;
            can.1 |= self.unlocks.iter().find(inside).is_none();
        }
        can
    }

    /// The other half of a netted U-turn.
    fn other_half(&self, passages: &[&Passage], i: usize) -> Option<usize> {
        if !self.policy.net_u_turns {
            return None;
        }
        let mine: Vec<usize> = (0..passages.len())
            .filter(|other| passages[*other].track == passages[i].track)
            .collect();
        for pair in mine.windows(2) {
            let (first, second) = (passages[pair[0]], passages[pair[1]]);
            let turned = first.direction == Direction::In
                && second.direction == Direction::Out
                && second.at - first.at <= ms(self.policy.u_turn);
            if turned && pair.contains(&i) {
                return Some(if pair[0] == i { pair[1] } else { pair[0] });
            }
        }
        None
    }

    /// Whether a passage needed a credit and had none.
    fn lacks(&self, passages: &[&Passage], credits: &[Option<usize>], i: usize) -> bool {
        let passage = passages[i];
        credits[i].is_none()
            && self.needs_grant(passage)
            && !self.is_wrong_way(passage)
            && !self.unlocked(passage).0
            && self.other_half(passages, i).is_none()
    }

    fn leader(
        &self,
        passages: &[&Passage],
        credits: &[Option<usize>],
        leaders: &[Option<usize>],
        i: usize,
    ) -> Option<usize> {
        let me = passages[i];
        let follow = ms(self.policy.follow);
        let near = |other: &usize| {
            passages[*other].direction == me.direction
                && passages[*other].track != me.track
                && (passages[*other].at - me.at).abs() <= follow
                && !self.shut_between(passages[*other], me)
        };
        for other in (0..i).rev().filter(near) {
            if credits[other].is_some() {
                return Some(other);
            }
            if let Some(leader) = leaders[other]
                && passages[leader].track != me.track
            {
                return Some(leader);
            }
        }
        (i + 1..passages.len())
            .filter(near)
            .find(|other| credits[*other].is_some() && passages[*other].when.0 <= me.when.1)
    }

    /// Whether the door was certainly shut between two passages.
    fn shut_between(&self, one: &Passage, other: &Passage) -> bool {
        let (first, second) = if (one.at, one.number) < (other.at, other.number) {
            (one.at, other.at)
        } else {
            (other.at, one.at)
        };
        let early = ms(self.policy.early);
        let between = |when: Range| first < when.0 && when.1 < second;
        let opens = |what: Contact| what != Contact::Closed;
        self.contacts.iter().any(|(what, when)| {
            between(*when)
                && if opens(*what) {
                    when.0 > first + early
                } else {
                    let mut again = self.contacts.iter();
                    again.any(|(what, again)| {
                        opens(*what) && again.0 >= when.0 && again.0 <= second + early
                    })
                }
        })
    }

    fn kind(
        &self,
        passages: &[&Passage],
        credits: &[Option<usize>],
        leader: Option<usize>,
        i: usize,
    ) -> (VerdictKind, Option<usize>) {
        let me = passages[i];
        if let Some(other) = self.other_half(passages, i) {
            return (VerdictKind::UTurn, Some(other));
        }
        if self.is_wrong_way(me) {
            return (VerdictKind::WrongWay, None);
        }
        if me.direction == Direction::Out && (credits[i].is_some() || !self.needs_grant(me)) {
            return (VerdictKind::Exit, None);
        }
        if credits[i].is_some() {
            return (VerdictKind::Authorised, None);
        }
        if self.unlocked(me).0 {
            return (VerdictKind::FreePassage, None);
        }
        if leader.is_some() {
            return (VerdictKind::Tailgating, leader);
        }
        if me.direction == Direction::Out {
            return (VerdictKind::UnauthorisedExit, None);
        }
        let exit = (0..passages.len())
            .filter(|other| {
                let other = passages[*other];
                other.direction == Direction::Out
                    && other.track != me.track
                    && (other.at - me.at).abs() <= ms(self.policy.exit_close)
                    && !self.shut_between(other, me)
            })
            .min_by_key(|other| {
                let other = passages[*other];
                ((other.at - me.at).abs(), other.at, other.number)
            });
        match exit {
            Some(exit) => (VerdictKind::EntryOnExit, Some(exit)),
            None => (VerdictKind::UnauthorisedEntry, None),
        }
    }

    /// Whether a passage without a credit must not be judged.
    fn cannot_tell(&self, passage: &Passage) -> bool {
        let (lo, hi) = passage.when;
        let wanted = (lo - ms(self.policy.window), hi + ms(self.policy.early));
        let wide = self.grants.iter().any(|grant| {
            let good = self.good(grant);
            let way = match passage.direction {
                Direction::In => grant.direction != Some(Direction::Out),
                Direction::Out => grant.direction != Some(Direction::In),
            };
            self.is_wide(grant) && way && good.0 <= hi && lo <= good.1
        });
        wide || self.gaps.iter().any(|gap| overlap(*gap, wanted)) || self.is_unseen(passage)
    }

    /// Whether the camera could not be believed about a passage.
    fn is_unseen(&self, passage: &Passage) -> bool {
        let (lo, hi) = passage.when;
        let mut blind = self.blind.iter();
        blind.any(|blind| overlap(*blind, (lo - NEAR_BLIND, hi)))
    }
}
