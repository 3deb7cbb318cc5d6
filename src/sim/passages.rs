//! Chance cameras and people who walk past them, as boxes: what calibrations are measured with.
//!
//! Theory: a [`Site`] is a camera as they hang (height, pitch, roll, lens) over a floor that shows
//! people whole, and how tall people are there. Each passage is one person of the renderer's bodies
//! with a stride of their own, on a line across that floor; the box is that of the body's projected
//! surface, drawn as a detector draws it: with errors of its own for the site, the person and the frame.
//! Some are children, some boxes are cut as if something stood before the person.

use super::body::{Build, Dice, Outfit, Pose, Stance, Surface, stride_m, walking};
use super::render::{Camera, Figure, Projector};
use crate::detection::{BoxInImage, Detection, PointInImage};
use crate::floor::PointInFloor;

/// Picture size of all sites, px.
pub const SIZE_PX: (u32, u32) = (1280, 720);
/// Frames a second.
const RATE_HZ: f64 = 8.0;
/// From the end of one passage to the next, s.
const BETWEEN_S: f64 = 2.0;
/// Floor further away than this is not walked, m.
const REACH_M: f64 = 14.0;
/// People appear at least this tall, px: smaller ones are no door's.
const LEAST_PERSON_PX: f64 = 60.0;
/// A site shows people whole on so many places of a raster of 24 by 14 pixels...
const LEAST_PLACES: usize = 30;
/// ... that reach this far over the floor, m.
const LEAST_EXTENT_M: f64 = 2.5;
/// Where a bent lens's picture folds back (see `render::shot`), and the share of it that is used.
const FOLD: (f64, f64) = (0.413, 0.60);

/// Adults: middle between the sexes, half their difference, spread within each, m; shoes on.
const ADULT_M: (f32, f32, f32) = (1.70, 0.065, 0.07);
/// The same middle differs from site to site, m.
const SITE_SD_M: f32 = 0.025;
/// How fast people walk, m/s: evenly between these; the whole differs from site to site by this share.
const SPEED_MPS: (f32, f32) = (0.8, 1.6);
const SITE_SPEED_SD: f32 = 0.12;
/// Share of children, and their height, m.
const CHILDREN: (f32, f32, f32) = (0.04, 1.0, 1.4);
/// Error of a box's edges as a share of its height: of the site's detector, of a person, of a frame
/// (top, bottom, sides), and in px.
const SITE_SHARE: [f64; 3] = [0.008, 0.010, 0.015];
const PERSON_SHARE: [f64; 3] = [0.004, 0.008, 0.01];
const FRAME_SHARE: [f64; 3] = [0.010, 0.014, 0.018];
const FRAME_PX: f64 = 0.7;
/// Share of boxes that end too high, and by up to which share.
const CUT: (f32, f32) = (0.03, 0.4);

/// A camera and who walks there.
#[derive(Debug, Clone)]
pub struct Site {
    /// The camera, its foot at the origin, looking along +y.
    pub camera: Camera,
    /// Floor points where people are seen whole.
    pub places: Vec<PointInFloor>,
    /// Mean height of adults, m.
    adult_m: f32,
    /// How much faster people walk here than elsewhere.
    haste: f32,
    edges: [f64; 3],
    seed: u64,
}

