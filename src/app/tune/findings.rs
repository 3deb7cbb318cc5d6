//! What a search came to, as one plain structure: printed as a table, as JSON or as a page.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::axis::Axis;
use super::case::{Case, Changes};
use super::search::{Outcome, Search};
use super::trial::{Trial, cost};
use crate::score::{
    Between, Change, Passage, Tally, Turn, changes, on_front, poisson, sign_test, wilson,
};

/// Fewer passages than this decide nothing, whatever the figures: one more clip may turn them.
const FEW_PASSAGES: usize = 30;
/// A difference that luck alone would make this often proves nothing: the usual 1 in 20.
const LUCK: f64 = 0.05;
/// Rates are given for this many passages.
const PER: f64 = 1_000.0;

/// What a search came to. The same as `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// The cases.
    pub cases: Vec<CaseLine>,
    /// Footage of all cases, s.
    pub footage_s: f64,
    /// Configurations that were tried.
    pub configurations: usize,
    /// Configurations whose settings do not fit together.
    pub unfit: usize,
    /// Whether a limit ended the search before it was done.
    pub cut_short: bool,
    /// Wall time of the search, s.
    pub seconds: f64,
    /// Frames that were judged in it.
    pub frames_judged: u64,
    /// What a missed breach costs, where a false alarm costs 1.
    pub missed_costs: f64,
    /// The settings as they are.
    pub current: Scored,
    /// The best settings found.
    pub best: Scored,
    /// What is different in the best: one line a setting.
    pub settings: Vec<SettingLine>,
    /// Every passage that comes out otherwise.
    pub differences: Vec<Difference>,
    /// How many of them become right, and how many wrong.
    pub fixed: usize,
    /// Passages right before and wrong now.
    pub broken: usize,
    /// How often luck alone would split the fixed and broken ones as unevenly (exact sign test).
    pub by_luck: f64,
    /// Each clip judged by the settings that are best for all others; `None` with fewer than two.
    pub unseen: Option<Scored>,
    /// Trials that no other beats, best first.
    pub front: Vec<Scored>,
    /// Each axis around the best settings.
    pub axes: Vec<AxisLine>,
    /// Every trial, for the plot.
    pub trials: Vec<Dot>,
    /// What to think of before these settings are used.
    pub warnings: Vec<String>,
    /// Door files that hold the settings.
    pub door_files: Vec<PathBuf>,
}

/// One case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseLine {
    /// Name.
    pub name: String,
    /// How long, s.
    pub seconds: f64,
    /// Whether verdicts are labelled, or only crossings.
    pub by_verdict: bool,
    /// Counts with the settings as they are.
    pub current: Tally,
    /// Counts with the best ones.
    pub best: Tally,
    /// Labelled passages and what was invented, with the settings as they are.
    pub passages_current: Vec<Passage>,
    /// The same with the best ones.
    pub passages_best: Vec<Passage>,
}

/// Counts, with what they are worth.
#[derive(Debug, Clone, Serialize)]
pub struct Scored {
    /// What differs from the settings as they are.
    pub changes: Changes,
    /// Counts.
    pub counts: Tally,
    /// What it costs.
    pub cost: f64,
    /// Share of the passages found that are right.
    pub precision: Share,
    /// Share of the labelled passages that are right.
    pub recall: Share,
    /// Share of the labelled breaches that raised an alarm; `None` if none is labelled.
    pub breach_recall: Option<Share>,
    /// Alarms without a breach for 1,000 passages; `None` if no verdict is labelled.
    pub false_alarms_per_1000: Option<Rate>,
}

/// A share with its 95 % interval (Wilson).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Share {
    /// The share; 1 of nothing.
    pub value: f64,
    /// Its interval.
    pub between: Between,
}

/// A rate with its 95 % interval (Garwood).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rate {
    /// The rate.
    pub value: f64,
    /// Its interval.
    pub between: Between,
}

