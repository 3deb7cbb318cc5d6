//! Row D12 of the fault table, an hour of it: a box whose cameras hang up or fall silent about once a minute, and what it
//! holds of its machine meanwhile.
//!
//! `TAILGATE_SOAK_MINUTES=60 cargo test --release --test live_run soak -- --nocapture` runs it. Without the variable it is
//! left out: flatness shows in hours, not in seconds. `TAILGATE_SOAK_LOG` names a file for the samples.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::project;
use crate::site::{free, run, start, write_door};

/// Name, clip and what is wrong. Streams that lasted a minute begin again with the shortest wait.
const CAMERAS: [(&str, &str, &str); 4] = [
    ("north", "dithering", "close_at=61"),
    ("east", "dithering", "stall_at=61:600"),
    ("south", "two-on-one-grant", "close_at=63"),
    ("west", "dithering", "stall_at=64:600"),
];
/// A sample is taken this often.
const EVERY: Duration = Duration::from_secs(10);
/// Rings, caches and the allocator fill up in this share of the time.
const WARM_UP: f64 = 0.25;
/// Sockets come and go with reconnects: so many more or fewer descriptors are no leak.
const LOOSE_FDS: f64 = 3.0;
/// A ledger keeps a day of what came through a door, about 3 kB each; an allocator is not exact.
const MOST_KB_PER_HOUR: f64 = 24_576.0;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    at_s: f64,
    fds: f64,
    threads: f64,
    rss_kb: f64,
}

fn held(process: u32, at_s: f64) -> Held {
    let folder = format!("/proc/{process}");
    let status = fs::read_to_string(format!("{folder}/status")).unwrap();
    let number = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse().unwrap()
    };
    Held {
        at_s,
        fds: fs::read_dir(format!("{folder}/fd")).unwrap().count() as f64,
        threads: number("Threads:"),
        rss_kb: number("VmRSS:"),
    }
}

/// Least squares: change a second.
fn slope(samples: &[Held], of: impl Fn(&Held) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean_t = samples.iter().map(|held| held.at_s).sum::<f64>() / count;
    let mean_v = samples.iter().map(&of).sum::<f64>() / count;
    let (mut top, mut bottom) = (0.0, 0.0);
    for held in samples {
        top += (held.at_s - mean_t) * (of(held) - mean_v);
        bottom += (held.at_s - mean_t).powi(2);
    }
    top / bottom
}

fn write_site(folder: &Path, cameras: &str, health: &str) {
    let doors = CAMERAS
        .map(|(name, _, _)| format!("\"{name}.toml\""))
        .join(", ");
    let tables = CAMERAS.map(|(name, _, _)| {
        format!("[[camera]]\nname = \"{name}\"\nurl = \"rtsp://{cameras}/{name}\"\n")
    });
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [{doors}]\n\n{}\n[detector]\nmodel = \"lintel\"\nmodels = \"{}\"\n\n\
         [health]\nlisten = \"{health}\"\n",
        tables.join("\n"),
        project("models").display()
    );
    fs::write(folder.join("site.toml"), text).unwrap();
}

#[test]
fn d12_soak_a_box_whose_cameras_come_and_go_stays_as_large_as_it_is() {
    let Ok(minutes) = std::env::var("TAILGATE_SOAK_MINUTES") else {
        eprintln!("SKIPPED: TAILGATE_SOAK_MINUTES says for how long the soak is to run");
        return;
    };
    let lasts_s = 60.0 * minutes.parse::<f64>().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut arguments = Vec::new();
    for (name, clip, faults) in CAMERAS {
        write_door(folder, clip, name);
        let clip = project(&format!("testdata/clips/{clip}/clip.mp4"));
        arguments.push(format!("--stream={name}={}", clip.display()));
        arguments.push(format!("--faults={name}={faults}"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let cameras = free().to_string();
    let fake = [&["fake", "camera", "--listen", &cameras], &*arguments].concat();
    let (_cameras, lines) = start(folder, &fake);
    lines.recv_timeout(Duration::from_secs(60)).unwrap();
    let health = free().to_string();
    write_site(folder, &cameras, &health);
    run(folder, &["check", "site.toml"]);
    let (site, lines) = start(folder, &["run", "site.toml", "--json"]);
    let begun = Instant::now();
    let (mut samples, mut log) = (Vec::new(), "seconds,fds,threads,rss_kb,blind\n".to_owned());
    let mut blind = 0;
    while begun.elapsed().as_secs_f64() < lasts_s {
        let next = EVERY * (samples.len() as u32 + 1);
        while let Some(left) = next.checked_sub(begun.elapsed()).filter(|l| !l.is_zero()) {
            if let Ok(line) = lines.recv_timeout(left) {
                blind += u32::from(line.contains("\"sight\":\"no_signal\""));
            }
        }
        let held = held(site.child.id(), begun.elapsed().as_secs_f64());
        writeln!(
            log,
            "{:.0},{},{},{},{blind}",
            held.at_s, held.fds, held.threads, held.rss_kb
        )
        .unwrap();
        if let Some(path) = std::env::var_os("TAILGATE_SOAK_LOG") {
            fs::write(path, &log).unwrap();
        }
        samples.push(held);
    }
    let warm = &samples[(WARM_UP * samples.len() as f64) as usize..];
    let hours = (warm[warm.len() - 1].at_s - warm[0].at_s) / 3_600.0;
    let of = [
        slope(warm, |held| held.fds) * 3_600.0,
        slope(warm, |held| held.threads) * 3_600.0,
        slope(warm, |held| held.rss_kb) * 3_600.0,
    ];
    println!(
        "Row D12: {:.0} min, {blind} streams lost; after the warm-up an hour brings {:+.2} descriptors, {:+.2} threads, \
         {:+.0} kB; last {:?}",
        lasts_s / 60.0,
        of[0],
        of[1],
        of[2],
        samples[samples.len() - 1]
    );
    // Each camera is lost about once a minute, and comes back each time; a busy machine is slower.
    let least = (CAMERAS.len() as f64 * (lasts_s / 80.0 - 1.0)) as u32;
    assert!(blind >= least, "{blind} streams lost, not {least}");
    assert!((of[0] * hours).abs() <= LOOSE_FDS, "{of:?}");
    assert!((of[1] * hours).abs() <= 1.0, "{of:?}");
    assert!(of[2] <= MOST_KB_PER_HOUR, "{of:?}");
}
