//! SIGKILL at random instants: the real process, real sockets, a client that retries, and at the end
//! the acknowledged set against what is on disk.
//!
//! Theory of operation: senders post signed events one after the other, each until it is answered with
//! 2xx, over however many restarts. The process is killed after a random time, now and then before it
//! listens. At the end what was acknowledged is compared with the journal: nothing may be missing,
//! nothing may be there twice, nothing may be there that nobody sent, and the numbers have no gaps.
//!
//! The control acknowledges before it commits (only builds with debug assertions can): a harness that
//! does not see that proves nothing. `TAILGATE_KILLS` sets the number of kills, 50 by default;
//! `TAILGATE_CONTROLS` the number of control runs, 20 by default.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use sha2::Sha256;
use tailgate::intake::inbox::InboxReader;

/// The signature key of the source.
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
/// Senders at once.
const SENDERS: u64 = 8;
/// A kill comes after fewer acknowledgements than this...
const MOST_ACKNOWLEDGED: u32 = 100;
/// ... and at most this long after the last of them: two cycles of the writer and some.
const LATEST_KILL: Duration = Duration::from_millis(8);
/// A process that acknowledges nothing for this long is broken.
const STUCK: Duration = Duration::from_secs(30);
/// One kill in so many comes before the process listens.
const EARLY_KILLS: u32 = 8;
/// Kills of one control run.
const CONTROL_KILLS: u32 = 3;
/// Makes the writer acknowledge before it commits.
const CONTROL: &str = "TAILGATE_INTAKE_ACKNOWLEDGE_EARLY";

/// Where the process listens now; the senders wait for the next place when it is gone.
#[derive(Default)]
struct Place {
    now: Mutex<(u64, String)>,
    moved: Condvar,
}

/// What the senders share.
#[derive(Default)]
struct Sending {
    place: Place,
    stop: AtomicBool,
    acknowledged: Mutex<BTreeSet<String>>,
    /// How many there are, for who waits for more.
    count: Mutex<u64>,
    counted: Condvar,
    /// Requests, repeats included.
    requests: AtomicU64,
}

impl Sending {
    fn listen_at(&self, address: String) {
        let mut now = self.place.now.lock().unwrap();
        now.0 += 1;
        now.1 = address;
        self.place.moved.notify_all();
    }

    /// Waits for so many more acknowledgements.
    fn wait_for_more(&self, more: u64) {
        let count = self.count.lock().unwrap();
        let until = *count + more;
        let waited = self
            .counted
            .wait_timeout_while(count, STUCK, |count| *count < until);
        assert!(
            !waited.unwrap().1.timed_out(),
            "nothing is acknowledged any more"
        );
    }

    /// The address of a generation after `seen`.
    fn wait_for(&self, seen: u64) -> (u64, String) {
        let now = self.place.now.lock().unwrap();
        let now = self
            .place
            .moved
            .wait_while(now, |now| now.0 <= seen)
            .unwrap();
        now.clone()
    }
}

/// A connection to one generation of the process.
struct Connection {
    generation: u64,
    stream: Option<BufReader<TcpStream>>,
}

/// Posts event after event, each until it is acknowledged.
fn send(sending: &Sending, sender: u64) {
    let mut connection = Connection {
        generation: 0,
        stream: None,
    };
    let mut number = 0;
    while !sending.stop.load(Ordering::Relaxed) {
        number += 1;
        let key = format!("{sender}-{number}");
        let request = request(&key);
        while !post(sending, &mut connection, &request) {}
        sending.acknowledged.lock().unwrap().insert(key);
        *sending.count.lock().unwrap() += 1;
        sending.counted.notify_all();
    }
}

/// Whether it was answered with 2xx. Otherwise the connection is gone.
fn post(sending: &Sending, connection: &mut Connection, request: &[u8]) -> bool {
    if connection.stream.is_none() {
        let (generation, address) = sending.wait_for(connection.generation);
        connection.generation = generation;
        connection.stream = TcpStream::connect(address).ok().map(BufReader::new);
    }
    let Some(stream) = &mut connection.stream else {
        return false;
    };
    sending.requests.fetch_add(1, Ordering::Relaxed);
    let answered = stream
        .get_mut()
        .write_all(request)
        .and_then(|()| status(stream));
    match answered {
        Ok(200..300) => true,
        Ok(status) => panic!("an authentic delivery was answered with {status}"),
        Err(_) => {
            connection.stream = None;
            false
        }
    }
}

/// Reads one answer without a body.
fn status(stream: &mut BufReader<TcpStream>) -> std::io::Result<u16> {
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            return Ok(status);
        }
    }
}

fn request(key: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"id":1,"type":"lock.unlock","success":true,"uuid":"{key}","object_type":"Lock","object_id":4557,"object_name":"Front","actor_type":"User","actor_id":17,"created_at":"2026-11-20T10:00:00Z"}}"#
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(body.as_bytes());
    let code = hex::encode(mac.finalize().into_bytes());
    format!(
        "POST /in/kisi HTTP/1.1\r\nHost: localhost\r\nX-Signature: sha256={code}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn configure(folder: &Path) -> PathBuf {
    std::fs::write(folder.join("key"), KEY).unwrap();
    let file = folder.join("intake.toml");
    let text = "[server]\nlisten = \"127.0.0.1:0\"\n[inbox]\npath = \"inbox.db\"\n[[source]]\n\
                name = \"kisi\"\nvendor = \"kisi\"\nsecrets = [{ file = \"key\" }]\n";
    std::fs::write(&file, text).unwrap();
    file
}

