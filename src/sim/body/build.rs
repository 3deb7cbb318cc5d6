//! How a person is built: height, girth and shape, and the lengths that follow.
//!
//! Segment lengths are shares of the height after Drillis and Contini (1966) as tabulated in
//! D. A. Winter, "Biomechanics and Motor Control of Human Movement", section 4.1.

use serde::{Deserialize, Serialize};

use super::Dice;
use super::math::mix;

/// How a person is built.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// From the floor to the top of the head, shoes on, standing upright, m.
    pub height_m: f32,
    /// Thickness of trunk and limbs: 1 is average, 0.85 slim, 1.3 heavy.
    pub girth: f32,
    /// Shape of trunk and shoulders: 0 a typical man, 1 a typical woman.
    pub feminine: f32,
    /// Belly: 0 none, 1 large.
    pub belly: f32,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            height_m: 1.75,
            girth: 1.0,
            feminine: 0.0,
            belly: 0.1,
        }
    }
}

impl Build {
    /// An adult as they come.
    pub fn random(dice: &mut Dice) -> Self {
        let feminine = if dice.chance(0.5) {
            dice.range(0.0, 0.2)
        } else {
            dice.range(0.75, 1.0)
        };
        let mean_m = mix(1.78, 1.66, feminine);
        Self {
            height_m: (mean_m + 0.07 * dice.normal()).clamp(1.45, 2.02),
            girth: (1.03 + 0.12 * dice.normal()).clamp(0.82, 1.42),
            feminine,
            belly: (0.25 + 0.25 * dice.normal()).clamp(0.0, 1.0),
        }
    }

    /// Height of the head from chin to crown, m: children's are larger for their height.
    pub fn head_m(&self) -> f32 {
        0.236 * (self.height_m / 1.75).max(0.2).powf(0.45)
    }

    /// Ankle joint above the floor, m.
    pub fn ankle_m(&self) -> f32 {
        0.045 * self.height_m
    }

    /// Length of the shank, m.
    pub fn shank_m(&self) -> f32 {
        0.241 * self.height_m
    }

    /// Length of the thigh, m.
    pub fn thigh_m(&self) -> f32 {
        0.241 * self.height_m
    }

    /// Hip joints above the floor when standing straight, m.
    pub fn hip_m(&self) -> f32 {
        self.ankle_m() + self.shank_m() + self.thigh_m()
    }

    /// Half the distance between the hip joints, m.
    pub fn hip_half_m(&self) -> f32 {
        self.height_m * mix(0.049, 0.054, self.feminine)
    }

    /// Half the distance between the shoulder joints, m.
    pub fn shoulder_half_m(&self) -> f32 {
        self.height_m * mix(0.105, 0.092, self.feminine) * (0.7 + 0.3 * self.girth)
    }

    /// Shoulder joints above the floor, m.
    pub fn shoulder_m(&self) -> f32 {
        0.797 * self.height_m
    }

    /// Base of the neck above the floor, m.
    pub fn neck_m(&self) -> f32 {
        self.height_m - 1.24 * self.head_m()
    }

    /// Length of the upper arm, m.
    pub fn upper_arm_m(&self) -> f32 {
        0.172 * self.height_m
    }

    /// Length of the forearm, m.
    pub fn forearm_m(&self) -> f32 {
        0.146 * self.height_m
    }

    /// Length of the hand, m.
    pub fn hand_m(&self) -> f32 {
        0.105 * self.height_m
    }

    /// Length of the shoe, m.
    pub fn foot_m(&self) -> f32 {
        0.160 * self.height_m
    }
}
