//! From a calibration as written to a camera and a floor that can be believed.
//!
//! What is checked here is meaning: that the points are in the picture, not in a line, not mirrored,
//! and that the camera model can be solved from them. Shape and types were checked by the walker.

use crate::detection::PointInImage;
use crate::floor::{CameraModel, CameraSpec, ControlPoint, Lens, PointInFloor};

use super::document::{Document, KeyPath};
use super::problem::{Problem, Problems, Severity};
use super::raw::{CalibrationFile, GridTable, LensTable};

/// Share by which lengths may be wrong where the file does not say: a tape and a steady hand.
const DEFAULT_UNCERTAINTY: f64 = 0.1;
/// Above this share a crossing's margin is mostly guesswork: worth a warning.
const MUCH_UNCERTAINTY: f64 = 0.2;
/// Mean height of adults of both sexes with shoes, m.
const DEFAULT_PERSON_HEIGHT_M: f64 = 1.7;
/// Its standard deviation, m.
const DEFAULT_PERSON_HEIGHT_SD_M: f64 = 0.1;
/// Edge of a tile, m: a person's breadth.
const DEFAULT_TILE_M: f64 = 0.5;
/// How far the grid reaches beyond points and portals, m: two strides either side of a door.
const DEFAULT_MARGIN_M: f64 = 2.0;
/// Smallest and largest edge of a picture, px.
const IMAGE_EDGE_PX: (f64, f64) = (16.0, 16_384.0);
/// Floor points spread wider than this are more likely millimetres or a slip, m.
const WIDEST_FLOOR_M: f64 = 1_000.0;
/// A picture line is subdivided into pieces of this length before an undistorted map, px.
const PIECE_PX: f64 = 16.0;
/// Residual of the control points that is worth a warning, as a share of the picture's width.
const MUCH_RESIDUAL: f64 = 0.01;
/// Three points whose triangle is lower than this share of its longest side lie in a line.
const FLATNESS: f64 = 0.01;
/// Camera heights outside of these are more likely a slip, m.
const USUAL_HEIGHT_M: (f64, f64) = (1.5, 30.0);

/// A calibration that can be believed; the grid's extent waits for the portals.
#[derive(Debug, Clone)]
pub(crate) struct Calibration {
    /// Solved.
    pub model: CameraModel,
    /// The floor to be tiled.
    pub floor: FloorSpec,
    /// For problems of the grid, which shows only once the portals are known.
    pub grid_problem: Problem,
}

/// What a calibration says of the floor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FloorSpec {
    /// Edge of a tile, m.
    pub tile_m: f64,
    /// Least and greatest corner, if given.
    pub corners: Option<(PointInFloor, PointInFloor)>,
    /// Reach beyond points and portals, if they are not.
    pub margin_m: f64,
    /// Where nobody can stand.
    pub blocked: Vec<Vec<PointInFloor>>,
    /// The only floor to walk on, if not empty.
    pub walkable: Vec<Vec<PointInFloor>>,
}

/// The size of the picture, and the calibration under `at` in `document` if nothing in it is in the
/// way of using it.
pub(crate) fn validate(
    document: &Document,
    at: &KeyPath,
    raw: &CalibrationFile,
    problems: &mut Problems,
) -> (Option<(f64, f64)>, Option<Calibration>) {
    let mut check = Check {
        document,
        at,
        problems,
        lens_is_bad: false,
    };
    let size = check.image_size(raw);
    (size, check.calibration(raw, size))
}

struct Check<'a> {
    document: &'a Document,
    at: &'a KeyPath,
    problems: &'a mut Problems,
    /// Then what follows from the lens need not be said too.
    lens_is_bad: bool,
}

