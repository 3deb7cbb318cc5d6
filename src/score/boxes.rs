//! How good boxes are: average precision, and the share of people found at a rate of false boxes.
//!
//! Theory: in each picture boxes are gone through from the surest down, and each takes the person
//! it overlaps most among those still free, if the overlap is enough. One that takes nobody is
//! false, unless it shows somebody marked to be ignored or lies mostly inside such a box: then it
//! counts neither way. Over all pictures, boxes in the order of their scores make a curve of
//! precision over recall; its mean at 101 recalls is the average precision (COCO's definition).
//!
//! It reads no file and knows nothing of what the pictures show.

use crate::detection::{BoxInImage, Detection};

/// False boxes a picture at which the share of people found is stated: one wrong box in ten
/// pictures is what a tracker can still throw away.
pub const FALSE_RATE: f64 = 0.1;
/// The overlap from which a box shows a person.
pub const OVERLAP: f64 = 0.5;
/// Overlaps over which average precision is averaged: 0.5 to 0.95 in steps of 0.05.
pub const LEVELS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
/// A box with this share of it inside an ignored one is excused.
const INSIDE_SHARE: f64 = 0.5;
/// Recalls at which precision is read.
const RECALL_STEPS: u32 = 100;

/// A labelled person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// What shows of them, px.
    pub bbox: BoxInImage,
    /// Neither somebody to be found nor background.
    pub is_ignored: bool,
}

/// What became of one detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It shows this person (index).
    Shows(usize),
    /// It shows nobody.
    False,
    /// It shows somebody who does not count.
    Excused,
}

/// All detections of some pictures, the surest first, and how many people there were.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// Score, and whether it shows somebody.
    judged: Vec<(f64, bool)>,
    people: usize,
    pictures: usize,
}

/// The share of people found, and from which score boxes must be taken to find no more false ones
/// than allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// Share of people found, 0 to 1.
    pub share: f64,
    /// The lowest score taken.
    pub least_score: f64,
}

/// What each of `found` shows, in the order given. `level`: the overlap that is enough, 0 to 1.
pub fn judge(found: &[Detection], people: &[Person], level: f64) -> Vec<Outcome> {
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|&a, &b| found[b].score.total_cmp(&found[a].score));
    let mut is_free: Vec<bool> = people.iter().map(|person| !person.is_ignored).collect();
    let mut outcomes = vec![Outcome::False; found.len()];
    for index in order {
        let bbox = &found[index].bbox;
        let mut best: Option<(usize, f64)> = None;
        for (whom, person) in people.iter().enumerate().filter(|(whom, _)| is_free[*whom]) {
            let overlap = bbox.iou(&person.bbox);
            if overlap >= level && best.is_none_or(|(_, most)| overlap > most) {
                best = Some((whom, overlap));
            }
        }
        outcomes[index] = match best {
            Some((whom, _)) => {
                is_free[whom] = false;
                Outcome::Shows(whom)
            }
            None if is_excused(bbox, people, level) => Outcome::Excused,
            None => Outcome::False,
        };
    }
    outcomes
}

fn is_excused(bbox: &BoxInImage, people: &[Person], level: f64) -> bool {
    let ignored = people.iter().filter(|person| person.is_ignored);
    ignored.map(|person| &person.bbox).any(|other| {
        bbox.iou(other) >= level || bbox.intersection(other) >= INSIDE_SHARE * bbox.area()
    })
}

