//! One length measured on the floor: what people cannot say where the lens is narrow or looks down
//! steeply, it does.

use super::super::view::Eye;
use crate::detection::PointInImage;

/// A length on the floor is measured to this share, and its ends are clicked to so many px (1 sigma).
const LENGTH_SD_SHARE: f64 = 0.01;
const LENGTH_SD_PX: f64 = 1.5;

/// A length that somebody measured on the floor, between two places of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloorLength {
    /// Where it begins and ends, px.
    pub ends: [PointInImage; 2],
    /// How long it is, m.
    pub length_m: f64,
}

impl FloorLength {
    /// By how many standard deviations a view gets it wrong; `None` where it shows no floor there.
    pub(super) fn residual(&self, eye: &Eye) -> Option<f64> {
        let [a, b] = self.ends.map(|end| eye.floor_from_image(end, 0.0));
        let share = libm::log(a?.distance(b?) / self.length_m);
        let px = LENGTH_SD_PX / self.ends[0].distance(self.ends[1]).max(1.0);
        let sd = (LENGTH_SD_SHARE * LENGTH_SD_SHARE + 2.0 * px * px).sqrt();
        (share / sd).is_finite().then_some(share / sd)
    }
}
