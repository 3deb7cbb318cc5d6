//! A site: the vendor's local server and the intake, as processes in a folder of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tailgate::intake::inbox::{Gap, GapState, InboxReader};

/// When the badge is shown in the clip, ms after its first frame.
const BADGE_MS: i64 = 800;

/// One door, somebody with a badge.
pub const SCRIPT: &str = "door \"Front\" id 101\nuser 7 \"Ann Example\" ann@example.org\n";

/// The line of a script with which somebody badges.
pub const BADGE: &str = "grant \"Front\" user 7";

/// The same, if the vendor never sends it: only its log has it.
pub const LOST_BADGE: &str = "grant \"Front\" user 7 lost";

/// When a test gives up: several times what closing a gap takes.
const GIVE_UP: Duration = Duration::from_secs(400);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A process that ends with the test.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL: nothing of it can be tidied up by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = tailgate(folder, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The address in the next line that it prints; waits for it.
    fn address(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it ended");
        line.split_whitespace().last().unwrap().to_owned()
    }
}

fn tailgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailgate"));
    command.current_dir(folder).args(arguments);
    command
}

/// A site with one source, `site`, and one door, `front`.
pub struct Site {
    folder: tempfile::TempDir,
    vendor: &'static str,
    pub vendor_url: String,
    pub intake_url: String,
    fake: Option<Running>,
    intake: Option<Running>,
    /// The vendor's id of the door's access point.
    point: Option<Value>,
    badges: usize,
}

impl Site {
    /// The vendor runs, with these further arguments; the intake has not been set up yet.
    pub fn new(vendor: &'static str, more: &[&str]) -> Self {
        // The vendor has to be told an address before the intake runs: one that was free just now.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let intake_url = format!("http://{}", free.local_addr().unwrap());
        let mut site = Self {
            folder: tempfile::tempdir().unwrap(),
            vendor,
            vendor_url: "http://127.0.0.1:0".to_owned(),
            intake_url,
            fake: None,
            intake: None,
            point: None,
            badges: 0,
        };
        site.write("script.txt", SCRIPT);
        site.start_vendor(more);
        site
    }

    /// Starts the vendor, at the address where it was before.
    pub fn start_vendor(&mut self, more: &[&str]) {
        let listen = self.vendor_url.strip_prefix("http://").unwrap();
        let usual = [
            "fake",
            self.vendor,
            "--listen",
            listen,
            "--script",
            "script.txt",
        ];
        let mut fake = Running::start(self.folder.path(), &[&usual, more].concat());
        self.vendor_url = fake.address();
        self.fake = Some(fake);
    }

    /// The vendor's server is gone at once.
    pub fn kill_vendor(&mut self) {
        self.fake = None;
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Writes the intake file with this source; doors as far as they are known.
    pub fn configure(&self, source: &str) {
        let listen = self.intake_url.strip_prefix("http://").unwrap();
        let door = self.point.as_ref().map(|point| {
            format!(
                "[[door]]\nname = \"front\"\nreaders = [{{ id = {point}, direction = \"in\" }}]\n"
            )
        });
        let text = format!(
            "[server]\nlisten = \"{listen}\"\n\n[inbox]\npath = \"inbox.db\"\n\n[[source]]\n\
             name = \"site\"\n{source}\n{}",
            door.unwrap_or_default()
        );
        self.write("intake.toml", &text);
        if self.point.is_some() {
            self.run(&["check", "intake.toml"]);
        }
    }

    /// Takes the first access point that the vendor lists for this name as the door's.
    pub fn map(&mut self, name: &str) {
        let listed = self.run(&["intake", "list", "intake.toml", "site", "--json"]);
        let points = listed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let points: Vec<Value> = points.collect();
        let found = points.iter().find(|point| point["name"] == name);
        self.point = Some(found.unwrap_or_else(|| panic!("{points:?}"))["id"].clone());
    }

    /// Runs a command that must succeed; what it prints.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_to(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn try_to(&self, arguments: &[&str]) -> Output {
        tailgate(self.folder.path(), arguments).output().unwrap()
    }

    /// Starts the intake, or starts it anew with what the intake file says now.
    pub fn start_intake(&mut self) {
        if let Some(mut running) = self.intake.take() {
            let id = running.child.id().to_string();
            let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
            assert!(told.success() && running.child.wait().unwrap().success());
        }
        let mut intake = Running::start(self.folder.path(), &["intake", "run", "intake.toml"]);
        assert_eq!(intake.address(), self.intake_url);
        self.intake = Some(intake);
    }

