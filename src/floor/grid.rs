//! Tiles: the walkable floor cut into squares, each with a role.
//!
//! A tile's role is read at its centre: blocked where nobody can stand, else threshold within a
//! portal's depth of its line, else the side that the nearest portal gives. Walls drawn thinner than
//! a tile slip between the centres; no way may pass their outlines all the same.
//!
//! The grid is not the world: off the grid everything is walkable and clear.

use serde::{Deserialize, Serialize};

use super::{PointInFloor, Portal};

/// Most tiles of a grid: 1,000 x 1,000, a square kilometre of metre tiles.
const MOST_TILES: f64 = 1e6;
/// Share of a tile by which a grid may overhang its greatest corner without another row: keeps
/// 3.0 m in 0.1 m tiles at 30, not 31.
const OVERHANG: f64 = 1e-6;

/// What a tile is to the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TileRole {
    /// On the unsecured side.
    Outside,
    /// Within the hysteresis depth of a portal.
    Threshold,
    /// On the secured side.
    Inside,
    /// Not walkable: wall, desk, planter. No track may cross it.
    Blocked,
}

/// Column and row of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TileIndex {
    /// Along x, 0 at the least x.
    pub column: u16,
    /// Along y, 0 at the least y.
    pub row: u16,
}

/// What a calibration says of its grid, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridSpec {
    /// Least corner, m.
    pub min: PointInFloor,
    /// Greatest corner, m.
    pub max: PointInFloor,
    /// Edge of a tile, m.
    pub tile_m: f64,
    /// Floor polygons nobody can stand in, m.
    pub blocked: Vec<Vec<PointInFloor>>,
    /// If not empty, only these floor polygons can be walked on, m.
    pub walkable: Vec<Vec<PointInFloor>>,
}

/// The tiles of one camera, with roles given by the portals in its view.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    spec: GridSpec,
    columns: u16,
    rows: u16,
    roles: Vec<TileRole>,
    /// Sides of the blocked polygons that are thinner than a tile.
    thin_walls: Vec<(PointInFloor, PointInFloor)>,
}

impl GridSpec {
    /// What makes it no grid, in sentences that say what to do; empty if it is sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let is_tile = self.tile_m.is_finite() && self.tile_m > 0.0;
        if !is_tile {
            let tile = self.tile_m;
            problems.push(format!(
                "the tile edge is {tile} m: give a length above 0, for example 0.5"
            ));
        }
        let (width, depth) = (self.max.x - self.min.x, self.max.y - self.min.y);
        let is_area = width.is_finite() && depth.is_finite() && width > 0.0 && depth > 0.0;
        if !is_area {
            problems.push(
                "the grid has no area: give finite corners, each coordinate of max above that of min"
                    .to_owned(),
            );
        }
        let (columns, rows) = (width / self.tile_m, depth / self.tile_m);
        let most = f64::from(u16::MAX);
        if is_tile && is_area && (columns * rows > MOST_TILES || columns.max(rows) >= most) {
            problems.push(format!(
                "the grid would have {columns:.0} x {rows:.0} tiles: make the tiles larger or the \
                 grid smaller (at most {MOST_TILES:.0} tiles)"
            ));
        }
        for (name, polygons) in [("blocked", &self.blocked), ("walkable", &self.walkable)] {
            for (i, polygon) in polygons.iter().enumerate() {
                let finite = polygon.iter().all(|p| p.x.is_finite() && p.y.is_finite());
                if polygon.len() < 3 || !finite {
                    problems.push(format!(
                        "{name} polygon {} needs three or more finite corners",
                        i + 1
                    ));
                }
            }
        }
        problems
    }
}

