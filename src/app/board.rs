//! A lens from pictures of a checkerboard: focal length, optical centre and distortion.
//!
//! Theory: each picture that shows the whole board says where its inner corners are, to a tenth of a
//! pixel; OpenCV's solver finds the one lens and the poses of the board that put them there (Zhang,
//! "A flexible new technique for camera calibration", PAMI 2000). Pictures that look like one already
//! kept say nothing new and are passed over; a picture that the others contradict (moved while it
//! was taken, a bent board) is left out. Pixels are square.
//!
//! It does not find ChArUco boards: OpenCV has them among its main modules from version 4.7 on, and
//! the versions that distributions carry are older. It needs the feature `opencv`.

use std::fmt;
use std::str::FromStr;

use opencv::calib3d;
use opencv::core::{Mat, Point2f, Point3f, Size, TermCriteria, Vector};
use opencv::prelude::*;
use thiserror::Error;

use crate::detection::PointInImage;
use crate::floor::Lens;

/// Fewer views than this leave the lens open.
pub const LEAST_VIEWS: usize = 6;
/// More say nothing new, and the solver's time grows with their square.
const MOST_VIEWS: usize = 40;
/// A view is new if its corners lie this far from those of each other view, on average, as a share
/// of the picture's diagonal.
const NEW_SHARE: f64 = 0.04;
/// A view is left out if its corners fit worse than this many times the median view's...
const ODD_TIMES: f64 = 2.5;
/// ... and worse than this, px.
const ODD_PX: f64 = 0.3;
/// OpenCV's corners are told from the middle of the first pixel, ours from its corner, px.
const HALF_PX: f64 = 0.5;
/// Parts of the picture that corners should have been in: columns, rows.
pub const PARTS: (usize, usize) = (6, 4);
/// Steps of the solver, and the change that ends it.
const STEPS: i32 = 100;
const STEP_END: f64 = 1e-9;

/// A checkerboard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Board {
    /// Squares along one side (not corners).
    pub columns: u32,
    /// Squares along the other.
    pub rows: u32,
    /// Side of a square, m.
    pub square_m: f64,
}

/// What went wrong.
#[derive(Debug, Error)]
pub enum BoardError {
    /// OpenCV refused.
    #[error("OpenCV cannot {doing}: {message}")]
    OpenCv {
        /// What it was asked.
        doing: &'static str,
        /// What it said.
        message: String,
    },
    /// Too few pictures show the board.
    #[error(
        "{found} of {looked} pictures looked at show a whole board of {board} squares, {kept} of them \
         from different places, and {LEAST_VIEWS} are the least: hold the board still here and there \
         in the picture, near and far, tilted to all sides, and count squares, not corners"
    )]
    FewViews {
        /// The board looked for.
        board: Board,
        /// Pictures looked at.
        looked: usize,
        /// Those that show it.
        found: usize,
        /// Those that differ.
        kept: usize,
    },
    /// The numbers make no lens.
    #[error("these views make no lens: was it one camera, with the same zoom all the time?")]
    NoLens,
}

/// A lens that was measured.
#[derive(Debug, Clone)]
pub struct BoardLens {
    /// The lens.
    pub lens: Lens,
    /// Root mean square of the distances between corners and lens, px.
    pub residual_px: f64,
    /// Standard deviation of the focal length, px.
    pub focal_sd_px: f64,
    /// ... of the optical centre, px.
    pub centre_sd_px: [f64; 2],
    /// ... of the radial terms k1 and k2.
    pub radial_sd: [f64; 2],
    /// Views used, and views that the others contradict.
    pub views: usize,
    /// See `views`.
    pub left_out: usize,
    /// Share of the picture's parts that some corner was in.
    pub covered: f64,
}

/// Views of a board, as they come.
#[derive(Debug, Clone)]
pub struct BoardViews {
    board: Board,
    size_px: (u32, u32),
    /// Pictures looked at.
    pub looked: usize,
    /// Those that show the whole board.
    pub found: usize,
    kept: Vec<Vec<PointInImage>>,
}

impl Board {
    fn corners(&self) -> Size {
        Size::new(self.columns as i32 - 1, self.rows as i32 - 1)
    }

