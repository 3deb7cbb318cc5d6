//! From portals as written to directed lines on the floor.
//!
//! A line given in the picture is mapped through the calibration; then the line is turned so that
//! the inside, told by any one point of it, lies on its left.

use crate::floor::{PointInFloor, Portal};

use super::calibration::{Calibration, floor, floor_line, image, in_picture};
use super::document::{Document, KeyPath};
use super::door::short_name;
use super::problem::Problems;
use super::raw::PortalTable;

/// How far from the line one must be to have settled on a side, m: half a stride, above a
/// footprint's usual error near a door.
pub(crate) const DEFAULT_DEPTH_M: f64 = 0.3;
/// No door that a person walks through is narrower, m.
const NARROWEST_PORTAL_M: f64 = 0.3;
/// An opening wider than this is more likely a slip, m.
const WIDEST_PORTAL_M: f64 = 60.0;
/// An inside point must lie at least this far off the line to say which side it means, m.
const CLEAR_SIDE_M: f64 = 0.05;

/// One opening.
#[derive(Debug, Clone)]
pub(crate) struct DoorPortal {
    /// Where it stands in the file.
    pub path: KeyPath,
    /// Short name.
    pub name: String,
    /// Line and depth.
    pub portal: Portal,
    /// What going in is called.
    pub in_name: String,
    /// What going out is called.
    pub out_name: String,
}

/// Checks the portals of one door file.
pub(crate) struct PortalCheck<'a> {
    /// The door file.
    pub document: &'a Document,
    /// What is wrong.
    pub problems: &'a mut Problems,
    /// Size of the picture, px, if it is known.
    pub size: Option<(f64, f64)>,
    /// The calibration, if it can be used.
    pub calibration: Option<&'a Calibration>,
}

