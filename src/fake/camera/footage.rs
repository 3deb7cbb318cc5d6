//! The compressed pictures of a clip, held in memory to be played again and again.
//!
//! It deliberately decodes nothing.

use std::path::Path;

use crate::capture::{AccessUnit, CaptureError, ClipPackets, Codec};

/// A clip's pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Footage {
    /// How they are compressed.
    pub codec: Codec,
    /// Width and height of the first, px.
    pub size: (u32, u32),
    /// In the order of decoding; times from 0.
    pub units: Vec<AccessUnit>,
    /// From the first picture to the first of the next round, microseconds.
    pub length_us: i64,
}

impl Footage {
    /// Reads one clip, or several to be played one after the other: a stream that changes.
    ///
    /// # Errors
    /// If one cannot be read, or they are not compressed alike.
    pub fn read(paths: &[&Path]) -> Result<Self, CaptureError> {
        let mut all: Option<Self> = None;
        for path in paths {
            let next = Self::one(path)?;
            match &mut all {
                None => all = Some(next),
                Some(all) if all.codec == next.codec => all.append(next),
                Some(_) => {
                    let why = "it is not compressed like the clip before it";
                    return Err(CaptureError::clip(path, why));
                }
            }
        }
        all.ok_or_else(|| CaptureError::clip(Path::new(""), "no clip is named"))
    }

    fn one(path: &Path) -> Result<Self, CaptureError> {
        let mut packets = ClipPackets::open(path)?;
        let mut units = Vec::new();
        while let Some(unit) = packets.next_unit()? {
            units.push(unit);
        }
        let first_us = units.iter().map(|unit| unit.time_us).min().unwrap_or(0);
        for unit in &mut units {
            unit.time_us -= first_us;
        }
        if units.is_empty() {
            return Err(CaptureError::clip(path, "there is no picture in it"));
        }
        let last_us = units.iter().map(|unit| unit.time_us).max().unwrap_or(0);
        // The last picture stays for as long as pictures stay on average.
        let step_us = last_us / (units.len() as i64 - 1).max(1);
        Ok(Self {
            codec: packets.codec(),
            size: packets.size(),
            units,
            length_us: last_us + step_us.max(1),
        })
    }

    fn append(&mut self, next: Self) {
        for mut unit in next.units {
            unit.time_us += self.length_us;
            self.units.push(unit);
        }
        self.length_us += next.length_us;
    }

    /// Pictures a second, on average.
    pub fn rate(&self) -> f64 {
        self.units.len() as f64 * 1e6 / self.length_us as f64
    }
}

/// The pieces between start codes of an Annex B picture, without them.
pub(super) fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = data[at..].windows(3).position(|three| three == [0, 0, 1]) {
        starts.push(at + found);
        at += found + 3;
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let piece = &data[start + 3..end];
            // A start code may have a fourth, leading zero; trailing zeros belong to nobody.
            let zeros = piece.iter().rev().take_while(|byte| **byte == 0).count();
            &piece[..piece.len() - zeros]
        })
        .filter(|piece| !piece.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_between_start_codes_of_either_length() {
        let data = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 4,
        ];
        assert_eq!(pieces(&data), [&[0x67, 1][..], &[0x68, 2], &[0x65, 3, 4]]);
        assert!(pieces(&[1, 2, 3]).is_empty());
    }
}
