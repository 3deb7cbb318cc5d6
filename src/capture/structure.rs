//! What a file's outermost structure says about it: is it whole, does it have its index?
//!
//! Theory of operation: MP4 boxes, AVI chunks and Matroska elements say how long they are. One that
//! reaches beyond the end of the file was cut off. FFmpeg knows this too, but only tells its log.
//!
//! It deliberately looks no deeper than the outermost level, and answers nothing for other formats.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What the outermost structure shows. Formats that do not tell are neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Structure {
    /// Whether it is an MP4.
    pub(super) is_mp4: bool,
    /// Something in it reaches beyond the end of the file.
    pub(super) cut_short: bool,
    /// An MP4 without `moov`: not one picture can be found in it.
    pub(super) lacks_index: bool,
}

/// Boxes of an MP4 that are looked at, at most: fragmented files have thousands.
const MAX_BOXES: usize = 1_000_000;

impl Structure {
    /// Looks at a file; a file that cannot be read shows nothing.
    pub(super) fn of(path: &Path) -> Self {
        let Ok(mut file) = File::open(path) else {
            return Self::default();
        };
        let Ok(len) = file.metadata().map(|data| data.len()) else {
            return Self::default();
        };
        let Some(head) = read_at::<12>(&mut file, 0) else {
            return Self::default();
        };
        if &head[4..8] == b"ftyp" {
            return mp4(&mut file, len);
        }
        let cut_short = if &head[..4] == b"RIFF" {
            let [.., a, b, c, d, _, _, _, _] = head;
            8 + u64::from(u32::from_le_bytes([a, b, c, d])) > len
        } else {
            matroska_end(&mut file).is_some_and(|end| end > len)
        };
        Self {
            cut_short,
            ..Self::default()
        }
    }
}

fn read_at<const N: usize>(file: &mut File, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Walks the boxes of an MP4 (ISO/IEC 14496-12, 4.2).
fn mp4(file: &mut File, len: u64) -> Structure {
    let mut found = Structure {
        is_mp4: true,
        cut_short: false,
        lacks_index: true,
    };
    let mut at = 0_u64;
    for _ in 0..MAX_BOXES {
        let Some(head) = read_at::<8>(file, at) else {
            found.cut_short |= at != len;
            break;
        };
        found.lacks_index &= &head[4..] != b"moov";
        let short = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let size = match short {
            // To the end of the file, wherever that is.
            0 => break,
            1 => read_at::<8>(file, at.saturating_add(8)).map_or(u64::MAX, u64::from_be_bytes),
            short => short.into(),
        };
        at = at.saturating_add(size.max(8));
        if at > len {
            found.cut_short = true;
            break;
        }
    }
    found
}

/// Where the segment of a Matroska file should end (RFC 9559, RFC 8794); `None` if it is none, or
/// was recorded without knowing.
fn matroska_end(file: &mut File) -> Option<u64> {
    const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    let mut at = 0;
    for expected in [EBML, SEGMENT] {
        if read_at::<4>(file, at)? != expected {
            return None;
        }
        let [first] = read_at::<1>(file, at + 4)?;
        let width = u64::from(first.leading_zeros()) + 1;
        if width > 8 {
            return None;
        }
        let mut size = u64::from(first) & ((1 << (8 - width)) - 1);
        for more in 1..width {
            let [byte] = read_at::<1>(file, at + 4 + more)?;
            size = size << 8 | u64::from(byte);
        }
        let unknown = (1_u64 << (7 * width)) - 1;
        if size == unknown {
            return None;
        }
        at = (at + 4 + width).checked_add(size)?;
    }
    Some(at)
}
