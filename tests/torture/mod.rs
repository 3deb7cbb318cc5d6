//! The line-crossing torture cases: the file, and what each frame of a case shows.

use serde::Deserialize;
use tailgate::floor::{PointInFloor, Portal};
use tailgate::units::Instant;

/// Hysteresis depth of every portal of the suite, m.
const DEPTH_M: f64 = 0.25;

/// Empty footage after the last of a case, s.
const TAIL_S: f64 = 3.0;

#[derive(Debug, Deserialize)]
struct File {
    case: Vec<Case>,
}

/// One case; the fields are explained at the head of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default = "default_line")]
    line: Vec<(f64, f64)>,
    #[serde(default = "default_fps")]
    fps: f64,
    #[serde(default)]
    steps_s: Vec<f64>,
    #[serde(default = "default_sd_m")]
    pub sd_m: f64,
    #[serde(default = "default_lead_s")]
    lead_s: f64,
    pub expect: Counts,
    person: Vec<Person>,
    /// Noise beside what the case itself asks for, m.
    #[serde(skip)]
    noise_m: f64,
}

/// People who went in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    #[serde(rename = "in")]
    pub inward: usize,
    #[serde(rename = "out")]
    pub outward: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    walk: Vec<(f64, f64, f64)>,
    #[serde(default)]
    ids: Vec<(f64, u32)>,
    hidden: Option<(f64, f64)>,
    #[serde(default)]
    shake_m: f64,
    #[serde(default)]
    zigzag_m: f64,
    shaking: Option<(f64, f64)>,
}

/// What a frame shows.
pub struct Frame {
    pub at: Instant,
    pub seen: Vec<Seen>,
}

/// A person in a frame, under the id that a tracker gave.
pub struct Seen {
    pub id: u32,
    pub at: PointInFloor,
}

fn default_line() -> Vec<(f64, f64)> {
    vec![(0.0, 0.0), (2.0, 0.0)]
}
fn default_fps() -> f64 {
    10.0
}
fn default_sd_m() -> f64 {
    0.05
}
fn default_lead_s() -> f64 {
    1.0
}

/// All cases of the suite.
pub fn cases() -> Vec<Case> {
    let text = include_str!("../../testdata/torture/cases.toml");
    toml::from_str::<File>(text)
        .expect("testdata/torture/cases.toml")
        .case
}

impl Case {
    pub fn portal(&self) -> Portal {
        Portal {
            line: self
                .line
                .iter()
                .map(|&(x, y)| PointInFloor { x, y })
                .collect(),
            depth_m: DEPTH_M,
        }
    }

    /// Whether somebody's jitter belongs to the frames, so that other frames are another case.
    pub fn jitters_by_frame(&self) -> bool {
        self.person.iter().any(|person| person.zigzag_m > 0.0)
    }

    /// The same people seen by another camera: other frames, and noise on every place.
    pub fn varied(mut self, fps: f64, phase: f64, noise_m: f64) -> Self {
        if self.steps_s.is_empty() {
            self.fps = fps;
        }
        self.lead_s += phase / fps;
        self.noise_m = noise_m;
        self
    }

    /// Every frame, in order of time.
    pub fn frames(&self) -> Vec<Frame> {
        let ends = self
            .person
            .iter()
            .filter_map(|p| p.walk.last())
            .map(|w| w.0);
        let end_s = ends.fold(0.0, f64::max) + TAIL_S;
        let mut frames = Vec::new();
        let mut at_s = -self.lead_s;
        while at_s <= end_s {
            let index = frames.len() as u32;
            let shown = self.person.iter().enumerate();
            let seen = shown.filter_map(|(number, person)| {
                let mut seen = person.seen(number as u32, index, at_s)?;
                seen.at.x += self.noise_m * draw(index, number as u32, 2);
                seen.at.y += self.noise_m * draw(index, number as u32, 3);
                Some(seen)
            });
            frames.push(Frame {
                at: Instant::from_s(at_s + 100.0),
                seen: seen.collect(),
            });
            at_s = if self.steps_s.is_empty() {
                -self.lead_s + frames.len() as f64 / self.fps
            } else {
                at_s + self.steps_s[index as usize % self.steps_s.len()]
            };
        }
        frames
    }
}

impl Person {
    fn seen(&self, number: u32, frame: u32, at_s: f64) -> Option<Seen> {
        let at_s = (at_s * 1e6).round() / 1e6;
        let within = |span: (f64, f64)| span.0 <= at_s && at_s <= span.1;
        if self.hidden.is_some_and(within) {
            return None;
        }
        let after = self.walk.iter().position(|way| way.0 >= at_s)?;
        let b = self.walk[after];
        let a = if after > 0 { self.walk[after - 1] } else { b };
        if after == 0 && at_s < b.0 {
            return None;
        }
        let share = if b.0 > a.0 {
            (at_s - a.0) / (b.0 - a.0)
        } else {
            0.0
        };
        let mut at = PointInFloor {
            x: a.1 + share * (b.1 - a.1),
            y: a.2 + share * (b.2 - a.2),
        };
        if self.shaking.is_none_or(within) {
            at.x += self.shake_m * draw(frame, number, 0);
            at.y += self.shake_m * draw(frame, number, 1);
            at.y += if frame.is_multiple_of(2) {
                self.zigzag_m
            } else {
                -self.zigzag_m
            };
        }
        let named = self.ids.iter().rev().find(|named| named.0 <= at_s);
        let id = named.map_or(number + 1, |named| named.1);
        Some(Seen { id, at })
    }
}

/// A number from -1 to 1, always the same for the same frame, person and axis.
fn draw(frame: u32, person: u32, axis: u32) -> f64 {
    let mut hash = (frame + 1).wrapping_mul(73_856_093)
        ^ (person + 1).wrapping_mul(19_349_663)
        ^ (axis + 1).wrapping_mul(83_492_791);
    hash = (hash ^ (hash >> 13)).wrapping_mul(1_274_126_177);
    hash ^= hash >> 16;
    f64::from(hash) / f64::from(u32::MAX) * 2.0 - 1.0
}
