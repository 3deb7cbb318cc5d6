//! "Did you mean": the known word nearest to an unknown one.

/// The known word nearest to `word`, if it is near enough to be a slip of the pen: at most one edit
/// in three characters, or the one is a beginning of the other.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let lower = candidate.to_lowercase();
        let mut edits = distance(&word, &lower);
        let long_enough = word.chars().count() >= 3;
        if long_enough && (lower.starts_with(&word) || word.starts_with(&lower)) {
            edits = edits.min(1);
        }
        let allowed = (word.chars().count().max(lower.chars().count()) / 3).max(1);
        if edits <= allowed && best.is_none_or(|(least, _)| edits < least) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: optimal string alignment.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Words in files may be of any length; a long one is no slip of the pen.
    if a.len().max(b.len()) > 64 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expect: Option<&str>) {
        let known = [
            "window_s",
            "early_s",
            "points_px",
            "points_m",
            "in",
            "out",
            "name",
        ];
        assert_eq!(nearest(word, known), expect, "{word}");
    }

    #[test]
    fn the_nearest_word_is_found_and_a_stranger_is_not() {
        check("windw_s", Some("window_s"));
        check("widnow_s", Some("window_s"));
        check("Window_S", Some("window_s"));
        check("window", Some("window_s"));
        check("points", Some("points_px"));
        check("nmae", Some("name"));
        check("ni", Some("in"));
        check("colour", None);
        check("", None);
    }
}
