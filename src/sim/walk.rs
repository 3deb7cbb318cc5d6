//! Where a walker is at a time.

use super::script::{Leg, Walker};
use crate::floor::{PointInFloor, Portal};

/// Truth is read off a walk this often, s: a tenth of a frame.
const TRUTH_STEP_S: f64 = 0.005;

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

    /// When they pass a portal for good, s, and whether inwards: each change of the side on which
    /// they have been `depth_m` deep, at the moment at which they last passed the line itself.
    pub fn passes(&self, portal: &Portal) -> Vec<(f64, bool)> {
        let mut passes = Vec::new();
        let (mut settled, mut side, mut passed) = (None, 0.0_f64, self.from_s);
        let steps = ((self.until_s() - self.from_s) / TRUTH_STEP_S).ceil() as u64;
        for step in 0..=steps {
            let time = self.from_s + step as f64 * TRUTH_STEP_S;
            let Some(stance) = self.stance(time) else {
                break;
            };
            let reading = portal.read(stance.at);
            let over = (0.0..=portal.length_m()).contains(&reading.station_m);
            if over && (side < 0.0) != (reading.side_m < 0.0) {
                passed = time;
            }
            side = reading.side_m;
            if side.abs() >= portal.depth_m {
                let inside = side > 0.0;
                if over && settled.is_some_and(|settled| settled != inside) {
                    passes.push((passed, inside));
                }
                settled = Some(inside);
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
