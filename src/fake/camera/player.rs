//! Plays footage to one receiver: at its pace, and with the camera's faults.
//!
//! It deliberately never looks at what it sends.

use std::time::Duration;

use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tokio::time::Instant;

use super::faults::Faults;
use super::footage::Footage;
use super::rtp::{CLOCK_HZ, Packets};
use super::session::ssrc;

/// A report of the wall clock is sent this often.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
/// The stamp of the first picture, unless stamps are to run over.
const FIRST_STAMP: u32 = 123_456;

/// Where packets go.
pub(super) trait Wire: Send {
    /// A packet of pictures, or (`report`) one about the sender. False: the receiver has gone.
    fn send(&mut self, packet: Vec<u8>, report: bool) -> impl Future<Output = bool> + Send;
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlayEnd {
    /// The clip is over, or the receiver has gone.
    Over,
    /// The camera hangs up.
    HangUp,
}

/// One session's playing.
pub(super) struct Player<'a> {
    pub(super) footage: &'a Footage,
    pub(super) faults: &'a Faults,
    pub(super) seed: u64,
}

impl Player<'_> {
    /// Plays until the end.
    pub(super) async fn play(&self, wire: &mut impl Wire) -> PlayEnd {
        let mut dice = Pcg64::seed_from_u64(self.seed);
        let mut packets = Packets::new(self.footage.codec, ssrc(self.seed));
        let began = Instant::now();
        let mut report_due = began;
        let mut round_us = -((self.faults.join_at_s * 1e6) as i64);
        loop {
            for unit in &self.footage.units {
                let at_us = round_us + unit.time_us;
                if at_us < 0 {
                    continue;
                }
                let at_s = at_us as f64 / 1e6;
                tokio::time::sleep_until(began + Duration::from_micros(at_us as u64)).await;
                if self.faults.close_at_s.is_some_and(|close| at_s >= close) {
                    return PlayEnd::HangUp;
                }
                if self.is_stalled(at_s) {
                    continue;
                }
                let stamp = self.stamp(at_us);
                if Instant::now() >= report_due && !self.faults.no_reports {
                    report_due += REPORT_EVERY;
                    if !wire.send(packets.report(self.ntp(), stamp), true).await {
                        return PlayEnd::Over;
                    }
                }
                let mut sent = packets.of_picture(self.footage.codec, &unit.data, stamp);
                self.disturb(&mut sent, &mut dice);
                for packet in sent {
                    if !wire.send(packet, false).await {
                        return PlayEnd::Over;
                    }
                }
            }
            if self.faults.once {
                return PlayEnd::Over;
            }
            round_us += self.footage.length_us;
        }
    }

    fn is_stalled(&self, at_s: f64) -> bool {
        self.faults.stall.is_some_and(|(from, length)| {
            at_s >= from && length.is_none_or(|length| at_s < from + length)
        })
    }

    /// The stamp of a picture, with all that is wrong with the camera's clock.
    fn stamp(&self, at_us: i64) -> u32 {
        if self.faults.stuck {
            return FIRST_STAMP;
        }
        let at_s = at_us as f64 / 1e6;
        let mut shown_s = at_s * (1.0 + self.faults.drift_ppm / 1e6);
        if let Some((from, by)) = self.faults.jump
            && at_s >= from
        {
            shown_s += by;
        }
        let ticks = (shown_s * CLOCK_HZ as f64).round() as i64;
        let first = match self.faults.wrap_at_s {
            Some(wrap) => 0_u32.wrapping_sub((wrap * CLOCK_HZ as f64) as u32),
            None => FIRST_STAMP,
        };
        first.wrapping_add(ticks as u32)
    }

    /// What the camera's wall clock shows now, as NTP.
    fn ntp(&self) -> u64 {
        let skew_us = (self.faults.skew_ms * 1e3) as i64;
        let now_us = if self.faults.unset_clock {
            0
        } else {
            Timestamp::now().as_microsecond()
        };
        let us = now_us + skew_us;
        let seconds = (us.div_euclid(1_000_000) + NTP_TO_UNIX_S) as u64;
        let fraction = (us.rem_euclid(1_000_000) as u64) << 32;
        (seconds << 32) | (fraction / 1_000_000)
    }

    /// A picture's packets as they arrive.
    fn disturb(&self, packets: &mut Vec<Vec<u8>>, dice: &mut Pcg64) {
        let mut arrive: Vec<Vec<u8>> = Vec::with_capacity(packets.len());
        let mut held: Option<Vec<u8>> = None;
        for packet in packets.drain(..) {
            let Some(packet) = self.damaged(packet, dice) else {
                continue;
            };
            let (foreign, dup, late) = (dice.random(), dice.random(), dice.random());
            let chance = |share: f64, throw: f64| throw < share;
            if chance(self.faults.foreign, foreign) {
                arrive.push(of_another_session(&packet));
            }
            if held.is_none() && chance(self.faults.reorder, late) {
                held = Some(packet);
                continue;
            }
            if chance(self.faults.dup, dup) {
                arrive.push(packet.clone());
            }
            arrive.push(packet);
            arrive.extend(held.take());
        }
        arrive.extend(held);
        *packets = arrive;
    }

    /// The packet as it arrives, or nothing.
    fn damaged(&self, mut packet: Vec<u8>, dice: &mut Pcg64) -> Option<Vec<u8>> {
        // The dice fall the same way whatever the faults are.
        let (lost, hit) = (dice.random::<f64>(), dice.random::<f64>());
        let place = dice.random_range(0..packet.len());
        if hit < self.faults.corrupt && place >= 12 {
            packet[place] ^= 0x55;
        }
        (lost >= self.faults.drop).then_some(packet)
    }
}

/// A packet like this one from a session that ended before: another source, other numbers, another picture.
fn of_another_session(packet: &[u8]) -> Vec<u8> {
    let mut other = packet.to_vec();
    for (place, byte) in other.iter_mut().enumerate().skip(2) {
        *byte ^= if place < 12 { 0x5a } else { 0x33 };
    }
    other
}