impl Grid {
    /// Lays tiles over the spec and gives each its role from the portals. With no portal every tile
    /// that is not blocked is outside: nothing is secured by a door that is not there.
    /// A spec with [`GridSpec::problems`] of size gives a grid of no tiles.
    pub fn new(spec: GridSpec, portals: &[Portal]) -> Self {
        let count = |length_m: f64| (length_m / spec.tile_m - OVERHANG).ceil();
        let columns = count(spec.max.x - spec.min.x);
        let rows = count(spec.max.y - spec.min.y);
        let most = f64::from(u16::MAX);
        let fits = columns >= 1.0 && rows >= 1.0 && columns.max(rows) <= most;
        let (columns, rows) = if fits && spec.tile_m > 0.0 && columns * rows <= 2.0 * MOST_TILES {
            (columns as u16, rows as u16)
        } else {
            (0, 0)
        };
        let is_thin = |polygon: &&Vec<PointInFloor>| mean_thickness_m(polygon) < spec.tile_m;
        let mut grid = Self {
            thin_walls: spec
                .blocked
                .iter()
                .filter(is_thin)
                .flat_map(|p| edges(p))
                .collect(),
            roles: vec![TileRole::Outside; usize::from(columns) * usize::from(rows)],
            spec,
            columns,
            rows,
        };
        for row in 0..rows {
            for column in 0..columns {
                let tile = TileIndex { column, row };
                let i = grid.index(tile);
                grid.roles[i] = grid.role_at(grid.centre(tile), portals);
            }
        }
        grid
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.columns, self.rows)
    }

    /// The tile under a point; `None` off the grid.
    pub fn tile_at(&self, p: PointInFloor) -> Option<TileIndex> {
        let (x, y) = self.in_tiles(p);
        let on_grid =
            x >= 0.0 && y >= 0.0 && x < f64::from(self.columns) && y < f64::from(self.rows);
        on_grid.then_some(TileIndex {
            column: x as u16,
            row: y as u16,
        })
    }

    /// A tile's role; a tile off the grid is outside.
    pub fn role(&self, tile: TileIndex) -> TileRole {
        if tile.column >= self.columns || tile.row >= self.rows {
            return TileRole::Outside;
        }
        self.roles[self.index(tile)]
    }

    /// A tile's middle, m.
    pub fn centre(&self, tile: TileIndex) -> PointInFloor {
        PointInFloor {
            x: self.spec.min.x + (f64::from(tile.column) + 0.5) * self.spec.tile_m,
            y: self.spec.min.y + (f64::from(tile.row) + 0.5) * self.spec.tile_m,
        }
    }

    /// A tile's four corners, anticlockwise from the least one, m.
    pub fn corners(&self, tile: TileIndex) -> [PointInFloor; 4] {
        [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(dx, dy)| PointInFloor {
            x: self.spec.min.x + f64::from(u32::from(tile.column) + dx) * self.spec.tile_m,
            y: self.spec.min.y + f64::from(u32::from(tile.row) + dy) * self.spec.tile_m,
        })
    }

    /// Whether the straight way from `a` to `b`, both ends included, stays off blocked tiles and
    /// passes no thin wall.
    pub fn is_clear(&self, a: PointInFloor, b: PointInFloor) -> bool {
        self.visit(a, b, |i| self.roles[i] != TileRole::Blocked)
            && !self
                .thin_walls
                .iter()
                .any(|&(from, to)| cross(a, b, from, to))
    }

    /// Whether one can stand at `p` (points off the grid are walkable: the grid is not the world).
    pub fn is_walkable(&self, p: PointInFloor) -> bool {
        self.tile_at(p)
            .is_none_or(|tile| self.role(tile) != TileRole::Blocked)
    }

    /// What it was made from.
    pub fn spec(&self) -> &GridSpec {
        &self.spec
    }

    fn index(&self, tile: TileIndex) -> usize {
        usize::from(tile.row) * usize::from(self.columns) + usize::from(tile.column)
    }

    /// A floor point in tile edges from the least corner.
    fn in_tiles(&self, p: PointInFloor) -> (f64, f64) {
        (
            (p.x - self.spec.min.x) / self.spec.tile_m,
            (p.y - self.spec.min.y) / self.spec.tile_m,
        )
    }

    fn role_at(&self, p: PointInFloor, portals: &[Portal]) -> TileRole {
        let in_any = |polygons: &[Vec<PointInFloor>]| polygons.iter().any(|q| contains(q, p));
        let is_walkable = self.spec.walkable.is_empty() || in_any(&self.spec.walkable);
        if !is_walkable || in_any(&self.spec.blocked) {
            return TileRole::Blocked;
        }
        let mut nearest: Option<(f64, f64)> = None;
        for portal in portals.iter().filter(|portal| portal.line.len() >= 2) {
            let reading = portal.read(p);
            let beyond_m = portal.beyond_m(reading.station_m);
            let distance_m = (reading.side_m * reading.side_m + beyond_m * beyond_m).sqrt();
            if distance_m <= portal.depth_m {
                return TileRole::Threshold;
            }
            if nearest.is_none_or(|(least_m, _)| distance_m < least_m) {
                nearest = Some((distance_m, reading.side_m));
            }
        }
        match nearest {
            Some((_, side_m)) if side_m > 0.0 => TileRole::Inside,
            _ => TileRole::Outside,
        }
    }

    /// Goes straight from `a` to `b` and shows each tile's index on the way to `go_on` until that
    /// says no; returns whether it never did. Steps over one edge at a time, so that a way between
    /// two tiles that touch at a corner meets one of them (Amanatides and Woo, A fast voxel
    /// traversal algorithm, 1987). A way that is not finite meets with a no at once.
    fn visit(
        &self,
        a: PointInFloor,
        b: PointInFloor,
        mut go_on: impl FnMut(usize) -> bool,
    ) -> bool {
        if self.roles.is_empty() {
            return true;
        }
        let ((ax, ay), (bx, by)) = (self.in_tiles(a), self.in_tiles(b));
        let (dx, dy) = (bx - ax, by - ay);
        if !(dx.is_finite() && dy.is_finite()) {
            return false;
        }
        let (columns, rows) = (i32::from(self.columns), i32::from(self.rows));
        let Some((enter, leave)) = clipped([ax, ay], [dx, dy], [columns.into(), rows.into()])
        else {
            return true;
        };
        let start =
            |from: f64, by: f64, most: i32| ((from + enter * by).floor() as i32).clamp(0, most - 1);
        let (mut x, mut y) = (start(ax, dx, columns), start(ay, dy, rows));
        // How far along the way the next edge in each direction is: 0 at `a`, 1 at `b`.
        let next = |tile: i32, from: f64, by: f64| match by.partial_cmp(&0.0) {
            Some(std::cmp::Ordering::Greater) => (f64::from(tile + 1) - from) / by,
            Some(std::cmp::Ordering::Less) => (f64::from(tile) - from) / by,
            _ => f64::INFINITY,
        };
        while (0..columns).contains(&x) && (0..rows).contains(&y) {
            if !go_on((y * columns + x) as usize) {
                return false;
            }
            let (at_x, at_y) = (next(x, ax, dx), next(y, ay, dy));
            if at_x.min(at_y) > leave {
                break;
            }
            if at_x <= at_y {
                x += if dx > 0.0 { 1 } else { -1 };
            } else {
                y += if dy > 0.0 { 1 } else { -1 };
            }
        }
        true
    }
}

