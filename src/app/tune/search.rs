//! The search for better settings: every combination where that is few enough, else along one axis
//! at a time, coarse to fine.
//!
//! Theory. A trial costs one for each passage that came out wrong, and more for a breach that raised
//! no alarm. The descent starts from the best of: the settings as they are, all defaults, and the
//! defaults of one table at a time, so that a configuration that is wrong in several places at once
//! does not trap it. Then every axis is walked in the order of what it promised; steps are halved
//! when no axis helps any more. At the end whatever does not matter goes back to what it was, so that
//! the fewest settings change, and a value that must change prefers its default and else the middle
//! of those that do equally well: the edge of a plateau is luck.
//!
//! No chance and no clock is involved, but for a time limit if one is given: the same cases and axes
//! give the same trials in the same order.

use std::collections::BTreeMap;
use std::time::Instant as Clock;

use serde_json::Value;

use super::axis::{Axis, sort};
use super::case::{Case, Changes};
use super::trial::{Trial, try_all};

/// Rounds of halved steps: after three the steps are an eighth of the coarse ones, finer than
/// labelled footage can tell apart.
const ROUNDS: usize = 4;

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most configurations that are tried.
    pub configurations: usize,
    /// When it must stop, if there is a limit of time.
    pub until: Option<Clock>,
    /// Threads.
    pub threads: usize,
    /// What a missed breach costs, where a false alarm costs 1.
    pub missed_costs: f64,
}

/// A search under way, and then what it found.
pub struct Search<'a> {
    cases: &'a [Case],
    axes: &'a [Axis],
    limits: Limits,
    /// Every trial in the order in which they were made; the first is of the settings as they are.
    pub trials: Vec<Trial>,
    /// By changes as text; `None` for settings that do not fit together.
    known: BTreeMap<String, Option<usize>>,
    /// Configurations whose settings do not fit together.
    pub unfit: usize,
    /// Whether a limit ended it.
    pub cut_short: bool,
    /// Trials that may be made by now: some are kept back for the plots.
    may: usize,
    /// Called with the number of trials so far.
    progress: &'a mut dyn FnMut(usize),
}

/// What a search came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Index of the best trial.
    pub best: usize,
    /// For each axis its values around the best trial, with the trial of each.
    pub around: Vec<Vec<(Value, usize)>>,
}

impl<'a> Search<'a> {
    /// A search over `axes` that has tried nothing but the settings as they are.
    pub fn new(
        cases: &'a [Case],
        axes: &'a [Axis],
        limits: Limits,
        progress: &'a mut dyn FnMut(usize),
    ) -> Result<Self, String> {
        let mut search = Self {
            cases,
            axes,
            limits,
            trials: Vec::new(),
            known: BTreeMap::new(),
            unfit: 0,
            cut_short: false,
            may: limits.configurations,
            progress,
        };
        let mut first = try_all(cases, &[Changes::new()], limits.threads);
        match first.pop() {
            Some(Ok(trial)) => search.trials.push(trial),
            Some(Err(why)) => return Err(why),
            None => return Err("there is nothing to try".to_owned()),
        }
        search.known.insert(key(&Changes::new()), Some(0));
        Ok(search)
    }

    /// Searches.
    pub fn run(&mut self) -> Outcome {
        let all = self
            .axes
            .iter()
            .try_fold(1_usize, |count, axis| count.checked_mul(axis.values.len()));
        let best = match all {
            Some(count) if count <= self.limits.configurations && self.are_given() => {
                self.all_of_them()
            }
            _ => {
                let reserve = self.reserve().min(self.limits.configurations / 2);
                self.may = self.limits.configurations - reserve;
                self.descent()
            }
        };
        self.may = self.limits.configurations;
        let best = self.simplest(best);
        let around = self.around(best);
        let best = self.centred(best, &around);
        Outcome { best, around }
    }

    /// Tries every combination.
    fn all_of_them(&mut self) -> usize {
        let mut candidates = vec![Changes::new()];
        for axis in self.axes {
            let longer = candidates.iter().flat_map(|changes| {
                let with = |value: &Value| self.with(changes, axis, value);
                axis.values.iter().map(with).collect::<Vec<_>>()
            });
            candidates = longer.collect();
        }
        self.best_of(&candidates, 0)
    }

