//! What is written about a rendered picture: the labels that detectors are trained and measured on.
//!
//! The shape is that of COCO's annotation files (images, annotations, categories) with more about
//! each person: the whole body's box, the foot point, the head, how much shows. Pixel coordinates
//! run right and down from the corner of the first pixel; boxes are left, top, width, height.

use serde::Serialize;

use super::body::Carried;
use super::render::{Camera, Figure, Frame, Moment, PersonTruth, Scene, Spectrum};
use crate::detection::{BoxInImage, PointInImage};

/// Less of a body than this is neither a person nor background to learn from.
const LEAST_SHARE: f64 = 0.12;
/// Nor are fewer square pixels than this.
const LEAST_AREA_PX: f64 = 30.0;
/// A foot shows if the body owns a sample this near to the foot point, m: half a stance's width.
const FOOT_REACH_M: f64 = 0.14;
/// The same for the middle of the head, m.
const HEAD_REACH_M: f64 = 0.04;

/// Light of a picture, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LightLabel {
    /// Enough of it.
    Day,
    /// Little of it.
    Dim,
    /// A lamp on the camera, or heat.
    Infrared,
}

/// A camera as it is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraLabel {
    height_m: f64,
    /// 0 flat, 90 straight down.
    pitch_deg: f64,
    roll_deg: f64,
    focal_px: f64,
    centre_px: [f64; 2],
    /// k1, k2, k3 of Brown and Conrady, as in OpenCV.
    radial: [f64; 3],
    position_m: [f64; 3],
    /// From undistorted pixels to metres, row by row.
    floor_from_image: [f64; 9],
    /// Its inverse.
    image_from_floor: [f64; 9],
}

/// A picture as it is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageLabel {
    /// Number of the picture, from 1.
    pub id: usize,
    /// Path within the folder.
    pub file_name: String,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// `train` or `val`.
    pub split: &'static str,
    /// Pictures of one scene share the room and the camera.
    pub scene: u64,
    /// Light, roughly.
    pub light: LightLabel,
    /// Light, exactly.
    pub spectrum: Spectrum,
    /// The camera.
    pub camera: CameraLabel,
}

/// A person as they are written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonLabel {
    /// Number in the file, from 1.
    pub id: usize,
    /// The picture's number.
    pub image_id: usize,
    category_id: u32,
    iscrowd: u32,
    /// What shows.
    bbox: [f64; 4],
    /// Square pixels that show.
    area: f64,
    /// The whole body; `None` if part of it is behind the camera.
    full_box: Option<[f64; 4]>,
    foot: Option<[f64; 2]>,
    /// The middle of the head, and its top.
    head: Option<[f64; 2]>,
    head_top: Option<[f64; 2]>,
    foot_visible: u32,
    head_visible: u32,
    visible: f64,
    in_picture: f64,
    ignore: u32,
    /// Number within the picture.
    person: u32,
    floor_m: [f64; 2],
    height_m: f64,
    posture: &'static str,
    carried: Vec<Carried>,
}

/// To a hundredth: no label is more exact than that.
fn cents(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}

fn written(b: BoxInImage) -> [f64; 4] {
    [b.left, b.top, b.right - b.left, b.bottom - b.top].map(cents)
}

fn point(p: Option<PointInImage>) -> Option<[f64; 2]> {
    p.map(|p| [cents(p.x), cents(p.y)])
}

impl CameraLabel {
    /// Writes a camera down.
    pub fn new(camera: &Camera) -> Self {
        let m = camera.image_from_world();
        let image = [0, 1, 2].map(|row: usize| [m[row][0], m[row][1], m[row][3]]);
        let lens = &camera.lens;
        Self {
            height_m: camera.position_m[2],
            pitch_deg: camera.pitch_rad.to_degrees(),
            roll_deg: camera.roll_rad.to_degrees(),
            focal_px: lens.focal_px,
            centre_px: [lens.centre.x, lens.centre.y],
            radial: lens.radial,
            position_m: camera.position_m,
            floor_from_image: flat(inverse(image)),
            image_from_floor: flat(image),
        }
    }
}

type Mat = [[f64; 3]; 3];

fn flat(m: Mat) -> [f64; 9] {
    std::array::from_fn(|i| m[i / 3][i % 3])
}

/// By cofactors. A camera above the floor sees it as a plane, so the determinant is not zero.
fn inverse(m: Mat) -> Mat {
    let minor = |r: usize, c: usize| {
        let (a, b) = ((r + 1) % 3, (r + 2) % 3);
        let (d, e) = ((c + 1) % 3, (c + 2) % 3);
        m[a][d] * m[b][e] - m[a][e] * m[b][d]
    };
    let det = (0..3).map(|c| m[0][c] * minor(0, c)).sum::<f64>();
    std::array::from_fn(|r| std::array::from_fn(|c| minor(c, r) / det))
}

