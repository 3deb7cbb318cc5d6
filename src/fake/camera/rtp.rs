//! Compressed pictures as RTP packets, and sender reports.
//!
//! Theory of operation: H.264 as RFC 6184 says (single NAL units and FU-A), H.265 as RFC 7798 (single NAL units and
//! FU), JPEG as RFC 2435; a report as RFC 3550 section 6.4.1.
//!
//! It deliberately aggregates nothing: cameras rarely do, and receivers must not need it.

use super::footage::pieces;
use super::jpeg;
use crate::capture::Codec;

/// Longest payload of a packet, bytes: fits an Ethernet frame with all headers.
const MOST_PAYLOAD: usize = 1400;
/// Stamps a second.
pub(super) const CLOCK_HZ: i64 = 90_000;

/// Numbers one stream's packets.
#[derive(Debug, Clone)]
pub(super) struct Packets {
    pub(super) ssrc: u32,
    sequence: u16,
    payload_type: u8,
    sent: u32,
    octets: u32,
}

impl Packets {
    pub(super) fn new(codec: Codec, ssrc: u32) -> Self {
        Self {
            ssrc,
            // Any start will do; one near the end shows whether receivers bear the wrap.
            sequence: 65_000,
            payload_type: payload_type(codec),
            sent: 0,
            octets: 0,
        }
    }

    /// The packets of one picture.
    pub(super) fn of_picture(&mut self, codec: Codec, data: &[u8], stamp: u32) -> Vec<Vec<u8>> {
        let payloads = match codec {
            Codec::H264 => fragments(&pieces(data), 1),
            Codec::H265 => fragments(&pieces(data), 2),
            Codec::Mjpeg => jpeg::payloads(data, MOST_PAYLOAD),
        };
        let last = payloads.len().saturating_sub(1);
        payloads
            .into_iter()
            .enumerate()
            .map(|(i, payload)| self.packet(&payload, stamp, i == last))
            .collect()
    }

    fn packet(&mut self, payload: &[u8], stamp: u32, marker: bool) -> Vec<u8> {
        let mut packet = vec![0x80, self.payload_type | u8::from(marker) << 7];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(stamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.sent = self.sent.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        packet
    }

    /// A report: at `stamp`, the wall clock showed `ntp`; with the sender's name.
    pub(super) fn report(&self, ntp: u64, stamp: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6];
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(ntp.to_be_bytes());
        packet.extend(stamp.to_be_bytes());
        packet.extend(self.sent.to_be_bytes());
        packet.extend(self.octets.to_be_bytes());
        // One chunk: the name "fake", ended and padded to four bytes.
        packet.extend([0x81, 202, 0, 3]);
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend([1, 4, b'f', b'a', b'k', b'e', 0, 0]);
        packet
    }
}

/// The number by which a description and its packets name the codec.
pub(super) fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::H264 | Codec::H265 => 96,
        Codec::Mjpeg => 26,
    }
}

/// NAL units as they are where they fit, else in fragments. `header` is the length of a unit's
/// header: 1 for H.264, 2 for H.265.
fn fragments(units: &[&[u8]], header: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for unit in units {
        if unit.len() <= MOST_PAYLOAD || unit.len() <= header {
            payloads.push(unit.to_vec());
            continue;
        }
        let (head, kind) = fragment_head(unit, header);
        let pieces: Vec<&[u8]> = unit[header..]
            .chunks(MOST_PAYLOAD - head.len() - 1)
            .collect();
        let last = pieces.len() - 1;
        for (i, piece) in pieces.into_iter().enumerate() {
            let mut payload = head.clone();
            payload.push(u8::from(i == 0) << 7 | u8::from(i == last) << 6 | kind);
            payload.extend(piece);
            payloads.push(payload);
        }
    }
    payloads
}

/// The header of a unit's fragments, and the unit's type.
fn fragment_head(unit: &[u8], header: usize) -> (Vec<u8>, u8) {
    if header == 1 {
        // FU-A is type 28; importance bits stay.
        (vec![unit[0] & 0xe0 | 28], unit[0] & 0x1f)
    } else {
        // FU is type 49, in the six bits above the layer's lowest.
        (vec![unit[0] & 0x81 | 49 << 1, unit[1]], unit[0] >> 1 & 0x3f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_unit_comes_in_fragments_that_make_it_again() {
        let mut unit = vec![0x65];
        unit.extend((0..5000).map(|i| i as u8 | 1));
        let payloads = fragments(&[&[0x67, 1, 2], &unit], 1);
        assert_eq!(payloads[0], [0x67, 1, 2]);
        assert!(payloads.iter().all(|payload| payload.len() <= MOST_PAYLOAD));
        assert_eq!(payloads[1][..2], [0x60 | 28, 0x80 | 5]);
        assert_eq!(payloads.last().expect("several")[1], 0x40 | 5);
        let again: Vec<u8> = payloads[1..].iter().flat_map(|p| p[2..].to_vec()).collect();
        assert_eq!(again, unit[1..]);
    }

    #[test]
    fn the_last_packet_of_a_picture_is_marked_and_numbers_run_over() {
        let mut packets = Packets::new(Codec::H264, 7);
        let data = [&[0, 0, 0, 1, 0x67, 1][..], &[0, 0, 1, 0x65, 9]].concat();
        for _ in 0..400 {
            let sent = packets.of_picture(Codec::H264, &data, 90);
            assert_eq!(sent.iter().map(|p| p[1] >> 7).collect::<Vec<_>>(), [0, 1]);
        }
        assert_eq!(packets.sequence, 65_000_u16.wrapping_add(800));
    }
}
