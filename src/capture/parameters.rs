//! What a compressed picture says about all that follow it: parameter sets and sizes.
//!
//! Theory of operation: H.264 and H.265 with start codes (Annex B of both) put parameter sets before a key picture;
//! reading stops at its first slice, so that a large picture costs no more than a small one. A JPEG
//! says its size in its frame header (SOF).
//!
//! It deliberately decodes no field: bytes are compared, not understood.

use super::encoded::{AccessUnit, Codec};

/// What comes before each unit of a stream with start codes.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What one unit of a stream is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Says how pictures are coded, their size among it (SPS).
    Sequence,
    /// Says more about coding (PPS, VPS).
    OtherSet,
    /// Part of a picture.
    Slice,
    /// Anything else.
    Other,
}

impl AccessUnit {
    /// Its parameter sets with start codes; empty where it has none, as MJPEG.
    pub fn parameter_sets(&self) -> Vec<u8> {
        self.sets(&[Role::Sequence, Role::OtherSet])
    }

    /// What stays the same for as long as size and coding do; empty where it says nothing.
    pub fn picture_kind(&self) -> Vec<u8> {
        match self.codec {
            Codec::Mjpeg => frame_header(&self.data).unwrap_or_default().to_vec(),
            Codec::H264 | Codec::H265 => self.sets(&[Role::Sequence]),
        }
    }

    fn sets(&self, wanted: &[Role]) -> Vec<u8> {
        let mut found = Vec::new();
        if self.codec == Codec::Mjpeg {
            return found;
        }
        let mut rest = after_start_code(&self.data);
        while let Some(unit) = rest {
            let role = role(self.codec, unit);
            if role == Role::Slice {
                break;
            }
            let end = next_start_code(unit);
            if wanted.contains(&role) {
                found.extend_from_slice(&START_CODE);
                found.extend_from_slice(without_padding(&unit[..end.unwrap_or(unit.len())]));
            }
            rest = end.and_then(|end| after_start_code(&unit[end..]));
        }
        found
    }
}

/// ITU-T H.264 table 7-1 and H.265 table 7-1.
fn role(codec: Codec, unit: &[u8]) -> Role {
    let first = unit.first().copied().unwrap_or(0);
    match codec {
        Codec::H264 => match first & 0x1f {
            7 => Role::Sequence,
            8 => Role::OtherSet,
            1..=5 => Role::Slice,
            _ => Role::Other,
        },
        Codec::H265 => match (first >> 1) & 0x3f {
            33 => Role::Sequence,
            32 | 34 => Role::OtherSet,
            0..=31 => Role::Slice,
            _ => Role::Other,
        },
        Codec::Mjpeg => Role::Other,
    }
}

fn next_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    next_start_code(bytes)
        .map(|at| &bytes[at + 3..])
        .filter(|rest| !rest.is_empty())
}

/// A unit ends in a byte that is not zero; zeros after it belong to the next start code.
fn without_padding(unit: &[u8]) -> &[u8] {
    let end = unit
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    &unit[..end]
}

/// Precision, height, width and components of a JPEG (ITU-T T.81, B.2.2).
fn frame_header(jpeg: &[u8]) -> Option<&[u8]> {
    let mut rest = jpeg.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + len)?;
        match marker {
            // Any frame header but the markers of tables that share the range.
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => return Some(body),
            0xda => return None,
            _ => rest = rest.get(2 + len..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codec: Codec, data: &[u8], sets: &[u8], kind: &[u8]) {
        let unit = AccessUnit {
            codec,
            data: data.to_vec(),
            is_key: true,
            time_us: 0,
        };
        assert_eq!(unit.parameter_sets(), sets);
        assert_eq!(unit.picture_kind(), kind);
    }

    #[test]
    fn sets_before_the_first_slice_are_found() {
        let sequence = [0, 0, 0, 1, 0x67, 1, 2];
        let picture = [0, 0, 0, 1, 0x68, 3];
        let both = [sequence.as_slice(), &picture].concat();
        let slice = [0, 0, 1, 0x65, 9, 0, 0, 1, 0x67, 8];
        let whole = [both.as_slice(), &slice].concat();
        check(Codec::H264, &whole, &both, &sequence);
        // A delimiter first, three-byte codes, padding.
        let odd = [&[0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 1, 2, 0, 0], &slice[..]].concat();
        check(Codec::H264, &odd, &sequence, &sequence);
        let h265 = [
            0, 0, 0, 1, 0x40, 1, 5, 0, 0, 0, 1, 0x42, 1, 6, 0, 0, 1, 0x26, 1,
        ];
        check(Codec::H265, &h265, &h265[..14], &h265[7..14]);
    }

    #[test]
    fn a_jpeg_says_its_size() {
        let jpeg = [
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 7, 8, 1, 0, 2, 0, 0xff, 0xda, 0, 2,
        ];
        check(Codec::Mjpeg, &jpeg, &[], &[8, 1, 0, 2, 0]);
    }

    #[test]
    fn noise_has_none() {
        for len in 0..6 {
            check(Codec::H264, &[0, 0, 1, 0x67, 0, 0][..len.min(3)], &[], &[]);
            check(
                Codec::Mjpeg,
                &[0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff][..len],
                &[],
                &[],
            );
        }
    }
}
