//! OpenCV's built-in people detector: the fallback that needs no weights.
//!
//! A window of 64 x 128 pixels slides over the luma plane at many scales; histograms of gradients in
//! it are weighed by a linear classifier that comes with OpenCV (Dalal and Triggs, CVPR 2005). It
//! answers several times around a person; those answers are fused here, so that a box keeps still
//! while a person does: the surest window of a cluster says where, and the mean of those that agree
//! with it says how large. The window has a margin around the person it was trained on, which is
//! taken off.
//!
//! It sees upright people, whole, and takes posts and door frames for them now and then. A network
//! is better in every way but one: this is always there.

use std::time::Instant;

use opencv::core::{Mat, Rect, Size, Vector};
use opencv::prelude::*;
use opencv::{imgproc, objdetect};

use super::{Detector, InferenceError, Manifest, Report, YuvView};
use crate::detection::heads::Candidate;
use crate::detection::{Detection, Letterbox, MAX_BOXES, Placement, SourceRect};

/// How the detector searches. The defaults were chosen on photographs of people 80 to 300 px high.
#[derive(Debug, Clone, PartialEq)]
pub struct HogSettings {
    /// The longer side that the part looked at is scaled to, px: larger finds smaller people.
    pub long_side: u32,
    /// The part of the picture that matters; the whole when `None`.
    pub source: Option<SourceRect>,
    /// Scores above this are handed on, 0 to 1.
    pub score: f64,
    /// Boxes that overlap a surer one by more are dropped, intersection over union.
    pub overlap: f64,
    /// Threads that OpenCV may use; a setting of the whole process.
    pub threads: u32,
}

/// Windows step by this, px: one cell of the histogram.
const STRIDE: i32 = 8;
/// Border added around the picture, so that people at its edge fit a window, px.
const PADDING: i32 = 16;
/// From one scale to the next. Finer steps cost time in proportion and steady the boxes.
const SCALE_STEP: f64 = 1.05;
/// Classifier margins below this are not looked at at all.
const HIT_MARGIN: f64 = -0.2;
/// The margin that becomes a score of one half, and how fast scores rise around it.
const HALF_MARGIN: f64 = 0.6;
const MARGIN_SPREAD: f64 = 0.5;
/// Windows that overlap the surest of a cluster this much are averaged with it.
const FUSE_OVERLAP: f32 = 0.6;
/// A person of whom this share lies within a surer one, or the other way round, is a part of it:
/// the detector likes to see a small person in a large one's legs.
const SAME_PERSON: f32 = 0.65;
/// The person within the window, as shares of its width and height: left, top, right, bottom.
const PERSON: [f32; 4] = [0.215, 0.07, 0.785, 0.925];

/// The detector, ready for pictures.
pub struct HogDetector {
    name: String,
    identity: String,
    settings: HogSettings,
    hog: objdetect::HOGDescriptor,
    luma: Vec<u8>,
    scaled: Mat,
    windows: Vec<Candidate>,
    kept: Vec<Candidate>,
}

impl HogSettings {
    /// As a `model.toml` of family `hog` says.
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            long_side: manifest.input.size.0.max(manifest.input.size.1),
            source: None,
            score: manifest.thresholds.score,
            overlap: manifest.thresholds.overlap,
            threads: 1,
        }
    }
}

impl HogDetector {
    /// Makes the detector. `name` is what it is called in records.
    pub fn open(name: &str, settings: HogSettings) -> Result<Self, InferenceError> {
        let refuse = refuse("make the people detector");
        let threads = i32::try_from(settings.threads.max(1)).unwrap_or(1);
        opencv::core::set_num_threads(threads).map_err(&refuse)?;
        let mut hog = objdetect::HOGDescriptor::default().map_err(&refuse)?;
        let people = objdetect::HOGDescriptor::get_default_people_detector().map_err(&refuse)?;
        hog.set_svm_detector(people);
        let version = opencv::core::get_version_string().map_err(&refuse)?;
        Ok(Self {
            name: name.to_owned(),
            identity: format!("opencv {version}, default people detector"),
            settings,
            hog,
            luma: Vec::new(),
            scaled: Mat::default(),
            windows: Vec::new(),
            kept: Vec::new(),
        })
    }

    /// The part looked at, scaled, in `self.scaled`.
    fn scale(&mut self, frame: &YuvView<'_>) -> Result<Letterbox, InferenceError> {
        let (width, height) = (frame.width as u32, frame.height as u32);
        let whole = SourceRect::whole(width, height);
        let source = self
            .settings
            .source
            .and_then(|source| source.within(width, height));
        let source = source.unwrap_or(whole);
        let side = self.settings.long_side.max(1);
        let laid = Letterbox::new(source, (side, side), Placement::TopLeft);
        let (columns, rows) = (source.width as usize, source.height as usize);
        self.luma.clear();
        for row in 0..rows {
            let row = source.top as usize + row;
            let pixels = YuvView::row(frame.y, frame.y_stride, row, source.left as usize, columns);
            self.luma.extend_from_slice(pixels);
        }
        let refuse = refuse("scale the picture");
        let plane = Mat::new_rows_cols_with_data(source.height as i32, columns as i32, &self.luma)
            .map_err(&refuse)?;
        let size = Size::new(laid.resized.0 as i32, laid.resized.1 as i32);
        let smaller = laid.resized.0 < source.width;
        let method = if smaller {
            imgproc::INTER_AREA
        } else {
            imgproc::INTER_LINEAR
        };
        imgproc::resize(&plane, &mut self.scaled, size, 0.0, 0.0, method).map_err(&refuse)?;
        Ok(laid)
    }

