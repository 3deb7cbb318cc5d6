//! A renderer on the CPU: people in a room with doors, as a camera would see them, with the truth.
//!
//! A [`Scene`] is what stays (room, lights, camera, the camera's faults); a [`Moment`] is what
//! changes (bodies, door angles). [`Renderer::new`] casts one ray for each sample of the empty
//! room and keeps the result; [`Renderer::render`] then draws door leaves and bodies over it as
//! triangles with a depth buffer, lights them, lets them cast shadows and darken corners, and
//! passes the picture through the lens and the sensor. [`FrameTruth`] comes from the same depth
//! buffer, so boxes and visible shares are exact, not estimated.
//!
//! The same input gives the same bytes on one machine. Nothing here starts a thread: a renderer
//! is shared by reference, callers render frames side by side.
//!
//! What it does not do: mirrors, glass that bends light, light that bounces more than once
//! (the ambient term stands for that), video compression.

mod actor;
mod backdrop;
mod camera;
mod door;
mod furniture;
mod layout;
mod light;
mod materials;
mod paint;
mod picture;
mod raster;
mod renderer;
mod room;
mod scene;
mod sensor;
mod shade;
mod shadow;
mod shot;
mod truth;

pub use camera::{Camera, Projector};
pub use door::{Door, LeafStyle};
pub use layout::{Doorway, Layout};
pub use materials::{Finish, Material};
pub use picture::Picture;
pub use renderer::{Frame, Renderer};
pub use room::{Opening, Room, Shape, Solid, Wall};
pub use scene::{Figure, Lamp, Light, Moment, Scene};
pub use sensor::{Sensor, Spectrum};
pub use shot::{Shot, ShotPlan, any_action};
pub use truth::{FrameTruth, PersonTruth};

#[cfg(test)]
mod tests;
