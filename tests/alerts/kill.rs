//! SIGKILL at random moments: every notice that was put arrives, at least once and in order a door.
//!
//! Theory of operation: the child puts numbered notices of three doors and prints each when `put` has
//! returned, while its dispatcher sends them to a receiver in the parent that is slow, broken or gone
//! now and then. The parent kills the child and starts it again where it stood; the last child sends
//! what is left. What arrives of a door must be the same number again or the next one. The one exception
//! is a request that lay in a killed child's socket and was read after its successor's: at most one a
//! door and kill, and never a number that had not come before.
//!
//! `TAILGATE_ALERT_KILLS` sets the number of kills, 10 by default.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::fake::{Receiver, ReceiverOptions, Response};
use tailgate::notify::OutboxReader;

use super::{Running, SECRET, breach, settings};

/// Names the folder of the child's site file.
const CHILD: &str = "TAILGATE_ALERT_CHILD";
/// The number that the child begins with.
const FROM: &str = "TAILGATE_ALERT_FROM";
/// If set, the child puts nothing and ends when nothing waits any more.
const DRAIN: &str = "TAILGATE_ALERT_DRAIN";
/// Doors that notices are about, in turn.
const DOORS: [&str; 3] = ["front", "rear", "dock"];
/// A child is killed after so many notices at most...
const MOST_PUT: u32 = 40;
/// ... and so long after the last of them at most: some commits and deliveries.
const LATEST_KILL: Duration = Duration::from_millis(20);
/// How often the last child looks whether all is sent.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A child that says nothing for this long is broken.
const STUCK: Duration = Duration::from_secs(60);

fn notice(number: u32) -> tailgate::notify::Notice {
    breach(DOORS[number as usize % DOORS.len()], number)
}

/// The process that is killed. It is no test by itself.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let text = std::fs::read_to_string(folder.join("site.toml")).unwrap();
    let settings = settings(folder, text.strip_prefix("[alerts]\n").unwrap());
    let running = runtime.block_on(async { Running::start(&settings, folder) });
    if std::env::var_os(DRAIN).is_some() {
        let reader = running.outbox.reader().unwrap();
        let waiting = || reader.sink("guards").unwrap().unwrap().waiting;
        // Nobody sends on it: waiting is all it is for.
        let (_keep, never) = crossbeam_channel::bounded::<()>(0);
        while waiting() > 0 {
            assert!(never.recv_timeout(LOOK_EVERY).is_err());
        }
        return;
    }
    let from: u32 = std::env::var(FROM).unwrap().parse().unwrap();
    for number in from.. {
        running.outbox.put(&[notice(number)]).unwrap();
        // On a line of its own, past the test harness.
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nput {number}").unwrap();
        out.flush().unwrap();
    }
}

fn start(folder: &Path, from: u32, drain: bool) -> (Child, Lines<u32>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "kill::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped());
    if drain {
        command.env(DRAIN, "1");
    }
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let number = line.strip_prefix("put ").and_then(|n| n.parse().ok());
            if let Some(number) = number
                && tell.send(number).is_err()
            {
                return;
            }
        }
    });
    (child, lines)
}

#[test]
fn nothing_that_was_put_is_lost_to_a_kill() {
    let kills: u32 =
        std::env::var("TAILGATE_ALERT_KILLS").map_or(10, |text| text.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    // It answers late, which makes kills hit notices on their way, or takes them and says nothing.
    let answers = "204*40, 204+0.01*9, drop*1, 204+0.002*30, ".repeat(1_000) + "204";
    let options = ReceiverOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        secrets: vec![SECRET.to_owned()],
        responses: Response::list(&answers).unwrap(),
        certificate: None,
    };
    let mut receiver = runtime.block_on(Receiver::start(options)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[[alerts.webhook]]\nname = \"guards\"\nurl = \"{}\"\nsecrets = [{{ file = \"old.key\" }}]\n",
        receiver.url()
    );
    settings(folder.path(), &text);
    let mut random = Pcg64Mcg::seed_from_u64(1);
    // Nobody sends on it: waiting is all it is for.
    let (_keep, never) = crossbeam_channel::bounded::<()>(0);
    let mut put = 0;
    for _ in 0..kills {
        let (mut child, lines) = start(folder.path(), put + 1, false);
        for _ in 0..random.random_range(0..MOST_PUT) {
            put = lines.recv_timeout(STUCK).expect("the child puts");
        }
        let after = LATEST_KILL.mul_f64(random.random());
        assert!(never.recv_timeout(after).is_err());
        // SIGKILL: nothing of it runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        put = lines.iter().last().unwrap_or(put);
    }
    receiver.answers(vec![Response::of(204)]);
    let (mut last, _lines) = start(folder.path(), 0, true);
    assert!(last.wait().unwrap().success());
    let arrivals = receiver.so_far();
    compare(put, arrivals, folder.path(), kills);
}

fn compare(put: u32, arrivals: Vec<tailgate::fake::Arrival>, folder: &Path, kills: u32) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let (mut repeats, mut late) = (0, 0);
    for arrival in &arrivals {
        assert_eq!(arrival.signature, Ok(()), "{}", arrival.id);
        let mut parts = arrival.id.split('/').skip(1);
        let door = parts.next().unwrap().to_owned();
        let number: u32 = parts.next().unwrap().parse().unwrap();
        let step = DOORS.len() as u32;
        let first = (1..=step).find(|n| DOORS[*n as usize % DOORS.len()] == door);
        let known = seen.get(&door).copied();
        let next = known.map_or(first.unwrap(), |known| known + step);
        if let Some(known) = known
            && number <= known
        {
            repeats += 1;
            late += u32::from(number < known);
            continue;
        }
        assert_eq!(number, next, "{door}: one was lost or overtaken");
        seen.insert(door, number);
    }
    let arrived: u32 = seen
        .values()
        .map(|last| (last - 1) / DOORS.len() as u32 + 1)
        .sum();
    println!(
        "{kills} kills: {put} put, {} deliveries, {repeats} of them repeats, {late} read late",
        arrivals.len()
    );
    assert!(
        late <= kills * DOORS.len() as u32,
        "{late} came again out of turn"
    );
    // What was on its way into the file when the kill came may be there too.
    assert!(
        arrived >= put && arrived <= put + kills,
        "{arrived} arrived of {put}"
    );
    assert!(put > kills, "the children hardly put anything");
    let reader = OutboxReader::open(&folder.join("data/alerts.db")).unwrap();
    assert!(reader.is_whole().unwrap());
    let state = reader.sink("guards").unwrap().unwrap();
    assert_eq!((state.waiting, state.given_up), (0, 0));
}
