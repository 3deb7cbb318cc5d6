//! A site: a vendor on a local socket, and the intake beside it as a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// What no log, file or output may hold, by what it is.
pub const SECRETS: [(&str, &str); 6] = [
    ("signature.key", "a-signature-key-of-32-characters!"),
    ("kisi.key", "kisi-key"),
    ("openpath.password", "openpath-password"),
    ("token", "a-path-token-of-32-characters-and-more"),
    ("genetec.password", "genetec-password"),
    ("genetec.application", "GSC-1SDK-Example-Tailgate"),
];

/// Whom no log may name.
pub const NAMES: [&str; 2] = ["Ann Example", "ann@example.org"];

const SCRIPT: &str = "door \"Front\" id 101\ndoor \"Side\" id 102\n\
                      user 7 \"Ann Example\" ann@example.org\n";

/// When a test gives up on what must come.
const GIVE_UP: Duration = Duration::from_secs(90);

/// A process that ends with the test.
struct Running {
    child: Child,
    /// Kept open, so that it can go on printing.
    lines: BufReader<std::process::ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn start(folder: &Path, arguments: &[&str], log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = tailgate(folder, arguments)
            .env("TAILGATE_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What `listening on URL` names.
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

/// What a command said, and whether it went well.
pub struct Said {
    pub good: bool,
    pub out: String,
    pub error: String,
}

pub struct Site {
    folder: TempDir,
    pub vendor_url: String,
    pub intake_url: String,
    fake: Option<Running>,
    intake: Option<Running>,
}

impl Site {
    /// A folder with secrets, and a free address for the intake. `source` is the rest of the source's
    /// table; `$VENDOR` and `$INTAKE` in it become addresses.
    pub fn new(vendor: &str, source: &str, rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("script.txt"), SCRIPT).unwrap();
        for (file, secret) in SECRETS {
            fs::write(path.join(file), secret).unwrap();
        }
        let listen = ["--listen", "127.0.0.1:0", "--script", "script.txt"];
        let arguments = [&["fake", vendor][..], &listen].concat();
        let mut fake = Running::start(&path, &arguments, &path.join("fake.log"));
        let vendor_url = fake.address();
        let mut site = Self {
            folder,
            vendor_url,
            intake_url: String::new(),
            fake: Some(fake),
            intake: None,
        };
        site.configure(source, rest);
        site
    }

    /// Writes the intake file anew, with an address that was free just now if there is none yet.
    pub fn configure(&mut self, source: &str, rest: &str) {
        if self.intake_url.is_empty() {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
            self.intake_url = format!("http://{}", free.unwrap());
        }
        let webhook = format!("{}/in/site/{}", self.intake_url, SECRETS[3].1);
        fs::write(self.path("openpath.webhook"), webhook).unwrap();
        let listen = self.intake_url.trim_start_matches("http://");
        let text = format!(
            "[server]\nlisten = \"{listen}\"\n\n[inbox]\npath = \"inbox.db\"\n\n\
             [[source]]\nname = \"site\"\n{source}\n{rest}\n"
        );
        let text = text.replace("$VENDOR", &self.vendor_url);
        let text = text.replace("$INTAKE", &self.intake_url);
        fs::write(self.path("intake.toml"), text).unwrap();
        let checked = self.said(&["check", "intake.toml"]);
        assert!(checked.good, "{}", checked.error);
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Starts the intake, or starts it again.
    pub fn run(&mut self) {
        self.intake = None;
        let arguments = ["intake", "run", "intake.toml"];
        let mut intake = Running::start(self.folder.path(), &arguments, &self.path("intake.log"));
        assert_eq!(intake.address(), self.intake_url);
        self.intake = Some(intake);
    }

    /// Something happens at the doors.
    pub fn happen(&self, line: &str) {
        ureq::post(format!("{}/_fake/do", self.vendor_url))
            .send(line)
            .unwrap();
    }

    pub fn said(&self, arguments: &[&str]) -> Said {
        let output = tailgate(self.folder.path(), arguments).output().unwrap();
        Said {
            good: output.status.success(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command that must go well prints.
    #[track_caller]
    pub fn output(&self, arguments: &[&str]) -> String {
        let said = self.said(arguments);
        assert!(said.good, "{arguments:?}: {}", said.error);
        said.out
    }

    /// Says a command again and again until what it prints is as it should be.
    #[track_caller]
    pub fn until(&self, arguments: &[&str], holds: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said(arguments);
            if said.good && holds(&said.out) {
                return said.out;
            }
            let (out, error) = (said.out, said.error);
            assert!(
                begun.elapsed() < GIVE_UP,
                "{arguments:?} in vain: {out}{error}\n{}",
                self.log()
            );
        }
    }

    /// Waits until so many grants are in the journal; all events, as `tail --json` prints them.
    #[track_caller]
    pub fn grants(&self, many: usize) -> Vec<Value> {
        let tail = ["intake", "tail", "-n", "100", "--json", "intake.toml"];
        let is_grant = |line: &str| line.contains("\"kind\":\"granted\"");
        let printed = self.until(&tail, |out| {
            out.lines().filter(|line| is_grant(line)).count() >= many
        });
        let granted = printed.lines().filter(|line| is_grant(line));
        granted
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Everything that the intake wrote down, the inbox file with its log included.
    pub fn written(&self) -> Vec<(String, Vec<u8>)> {
        let files = ["inbox.db", "inbox.db-wal", "intake.log"];
        let read = |file: &str| Some((file.to_owned(), fs::read(self.path(file)).ok()?));
        files.into_iter().filter_map(read).collect()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("intake.log")).unwrap_or_default()
    }

    /// The vendor goes away.
    pub fn end_vendor(&mut self) {
        self.fake = None;
    }
}

/// Nothing of `sought` stands in any of the texts.
#[track_caller]
pub fn nowhere<'a>(sought: impl IntoIterator<Item = &'a str>, texts: &[(String, Vec<u8>)]) {
    for sought in sought {
        for (place, text) in texts {
            let mut windows = text.windows(sought.len());
            let found = windows.position(|window| window == sought.as_bytes());
            let Some(at) = found else {
                continue;
            };
            let around = &text[at.saturating_sub(200)..(at + 200).min(text.len())];
            panic!(
                "{sought:?} stands in {place}: {}",
                String::from_utf8_lossy(around)
            );
        }
    }
}

/// The rest of a source's table, for each vendor.
pub const OPENPATH: &str = "vendor = \"openpath\"\nsecrets = [{ file = \"token\" }]\n$PEOPLE\n\
    [source.fetch]\ndriver = \"openpath\"\napi = \"$VENDOR\"\nemail = \"admin@example.org\"\n\
    password = { file = \"openpath.password\" }\norg = 2181\n\
    webhook = { file = \"openpath.webhook\" }\n";
pub const KISI: &str = "vendor = \"kisi\"\nsecrets = [{ file = \"signature.key\" }]\n$PEOPLE\n\
    [source.fetch]\ndriver = \"kisi\"\napi = \"$VENDOR\"\nkey = { file = \"kisi.key\" }\n\
    webhook = \"$INTAKE/in/site\"\nsignature_key = { file = \"signature.key\" }\n";
pub const GENETEC: &str = "vendor = \"genetec\"\n$PEOPLE\n\
    [source.fetch]\ndriver = \"genetec\"\nurl = \"$VENDOR/WebSdk\"\nuser = \"admin\"\n\
    password = { file = \"genetec.password\" }\napplication = { file = \"genetec.application\" }\n";
