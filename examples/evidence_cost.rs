//! What keeping evidence costs: CPU and memory of a ring and of one cut, blurred and clear.
//!
//! `cargo run --release --example evidence_cost -- CLIP DIR [X0,Y0,X1,Y1]` takes a clip of at least 12 s as if a camera
//! had sent it, holds it in four rings, and keeps 10 s of it twice in DIR, with three key frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tailgate::capture::{ClipPackets, Rotation};
use tailgate::detection::PointInImage;
use tailgate::evidence::{Cut, Keeper, KeeperSettings, Region, Ring, RingLimits};
use tailgate::units::{Instant, Span};

/// Clock ticks a second of /proc on Linux.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clip, dir, more @ ..] = &arguments[..] else {
        return Err("usage: evidence_cost CLIP DIR [X0,Y0,X1,Y1]".into());
    };
    let region: Vec<f64> = match more {
        [text, ..] => text.split(',').map(str::parse).collect::<Result<_, _>>()?,
        [] => vec![700.0, 200.0, 1200.0, 1000.0],
    };
    let [x0, y0, x1, y1] = region[..] else {
        return Err("the region is X0,Y0,X1,Y1".into());
    };
    println!("at the start                  {}", memory()?);
    let begun = cpu_s()?;
    let rings = (0..4).map(|_| ring(Path::new(clip)));
    let rings: Vec<Arc<Ring>> = rings.collect::<Result<_, _>>()?;
    let level = rings[0].level();
    println!(
        "4 rings of {} pictures, {:.1} s, {:.1} MB each; {:.2} s CPU to read and push\n{:30}{}",
        level.pictures,
        level.span.as_s(),
        level.bytes as f64 / 1e6,
        cpu_s()? - begun,
        "",
        memory()?
    );
    let newest = rings[0].newest().ok_or("the clip is empty")?;
    for clear in [true, false] {
        let from = newest - Span::from_ms(11_000);
        let cut = Cut {
            id: if clear { "clear" } else { "blurred" }.to_owned(),
            camera: "camera".to_owned(),
            door: "door".to_owned(),
            ring: Arc::clone(&rings[0]),
            from,
            to: from + Span::from_ms(10_000),
            keep: vec![Region::Rectangle(
                PointInImage { x: x0, y: y0 },
                PointInImage { x: x1, y: y1 },
            )],
            clear,
            moments: [2_000, 5_000, 8_000]
                .map(|ms| from + Span::from_ms(ms))
                .to_vec(),
            trace: Vec::new(),
            about: serde_json::Value::Null,
        };
        let begun = cpu_s()?;
        let keeper = Keeper::start(KeeperSettings {
            patience: Duration::ZERO,
            ..KeeperSettings::new(PathBuf::from(dir))
        })?;
        keeper.cut(cut)?;
        let status = keeper.stop(Duration::from_secs(600));
        println!(
            "{:8} {:5.2} s CPU, {:5.2} s on the clock   {}",
            if clear { "clear" } else { "blurred" },
            cpu_s()? - begun,
            status.last_ms as f64 / 1e3,
            memory()?
        );
        println!("{status:?}");
    }
    Ok(())
}

fn ring(clip: &Path) -> Result<Arc<Ring>, Box<dyn std::error::Error>> {
    let ring = Ring::new(RingLimits::default(), Rotation::None);
    let mut packets = ClipPackets::open(clip)?;
    while let Some(unit) = packets.next_unit()? {
        let time = Instant::from_us(unit.time_us);
        ring.push(Arc::new(unit), time);
    }
    Ok(Arc::new(ring))
}

/// Seconds of processor time of this process, all threads.
fn cpu_s() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit_once(')').ok_or("no stat")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
}

/// Memory now and at most.
fn memory() -> Result<String, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = |name: &str| -> f64 {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = found.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    };
    Ok(format!(
        "{:.0} MiB now, {:.0} MiB at most",
        line("VmRSS:"),
        line("VmHWM:")
    ))
}
