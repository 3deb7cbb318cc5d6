//! What is to be kept of one verdict.

use std::sync::Arc;

use super::Ring;
use crate::detection::PointInImage;
use crate::units::Instant;

/// A part of the upright picture that stays clear.
#[derive(Debug, Clone, PartialEq)]
pub enum Region {
    /// The inside of a polygon (even-odd where it crosses itself), px.
    Polygon(Vec<PointInImage>),
    /// Between two corners, px.
    Rectangle(PointInImage, PointInImage),
}

impl Region {
    /// Its corners, px, in order.
    pub fn corners(&self) -> Vec<PointInImage> {
        match self {
            Self::Polygon(corners) => corners.clone(),
            Self::Rectangle(a, b) => {
                let corner = |x, y| PointInImage { x, y };
                vec![*a, corner(b.x, a.y), *b, corner(a.x, b.y)]
            }
        }
    }
}

/// An order to keep evidence.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Names the folder: letters, digits, `-`, `_` and `.`, at most [`MAX_ID`] of them, no dot first.
    pub id: String,
    /// The camera's name.
    pub camera: String,
    /// The door's name.
    pub door: String,
    /// The camera's pictures.
    pub ring: Arc<Ring>,
    /// Where the clip begins.
    pub from: Instant,
    /// Where it ends.
    pub to: Instant,
    /// What stays clear, px of the upright picture: usually the portal, as high as people are.
    pub keep: Vec<Region>,
    /// Everything stays clear, and what the camera sent is kept as it is.
    pub clear: bool,
    /// Moments of which a key frame is kept.
    pub moments: Vec<Instant>,
    /// `trace.jsonl`: what the engine was told and said; empty if there is none.
    pub trace: Vec<u8>,
    /// What else the manifest is to say, such as the verdict.
    pub about: serde_json::Value,
}

/// The longest id.
pub const MAX_ID: usize = 100;

/// What a folder is called while it is not whole.
pub(super) const UNFINISHED: &str = ".part";

/// Whether this can name a folder.
pub(super) fn is_id(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=MAX_ID).contains(&id.len())
        && id.chars().all(fits)
        && !id.starts_with('.')
        && !id.ends_with(UNFINISHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, expect: bool) {
        assert_eq!(is_id(id), expect, "{id:?}");
    }

    #[test]
    fn ids_are_names_of_folders_and_nothing_else() {
        check("7", true);
        check("front-2026.11_r1", true);
        check("", false);
        check(".", false);
        check("..", false);
        check("a/b", false);
        check("..\\x", false);
        check("a b", false);
        check("7.part", false);
        check(&"x".repeat(101), false);
    }
}
