//! "Did you mean": the known word nearest to an unknown one.

/// The known word nearest to `word`, if it is near enough to be a slip of the pen: at most one edit
/// in three characters, or the one is a beginning of the other.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_nearest(word, known).first().copied()
}

/// "did you mean `this` or `that`?", if any known word is near enough.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let near = all_nearest(word, known);
    let quoted: Vec<String> = near.iter().map(|word| format!("`{word}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

/// All known words that are equally near, and near enough.
fn all_nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut least = usize::MAX;
    let mut best: Vec<&str> = Vec::new();
    for candidate in known {
        let lower = candidate.to_lowercase();
        let mut edits = distance(&word, &lower);
        let long_enough = word.chars().count() >= 3;
        if long_enough && (lower.starts_with(&word) || word.starts_with(&lower)) {
            edits = edits.min(1);
        }
        let allowed = (word.chars().count().max(lower.chars().count()) / 3).max(1);
        if edits > allowed || edits > least {
            continue;
        }
        if edits < least {
            best.clear();
        }
        least = edits;
        best.push(candidate);
    }
    best
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
    fn words_that_are_equally_near_are_all_named() {
        let known = ["points_m", "points_px", "name"];
        let help = did_you_mean("points", known).unwrap_or_default();
        assert_eq!(help, "did you mean `points_m` or `points_px`?");
        assert_eq!(did_you_mean("colour", known), None);
    }

    #[test]
    fn the_nearest_word_is_found_and_a_stranger_is_not() {
        check("windw_s", Some("window_s"));
        check("widnow_s", Some("window_s"));
        check("Window_S", Some("window_s"));
        check("window", Some("window_s"));
        check("point_px", Some("points_px"));
        check("nmae", Some("name"));
        check("ni", Some("in"));
        check("colour", None);
        check("", None);
    }
}