fn start(file: &Path, control: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailgate"));
    command.args(["intake", "run"]).arg(file);
    command.env("TAILGATE_LOG", "error").stdout(Stdio::piped());
    if control {
        command.env(CONTROL, "1");
    }
    command.spawn().unwrap()
}

/// Waits until it listens.
fn listening(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on http://");
    address
        .unwrap_or_else(|| panic!("it did not start: {line:?}"))
        .to_owned()
}

/// What came out of one run.
#[derive(Debug, Default)]
struct Outcome {
    acknowledged: usize,
    stored: u64,
    requests: u64,
    /// Acknowledged and not on disk.
    lost: usize,
    /// On disk and never sent, or twice.
    strange: usize,
    whole: bool,
}

impl Outcome {
    fn is_good(&self) -> bool {
        let all = self.stored == self.acknowledged as u64;
        self.lost == 0 && self.strange == 0 && self.whole && all
    }
}

fn run(kills: u32, control: bool, seed: u64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = configure(folder.path());
    let sending = Arc::new(Sending::default());
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let sending = Arc::clone(&sending);
            std::thread::spawn(move || send(&sending, sender))
        })
        .collect();
    // Nobody sends on it: waiting is all it is for.
    let (_keep, never) = crossbeam_channel::bounded::<()>(0);
    for _ in 0..kills {
        let mut child = start(&file, control);
        if random.random_range(0..EARLY_KILLS) > 0 {
            sending.listen_at(listening(&mut child));
            sending.wait_for_more(random.random_range(0..MOST_ACKNOWLEDGED).into());
        }
        let after = LATEST_KILL.mul_f64(random.random());
        assert!(never.recv_timeout(after).is_err());
        // SIGKILL: nothing of it runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = start(&file, control);
    sending.stop.store(true, Ordering::Relaxed);
    sending.listen_at(listening(&mut child));
    for sender in senders {
        sender.join().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    compare(&folder.path().join("inbox.db"), &sending)
}

/// The acknowledged set against the journal.
fn compare(inbox: &Path, sending: &Sending) -> Outcome {
    let reader = InboxReader::open(inbox).unwrap();
    let journal = reader.check().unwrap();
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let mut at = 0;
    loop {
        let events = reader.events_after(at, 1_000).unwrap();
        let Some(last) = events.last() else {
            break;
        };
        at = last.seq;
        for event in events {
            *found.entry(event.reported.event.id).or_insert(0) += 1;
        }
    }
    let acknowledged = sending.acknowledged.lock().unwrap();
    let lost = acknowledged.iter().filter(|key| !found.contains_key(*key));
    // The senders stop after an acknowledgement: everything that was sent was acknowledged.
    let strange = found
        .iter()
        .filter(|(key, count)| **count != 1 || !acknowledged.contains(*key));
    Outcome {
        acknowledged: acknowledged.len(),
        stored: journal.events,
        requests: sending.requests.load(Ordering::Relaxed),
        lost: lost.count(),
        strange: strange.count(),
        whole: journal.whole && journal.last == journal.events,
    }
}

fn number(name: &str, usual: u32) -> u32 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = number("TAILGATE_KILLS", 50);
    let begun = Instant::now();
    let outcome = run(kills, false, 1);
    println!(
        "{kills} kills in {:.0} s: {outcome:?}",
        begun.elapsed().as_secs_f64()
    );
    assert!(outcome.is_good(), "{outcome:?}");
    assert!(
        outcome.acknowledged as u32 > kills,
        "the senders hardly got anything through"
    );
    assert!(
        outcome.requests as usize > outcome.acknowledged,
        "no kill hit a delivery"
    );
}

#[test]
fn acknowledging_before_the_commit_is_caught() {
    if !cfg!(debug_assertions) {
        eprintln!("SKIPPED: the control needs a build with debug assertions");
        return;
    }
    let runs = number("TAILGATE_CONTROLS", 20);
    let caught = (0..runs).filter(|seed| {
        let outcome = run(CONTROL_KILLS, true, 1_000 + u64::from(*seed));
        outcome.lost > 0
    });
    let caught = caught.count() as u32;
    println!("{caught} of {runs} control runs were caught");
    assert!(caught * 100 >= runs * 95, "{caught} of {runs} were caught");
}

/// B of the fault list: a write that fails. The kernel refuses to let the inbox grow any further.
#[test]
fn a_disk_that_fails_ends_it_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = configure(folder.path());
    // 1,024 blocks are half a mebibyte; who ignores the signal gets the error instead.
    let script = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" intake run \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_tailgate")])
        .arg(&file)
        .env("TAILGATE_LOG", "off")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let address = listening(&mut child);
    let sending = Sending::default();
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let mut number = 0;
    loop {
        number += 1;
        let key = number.to_string();
        let sent = stream.get_mut().write_all(&request(&key));
        match sent.and_then(|()| status(&mut stream)) {
            Ok(200) => sending.acknowledged.lock().unwrap().insert(key),
            Ok(503) | Err(_) => break,
            Ok(other) => panic!("answered with {other}"),
        };
        assert!(number < 10_000, "the disk never failed");
    }
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let outcome = compare(&folder.path().join("inbox.db"), &sending);
    assert!(
        outcome.acknowledged > 0 && outcome.lost == 0 && outcome.whole,
        "{outcome:?}"
    );
}

#[test]
fn it_stops_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(&configure(folder.path()), false);
    let address = listening(&mut child);
    let sending = Sending::default();
    sending.listen_at(address);
    let mut connection = Connection {
        generation: 0,
        stream: None,
    };
    assert!(post(&sending, &mut connection, &request("a")));
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let mut rest = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let reader = InboxReader::open(&folder.path().join("inbox.db")).unwrap();
    assert_eq!(reader.last_seq().unwrap(), 1);
}
