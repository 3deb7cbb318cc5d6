//! Grants dated anew, when more became known of the clock that stamped them.
//!
//! An offset that was learned, or a clock that was found to have been set, holds from some moment
//! before it was noticed. The grants since then are put where they belong; what was said of them and
//! of passages is then judged anew, like after any other truth that came late. Unlocks and contacts
//! stay where they are: those of the time between a clock that was set and its being noticed are as far
//! off as it was set.

use super::history::{GrantKey, History};
use crate::units::{Instant, Interval};

/// What was dated anew.
pub(super) struct Retimed {
    /// The time on which it bears.
    pub affected: Interval,
    /// Old and new places.
    pub moved: Vec<(GrantKey, GrantKey)>,
}

impl History {
    /// Dates the grants stamped at `since` or later anew; `None` if none of them moves.
    pub fn retime(&mut self, since: Instant) -> Option<Retimed> {
        let stamped = |key: &&GrantKey| {
            let grant = self.grants.get(*key);
            grant.is_some_and(|grant| grant.event.occurred.mid() >= since)
        };
        let keys: Vec<GrantKey> = self.grants.keys().filter(stamped).cloned().collect();
        let mut affected: Option<Interval> = None;
        let mut moved = Vec::new();
        for old in keys {
            let Some(mut grant) = self.grants.remove(&old) else {
                continue;
            };
            let correction = self.clock.correction(grant.event.occurred);
            let when = self.believable(&grant.event, correction.by);
            let both = Interval::new(grant.when.lo.min(when.lo), grant.when.hi.max(when.hi));
            affected = Some(affected.map_or(both, |known| {
                Interval::new(known.lo.min(both.lo), known.hi.max(both.hi))
            }));
            for claim in std::mem::take(&mut grant.claims) {
                if let Some(entry) = self.crossings.get_mut(&claim) {
                    entry.credit = None;
                }
            }
            self.widest_grant = self.widest_grant.max(when.width());
            grant.when = when;
            grant.corrected = correction.by;
            grant.clock_doubts = correction.doubts;
            let new = GrantKey {
                mid: when.mid(),
                lo: when.lo,
                id: old.id.clone(),
            };
            self.grants.insert(new.clone(), grant);
            moved.push((old, new));
        }
        affected.map(|affected| Retimed { affected, moved })
    }
}