    fn points(&self) -> Vector<Point3f> {
        let Size { width, height } = self.corners();
        let side = self.square_m as f32;
        let row = |j: i32| (0..width).map(move |i| (i, j));
        (0..height)
            .flat_map(row)
            .map(|(i, j)| Point3f::new(i as f32 * side, j as f32 * side, 0.0))
            .collect()
    }
}

impl fmt::Display for Board {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}", self.columns, self.rows)
    }
}

/// Squares of a board, written as `10x7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Squares(pub u32, pub u32);

impl FromStr for Squares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x');
        let sides = sides.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        // Three corners a side are the least that OpenCV looks for.
        let sound = sides.filter(|(a, b)| (4..=100).contains(a) && (4..=100).contains(b));
        sound.map(|(a, b)| Self(a, b)).ok_or_else(|| {
            "give the squares (not the corners) along both sides, 4 to 100 each, like 10x7"
                .to_owned()
        })
    }
}

impl BoardViews {
    /// Looks for this board in pictures of this size.
    pub fn new(board: Board, size_px: (u32, u32)) -> Self {
        Self {
            board,
            size_px,
            looked: 0,
            found: 0,
            kept: Vec::new(),
        }
    }

    /// Views kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Whether another view would be of use.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= MOST_VIEWS
    }

    /// Looks at a picture's luma, `stride` bytes a row; whether the view is kept.
    pub fn look(&mut self, luma: &[u8], stride: usize) -> Result<bool, BoardError> {
        self.looked += 1;
        let Some(corners) = self.corners_in(luma, stride, self.board.corners())? else {
            return Ok(false);
        };
        self.found += 1;
        let diagonal = f64::from(self.size_px.0).hypot(f64::from(self.size_px.1));
        let is_new = self.kept.iter().all(|kept| {
            let apart: f64 = kept.iter().zip(&corners).map(|(a, b)| a.distance(*b)).sum();
            apart / corners.len() as f64 > NEW_SHARE * diagonal
        });
        if is_new && !self.is_full() {
            self.kept.push(corners);
        }
        Ok(is_new)
    }

    /// Whether the picture shows a board with one square more each way: who counted corners did.
    pub fn shows_larger(&self, luma: &[u8], stride: usize) -> Result<bool, BoardError> {
        let Size { width, height } = self.board.corners();
        let larger = Size::new(width + 1, height + 1);
        Ok(self.corners_in(luma, stride, larger)?.is_some())
    }

    fn corners_in(
        &self,
        luma: &[u8],
        stride: usize,
        size: Size,
    ) -> Result<Option<Vec<PointInImage>>, BoardError> {
        let doing = refused("look for the board");
        let (width, height) = (self.size_px.0 as usize, self.size_px.1 as usize);
        let rows: Vec<u8> = luma
            .chunks(stride.max(1))
            .take(height)
            .flat_map(|row| &row[..width.min(row.len())])
            .copied()
            .collect();
        let plane = Mat::new_rows_cols_with_data(height as i32, width as i32, &rows);
        let plane = plane.map_err(&doing)?;
        let mut found = Vector::<Point2f>::new();
        let flags = calib3d::CALIB_CB_NORMALIZE_IMAGE | calib3d::CALIB_CB_ACCURACY;
        let is_there = calib3d::find_chessboard_corners_sb(&plane, size, &mut found, flags);
        let is_whole = is_there.map_err(&doing)? && found.len() as i32 == size.width * size.height;
        let point = |p: Point2f| PointInImage {
            x: f64::from(p.x) + HALF_PX,
            y: f64::from(p.y) + HALF_PX,
        };
        Ok(is_whole.then(|| found.iter().map(point).collect()))
    }

    /// The lens that all views agree on.
    pub fn solve(&self) -> Result<BoardLens, BoardError> {
        if self.kept.len() < LEAST_VIEWS {
            return Err(BoardError::FewViews {
                board: self.board,
                looked: self.looked,
                found: self.found,
                kept: self.kept.len(),
            });
        }
        let all: Vec<&Vec<PointInImage>> = self.kept.iter().collect();
        let (first, errors) = self.solved(&all)?;
        let mut sorted = errors.clone();
        sorted.sort_by(f64::total_cmp);
        let most = (ODD_TIMES * sorted[sorted.len() / 2]).max(ODD_PX);
        let good: Vec<&Vec<PointInImage>> = all
            .iter()
            .zip(&errors)
            .filter(|(_, error)| **error <= most)
            .map(|(view, _)| *view)
            .collect();
        if good.len() == all.len() || good.len() < LEAST_VIEWS {
            return Ok(first);
        }
        let (mut lens, _) = self.solved(&good)?;
        lens.left_out = all.len() - good.len();
        Ok(lens)
    }

    /// The lens, and each view's residual, px.
    fn solved(&self, views: &[&Vec<PointInImage>]) -> Result<(BoardLens, Vec<f64>), BoardError> {
        let doing = refused("solve for the lens");
        let objects: Vector<Vector<Point3f>> = views.iter().map(|_| self.board.points()).collect();
        let corner = |p: &PointInImage| Point2f::new(p.x as f32, p.y as f32);
        let images: Vector<Vector<Point2f>> = views
            .iter()
            .map(|view| view.iter().map(corner).collect())
            .collect();
        let eye = Mat::eye(3, 3, opencv::core::CV_64F).map_err(&doing)?;
        let mut camera = eye.to_mat().map_err(&doing)?;
        let (mut terms, mut spread) = (Mat::default(), Mat::default());
        let (mut turns, mut shifts) = (Vector::<Mat>::new(), Vector::<Mat>::new());
        let (mut poses, mut errors) = (Mat::default(), Mat::default());
        let residual_px = calib3d::calibrate_camera_extended(
            &objects,
            &images,
            Size::new(self.size_px.0 as i32, self.size_px.1 as i32),
            &mut camera,
            &mut terms,
            &mut turns,
            &mut shifts,
            &mut spread,
            &mut poses,
            &mut errors,
            calib3d::CALIB_FIX_ASPECT_RATIO | calib3d::CALIB_FIX_K3,
            TermCriteria {
                typ: opencv::core::TermCriteria_COUNT + opencv::core::TermCriteria_EPS,
                max_count: STEPS,
                epsilon: STEP_END,
            },
        )
        .map_err(&doing)?;
        let camera = camera.data_typed::<f64>().map_err(&doing)?;
        let terms = terms.data_typed::<f64>().map_err(&doing)?;
        let spread = spread.data_typed::<f64>().map_err(&doing)?;
        let errors = errors.data_typed::<f64>().map_err(&doing)?.to_vec();
        let ([f, _, cx, ..], [k1, k2, p1, p2, ..]) = (camera, terms) else {
            return Err(BoardError::NoLens);
        };
        let [fx, fy, x, y, sd_k1, sd_k2, ..] = spread else {
            return Err(BoardError::NoLens);
        };
        let centre = PointInImage {
            x: *cx,
            y: camera.get(5).copied().unwrap_or(f64::NAN),
        };
        let lens = Lens {
            radial: [*k1, *k2, 0.0],
            tangential: [*p1, *p2],
            ..Lens::pinhole(*f, centre)
        };
        if !lens.is_sound() || !residual_px.is_finite() {
            return Err(BoardError::NoLens);
        }
        let found = BoardLens {
            lens,
            residual_px,
            // The solver moves one of them, the other follows.
            focal_sd_px: fx.max(*fy),
            centre_sd_px: [*x, *y],
            radial_sd: [*sd_k1, *sd_k2],
            views: views.len(),
            left_out: 0,
            covered: self.covered(views),
        };
        Ok((found, errors))
    }

    fn covered(&self, views: &[&Vec<PointInImage>]) -> f64 {
        let mut parts = vec![false; PARTS.0 * PARTS.1];
        let part = |v: f64, size: u32, parts: usize| {
            ((v / f64::from(size) * parts as f64).max(0.0) as usize).min(parts - 1)
        };
        for p in views.iter().flat_map(|view| view.iter()) {
            let column = part(p.x, self.size_px.0, PARTS.0);
            parts[part(p.y, self.size_px.1, PARTS.1) * PARTS.0 + column] = true;
        }
        parts.iter().filter(|seen| **seen).count() as f64 / parts.len() as f64
    }
}

fn refused(doing: &'static str) -> impl Fn(opencv::Error) -> BoardError {
    move |error| BoardError::OpenCv {
        doing,
        message: error.message,
    }
}
