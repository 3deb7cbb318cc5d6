//! Passages one by one: as labelled against as judged, counted, and compared between two runs.
//!
//! Theory: a passage has a moment and a *word*: its verdict where the truth labels verdicts, else its
//! direction. Labelled and found passages with the same word are matched first, in order of time;
//! what is left over on both sides at the same moment is one passage given the wrong word. Whatever
//! then has no partner was missed or invented. Labelled passages keep the order of the truth, so that
//! two runs of one clip compare passage by passage.

use serde::Serialize;

use super::crossings::align;
use super::{Found, MATCH_WINDOW_S, Truth};

/// One passage: labelled, found, or both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passage {
    /// When, s since the clip's start: as labelled, or as found where it is not labelled.
    pub time_s: f64,
    /// The labelled word; `None` if nobody passed.
    pub expected: Option<String>,
    /// The word that was found; `None` if it was missed.
    pub found: Option<String>,
    /// Who, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
}

impl Passage {
    /// Whether it was found and has its word.
    pub fn is_right(&self) -> bool {
        self.expected.is_some() && self.expected == self.found
    }
}

/// Every labelled passage in the order of `truth`, then what was invented in the order of time.
pub fn passages(truth: &[Truth], found: &[Found]) -> Vec<Passage> {
    let mut all: Vec<Passage> = truth
        .iter()
        .map(|label| Passage {
            time_s: label.time_s,
            expected: Some(label.direction.clone()),
            found: None,
            who: label.who.clone(),
        })
        .collect();
    let (mut labels, mut finds) = (by_time(truth, |l| l.time_s), by_time(found, |f| f.time_s));
    let mut words: Vec<&str> = truth.iter().map(|label| label.direction.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    for word in words {
        let same_labels: Vec<usize> = with(&labels, |l| truth[l].direction == word);
        let same_finds: Vec<usize> = with(&finds, |f| found[f].direction == word);
        pair(truth, found, &same_labels, &same_finds, |l, f| {
            all[l].found = Some(found[f].direction.clone());
            labels.retain(|left| *left != l);
            finds.retain(|left| *left != f);
        });
    }
    let (left_labels, left_finds) = (labels.clone(), finds.clone());
    pair(truth, found, &left_labels, &left_finds, |l, f| {
        all[l].found = Some(found[f].direction.clone());
        finds.retain(|left| *left != f);
    });
    all.extend(finds.iter().map(|f| Passage {
        time_s: found[*f].time_s,
        expected: None,
        found: Some(found[*f].direction.clone()),
        who: format!("track {}", found[*f].track),
    }));
    all
}

fn by_time<T>(items: &[T], time: impl Fn(&T) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| time(&items[*a]).total_cmp(&time(&items[*b])));
    order
}

fn with(items: &[usize], keep: impl Fn(usize) -> bool) -> Vec<usize> {
    items.iter().copied().filter(|item| keep(*item)).collect()
}

/// Tells `matched` each pair of the best one-to-one matching in time.
fn pair(
    truth: &[Truth],
    found: &[Found],
    labels: &[usize],
    finds: &[usize],
    mut matched: impl FnMut(usize, usize),
) {
    if labels.is_empty() || finds.is_empty() {
        return;
    }
    let label_list: Vec<&Truth> = labels.iter().map(|l| &truth[*l]).collect();
    let find_list: Vec<&Found> = finds.iter().map(|f| &found[*f]).collect();
    for (l, f) in align(&label_list, &find_list) {
        matched(labels[l], finds[f]);
    }
}

/// Counts over passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Passages that were labelled.
    pub labelled: usize,
    /// Passages that were found.
    pub found: usize,
    /// Found, with their word.
    pub right: usize,
    /// Found, with another word.
    pub confused: usize,
    /// Labelled, not found.
    pub missed: usize,
    /// Found, but nobody passed.
    pub invented: usize,
    /// Labelled passages of clips whose truth labels verdicts: what is counted below is of these.
    pub judged: usize,
    /// Breaches that were labelled.
    pub breaches: usize,
    /// Breaches that raised an alarm.
    pub alarms_right: usize,
    /// Alarms without a breach.
    pub false_alarms: usize,
}