/// One setting that changes.
#[derive(Debug, Clone, Serialize)]
pub struct SettingLine {
    /// Dotted name.
    pub name: String,
    /// What it is now, in each different way.
    pub from: Vec<Value>,
    /// What it becomes.
    pub to: Value,
    /// Its default.
    pub default: Option<Value>,
    /// What the best settings would cost without this change.
    pub cost_without: Option<f64>,
}

/// One passage that comes out otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// Its clip.
    pub case: String,
    /// The passage.
    #[serde(flatten)]
    pub change: Change,
}

/// One axis around the best settings.
#[derive(Debug, Clone, Serialize)]
pub struct AxisLine {
    /// Dotted name.
    pub name: String,
    /// What it is now, in each different way.
    pub current: Vec<Value>,
    /// What it is in the best settings; `None` where the cases differ and it is not changed.
    pub best: Option<Value>,
    /// Values with what each costs, all else as in the best settings.
    pub points: Vec<AxisPoint>,
}

/// One value of an axis.
#[derive(Debug, Clone, Serialize)]
pub struct AxisPoint {
    /// The value.
    pub value: Value,
    /// What it costs.
    pub cost: f64,
}

/// One trial, for the plot.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Dot {
    /// Share of the labelled passages that are right.
    pub recall: f64,
    /// Share of the passages found that are right.
    pub precision: f64,
    /// Breaches that raised no alarm.
    pub missed_breaches: usize,
    /// Alarms without a breach.
    pub false_alarms: usize,
    /// Whether no other beats it.
    pub on_front: bool,
}

/// What there is beside the search itself.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Wall time of the search, s.
    pub seconds: f64,
    /// What a missed breach costs.
    pub missed_costs: f64,
}

impl Findings {
    /// From a search that is done.
    pub fn new(
        cases: &[Case],
        axes: &[Axis],
        search: &Search<'_>,
        outcome: &Outcome,
        facts: Facts,
    ) -> Result<Self, String> {
        let missed_costs = facts.missed_costs;
        let (current, best) = (&search.trials[0], &search.trials[outcome.best]);
        let lines = case_lines(cases, current, best)?;
        let differences: Vec<Difference> = lines
            .iter()
            .flat_map(|line| {
                let changed = changes(&line.passages_current, &line.passages_best);
                changed.into_iter().map(|change| Difference {
                    case: line.name.clone(),
                    change,
                })
            })
            .collect();
        let count = |turn: Turn| differences.iter().filter(|d| d.change.turn == turn).count();
        let (fixed, broken) = (count(Turn::Fixed), count(Turn::Broken));
        let front = front(&search.trials);
        let frames: u64 = cases.iter().map(|case| case.frames() as u64).sum();
        let mut findings = Self {
            footage_s: cases.iter().map(|case| case.seconds).sum(),
            configurations: search.trials.len(),
            unfit: search.unfit,
            cut_short: search.cut_short,
            seconds: facts.seconds,
            frames_judged: frames * search.trials.len() as u64,
            missed_costs,
            current: scored(current, missed_costs),
            best: scored(best, missed_costs),
            settings: setting_lines(axes, search, outcome, missed_costs),
            fixed,
            broken,
            by_luck: sign_test(fixed, broken),
            unseen: unseen(cases, search, missed_costs),
            front: front_lines(&search.trials, &front, missed_costs),
            axes: axis_lines(axes, search, outcome, missed_costs),
            trials: dots(&search.trials, &front),
            warnings: Vec::new(),
            door_files: door_files(cases),
            cases: lines,
            differences,
        };
        findings.warnings = warnings(&findings);
        Ok(findings)
    }
}

fn case_lines(cases: &[Case], current: &Trial, best: &Trial) -> Result<Vec<CaseLine>, String> {
    let line = |(index, case): (usize, &Case)| {
        Ok(CaseLine {
            name: case.name.clone(),
            seconds: case.seconds,
            by_verdict: case.by_verdict,
            current: current.cases[index],
            best: best.cases[index],
            passages_current: case.judge(&current.changes)?,
            passages_best: case.judge(&best.changes)?,
        })
    };
    cases.iter().enumerate().map(line).collect()
}

