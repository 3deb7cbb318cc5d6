//! Kisi: a signed webhook that is switched off while nobody answers it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::site::{BADGE, LOST_BADGE, Site};

const OLD: &str = "a-signature-key-of-32-characters";
const NEW: &str = "another-signature-key-of-32-char";

/// The source: `secrets` are believed, `signs` is what Kisi is to sign with.
fn source(site: &Site, secrets: &[&str], signs: &str) -> String {
    let secrets = secrets
        .iter()
        .map(|name| format!("{{ file = \"{name}.key\" }}"));
    let secrets: Vec<String> = secrets.collect();
    format!(
        "vendor = \"kisi\"\nsecrets = [{}]\n\n[source.fetch]\ndriver = \"kisi\"\napi = \"{}\"\n\
         key = {{ file = \"kisi.key\" }}\nwebhook = \"{}/in/site\"\n\
         signature_key = {{ file = \"{signs}.key\" }}\nevents = [\"lock.unlock\"]\n",
        secrets.join(", "),
        site.vendor_url,
        site.intake_url,
    )
}

/// Posts an unlock that is signed with a key; the status of the answer.
fn post_signed(site: &Site, key: &str) -> u16 {
    let body = r#"{"uuid":"forged","type":"lock.unlock","success":true,"object_type":"Lock","object_id":101,"created_at":"2026-01-05T08:00:00Z"}"#;
    let mut code = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    code.update(body.as_bytes());
    let code = hex::encode(code.finalize().into_bytes());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("{}/in/site", site.intake_url);
    let sent = agent
        .post(url)
        .header("x-signature", format!("sha256={code}"));
    sent.send(body).unwrap().status().as_u16()
}

#[test]
fn from_a_badge_to_a_verdict_through_changes_of_keys_and_gaps() {
    let mut site = Site::new("kisi", &[]);
    site.write("kisi.key", "kisi-key\n");
    site.write("old.key", OLD);
    site.write("new.key", NEW);
    site.configure(&source(&site, &["old"], "old"));
    site.map("Front");
    site.configure(&source(&site, &["old"], "old"));
    site.start_intake();
    let connected = site.run(&["intake", "connect", "intake.toml", "site"]);
    assert!(connected.starts_with("site: "), "{connected}");
    site.badge();
    site.check_verdicts(0);

    // The key is changed: first both are believed, then Kisi signs with the new one, then only that
    // is believed.
    site.configure(&source(&site, &["old", "new"], "old"));
    site.start_intake();
    site.badge();
    site.configure(&source(&site, &["old", "new"], "new"));
    site.run(&["intake", "connect", "intake.toml", "site"]);
    site.badge();
    site.configure(&source(&site, &["new"], "new"));
    site.start_intake();
    site.badge();
    assert_eq!(post_signed(&site, OLD), 401);

    // The intake is killed, Kisi switches its webhook off, the doors go on.
    let before = site.last();
    site.kill_intake();
    site.happen("disable-webhook");
    site.happen(BADGE);
    site.badged();
    site.start_intake();
    site.until_all_badges();
    site.check_verdicts(before);
    // It is on again, and what is not sent all the same is found in the log.
    site.badge();
    site.until_gaps_are_closed("Kisi has switched the webhook off");
    site.happen(LOST_BADGE);
    site.badged();
    site.kill_intake();
    site.start_intake();
    site.until_all_badges();
}