impl Curve {
    /// The curve of pictures, each with what was found and who is there, at one overlap.
    pub fn of<'a>(
        pictures: impl IntoIterator<Item = (&'a [Detection], &'a [Person])>,
        level: f64,
    ) -> Self {
        let mut curve = Self::default();
        for (found, people) in pictures {
            curve.pictures += 1;
            curve.people += people.iter().filter(|person| !person.is_ignored).count();
            let outcomes = judge(found, people, level);
            let counted = found.iter().zip(outcomes);
            curve
                .judged
                .extend(counted.filter_map(|(detection, outcome)| match outcome {
                    Outcome::Shows(_) => Some((detection.score, true)),
                    Outcome::False => Some((detection.score, false)),
                    Outcome::Excused => None,
                }));
        }
        curve.judged.sort_by(|a, b| b.0.total_cmp(&a.0));
        curve
    }

    /// How many people there were to be found.
    pub fn people(&self) -> usize {
        self.people
    }

    /// Mean precision at 101 recalls, 0 to 1; `None` where nobody was to be found.
    pub fn average_precision(&self) -> Option<f64> {
        if self.people == 0 {
            return None;
        }
        // (found so far, precision), then each precision the best of those after it.
        let mut points = Vec::with_capacity(self.judged.len());
        let mut right = 0_usize;
        for (index, (_, is_right)) in self.judged.iter().enumerate() {
            right += usize::from(*is_right);
            points.push((right, right as f64 / (index + 1) as f64));
        }
        let mut best = 0.0_f64;
        for point in points.iter_mut().rev() {
            best = best.max(point.1);
            point.1 = best;
        }
        let total: f64 = (0..=RECALL_STEPS)
            .map(|step| {
                // In whole numbers: 0.07 of 100 people are 7, and a little more in floats.
                let (step, steps) = (step as usize, RECALL_STEPS as usize);
                let at = points.partition_point(|(found, _)| found * steps < step * self.people);
                points.get(at).map_or(0.0, |(_, precision)| *precision)
            })
            .sum();
        Some(total / f64::from(RECALL_STEPS + 1))
    }

    /// How many are found with at most `rate` false boxes a picture; `None` where nobody was to be
    /// found.
    pub fn recall_at(&self, rate: f64) -> Option<Recall> {
        let allowed = rate * self.pictures as f64;
        let (mut right, mut wrong, mut least_score) = (0_usize, 0_usize, 1.0);
        for (score, is_right) in &self.judged {
            wrong += usize::from(!is_right);
            if wrong as f64 > allowed {
                break;
            }
            right += usize::from(*is_right);
            least_score = *score;
        }
        (self.people > 0).then(|| Recall {
            share: right as f64 / self.people as f64,
            least_score,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box 10 px wide and 20 px high.
    fn at(x: f64) -> BoxInImage {
        BoxInImage::new(x, 0.0, x + 10.0, 20.0)
    }

    fn people(counted: &[f64], ignored: &[f64]) -> Vec<Person> {
        let person = |is_ignored| {
            move |x: &f64| Person {
                bbox: at(*x),
                is_ignored,
            }
        };
        let counted = counted.iter().map(person(false));
        counted.chain(ignored.iter().map(person(true))).collect()
    }

    fn found(boxes: &[(f64, f64)]) -> Vec<Detection> {
        boxes
            .iter()
            .map(|&(x, score)| Detection::new(at(x), score))
            .collect()
    }

    #[track_caller]
    fn check(boxes: &[(f64, f64)], counted: &[f64], ignored: &[f64], expect: &str) {
        let letter = |outcome: &Outcome| match outcome {
            Outcome::Shows(whom) => char::from(b'0' + *whom as u8),
            Outcome::False => 'x',
            Outcome::Excused => '-',
        };
        let outcomes = judge(&found(boxes), &people(counted, ignored), OVERLAP);
        assert_eq!(outcomes.iter().map(letter).collect::<String>(), expect);
    }

    #[test]
    fn each_person_is_shown_once_and_by_the_surest() {
        check(&[], &[0.0], &[], "");
        check(&[(0.0, 0.9)], &[], &[], "x");
        check(&[(1.0, 0.4), (0.0, 0.9)], &[0.0], &[], "x0");
        // Overlap 6/14 is too little, 7/13 enough.
        check(&[(4.0, 0.9)], &[0.0], &[], "x");
        check(&[(3.0, 0.9)], &[0.0], &[], "0");
        // The nearer of two people.
        check(&[(2.0, 0.9), (2.0, 0.8)], &[0.0, 3.0], &[], "10");
    }

    #[test]
    fn who_is_ignored_counts_neither_way() {
        check(&[(50.0, 0.9)], &[], &[50.0], "-");
        check(&[(55.0, 0.9)], &[], &[50.0], "-");
        check(&[(56.0, 0.9)], &[], &[50.0], "x");
        check(&[(1.0, 0.9)], &[0.0], &[1.0], "0");
    }

    #[test]
    fn precision_is_read_at_every_recall() {
        let whole = people(&[0.0, 30.0], &[]);
        let of = |boxes: &[(f64, f64)]| {
            let boxes = found(boxes);
            let curve = Curve::of([(boxes.as_slice(), whole.as_slice())], OVERLAP);
            (curve.average_precision().unwrap() * 101.0).round() as u32
        };
        assert_eq!(of(&[(0.0, 0.9), (30.0, 0.8)]), 101);
        assert_eq!(of(&[(0.0, 0.9)]), 51);
        assert_eq!(of(&[]), 0);
        // 51 recalls at 1, 50 at 2/3.
        assert_eq!(of(&[(0.0, 0.9), (60.0, 0.85), (30.0, 0.8)]), 84);
        assert_eq!(Curve::default().average_precision(), None);
        let crowd: Vec<f64> = (0..100).map(|i| 30.0 * f64::from(i)).collect();
        let seven: Vec<(f64, f64)> = crowd[..7].iter().map(|&x| (x, 0.9)).collect();
        let (seven, crowd) = (found(&seven), people(&crowd, &[]));
        let curve = Curve::of([(seven.as_slice(), crowd.as_slice())], OVERLAP);
        let recalls = curve.average_precision().unwrap() * 101.0;
        assert_eq!(recalls.round() as u32, 8, "at 0, 0.01, ... 0.07");
    }

    #[test]
    fn recall_is_told_at_the_rate_of_false_boxes() {
        let who = people(&[0.0, 30.0], &[]);
        let first = found(&[(0.0, 0.9), (60.0, 0.7), (30.0, 0.6), (90.0, 0.5)]);
        let empty: Vec<(&[Detection], &[Person])> = vec![(&[], &[]); 9];
        let pictures = [(first.as_slice(), who.as_slice())]
            .into_iter()
            .chain(empty);
        let curve = Curve::of(pictures, OVERLAP);
        // One false box is allowed in ten pictures, a second is not.
        let expect = Recall {
            share: 1.0,
            least_score: 0.6,
        };
        assert_eq!(curve.recall_at(FALSE_RATE), Some(expect));
        let expect = Recall {
            share: 0.5,
            least_score: 0.9,
        };
        assert_eq!(curve.recall_at(0.0), Some(expect));
    }
}
