//! Which part of the picture matters, and how large people must be there.
//!
//! Theory: nobody can pass a portal without walking over the floor around it. The part of the
//! picture that shows people standing there, and no other, is looked at, at the scale at which
//! they are as tall as a detector likes. On a wide view this is most of the speed; on a narrow one
//! nothing is left out.

use crate::detection::{PointInImage, SourceRect};
use crate::floor::{CameraModel, Grid, PointInFloor, Portal, TileIndex, TileRole};

/// Floor this far from a portal matters, m: two seconds of brisk walking, so that a track is old
/// enough to be believed when it gets to the line.
const APPROACH_M: f64 = 4.0;
/// The tallest person is looked at as a whole, m.
const TALLEST_M: f64 = 2.0;
/// Beyond the outline of people, as a share of a person's height in the picture, so that a network
/// sees where they end.
const MARGIN_SHARE: f64 = 0.15;
/// The picture is never enlarged more than this: there is nothing more to see.
const MOST_ENLARGED: f64 = 1.5;
/// No network's input is smaller than two of its coarsest cells, px.
const SHORTEST_INPUT_PX: f64 = 64.0;

/// The part of the picture to look at, and the size of the network's input for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Part of the picture, px.
    pub source: SourceRect,
    /// Longer side of the network's input, px.
    pub long_side: u32,
}

/// How large a detector wants people to be, px of its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedSize {
    /// Longest side of the input.
    pub longest_px: f64,
    /// Whoever stands nearest on a portal's line is this tall.
    pub nearest_person_px: f64,
    /// Whoever stands furthest on it is at least this tall: a portal may recede.
    pub furthest_person_px: f64,
}

/// Where to look in a picture of `size` px; `None` if the calibration can't tell (then everywhere).
pub fn look(
    model: &CameraModel,
    grid: &Grid,
    portals: &[Portal],
    size: (u32, u32),
    wanted: WantedSize,
) -> Option<Look> {
    model.pose()?;
    let picture = (f64::from(size.0), f64::from(size.1));
    let people_px = || {
        let points = portals.iter().flat_map(|portal| &portal.line);
        points.filter_map(|point| model.person_px(*point))
    };
    let largest_px = people_px().fold(0.0, f64::max);
    let smallest_px = people_px().fold(f64::INFINITY, f64::min);
    if largest_px <= 0.0 {
        return None;
    }
    let mut bounds: Option<[f64; 4]> = None;
    for point in floor_that_matters(grid, portals) {
        for height_m in [0.0, TALLEST_M] {
            let Some(p) = model.image_from_floor(point, height_m) else {
                continue;
            };
            let p = PointInImage {
                x: p.x.clamp(0.0, picture.0),
                y: p.y.clamp(0.0, picture.1),
            };
            let b = bounds.get_or_insert([p.x, p.y, p.x, p.y]);
            *b = [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)];
        }
    }
    let [left, top, right, bottom] = bounds?;
    let margin = MARGIN_SHARE * largest_px;
    let left = (left - margin).max(0.0).floor();
    let top = (top - margin).max(0.0).floor();
    let right = (right + margin).min(picture.0).ceil();
    let bottom = (bottom + margin).min(picture.1).ceil();
    let source = SourceRect {
        left: left as u32,
        top: top as u32,
        width: (right - left) as u32,
        height: (bottom - top) as u32,
    };
    let longest = f64::from(source.width.max(source.height));
    let scale = (wanted.nearest_person_px / largest_px)
        .max(wanted.furthest_person_px / smallest_px)
        .min(MOST_ENLARGED);
    let most = wanted.longest_px.max(SHORTEST_INPUT_PX);
    let long_side = (longest * scale).clamp(SHORTEST_INPUT_PX, most);
    (source.width > 0 && source.height > 0).then_some(Look {
        source,
        long_side: long_side as u32,
    })
}

/// Corners of the walkable tiles within reach of a portal.
fn floor_that_matters<'a>(
    grid: &'a Grid,
    portals: &'a [Portal],
) -> impl Iterator<Item = PointInFloor> + 'a {
    let (columns, rows) = grid.size();
    (0..rows)
        .flat_map(move |row| (0..columns).map(move |column| TileIndex { column, row }))
        .filter(|tile| grid.role(*tile) != TileRole::Blocked)
        .flat_map(|tile| grid.corners(tile))
        .filter(|point| {
            portals
                .iter()
                .any(|portal| reach(portal, *point) <= APPROACH_M)
        })
}

/// Distance from a portal's line, its ends included, m.
fn reach(portal: &Portal, point: PointInFloor) -> f64 {
    let segments = portal.line.windows(2).map(|ends| {
        let (a, b) = (ends[0], ends[1]);
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length2 = dx * dx + dy * dy;
        let along = (point.x - a.x) * dx + (point.y - a.y) * dy;
        let share = if length2 > 0.0 {
            (along / length2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        a.lerp(b, share).distance(point)
    });
    segments.fold(f64::INFINITY, f64::min)
}