impl Check<'_> {
    fn error(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.error(self.problems, path, what, help);
    }

    fn warning(&mut self, path: &KeyPath, what: impl Into<String>, help: impl Into<String>) {
        self.document.warning(self.problems, path, what, help);
    }

    fn calibration(
        &mut self,
        raw: &CalibrationFile,
        size: Option<(f64, f64)>,
    ) -> Option<Calibration> {
        let control_points = self.control_points(raw, size);
        let before = self.problems.errors();
        let lens = raw.lens.as_ref().map(|lens| self.lens(lens, size));
        self.lens_is_bad = self.problems.errors() > before;
        let scale_uncertainty = raw.uncertainty.unwrap_or(DEFAULT_UNCERTAINTY);
        if scale_uncertainty > MUCH_UNCERTAINTY {
            let what = format!(
                "lengths are uncertain by {:.0} %",
                100.0 * scale_uncertainty
            );
            let help =
                "verdicts will often carry the doubt margin_small; measure more floor points";
            self.warning(&self.at.key("uncertainty"), what, help);
        }
        let corners = self.corners(raw.grid.as_ref());
        let (width, height) = size?;
        let spec = CameraSpec {
            image_width_px: width as u32,
            image_height_px: height as u32,
            lens: lens.flatten(),
            control_points: control_points?,
            scale_uncertainty,
            person_height_m: raw.person_height_m.unwrap_or(DEFAULT_PERSON_HEIGHT_M),
            person_height_sd_m: raw.person_height_sd_m.unwrap_or(DEFAULT_PERSON_HEIGHT_SD_M),
        };
        let model = self.solve(spec)?;
        let grid = raw.grid.clone().unwrap_or_default();
        let floor = self.floor(&model, &grid, corners);
        let key = self.at.key("grid");
        let grid_problem = self.document.source.problem(
            Severity::Error,
            self.document.offset(&key),
            key.to_string(),
            String::new(),
            "correct min_m, max_m and tile_m of [grid], or leave the corners out",
        );
        Some(Calibration {
            model,
            floor,
            grid_problem,
        })
    }

    fn image_size(&mut self, raw: &CalibrationFile) -> Option<(f64, f64)> {
        let [width, height] = raw.image_px?;
        let sound = |edge: f64| {
            edge >= IMAGE_EDGE_PX.0 && edge <= IMAGE_EDGE_PX.1 && edge.fract().abs() <= 0.0
        };
        if sound(width) && sound(height) {
            return Some((width, height));
        }
        let what = format!("is no size of a picture: {width} x {height}");
        let help = "write its width and height in whole pixels: `image_px = [1920, 1080]`";
        self.error(&self.at.key("image_px"), what, help);
        None
    }

    fn control_points(
        &mut self,
        raw: &CalibrationFile,
        size: Option<(f64, f64)>,
    ) -> Option<Vec<ControlPoint>> {
        let before = self.problems.errors();
        let (px, m) = (raw.points_px.as_ref(), raw.points_m.as_ref());
        let (px_at, m_at) = (self.at.key("points_px"), self.at.key("points_m"));
        if let (Some(points), Some(size)) = (px, size) {
            self.all_in_picture(points, size, &px_at);
        }
        for (points, path) in [(px, &px_at), (m, &m_at)] {
            if let Some(points) = points {
                self.spread(points, path);
            }
        }
        let (px, m) = (px?, m?);
        if px.len() != m.len() {
            let what = format!("has {} points, but points_px has {}", m.len(), px.len());
            self.error(
                &m_at,
                what,
                "give every picture point its floor point, in the same order",
            );
        }
        if self.problems.errors() > before {
            return None;
        }
        let pairs = px.iter().zip(m);
        Some(
            pairs
                .map(|(px, m)| ControlPoint {
                    image: image(*px),
                    floor: floor(*m),
                })
                .collect(),
        )
    }

    fn all_in_picture(&mut self, points: &[[f64; 2]], size: (f64, f64), path: &KeyPath) {
        for (i, point) in points.iter().enumerate() {
            in_picture(self.document, self.problems, *point, size, &path.index(i));
        }
    }

    /// Refuses points that coincide, lie in a line, or lie absurdly far apart.
    fn spread(&mut self, points: &[[f64; 2]], path: &KeyPath) {
        for (i, point) in points.iter().enumerate() {
            if let Some(first) = points[..i]
                .iter()
                .position(|other| apart(*point, *other) <= 0.0)
            {
                let what = format!("is the same point as point {first} (counted from 0)");
                self.error(&path.index(i), what, "give each point once");
                return;
            }
        }
        if points.len() < 4 {
            return;
        }
        let in_line = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| flatness(a, b, c) < FLATNESS;
        let help = "choose points that span the floor, no three of the four in a line";
        let [a, b] = [points[0], points[1]];
        if points[2..].iter().all(|c| in_line(a, b, *c)) {
            self.error(path, "all lie in one line", help);
        } else if let [a, b, c, d] = points {
            let triples = [("0, 1 and 2", a, b, c), ("0, 1 and 3", a, b, d)];
            let more = [("0, 2 and 3", a, c, d), ("1, 2 and 3", b, c, d)];
            let all = triples.into_iter().chain(more);
            for (which, a, b, c) in all {
                if in_line(*a, *b, *c) {
                    let what = format!("points {which} (counted from 0) lie in one line");
                    self.error(path, what, help);
                    return;
                }
            }
        }
        let widest = points
            .iter()
            .map(|point| apart(*point, a))
            .fold(0.0, f64::max);
        let is_floor = *path == self.at.key("points_m");
        if is_floor && widest > WIDEST_FLOOR_M {
            let what = format!("spread over {widest:.0} m");
            self.error(path, what, "write metres, not centimetres or millimetres");
        }
    }

    fn lens(&mut self, raw: &LensTable, size: Option<(f64, f64)>) -> Option<Lens> {
        let (width, height) = size?;
        let at = self.at.key("lens");
        let centre = raw.centre_px.unwrap_or([0.5 * width, 0.5 * height]);
        in_picture(
            self.document,
            self.problems,
            centre,
            (width, height),
            &at.key("centre_px"),
        );
        let coefficients = [
            ("k1", raw.k1),
            ("k2", raw.k2),
            ("k3", raw.k3),
            ("p1", raw.p1),
            ("p2", raw.p2),
        ];
        for (name, value) in coefficients {
            if value.is_some_and(|value| value.abs() > 100.0) {
                let help = "write the coefficients as OpenCV's calibration prints them";
                self.error(
                    &at.key(name),
                    "is no distortion coefficient: more than 100",
                    help,
                );
            }
        }
        let [k1, k2, k3, p1, p2] = coefficients.map(|(_, value)| value.unwrap_or(0.0));
        Some(Lens {
            focal_px: raw.focal_px?,
            centre: image(centre),
            radial: [k1, k2, k3],
            tangential: [p1, p2],
        })
    }

    fn solve(&mut self, spec: CameraSpec) -> Option<CameraModel> {
        let path = self.at.key("points_px");
        let model = match CameraModel::new(spec) {
            Ok(model) => model,
            Err(why) => {
                let help = "each point of points_m must be the floor point of the picture point at \
                            the same place in points_px";
                self.error(&path, format!("can't be solved: {why}"), help);
                return None;
            }
        };
        if !self.lens_is_bad {
            self.warn_of_model(&model);
        }
        Some(model)
    }

    fn warn_of_model(&mut self, model: &CameraModel) {
        let spec = model.spec();
        let residual = model.residual_px();
        if residual > MUCH_RESIDUAL * f64::from(spec.image_width_px) {
            let what = format!("the points disagree by up to {residual:.1} px");
            let help = "check the points; a strongly curved picture needs a [lens]";
            let path = self.at.key("points_px");
            self.warning(&path, what, help);
        }
        let path = self.at.key("points_m");
        match model.pose() {
            None => {
                let what = "the camera's place can't be told from the points";
                let help = match spec.lens {
                    Some(_) => "check the points and the lens: they contradict each other",
                    None => "add [lens] focal_px: without it the head says nothing of hidden feet",
                };
                self.warning(&path, what, help);
            }
            Some(pose) => {
                let (least, most) = USUAL_HEIGHT_M;
                if pose.height_m < least || pose.height_m > most {
                    let what = format!(
                        "the camera would hang {:.2} m above the floor",
                        pose.height_m
                    );
                    let help = "check the points: are they metres, and on the floor?";
                    self.warning(&path, what, help);
                }
            }
        }
    }

    fn corners(&mut self, grid: Option<&GridTable>) -> Option<(PointInFloor, PointInFloor)> {
        let at = self.at.key("grid");
        let (least, greatest) = match grid.map(|grid| (grid.min_m, grid.max_m)) {
            Some((Some(least), Some(greatest))) => (least, greatest),
            Some((Some(_), None)) => {
                self.one_corner(&at, "max_m");
                return None;
            }
            Some((None, Some(_))) => {
                self.one_corner(&at, "min_m");
                return None;
            }
            _ => return None,
        };
        let tile_m = grid.and_then(|grid| grid.tile_m).unwrap_or(DEFAULT_TILE_M);
        if greatest[0] - least[0] < tile_m || greatest[1] - least[1] < tile_m {
            let what = "is not at least one tile beyond min_m on both axes";
            self.error(
                &at.key("max_m"),
                what,
                "min_m is the least corner, max_m the greatest",
            );
            return None;
        }
        Some((floor(least), floor(greatest)))
    }

    fn one_corner(&mut self, at: &KeyPath, missing: &str) {
        if self.document.at(&at.key(missing)).is_some() {
            return;
        }
        let help = "give both min_m and max_m, or neither: then the grid is laid around the points";
        self.error(&at.key(missing), "is missing", help);
    }

    fn floor(
        &mut self,
        model: &CameraModel,
        raw: &GridTable,
        corners: Option<(PointInFloor, PointInFloor)>,
    ) -> FloorSpec {
        let at = self.at.key("grid");
        let mut lists = [Vec::new(), Vec::new()];
        let given = [
            (0, "blocked_m", &raw.blocked_m, false),
            (0, "blocked_px", &raw.blocked_px, true),
            (1, "walkable_m", &raw.walkable_m, false),
            (1, "walkable_px", &raw.walkable_px, true),
        ];
        for (list, key, polygons, in_px) in given {
            for (i, polygon) in polygons.iter().flatten().enumerate() {
                let path = at.key(key).index(i);
                if let Some(points) = self.polygon(model, polygon, in_px, &path) {
                    lists[list].push(points);
                }
            }
        }
        let [blocked, walkable] = lists;
        FloorSpec {
            tile_m: raw.tile_m.unwrap_or(DEFAULT_TILE_M),
            corners,
            margin_m: raw.margin_m.unwrap_or(DEFAULT_MARGIN_M),
            blocked,
            walkable,
        }
    }

    fn polygon(
        &mut self,
        model: &CameraModel,
        corners: &[[f64; 2]],
        in_px: bool,
        path: &KeyPath,
    ) -> Option<Vec<PointInFloor>> {
        if corners.len() < 3 {
            let what = format!("is no polygon: it has {} corners", corners.len());
            self.error(
                path,
                what,
                "give at least three corners, in order around it",
            );
            return None;
        }
        let flat = corners
            .windows(2)
            .all(|w| flatness(corners[0], w[0], w[1]) < FLATNESS);
        if flat {
            self.error(
                path,
                "is no polygon: its corners lie in one line",
                "give it an area",
            );
            return None;
        }
        if crosses_itself(corners) {
            self.error(
                path,
                "crosses itself",
                "give the corners in order around it",
            );
            return None;
        }
        if !in_px {
            return Some(corners.iter().map(|corner| floor(*corner)).collect());
        }
        let mut ring = corners.to_vec();
        ring.push(corners[0]);
        match floor_line(model, &ring) {
            Ok(mut points) => {
                points.pop();
                Some(points)
            }
            Err(i) => {
                let path = path.index(i % corners.len());
                self.error(
                    &path,
                    "is not on the floor: at or above the horizon",
                    "choose it lower",
                );
                None
            }
        }
    }
}

