//! Which of many trials are worth a look: those that no other beats in everything.

/// For each point whether no other point is at least as low everywhere and lower somewhere. Points
/// are lists of costs of one length; equal points are all on the front.
pub fn on_front(points: &[Vec<f64>]) -> Vec<bool> {
    let beats = |a: &[f64], b: &[f64]| {
        let pairs = || a.iter().zip(b);
        pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
    };
    points
        .iter()
        .map(|point| !points.iter().any(|other| beats(other, point)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(points: &[[f64; 2]], expect: &[bool]) {
        let points: Vec<Vec<f64>> = points.iter().map(|point| point.to_vec()).collect();
        assert_eq!(on_front(&points), expect);
    }

    #[test]
    fn only_what_nothing_beats_is_on_the_front() {
        check(&[], &[]);
        check(&[[3.0, 3.0]], &[true]);
        check(&[[0.0, 2.0], [2.0, 0.0], [2.0, 2.0]], &[true, true, false]);
        check(&[[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]], &[true, true, false]);
    }
}
