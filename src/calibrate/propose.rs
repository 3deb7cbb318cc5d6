//! Grid, roles and portals proposed from where people walk, for a person to confirm.
//!
//! # Theory of operation
//!
//! People walk where floor is and through doors. Straight lines are laid over the floor in twelve
//! directions, a step apart. A walk that goes well beyond a line on both sides passes it. A portal is
//! the line that most walks pass within the narrowest stretch; it counts for it if people appear or
//! vanish beyond it, away from the picture's edge, as they do in a doorway. Walks that pass it are
//! put aside, and the rest may have a portal of their own.
//!
//! Floor that nobody walked on, between floor that was walked on in all four directions, may be a
//! desk: it is proposed as blocked when enough people walked by.
//!
//! Which side is inside cannot be seen. The side that more people went to is proposed.

use serde::Serialize;

use crate::floor::PointInFloor;

/// Directions of lines.
const DIRECTIONS: u32 = 12;
/// Lines of one direction are this far apart, m.
const STEP_M: f64 = 0.1;
/// A walk passes a line if it goes this far beyond it on both sides, m: more than a portal's depth.
const BEYOND_M: f64 = 0.45;
/// Fewer walks make no portal.
const LEAST_WALKS: usize = 3;
/// Nor does a smaller share of them all: in the open, a few always happen to pass near one place.
const LEAST_SHARE: f64 = 0.3;
/// A metre of width counts as much as this share of the walks.
const WIDTH_COSTS: f64 = 0.2;
/// Walks that begin or end behind the line count so much more.
const DOORWAY_WORTH: f64 = 0.5;
/// Behind means within this of the line, m.
const DOORWAY_M: f64 = 2.0;
/// An opening is at least this wide, m, and this much wider than where middles of people pass.
const NARROWEST_M: f64 = 0.8;
const SHOULDERS_M: f64 = 0.3;
/// Wider than this is no door, m.
const WIDEST_M: f64 = 6.0;
/// The grid reaches this many tiles beyond what was walked on.
const MARGIN_TILES: f64 = 2.0;
/// Fewer walks say nothing of where nobody walks.
const LEAST_WALKS_FOR_BLOCKED: usize = 20;
/// At most so many portals.
const MOST_PORTALS: usize = 3;

/// The way of one person over the floor.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Places in order, m.
    pub points: Vec<PointInFloor>,
    /// Whether it began at the picture's edge.
    pub from_edge: bool,
    /// Whether it ended there.
    pub to_edge: bool,
}

/// A proposed portal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposedPortal {
    /// The line, from post to post, m.
    pub line: [PointInFloor; 2],
    /// A point of the side more people went to, m.
    pub inside: PointInFloor,
    /// Walks towards that side.
    pub inwards: usize,
    /// Walks away from it.
    pub outwards: usize,
    /// Walks that appeared or vanished behind it.
    pub doorway: usize,
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Walks it rests on.
    pub walks: usize,
    /// Edge of a tile, m.
    pub tile_m: f64,
    /// Least corner of the grid, m.
    pub min: PointInFloor,
    /// Greatest corner, m.
    pub max: PointInFloor,
    /// How many walked on each tile, row by row from the least y.
    pub walked: Vec<Vec<u32>>,
    /// Rectangles nobody walked on in the midst of those that were, least and greatest corner, m.
    pub blocked: Vec<[PointInFloor; 2]>,
    /// Portals, most used first.
    pub portals: Vec<ProposedPortal>,
}

/// Proposes; `None` if nobody walked.
pub fn propose(walks: &[Walk], tile_m: f64) -> Option<Proposal> {
    let points = || walks.iter().flat_map(|walk| &walk.points);
    let first = points().next()?;
    let (mut min, mut max) = (*first, *first);
    for point in points() {
        (min.x, min.y) = (min.x.min(point.x), min.y.min(point.y));
        (max.x, max.y) = (max.x.max(point.x), max.y.max(point.y));
    }
    let down = |value: f64| ((value / tile_m).floor() - MARGIN_TILES) * tile_m;
    let up = |value: f64| ((value / tile_m).ceil() + MARGIN_TILES) * tile_m;
    let min = PointInFloor {
        x: down(min.x),
        y: down(min.y),
    };
    let max = PointInFloor {
        x: up(max.x),
        y: up(max.y),
    };
    let walked = walked(walks, min, max, tile_m);
    let blocked = if walks.len() >= LEAST_WALKS_FOR_BLOCKED {
        holes(&walked, min, tile_m)
    } else {
        Vec::new()
    };
    Some(Proposal {
        walks: walks.len(),
        tile_m,
        min,
        max,
        blocked,
        portals: portals(walks, min, max),
        walked,
    })
}

