//! A file played as a camera would: one picture after the other, each at its time.
//!
//! Theory of operation: pictures are handed out when the steady clock has come as far as their presentation time, in the
//! order of decoding, as over a network. At its end the file ends, or begins again without a gap in
//! its times.
//!
//! It deliberately sleeps on the caller's thread of control: it is the camera's own.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::SteadyClock;
use super::event::{LiveUnit, Received, StreamEnd, StreamFacts};
use crate::capture::{AccessUnit, ClipPackets};

/// Between the last picture of a round and the first of the next.
const ROUND_GAP_US: i64 = 40_000;

/// Plays a file once, or again and again.
pub(super) async fn play(
    path: &Path,
    again: bool,
    clock: &dyn SteadyClock,
    take: &mut dyn FnMut(Received) -> ControlFlow<()>,
) -> Result<(), StreamEnd> {
    let began_us = clock.now_us();
    let mut round_us = 0;
    loop {
        let mut packets = ClipPackets::open(path)?;
        if round_us == 0 && take(Received::Began(facts(&packets))).is_break() {
            return Ok(());
        }
        let mut zero_us = None;
        let mut last_us = round_us;
        while let Some(mut unit) = packets.next_unit()? {
            let zero_us = *zero_us.get_or_insert(unit.time_us);
            unit.time_us = round_us + unit.time_us - zero_us;
            last_us = last_us.max(unit.time_us);
            wait_until(began_us + unit.time_us, clock).await;
            if take(Received::Unit(live(unit, clock))).is_break() {
                return Ok(());
            }
        }
        if !again {
            return Err(StreamEnd::Closed);
        }
        round_us = last_us + ROUND_GAP_US;
    }
}

fn facts(packets: &ClipPackets) -> StreamFacts {
    StreamFacts {
        codec: packets.codec().name().to_ascii_uppercase(),
        size: Some(packets.size()),
        declared_rate: None,
        server: None,
        transport: "file",
    }
}

async fn wait_until(due_us: i64, clock: &dyn SteadyClock) {
    let wait_us = due_us.saturating_sub(clock.now_us());
    if let Ok(wait_us) = u64::try_from(wait_us) {
        tokio::time::sleep(Duration::from_micros(wait_us)).await;
    }
}

fn live(unit: AccessUnit, clock: &dyn SteadyClock) -> LiveUnit {
    LiveUnit {
        unit,
        stamped: true,
        arrived_us: clock.now_us(),
        lost_packets: 0,
    }
}