impl Tally {
    /// Counts; `is_breach` says which words raise an alarm, `None` where words are directions only.
    pub fn of(passages: &[Passage], is_breach: Option<fn(&str) -> bool>) -> Self {
        let mut tally = Self::default();
        for passage in passages {
            let (expected, found) = (&passage.expected, &passage.found);
            tally.labelled += usize::from(expected.is_some());
            tally.found += usize::from(found.is_some());
            match (expected, found) {
                (Some(expected), Some(found)) if expected == found => tally.right += 1,
                (Some(_), Some(_)) => tally.confused += 1,
                (Some(_), None) => tally.missed += 1,
                (None, _) => tally.invented += 1,
            }
            let Some(is_breach) = is_breach else {
                continue;
            };
            let is = |word: &Option<String>| word.as_deref().is_some_and(is_breach);
            tally.judged += usize::from(expected.is_some());
            tally.breaches += usize::from(is(expected));
            tally.alarms_right += usize::from(is(expected) && is(found));
            tally.false_alarms += usize::from(!is(expected) && is(found));
        }
        tally
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            labelled: self.labelled + other.labelled,
            found: self.found + other.found,
            right: self.right + other.right,
            confused: self.confused + other.confused,
            missed: self.missed + other.missed,
            invented: self.invented + other.invented,
            judged: self.judged + other.judged,
            breaches: self.breaches + other.breaches,
            alarms_right: self.alarms_right + other.alarms_right,
            false_alarms: self.false_alarms + other.false_alarms,
        }
    }

    /// Passages that came out wrong in any way.
    pub fn wrong(&self) -> usize {
        self.confused + self.missed + self.invented
    }

    /// Breaches that raised no alarm.
    pub fn missed_breaches(&self) -> usize {
        self.breaches - self.alarms_right
    }
}

/// How a passage changed from one run to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Right before, wrong now.
    Broken,
    /// Wrong before, right now.
    Fixed,
    /// Wrong before and, in another way, now.
    StillWrong,
}

/// One passage that came out otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// For better or worse.
    pub turn: Turn,
    /// When, s since the clip's start.
    pub time_s: f64,
    /// What it should be; `None` if nobody passed.
    pub expected: Option<String>,
    /// What was found before.
    pub before: Option<String>,
    /// What is found now.
    pub after: Option<String>,
}

/// What differs between two runs of one clip, in order of time. Both lists come from [`passages`]
/// with the same truth.
pub fn changes(before: &[Passage], after: &[Passage]) -> Vec<Change> {
    let labelled = |list: &[Passage]| list.iter().take_while(|p| p.expected.is_some()).count();
    let count = labelled(before).min(labelled(after));
    let mut changes = Vec::new();
    for (was, is) in before[..count].iter().zip(&after[..count]) {
        let turn = match (was.is_right(), is.is_right()) {
            (true, false) => Turn::Broken,
            (false, true) => Turn::Fixed,
            _ if was.found == is.found => continue,
            _ => Turn::StillWrong,
        };
        changes.push(Change {
            turn,
            time_s: was.time_s,
            expected: was.expected.clone(),
            before: was.found.clone(),
            after: is.found.clone(),
        });
    }
    let mut new: Vec<&Passage> = after[count..].iter().collect();
    for was in &before[count..] {
        let same = |is: &&Passage| {
            is.found == was.found && (is.time_s - was.time_s).abs() <= MATCH_WINDOW_S
        };
        match new.iter().position(same) {
            Some(place) => {
                new.remove(place);
            }
            None => changes.push(invented(was, Turn::Fixed)),
        }
    }
    changes.extend(new.into_iter().map(|is| invented(is, Turn::Broken)));
    changes.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    changes
}