fn walked(walks: &[Walk], min: PointInFloor, max: PointInFloor, tile_m: f64) -> Vec<Vec<u32>> {
    let count = |length: f64| (length / tile_m).round().clamp(1.0, 2_000.0) as usize;
    let (columns, rows) = (count(max.x - min.x), count(max.y - min.y));
    let mut walked = vec![vec![0; columns]; rows];
    for walk in walks {
        let mut last = None;
        for point in &walk.points {
            let column = (((point.x - min.x) / tile_m) as usize).min(columns - 1);
            let row = (((point.y - min.y) / tile_m) as usize).min(rows - 1);
            if last != Some((column, row)) {
                walked[row][column] += 1;
                last = Some((column, row));
            }
        }
    }
    walked
}

/// Runs of tiles that nobody walked on, with tiles that were on all four sides.
fn holes(walked: &[Vec<u32>], min: PointInFloor, tile_m: f64) -> Vec<[PointInFloor; 2]> {
    let columns = walked.first().map_or(0, Vec::len);
    let is_hole = |row: usize, column: usize| {
        let any = |mut tiles: Box<dyn Iterator<Item = u32> + '_>| tiles.any(|count| count > 0);
        walked[row][column] == 0
            && any(Box::new(walked[row][..column].iter().copied()))
            && any(Box::new(walked[row][column + 1..].iter().copied()))
            && any(Box::new(walked[..row].iter().map(|row| row[column])))
            && any(Box::new(walked[row + 1..].iter().map(|row| row[column])))
    };
    let at = |column: usize, row: usize| PointInFloor {
        x: min.x + column as f64 * tile_m,
        y: min.y + row as f64 * tile_m,
    };
    let mut holes = Vec::new();
    for row in 0..walked.len() {
        let mut column = 0;
        while column < columns {
            let begin = column;
            while column < columns && is_hole(row, column) {
                column += 1;
            }
            // One tile alone is chance.
            if column > begin + 1 {
                holes.push([at(begin, row), at(column, row + 1)]);
            }
            column += 1;
        }
    }
    holes
}

fn portals(walks: &[Walk], min: PointInFloor, max: PointInFloor) -> Vec<ProposedPortal> {
    let mut rest: Vec<&Walk> = walks.iter().collect();
    let least = LEAST_WALKS.max((LEAST_SHARE * walks.len() as f64).ceil() as usize);
    let mut portals = Vec::new();
    while rest.len() >= least && portals.len() < MOST_PORTALS {
        let Some(best) = best_line(&rest, min, max).filter(|best| best.passed.len() >= least)
        else {
            break;
        };
        portals.push(best.portal());
        let mut place = 0;
        rest.retain(|_| {
            let passed = best.passed.iter().any(|pass| pass.walk == place);
            place += 1;
            !passed
        });
    }
    portals
}

/// A line that walks were held against.
struct Candidate {
    /// A point of the line, its direction, and the normal to its left.
    origin: PointInFloor,
    along: (f64, f64),
    normal: (f64, f64),
    passed: Vec<Pass>,
    worth: f64,
}

/// One walk over a line.
struct Pass {
    walk: usize,
    station_m: f64,
    /// Towards the normal.
    forwards: bool,
    /// It appeared or vanished behind the line.
    doorway: bool,
}