/// Says so if `point` lies outside the picture.
pub(crate) fn in_picture(
    document: &Document,
    problems: &mut Problems,
    point: [f64; 2],
    (width, height): (f64, f64),
    path: &KeyPath,
) -> bool {
    let [x, y] = point;
    let inside = x >= 0.0 && y >= 0.0 && x <= width && y <= height;
    if !inside {
        let what = format!("({x}, {y}) lies outside the picture of {width} x {height} px");
        let help =
            "points are [x, y] in pixels from the top left corner of the picture of image_px";
        document.error(problems, path, what, help);
    }
    inside
}

/// A line of the picture on the floor, subdivided first if the lens bends straight lines;
/// `Err` is the index of the first point that is not on the floor.
pub(crate) fn floor_line(
    model: &CameraModel,
    points: &[[f64; 2]],
) -> Result<Vec<PointInFloor>, usize> {
    let bent = model.spec().lens.as_ref().is_some_and(|lens| {
        lens.radial
            .iter()
            .chain(&lens.tangential)
            .any(|coefficient| coefficient.abs() > 0.0)
    });
    let mut line = Vec::new();
    for (i, point) in points.iter().enumerate() {
        if let Some(before) = i
            .checked_sub(1)
            .map(|before| points[before])
            .filter(|_| bent)
        {
            let pieces = (apart(before, *point) / PIECE_PX).ceil().max(1.0) as usize;
            for piece in 1..pieces {
                let t = piece as f64 / pieces as f64;
                let between = [0, 1].map(|axis| before[axis] + t * (point[axis] - before[axis]));
                line.push(model.floor_from_image(image(between)).ok_or(i)?);
            }
        }
        line.push(model.floor_from_image(image(*point)).ok_or(i)?);
    }
    Ok(line)
}

