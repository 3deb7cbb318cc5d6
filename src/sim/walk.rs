//! Where a walker is at a time.

use super::script::{Leg, Walker};
use crate::floor::PointInFloor;

/// Where a walker is, where they look and how fast they go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stance {
    /// On the floor, m.
    pub at: PointInFloor,
    /// Direction of walking (kept while standing), radians from +x, anticlockwise.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed: f64,
    /// Metres walked so far: drives the legs' swing.
    pub walked_m: f64,
}

impl Walker {
    /// When they are gone, s.
    pub fn until_s(&self) -> f64 {
        let mut at = self.start;
        let mut time = self.from_s;
        for leg in &self.legs {
            match *leg {
                Leg::Wait(seconds) => time += seconds,
                Leg::Walk { to, speed } => {
                    time += at.distance(to) / speed;
                    at = to;
                }
            }
        }
        time
    }

    /// Their stance at `time_s`; `None` before they appear and after they are gone.
    pub fn stance(&self, time_s: f64) -> Option<Stance> {
        if time_s < self.from_s {
            return None;
        }
        let mut left = time_s - self.from_s;
        let mut at = self.start;
        let mut walked_m = 0.0;
        let mut heading_rad = self.first_heading();
        for leg in &self.legs {
            match *leg {
                Leg::Wait(seconds) => {
                    if left <= seconds {
                        return Some(Stance {
                            at,
                            heading_rad,
                            speed: 0.0,
                            walked_m,
                        });
                    }
                    left -= seconds;
                }
                Leg::Walk { to, speed } => {
                    let length = at.distance(to);
                    if length > 0.0 {
                        heading_rad = (to.y - at.y).atan2(to.x - at.x);
                    }
                    let seconds = length / speed;
                    if left <= seconds {
                        let share = if seconds > 0.0 { left / seconds } else { 1.0 };
                        walked_m += share * length;
                        return Some(Stance {
                            at: at.lerp(to, share),
                            heading_rad,
                            speed,
                            walked_m,
                        });
                    }
                    left -= seconds;
                    walked_m += length;
                    at = to;
                }
            }
        }
        None
    }

    /// When they pass the line from `a` to `b`, s, and whether from its right to its left.
    pub fn passes(&self, a: PointInFloor, b: PointInFloor) -> Vec<(f64, bool)> {
        let side = |p: PointInFloor| (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
        let mut passes = Vec::new();
        let (mut at, mut time) = (self.start, self.from_s);
        for leg in &self.legs {
            match *leg {
                Leg::Wait(seconds) => time += seconds,
                Leg::Walk { to, speed } => {
                    let (before, after) = (side(at), side(to));
                    let seconds = at.distance(to) / speed;
                    if (before < 0.0) != (after < 0.0) {
                        let share = before / (before - after);
                        let hit = at.lerp(to, share);
                        let along = (hit.x - a.x) * (b.x - a.x) + (hit.y - a.y) * (b.y - a.y);
                        let length2 = (b.x - a.x).powi(2) + (b.y - a.y).powi(2);
                        if (0.0..=length2).contains(&along) {
                            passes.push((time + share * seconds, before < 0.0));
                        }
                    }
                    time += seconds;
                    at = to;
                }
            }
        }
        passes
    }

    fn first_heading(&self) -> f64 {
        let first = self.legs.iter().find_map(|leg| match *leg {
            Leg::Walk { to, .. } => Some((to.y - self.start.y).atan2(to.x - self.start.x)),
            Leg::Wait(_) => None,
        });
        first.unwrap_or(std::f64::consts::FRAC_PI_2)
    }
}
