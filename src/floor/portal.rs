//! A door opening on the floor: a polyline with an inside and an outside.
//!
//! Which side a point is on comes from the nearest piece of the line. At a corner the nearest
//! piece is a single point and the two segments may disagree; there the way the line turns
//! decides, which is exact for any line that does not cross itself. Past either end the end
//! segment is thought on for ever, so that the side has no jump there; how far past the end a
//! point lies is in its station.
//!
//! It does not decide what counts as a crossing: that is `crossing`.

use serde::{Deserialize, Serialize};

use super::PointInFloor;

/// A portal: people pass over `line`; `line` is directed so that the inside lies to its left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portal {
    /// Two or more floor points, m; the inside is to the left when walking along it.
    pub line: Vec<PointInFloor>,
    /// How deep on either side one must be to have settled there (hysteresis), m.
    pub depth_m: f64,
}

/// Where a point is with regard to a portal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortalReading {
    /// Signed distance to the polyline, m: positive inside, negative outside; past an end, the
    /// signed distance to the end segment's extension. 0 for a line without length.
    pub side_m: f64,
    /// Arc length along the polyline of the nearest point, m: below 0 or above the length when
    /// the point lies past an end (measured along the end segment's direction).
    pub station_m: f64,
    /// Unit normal (towards the inside) at the nearest point.
    pub normal: (f64, f64),
}

/// Where a straight step passes a portal's line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passage {
    /// How much of the step lies before the line, 0 to 1.
    pub share: f64,
    /// Where along the line, m; below 0 or above the length past an end.
    pub station_m: f64,
    /// How far past the nearer end, m; 0 over the line itself.
    pub beyond_m: f64,
    /// From outside to inside.
    pub inward: bool,
}

/// A portal made ready for reading many points.
#[derive(Debug, Clone, PartialEq)]
pub struct PortalLine {
    segments: Vec<Segment>,
    length_m: f64,
    depth_m: f64,
}

/// One segment of the line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    start: PointInFloor,
    along: (f64, f64),
    length_m: f64,
    /// Arc length at its start, m.
    station_m: f64,
    /// What its ends are; `None` for an end of the whole line.
    start_corner: Option<Corner>,
    end_corner: Option<Corner>,
}

/// Where two segments meet.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Corner {
    /// Which side it points to: +1 inside, -1 outside, 0 where the line goes straight on.
    points_to: f64,
    normal: (f64, f64),
}

/// Parts of a line this close to each other touch, m: a hundredth of a step.
const TOUCH_M: f64 = 0.01;

impl Portal {
    /// Where the line crosses, touches or runs back over itself: two of its segments, counted from
    /// 0. Which side of such a line a person is on cannot be told.
    pub fn meets_itself(&self) -> Option<(usize, usize)> {
        let segments: Vec<(usize, [PointInFloor; 2])> = self
            .line
            .windows(2)
            .map(|ends| [ends[0], ends[1]])
            .enumerate()
            .filter(|(_, [start, end])| start.distance(*end) > TOUCH_M)
            .collect();
        for (place, (first, a)) in segments.iter().enumerate() {
            for (later, (second, b)) in segments.iter().enumerate().skip(place + 1) {
                let touch = if later == place + 1 {
                    // They share a corner; beyond it they must part.
                    distance_to(b[1], *a).min(distance_to(a[0], *b)) <= TOUCH_M
                } else {
                    crossing(*a, *b) || gap(*a, *b) <= TOUCH_M
                };
                if touch {
                    return Some((*first, *second));
                }
            }
        }
        None
    }

    /// Length of the polyline, m.
    pub fn length_m(&self) -> f64 {
        self.line.windows(2).map(|w| w[0].distance(w[1])).sum()
    }

    /// Where `p` is with regard to this portal. To read many points, [`Portal::prepare`] it.
    pub fn read(&self, p: PointInFloor) -> PortalReading {
        self.prepare().read(p)
    }

