//! Tiles: the walkable floor cut into squares, each with a role.

use serde::{Deserialize, Serialize};

use super::PointInFloor;

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
}

impl Grid {
    /// Lays tiles over the spec and gives each its role from the portals.
    pub fn new(_spec: GridSpec, _portals: &[super::Portal]) -> Self {
        unimplemented!("floor helper")
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.columns, self.rows)
    }

    /// The tile under a point; `None` off the grid.
    pub fn tile_at(&self, _p: PointInFloor) -> Option<TileIndex> {
        unimplemented!("floor helper")
    }

    /// A tile's role.
    pub fn role(&self, _tile: TileIndex) -> TileRole {
        unimplemented!("floor helper")
    }

    /// A tile's four corners, anticlockwise from the least one, m.
    pub fn corners(&self, _tile: TileIndex) -> [PointInFloor; 4] {
        unimplemented!("floor helper")
    }

    /// Whether the straight way from `a` to `b` stays off blocked tiles.
    pub fn is_clear(&self, _a: PointInFloor, _b: PointInFloor) -> bool {
        unimplemented!("floor helper")
    }

    /// Whether one can stand at `p` (points off the grid are walkable: the grid is not the world).
    pub fn is_walkable(&self, _p: PointInFloor) -> bool {
        unimplemented!("floor helper")
    }

    /// What it was made from.
    pub fn spec(&self) -> &GridSpec {
        &self.spec
    }
}
