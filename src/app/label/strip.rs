//! A strip of pictures for each crossing: before, at and after the line.
//!
//! The clip is read once more from its beginning, which costs little beside looking for people; only
//! frames that are in a strip become pictures. Drawn in: the portal, whoever was seen, and where the
//! line was passed.

use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::{FilterType, crop_imm, replace, resize};

use super::proposal::Proposal;
use crate::app::names::clock;
use crate::app::overlay::{Canvas, Colour, TextSize};
use crate::app::tune::case::{Case, Feed, eyes_key};
use crate::capture::{Clip, ClipOptions};
use crate::detection::{Detection, PointInImage};
use crate::engine::{Input, PortalConfig, Seen};
use crate::floor::{CameraModel, PointInFloor};
use crate::units::{Instant, Span};

/// Moments of a strip about the crossing: two strides before and after it.
const MOMENTS_MS: [i64; 5] = [-1_200, -600, 0, 600, 1_200];
/// Width of each picture in a strip, px: five fit a wide screen.
const PICTURE_PX: u32 = 380;
/// Room below the pictures for their times, px.
const CAPTION_PX: u32 = 26;
/// Room between pictures, px.
const GAP_PX: u32 = 4;
/// The part of the picture that is shown: the portal with people of this height, m ...
const PEOPLE_M: f64 = 2.0;
/// ... and so much of that part's height more on either side, above and below, where people come
/// from and go to: those in front of the door reach further down.
const BESIDE: f64 = 0.9;
const ABOVE: f64 = 0.2;
const BELOW: f64 = 0.55;
/// Sides of the polygon that stands for a ring.
const RING_SIDES: usize = 20;

const PORTAL: Colour = Colour(120, 210, 255, 230);
const PERSON: Colour = Colour(255, 255, 255, 220);
const PASSED: Colour = Colour(255, 90, 60, 255);
const TEXT: Colour = Colour(255, 255, 255, 255);

/// Writes a strip for each proposal into `folder` and returns their paths, in order.
pub fn strips(
    clip: &Path,
    options: &ClipOptions,
    case: &Case,
    proposals: &[Proposal],
    folder: &Path,
) -> Result<Vec<PathBuf>, String> {
    let cannot = |problem: std::io::Error| format!("cannot write {}: {problem}", folder.display());
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let drawing = Drawing::new(case)?;
    let mut wanted = wanted(proposals, &drawing.frames);
    let mut strips: Vec<Option<RgbImage>> = vec![None; proposals.len()];
    let mut left: Vec<usize> = wanted.iter().fold(vec![0; proposals.len()], |mut left, w| {
        left[w.proposal] += 1;
        left
    });
    let mut paths = vec![PathBuf::new(); proposals.len()];
    let mut clip = Clip::open(clip, options).map_err(|problem| problem.to_string())?;
    let mut index = 0;
    while let Some(frame) = clip.next_frame().map_err(|problem| problem.to_string())? {
        while let Some(want) = wanted.pop_if(|want| want.frame == index) {
            let proposal = &proposals[want.proposal];
            let picture = drawing.picture(&frame.to_rgb(), index, want.slot, proposal)?;
            let strip = strips[want.proposal].get_or_insert_with(|| empty(&picture));
            let x = want.slot as u32 * (PICTURE_PX + GAP_PX);
            replace(strip, &picture, i64::from(x), 0);
            left[want.proposal] -= 1;
            if left[want.proposal] == 0
                && let Some(strip) = strips[want.proposal].take()
            {
                let path = folder.join(name(want.proposal, proposal));
                strip
                    .save(&path)
                    .map_err(|problem| format!("cannot write {}: {problem}", path.display()))?;
                paths[want.proposal] = path;
            }
        }
        index += 1;
    }
    Ok(paths)
}

/// `03-0m42.10-in.png`.
fn name(index: usize, proposal: &Proposal) -> String {
    let time = clock(proposal.time_s)
        .replacen(':', "m", 1)
        .replace(':', "-");
    let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
    let direction: String = proposal.direction.chars().map(plain).collect();
    format!("{:02}-{time}-{direction}.png", index + 1)
}

/// A frame that is in a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    frame: usize,
    proposal: usize,
    slot: usize,
}

/// The frames of all strips, the last first.
fn wanted(proposals: &[Proposal], frames: &[(Instant, Vec<Detection>)]) -> Vec<Wanted> {
    let mut all = Vec::new();
    for (proposal, p) in proposals.iter().enumerate() {
        for (slot, offset) in MOMENTS_MS.iter().enumerate() {
            let at = p.crossing.at + Span::from_ms(*offset);
            let nearest = (0..frames.len()).min_by_key(|frame| (frames[*frame].0 - at).abs());
            all.extend(nearest.map(|frame| Wanted {
                frame,
                proposal,
                slot,
            }));
        }
    }
    all.sort();
    all.reverse();
    all
}

fn empty(picture: &RgbImage) -> RgbImage {
    let count = MOMENTS_MS.len() as u32;
    RgbImage::new(count * (PICTURE_PX + GAP_PX) - GAP_PX, picture.height())
}

/// What is drawn into every picture.
struct Drawing<'a> {
    model: Option<CameraModel>,
    portals: &'a [PortalConfig],
    frames: Vec<(Instant, Vec<Detection>)>,
    start: Instant,
}