/// What kind of light a picture was taken in.
pub fn light(scene: &Scene, dim: bool) -> LightLabel {
    match scene.sensor.spectrum {
        Spectrum::NearInfrared | Spectrum::Thermal => LightLabel::Infrared,
        _ if dim => LightLabel::Dim,
        _ => LightLabel::Day,
    }
}

/// Everybody of a frame who shows at all. Numbers are given by the caller.
pub fn people(camera: &Camera, moment: &Moment, frame: &Frame) -> Vec<PersonLabel> {
    let both = frame.truth.people.iter().zip(&moment.figures);
    both.enumerate()
        .filter_map(|(i, (truth, figure))| person(camera, frame, truth, figure, i as u16 + 1))
        .collect()
}

fn person(
    camera: &Camera,
    frame: &Frame,
    truth: &PersonTruth,
    figure: &Figure,
    owner: u16,
) -> Option<PersonLabel> {
    let visible = truth.visible_box?;
    let floor = [truth.floor.x, truth.floor.y];
    let depth_m = |up_m: f64| camera.project([floor[0], floor[1], up_m]).map(|hit| hit.1);
    let owns = |at: Option<PointInImage>, up_m: f64, reach_m: f64| {
        let (Some(at), Some(depth_m)) = (at, depth_m(up_m)) else {
            return false;
        };
        owned_near(
            frame,
            at,
            reach_m * camera.lens.focal_px / depth_m.max(0.1),
            owner,
        )
    };
    let swing = (figure.pose.legs[0].swing - figure.pose.legs[1].swing).abs();
    let carries = |thing| figure.outfit.carried.contains(&thing);
    let posture = match () {
        () if carries(Carried::Wheelchair) || carries(Carried::Chair) => "sit",
        () if swing > 0.12 => "walk",
        () => "stand",
    };
    let small = truth.visible_share < LEAST_SHARE || truth.visible_area < LEAST_AREA_PX;
    Some(PersonLabel {
        id: 0,
        image_id: 0,
        category_id: 1,
        iscrowd: 0,
        bbox: written(visible),
        area: truth.visible_area,
        full_box: truth.full_box.map(written),
        foot: point(truth.foot),
        head: point(truth.head_middle),
        head_top: point(truth.head),
        foot_visible: owns(truth.foot, 0.0, FOOT_REACH_M).into(),
        head_visible: owns(truth.head_middle, truth.head_m, HEAD_REACH_M).into(),
        visible: (truth.visible_share * 1e4).round() / 1e4,
        in_picture: truth.full_box.map_or(0.0, |full| inside(full, frame)),
        ignore: small.into(),
        person: truth.id,
        floor_m: floor.map(|v| (v * 1e4).round() / 1e4),
        height_m: cents(f64::from(figure.build.height_m)),
        posture,
        carried: figure.outfit.carried.clone(),
    })
}

/// Share of a box's area within the picture.
fn inside(full: BoxInImage, frame: &Frame) -> f64 {
    let (w, h) = (
        f64::from(frame.picture.width),
        f64::from(frame.picture.height),
    );
    let wide = (full.right.min(w) - full.left.max(0.0)).max(0.0);
    let tall = (full.bottom.min(h) - full.top.max(0.0)).max(0.0);
    let whole = full.area();
    let share = if whole > 0.0 {
        wide * tall / whole
    } else {
        0.0
    };
    (share * 1e4).round() / 1e4
}

/// Whether a figure owns a sample within `reach_px` of a point.
fn owned_near(frame: &Frame, at: PointInImage, reach_px: f64, owner: u16) -> bool {
    let k = f64::from(frame.samples);
    let across = frame.picture.width * frame.samples;
    let down = frame.picture.height * frame.samples;
    let span = |v: f64, most: u32| {
        let low = ((v - reach_px) * k).floor().clamp(0.0, f64::from(most));
        let high = ((v + reach_px) * k + 1.0)
            .floor()
            .clamp(0.0, f64::from(most));
        low as usize..high as usize
    };
    span(at.y, down)
        .any(|y| span(at.x, across).any(|x| frame.owners[y * across as usize + x] == owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homographies_undo_each_other() {
        let camera = Camera::new([0.3, -2.0, 3.1], 1.4, 0.9, (416, 256), 1.3);
        let label = CameraLabel::new(&camera);
        let apply = |m: &[f64; 9], x: f64, y: f64| {
            let row = |r: usize| m[3 * r] * x + m[3 * r + 1] * y + m[3 * r + 2];
            (row(0) / row(2), row(1) / row(2))
        };
        let seen = camera.project([0.7, 0.4, 0.0]).unwrap().0;
        let (u, v) = apply(&label.image_from_floor, 0.7, 0.4);
        assert!((u - seen.x).abs() < 1e-6 && (v - seen.y).abs() < 1e-6);
        let (x, y) = apply(&label.floor_from_image, u, v);
        assert!((x - 0.7).abs() < 1e-9 && (y - 0.4).abs() < 1e-9);
    }
}
