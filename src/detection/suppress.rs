//! Keeping one box for one person: greedy suppression, the same on every machine.
//!
//! Detectors that look at every place of the picture see a person several times over. The boxes
//! are walked from the surest down; one that overlaps a box already kept is dropped. Ties go by
//! place, so that the order of the network's output never matters.

use super::heads::Candidate;

/// Boxes kept from one picture at most.
///
/// Far more than fit a doorway's view; it bounds what a broken network can cost downstream.
pub const MAX_BOXES: usize = 200;

/// Sorts `candidates` and keeps those that overlap no surer one by more than `max_overlap`
/// (intersection over union, 0 to 1), at most [`MAX_BOXES`].
///
/// Returns how many were left over when the cap was hit: 0 says that nothing was lost.
pub fn suppress(candidates: &mut Vec<Candidate>, max_overlap: f32) -> usize {
    candidates.sort_by(surest_first);
    let mut kept = 0;
    let mut lost = 0;
    for index in 0..candidates.len() {
        let candidate = candidates[index];
        let seen = candidates[..kept]
            .iter()
            .any(|other| candidate.iou(other) > max_overlap);
        if seen {
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
    lost
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
