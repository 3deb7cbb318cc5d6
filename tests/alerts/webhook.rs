//! Webhooks: what really arrives, whose signatures hold, and what becomes of answers.

use standardwebhooks::Webhook as Independent;
use tailgate::fake::{Certificate, Receiver, ReceiverOptions, Response};
use tailgate::notify::{Alert, trial};

use super::{NEW_SECRET, Running, SECRET, breach, made, now, settings, test_alert};

async fn receiver(secrets: &[&str], answers: &str, certificate: Option<Certificate>) -> Receiver {
    let options = ReceiverOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
        responses: Response::list(answers).unwrap(),
        certificate,
    };
    Receiver::start(options).await.unwrap()
}

fn webhook(url: &str, more: &str) -> String {
    format!(
        "[[alerts.webhook]]\nname = \"guards\"\nurl = \"{url}\"\n\
         secrets = [{{ file = \"new.key\" }}, {{ file = \"old.key\" }}]\n{more}"
    )
}

#[tokio::test]
async fn what_arrives_is_believed_by_an_independent_library() {
    let mut receiver = receiver(&[SECRET], "204", None).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &webhook(&receiver.url(), ""));
    let running = Running::start(&settings, folder.path());
    let notices: Vec<_> = (1..=5).map(|number| breach("front", number)).collect();
    running.outbox.put(&notices).unwrap();
    running.outbox.put(&notices[..2]).unwrap();
    for notice in &notices {
        let arrival = receiver.next().await.unwrap();
        assert_eq!((&arrival.id, &arrival.body), (&notice.id, &notice.body));
        assert_eq!(arrival.signature, Ok(()));
        // The old secret and the new one are good, another one is not, nor is another body.
        for (secret, is_good) in [
            (SECRET, true),
            (NEW_SECRET, true),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
        ] {
            let verified = Independent::new(secret)
                .unwrap()
                .verify(&arrival.body, &arrival.headers);
            assert_eq!(verified.is_ok(), is_good, "{secret}: {verified:?}");
        }
        let independent = Independent::new(SECRET).unwrap();
        assert!(independent.verify(b"{}", &arrival.headers).is_err());
        let kind = arrival.headers.get("content-type").unwrap();
        assert_eq!(kind, "application/json");
        let alert: Alert = serde_json::from_slice(&arrival.body).unwrap();
        assert_eq!(alert.id, notice.id);
    }
    assert_eq!(receiver.so_far(), []);
}

/// From `put` to the moment the receiver has read it: what the outbox adds to an alert's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_there_at_once() {
    const ALERTS: u32 = 100;
    let mut receiver = receiver(&[SECRET], "204", None).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &webhook(&receiver.url(), ""));
    let running = Running::start(&settings, folder.path());
    let mut took_ms = Vec::new();
    for number in 1..=ALERTS {
        let begun = now();
        running.outbox.put(&[breach("front", number)]).unwrap();
        let arrival = receiver.next().await.unwrap();
        took_ms.push((arrival.at - begun).as_s() * 1_000.0);
    }
    took_ms.sort_by(f64::total_cmp);
    let (p50, p99) = (
        took_ms[took_ms.len() / 2],
        took_ms[took_ms.len() * 99 / 100],
    );
    println!("{ALERTS} alerts: p50 {p50:.1} ms, p99 {p99:.1} ms");
    // A machine with other work may be slow; a wait that is built in would show.
    assert!(p50 < 1_000.0, "{p50} ms");
}

#[tokio::test]
async fn tls_is_believed_by_its_fingerprint_or_authority_and_by_nothing_else() {
    let certificate = Certificate::self_signed(&["localhost", "127.0.0.1"]).unwrap();
    let (pin, pem) = (certificate.fingerprint(), certificate.pem().to_owned());
    let receiver = receiver(&[SECRET], "200", Some(certificate)).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let other = "0".repeat(64);
    for (more, expect) in [
        (
            format!("pin = \"{pin}\"\n"),
            "guards: delivered to https://127.0.0.1:",
        ),
        ("ca_file = \"ca.pem\"\n".to_owned(), "guards: delivered to"),
        (String::new(), "nobody we trust has signed its certificate"),
        (format!("pin = \"{other}\"\n"), "is pinned"),
    ] {
        let settings = settings(folder.path(), &webhook(&receiver.url(), &more));
        let sinks = made(&settings, folder.path()).unwrap();
        let said = trial(&sinks, &test_alert(), now()).await;
        let said = said[0].to_string();
        assert!(said.contains(expect), "{said}");
    }
}

#[tokio::test]
async fn a_trial_says_in_one_line_what_came_back() {
    #[track_caller]
    fn check(said: &str, expect: &str) {
        assert!(said.contains(expect), "{said}");
        assert!(!said.contains('\n') && !said.contains("whsec_"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (answers, expect) in [
        ("204", "guards: delivered to http://127.0.0.1:"),
        ("404", "answers 404; check the path of `url`"),
        ("401", "answers 401; check `authorization`"),
        ("302", "redirects are not followed"),
        ("422", "guards: refused by http"),
        ("410", "it wants no alerts any more"),
        ("500", "guards: not delivered by http"),
        ("drop", "no contact with 127.0.0.1"),
        ("200+5", "did not answer in time"),
    ] {
        let receiver = receiver(&[SECRET], answers, None).await;
        let text = webhook(&receiver.url(), "timeout_s = 0.3\n");
        let settings = settings(folder.path(), &text);
        let sinks = made(&settings, folder.path()).unwrap();
        let said = trial(&sinks, &test_alert(), now()).await;
        assert_eq!(said[0].is_good(), answers == "204");
        check(&said[0].to_string(), expect);
    }
    let text = webhook("http://127.0.0.1:1/x", "");
    let sinks = made(&settings(folder.path(), &text), folder.path()).unwrap();
    let said = trial(&sinks, &test_alert(), now()).await;
    check(&said[0].to_string(), "no contact with 127.0.0.1");
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_all_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = webhook("https://example.org", "").replace("old.key", "gone.key");
    let text = text
        + "[[alerts.mqtt]]\nname = \"home\"\nhost = \"h\"\nuser = \"u\"\n\
                       password = { env = \"NO_SUCH_VARIABLE\" }\nca_file = \"gone.pem\"\n";
    let problems = made(&settings(folder.path(), &text), folder.path())
        .err()
        .unwrap();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems[0].starts_with("alerts, guards: secrets[1]: "),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("alerts, home: ca_file: cannot read"),
        "{problems:?}"
    );
    assert!(
        problems[2].contains("NO_SUCH_VARIABLE is not set"),
        "{problems:?}"
    );
}
