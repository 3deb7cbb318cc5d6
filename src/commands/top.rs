//! `tailgate top`: how a box stands, as a table.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::live::Status;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// A box on the same network answers at once, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(3);

/// Shows cameras and doors of a box that runs, again and again until it is interrupted.
///
/// With --once exit code 0 if every thread gets on, 4 if one does not, 1 if the box does not answer.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Where the box serves its health.
    #[arg(default_value = "http://127.0.0.1:8470")]
    url: String,
    /// Show it once.
    #[arg(long)]
    once: bool,
    /// Print nothing: only the exit code tells.
    #[arg(long, requires = "once")]
    quiet: bool,
    /// Print the object as it comes.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub fn run(args: &TopArgs) -> Outcome {
    // Nobody ever sends: it is the clock of the table.
    let (_held, clock) = crossbeam_channel::bounded::<()>(0);
    loop {
        let (status, text) = ask(&args.url)?;
        let good = status.stuck.is_empty();
        if !args.quiet {
            show(&status, &text, args);
        }
        if args.once {
            return Ok(if good { DONE } else { NOT_AS_EXPECTED });
        }
        let _ = clock.recv_timeout(EVERY);
    }
}

fn ask(url: &str) -> Result<(Status, String), Failure> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.build().into();
    let url = format!("{}/status", url.trim_end_matches('/'));
    let failed = |error: ureq::Error| Failure::unusable(format!("{url}: {error}"));
    let mut answer = agent.get(&url).call().map_err(failed)?;
    let text = answer.body_mut().read_to_string().map_err(failed)?;
    let status = serde_json::from_str(&text);
    let status = status.map_err(|error| Failure::unusable(format!("{url}: {error}")))?;
    Ok((status, text))
}

fn show(status: &Status, text: &str, args: &TopArgs) {
    let mut out = std::io::stdout().lock();
    let clear = !args.once && !args.json && std::io::stdout().is_terminal();
    let shown = match (args.json, clear) {
        (true, _) => format!("{text}\n"),
        // Clear the screen and go to its corner.
        (false, true) => format!("\x1b[2J\x1b[H{}", table(status)),
        (false, false) => table(status),
    };
    // A reader that went away is no failure.
    drop(out.write_all(shown.as_bytes()).and_then(|()| out.flush()));
}

/// Cameras and doors, a line each.
fn table(status: &Status) -> String {
    let mut lines = vec![
        format!("{} since {}", status.site, status.since),
        format!(
            "{:<16} {:<10} {:>6} {:>6} {:>8} {:>8} {:>6}",
            "camera", "sight", "fps", "people", "dropped", "skipped", "ends"
        ),
    ];
    for (name, camera) in &status.cameras {
        lines.push(format!(
            "{name:<16} {:<10} {:>6.1} {:>6} {:>8} {:>8} {:>6}{}",
            camera.sight,
            camera.rate_hz,
            camera.people,
            camera.dropped,
            camera.skipped,
            camera.reconnects,
            if camera.sight == "clear" {
                String::new()
            } else {
                format!("  {}", camera.why)
            }
        ));
    }
    for (name, door) in &status.doors {
        let counts = door.verdicts.iter();
        let counts: Vec<String> = counts
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let counts = if counts.is_empty() {
            "nobody yet".to_owned()
        } else {
            counts.join(", ")
        };
        lines.push(format!("{name}: {counts}"));
        if !door.last.is_empty() {
            lines.push(format!("    {}", door.last));
        }
    }
    for (thread, seconds) in &status.stuck {
        lines.push(format!("STUCK: {thread} for {seconds:.0} s"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::live::{CameraStatus, DoorStatus};

    #[test]
    fn a_blind_camera_says_why() {
        let mut status = Status {
            site: "hq".to_owned(),
            since: "2026-11-22T09:00:00Z".to_owned(),
            ..Status::default()
        };
        let camera = CameraStatus {
            sight: "no_signal".to_owned(),
            why: "no picture for 2.0 s".to_owned(),
            reconnects: 3,
            ..CameraStatus::default()
        };
        status.cameras.insert("lobby".to_owned(), camera);
        status
            .doors
            .insert("front".to_owned(), DoorStatus::default());
        insta::assert_snapshot!(table(&status), @r"
        hq since 2026-11-22T09:00:00Z
        camera           sight         fps people  dropped  skipped   ends
        lobby            no_signal     0.0      0        0        0      3  no picture for 2.0 s
        front: nobody yet
        ");
    }
}