/// A passage that never was: gone, or new.
fn invented(passage: &Passage, turn: Turn) -> Change {
    let (before, after) = match turn {
        Turn::Fixed => (passage.found.clone(), None),
        _ => (None, passage.found.clone()),
    };
    Change {
        turn,
        time_s: passage.time_s,
        expected: None,
        before,
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(f64, String)> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                let (time, word) = item.split_once(' ').unwrap();
                (time.parse().unwrap(), word.to_owned())
            })
            .collect()
    }

    /// `truth` and `found` as `"1.0 exit, 2.0 tailgating"`.
    fn judged(truth: &str, found: &str) -> Vec<Passage> {
        let truth: Vec<Truth> = parse(truth)
            .into_iter()
            .map(|(time_s, direction)| Truth {
                time_s,
                tolerance_s: 0.2,
                direction,
                who: String::new(),
            })
            .collect();
        let found: Vec<Found> = parse(found)
            .into_iter()
            .map(|(time_s, direction)| Found {
                time_s,
                direction,
                track: 1,
            })
            .collect();
        passages(&truth, &found)
    }

    fn breach(word: &str) -> bool {
        word == "tailgating"
    }

    /// Expects `right/confused/missed/invented, alarms right/missed/false`.
    #[track_caller]
    fn check(truth: &str, found: &str, expect: &str) {
        let t = Tally::of(&judged(truth, found), Some(breach));
        let got = format!(
            "{}/{}/{}/{}, {}/{}/{}",
            t.right,
            t.confused,
            t.missed,
            t.invented,
            t.alarms_right,
            t.missed_breaches(),
            t.false_alarms
        );
        assert_eq!(got, expect);
    }

    #[test]
    fn passages_are_right_confused_missed_or_invented() {
        check("", "", "0/0/0/0, 0/0/0");
        check("1 exit", "1.1 exit", "1/0/0/0, 0/0/0");
        check("1 authorised", "1 tailgating", "0/1/0/0, 0/0/1");
        check("1 tailgating", "1 undetermined", "0/1/0/0, 0/1/0");
        check("1 tailgating", "", "0/0/1/0, 0/1/0");
        check("", "1 tailgating", "0/0/0/1, 0/0/1");
        check("1 exit", "9 exit", "0/0/1/1, 0/0/0");
        // Side by side, in the other order: each finds its own word.
        check(
            "1 authorised, 1.1 tailgating",
            "1 tailgating, 1.1 authorised",
            "2/0/0/0, 1/0/0",
        );
        // The third of three is the one that was given the wrong word.
        check(
            "1 authorised, 1.2 authorised, 1.4 tailgating",
            "1 authorised, 1.2 tailgating, 1.4 tailgating",
            "2/1/0/0, 1/0/1",
        );
    }

    /// Changes from `before` to `after` as `"fixed 1 tailgating: none > tailgating"`.
    #[track_caller]
    fn check_changes(truth: &str, before: &str, after: &str, expect: &[&str]) {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "none".to_owned());
        let got: Vec<String> = changes(&judged(truth, before), &judged(truth, after))
            .iter()
            .map(|c| {
                let turn = format!("{:?}", c.turn).to_lowercase();
                let (was, is) = (word(&c.before), word(&c.after));
                format!("{turn} {} {}: {was} > {is}", c.time_s, word(&c.expected))
            })
            .collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn what_differs_between_two_runs_is_told_passage_by_passage() {
        check_changes("1 exit", "1 exit", "1.1 exit", &[]);
        check_changes(
            "1 tailgating, 5 exit",
            "5 exit",
            "1 tailgating",
            &[
                "fixed 1 tailgating: none > tailgating",
                "broken 5 exit: exit > none",
            ],
        );
        check_changes(
            "1 tailgating",
            "",
            "1 undetermined",
            &["stillwrong 1 tailgating: none > undetermined"],
        );
        // Invented in both, a little apart: nothing changed. One gone, one new.
        check_changes(
            "",
            "1 exit, 4 exit",
            "1.2 exit, 8 exit",
            &["fixed 4 none: exit > none", "broken 8 none: none > exit"],
        );
    }
}
