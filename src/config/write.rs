//! A calibration as the file that a person reads, keeps and corrects; and back, to be refined.
//!
//! Numbers are rounded to what means something (a tenth of a millimetre on the floor, a hundredth of a
//! pixel). What a file says besides the camera (its grid, the people's height) is carried over; its
//! comments are not.

use std::fmt::Write as _;
use std::path::Path;

use super::door::read_calibration;
use super::problem::Problems;
use super::raw::{CalibrationFile, Made};
use crate::floor::{CameraSpec, Lens, PERSON_HEIGHT_M, PERSON_HEIGHT_SD_M};

/// Points on one line of the file.
const POINTS_A_LINE: usize = 5;
/// Keys that a calibration writes anew; all others of an old file are kept.
const OWN_KEYS: [&str; 6] = [
    "image_px",
    "points_px",
    "points_m",
    "uncertainty",
    "lens",
    "made",
];

/// A calibration file that is there already.
#[derive(Debug, Clone)]
pub struct StoredCalibration {
    /// The camera.
    pub spec: CameraSpec,
    /// How it was made, if it says.
    pub made: Option<Made>,
    /// What else it says: grid, heights.
    pub kept: toml::Table,
}

/// Reads a calibration file. `Ok` comes with the warnings.
pub fn load_calibration(path: &Path) -> Result<(StoredCalibration, Problems), Problems> {
    let mut problems = Problems::new();
    let seen = read_calibration(path, &|path| std::fs::read(path), &mut problems);
    let stored = seen.calibration.and_then(|calibration| {
        let text = std::fs::read_to_string(path).ok()?;
        let raw: CalibrationFile = toml::from_str(&text).ok()?;
        let mut kept: toml::Table = toml::from_str(&text).ok()?;
        kept.retain(|key, _| !OWN_KEYS.contains(&key));
        Some(StoredCalibration {
            spec: calibration.model.spec().clone(),
            made: raw.made,
            kept,
        })
    });
    problems.or_value(stored)
}

/// The file's text. `kept` is what an older file said besides the camera.
pub fn calibration_text(spec: &CameraSpec, made: &Made, kept: &toml::Table) -> String {
    let by = made.by.as_deref().unwrap_or("calibrate");
    let mut text = format!(
        "# Written by `tailgate calibrate` ({by}). `tailgate check` reads it; its overlay shows it.\n\
         image_px = [{}, {}]\n",
        spec.image_width_px, spec.image_height_px
    );
    let points = &spec.control_points;
    let px: Vec<[f64; 2]> = points.iter().map(|p| [p.image.x, p.image.y]).collect();
    let m: Vec<[f64; 2]> = points.iter().map(|p| [p.floor.x, p.floor.y]).collect();
    let _ = writeln!(text, "points_px = {}", list(&px, 2));
    let _ = writeln!(text, "points_m = {}", list(&m, 4));
    let _ = writeln!(text, "uncertainty = {}", rounded(spec.scale_uncertainty, 4));
    let mut scalars = kept.clone();
    let mut tables = toml::Table::new();
    scalars.retain(|key, value| {
        let is_table = value.is_table();
        if is_table {
            tables.insert(key.to_owned(), value.clone());
        }
        !is_table
    });
    let heights = [
        ("person_height_m", spec.person_height_m, PERSON_HEIGHT_M),
        (
            "person_height_sd_m",
            spec.person_height_sd_m,
            PERSON_HEIGHT_SD_M,
        ),
    ];
    for (key, value, usual) in heights {
        if (value - usual).abs() > 1e-9 || scalars.contains_key(key) {
            scalars.insert(key.to_owned(), rounded(value, 4).into());
        }
    }
    text.push_str(&scalars.to_string());
    if let Some(lens) = &spec.lens {
        text.push_str(&lens_table(lens));
    }
    if !tables.is_empty() {
        let _ = write!(text, "\n{tables}");
    }
    let _ = write!(text, "\n[made]\n{}", made_text(made));
    text
}

/// The text of a file that holds a lens only, for pictures of this size, px.
pub fn lens_text(size_px: (u32, u32), lens: &Lens, made: &Made) -> String {
    format!(
        "# A lens, measured by `tailgate calibrate board`, for `tailgate calibrate points --lens`.\n\
         image_px = [{}, {}]\n{}\n[made]\n{}",
        size_px.0,
        size_px.1,
        lens_table(lens),
        made_text(made)
    )
}

fn lens_table(lens: &Lens) -> String {
    let ([k1, k2, k3], [p1, p2]) = (lens.radial, lens.tangential);
    let mut text = format!("\n[lens]\nfocal_px = {}\n", rounded(lens.focal_px, 3));
    let (cx, cy) = (rounded(lens.centre.x, 3), rounded(lens.centre.y, 3));
    let _ = writeln!(text, "centre_px = [{cx}, {cy}]");
    for (key, value) in [("k1", k1), ("k2", k2), ("k3", k3), ("p1", p1), ("p2", p2)] {
        if value.abs() > 0.0 {
            let _ = writeln!(text, "{key} = {}", rounded(value, 6));
        }
    }
    text
}

