//! The kernel against a slow reference that samples each output pixel on its own.

use super::*;
use crate::detection::{Placement, SourceRect};
use proptest::prelude::*;

struct Planes {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Planes {
    /// Smooth slopes with a little texture, odd strides: the rows are longer than the picture.
    fn new(width: usize, height: usize, seed: usize) -> Self {
        let plane = |stride: usize, rows: usize, salt: usize| {
            (0..stride * rows)
                .map(|i| {
                    let (x, y) = (i % stride, i / stride);
                    ((x * 2 + y * 3 + salt * 41 + (x * y + seed) % 13) % 256) as u8
                })
                .collect()
        };
        let (across, down) = (width.div_ceil(2), height.div_ceil(2));
        Self {
            width,
            height,
            y: plane(width + 3, height, 0),
            u: plane(across + 1, down, 1),
            v: plane(across + 1, down, 2),
        }
    }

    fn view(&self, range: Range, matrix: Matrix) -> YuvView<'_> {
        YuvView {
            width: self.width,
            height: self.height,
            y: &self.y,
            u: &self.u,
            v: &self.v,
            y_stride: self.width + 3,
            uv_stride: self.width.div_ceil(2) + 1,
            range,
            matrix,
        }
    }
}

fn plain(colour: Colour) -> Normalise {
    Normalise::new(colour, [0.0; 3], [1.0; 3])
}

/// The mean of a plane over a source span, or its interpolation: in f64, pixel by pixel.
fn sample(plane: &[u8], stride: usize, x: (f64, f64), y: (f64, f64), size: (usize, usize)) -> f64 {
    let axis = |(low, high): (f64, f64), length: usize| -> Vec<(usize, f64)> {
        let step = high - low;
        let last = length - 1;
        if step < 2.0 {
            let centre = (0.5 * (low + high) - 0.5).clamp(0.0, last as f64);
            let first = centre.floor() as usize;
            let share = centre - first as f64;
            return vec![(first, 1.0 - share), ((first + 1).min(last), share)];
        }
        let high = high.min(length as f64);
        (low.floor() as usize..=last)
            .map(|i| {
                (
                    i,
                    (high.min(i as f64 + 1.0) - low.max(i as f64)).max(0.0) / (high - low),
                )
            })
            .collect()
    };
    let columns = axis(x, size.0);
    let mut sum = 0.0;
    for (row, down) in axis(y, size.1) {
        for &(column, across) in &columns {
            sum += f64::from(plane[row * stride + column]) * across * down;
        }
    }
    sum
}

/// Red, green and blue of one resized pixel, by the definition.
fn reference(frame: &YuvView<'_>, laid: &Letterbox, x: usize, y: usize) -> [f64; 3] {
    let (across, down) = laid.source_per_input();
    let source = laid.source;
    let span = |index: usize, step: f64, origin: f64| {
        (
            origin + index as f64 * step,
            origin + (index + 1) as f64 * step,
        )
    };
    let (left, top) = (source.left as usize, source.top as usize);
    let luma = sample(
        &frame.y[top * frame.y_stride + left..],
        frame.y_stride,
        span(x, across, 0.0),
        span(y, down, 0.0),
        (source.width as usize, source.height as usize),
    );
    let chroma = |plane: &[u8]| {
        let size = (
            chroma_span(source.left, source.width),
            chroma_span(source.top, source.height),
        );
        sample(
            &plane[top / 2 * frame.uv_stride + left / 2..],
            frame.uv_stride,
            span(x / 2, across, (left % 2) as f64 * 0.5),
            span(y / 2, down, (top % 2) as f64 * 0.5),
            size,
        ) - 128.0
    };
    let (u, v) = (chroma(frame.u), chroma(frame.v));
    let (luma, u, v) = match frame.range {
        Range::Full => (luma, u, v),
        Range::Limited => (
            (luma - 16.0) * 255.0 / 219.0,
            u * 255.0 / 224.0,
            v * 255.0 / 224.0,
        ),
    };
    let rgb = match frame.matrix {
        Matrix::Bt601 => [
            luma + 1.402 * v,
            luma - 0.344_136 * u - 0.714_136 * v,
            luma + 1.772 * u,
        ],
        Matrix::Bt709 => [
            luma + 1.5748 * v,
            luma - 0.187_324 * u - 0.468_124 * v,
            luma + 1.8556 * u,
        ],
    };
    rgb.map(|value| value.clamp(0.0, 255.0))
}

/// Weights are quantised to 1/256 on both axes, so levels may be off by about 2 of 255.
const TOLERANCE: f64 = 2.5;

