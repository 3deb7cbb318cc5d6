//! Trials: configurations judged over all cases, on as many threads as there are.
//!
//! A trial is a function of its changes and the cases; which thread judged what, and when, leaves no
//! trace in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::case::{Case, Changes};
use crate::score::Tally;

/// One configuration and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What differs from each case's own settings.
    pub changes: Changes,
    /// Counts of each case.
    pub cases: Vec<Tally>,
    /// Counts of all cases.
    pub total: Tally,
}

impl Trial {
    /// What it costs: one for each passage that came out wrong, and `missed_costs` in all for a
    /// breach that raised no alarm.
    pub fn cost(&self, missed_costs: f64) -> f64 {
        cost(&self.total, missed_costs)
    }
}

/// What some counts cost: see [`Trial::cost`].
pub fn cost(tally: &Tally, missed_costs: f64) -> f64 {
    tally.wrong() as f64 + (missed_costs - 1.0) * tally.missed_breaches() as f64
}

/// Tries each of `candidates` over all cases on `threads` threads. `Err` of one: its settings do not
/// fit together.
pub fn try_all(
    cases: &[Case],
    candidates: &[Changes],
    threads: usize,
) -> Vec<Result<Trial, String>> {
    let count = candidates.len() * cases.len();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            let (candidate, case) = (index / cases.len(), &cases[index % cases.len()]);
            let judged = case.judge(&candidates[candidate]);
            done.push((index, judged.map(|passages| case.tally(&passages))));
        }
    };
    let mut tallies: Vec<(usize, Result<Tally, String>)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for worker in workers {
            match worker.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    tallies.sort_by_key(|(index, _)| *index);
    let mut tallies = tallies.into_iter().map(|(_, tally)| tally);
    candidates
        .iter()
        .map(|changes| {
            // Every case is taken off the list, whether or not one before it failed.
            let own: Vec<Result<Tally, String>> = tallies.by_ref().take(cases.len()).collect();
            let cases: Vec<Tally> = own.into_iter().collect::<Result<_, _>>()?;
            Ok(Trial {
                changes: changes.clone(),
                total: cases
                    .iter()
                    .fold(Tally::default(), |sum, tally| sum.plus(*tally)),
                cases,
            })
        })
        .collect()
}
