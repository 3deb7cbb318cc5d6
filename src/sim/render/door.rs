//! Door leaves that swing on their hinges, and the card readers beside them.

use serde::{Deserialize, Serialize};

use super::Material;
use super::scene::Lamp;
use crate::sim::body::{Mat3, Part, Surface, Vec3, v3};

/// How a leaf looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeafStyle {
    /// A flush leaf.
    #[default]
    Solid,
    /// A leaf with an upright vision panel.
    Panel,
    /// A frame around glass.
    Glass,
}

/// A hinged leaf and its reader.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Door {
    /// The hinge on the floor, m.
    pub hinge_m: [f32; 2],
    /// Direction from the hinge along the shut leaf, anticlockwise from +x, rad.
    pub shut_yaw_rad: f32,
    /// +1: the leaf opens anticlockwise as seen from above; -1 clockwise.
    pub swing: f32,
    /// Width of the leaf, m.
    pub width_m: f32,
    /// Height of the leaf, m.
    pub height_m: f32,
    /// How it looks.
    pub style: LeafStyle,
    /// Finish of the leaf.
    pub material: Material,
    /// Where the reader hangs: floor x, y, height of its middle, m; `None` for none.
    pub reader_m: Option<[f32; 3]>,
    /// Which way the reader's face looks, anticlockwise from +x, rad.
    pub reader_yaw_rad: f32,
}

/// Half thickness of a leaf, m.
const HALF_LEAF_M: f32 = 0.021;

impl Door {
    /// A point of the leaf: `along_m` from the hinge, `up_m` over the floor, at an opening angle.
    /// Somebody's hand goes there.
    pub fn leaf_point(&self, angle_rad: f32, along_m: f32, up_m: f32) -> [f32; 3] {
        let (s, c) = (self.shut_yaw_rad + self.swing * angle_rad).sin_cos();
        [
            self.hinge_m[0] + c * along_m,
            self.hinge_m[1] + s * along_m,
            up_m,
        ]
    }

    /// The leaf at an opening angle.
    pub(super) fn leaf(&self, angle_rad: f32) -> Surface {
        let mut out = Surface::empty();
        let rot = Mat3::yaw(self.shut_yaw_rad + self.swing * angle_rad);
        let hinge = v3(self.hinge_m[0], self.hinge_m[1], 0.0);
        let (w, h) = (self.width_m, self.height_m);
        let mut slab = |x: (f32, f32), z: (f32, f32), half: f32, part: Part| {
            let at = hinge + rot.f * (0.5 * (x.0 + x.1)) + Vec3::UP * (0.5 * (z.0 + z.1));
            let half = v3(0.5 * (x.1 - x.0), half, 0.5 * (z.1 - z.0));
            out.add_box(part, at, &rot, half);
        };
        let gap = 0.006;
        let (left, right) = (gap, w - gap);
        let hole = match self.style {
            LeafStyle::Solid => None,
            LeafStyle::Panel => Some(((0.58 * w, 0.80 * w), (0.80, 1.75))),
            LeafStyle::Glass => Some(((0.10 * w, 0.90 * w), (0.16, h - 0.12))),
        };
        match hole {
            None => slab((left, right), (gap, h - gap), HALF_LEAF_M, Part::Thing),
            Some((x, z)) => {
                slab((left, x.0), (gap, h - gap), HALF_LEAF_M, Part::Thing);
                slab((x.1, right), (gap, h - gap), HALF_LEAF_M, Part::Thing);
                slab(x, (gap, z.0), HALF_LEAF_M, Part::Thing);
                slab(x, (z.1, h - gap), HALF_LEAF_M, Part::Thing);
            }
        }
        // Handle: plate and lever on both sides.
        slab(
            (w - 0.10, w - 0.06),
            (0.94, 1.14),
            HALF_LEAF_M + 0.006,
            Part::Strap,
        );
        slab(
            (w - 0.20, w - 0.07),
            (1.035, 1.06),
            HALF_LEAF_M + 0.05,
            Part::Strap,
        );
        out
    }

    /// The reader's housing with its lamp.
    pub(super) fn reader(&self) -> Option<Surface> {
        let at = self.reader_m?;
        let mut out = Surface::empty();
        let rot = Mat3::yaw(self.reader_yaw_rad);
        let at = v3(at[0], at[1], at[2]);
        out.add_box(Part::Thing, at, &rot, v3(0.018, 0.042, 0.062));
        out.add_box(
            Part::Strap,
            at + rot.f * 0.016 + Vec3::UP * 0.038,
            &rot,
            v3(0.005, 0.02, 0.008),
        );
        Some(out)
    }
}

/// Linear light of a reader's lamp.
pub fn lamp_glow(lamp: Lamp) -> [f32; 3] {
    match lamp {
        Lamp::Off => [0.05, 0.15, 0.6],
        Lamp::Granted => [0.1, 2.6, 0.3],
        Lamp::Denied => [3.0, 0.12, 0.08],
    }
}
