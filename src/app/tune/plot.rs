//! The plots of the tuning page, as inline SVG.

use std::fmt::Write as _;

use serde_json::Value;

use super::findings::{AxisLine, Findings, Scored};
use super::text::{short, value};

/// Both plots leave room for numbers: left, top, right, bottom, in their own units.
const MARGIN: [f64; 4] = [58.0, 12.0, 30.0, 34.0];
/// Room beside the first and the last value of an axis, in steps: for the rings around them.
const ROOM: f64 = 0.4;
/// A range of shares that is too wide for a line at every tenth.
const MANY: f64 = 0.5;
/// Trials with the same result lie on one another: so much further apart, and a crowd can be seen.
const JITTER: f64 = 3.0;

/// Where numbers are in a plot of `width` by `height`.
struct Frame {
    width: f64,
    height: f64,
    x: [f64; 2],
    y: [f64; 2],
}

impl Frame {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [left, top, right, bottom] = MARGIN;
        let share = |value: f64, [lo, hi]: [f64; 2]| (value - lo) / (hi - lo).max(1e-9);
        (
            left + share(x, self.x) * (self.width - left - right),
            self.height - bottom - share(y, self.y) * (self.height - top - bottom),
        )
    }

    fn begin(&self, label: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\">",
            self.width, self.height
        )
    }

    /// Lines across, with their numbers at the left.
    fn across(&self, svg: &mut String, ticks: &[f64], text: impl Fn(f64) -> String) {
        for tick in ticks {
            let ((x0, y), (x1, _)) = (self.at(self.x[0], *tick), self.at(self.x[1], *tick));
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x0:.1}\" y1=\"{y:.1}\" x2=\"{x1:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"label right\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x0 - 6.0,
                y + 4.0,
                text(*tick)
            );
        }
    }

    fn below(&self, svg: &mut String, x: f64, text: &str) {
        let (x, y) = self.at(x, self.y[0]);
        let _ = write!(
            svg,
            "<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
            y + 18.0
        );
    }
}

/// Recall to the right, precision upwards: every trial, and the intervals of the current and the best.
pub fn cloud(findings: &Findings) -> String {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        let least = values.fold(1.0, f64::min);
        // Down to the next tenth, so that ticks are round.
        [((least * 10.0).floor() / 10.0).min(0.9), 1.0]
    };
    let whiskers = [&findings.current, &findings.best];
    let frame = Frame {
        width: 1000.0,
        height: 420.0,
        x: ends(
            &mut findings
                .trials
                .iter()
                .map(|dot| dot.recall)
                .chain(whiskers.map(|s| s.recall.between.lo)),
        ),
        y: ends(
            &mut findings
                .trials
                .iter()
                .map(|dot| dot.precision)
                .chain(whiskers.map(|s| s.precision.between.lo)),
        ),
    };
    let percent = |value: f64| format!("{:.0} %", 100.0 * value);
    let mut svg = frame.begin("Precision against recall of every configuration");
    frame.across(&mut svg, &ticks(frame.y), percent);
    for tick in ticks(frame.x) {
        frame.below(&mut svg, tick, &percent(tick));
    }
    // Those on the front last: nothing may hide them.
    let mut dots: Vec<_> = findings.trials.iter().enumerate().collect();
    dots.sort_by_key(|(_, dot)| dot.on_front);
    for (index, dot) in dots {
        let (x, y) = frame.at(dot.recall, dot.precision);
        // A fixed spiral instead of chance: the same page for the same findings.
        let (turn, out) = (index as f64 * 2.4, JITTER * ((index % 16) as f64 / 4.0));
        let _ = write!(
            svg,
            "<circle class=\"dot{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
            if dot.on_front { " front" } else { "" },
            x + out * libm::cos(turn),
            y + out * libm::sin(turn)
        );
    }
    whisker(&mut svg, &frame, "now", &findings.current, 9.0);
    whisker(&mut svg, &frame, "best", &findings.best, 7.0);
    let _ = write!(
        svg,
        "<text class=\"label right\" x=\"985\" y=\"{:.1}\">recall</text>\
         <text class=\"label left\" x=\"64\" y=\"24\">precision</text></svg>",
        frame.height - 2.0
    );
    svg
}

/// A ring with both its intervals.
fn whisker(svg: &mut String, frame: &Frame, class: &str, scored: &Scored, radius: f64) {
    let (x, y) = (scored.recall.value, scored.precision.value);
    let (a, b) = (scored.recall.between, scored.precision.between);
    let lines = [[a.lo, y, a.hi, y], [x, b.lo, x, b.hi]];
    for [x0, y0, x1, y1] in lines {
        let ((x0, y0), (x1, y1)) = (frame.at(x0, y0), frame.at(x1, y1));
        let _ = write!(
            svg,
            "<line class=\"{class} whisker\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" \
             y2=\"{y1:.1}\"/>"
        );
    }
    let (x, y) = frame.at(x, y);
    let _ = write!(
        svg,
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
    );
}

/// What an axis costs, value by value, with the current and the best one.
pub fn axis(axis: &AxisLine) -> String {
    let costs = || axis.points.iter().map(|point| point.cost);
    let (least, most) = (
        costs().fold(f64::INFINITY, f64::min),
        costs().fold(0.0, f64::max),
    );
    let frame = Frame {
        width: 360.0,
        height: 190.0,
        x: [-ROOM, (axis.points.len().max(2) - 1) as f64 + ROOM],
        y: [least, most.max(least + 1.0)],
    };
    let mut svg = frame.begin(&format!("What {} costs", axis.name));
    frame.across(&mut svg, &[frame.y[0], frame.y[1]], short);
    let mut line = String::new();
    // Values stand side by side, equally far apart: names and switches have no distances.
    for (index, point) in axis.points.iter().enumerate() {
        let (x, y) = frame.at(index as f64, point.cost);
        let _ = write!(line, "{x:.1},{y:.1} ");
    }
    let _ = write!(
        svg,
        "<polyline class=\"curve\" points=\"{}\"/>",
        line.trim_end()
    );
    let crowded = axis.points.len() > 7;
    for (index, point) in axis.points.iter().enumerate() {
        let (x, y) = frame.at(index as f64, point.cost);
        let is = |wanted: &Value| *wanted == point.value;
        if axis.current.iter().any(is) {
            let _ = write!(
                svg,
                "<circle class=\"now\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\"/>"
            );
        }
        if axis.best.as_ref().is_some_and(is) {
            let _ = write!(
                svg,
                "<circle class=\"best\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>"
            );
        }
        if !crowded || index % 2 == 0 {
            let text = crate::app::report::html::escape(&value(&point.value));
            frame.below(&mut svg, index as f64, &text);
        }
    }
    svg + "</svg>"
}

/// Round shares from `hi` down to `lo`, few enough to be read.
fn ticks([lo, hi]: [f64; 2]) -> Vec<f64> {
    let step = if hi - lo > MANY { 0.2 } else { 0.1 };
    let lines = ((hi - lo) / step + 1e-6).floor() as usize;
    (0..=lines).map(|line| hi - line as f64 * step).collect()
}