fn best_line(walks: &[&Walk], min: PointInFloor, max: PointInFloor) -> Option<Candidate> {
    let middle = min.lerp(max, 0.5);
    let reach = 0.5 * min.distance(max);
    let steps = (reach / STEP_M).ceil().min(2_000.0) as i32;
    let mut best: Option<Candidate> = None;
    for direction in 0..DIRECTIONS {
        let angle = std::f64::consts::PI * f64::from(direction) / f64::from(DIRECTIONS);
        let along = (libm::cos(angle), libm::sin(angle));
        let normal = (-along.1, along.0);
        for step in -steps..=steps {
            let off = STEP_M * f64::from(step);
            let origin = PointInFloor {
                x: middle.x + off * normal.0,
                y: middle.y + off * normal.1,
            };
            let passed: Vec<Pass> = walks
                .iter()
                .enumerate()
                .filter_map(|(place, walk)| pass(walk, place, origin, along, normal))
                .collect();
            if passed.len() < LEAST_WALKS {
                continue;
            }
            let mut candidate = Candidate {
                origin,
                along,
                normal,
                passed,
                worth: 0.0,
            };
            let (lo, hi) = candidate.stations();
            let doorways = candidate.passed.iter().filter(|pass| pass.doorway).count() as f64;
            let passes = candidate.passed.len() as f64;
            candidate.worth = (passes + DOORWAY_WORTH * doorways) / walks.len() as f64
                - WIDTH_COSTS * (hi - lo).max(NARROWEST_M - SHOULDERS_M);
            let better = best
                .as_ref()
                .is_none_or(|best| candidate.worth > best.worth);
            if hi - lo <= WIDEST_M && better {
                best = Some(candidate);
            }
        }
    }
    best
}

/// Where a walk passes a line, if it goes well beyond it on both sides and ends on the other one.
fn pass(
    walk: &Walk,
    place: usize,
    origin: PointInFloor,
    along: (f64, f64),
    normal: (f64, f64),
) -> Option<Pass> {
    let side = |p: &PointInFloor| (p.x - origin.x) * normal.0 + (p.y - origin.y) * normal.1;
    let (first, last) = (walk.points.first()?, walk.points.last()?);
    let (from, to) = (side(first), side(last));
    let through = (from < -BEYOND_M && to > BEYOND_M) || (from > BEYOND_M && to < -BEYOND_M);
    if !through {
        return None;
    }
    let forwards = to > 0.0;
    let over = walk.points.windows(2).find(|step| {
        let (a, b) = (side(&step[0]), side(&step[1]));
        (a < 0.0) != (b < 0.0) && (b > a) == forwards
    })?;
    let (a, b) = (side(&over[0]), side(&over[1]));
    let at = over[0].lerp(over[1], (a / (a - b)).clamp(0.0, 1.0));
    let station_m = (at.x - origin.x) * along.0 + (at.y - origin.y) * along.1;
    let appeared = !walk.from_edge && from.abs() < DOORWAY_M;
    let vanished = !walk.to_edge && to.abs() < DOORWAY_M;
    Some(Pass {
        walk: place,
        station_m,
        forwards,
        doorway: appeared || vanished,
    })
}

impl Candidate {
    /// Between which stations people passed, without the odd one out, m.
    fn stations(&self) -> (f64, f64) {
        let mut stations: Vec<f64> = self.passed.iter().map(|pass| pass.station_m).collect();
        stations.sort_by(f64::total_cmp);
        let odd = stations.len() / 20;
        let (lo, hi) = (stations.get(odd), stations.get(stations.len() - 1 - odd));
        (lo.copied().unwrap_or(0.0), hi.copied().unwrap_or(0.0))
    }