impl PortalCheck<'_> {
    fn error(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.error(self.problems, path, what, help);
    }

    fn warning(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.warning(self.problems, path, what, help);
    }

    /// All portals of a file; one that can't be used has an empty line.
    pub fn portals(&mut self, tables: &[PortalTable]) -> Vec<DoorPortal> {
        let mut portals: Vec<DoorPortal> = Vec::new();
        for (i, table) in tables.iter().enumerate() {
            let path = KeyPath::of("portal").index(i);
            let name = table.name.clone().unwrap_or_default();
            short_name(self.document, self.problems, &name, &path.key("name"));
            if !name.is_empty() && portals.iter().any(|other| other.name == name) {
                let what = format!("\"{name}\" names another portal already");
                self.error(
                    &path.key("name"),
                    what,
                    "give each portal a name of its own",
                );
            }
            self.names(table, &path);
            let line = self.line(table, &path);
            let inside = self.inside(table, &path);
            let depth_m = table.depth_m.unwrap_or(DEFAULT_DEPTH_M);
            let portal = match (line, inside) {
                (Some(line), Some(inside)) => self.oriented(line, depth_m, inside, table, &path),
                _ => None,
            };
            let names = table.names.clone().unwrap_or_default();
            portals.push(DoorPortal {
                path,
                name,
                portal: portal.unwrap_or(Portal {
                    line: Vec::new(),
                    depth_m,
                }),
                in_name: names.inward.unwrap_or_else(|| "in".to_owned()),
                out_name: names.outward.unwrap_or_else(|| "out".to_owned()),
            });
        }
        portals
    }

    fn names(&mut self, table: &PortalTable, path: &KeyPath) {
        let names = table.names.clone().unwrap_or_default();
        if names.inward.is_some() && names.inward == names.outward {
            let path = path.key("names").key("out");
            self.error(
                &path,
                "is the same as in",
                "call the two ways by different names",
            );
        }
    }

    /// One of two keys, one in pixels and one in metres; says so if both or none are given.
    fn one_of<'t, T>(
        &mut self,
        (px, m): (&'t Option<T>, &'t Option<T>),
        (px_key, m_key): (&str, &str),
        path: &KeyPath,
        help: &str,
    ) -> Option<(&'t T, bool)> {
        let written = |key: &str| self.document.at(&path.key(key)).is_some();
        match (written(px_key), written(m_key)) {
            (true, true) => {
                let what = format!("stands beside {px_key}");
                self.error(&path.key(m_key), what, "keep one of the two");
                None
            }
            (false, false) => {
                self.error(&path.key(px_key), "is missing", help);
                None
            }
            _ => {
                let in_px = px.as_ref().map(|value| (value, true));
                in_px.or(m.as_ref().map(|value| (value, false)))
            }
        }
    }

    fn line(&mut self, table: &PortalTable, path: &KeyPath) -> Option<Vec<PointInFloor>> {
        let help = "add `points_px = [[x, y], [x, y]]`: the line on the floor from one door post \
                    to the other";
        let given = (&table.points_px, &table.points_m);
        let (points, in_px) = self.one_of(given, ("points_px", "points_m"), path, help)?;
        if !in_px {
            return Some(points.iter().map(|point| floor(*point)).collect());
        }
        let key = path.key("points_px");
        let size = self.size?;
        let mut all_in = true;
        for (i, point) in points.iter().enumerate() {
            all_in &= in_picture(self.document, self.problems, *point, size, &key.index(i));
        }
        if !all_in {
            return None;
        }
        match floor_line(&self.calibration?.model, points) {
            Ok(line) => Some(line),
            Err(i) => {
                let what = "is not on the floor: at or above the horizon";
                self.error(&key.index(i), what, "put the line where the feet pass");
                None
            }
        }
    }

    fn inside(&mut self, table: &PortalTable, path: &KeyPath) -> Option<PointInFloor> {
        let help = "add `inside_px = [x, y]`: any point of the floor on the secured side";
        let given = (&table.inside_px, &table.inside_m);
        let (point, in_px) = self.one_of(given, ("inside_px", "inside_m"), path, help)?;
        if !in_px {
            return Some(floor(*point));
        }
        let key = path.key("inside_px");
        let size = self.size?;
        if !in_picture(self.document, self.problems, *point, size, &key) {
            return None;
        }
        let inside = self.calibration?.model.floor_from_image(image(*point));
        if inside.is_none() {
            let what = "is not on the floor: at or above the horizon";
            self.error(
                &key,
                what,
                "choose a point of the floor on the secured side",
            );
        }
        inside
    }

    /// The portal with its inside on the left.
    fn oriented(
        &mut self,
        line: Vec<PointInFloor>,
        depth_m: f64,
        inside: PointInFloor,
        table: &PortalTable,
        path: &KeyPath,
    ) -> Option<Portal> {
        let points_key = path.key(if table.points_px.is_some() {
            "points_px"
        } else {
            "points_m"
        });
        let inside_key = path.key(if table.inside_px.is_some() {
            "inside_px"
        } else {
            "inside_m"
        });
        let mut portal = Portal { line, depth_m };
        let length_m = portal.length_m();
        if length_m.is_nan() || length_m < NARROWEST_PORTAL_M {
            let what = format!("is {length_m:.2} m long on the floor");
            let help = "no door is narrower than 0.3 m: check points and calibration";
            self.error(&points_key, what, help);
            return None;
        }
        if let Some((first, second)) = portal.meets_itself() {
            let (from, to) = (portal.line.first(), portal.line.last());
            let ring = from
                .zip(to)
                .is_some_and(|(from, to)| from.distance(*to) < NARROWEST_PORTAL_M);
            let what = if ring {
                "comes back to where it began: such a line has no two sides to pass between".into()
            } else {
                format!(
                    "meets itself: points {first} to {} and points {second} to {} (counted from 0) \
                     cross or touch",
                    first + 1,
                    second + 1
                )
            };
            let help = "write the points in the order in which they stand along the opening, from \
                        one post to the other; a second opening gets a [[portal]] of its own";
            self.error(&points_key, what, help);
            return None;
        }
        if length_m > WIDEST_PORTAL_M {
            let what = format!("is {length_m:.0} m long on the floor");
            self.warning(&points_key, what, "check points and calibration");
        }
        let side_m = portal.read(inside).side_m;
        if side_m.is_nan() || side_m.abs() < CLEAR_SIDE_M {
            let what = "lies on the portal's line, so it tells no side";
            self.error(
                &inside_key,
                what,
                "choose a point well inside the secured side",
            );
            return None;
        }
        if side_m < 0.0 {
            portal.line.reverse();
        }
        Some(portal)
    }
}