/// Counts with what they are worth.
pub fn scored(trial: &Trial, missed_costs: f64) -> Scored {
    let t = trial.total;
    let share = |hits: usize, of: usize| Share {
        value: if of == 0 {
            1.0
        } else {
            hits as f64 / of as f64
        },
        between: wilson(hits, of),
    };
    let per = PER / t.judged.max(1) as f64;
    Scored {
        changes: trial.changes.clone(),
        counts: t,
        cost: cost(&t, missed_costs),
        precision: share(t.right, t.found),
        recall: share(t.right, t.labelled),
        breach_recall: (t.breaches > 0).then(|| share(t.alarms_right, t.breaches)),
        false_alarms_per_1000: (t.judged > 0).then(|| Rate {
            value: t.false_alarms as f64 * per,
            between: poisson(t.false_alarms).times(per),
        }),
    }
}

/// Whether no other trial is as good in missed breaches, false alarms and passages lost and invented.
fn front(trials: &[Trial]) -> Vec<bool> {
    let costs = |trial: &Trial| {
        let t = trial.total;
        let lost = t.labelled - t.right;
        let wrongly_found = t.found - t.right;
        [t.missed_breaches(), t.false_alarms, lost, wrongly_found].map(|n| n as f64)
    };
    // Many trials come to the same counts: each kind of count is compared once.
    let mut different: Vec<Vec<f64>> = trials.iter().map(|t| costs(t).to_vec()).collect();
    let all = different.clone();
    let order = |a: &Vec<f64>, b: &Vec<f64>| {
        let pairs = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
        pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    };
    different.sort_by(order);
    different.dedup();
    let best = on_front(&different);
    let is_on = |point: &Vec<f64>| {
        let place = different.binary_search_by(|other| order(other, point));
        place.is_ok_and(|place| best[place])
    };
    all.iter().map(is_on).collect()
}

/// One line for each kind of counts on the front, that with the fewest changes.
fn front_lines(trials: &[Trial], front: &[bool], missed_costs: f64) -> Vec<Scored> {
    let mut lines: Vec<&Trial> = Vec::new();
    for (trial, _) in trials.iter().zip(front).filter(|(_, on)| **on) {
        match lines.iter_mut().find(|line| line.total == trial.total) {
            Some(line) if line.changes.len() > trial.changes.len() => *line = trial,
            Some(_) => {}
            None => lines.push(trial),
        }
    }
    lines.sort_by(|a, b| a.cost(missed_costs).total_cmp(&b.cost(missed_costs)));
    lines
        .into_iter()
        .map(|trial| scored(trial, missed_costs))
        .collect()
}

fn dots(trials: &[Trial], front: &[bool]) -> Vec<Dot> {
    let dot = |(trial, on_front): (&Trial, &bool)| {
        let line = scored(trial, 1.0);
        Dot {
            recall: line.recall.value,
            precision: line.precision.value,
            missed_breaches: trial.total.missed_breaches(),
            false_alarms: trial.total.false_alarms,
            on_front: *on_front,
        }
    };
    trials.iter().zip(front).map(dot).collect()
}

/// Each case judged by the trial that is best for all others: an honest figure for footage that was
/// not searched over. The trials themselves were proposed with all cases in view, so it is still a
/// little kind.
fn unseen(cases: &[Case], search: &Search<'_>, missed_costs: f64) -> Option<Scored> {
    if cases.len() < 2 {
        return None;
    }
    let mut total = Tally::default();
    for left_out in 0..cases.len() {
        let rest =
            |trial: &Trial| trial.cost(missed_costs) - cost(&trial.cases[left_out], missed_costs);
        let chosen = search.trials.iter().min_by(|a, b| {
            let by_cost = rest(a).total_cmp(&rest(b));
            by_cost.then(a.changes.len().cmp(&b.changes.len()))
        })?;
        total = total.plus(chosen.cases[left_out]);
    }
    let trial = Trial {
        changes: Changes::new(),
        cases: Vec::new(),
        total,
    };
    Some(scored(&trial, missed_costs))
}