    /// Every window that looks like a person, into `self.windows`.
    fn search(&mut self) -> Result<(), InferenceError> {
        self.windows.clear();
        let size = self.hog.win_size();
        if self.scaled.cols() + 2 * PADDING < size.width
            || self.scaled.rows() + 2 * PADDING < size.height
        {
            return Ok(());
        }
        let (mut found, mut margins) = (Vector::<Rect>::new(), Vector::<f64>::new());
        self.hog
            .detect_multi_scale_weights(
                &self.scaled,
                &mut found,
                &mut margins,
                HIT_MARGIN,
                Size::new(STRIDE, STRIDE),
                Size::new(PADDING, PADDING),
                SCALE_STEP,
                0.0,
                false,
            )
            .map_err(refuse("search the picture"))?;
        self.windows
            .extend(found.iter().zip(margins.iter()).map(|(window, margin)| {
                let (left, top) = (window.x as f32, window.y as f32);
                let right = left + window.width as f32;
                let bottom = top + window.height as f32;
                Candidate::new(left, top, right, bottom, score_of(margin))
            }));
        Ok(())
    }
}

impl HogDetector {
    /// The surest window of each person, into `self.kept`. Returns how many the cap left out.
    fn keep_one_a_person(&mut self) -> usize {
        let threshold = self.settings.score as f32;
        let overlap = self.settings.overlap as f32;
        self.windows.sort_by(surest_first);
        self.kept.clear();
        let mut lost = 0;
        for window in self
            .windows
            .iter()
            .take_while(|window| window.score > threshold)
        {
            let person = person_in(window);
            let known = self.kept.iter().map(person_in).any(|other| {
                person.iou(&other) > overlap || contained(&person, &other) > SAME_PERSON
            });
            if known {
                continue;
            }
            if self.kept.len() == MAX_BOXES {
                lost += 1;
            } else {
                self.kept.push(*window);
            }
        }
        lost
    }
}

impl Detector for HogDetector {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn detect(
        &mut self,
        frame: &YuvView<'_>,
        out: &mut Vec<Detection>,
    ) -> Result<Report, InferenceError> {
        out.clear();
        let begin = Instant::now();
        frame.check()?;
        let laid = self.scale(frame)?;
        let prepared = Instant::now();
        self.search()?;
        let inferred = Instant::now();
        let lost = self.keep_one_a_person();
        for window in &self.kept {
            let person = person_in(&fuse(window, &self.windows));
            let edges = [person.left, person.top, person.right, person.bottom];
            let [left, top, right, bottom] = edges.map(f64::from);
            let bbox = laid.box_in_image(left, top, right, bottom);
            out.push(Detection::new(bbox, f64::from(window.score)));
        }
        Ok(Report {
            prepare: prepared - begin,
            infer: inferred - prepared,
            decode: inferred.elapsed(),
            input: laid.resized,
            lost,
        })
    }
}

fn refuse(doing: &'static str) -> impl Fn(opencv::Error) -> InferenceError {
    move |error| InferenceError::OpenCv {
        doing,
        message: error.message,
    }
}

/// A classifier's margin as a score of 0 to 1.
fn score_of(margin: f64) -> f32 {
    (1.0 / (1.0 + libm::exp((HALF_MARGIN - margin) / MARGIN_SPREAD))) as f32
}

/// By score downwards, then by place: a total order, so that threads inside OpenCV, which finish in
/// any order, can't change the last bit of a sum.
fn surest_first(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.score
        .total_cmp(&a.score)
        .then(a.left.total_cmp(&b.left))
        .then(a.top.total_cmp(&b.top))
        .then(a.right.total_cmp(&b.right))
}

/// The area shared, as a share of the smaller one's, 0 to 1.
fn contained(a: &Candidate, b: &Candidate) -> f32 {
    let area = |c: &Candidate| (c.right - c.left).max(0.0) * (c.bottom - c.top).max(0.0);
    let width = a.right.min(b.right) - a.left.max(b.left);
    let height = a.bottom.min(b.bottom) - a.top.max(b.top);
    let smaller = area(a).min(area(b));
    if smaller > 0.0 {
        width.max(0.0) * height.max(0.0) / smaller
    } else {
        0.0
    }
}