impl Site {
    /// The same seed, the same site: 2.2 to 6 m high, 15 to 75 degrees down, roll up to 5 degrees,
    /// 39 to 100 degrees wide, distorted as such lenses are. Cameras that show nobody whole are
    /// thrown again.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x5173);
        loop {
            let camera = any_camera(&mut dice);
            let places = places(&camera);
            let extent = places
                .iter()
                .flat_map(|a| places.iter().map(|b| a.distance(*b)))
                .fold(0.0, f64::max);
            if places.len() >= LEAST_PLACES && extent >= LEAST_EXTENT_M {
                return Self {
                    camera,
                    places,
                    adult_m: ADULT_M.0 + SITE_SD_M * dice.normal(),
                    haste: (SITE_SPEED_SD * Dice::new(seed ^ 0x9ace).normal()).exp(),
                    edges: SITE_SHARE.map(|share| share * f64::from(dice.normal())),
                    seed,
                };
            }
        }
    }

    /// The boxes of `count` people, one after another: frames with their time and who is seen.
    pub fn passages(&self, count: usize) -> Vec<(f64, Vec<Detection>)> {
        let mut frames = Vec::new();
        let mut begins_s = 0.0;
        for number in 0..count {
            let (walk, mut dice) = self.walker(number);
            begins_s = self.passage(&walk, &mut dice, begins_s, &mut frames) + BETWEEN_S;
        }
        frames
    }

    /// The same people on the same ways as bodies to be rendered, at another rate.
    pub fn figures(&self, count: usize, rate_hz: f64) -> Vec<(f64, Figure)> {
        let mut figures = Vec::new();
        let mut begins_s = 0.0;
        for number in 0..count {
            let (walk, _) = self.walker(number);
            for (time_s, stance) in walk.stances(rate_hz) {
                let figure = Figure {
                    id: number as u32 + 1,
                    build: walk.build,
                    outfit: walk.outfit.clone(),
                    pose: walking(&walk.build, &stance),
                };
                figures.push((begins_s + time_s, figure));
            }
            begins_s += walk.lasts_s() + BETWEEN_S;
        }
        figures
    }

    /// The same camera with another sensor.
    pub fn camera_of(&self, size_px: (u32, u32)) -> Camera {
        let share = f64::from(size_px.0) / f64::from(SIZE_PX.0);
        let mut camera = self.camera;
        (camera.width_px, camera.height_px) = size_px;
        camera.lens.focal_px *= share;
        camera.lens.centre = PointInImage {
            x: 0.5 * f64::from(size_px.0),
            y: 0.5 * f64::from(size_px.1),
        };
        camera
    }

    /// What it was made from.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    fn walker(&self, number: usize) -> (Walk, Dice) {
        let mut dice = Dice::new(self.seed.wrapping_mul(7_919) ^ number as u64);
        (self.walk(&mut dice), dice)
    }

    fn walk(&self, dice: &mut Dice) -> Walk {
        let mut build = Build::random(dice);
        let side = if build.feminine < 0.5 { 1.0 } else { -1.0 };
        build.height_m = self.adult_m + side * ADULT_M.1 + ADULT_M.2 * dice.normal();
        if dice.chance(CHILDREN.0) {
            build.height_m = dice.range(CHILDREN.1, CHILDREN.2);
        }
        let outfit = Outfit::random(dice, build.feminine);
        // The longer of a few ways: people cross what they are seen on.
        let mut ends = [self.places[0]; 2];
        for _ in 0..3 {
            let a = self.places[dice.below(self.places.len())];
            let b = self.places[dice.below(self.places.len())];
            if a.distance(b) > ends[0].distance(ends[1]) {
                ends = [a, b];
            }
        }
        Walk {
            build,
            outfit,
            ends,
            speed_mps: self.haste * dice.range(SPEED_MPS.0, SPEED_MPS.1),
            manner: dice.bits(),
            edges: PERSON_SHARE.map(|share| share * f64::from(dice.normal())),
        }
    }

    /// Adds the frames of one passage; when it ends.
    fn passage(
        &self,
        walk: &Walk,
        dice: &mut Dice,
        begins_s: f64,
        frames: &mut Vec<(f64, Vec<Detection>)>,
    ) -> f64 {
        let projector = Projector::new(&self.camera);
        for (time_s, stance) in walk.stances(RATE_HZ) {
            let pose = walking(&walk.build, &stance);
            if let Some(bbox) = outline(&projector, &walk.build, &walk.outfit, &pose) {
                let bbox = self.drawn(bbox, walk, dice);
                let seen = clipped(bbox, SIZE_PX).map(seen);
                frames.push((begins_s + time_s, seen.into_iter().collect()));
            }
        }
        begins_s + walk.lasts_s()
    }

    /// The box as a detector draws it.
    fn drawn(&self, bbox: BoxInImage, walk: &Walk, dice: &mut Dice) -> BoxInImage {
        let tall = bbox.height();
        let mut off = |edge: usize| {
            let lasting = (self.edges[edge] + walk.edges[edge]) * tall;
            let frame = FRAME_SHARE[edge] * tall * f64::from(dice.normal());
            lasting + frame + FRAME_PX * f64::from(dice.normal())
        };
        let (top, bottom, left, right) = (off(0), off(1), off(2), off(2));
        let mut out = BoxInImage::new(
            bbox.left - left,
            bbox.top - top,
            bbox.right + right,
            bbox.bottom + bottom,
        );
        if dice.chance(CUT.0) {
            out.bottom -= f64::from(dice.range(0.05, CUT.1)) * tall;
        }
        out
    }
}

struct Walk {
    build: Build,
    outfit: Outfit,
    ends: [PointInFloor; 2],
    speed_mps: f32,
    manner: u32,
    edges: [f64; 3],
}

impl Walk {
    fn lasts_s(&self) -> f64 {
        self.ends[0].distance(self.ends[1]) / f64::from(self.speed_mps)
    }

