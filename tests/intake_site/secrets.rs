//! Secrets: a vendor that repeats what it was sent, and a delivery that carries its secret in its body.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::site::{GENETEC, KISI, OPENPATH, SECRETS, Site, nowhere};

/// A vendor that refuses everything and says what it was sent: headers and body.
struct Parrot {
    url: String,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Parrot {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                drop(socket.map(repeat));
            }
        });
        Self {
            url: format!("http://{address}"),
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

fn repeat(mut socket: TcpStream) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut part = [0; 4096];
    // Requests of these drivers are short: what is there is all of it once its length has come.
    loop {
        let read = socket.read(&mut part)?;
        asked.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&asked).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&asked);
    let credentials = text
        .lines()
        .filter(|line| line.to_lowercase().starts_with("authorization") || line.starts_with('{'));
    let said: Vec<&str> = credentials.collect();
    let body = serde_json::json!({"message": format!("not you: {}", said.join(" "))});
    let body = body.to_string();
    write!(
        socket,
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[track_caller]
fn check(source: &str) {
    let parrot = Parrot::new();
    let source = source
        .replace("$PEOPLE", "")
        .replace("$VENDOR", &parrot.url);
    // Without webhooks, so that the log is all there is and its loss is a gap.
    let source = source.replace("webhook = ", "# ");
    let mut site = Site::new("kisi", &source, "[[door]]\nname = \"front\"\n");
    site.end_vendor();
    site.run();
    let gaps = ["intake", "gaps", "--json", "intake.toml"];
    let gaps = site.until(&gaps, |out| out.contains("not you"));
    assert!(gaps.contains("[redacted]"), "{gaps}");
    let listed = site.said(&["intake", "list", "intake.toml", "site"]);
    assert!(
        !listed.good && listed.error.contains("not you"),
        "{}",
        listed.error
    );
    let mut all = site.written();
    all.push(("gaps".to_owned(), gaps.into_bytes()));
    all.push(("list".to_owned(), listed.error.into_bytes()));
    nowhere(SECRETS.map(|(_, secret)| secret), &all);
    let pair = "admin;GSC-1SDK-Example-Tailgate:genetec-password";
    nowhere([&*STANDARD.encode(pair)], &all);
}

#[test]
fn openpath_may_repeat_a_password_and_nobody_sees_it() {
    check(OPENPATH);
}

#[test]
fn kisi_may_repeat_a_key_and_nobody_sees_it() {
    check(KISI);
}

#[test]
fn genetec_may_repeat_credentials_and_nobody_sees_them() {
    check(GENETEC);
}

#[test]
fn a_token_in_a_body_is_stored_nowhere() {
    let source = "vendor = \"generic\"\nsecrets = [{ file = \"token\" }]\n\
        authentication = { by = \"body\", pointer = \"/token\" }\nid = \"/id\"\n\
        time = { pointer = \"/at\" }\nkind = { always = \"granted\" }\nreader = \"/reader\"\n";
    let mut site = Site::new("kisi", source, "[[door]]\nname = \"front\"\n");
    site.run();
    let token = SECRETS[3].1;
    for body in [
        serde_json::json!({"token": token, "id": "a", "at": 1_767_600_000, "reader": token}),
        serde_json::json!({"token": token, "id": "b", "at": "no time", "note": token}),
    ] {
        let url = format!("{}/in/site", site.intake_url);
        let answer = ureq::post(url).send(body.to_string());
        assert_eq!(answer.unwrap().status(), 200);
    }
    let mut all = site.written();
    for arguments in [
        &["intake", "quarantine", "show", "intake.toml", "1"][..],
        &["intake", "tail", "--json", "intake.toml"],
        &["intake", "list", "--json", "intake.toml", "site"],
    ] {
        let printed = site.output(arguments);
        assert!(printed.contains("[redacted]"), "{printed}");
        all.push((format!("{arguments:?}"), printed.into_bytes()));
    }
    nowhere([token], &all);
    // What stands in quarantine can be read again all the same.
    let said = site.output(&["intake", "quarantine", "retry", "intake.toml"]);
    assert!(said.contains("still can't be read"), "{said}");
}
