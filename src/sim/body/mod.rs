//! People for the renderer: proportions, clothes, poses, gait, and the surface they make.
//!
//! A [`Build`] and an [`Outfit`] say who stands there, a [`Pose`] says how (a list of joint
//! angles; [`walking`] and [`standing`] make them), and [`Surface`] turns the three into a
//! triangle mesh in world metres. All of it is procedural: no scans, no assets, no GPU.
//!
//! Axes: the world is right-handed with z up and the floor at z = 0. A body's own axes are
//! forward, left and up, in that order. Angles are radians, lengths metres, `f32` throughout:
//! pictures do not need more.
//!
//! What it does not do: faces that could be told apart, physics, or contact between bodies.

mod build;
mod dice;
mod gait;
mod head;
mod limbs;
mod loft;
mod math;
mod noise;
mod outfit;
mod pose;
mod skeleton;
mod surface;
mod things;
mod torso;
mod workplace;

pub use build::Build;
pub use dice::Dice;
pub use gait::{Action, Stance, standing, stride_m, walking};
pub use head::hairline;
pub use math::{Mat3, Vec3, mix, smooth, v3};
pub use noise::{hash, hash_unit, noise, noise2};
pub use outfit::{Bottom, Carried, Hair, Headwear, Outer, Outfit, Pattern, Rgb, Top};
pub use pose::{Arm, Leg, Pose};
pub use skeleton::{Capsule, Skeleton};
pub use surface::{Part, Surface};

#[cfg(test)]
mod tests;