    /// Where a step passes; see [`PortalLine::passage`].
    pub fn passage(&self, from: PointInFloor, to: PointInFloor) -> Option<Passage> {
        self.prepare().passage(from, to)
    }

    /// How far past the nearer end a station is, m; 0 over the line itself.
    pub fn beyond_m(&self, station_m: f64) -> f64 {
        (-station_m).max(station_m - self.length_m()).max(0.0)
    }

    /// The same, ready for reading many points.
    pub fn prepare(&self) -> PortalLine {
        let mut segments: Vec<Segment> = Vec::new();
        let mut station_m = 0.0;
        for ends in self.line.windows(2) {
            let length_m = ends[0].distance(ends[1]);
            if !(length_m > 0.0 && length_m.is_finite()) {
                continue;
            }
            let (dx, dy) = (ends[1].x - ends[0].x, ends[1].y - ends[0].y);
            let mut segment = Segment {
                start: ends[0],
                along: (dx / length_m, dy / length_m),
                length_m,
                station_m,
                start_corner: None,
                end_corner: None,
            };
            if let Some(before) = segments.last_mut() {
                let corner = Corner::between(before.along, segment.along);
                before.end_corner = Some(corner);
                segment.start_corner = Some(corner);
            }
            segments.push(segment);
            station_m += length_m;
        }
        PortalLine {
            segments,
            length_m: station_m,
            depth_m: self.depth_m,
        }
    }
}

impl PortalLine {
    /// The portal's hysteresis depth, m.
    pub fn depth_m(&self) -> f64 {
        self.depth_m
    }

    /// Where `p` is with regard to the portal.
    pub fn read(&self, p: PointInFloor) -> PortalReading {
        let mut nearest: Option<&Segment> = None;
        let mut least_m2 = f64::INFINITY;
        for segment in &self.segments {
            let distance_m2 = segment.distance_m2(p);
            if distance_m2 < least_m2 {
                least_m2 = distance_m2;
                nearest = Some(segment);
            }
        }
        nearest.map_or_else(
            || PortalReading {
                // No line: on neither side. No point: nowhere.
                side_m: if self.segments.is_empty() {
                    0.0
                } else {
                    f64::NAN
                },
                station_m: 0.0,
                normal: (0.0, 0.0),
            },
            |segment| segment.read(p),
        )
    }

    /// Where the straight step from `from` to `to` passes the line, if their sides differ.
    /// A passage over the line itself is preferred to one past its ends. A start exactly on the
    /// line belongs to neither side, so that a step from it passes nothing.
    pub fn passage(&self, from: PointInFloor, to: PointInFloor) -> Option<Passage> {
        let (a, b) = (self.read(from), self.read(to));
        if a.side_m * b.side_m >= 0.0 || !(a.side_m * b.side_m).is_finite() {
            return None;
        }
        let inward = a.side_m < 0.0;
        let mut best: Option<Passage> = None;
        for segment in &self.segments {
            if let Some(found) = segment.passage(from, to, inward)
                && best.is_none_or(|b| found.beyond_m < b.beyond_m)
            {
                best = Some(found);
            }
        }
        best.or_else(|| {
            // Only where rounding hides the intersection, at a corner: between the two readings.
            let share = a.side_m / (a.side_m - b.side_m);
            let station_m = self.read(from.lerp(to, share)).station_m;
            Some(Passage {
                share,
                station_m,
                beyond_m: self.beyond_m(station_m),
                inward,
            })
        })
    }

    /// How far past the nearer end a station is, m; 0 over the line itself.
    pub fn beyond_m(&self, station_m: f64) -> f64 {
        (-station_m).max(station_m - self.length_m).max(0.0)
    }
}

