//! Security Center: a stream that breaks, a server that goes away.

use super::site::{LOST_BADGE, SCRIPT, Site};

/// The source, with this user.
fn source(site: &Site, user: &str) -> String {
    format!(
        "vendor = \"genetec\"\n\n[source.fetch]\ndriver = \"genetec\"\nurl = \"{}/WebSdk\"\n\
         user = \"{user}\"\npassword = {{ file = \"{user}.password\" }}\n\
         application = {{ file = \"application\" }}\n",
        site.vendor_url,
    )
}

#[test]
fn from_a_badge_to_a_verdict_through_changes_of_users_and_gaps() {
    let mut site = Site::new("genetec", &["--also", "tailgate:second-password"]);
    site.write("admin.password", "genetec-password\n");
    site.write("tailgate.password", "second-password\n");
    site.write("application", "GSC-1SDK-Example-Tailgate\n");
    site.configure(&source(&site, "admin"));
    site.map("Front - In");
    site.configure(&source(&site, "admin"));
    site.start_intake();
    let connected = site.run(&["intake", "connect", "intake.toml", "site"]);
    assert_eq!(connected, "site: needs no connecting\n");
    // Nothing is pushed, so there is nothing to wait for but the stream itself.
    subscribed(&site, 1);
    site.badge();
    site.check_verdicts(0);

    // The user is changed: both may log in for a while.
    site.configure(&source(&site, "tailgate"));
    site.start_intake();
    subscribed(&site, 2);
    site.badge();

    // The stream is cut, and what happens before it is back is in the report.
    site.happen("drop-connection");
    site.happen(LOST_BADGE);
    site.badged();
    site.until_all_badges();

    // The intake is killed, the doors go on.
    site.kill_intake();
    site.happen(LOST_BADGE);
    site.badged();
    site.start_intake();
    site.until_all_badges();

    // The server goes away and comes back without the old user; somebody has badged meanwhile.
    let before = site.last();
    site.kill_vendor();
    site.write("script.txt", &format!("{SCRIPT}0.1 {LOST_BADGE}\n"));
    site.start_vendor(&["--user", "tailgate", "--password", "second-password"]);
    site.badged();
    site.until_all_badges();
    site.check_verdicts(before);
    site.configure(&source(&site, "admin"));
    let refused = site.try_to(&["intake", "list", "intake.toml", "site"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("Only native users"),
        "{said}"
    );
    subscribed(&site, 1);
    site.badge();
    site.until_gaps_are_closed("no contact with 127.0.0.1");
}

/// Waits until the vendor has seen so many subscriptions since it started.
#[track_caller]
fn subscribed(site: &Site, times: u64) {
    let url = format!("{}/_fake/state", site.vendor_url);
    site.until("the doors are subscribed", |_| {
        let mut reply = ureq::get(&url).call().unwrap().into_body();
        let state: serde_json::Value =
            serde_json::from_str(&reply.read_to_string().unwrap()).unwrap();
        state["vendor"]["subscribed"].as_u64() >= Some(times)
    });
}