fn setting_lines(
    axes: &[Axis],
    search: &Search<'_>,
    outcome: &Outcome,
    missed_costs: f64,
) -> Vec<SettingLine> {
    let best = &search.trials[outcome.best];
    let line = |(name, to): (&String, &Value)| {
        let axis = axes.iter().find(|axis| axis.setting.name == *name)?;
        let mut without = best.changes.clone();
        without.remove(name);
        let without = search.trials.iter().find(|trial| trial.changes == without);
        Some(SettingLine {
            name: name.clone(),
            from: axis.current.clone(),
            to: to.clone(),
            default: axis.setting.default.clone(),
            cost_without: without.map(|trial| trial.cost(missed_costs)),
        })
    };
    best.changes.iter().filter_map(line).collect()
}

fn axis_lines(
    axes: &[Axis],
    search: &Search<'_>,
    outcome: &Outcome,
    missed_costs: f64,
) -> Vec<AxisLine> {
    let best = &search.trials[outcome.best];
    let line = |(axis, points): (&Axis, &Vec<(Value, usize)>)| {
        let agreed = axis.current.first().filter(|_| axis.current.len() == 1);
        let changed = best.changes.get(&axis.setting.name);
        AxisLine {
            name: axis.setting.name.clone(),
            current: axis.current.clone(),
            best: changed.or(agreed).cloned(),
            points: points
                .iter()
                .map(|(value, trial)| AxisPoint {
                    value: value.clone(),
                    cost: search.trials[*trial].cost(missed_costs),
                })
                .collect(),
        }
    };
    axes.iter().zip(&outcome.around).map(line).collect()
}

fn door_files(cases: &[Case]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for file in cases.iter().flat_map(|case| &case.door_files) {
        if !files.contains(file) {
            files.push(file.clone());
        }
    }
    files
}

/// What to think of before these settings are used.
fn warnings(findings: &Findings) -> Vec<String> {
    let mut warnings = Vec::new();
    let (current, best) = (&findings.current, &findings.best);
    let (fixed, broken) = (findings.fixed, findings.broken);
    let passages = current.counts.labelled;
    if passages < FEW_PASSAGES {
        warnings.push(format!(
            "only {passages} passages are labelled: one more clip may turn every figure here"
        ));
    }
    if fixed + broken > 0 && findings.by_luck > LUCK {
        warnings.push(format!(
            "only {} of {passages} passages stand behind the difference ({fixed} fixed, {broken} \
             broken): luck alone would split them so, or more so, in {:.0} % of cases",
            fixed + broken,
            100.0 * findings.by_luck
        ));
    }
    if fixed > 0 && current.recall.between.overlaps(best.recall.between) {
        warnings.push(
            "the 95 % intervals of the current and the best recall overlap: the figures alone do \
             not tell them apart"
                .to_owned(),
        );
    }
    if let Some(unseen) = findings
        .unseen
        .as_ref()
        .filter(|_| !findings.settings.is_empty())
        && unseen.cost >= current.cost
    {
        warnings.push(
            "on clips that it had not seen the search does no better than the current settings: \
             these fit this footage, not the door"
                .to_owned(),
        );
    }
    if findings
        .settings
        .iter()
        .any(|line| line.name.starts_with("policy."))
    {
        warnings.push(
            "settings of the policy say what a breach is: agree on them with whoever answers for \
             the door, whatever scores best"
                .to_owned(),
        );
    }
    if current.counts.judged == 0 {
        warnings.push(
            "no truth labels verdicts: false alarms are unknown, only crossings were scored"
                .to_owned(),
        );
    }
    if findings.cut_short {
        warnings.push(
            "a limit ended the search: more configurations or more time may find more".to_owned(),
        );
    }
    warnings
}
