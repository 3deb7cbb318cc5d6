//! Openpath: webhooks whose secret is their path, and an activity report.

use serde_json::{Value, json};

use super::site::{BADGE, Site};

const OLD: &str = "a-path-token-of-32-characters-old";
const NEW: &str = "a-path-token-of-32-characters-new";

/// The source: `tokens` are believed, webhooks are to be sent with `sends`.
fn source(site: &Site, tokens: &[&str], sends: &str) -> String {
    let tokens = tokens
        .iter()
        .map(|name| format!("{{ file = \"{name}.token\" }}"));
    let tokens: Vec<String> = tokens.collect();
    format!(
        "vendor = \"openpath\"\nsecrets = [{}]\n\n[source.fetch]\ndriver = \"openpath\"\n\
         api = \"{}\"\nemail = \"admin@example.org\"\npassword = {{ file = \"openpath.password\" }}\n\
         org = 2181\nwebhook = {{ file = \"{sends}.webhook\" }}\n",
        tokens.join(", "),
        site.vendor_url,
    )
}

/// Calls Openpath as its administrator does.
fn call(site: &Site, method: &str, path: &str) -> Value {
    let url = |path: &str| format!("{}/{path}", site.vendor_url);
    let account = json!({"email": "admin@example.org", "password": "openpath-password"});
    let login = ureq::post(url("auth/login"))
        .send(account.to_string())
        .unwrap();
    let login: Value = read(login.into_body());
    let token = login["data"]["token"].as_str().unwrap().to_owned();
    let path = url(&format!("orgs/2181/{path}"));
    let reply = match method {
        "DELETE" => ureq::delete(path).header("authorization", token).call(),
        _ => ureq::get(path).header("authorization", token).call(),
    };
    read(reply.unwrap().into_body())
}

fn read(mut body: ureq::Body) -> Value {
    serde_json::from_str(&body.read_to_string().unwrap()).unwrap_or_default()
}

#[test]
fn from_a_badge_to_a_verdict_through_changes_of_tokens_and_gaps() {
    let mut site = Site::new("openpath", &[]);
    site.write("openpath.password", "openpath-password\n");
    for (name, token) in [("old", OLD), ("new", NEW)] {
        site.write(&format!("{name}.token"), token);
        let url = format!("{}/in/site/{token}", site.intake_url);
        site.write(&format!("{name}.webhook"), &url);
    }
    site.configure(&source(&site, &["old"], "old"));
    site.map("Front");
    site.configure(&source(&site, &["old"], "old"));
    site.start_intake();
    let connected = site.run(&["intake", "connect", "intake.toml", "site"]);
    assert!(connected.starts_with("site: "), "{connected}");
    site.badge();
    site.check_verdicts(0);

    // The token is changed: both are believed and both are sent to, so that every badge comes twice
    // and counts once; then the old subscriptions are taken away, and the old token is believed no more.
    site.configure(&source(&site, &["old", "new"], "old"));
    site.start_intake();
    site.badge();
    site.configure(&source(&site, &["old", "new"], "new"));
    site.run(&["intake", "connect", "intake.toml", "site"]);
    site.badge();
    let subscriptions = call(&site, "GET", "subscriptions?limit=500");
    for known in subscriptions["data"].as_array().unwrap() {
        if known["targetUrl"].as_str().unwrap().ends_with(OLD) {
            call(&site, "DELETE", &format!("subscriptions/{}", known["id"]));
        }
    }
    site.configure(&source(&site, &["new"], "new"));
    site.start_intake();
    site.badge();
    let posted = ureq::post(format!("{}/in/site/{OLD}", site.intake_url)).send("{}");
    assert!(
        matches!(posted, Err(ureq::Error::StatusCode(401))),
        "{posted:?}"
    );

    // The intake is killed, Openpath stops sending, the doors go on.
    let before = site.last();
    site.kill_intake();
    site.happen("disable-webhook");
    site.happen(BADGE);
    site.badged();
    site.start_intake();
    site.until_all_badges();
    site.check_verdicts(before);
    site.badge();
    site.until_gaps_are_closed("Openpath does not send");
}