impl<'a> Drawing<'a> {
    fn new(case: &'a Case) -> Result<Self, String> {
        let Feed::Footage { seen, .. } = &case.feed else {
            return Err("a trace holds no pictures".to_owned());
        };
        let seen = seen.get(&eyes_key(&case.detector));
        let inputs = seen.map(|seen| seen.inputs.as_slice()).unwrap_or_default();
        let boxes = |(at, input): &(Instant, Input)| match input {
            Input::Frame(frame) => match &frame.seen {
                Seen::Boxes(boxes) => Some((*at, boxes.clone())),
                Seen::Footprints(_) => Some((*at, Vec::new())),
            },
            _ => None,
        };
        let spec = case
            .config
            .cameras
            .first()
            .and_then(|camera| camera.calibration.clone());
        Ok(Self {
            model: spec.and_then(|spec| CameraModel::new(spec).ok()),
            portals: &case.config.portals,
            frames: inputs.iter().filter_map(boxes).collect(),
            start: case.start,
        })
    }

    fn picture(
        &self,
        rgb: &RgbImage,
        frame: usize,
        slot: usize,
        proposal: &Proposal,
    ) -> Result<RgbImage, String> {
        let mut canvas =
            Canvas::new(rgb.width(), rgb.height()).ok_or("the picture has no pixels")?;
        canvas.put_picture(rgb, 1);
        // Lines keep their strength when the picture is made smaller or larger.
        let shown = self.part(rgb.dimensions())[2];
        let width = (shown as f32 / PICTURE_PX as f32) * 1.5;
        let image = |point: PointInFloor| self.model.as_ref()?.image_from_floor(point, 0.0);
        for portal in self.portals {
            let line: Vec<PointInImage> = portal
                .portal
                .line
                .iter()
                .filter_map(|point| image(*point))
                .collect();
            canvas.stroke(&line, false, 1.4 * width, PORTAL);
        }
        for person in &self.frames[frame].1 {
            let b = person.bbox;
            canvas.stroke_rect([b.left, b.top, b.width(), b.height()], width, PERSON);
        }
        let portal = self.portals.get(usize::from(proposal.crossing.portal.0));
        let passed = portal
            .and_then(|portal| along(&portal.portal.line, proposal.crossing.station_m))
            .and_then(image)
            .filter(|_| MOMENTS_MS[slot] == 0);
        if let Some(at) = passed {
            canvas.stroke(&ring(at, f64::from(6.0 * width)), true, 1.6 * width, PASSED);
        }
        let [left, top, wide, high] = self.part(rgb.dimensions());
        let part = crop_imm(&canvas.to_rgb(), left, top, wide, high).to_image();
        let height = (high * PICTURE_PX).div_ceil(wide.max(1)).max(1);
        let small = resize(&part, PICTURE_PX, height, FilterType::Triangle);
        let mut framed =
            Canvas::new(PICTURE_PX, height + CAPTION_PX).ok_or("the picture has no pixels")?;
        framed.put_picture(&small, 1);
        let time = clock((self.frames[frame].0 - self.start).as_s());
        let offset = match MOMENTS_MS[slot] {
            0 => "at the line".to_owned(),
            ms => format!("{:+.1} s", ms as f64 / 1_000.0),
        };
        let text = format!("{time}  {offset}");
        framed.text(6.0, f64::from(height) + 5.0, TextSize::Small, TEXT, &text);
        Ok(framed.to_rgb())
    }
}

impl Drawing<'_> {
    /// Left, top, width and height of the part that is shown, px: about the portals, or everything
    /// where the calibration can't tell.
    fn part(&self, (width, height): (u32, u32)) -> [u32; 4] {
        let points = self.portals.iter().flat_map(|portal| &portal.portal.line);
        let corners = points.flat_map(|point| {
            let model = self.model.as_ref();
            [0.0, PEOPLE_M].map(|up| model.and_then(|model| model.image_from_floor(*point, up)))
        });
        let mut bounds: Option<[f64; 4]> = None;
        for p in corners.flatten() {
            let b = bounds.get_or_insert([p.x, p.y, p.x, p.y]);
            *b = [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)];
        }
        let Some([left, top, right, bottom]) = bounds else {
            return [0, 0, width, height];
        };
        let tall = bottom - top;
        let within = |value: f64, most: u32| value.clamp(0.0, f64::from(most)) as u32;
        let (x0, x1) = (left - BESIDE * tall, right + BESIDE * tall);
        let (y0, y1) = (top - ABOVE * tall, bottom + BELOW * tall);
        let (x0, x1) = (within(x0, width), within(x1, width));
        let (y0, y1) = (within(y0, height), within(y1, height));
        if x1 <= x0 || y1 <= y0 {
            return [0, 0, width, height];
        }
        [x0, y0, x1 - x0, y1 - y0]
    }
}

/// The point of a line so far from its beginning, m.
fn along(line: &[PointInFloor], station_m: f64) -> Option<PointInFloor> {
    let mut left = station_m;
    for ends in line.windows(2) {
        let length = ends[0].distance(ends[1]);
        if left <= length && length > 0.0 {
            return Some(ends[0].lerp(ends[1], (left / length).max(0.0)));
        }
        left -= length;
    }
    line.last().copied()
}

fn ring(at: PointInImage, radius: f64) -> Vec<PointInImage> {
    let corner = |side: usize| {
        let turn = std::f64::consts::TAU * side as f64 / RING_SIDES as f64;
        PointInImage {
            x: at.x + radius * libm::cos(turn),
            y: at.y + 0.5 * radius * libm::sin(turn),
        }
    };
    (0..RING_SIDES).map(corner).collect()
}
