//! What a clip lost, said in a way that a verdict can rest on.

use std::fmt;

use crate::units::Span;

/// A stretch of a clip of which pictures are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How many pictures, where the clip says how many there should be.
    pub frames: Option<u64>,
    /// The first missing picture's time since the clip's first frame.
    pub from: Span,
    /// The last missing picture's time.
    pub to: Span,
    /// Why they are missing.
    pub reason: LossReason,
}

/// Why pictures are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossReason {
    /// Their data is damaged, or they need a picture that is.
    Undecodable,
    /// The clip begins in the middle of a group of pictures, or its first key frame is damaged.
    BeforeFirstKeyFrame,
    /// The file ends before the end that it declares.
    Truncated,
    /// The file's structure is damaged there: bytes had to be skipped.
    Unreadable,
    /// The picture has another size than the clip; a calibration holds for one size only.
    OtherSize,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undecodable => "the data is damaged",
            Self::BeforeFirstKeyFrame => "no whole key frame comes before",
            Self::Truncated => "the file ends before its declared end",
            Self::Unreadable => "the file's structure is damaged",
            Self::OtherSize => "the picture size changes",
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frames {
            Some(1) => write!(f, "1 frame lost at {}: {}", self.from, self.reason),
            Some(frames) => write!(
                f,
                "{frames} frames lost from {} to {}: {}",
                self.from, self.to, self.reason
            ),
            None => write!(
                f,
                "an unknown number of frames lost from {} to {}: {}",
                self.from, self.to, self.reason
            ),
        }
    }
}

/// How far apart, in nominal steps, two lost pictures may be and still be told as one stretch.
const MERGE_STEPS: i64 = 2;

/// Joins neighbouring losses of the same reason. `single` must be in order of time.
pub(super) fn merge(single: impl IntoIterator<Item = Loss>, step_us: i64) -> Vec<Loss> {
    let mut merged: Vec<Loss> = Vec::new();
    for loss in single {
        if let Some(before) = merged.last_mut() {
            let apart_us = (loss.from - before.to).as_us();
            let near = apart_us <= step_us.saturating_mul(MERGE_STEPS);
            if near
                && before.reason == loss.reason
                && before.frames.is_some() == loss.frames.is_some()
            {
                before.to = before.to.max(loss.to);
                before.frames = before.frames.zip(loss.frames).map(|(a, b)| a + b);
                continue;
            }
        }
        merged.push(loss);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at_ms: i64, reason: LossReason) -> Loss {
        Loss {
            frames: Some(1),
            from: Span::from_ms(at_ms),
            to: Span::from_ms(at_ms),
            reason,
        }
    }

    #[test]
    fn neighbours_are_told_as_one_stretch() {
        use LossReason::{Truncated, Undecodable};
        let single = [
            one(0, Undecodable),
            one(40, Undecodable),
            one(80, Undecodable),
            one(400, Undecodable),
            one(440, Truncated),
        ];
        let told: Vec<String> = merge(single, 40_000).iter().map(Loss::to_string).collect();
        assert_eq!(
            told,
            [
                "3 frames lost from 0.000 s to 0.080 s: the data is damaged",
                "1 frame lost at 0.400 s: the data is damaged",
                "1 frame lost at 0.440 s: the file ends before its declared end",
            ]
        );
    }
}
