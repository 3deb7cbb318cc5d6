//! Several door files made one site: cameras shared, names unique, grids laid, ids given.

use std::path::{Path, PathBuf};

use crate::engine::{CameraConfig, DoorConfig, EngineConfig, PortalConfig};
use crate::floor::{CameraModel, Grid, GridSpec, PointInFloor, Portal};
use crate::units::{CameraId, DoorId, Span};

use super::calibration::FloorSpec;
use super::document::KeyPath;
use super::door::{self, DetectorChoice, Door, ReadFile};
use super::problem::{Problem, Problems};

/// A portal is looked at this often along its line when it is laid on the grid, m.
const SAMPLE_M: f64 = 0.1;
/// Share of a portal over blocked floor that is worth a warning.
const MUCH_BLOCKED: f64 = 0.5;

/// Everything the door files say, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteConfig {
    /// For the engine; doors in the order of the files.
    pub engine: EngineConfig,
    /// A title for people, by [`DoorId`].
    pub titles: Vec<String>,
    /// The step of the stamps in the feed, by [`DoorId`]; zero if they are exact.
    pub resolutions: Vec<Span>,
    /// Which detector, by [`CameraId`].
    pub detectors: Vec<DetectorChoice>,
    /// The files read, door files and calibrations, in the order of reading.
    pub files: Vec<PathBuf>,
    /// What is usable but should be looked at.
    pub warnings: Problems,
}

/// Reads door files from disk. `Err` holds all problems of all files, warnings included.
pub fn load(paths: &[PathBuf]) -> Result<SiteConfig, Problems> {
    load_with(paths, &|path| std::fs::read(path))
}

/// Reads door files through `from`.
pub(crate) fn load_with(paths: &[PathBuf], from: ReadFile<'_>) -> Result<SiteConfig, Problems> {
    let mut problems = Problems::new();
    if paths.is_empty() {
        problems.file_error(
            "door files",
            "none is given",
            "name one with --door DOOR.toml",
        );
    }
    let mut doors = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        if paths[..i].contains(path) {
            let name = path.display().to_string();
            problems.file_error(&name, "is given twice", "name each door file once");
        } else {
            doors.push((path, door::read(path, from, &mut problems)));
        }
    }
    let whole = doors.iter().all(|(_, door)| door.is_some());
    let doors: Vec<(&Path, Door)> = doors
        .into_iter()
        .filter_map(|(path, door)| Some((path.as_path(), door?)))
        .collect();
    let site = join(&doors, &mut problems);
    let (mut site, warnings) = problems.or_value(Some(site).filter(|_| whole))?;
    site.warnings = warnings;
    Ok(site)
}

fn join(doors: &[(&Path, Door)], problems: &mut Problems) -> SiteConfig {
    let all: Vec<&Door> = doors.iter().map(|(_, door)| door).collect();
    unique_names(&all, problems);
    let mut cameras: Vec<Vec<&Door>> = Vec::new();
    for door in &all {
        match cameras
            .iter_mut()
            .find(|camera| camera[0].camera == door.camera)
        {
            Some(camera) => {
                same_camera(camera[0], door, problems);
                camera.push(door);
            }
            None => cameras.push(vec![door]),
        }
    }
    let mut engine = EngineConfig {
        cameras: cameras
            .iter()
            .map(|doors| camera(doors, problems))
            .collect(),
        doors: all.iter().map(|door| door_config(door)).collect(),
        portals: Vec::new(),
    };
    for (i, door) in all.iter().enumerate() {
        let seen_by = cameras
            .iter()
            .position(|camera| camera[0].camera == door.camera);
        for portal in &door.portals {
            engine.portals.push(PortalConfig {
                name: portal.name.clone(),
                door: DoorId(i as u16),
                camera: CameraId(seen_by.unwrap_or_default() as u16),
                portal: portal.portal.clone(),
                counter: door.counter.clone(),
                in_name: portal.in_name.clone(),
                out_name: portal.out_name.clone(),
            });
        }
    }
    SiteConfig {
        engine,
        titles: all.iter().map(|door| door.title.clone()).collect(),
        resolutions: all.iter().map(|door| door.resolution).collect(),
        detectors: cameras.iter().map(|doors| detector(doors)).collect(),
        files: files(doors),
        warnings: Problems::new(),
    }
}