fn made_text(made: &Made) -> String {
    let mut text = String::new();
    for (key, value) in [
        ("by", &made.by),
        ("from", &made.from),
        ("version", &made.version),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {}", toml::Value::from(value.as_str()));
        }
    }
    for (key, points) in [("points_px", &made.points_px), ("points_m", &made.points_m)] {
        if let Some(points) = points {
            let _ = writeln!(text, "{key} = {}", list(points, 4));
        }
    }
    if let Some(residual) = made.residual_px {
        let _ = writeln!(text, "residual_px = {}", rounded(residual, 3));
    }
    for (key, count) in [("people", made.people), ("sightings", made.sightings)] {
        if let Some(count) = count {
            let _ = writeln!(text, "{key} = {count}");
        }
    }
    for (key, range, decimals) in [
        ("scale_90", made.scale_90, 4),
        ("height_90_m", made.height_90_m, 3),
        ("pitch_90_deg", made.pitch_90_deg, 2),
        ("roll_90_deg", made.roll_90_deg, 2),
        ("focal_90_px", made.focal_90_px, 1),
    ] {
        if let Some([low, high]) = range {
            let (low, high) = (rounded(low, decimals), rounded(high, decimals));
            let _ = writeln!(text, "{key} = [{low}, {high}]");
        }
    }
    text
}

fn list(points: &[[f64; 2]], decimals: u32) -> String {
    let one = |p: &[f64; 2]| format!("[{}, {}]", rounded(p[0], decimals), rounded(p[1], decimals));
    let lines: Vec<String> = points
        .chunks(POINTS_A_LINE)
        .map(|chunk| chunk.iter().map(one).collect::<Vec<_>>().join(", "))
        .collect();
    match lines.as_slice() {
        [line] => format!("[{line}]"),
        lines => format!("[\n    {},\n]", lines.join(",\n    ")),
    }
}

fn rounded(value: f64, decimals: u32) -> f64 {
    let factor = 10_f64.powi(decimals as i32);
    // Adding 0 turns -0 into 0.
    (value * factor).round() / factor + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::PointInImage;
    use crate::floor::{CameraModel, Lens};

    #[test]
    fn what_is_written_is_read_again() {
        let centre = PointInImage { x: 640.0, y: 360.0 };
        let lens = Lens {
            radial: [-0.1234567, 0.01, 0.0],
            ..Lens::pinhole(812.3456, centre)
        };
        let (sin, cos) = (0.5_f64.sin(), 0.5_f64.cos());
        let rotation = [[1.0, 0.0, 0.0], [0.0, -sin, -cos], [0.0, cos, -sin]];
        let t = [0.0, 3.0 * cos, 3.0 * sin];
        let mut spec = CameraSpec::from_pose(1280, 720, lens, rotation, t).unwrap();
        spec.scale_uncertainty = 0.031;
        let made = Made {
            by: Some("people".into()),
            from: Some("a \"clip\".mp4".into()),
            points_px: Some(vec![[1.0, 2.0]; 7]),
            people: Some(20),
            scale_90: Some([0.95, 1.053]),
            ..Made::default()
        };
        let kept: toml::Table = toml::from_str(
            "person_height_m = 1.7\n[grid]\ntile_m = 0.4\nblocked_m = [[[0, 0], [1, 0], [1, 1]]]",
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration.toml");
        std::fs::write(&path, calibration_text(&spec, &made, &kept)).unwrap();
        let (stored, warnings) = load_calibration(&path).unwrap();
        assert!(warnings.is_empty(), "{warnings}");
        assert_eq!(stored.made, Some(made));
        assert_eq!(stored.kept, kept);
        let (was, is) = (
            CameraModel::new(spec.clone()).unwrap(),
            CameraModel::new(stored.spec).unwrap(),
        );
        for point in &spec.control_points {
            let again = is.floor_from_image(point.image).unwrap();
            assert!(
                again.distance(point.floor) < 0.01,
                "{again:?} was {:?}",
                point.floor
            );
        }
        let (was, is) = (was.pose().unwrap(), is.pose().unwrap());
        assert!((was.height_m - is.height_m).abs() < 1e-3);
        // Written again it is the same text.
        let text = std::fs::read_to_string(&path).unwrap();
        let (stored, _) = load_calibration(&path).unwrap();
        let again = calibration_text(&stored.spec, &stored.made.unwrap(), &stored.kept);
        assert_eq!(again, text);
    }
}