impl Corner {
    fn between(before: (f64, f64), after: (f64, f64)) -> Self {
        let turn = cross(before, after);
        let sum = (-before.1 - after.1, before.0 + after.0);
        let length = (sum.0 * sum.0 + sum.1 * sum.1).sqrt();
        let folds = length < 1e-9;
        Self {
            // The corner of a line that turns left points outside.
            points_to: if turn > 0.0 {
                -1.0
            } else if turn < 0.0 {
                1.0
            } else {
                0.0
            },
            normal: if folds {
                (-before.1, before.0)
            } else {
                (sum.0 / length, sum.1 / length)
            },
        }
    }
}

impl Segment {
    /// How far along and across this segment `p` lies, and how far past its nearer end.
    fn place(&self, p: PointInFloor) -> (f64, f64, f64) {
        let offset = (p.x - self.start.x, p.y - self.start.y);
        let along_m = offset.0 * self.along.0 + offset.1 * self.along.1;
        let across_m = cross(self.along, offset);
        let past_m = (-along_m).max(along_m - self.length_m).max(0.0);
        (along_m, across_m, past_m)
    }

    fn distance_m2(&self, p: PointInFloor) -> f64 {
        let (_, across_m, past_m) = self.place(p);
        past_m * past_m + across_m * across_m
    }

    /// What is read at `p`, this being the nearest segment.
    fn read(&self, p: PointInFloor) -> PortalReading {
        let (along_m, across_m, past_m) = self.place(p);
        let at_start = along_m < 0.0;
        let corner = if at_start {
            self.start_corner
        } else {
            self.end_corner
        };
        match corner {
            Some(corner) if past_m > 0.0 => {
                let distance_m = (past_m * past_m + across_m * across_m).sqrt();
                let straight = corner.points_to.abs() < 0.5;
                PortalReading {
                    side_m: if straight {
                        across_m
                    } else {
                        corner.points_to * distance_m
                    },
                    station_m: self.station_m + if at_start { 0.0 } else { self.length_m },
                    normal: corner.normal,
                }
            }
            _ => PortalReading {
                side_m: across_m,
                station_m: self.station_m + along_m,
                normal: (-self.along.1, self.along.0),
            },
        }
    }

    /// Where a step meets this segment; an end of the whole line counts as endless.
    fn passage(&self, from: PointInFloor, to: PointInFloor, inward: bool) -> Option<Passage> {
        let offset = (from.x - self.start.x, from.y - self.start.y);
        let step = (to.x - from.x, to.y - from.y);
        let (a, change) = (cross(self.along, offset), cross(self.along, step));
        let share = -a / change;
        if (change > 0.0) != inward || !(0.0..=1.0).contains(&share) {
            return None;
        }
        let along_m = offset.0 * self.along.0
            + offset.1 * self.along.1
            + share * (step.0 * self.along.0 + step.1 * self.along.1);
        let (before_m, after_m) = ((-along_m).max(0.0), (along_m - self.length_m).max(0.0));
        let misses = (before_m > 0.0 && self.start_corner.is_some())
            || (after_m > 0.0 && self.end_corner.is_some());
        (!misses).then_some(Passage {
            share,
            station_m: self.station_m + along_m,
            beyond_m: before_m + after_m,
            inward,
        })
    }
}

/// Whether two segments cross at a point inside both.
fn crossing(a: [PointInFloor; 2], b: [PointInFloor; 2]) -> bool {
    let side = |[from, to]: [PointInFloor; 2], p: PointInFloor| {
        cross((to.x - from.x, to.y - from.y), (p.x - from.x, p.y - from.y))
    };
    side(a, b[0]) * side(a, b[1]) < 0.0 && side(b, a[0]) * side(b, a[1]) < 0.0
}

/// The least distance between two segments that do not cross, m.
fn gap(a: [PointInFloor; 2], b: [PointInFloor; 2]) -> f64 {
    let from_a = distance_to(a[0], b).min(distance_to(a[1], b));
    distance_to(b[0], a).min(distance_to(b[1], a)).min(from_a)
}