fn door_config(door: &Door) -> DoorConfig {
    DoorConfig {
        name: door.name.clone(),
        readers: door.readers.clone(),
        policy: door.policy.clone(),
    }
}

fn files(doors: &[(&Path, Door)]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for (path, door) in doors {
        let pair = [Some(path.to_path_buf()), door.calibration_file.clone()];
        for file in pair.into_iter().flatten() {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    files
}

fn unique_names(doors: &[&Door], problems: &mut Problems) {
    for (i, door) in doors.iter().enumerate() {
        let key = KeyPath::of("door");
        for other in &doors[..i] {
            let file = &other.document.source.name;
            if other.name == door.name {
                let what = format!("\"{}\" names the door of {file} already", door.name);
                let help = "give each door a name of its own";
                door.document.error(problems, &key.key("name"), what, help);
            }
            for (r, reader) in door.readers.iter().enumerate() {
                if other.readers.contains(reader) {
                    let what = format!("\"{reader}\" belongs to the door of {file} already");
                    let path = key.key("readers").index(r);
                    door.document
                        .error(problems, &path, what, "a reader serves one door");
                }
            }
        }
    }
}

/// Doors that name the same camera must say the same of it.
fn same_camera(first: &Door, door: &Door, problems: &mut Problems) {
    let file = &first.document.source.name;
    let (ours, theirs) = (&door.calibration, &first.calibration);
    if ours.model != theirs.model || ours.floor != theirs.floor {
        let path = match door.calibration_file {
            Some(_) => KeyPath::of("camera").key("calibration"),
            None => KeyPath::of("calibration"),
        };
        let what = format!(
            "differs from the calibration of camera \"{}\" in {file}",
            door.camera
        );
        let help = "doors of one camera share one calibration file; \
                    another camera needs another [camera] name";
        door.document.error(problems, &path, what, help);
    }
    let tables = [
        (
            "tracker",
            first.tracker.1 && door.tracker.1 && first.tracker.0 != door.tracker.0,
        ),
        (
            "footprint",
            first.footprints.1 && door.footprints.1 && first.footprints.0 != door.footprints.0,
        ),
        (
            "detector",
            first.detector != door.detector
                && first.detector != DetectorChoice::default()
                && door.detector != DetectorChoice::default(),
        ),
    ];
    for (table, differs) in tables {
        if differs {
            let what = format!("differs from that of {file}, which has the same camera");
            let help = "write it in one of the files, or the same in all";
            door.document
                .error(problems, &KeyPath::of(table), what, help);
        }
    }
}

/// The first of the doors' choices that says anything.
fn detector(doors: &[&Door]) -> DetectorChoice {
    let given = doors
        .iter()
        .find(|door| door.detector != DetectorChoice::default());
    given.map(|door| door.detector.clone()).unwrap_or_default()
}

fn camera(doors: &[&Door], problems: &mut Problems) -> CameraConfig {
    let first = doors[0];
    let tracker = doors.iter().find(|door| door.tracker.1).unwrap_or(&first);
    let footprints = doors
        .iter()
        .find(|door| door.footprints.1)
        .unwrap_or(&first);
    let floor = &first.calibration.floor;
    let model = &first.calibration.model;
    let lines = doors
        .iter()
        .flat_map(|door| door.portals.iter().map(|portal| &portal.portal));
    let portals: Vec<Portal> = lines
        .filter(|portal| portal.line.len() > 1)
        .cloned()
        .collect();
    let grid = grid_spec(floor, model, &portals);
    let spec_problems = grid.problems();
    for what in &spec_problems {
        problems.push(Problem {
            what: what.clone(),
            ..first.calibration.grid_problem.clone()
        });
    }
    if spec_problems.is_empty() {
        let laid = Grid::new(grid.clone(), &portals);
        for door in doors {
            on_grid(door, &laid, problems);
        }
    }
    CameraConfig {
        name: first.camera.clone(),
        calibration: Some(model.spec().clone()),
        grid,
        footprints: footprints.footprints.0.clone(),
        tracker: tracker.tracker.0.clone(),
    }
}

/// The grid as given, or laid around the calibration's points and the portals.
fn grid_spec(floor: &FloorSpec, model: &CameraModel, portals: &[Portal]) -> GridSpec {
    let (min, max) = floor.corners.unwrap_or_else(|| {
        let points = model.spec().control_points.iter().map(|point| point.floor);
        let points = points.chain(
            portals
                .iter()
                .flat_map(|portal| portal.line.iter().copied()),
        );
        let (mut min, mut max) = (
            PointInFloor {
                x: f64::INFINITY,
                y: f64::INFINITY,
            },
            PointInFloor {
                x: f64::NEG_INFINITY,
                y: f64::NEG_INFINITY,
            },
        );
        for point in points {
            min = PointInFloor {
                x: min.x.min(point.x),
                y: min.y.min(point.y),
            };
            max = PointInFloor {
                x: max.x.max(point.x),
                y: max.y.max(point.y),
            };
        }
        let (tile, margin) = (floor.tile_m, floor.margin_m);
        let down = |value: f64| ((value - margin) / tile).floor() * tile;
        let up = |value: f64| ((value + margin) / tile).ceil() * tile;
        (
            PointInFloor {
                x: down(min.x),
                y: down(min.y),
            },
            PointInFloor {
                x: up(max.x),
                y: up(max.y),
            },
        )
    });
    GridSpec {
        min,
        max,
        tile_m: floor.tile_m,
        blocked: floor.blocked.clone(),
        walkable: floor.walkable.clone(),
    }
}

/// Whether a door's portals lie on the grid, on floor one can walk on, with room for their depth.
fn on_grid(door: &Door, grid: &Grid, problems: &mut Problems) {
    for portal in &door.portals {
        let line = &portal.portal;
        if line.line.len() < 2 {
            continue;
        }
        let in_px = portal.path.key("points_px");
        let path = match door.document.at(&in_px) {
            Some(_) => in_px,
            None => portal.path.key("points_m"),
        };
        if let Some(off) = line
            .line
            .iter()
            .find(|point| grid.tile_at(**point).is_none())
        {
            let what = format!(
                "({:.2} m, {:.2} m) on the floor is not on the grid",
                off.x, off.y
            );
            let help = "widen [grid] min_m and max_m, or leave them out";
            door.document.error(problems, &path, what, help);
            continue;
        }
        let (mut count, mut blocked, mut cramped) = (0.0, 0.0, false);
        for (point, normal) in samples(line) {
            count += 1.0;
            for depth_m in [-line.depth_m, line.depth_m] {
                let side = PointInFloor {
                    x: point.x + depth_m * normal.0,
                    y: point.y + depth_m * normal.1,
                };
                cramped |= grid.tile_at(side).is_none();
            }
            blocked += if grid.is_walkable(point) { 0.0 } else { 1.0 };
        }
        if blocked >= count {
            let what = "lies on blocked floor: nobody can walk through it";
            door.document
                .error(problems, &path, what, "check blocked and walkable polygons");
        } else if blocked > MUCH_BLOCKED * count {
            let what = format!("lies on blocked floor for {:.0} %", 100.0 * blocked / count);
            door.document
                .warning(problems, &path, what, "check blocked and walkable polygons");
        }
        if cramped {
            let what = format!("{} m reaches past the edge of the grid", line.depth_m);
            let help = "people settle on a side only beyond the depth: widen the grid";
            door.document
                .warning(problems, &portal.path.key("depth_m"), what, help);
        }
    }
}

/// Points along a portal with the unit normal towards the inside.
fn samples(portal: &Portal) -> Vec<(PointInFloor, (f64, f64))> {
    let mut samples = Vec::new();
    for piece in portal.line.windows(2) {
        let length_m = piece[0].distance(piece[1]);
        if length_m.is_nan() || length_m <= 0.0 {
            continue;
        }
        let normal = (
            -(piece[1].y - piece[0].y) / length_m,
            (piece[1].x - piece[0].x) / length_m,
        );
        let count = (length_m / SAMPLE_M).ceil().clamp(1.0, 10_000.0) as usize;
        for i in 0..=count {
            samples.push((piece[0].lerp(piece[1], i as f64 / count as f64), normal));
        }
    }
    samples
}