/// The part of the way `from + t * by`, `t` from 0 to 1, that lies within `0..=size` on both axes
/// (Liang and Barsky's clipping).
fn clipped(from: [f64; 2], by: [f64; 2], size: [f64; 2]) -> Option<(f64, f64)> {
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        if by[axis].abs() > 0.0 {
            let (t0, t1) = (-from[axis] / by[axis], (size[axis] - from[axis]) / by[axis]);
            enter = enter.max(t0.min(t1));
            leave = leave.min(t0.max(t1));
        } else if from[axis] < 0.0 || from[axis] >= size[axis] {
            return None;
        }
    }
    (enter <= leave).then_some((enter, leave))
}

/// A polygon's sides.
fn edges(polygon: &[PointInFloor]) -> impl Iterator<Item = (PointInFloor, PointInFloor)> + '_ {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().copied().zip(next.copied())
}

/// Whether two straight ways pass through each other; touching is not passing.
fn cross(a: PointInFloor, b: PointInFloor, c: PointInFloor, d: PointInFloor) -> bool {
    let turn = |o: PointInFloor, p: PointInFloor, q: PointInFloor| {
        (p.x - o.x) * (q.y - o.y) - (p.y - o.y) * (q.x - o.x)
    };
    turn(a, b, c) * turn(a, b, d) < 0.0 && turn(c, d, a) * turn(c, d, b) < 0.0
}