#[track_caller]
fn check(frame: &YuvView<'_>, laid: &Letterbox, colour: Colour) {
    let mut tensor = vec![-1.0_f32; Preparer::elements(laid.input)];
    let mut preparer = Preparer::new(plain(colour), 114);
    preparer.fill(frame, laid, true, &mut tensor).unwrap();
    let (width, height) = (laid.input.0 as usize, laid.input.1 as usize);
    for y in 0..height {
        for x in 0..width {
            let inside = |value: usize, offset: u32, size: u32| {
                value
                    .checked_sub(offset as usize)
                    .filter(|&v| v < size as usize)
            };
            let place = inside(x, laid.offset.0, laid.resized.0).zip(inside(
                y,
                laid.offset.1,
                laid.resized.1,
            ));
            let expect = match place {
                Some((x, y)) => reference(frame, laid, x, y),
                None => [114.0; 3],
            };
            for (channel, expect) in expect.into_iter().enumerate() {
                let plane = if colour == Colour::Rgb {
                    channel
                } else {
                    2 - channel
                };
                let found = f64::from(tensor[(plane * height + y) * width + x]);
                let off = (found - expect).abs();
                assert!(
                    off < TOLERANCE,
                    "({x}, {y})[{channel}]: {found} not {expect}, {laid:?}"
                );
            }
        }
    }
}

#[test]
fn pixels_are_the_reference_for_every_geometry() {
    let planes = Planes::new(75, 43, 5);
    let whole = SourceRect::whole(75, 43);
    let part = SourceRect {
        left: 11,
        top: 7,
        width: 40,
        height: 30,
    };
    for source in [whole, part] {
        for input in [(64, 64), (40, 32), (96, 64), (16, 24), (200, 90)] {
            for placement in [Placement::TopLeft, Placement::Centre, Placement::Stretch] {
                let laid = Letterbox::new(source, input, placement);
                check(
                    &planes.view(Range::Limited, Matrix::Bt601),
                    &laid,
                    Colour::Bgr,
                );
                check(&planes.view(Range::Full, Matrix::Bt709), &laid, Colour::Rgb);
            }
        }
    }
}

#[test]
fn tiny_pictures_are_no_trouble() {
    for size in [(1, 1), (2, 1), (1, 2), (3, 3)] {
        let planes = Planes::new(size.0, size.1, 1);
        let laid = Letterbox::new(
            SourceRect::whole(size.0 as u32, size.1 as u32),
            (8, 8),
            Placement::TopLeft,
        );
        check(&planes.view(Range::Full, Matrix::Bt601), &laid, Colour::Rgb);
    }
}

#[test]
fn grey_stays_grey_and_is_normalised() {
    let planes = Planes {
        width: 8,
        height: 8,
        y: vec![110; 88],
        u: vec![128; 20],
        v: vec![128; 20],
    };
    let laid = Letterbox::new(SourceRect::whole(8, 8), (4, 4), Placement::TopLeft);
    let normalise = Normalise::new(Colour::Rgb, [100.0, 110.0, 120.0], [10.0, 1.0, 2.0]);
    let mut tensor = vec![0.0; 48];
    Preparer::new(normalise, 0)
        .fill(
            &planes.view(Range::Full, Matrix::Bt601),
            &laid,
            true,
            &mut tensor,
        )
        .unwrap();
    for (channel, expect) in [1.0, 0.0, -5.0].into_iter().enumerate() {
        for value in &tensor[channel * 16..(channel + 1) * 16] {
            assert!((value - expect).abs() < 1e-4, "{value} not {expect}");
        }
    }
}

#[test]
fn a_part_outside_the_picture_is_refused() {
    let planes = Planes::new(20, 20, 1);
    let source = SourceRect {
        left: 10,
        top: 0,
        width: 11,
        height: 5,
    };
    let laid = Letterbox::new(source, (8, 8), Placement::TopLeft);
    let frame = planes.view(Range::Full, Matrix::Bt601);
    let mut preparer = Preparer::new(plain(Colour::Rgb), 0);
    let refused = preparer
        .fill(&frame, &laid, true, &mut [0.0; 192])
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("outside the picture of 20 x 20"),
        "{refused}"
    );
    let laid = Letterbox::new(SourceRect::whole(20, 20), (8, 8), Placement::TopLeft);
    assert!(preparer.fill(&frame, &laid, true, &mut [0.0; 191]).is_err());
}

proptest! {
    /// The code for any processor and the code chosen for this one give the same bits.
    #[test]
    fn vector_code_gives_the_same_bits(
        width in 1_usize..120, height in 1_usize..90, seed in 0_usize..1000,
        input in (1_u32..100, 1_u32..100),
    ) {
        let planes = Planes::new(width, height, seed);
        let frame = planes.view(Range::Limited, Matrix::Bt709);
        let source = SourceRect::whole(width as u32, height as u32);
        let laid = Letterbox::new(source, input, Placement::Centre);
        let normalise = Normalise::new(Colour::Bgr, [103.5, 116.3, 123.7], [57.4, 57.1, 58.4]);
        let mut chosen = vec![0.0; Preparer::elements(input)];
        let mut preparer = Preparer::new(normalise.clone(), 114);
        preparer.fill(&frame, &laid, true, &mut chosen).unwrap();
        let mut anywhere = chosen.clone();
        let mut plan = Plan::new(laid, &frame);
        let coefficients = Coefficients::new(frame.range, frame.matrix, &normalise);
        plan.run_with(&frame, &coefficients, &mut anywhere, kernel::run_anywhere);
        let bits = |tensor: &[f32]| tensor.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&chosen), bits(&anywhere));
    }
}
