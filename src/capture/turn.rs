//! Turning pictures upright by quarter turns.
//!
//! Theory of operation: a container says by how many degrees the stored picture is turned for
//! showing; phones and ceiling cameras use it. Each plane is turned on its own, byte by byte.
//!
//! It deliberately knows only quarter turns: any other angle would need resampling, and cameras
//! that hang askew are a matter of calibration.

use super::frame::{Plane, Planes, chroma_size};

/// A quarter turn clockwise that makes a stored picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rotation {
    /// It is upright.
    #[default]
    None,
    /// By 90 degrees clockwise.
    Quarter,
    /// Upside down.
    Half,
    /// By 270 degrees clockwise.
    ThreeQuarters,
}

/// How far from a quarter turn an angle may be, in degrees: rounding in the file, nothing more.
const ANGLE_TOLERANCE_DEG: f64 = 1.0;

impl Rotation {
    /// From degrees clockwise; `None` if that is no quarter turn.
    pub fn from_degrees(degrees: f64) -> Option<Self> {
        let turned = degrees.rem_euclid(360.0);
        let quarters = (turned / 90.0).round();
        let off = (turned - quarters * 90.0).abs();
        if off.is_nan() || off > ANGLE_TOLERANCE_DEG {
            return None;
        }
        Some(match quarters as u8 % 4 {
            0 => Self::None,
            1 => Self::Quarter,
            2 => Self::Half,
            _ => Self::ThreeQuarters,
        })
    }

    /// Degrees clockwise: 0, 90, 180 or 270.
    pub fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// The size of a picture once it is turned.
    pub fn turned_size(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Self::None | Self::Half => (width, height),
            Self::Quarter | Self::ThreeQuarters => (height, width),
        }
    }

    /// Turns a whole picture into packed planes (see `frame::packed_len`).
    pub(super) fn turn(self, planes: &Planes<'_>, out: &mut [u8]) {
        let (width, height) = (planes.y.width, planes.y.height);
        let (chroma_width, chroma_height) = chroma_size(width as u32, height as u32);
        let (y, chroma) = out.split_at_mut(width * height);
        let (u, v) = chroma.split_at_mut(chroma_width * chroma_height);
        self.turn_plane(&planes.y, y);
        self.turn_plane(&planes.u, u);
        self.turn_plane(&planes.v, v);
    }

    fn turn_plane(self, from: &Plane<'_>, to: &mut [u8]) {
        let (width, height) = (from.width, from.height);
        for row in 0..height {
            let line = from.row(row);
            match self {
                Self::None => to[row * width..][..width].copy_from_slice(line),
                Self::Half => {
                    let upside = &mut to[(height - 1 - row) * width..][..width];
                    for (byte, from) in upside.iter_mut().zip(line.iter().rev()) {
                        *byte = *from;
                    }
                }
                Self::Quarter => {
                    for (column, byte) in line.iter().enumerate() {
                        to[column * height + (height - 1 - row)] = *byte;
                    }
                }
                Self::ThreeQuarters => {
                    for (column, byte) in line.iter().enumerate() {
                        to[(width - 1 - column) * height + row] = *byte;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plane of letters, turned, one row a word.
    #[track_caller]
    fn check(rotation: Rotation, expect: &str) {
        let plane = Plane {
            data: b"abc.def",
            stride: 4,
            width: 3,
            height: 2,
        };
        let mut out = vec![b'?'; 6];
        rotation.turn_plane(&plane, &mut out);
        let (width, _) = rotation.turned_size(3, 2);
        let rows: Vec<&str> = out
            .chunks(width as usize)
            .map(|row| std::str::from_utf8(row).unwrap())
            .collect();
        assert_eq!(rows.join(" "), expect);
    }

    #[test]
    fn quarter_turns_go_clockwise() {
        check(Rotation::None, "abc def");
        check(Rotation::Quarter, "da eb fc");
        check(Rotation::Half, "fed cba");
        check(Rotation::ThreeQuarters, "cf be ad");
    }

    #[test]
    fn angles_are_quarter_turns_or_nothing() {
        let table = [
            (0.0, Some(Rotation::None)),
            (-0.4, Some(Rotation::None)),
            (90.0, Some(Rotation::Quarter)),
            (-90.0, Some(Rotation::ThreeQuarters)),
            (180.2, Some(Rotation::Half)),
            (450.0, Some(Rotation::Quarter)),
            (45.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ];
        for (degrees, expect) in table {
            assert_eq!(Rotation::from_degrees(degrees), expect, "{degrees}");
        }
    }
}
