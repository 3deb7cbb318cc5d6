//! E-mail addresses inside of texts.

/// A text with every address replaced; `None` if it has none.
pub(super) fn replaced(text: &str, with: impl Fn(&str) -> String) -> Option<String> {
    let mut clean = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('@') {
        if at < done {
            continue;
        }
        let (before, after) = (&text[done..at], &text[at + 1..]);
        let local: usize = before
            .chars()
            .rev()
            .take_while(|c| c.is_alphanumeric() || "._%+'-".contains(*c))
            .map(char::len_utf8)
            .sum();
        let domain: usize = after
            .chars()
            .take_while(|c| c.is_alphanumeric() || ".-".contains(*c))
            .map(char::len_utf8)
            .sum();
        let domain = after[..domain].trim_end_matches(['.', '-']);
        // `reader@lobby` names a machine: an address has a dot behind the sign.
        let whole = domain.rsplit_once('.').is_some_and(|(host, top)| {
            !host.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)
        });
        if local == 0 || !whole {
            continue;
        }
        let end = at + 1 + domain.len();
        clean.push_str(&text[done..at - local]);
        clean.push_str(&with(&text[at - local..end]));
        done = end;
    }
    if done == 0 {
        return None;
    }
    clean.push_str(&text[done..]);
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let clean = replaced(text, |address| format!("<{}>", address.len()));
        assert_eq!(clean.as_deref(), expect, "{text}");
    }

    #[test]
    fn addresses_are_found_where_they_stand() {
        check("ann@example.org", Some("<15>"));
        check("Ann <a.b+c@x-y.co.uk>, again", Some("Ann <<15>>, again"));
        check("a@b.cd;e@f.gh.", Some("<6>;<6>."));
        check("jürgen@müller.de", Some("<18>"));
        for plain in [
            "",
            "@",
            "a@",
            "@b.cd",
            "reader@lobby",
            "a@b.c",
            "a@b.12",
            "1@2.x3",
        ] {
            check(plain, None);
        }
    }
}