    pub fn kill_intake(&mut self) {
        self.intake = None;
    }

    /// Makes something happen at the vendor.
    pub fn happen(&self, line: &str) {
        let url = format!("{}/_fake/do", self.vendor_url);
        let sent = ureq::post(url).send(line);
        // Where every connection is cut, ours is too.
        assert!(
            sent.is_ok() || line == "drop-connection",
            "{line}: {sent:?}"
        );
    }

    /// Somebody badges, and the journal has it.
    #[track_caller]
    pub fn badge(&mut self) {
        self.happen(BADGE);
        self.badges += 1;
        self.until_all_badges();
    }

    /// Somebody has badged, in whatever way that was told.
    pub fn badged(&mut self) {
        self.badges += 1;
    }

    /// Waits until the journal holds every badge so far; none is there twice.
    #[track_caller]
    pub fn until_all_badges(&self) {
        let wanted = self.badges;
        self.until("every badge is in the journal", |site| {
            site.grants().len() >= wanted
        });
        assert_eq!(self.grants().len(), wanted, "a badge counts twice");
    }

    fn reader(&self) -> InboxReader {
        InboxReader::open(&self.folder.path().join("inbox.db")).unwrap()
    }

    /// Ids of the grants in the journal.
    pub fn grants(&self) -> Vec<String> {
        let events = self.reader().events_after(0, 10_000).unwrap();
        let granted = events.into_iter().map(|stored| stored.reported.event);
        let granted = granted.filter(|event| event.kind == tailgate::access::AccessKind::Granted);
        granted.map(|event| event.id).collect()
    }

    /// The last number of the journal.
    pub fn last(&self) -> u64 {
        self.reader().last_seq().unwrap()
    }

    pub fn gaps(&self) -> Vec<Gap> {
        self.reader().gaps(true).unwrap()
    }

    /// Waits until no gap is open, and some gap has this reason.
    #[track_caller]
    pub fn until_gaps_are_closed(&self, reason: &str) {
        self.until("every gap is closed", |site| {
            let gaps = site.gaps();
            !gaps.is_empty() && gaps.iter().all(|gap| gap.state == GapState::Closed)
        });
        let gaps = self.gaps();
        assert!(
            gaps.iter().any(|gap| gap.reason.contains(reason)),
            "{gaps:?}"
        );
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        // Nobody sends: waiting on it is waiting for the time.
        let (_keep, never) = crossbeam_channel::bounded::<()>(0);
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < GIVE_UP,
                "waited in vain until {what}: {:?}",
                self.gaps()
            );
            assert!(never.recv_timeout(LOOK).is_err());
        }
    }

    /// The verdicts on the clip of two people on one grant, with what the journal has after `seq`.
    pub fn verdicts(&self, seq: u64) -> Vec<String> {
        let grants = self.run(&[
            "intake",
            "replay",
            "intake.toml",
            "--after",
            &seq.to_string(),
        ]);
        self.write("grants.jsonl", &grants);
        let granted = grants
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut granted = granted.filter(|event: &Value| event["kind"] == "granted");
        let badge = granted.next().unwrap();
        assert_eq!(
            (&badge["door"], granted.next()),
            (&"front".into(), None),
            "{grants}"
        );
        let badge: Timestamp = badge["time"].as_str().unwrap().parse().unwrap();
        let start = (badge - SignedDuration::from_millis(BADGE_MS)).to_string();
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let clip = project.join("testdata/clips/two-on-one-grant");
        let (video, door) = (clip.join("clip.mp4"), clip.join("door.toml"));
        let models = project.join("models");
        let [video, door, models] = [&video, &door, &models].map(|path| path.to_str().unwrap());
        let played = ["replay", video, "--door", door, "--grants", "grants.jsonl"];
        let how = [
            "--start", &start, "--models", models, "--model", "hog", "--json", "--quiet",
        ];
        let summary: Value =
            serde_json::from_str(&self.run(&[&played[..], &how].concat())).unwrap();
        let verdicts = summary["verdicts"].as_array().unwrap();
        let kinds = verdicts
            .iter()
            .map(|verdict| verdict["kind"].as_str().unwrap().to_owned());
        kinds.collect()
    }

    /// A badge gives a verdict: the first is authorised, who follows is not.
    #[track_caller]
    pub fn check_verdicts(&self, after: u64) {
        assert_eq!(
            self.verdicts(after),
            ["authorised", "tailgating"],
            "with {}",
            self.vendor
        );
    }
}