    fn portal(&self) -> ProposedPortal {
        let (lo, hi) = self.stations();
        let middle = 0.5 * (lo + hi);
        let half = (0.5 * (hi - lo) + SHOULDERS_M).max(0.5 * NARROWEST_M);
        let at = |station: f64, off: f64| PointInFloor {
            x: self.origin.x + station * self.along.0 + off * self.normal.0,
            y: self.origin.y + station * self.along.1 + off * self.normal.1,
        };
        let forwards = self.passed.iter().filter(|pass| pass.forwards).count();
        let backwards = self.passed.len() - forwards;
        let inside = if forwards >= backwards { 1.0 } else { -1.0 };
        ProposedPortal {
            line: [at(middle - half, 0.0), at(middle + half, 0.0)],
            inside: at(middle, inside),
            inwards: forwards.max(backwards),
            outwards: forwards.min(backwards),
            doorway: self.passed.iter().filter(|pass| pass.doorway).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People who come from the left and from the front, and vanish through a door at (0, 3).
    fn walks(count: u32) -> Vec<Walk> {
        let to = |n: u32, from: (f64, f64), to: (f64, f64)| {
            let aside = 0.3 * (f64::from(n * 7 % 10) / 10.0 - 0.5);
            let point = |share: f64| PointInFloor {
                x: from.0 + share * (to.0 - from.0) + aside,
                y: from.1 + share * (to.1 - from.1),
            };
            (0..=40)
                .map(|i| point(f64::from(i) / 40.0))
                .collect::<Vec<_>>()
        };
        let walk = |n: u32| {
            let begin = [(-3.0, 0.0), (0.5, -3.0), (3.0, 0.5)][(n % 3) as usize];
            let mut points = to(n, begin, (0.0, 2.0));
            points.extend(to(n, (0.0, 2.0), (0.0, 4.0)));
            let mut walk = Walk {
                points,
                from_edge: true,
                to_edge: false,
            };
            if n.is_multiple_of(4) {
                walk.points.reverse();
                (walk.from_edge, walk.to_edge) = (false, true);
            }
            walk
        };
        (0..count).map(walk).collect()
    }

    #[test]
    fn a_doorway_is_found_where_people_vanish() {
        let proposal = propose(&walks(30), 0.5).unwrap();
        let [portal] = &proposal.portals[..] else {
            panic!("{:?}", proposal.portals)
        };
        let middle = portal.line[0].lerp(portal.line[1], 0.5);
        assert!(middle.x.abs() < 0.2, "{middle:?}");
        assert!((1.5..3.6).contains(&middle.y), "{middle:?}");
        let width = portal.line[0].distance(portal.line[1]);
        assert!((0.7..1.3).contains(&width), "{width}");
        assert!(portal.inside.y > middle.y, "{portal:?}");
        assert_eq!((portal.inwards, portal.outwards), (22, 8));
        assert_eq!(portal.doorway, 30);
    }

    #[test]
    fn the_grid_holds_everybody_with_room_to_spare() {
        let proposal = propose(&walks(5), 0.5).unwrap();
        assert!(
            proposal.min.x <= -3.5 && proposal.max.y >= 4.5,
            "{proposal:?}"
        );
        let walked: u32 = proposal.walked.iter().flatten().sum();
        assert!(walked > 50, "{walked}");
        assert!(proposal.blocked.is_empty());
    }

    #[test]
    fn nobody_and_nothing() {
        assert_eq!(propose(&[], 0.5), None);
        let stands = Walk {
            points: vec![PointInFloor::default(); 10],
            from_edge: false,
            to_edge: false,
        };
        let proposal = propose(&vec![stands; 9], 0.5).unwrap();
        assert!(proposal.portals.is_empty());
    }

    #[test]
    fn a_desk_that_everybody_walks_round_is_proposed_as_blocked() {
        let ring = |n: u32| {
            let at = |i: u32| {
                let angle = std::f64::consts::TAU * f64::from(i) / 40.0;
                PointInFloor {
                    x: (2.0 + 0.01 * f64::from(n)) * angle.cos(),
                    y: 1.5 * angle.sin(),
                }
            };
            Walk {
                points: (0..=40).map(at).collect(),
                from_edge: true,
                to_edge: true,
            }
        };
        let walks: Vec<Walk> = (0..25).map(ring).collect();
        let proposal = propose(&walks, 0.5).unwrap();
        let middle = |hole: &&[PointInFloor; 2]| {
            hole[0].x <= 0.0 && hole[1].x >= 0.0 && hole[0].y <= 0.1 && hole[1].y >= 0.0
        };
        assert!(
            proposal.blocked.iter().any(|hole| middle(&hole)),
            "{proposal:?}"
        );
    }
}