/// Whether the polygon's inside holds the point (even-odd rule).
fn contains(polygon: &[PointInFloor], p: PointInFloor) -> bool {
    let crosses = |(a, b): &(PointInFloor, PointInFloor)| {
        (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
    };
    edges(polygon).filter(crosses).count() % 2 == 1
}

/// Twice the area over the perimeter: for a long wall, its thickness.
fn mean_thickness_m(polygon: &[PointInFloor]) -> f64 {
    let area2: f64 = edges(polygon).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    let perimeter: f64 = edges(polygon).map(|(a, b)| a.distance(b)).sum();
    area2.abs() / perimeter
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(x: f64, y: f64) -> PointInFloor {
        PointInFloor { x, y }
    }

    fn block(x0: f64, y0: f64, x1: f64, y1: f64) -> Vec<PointInFloor> {
        vec![at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1)]
    }

    fn spec(blocked: Vec<Vec<PointInFloor>>) -> GridSpec {
        GridSpec {
            min: at(0.0, 0.0),
            max: at(8.0, 5.0),
            tile_m: 1.0,
            blocked,
            walkable: Vec::new(),
        }
    }

    /// The roles as a map, the greatest row on top: `.` outside, `=` threshold, `o` inside, `#`.
    fn map(grid: &Grid) -> String {
        let (columns, rows) = grid.size();
        let row_text = |row: u16| {
            let letter = |column: u16| match grid.role(TileIndex { column, row }) {
                TileRole::Outside => '.',
                TileRole::Threshold => '=',
                TileRole::Inside => 'o',
                TileRole::Blocked => '#',
            };
            (0..columns).map(letter).collect::<String>()
        };
        (0..rows).rev().map(row_text).collect::<Vec<_>>().join("\n")
    }

    /// A door in the middle of a wall along y = 2.5; inside is above (left of +x).
    fn door() -> Portal {
        Portal {
            line: vec![at(3.0, 2.5), at(5.0, 2.5)],
            depth_m: 0.5,
        }
    }

    #[test]
    fn roles_follow_portals_and_polygons() {
        let grid = Grid::new(spec(vec![block(6.0, 0.0, 8.0, 1.0)]), &[door()]);
        insta::assert_snapshot!(map(&grid), @r"
        oooooooo
        oooooooo
        ..====..
        ........
        ......##
        ");
        let thin = vec![block(0.0, 2.45, 3.0, 2.55), block(5.0, 2.45, 8.0, 2.55)];
        let walled = Grid::new(spec(thin), &[door()]);
        assert!(
            !walled.is_clear(at(1.2, 2.1), at(1.2, 2.9)),
            "through a wall within a tile"
        );
        assert!(
            walled.is_clear(at(4.0, 2.1), at(4.0, 2.9)),
            "through the door"
        );
        insta::assert_snapshot!(map(&walled), @r"
        oooooooo
        oooooooo
        ###==###
        ........
        ........
        ");
        let mut corridor = spec(vec![]);
        corridor.walkable = vec![block(3.0, 0.0, 5.0, 5.0)];
        insta::assert_snapshot!(map(&Grid::new(corridor, &[door()])), @r"
        ###oo###
        ###oo###
        ###==###
        ###..###
        ###..###
        ");
        insta::assert_snapshot!(map(&Grid::new(spec(vec![]), &[])), @r"
        ........
        ........
        ........
        ........
        ........
        ");
        let second = Portal {
            line: vec![at(7.5, 5.0), at(7.5, 3.0)],
            depth_m: 0.6,
        };
        insta::assert_snapshot!(map(&Grid::new(spec(vec![]), &[door(), second])), @r"
        ooooo..=
        oooooo.=
        ..====.=
        ........
        ........
        ");
    }

    #[test]
    fn tiles_lie_where_their_corners_say() {
        let grid = Grid::new(spec(vec![]), &[]);
        let tile = |column, row| Some(TileIndex { column, row });
        let cases = [
            (at(0.0, 0.0), tile(0, 0)),
            (at(0.99, 4.99), tile(0, 4)),
            (at(7.5, 2.0), tile(7, 2)),
            (at(8.0, 2.0), None),
            (at(-0.01, 2.0), None),
            (at(1.0, 5.0), None),
            (at(f64::NAN, 1.0), None),
        ];
        for (p, expect) in cases {
            assert_eq!(grid.tile_at(p), expect, "{p:?}");
        }
        let expect = [at(2.0, 1.0), at(3.0, 1.0), at(3.0, 2.0), at(2.0, 2.0)];
        assert_eq!(grid.corners(TileIndex { column: 2, row: 1 }), expect);
        assert_eq!(
            grid.role(TileIndex { column: 99, row: 0 }),
            TileRole::Outside
        );
        let tenths = GridSpec {
            max: at(3.0, 0.7),
            tile_m: 0.1,
            ..spec(vec![])
        };
        assert_eq!(Grid::new(tenths, &[]).size(), (30, 7));
        let overhanging = GridSpec {
            max: at(3.05, 0.7),
            tile_m: 0.1,
            ..spec(vec![])
        };
        assert_eq!(Grid::new(overhanging, &[]).size(), (31, 7));
    }

    #[track_caller]
    fn check_way(from: (f64, f64), to: (f64, f64), clear: bool) {
        // A wall two tiles wide with a gap of one at column 4.
        let wall = vec![block(0.0, 2.0, 4.0, 3.0), block(5.0, 2.0, 8.0, 3.0)];
        let grid = Grid::new(spec(wall), &[]);
        let (a, b) = (at(from.0, from.1), at(to.0, to.1));
        assert_eq!(grid.is_clear(a, b), clear, "there");
        assert_eq!(grid.is_clear(b, a), clear, "back");
    }

    #[test]
    fn ways_stop_at_walls_and_pass_gaps() {
        check_way((1.0, 0.5), (7.0, 1.5), true);
        check_way((1.5, 0.5), (1.5, 4.5), false);
        check_way((4.5, 0.5), (4.5, 4.5), true);
        check_way((4.5, 4.5), (4.5, 4.5), true);
        check_way((3.5, 0.5), (4.5, 4.5), false);
        check_way((4.1, 1.9), (4.9, 3.1), true);
        check_way((1.5, 2.5), (1.6, 2.5), false);
        check_way((4.5, 2.5), (1.5, 4.5), false);
        // From outside the grid, across it, and around it.
        check_way((-50.0, 2.5), (50.0, 2.5), false);
        check_way((-50.0, 60.0), (50.0, 60.0), true);
        check_way((4.5, -1e9), (4.5, 1e9), true);
        check_way((1.5, -1e9), (1.5, 1e9), false);
        check_way((f64::NAN, 1.0), (1.0, 1.0), false);
    }

    #[test]
    fn bad_specs_are_named_and_give_an_empty_grid() {
        let good = || spec(vec![]);
        let cases = [
            (
                GridSpec {
                    tile_m: 0.0,
                    ..good()
                },
                "tile edge is 0 m",
            ),
            (
                GridSpec {
                    tile_m: f64::NAN,
                    ..good()
                },
                "tile edge is NaN m",
            ),
            (
                GridSpec {
                    tile_m: -1.0,
                    ..good()
                },
                "tile edge is -1 m",
            ),
            (
                GridSpec {
                    max: at(0.0, 5.0),
                    ..good()
                },
                "no area",
            ),
            (
                GridSpec {
                    min: at(f64::INFINITY, 5.0),
                    ..good()
                },
                "no area",
            ),
            (
                GridSpec {
                    tile_m: 1e-5,
                    ..good()
                },
                "make the tiles larger",
            ),
        ];
        for (spec, say) in cases {
            let problems = spec.problems();
            assert!(
                problems.iter().any(|p| p.contains(say)),
                "{problems:?} lacks {say:?}"
            );
            let grid = Grid::new(spec, &[door()]);
            assert_eq!(grid.size(), (0, 0));
            assert!(grid.is_walkable(at(1.0, 1.0)) && grid.is_clear(at(0.0, 0.0), at(9.0, 9.0)));
        }
        assert_eq!(good().problems(), Vec::<String>::new());
        let corner = spec(vec![vec![at(0.0, 0.0), at(1.0, 1.0)]]);
        assert!(corner.problems()[0].contains("blocked polygon 1 needs three"));
    }

    proptest! {
        /// Clear or not is what looking at many points on the way says.
        #[test]
        fn a_way_is_clear_if_its_points_are(
            ax in -2.0..10.0_f64, ay in -2.0..7.0_f64, bx in -2.0..10.0_f64, by in -2.0..7.0_f64,
            holes in prop::collection::vec((0..8_u8, 0..5_u8), 0..6),
        ) {
            let blocked = holes.iter().map(|&(x, y)| {
                let (x, y) = (f64::from(x), f64::from(y));
                block(x, y, x + 1.0, y + 1.0)
            });
            let grid = Grid::new(spec(blocked.collect()), &[]);
            let (a, b) = (at(ax, ay), at(bx, by));
            let points = || (0..=2000).map(|i| a.lerp(b, f64::from(i) / 2000.0));
            if grid.is_clear(a, b) {
                prop_assert!(points().all(|p| grid.is_walkable(p)));
            } else {
                let mut near = points().flat_map(|p| {
                    [(0.01, 0.01), (-0.01, 0.01), (0.01, -0.01), (-0.01, -0.01)]
                        .map(|(dx, dy)| at(p.x + dx, p.y + dy))
                });
                prop_assert!(near.any(|p| !grid.is_walkable(p)));
            }
        }

        #[test]
        fn no_input_panics(n in prop::array::uniform12(prop::num::f64::ANY)) {
            let polygon = vec![at(n[0], n[1]), at(n[2], n[3]), at(n[4], n[5])];
            let portal = Portal { line: vec![at(n[0], n[3]), at(n[2], n[1])], depth_m: n[6] };
            let wild = GridSpec {
                min: at(n[6], n[7]), max: at(n[8], n[9]), tile_m: n[10],
                blocked: vec![polygon.clone()], walkable: vec![polygon.clone()],
            };
            let tame = spec(vec![polygon, Vec::new(), vec![at(n[7], n[8])]]);
            for spec in [wild, tame] {
                let grid = Grid::new(spec, std::slice::from_ref(&portal));
                let _ = (grid.is_clear(at(n[0], n[1]), at(n[2], n[3])), grid.tile_at(at(n[4], n[5])));
                let _ = grid.is_walkable(at(n[8], n[9]));
            }
        }
    }
}
