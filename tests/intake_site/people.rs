//! Names: by default nowhere; where the site wants them, looked up, shown and forgotten in earnest.

use super::site::{GENETEC, KISI, NAMES, OPENPATH, SECRETS, Site, nowhere};

const DOORS: &str = "[[door]]\nname = \"front\"\n";
const RECONCILE: [&str; 4] = ["intake", "reconcile", "intake.toml", "site"];
const PEOPLE: [&str; 5] = ["intake", "people", "list", "--json", "intake.toml"];

fn with(source: &str, people: &str) -> String {
    source.replace("$PEOPLE", people)
}

/// Starts the intake, has it connected, and somebody badges: once as usual, once unsent, so that only
/// the vendor's log tells it.
fn badged(vendor: &str, source: &str) -> Site {
    let mut site = Site::new(vendor, source, DOORS);
    site.run();
    site.output(&["intake", "connect", "intake.toml", "site"]);
    // The stream is open, or the log was read, when the vendor's doors are in the list.
    site.until(&["intake", "tail", "intake.toml"], |_| {
        site.log().contains("is open") || vendor != "genetec"
    });
    site.happen("grant \"Front\" user 7");
    site.grants(1);
    site.happen("grant \"Side\" user 7 lost");
    site.output(&RECONCILE);
    site.grants(2);
    site
}

#[track_caller]
fn check_default(vendor: &str, source: &str) {
    let site = badged(vendor, &with(source, ""));
    let printed = [
        site.output(&["intake", "tail", "-n", "100", "intake.toml"]),
        site.output(&["intake", "tail", "-n", "100", "--json", "intake.toml"]),
        site.output(&["intake", "list", "--json", "intake.toml", "site"]),
        site.output(&["intake", "replay", "intake.toml"]),
        site.output(&["intake", "gaps", "--all", "--json", "intake.toml"]),
        site.output(&[
            "intake",
            "quarantine",
            "list",
            "--all",
            "--json",
            "intake.toml",
        ]),
    ];
    assert_eq!(site.output(&PEOPLE).trim(), "[]");
    let mut all = site.written();
    all.push(("what was printed".to_owned(), printed.concat().into_bytes()));
    nowhere(NAMES, &all);
    nowhere(SECRETS.map(|(_, secret)| secret), &all);
}

#[test]
fn openpath_leaves_no_name_and_no_secret_by_default() {
    check_default("openpath", OPENPATH);
}

#[test]
fn kisi_leaves_no_name_and_no_secret_by_default() {
    check_default("kisi", KISI);
}

#[test]
fn genetec_leaves_no_name_and_no_secret_by_default() {
    check_default("genetec", GENETEC);
}

#[track_caller]
fn check_looked_up(vendor: &str, source: &str) {
    let people = "store_people = true\nlook_up_people = true";
    let site = badged(vendor, &with(source, people));
    let known = site.until(&PEOPLE, |out| out.contains("Ann Example"));
    assert!(known.contains("ann@example.org"), "{known}");
    let shown = site.output(&["intake", "tail", "-n", "100", "intake.toml"]);
    assert!(shown.contains("(Ann Example"), "{shown}");
    let grants = site.grants(2);
    let person = &grants[0]["person"];
    assert_eq!(person["name"], "Ann Example", "{grants:?}");
    let holder = grants[0]["event"]["holder"].as_str().unwrap();
    let log = vec![("the log".to_owned(), site.log().into_bytes())];
    nowhere(NAMES, &log);
    nowhere(SECRETS.map(|(_, secret)| secret), &site.written());

    // Forgotten while the intake goes on working on the same file.
    let forget = [
        "intake",
        "people",
        "forget",
        "intake.toml",
        "--holder",
        holder,
    ];
    let said = site.output(&forget);
    assert!(said.contains("forgotten: 1 looked up"), "{said}");
    nowhere(NAMES, &site.written());
    let shown = site.output(&["intake", "tail", "-n", "100", "intake.toml"]);
    assert!(!shown.contains("Ann"), "{shown}");
    assert!(shown.contains(&format!("holder {holder}")), "{shown}");
    site.happen("grant \"Front\" user 7");
    site.grants(3);
}

#[test]
fn openpath_names_are_looked_up_and_forgotten() {
    check_looked_up("openpath", OPENPATH);
}

#[test]
fn kisi_names_are_looked_up_and_forgotten() {
    check_looked_up("kisi", KISI);
}

#[test]
fn genetec_names_are_looked_up_and_forgotten() {
    check_looked_up("genetec", GENETEC);
}