    /// How they stand in each frame.
    fn stances(&self, rate_hz: f64) -> Vec<(f64, Stance)> {
        let [from, to] = self.ends;
        let lasts_s = self.lasts_s();
        let heading_rad = (to.y - from.y).atan2(to.x - from.x) as f32;
        let stride = f64::from(stride_m(&self.build, self.speed_mps)).max(0.1);
        let stance = |time_s: f64| {
            let at = from.lerp(to, time_s / lasts_s);
            let gone = time_s * f64::from(self.speed_mps);
            Stance {
                at: [at.x, at.y],
                heading_rad,
                speed_mps: self.speed_mps,
                phase: (gone / stride).fract() as f32,
                time_s: time_s as f32,
                manner: self.manner,
                ..Stance::default()
            }
        };
        let mut stances = Vec::new();
        let mut time_s = 0.0;
        while time_s < lasts_s {
            stances.push((time_s, stance(time_s)));
            time_s += 1.0 / rate_hz;
        }
        stances
    }
}

/// The exact box of a figure, as far as it is inside the picture.
pub fn exact_box(camera: &Camera, figure: &Figure) -> Option<Detection> {
    let projector = Projector::new(camera);
    let bbox = outline(&projector, &figure.build, &figure.outfit, &figure.pose)?;
    clipped(bbox, (camera.width_px, camera.height_px)).map(seen)
}

fn seen(bbox: BoxInImage) -> Detection {
    Detection {
        bbox,
        score: 0.9,
        foot: None,
        head: None,
    }
}

fn any_camera(dice: &mut Dice) -> Camera {
    let mut range = |a: f64, b: f64| f64::from(dice.range(a as f32, b as f32));
    let height_m = range(2.2, 6.0);
    let pitch = range(15.0, 75.0).to_radians();
    let roll = range(-5.0, 5.0).to_radians();
    // Evenly in the logarithm: as many narrow lenses as wide ones.
    let focal_px = range(0.42_f64.ln(), 1.4_f64.ln()).exp() * f64::from(SIZE_PX.0);
    let bend = range(-0.30, 0.0);
    let yaw = std::f64::consts::FRAC_PI_2;
    let mut camera = Camera::new([0.0, 0.0, height_m], yaw, pitch, SIZE_PX, 1.0);
    camera.roll_rad = roll;
    camera.lens.focal_px = focal_px;
    let half = f64::from(SIZE_PX.0).hypot(f64::from(SIZE_PX.1)) * 0.5;
    let corner = half / focal_px;
    let k1 = bend.max(-FOLD.0 * (FOLD.1 / corner).powi(2));
    camera.lens.radial = [k1, 0.28 * k1 * k1, 0.0];
    camera
}

/// Floor points, on a raster of pixels, where a person is seen whole and large enough.
fn places(camera: &Camera) -> Vec<PointInFloor> {
    let (width, height) = (f64::from(SIZE_PX.0), f64::from(SIZE_PX.1));
    let inside = |p: &PointInImage| {
        p.x > 0.04 * width && p.x < 0.96 * width && p.y > 0.03 * height && p.y < 0.97 * height
    };
    let mut out = Vec::new();
    for row in 0..14 {
        for column in 0..24 {
            let pixel = PointInImage {
                x: width * (f64::from(column) + 0.5) / 24.0,
                y: height * (f64::from(row) + 0.5) / 14.0,
            };
            let Some(at) = camera.floor_from_image(pixel).filter(|_| inside(&pixel)) else {
                continue;
            };
            let head = camera.image_from_floor(at, 1.85).filter(|p| inside(p));
            let far = (at.x * at.x + at.y * at.y).sqrt();
            if far < REACH_M && head.is_some_and(|head| head.distance(pixel) > LEAST_PERSON_PX) {
                out.push(at);
            }
        }
    }
    out
}

/// The box of the body's projected surface; `None` if a part is behind the camera.
fn outline(
    projector: &Projector,
    build: &Build,
    outfit: &Outfit,
    pose: &Pose,
) -> Option<BoxInImage> {
    let (surface, _) = Surface::new(build, outfit, pose, 0.4);
    let mut found: Option<BoxInImage> = None;
    for (p, part) in surface.positions().iter().zip(surface.parts()) {
        if part.is_thing() {
            continue;
        }
        let (p, _) = projector.project([f64::from(p.x), f64::from(p.y), f64::from(p.z)])?;
        let b = found.get_or_insert(BoxInImage::new(p.x, p.y, p.x, p.y));
        *b = BoxInImage::new(
            b.left.min(p.x),
            b.top.min(p.y),
            b.right.max(p.x),
            b.bottom.max(p.y),
        );
    }
    found
}

/// The part of a box inside the picture, if there is one.
fn clipped(bbox: BoxInImage, size_px: (u32, u32)) -> Option<BoxInImage> {
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    let out = BoxInImage::new(
        bbox.left.max(0.0),
        bbox.top.max(0.0),
        bbox.right.min(width),
        bbox.bottom.min(height),
    );
    (out.width() > 4.0 && out.height() > 8.0).then_some(out)
}