/// From a point to the nearest point of a segment with length, m.
fn distance_to(p: PointInFloor, [start, end]: [PointInFloor; 2]) -> f64 {
    let length_m = start.distance(end);
    let along = ((end.x - start.x) / length_m, (end.y - start.y) / length_m);
    let offset = (p.x - start.x, p.y - start.y);
    let share = (offset.0 * along.0 + offset.1 * along.1) / length_m;
    start.lerp(end, share.clamp(0.0, 1.0)).distance(p)
}

fn cross(a: (f64, f64), b: (f64, f64)) -> f64 {
    a.0 * b.1 - a.1 * b.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn portal(points: &[(f64, f64)]) -> Portal {
        Portal {
            line: points.iter().map(|&(x, y)| PointInFloor { x, y }).collect(),
            depth_m: 0.25,
        }
    }

    /// Reads `at` and compares side and station.
    #[track_caller]
    fn check(points: &[(f64, f64)], at: (f64, f64), side_m: f64, station_m: f64) {
        let reading = portal(points).read(PointInFloor { x: at.0, y: at.1 });
        assert!(
            (reading.side_m - side_m).abs() < 1e-9 && (reading.station_m - station_m).abs() < 1e-9,
            "{at:?}: {reading:?}, not side {side_m} at station {station_m}"
        );
        let length = reading.normal.0.hypot(reading.normal.1);
        assert!((length - 1.0).abs() < 1e-9, "{reading:?}");
    }

    #[test]
    fn a_line_that_meets_itself_is_noticed() {
        #[track_caller]
        fn check(points: &[(f64, f64)], expect: Option<(usize, usize)>) {
            assert_eq!(portal(points).meets_itself(), expect, "{points:?}");
            let back: Vec<_> = points.iter().rev().copied().collect();
            assert_eq!(portal(&back).meets_itself().is_some(), expect.is_some());
        }
        check(DOOR, None);
        check(BENT, None);
        check(SHARP, None);
        check(&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)], None);
        // Ends meet; one end touches the middle; a plain crossing; there and back.
        let ring = [(0.0, 0.0), (2.0, 0.0), (1.0, 2.0), (0.0, 0.0)];
        check(&ring, Some((0, 2)));
        let sling = [(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (2.0, 0.0)];
        check(&sling, Some((0, 2)));
        let bow = [(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)];
        check(&bow, Some((0, 2)));
        check(&[(0.0, 0.0), (2.0, 0.0), (1.0, 0.0)], Some((0, 1)));
        // A point written twice is no crossing, and hides none.
        check(&[(0.0, 0.0), (2.0, 0.0), (2.0, 0.0), (4.0, 1.0)], None);
        let twice = [(0.0, 0.0), (2.0, 0.0), (2.0, 0.0), (1.0, 0.0)];
        check(&twice, Some((0, 2)));
    }

    const DOOR: &[(f64, f64)] = &[(0.0, 0.0), (2.0, 0.0)];
    /// Turns left, then right.
    const BENT: &[(f64, f64)] = &[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (4.0, 2.0)];
    /// A hairpin: the line turns left by more than a quarter turn.
    const SHARP: &[(f64, f64)] = &[(0.0, 0.0), (2.0, 0.0), (0.5, 1.0)];

    #[test]
    fn reads_sides_and_stations() {
        check(DOOR, (0.5, 1.0), 1.0, 0.5);
        check(DOOR, (0.5, -1.0), -1.0, 0.5);
        check(DOOR, (0.5, 0.0), 0.0, 0.5);
        check(DOOR, (-1.0, 0.5), 0.5, -1.0);
        check(DOOR, (3.0, -0.5), -0.5, 3.0);
        check(DOOR, (2.0, 0.0), 0.0, 2.0);
        check(BENT, (1.5, 0.5), 0.5, 1.5);
        check(BENT, (2.0, 1.0), 0.0, 3.0);
        check(BENT, (3.0, -1.0), -2_f64.sqrt(), 2.0);
        check(BENT, (1.0, 3.0), 2_f64.sqrt(), 4.0);
        check(BENT, (5.0, 1.0), -1.0, 7.0);
        // In the hairpin's corner the two segments' own signs disagree.
        check(SHARP, (3.0, 0.1), -1.01_f64.sqrt(), 2.0);
        check(
            &[(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (2.0, 0.0)],
            (1.0, 1.0),
            1.0,
            1.0,
        );
    }

    #[test]
    fn nothing_is_read_from_a_line_without_length_or_from_no_point() {
        let dot = portal(&[(1.0, 1.0), (1.0, 1.0)]);
        assert!(dot.read(PointInFloor { x: 3.0, y: 3.0 }).side_m.abs() <= 0.0);
        let nowhere = PointInFloor {
            x: f64::NAN,
            y: 0.0,
        };
        assert!(portal(DOOR).read(nowhere).side_m.is_nan());
        assert!(
            portal(DOOR)
                .passage(nowhere, PointInFloor::default())
                .is_none()
        );
    }

    /// Passes from `from` to `to` and compares share, station, beyond.
    #[track_caller]
    fn check_passage(
        points: &[(f64, f64)],
        from: (f64, f64),
        to: (f64, f64),
        expect: Option<(f64, f64, f64)>,
    ) {
        let [a, b] = [from, to].map(|(x, y)| PointInFloor { x, y });
        let found = portal(points)
            .passage(a, b)
            .map(|p| (p.share, p.station_m, p.beyond_m));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let same = match (found, expect) {
            (Some(f), Some(e)) => near(f.0, e.0) && near(f.1, e.1) && near(f.2, e.2),
            (f, e) => f.is_none() && e.is_none(),
        };
        assert!(same, "{from:?} to {to:?}: {found:?}, not {expect:?}");
    }

    #[test]
    fn finds_where_a_step_passes() {
        check_passage(DOOR, (1.0, -1.0), (1.0, 3.0), Some((0.25, 1.0, 0.0)));
        check_passage(DOOR, (1.0, 3.0), (1.0, -1.0), Some((0.75, 1.0, 0.0)));
        check_passage(DOOR, (2.5, -1.0), (2.5, 1.0), Some((0.5, 2.5, 0.5)));
        check_passage(DOOR, (-0.5, -1.0), (-0.5, 1.0), Some((0.5, -0.5, 0.5)));
        check_passage(DOOR, (1.0, 1.0), (5.0, 1.0), None);
        check_passage(DOOR, (1.0, 0.0), (1.0, 1.0), None);
        // Over the corner, and over the second segment though the first one's line is met too.
        check_passage(BENT, (1.5, 0.5), (2.5, -0.5), Some((0.5, 2.0, 0.0)));
        check_passage(BENT, (3.0, 1.0), (1.0, 1.0), Some((0.5, 3.0, 0.0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The sign changes only at the line, and the two helpers agree on where.
        #[test]
        fn the_side_has_no_jump(x in -3.0..7.0f64, y in -3.0..5.0f64, a in 0.0..6.2f64) {
            let p = PointInFloor { x, y };
            let q = PointInFloor { x: x + 0.01 * a.cos(), y: y + 0.01 * a.sin() };
            for line in [DOOR, BENT] {
                let portal = portal(line);
                let (rp, rq) = (portal.read(p), portal.read(q));
                let differ = rp.side_m * rq.side_m < 0.0;
                let gap = (rp.side_m - rq.side_m).abs();
                prop_assert!(!differ || gap < 0.01 + 1e-9, "{rp:?} {rq:?}");
                let passage = portal.passage(p, q);
                prop_assert_eq!(differ, passage.is_some());
                if let Some(passage) = passage {
                    prop_assert_eq!(passage.inward, rp.side_m < 0.0);
                    let on = portal.read(p.lerp(q, passage.share));
                    prop_assert!(on.side_m.abs() < 1e-6 && (on.station_m - passage.station_m).abs() < 1e-6);
                }
            }
        }
    }
}
