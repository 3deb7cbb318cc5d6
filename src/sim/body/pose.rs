//! How a body stands: joint angles and where its root is.

use serde::{Deserialize, Serialize};

/// One arm; angles in radians, mirrored for the right one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Arm {
    /// Shoulder: forward swing of the upper arm.
    pub swing: f32,
    /// Shoulder: sideways lift of the upper arm.
    pub lift: f32,
    /// Shoulder: twist of the upper arm about itself, positive turns the elbow's hollow inwards.
    pub twist: f32,
    /// Elbow flexion, 0 straight.
    pub elbow: f32,
    /// Turn of the forearm about itself, 0 the palm faces the thigh, positive it turns back.
    pub palm: f32,
    /// Curl of the fingers, 0 flat, 1 a fist.
    pub curl: f32,
}

/// One leg; angles in radians, mirrored for the right one. Relative to the heading, not the pelvis.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Leg {
    /// Hip: forward swing of the thigh.
    pub swing: f32,
    /// Hip: sideways lift of the thigh.
    pub lift: f32,
    /// Foot: the toes turn outwards.
    pub turn: f32,
    /// Knee flexion, 0 straight.
    pub knee: f32,
    /// Ankle: lift of the toes towards the shin, 0 at a right angle.
    pub ankle: f32,
    /// Ball of the foot: lift of the toes against the foot.
    pub toes: f32,
}

/// How a body stands.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pose {
    /// Where it stands on the floor, m.
    pub at: [f64; 2],
    /// Which way it faces, anticlockwise from +x, rad.
    pub heading_rad: f32,
    /// Hip joints above the floor, m; see [`super::Build::hip_m`] for standing straight.
    pub hip_m: f32,
    /// The pelvis before (forward, left of) the floor point, m.
    pub sway_m: [f32; 2],
    /// Pelvis: turn to the left, lean forward, lift of the left side, rad.
    pub pelvis: [f32; 3],
    /// Chest against the pelvis: turn, lean, lift, rad.
    pub spine: [f32; 3],
    /// Head against the chest: turn, nod, tilt, rad.
    pub head: [f32; 3],
    /// Left and right.
    pub arms: [Arm; 2],
    /// Left and right.
    pub legs: [Leg; 2],
}
