//! The server under measurement, as a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::BenchArgs;
use super::load::KEY;
use crate::intake::inbox::InboxReader;

/// Ticks of the kernel's CPU counters a second: 100 on Linux, whatever the hardware.
const TICKS_PER_S: f64 = 100.0;

/// A running server and its folder.
pub(super) struct Served {
    pub address: SocketAddr,
    child: Child,
    folder: PathBuf,
}

/// What it left.
pub(super) struct After {
    /// Events in the journal.
    pub stored: u64,
    /// Whether its numbers have no gaps.
    pub gapless: bool,
    /// Most resident memory, MiB.
    pub peak_mib: f64,
    /// CPU time of all of its threads.
    pub cpu: Duration,
}

impl Served {
    /// Starts one with an empty inbox.
    pub(super) fn start(parent: &Path, args: &BenchArgs) -> io::Result<Self> {
        let folder = parent.join(format!("tailgate-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("key"), KEY)?;
        let file = folder.join("intake.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[inbox]\npath = \"inbox.db\"\n\
             linger_ms = {:?}\nslower_commit_ms = {:?}\n[[source]]\nname = \"bench\"\n\
             vendor = \"kisi\"\nsecrets = [{{ file = \"key\" }}]\nconnections = 65536\n",
            args.linger_ms, args.slower_commit_ms
        );
        std::fs::write(&file, text)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["intake", "run"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = &mut child.stdout {
            BufReader::new(out).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        let Some(address) = address else {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other("the server did not start"));
        };
        Ok(Self {
            address,
            child,
            folder,
        })
    }

    /// Looks at it once more, ends it, and counts what it stored.
    pub(super) fn stop(mut self) -> io::Result<After> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let stat = std::fs::read_to_string(process.join("stat"))?;
        self.child.kill()?;
        self.child.wait()?;
        let reader = InboxReader::open(&self.folder.join("inbox.db")).map_err(io::Error::other)?;
        let journal = reader.check().map_err(io::Error::other)?;
        Ok(After {
            stored: journal.events,
            gapless: journal.whole && journal.events == journal.last,
            peak_mib: peak_mib(&status).unwrap_or(f64::NAN),
            cpu: cpu(&stat).unwrap_or_default(),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Whatever went wrong: neither the process nor its folder is left behind.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// `VmHWM:    12345 kB`.
fn peak_mib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

/// User and system time: the 14th and 15th field; the 2nd is a name in brackets.
fn cpu(stat: &str) -> Option<Duration> {
    let rest = stat.rsplit_once(')')?.1;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Duration::try_from_secs_f64((user + system) / TICKS_PER_S).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counters_are_read() {
        assert_eq!(peak_mib("VmPeak:\t 1 kB\nVmHWM:\t    2048 kB\n"), Some(2.0));
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }
}