    /// Walks along one axis at a time.
    fn descent(&mut self) -> usize {
        let starts = self.starts();
        let mut best = self.best_of(&starts, 0);
        let mut order: Vec<usize> = (0..self.axes.len()).collect();
        let mut tried: Vec<Vec<Value>> = self.axes.iter().map(|axis| axis.values.clone()).collect();
        // What each axis promises on its own from here.
        let promise: Vec<f64> = order
            .iter()
            .map(|index| {
                let candidates = self.along(best, *index, &tried[*index]);
                let trials = self.try_these(&candidates);
                let costs = trials.into_iter().flatten().map(|t| self.cost(t));
                costs.fold(f64::INFINITY, f64::min)
            })
            .collect();
        order.sort_by(|a, b| promise[*a].total_cmp(&promise[*b]).then(a.cmp(b)));
        for round in 0..ROUNDS {
            let mut steps = 0;
            loop {
                let before = best;
                for index in &order {
                    if self.is_perfect(best) || self.is_over() {
                        return best;
                    }
                    let candidates = self.along(best, *index, &tried[*index]);
                    best = self.best_of(&candidates, best);
                }
                steps += 1;
                if !self.is_better(best, before) || steps > self.axes.len() {
                    break;
                }
            }
            if round + 1 == ROUNDS {
                break;
            }
            for index in &order {
                let here = self.value(best, *index);
                for value in here.iter() {
                    let new = self.axes[*index].around(value, &tried[*index]);
                    tried[*index].extend(new);
                }
                sort(&mut tried[*index]);
            }
        }
        best
    }

    /// Where to start from: all defaults, and the defaults of one table at a time.
    fn starts(&self) -> Vec<Changes> {
        let table = |axis: &Axis| axis.setting.name.split('.').next().unwrap_or("").to_owned();
        let mut tables: Vec<String> = self.axes.iter().map(table).collect();
        tables.dedup();
        let defaults = |wanted: Option<&String>| {
            let mut changes = Changes::new();
            for axis in self.axes {
                let is_wanted = wanted.is_none_or(|wanted| table(axis) == *wanted);
                if let Some(default) = axis.setting.default.as_ref().filter(|_| is_wanted)
                    && axis.values.contains(default)
                {
                    changes = self.with(&changes, axis, default);
                }
            }
            changes
        };
        let mut starts = vec![defaults(None)];
        starts.extend(tables.iter().map(|table| defaults(Some(table))));
        starts
    }

    /// Gives back to what it was whatever does not make it better.
    fn simplest(&mut self, mut best: usize) -> usize {
        for index in 0..self.axes.len() {
            let mut changes = self.trials[best].changes.clone();
            if changes.remove(&self.axes[index].setting.name).is_some() {
                best = self.best_of(&[changes], best);
            }
        }
        best
    }

    /// Each axis around the best trial, for the plots and for the middle of plateaus.
    fn around(&mut self, best: usize) -> Vec<Vec<(Value, usize)>> {
        let was_cut_short = self.cut_short;
        let mut all = Vec::new();
        for index in 0..self.axes.len() {
            let mut values = self.axes[index].values.clone();
            values.extend(self.value(best, index));
            sort(&mut values);
            let candidates = self.along(best, index, &values);
            let trials = self.try_these(&candidates);
            let pairs = values.into_iter().zip(trials);
            all.push(
                pairs
                    .filter_map(|(value, trial)| Some((value, trial?)))
                    .collect(),
            );
        }
        // A plot with fewer points is no search cut short.
        self.cut_short = was_cut_short;
        all
    }

    /// Whether somebody said what to try: then every combination of it is tried if that can be.
    fn are_given(&self) -> bool {
        self.axes.iter().all(|axis| axis.is_given)
    }