/// The mean of the windows that agree with `surest`, weighted by their scores.
fn fuse(surest: &Candidate, windows: &[Candidate]) -> Candidate {
    let mut sum = [0.0_f32; 4];
    let mut weight = 0.0_f32;
    for window in windows
        .iter()
        .filter(|window| window.iou(surest) >= FUSE_OVERLAP)
    {
        let edges = [window.left, window.top, window.right, window.bottom];
        for (total, edge) in sum.iter_mut().zip(edges) {
            *total += edge * window.score;
        }
        weight += window.score;
    }
    if weight <= 0.0 {
        return *surest;
    }
    let [left, top, right, bottom] = sum.map(|total| total / weight);
    Candidate::new(left, top, right, bottom, surest.score)
}

/// The person inside a window.
fn person_in(window: &Candidate) -> Candidate {
    let (width, height) = (window.right - window.left, window.bottom - window.top);
    Candidate::new(
        window.left + PERSON[0] * width,
        window.top + PERSON[1] * height,
        window.left + PERSON[2] * width,
        window.top + PERSON[3] * height,
        window.score,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::BoxInImage;
    use crate::inference::YuvPicture;

    fn window(left: f32, top: f32, height: f32, score: f32) -> Candidate {
        Candidate::new(left, top, left + height / 2.0, top + height, score)
    }

    fn detector(score: f64) -> HogDetector {
        let settings = HogSettings {
            long_side: 640,
            source: None,
            score,
            overlap: 0.4,
            threads: 1,
        };
        HogDetector::open("hog", settings).unwrap()
    }

    #[track_caller]
    fn check(windows: &[Candidate], expect: &[f32]) {
        let mut detector = detector(0.3);
        detector.windows = windows.to_vec();
        assert_eq!(detector.keep_one_a_person(), 0);
        let kept: Vec<f32> = detector.kept.iter().map(|window| window.score).collect();
        assert_eq!(kept, expect);
    }

    #[test]
    fn one_window_stays_for_each_person() {
        let man = window(100.0, 50.0, 200.0, 0.9);
        check(&[], &[]);
        check(&[man, window(105.0, 52.0, 200.0, 0.8)], &[0.9]);
        check(&[window(105.0, 52.0, 200.0, 0.8), man], &[0.9]);
        check(&[man, window(125.0, 150.0, 96.0, 0.8)], &[0.9]);
        check(&[man, window(300.0, 50.0, 200.0, 0.8)], &[0.9, 0.8]);
        check(&[window(0.0, 0.0, 200.0, 0.2)], &[]);
    }

    #[test]
    fn agreeing_windows_are_averaged() {
        let windows = [
            window(100.0, 50.0, 200.0, 0.8),
            window(104.0, 50.0, 200.0, 0.8),
        ];
        let fused = fuse(&windows[0], &windows);
        assert!((fused.left - 102.0).abs() < 1e-3 && (fused.top - 50.0).abs() < 1e-3);
        let apart = [windows[0], window(180.0, 50.0, 200.0, 0.8)];
        assert!((fuse(&apart[0], &apart).left - 100.0).abs() < 1e-3);
    }

    /// A dark figure on a light ground: head, body, two legs, softened at the edges.
    fn figure(width: usize, height: usize, middle: f32, top: f32, tall: f32) -> YuvPicture {
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let x = ((i % width) as f32 - middle) / tall;
                let y = ((i / width) as f32 - top) / tall;
                let inside = |cx: f32, cy: f32, rx: f32, ry: f32| {
                    ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
                };
                let person = inside(0.0, 0.07, 0.06, 0.075)
                    || inside(0.0, 0.33, 0.115, 0.21)
                    || inside(-0.055, 0.73, 0.052, 0.27)
                    || inside(0.055, 0.73, 0.052, 0.27);
                [if person { 40 } else { 190 }; 3]
            })
            .collect();
        YuvPicture::from_rgb(width, height, &rgb).unwrap()
    }

    #[test]
    fn a_drawn_figure_is_found_where_it_stands() {
        let mut detector = detector(0.3);
        let mut found = Vec::new();
        for tall in [100.0, 160.0, 240.0] {
            let picture = figure(640, 360, 300.0, 60.0, tall);
            let report = detector.detect(&picture.view(), &mut found).unwrap();
            assert_eq!(report.input, (640, 360));
            let best = found
                .first()
                .unwrap_or_else(|| panic!("{tall} px is not seen"))
                .bbox;
            let tall = f64::from(tall);
            let middle =
                BoxInImage::new(300.0 - 0.13 * tall, 60.0, 300.0 + 0.13 * tall, 60.0 + tall);
            assert!(best.iou(&middle) > 0.45, "{best:?} for {middle:?}");
            assert!(found.len() == 1, "one figure, {found:?}");
            let mut again = Vec::new();
            detector.detect(&picture.view(), &mut again).unwrap();
            assert_eq!(found, again);
        }
    }

    #[test]
    fn a_picture_too_small_for_anyone_is_empty() {
        let mut small = detector(0.3);
        small.settings.long_side = 30;
        let mut found = Vec::new();
        small
            .detect(&figure(30, 20, 15.0, 2.0, 15.0).view(), &mut found)
            .unwrap();
        assert!(found.is_empty());
    }
}