/// A pair as a picture point.
pub(crate) fn image([x, y]: [f64; 2]) -> PointInImage {
    PointInImage { x, y }
}

/// A pair as a floor point.
pub(crate) fn floor([x, y]: [f64; 2]) -> PointInFloor {
    PointInFloor { x, y }
}

/// Distance of two pairs.
fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    floor(a).distance(floor(b))
}

/// Height of a triangle over its longest side, as a share of that side; 0 if it has no side.
fn flatness(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    let area2 = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
    let longest = apart(a, b).max(apart(b, c)).max(apart(a, c));
    if longest > 0.0 {
        area2 / (longest * longest)
    } else {
        0.0
    }
}

/// Whether any two sides of a ring that are no neighbours cross.
fn crosses_itself(ring: &[[f64; 2]]) -> bool {
    let turn = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    };
    let len = ring.len();
    // Quadratic: a polygon of thousands of corners is not drawn by hand.
    if len > 500 {
        return false;
    }
    let side = |i: usize| (ring[i], ring[(i + 1) % len]);
    (0..len).any(|i| {
        let far = (i + 2..len).filter(|j| (j + 1) % len != i);
        let (a, b) = side(i);
        far.into_iter().any(|j| {
            let (c, d) = side(j);
            turn(a, b, c) * turn(a, b, d) < 0.0 && turn(c, d, a) * turn(c, d, b) < 0.0
        })
    })
}
