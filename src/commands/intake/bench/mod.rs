//! `tailgate intake bench`: signed webhooks from socket to committed, measured on this machine.
//!
//! Theory of operation: the real server runs as a process of its own, with an inbox in a folder that
//! is given or made. This process is the sender: connections that stay open, a new signed event with
//! each request. At a given rate, requests are due at fixed times whatever the answers do, and an
//! answer's time counts from when its request was due: a server that stalls cannot hide it. At the end
//! the journal must hold exactly what was acknowledged.

mod disk;
mod load;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use super::unusable;
use load::{Load, Measured};
use server::Served;

/// Measures signed webhooks from socket to committed: rate, time to 2xx, memory, and the disk's fsync.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Requests a second, several with commas; 0 is as many as possible.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000,0")]
    rates: Vec<u32>,
    /// Seconds for each rate.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections that stay open.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Milliseconds that every commit takes longer, as on a slower disk.
    #[arg(long, default_value_t = 0.0)]
    slower_commit_ms: f64,
    /// Milliseconds that the writer waits for more before it commits.
    #[arg(long, default_value_t = 2.0)]
    linger_ms: f64,
    /// Folder for the inbox, to measure the disk it is on; it is left empty.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print one JSON object a rate.
    #[arg(long)]
    json: bool,
}

/// Measures and prints; exit code 4 if the journal does not hold what was acknowledged.
pub fn run(args: &BenchArgs) -> Outcome {
    let parent = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let fsync = disk::fsync(&parent).map_err(|error| {
        Failure::unusable(format!("{} can't be measured: {error}", parent.display()))
    })?;
    if !args.json {
        println!(
            "fsync of the disk: p50 {:.3} ms, p99 {:.3} ms; load average {}",
            fsync.0.as_secs_f64() * 1e3,
            fsync.1.as_secs_f64() * 1e3,
            disk::load_average()
        );
        println!(
            "{:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
            "asked/s",
            "2xx/s",
            "not 2xx",
            "p50 ms",
            "p99 ms",
            "max ms",
            "peak MiB",
            "cpu s/s",
            "lost"
        );
    }
    let runtime = super::run::runtime()?;
    let mut whole = true;
    for rate in &args.rates {
        let served = Served::start(&parent, args).map_err(unusable)?;
        let load = Load {
            address: served.address,
            rate: *rate,
            connections: args.connections.max(1),
            time: Duration::try_from_secs_f64(args.seconds).map_err(unusable)?,
        };
        let measured = runtime.block_on(load.run()).map_err(unusable)?;
        let after = served.stop().map_err(unusable)?;
        let lost = measured.acknowledged.saturating_sub(after.stored);
        whole &= lost == 0 && after.gapless;
        print(args, *rate, &measured, &after, lost);
    }
    Ok(if whole { DONE } else { NOT_AS_EXPECTED })
}

fn print(args: &BenchArgs, rate: u32, measured: &Measured, after: &server::After, lost: u64) {
    let per_s = measured.acknowledged as f64 / measured.took.as_secs_f64();
    let cpu = after.cpu.as_secs_f64() / measured.took.as_secs_f64();
    let ms = |percent: f64| measured.quantile(percent).as_secs_f64() * 1e3;
    if args.json {
        let line = serde_json::json!({
            "asked_per_s": rate, "acknowledged_per_s": per_s, "not_2xx": measured.failed,
            "p50_ms": ms(50.0), "p99_ms": ms(99.0), "max_ms": ms(100.0),
            "peak_rss_mib": after.peak_mib, "cpu_s_per_s": cpu, "lost": lost,
            "seconds": measured.took.as_secs_f64(), "stored": after.stored,
            "slower_commit_ms": args.slower_commit_ms, "linger_ms": args.linger_ms,
        });
        println!("{line}");
        return;
    }
    let asked = match rate {
        0 => "most".to_owned(),
        rate => rate.to_string(),
    };
    println!(
        "{asked:>9} {per_s:>9.0} {:>9} {:>8.2} {:>8.2} {:>8.2} {:>9.1} {cpu:>9.2} {lost:>8}",
        measured.failed,
        ms(50.0),
        ms(99.0),
        ms(100.0),
        after.peak_mib
    );
}