    /// Trials kept back for the plots.
    fn reserve(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len() + 1).sum()
    }

    /// Moves each changed value off the edge of its plateau.
    fn centred(&mut self, mut best: usize, around: &[Vec<(Value, usize)>]) -> usize {
        for (axis, points) in self.axes.iter().zip(around) {
            let Some(value) = self.trials[best].changes.get(&axis.setting.name).cloned() else {
                continue;
            };
            let Some(here) = points.iter().position(|(v, _)| *v == value) else {
                continue;
            };
            let flat = |point: &(Value, usize)| !self.is_worse(point.1, best);
            let from = points[..here]
                .iter()
                .rposition(|p| !flat(p))
                .map_or(0, |at| at + 1);
            let to = points[here..]
                .iter()
                .position(|p| !flat(p))
                .map_or(points.len(), |n| here + n);
            let plateau = &points[from..to];
            let default = axis.setting.default.as_ref();
            let at_default = plateau.iter().find(|(v, _)| Some(v) == default);
            let middle = at_default.or_else(|| plateau.get((to - from) / 2));
            let Some((middle, _)) = middle.filter(|(v, _)| *v != value) else {
                continue;
            };
            let changes = self.with(&self.trials[best].changes.clone(), axis, middle);
            let moved = self.try_these(&[changes]).pop().flatten();
            best = moved
                .filter(|moved| !self.is_worse(*moved, best))
                .unwrap_or(best);
        }
        best
    }

    /// The trial's changes with each of `values` on one axis.
    fn along(&self, trial: usize, axis: usize, values: &[Value]) -> Vec<Changes> {
        let changes = &self.trials[trial].changes;
        let axis = &self.axes[axis];
        values
            .iter()
            .map(|value| self.with(changes, axis, value))
            .collect()
    }

    /// Changes with one more; a value that every case has already is no change.
    fn with(&self, changes: &Changes, axis: &Axis, value: &Value) -> Changes {
        let mut changes = changes.clone();
        if axis.current.len() == 1 && axis.current[0] == *value {
            changes.remove(&axis.setting.name);
        } else {
            changes.insert(axis.setting.name.clone(), value.clone());
        }
        changes
    }

    /// The value of an axis in a trial, if the cases agree on one.
    fn value(&self, trial: usize, axis: usize) -> Option<Value> {
        let axis = &self.axes[axis];
        let changed = self.trials[trial].changes.get(&axis.setting.name);
        changed.or(axis.current.first()).cloned()
    }

    /// The best of `candidates` and of what is best so far; among equals the fewest changes.
    fn best_of(&mut self, candidates: &[Changes], so_far: usize) -> usize {
        let tried = self.try_these(candidates).into_iter().flatten();
        let mut all: Vec<usize> = tried.chain([so_far]).collect();
        all.sort_by(|a, b| {
            let by_cost = self.cost(*a).total_cmp(&self.cost(*b));
            let changes = |trial: &usize| self.trials[*trial].changes.len();
            by_cost
                .then(changes(a).cmp(&changes(b)))
                .then((*a != so_far).cmp(&(*b != so_far)))
        });
        let best = all.first().copied().unwrap_or(so_far);
        // Equally good neighbours with as many changes: the one in the middle.
        let rivals: Vec<usize> = candidates
            .iter()
            .filter_map(|changes| self.known.get(&key(changes)).copied().flatten())
            .filter(|trial| {
                let same_size =
                    self.trials[*trial].changes.len() == self.trials[best].changes.len();
                same_size && self.cost(*trial).total_cmp(&self.cost(best)).is_eq()
            })
            .collect();
        if best == so_far || rivals.is_empty() {
            best
        } else {
            rivals[rivals.len() / 2]
        }
    }

    /// The trial of each candidate; `None` where its settings do not fit, or a limit is reached.
    fn try_these(&mut self, candidates: &[Changes]) -> Vec<Option<usize>> {
        let mut new: Vec<Changes> = Vec::new();
        for changes in candidates {
            if !self.known.contains_key(&key(changes)) && !new.contains(changes) {
                new.push(changes.clone());
            }
        }
        let is_late = self.limits.until.is_some_and(|until| Clock::now() >= until);
        let left = self.may.saturating_sub(self.trials.len());
        let may = if is_late { 0 } else { left };
        self.cut_short |= new.len() > may;
        new.truncate(may);
        for (changes, tried) in new
            .iter()
            .zip(try_all(self.cases, &new, self.limits.threads))
        {
            let index = tried.ok().map(|trial| {
                self.trials.push(trial);
                self.trials.len() - 1
            });
            self.unfit += usize::from(index.is_none());
            self.known.insert(key(changes), index);
        }
        (self.progress)(self.trials.len());
        let known = |changes: &Changes| self.known.get(&key(changes)).copied().flatten();
        candidates.iter().map(known).collect()
    }

    fn is_over(&self) -> bool {
        self.cut_short
    }

    fn is_perfect(&self, trial: usize) -> bool {
        self.trials[trial].total.wrong() == 0
    }

    fn cost(&self, trial: usize) -> f64 {
        self.trials[trial].cost(self.limits.missed_costs)
    }

    fn is_better(&self, trial: usize, than: usize) -> bool {
        self.cost(trial) < self.cost(than)
    }

    fn is_worse(&self, trial: usize, than: usize) -> bool {
        self.cost(trial) > self.cost(than)
    }
}

/// Changes as text: two are the same if these are.
fn key(changes: &Changes) -> String {
    let pairs = changes
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}
