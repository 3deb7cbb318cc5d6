//! The inner loops of [`super::Preparer`]: every frame's pixels pass through here.
//!
//! Written as plain loops over slices of equal length, which the compiler turns into vector code;
//! on x86-64 the same code is compiled a second time for AVX2 and chosen at run time. Both give the
//! same bits: sums are integers, and f32 operations are never fused.

use super::axis::{Axis, UNIT};
use super::{Colour, Matrix, Normalise, Range, YuvView};

/// Two blends of weight [`UNIT`] each leave sums this much too large.
const SUM_SCALE: f32 = 1.0 / (UNIT as f32 * UNIT as f32);

/// Chroma levels lie around this one.
const CHROMA_MIDDLE: f32 = 128.0;

/// One frame's work.
pub struct Job<'a> {
    pub frame: &'a YuvView<'a>,
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub chroma_left: usize,
    pub chroma_top: usize,
    pub chroma_width: usize,
    pub luma: (&'a Axis, &'a Axis),
    pub chroma: (&'a Axis, &'a Axis),
    pub offset: (usize, usize),
    pub input: (usize, usize),
    pub resized: (usize, usize),
    pub coefficients: &'a Coefficients,
}

/// Rows in work; made once for a geometry.
#[derive(Debug)]
pub struct Scratch {
    /// A vertically blended row of source samples.
    sums: Vec<u16>,
    /// A luma row of the output, brought to 0..255.
    luma: Vec<f32>,
    /// Both chroma rows at half resolution.
    blue: Vec<f32>,
    red: Vec<f32>,
    /// What chroma adds to each channel, at full resolution (rounded up to even).
    adds: [Vec<f32>; 3],
}

/// How levels become colours, and colours the network's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    luma_scale: f32,
    luma_shift: f32,
    /// Red from red difference, green from both, blue from blue difference.
    red_from_v: f32,
    green_from_u: f32,
    green_from_v: f32,
    blue_from_u: f32,
    /// For red, green, blue: the tensor's plane, and scale and shift of the normalisation.
    channels: [(usize, f32, f32); 3],
}

impl Coefficients {
    /// From the standards' luma weights (ITU-R BT.601-7, BT.709-6) and the model's normalisation.
    pub fn new(range: Range, matrix: Matrix, normalise: &Normalise) -> Self {
        let (red, blue) = match matrix {
            Matrix::Bt601 => (0.299_f32, 0.114_f32),
            Matrix::Bt709 => (0.2126_f32, 0.0722_f32),
        };
        let green = 1.0 - red - blue;
        let (luma_scale, luma_shift, chroma) = match range {
            Range::Full => (1.0, 0.0, 1.0),
            Range::Limited => (255.0 / 219.0, -16.0 * 255.0 / 219.0, 255.0 / 224.0),
        };
        let plane_of = |channel: usize| match normalise.colour {
            Colour::Rgb => channel,
            Colour::Bgr => 2 - channel,
        };
        let channels = [0, 1, 2].map(|channel| {
            let plane = plane_of(channel);
            let (scale, shift) = normalise.of(plane);
            (plane, scale, shift)
        });
        Self {
            luma_scale: luma_scale * SUM_SCALE,
            luma_shift,
            red_from_v: 2.0 * (1.0 - red) * chroma,
            green_from_u: -2.0 * blue * (1.0 - blue) / green * chroma,
            green_from_v: -2.0 * red * (1.0 - red) / green * chroma,
            blue_from_u: 2.0 * (1.0 - blue) * chroma,
            channels,
        }
    }
}

impl Scratch {
    pub fn new(source_width: usize, resized_width: usize) -> Self {
        let half = resized_width.div_ceil(2);
        Self {
            sums: vec![0; source_width.max(2)],
            luma: vec![0.0; resized_width],
            blue: vec![0.0; half],
            red: vec![0.0; half],
            adds: [0, 1, 2].map(|_| vec![0.0; 2 * half]),
        }
    }
}

/// Fills the part of `tensor` that the picture covers.
pub fn run(job: &Job<'_>, scratch: &mut Scratch, tensor: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just asked whether it has AVX2, which is all the function needs.
        #[allow(unsafe_code)]
        unsafe {
            run_avx2(job, scratch, tensor);
        }
        return;
    }
    run_anywhere(job, scratch, tensor);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2(job: &Job<'_>, scratch: &mut Scratch, tensor: &mut [f32]) {
    run_anywhere(job, scratch, tensor);
}

#[inline(always)]
pub fn run_anywhere(job: &Job<'_>, scratch: &mut Scratch, tensor: &mut [f32]) {
    for row in 0..job.resized.1 {
        if row % 2 == 0 {
            chroma_row(job, scratch, row / 2);
        }
        luma_row(job, scratch, row);
        colour_row(job, scratch, row, tensor);
    }
}

/// Luma of one output row, into `scratch.luma` in 0..255.
#[inline(always)]
fn luma_row(job: &Job<'_>, scratch: &mut Scratch, row: usize) {
    let (start, weights) = job.luma.1.taps_of(row);
    let sums = &mut scratch.sums[..job.width];
    let frame = job.frame;
    blend_rows(
        |tap| {
            YuvView::row(
                frame.y,
                frame.y_stride,
                job.top + start + tap,
                job.left,
                job.width,
            )
        },
        weights,
        sums,
    );
    blend_columns(job.luma.0, sums, &mut scratch.luma);
    let (scale, shift) = (job.coefficients.luma_scale, job.coefficients.luma_shift);
    for value in &mut scratch.luma {
        *value = *value * scale + shift;
    }
}

/// What chroma adds to the channels in output rows `2 * row` and the next.
#[inline(always)]
fn chroma_row(job: &Job<'_>, scratch: &mut Scratch, row: usize) {
    let (start, weights) = job.chroma.1.taps_of(row);
    let frame = job.frame;
    let sums = &mut scratch.sums[..job.chroma_width];
    for (plane, out) in [(frame.u, &mut scratch.blue), (frame.v, &mut scratch.red)] {
        blend_rows(
            |tap| {
                let row = job.chroma_top + start + tap;
                YuvView::row(
                    plane,
                    frame.uv_stride,
                    row,
                    job.chroma_left,
                    job.chroma_width,
                )
            },
            weights,
            sums,
        );
        blend_columns(job.chroma.0, sums, out);
    }
    let c = job.coefficients;
    let [to_red, to_green, to_blue] = &mut scratch.adds;
    let pairs = to_red
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .zip(to_green.as_chunks_mut::<2>().0)
        .zip(to_blue.as_chunks_mut::<2>().0);
    for (((red_add, green_add), blue_add), (&u, &v)) in
        pairs.zip(scratch.blue.iter().zip(&scratch.red))
    {
        let u = u * SUM_SCALE - CHROMA_MIDDLE;
        let v = v * SUM_SCALE - CHROMA_MIDDLE;
        *red_add = [v * c.red_from_v; 2];
        *green_add = [u * c.green_from_u + v * c.green_from_v; 2];
        *blue_add = [u * c.blue_from_u; 2];
    }
}

/// Colours of one output row into the tensor's three planes.
#[inline(always)]
fn colour_row(job: &Job<'_>, scratch: &Scratch, row: usize, tensor: &mut [f32]) {
    let width = job.resized.0;
    let plane_size = job.input.0 * job.input.1;
    let first = (job.offset.1 + row) * job.input.0 + job.offset.0;
    let luma = &scratch.luma[..width];
    for (adds, &(plane, scale, shift)) in scratch.adds.iter().zip(&job.coefficients.channels) {
        let out = &mut tensor[plane * plane_size + first..][..width];
        for ((out, &luma), &add) in out.iter_mut().zip(luma).zip(&adds[..width]) {
            *out = (luma + add).clamp(0.0, 255.0) * scale + shift;
        }
    }
}

/// `sums[x] = sum of weight * row[x]` over the taps; fits 16 bits as weights add up to [`UNIT`].
#[inline(always)]
fn blend_rows<'a>(row: impl Fn(usize) -> &'a [u8], weights: &[u16], sums: &mut [u16]) {
    if let &[first, second] = weights {
        let (above, below) = (row(0), row(1));
        for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
            *sum = u16::from(a)
                .wrapping_mul(first)
                .wrapping_add(u16::from(b).wrapping_mul(second));
        }
        return;
    }
    sums.fill(0);
    for (tap, &weight) in weights.iter().enumerate() {
        if weight == 0 {
            continue;
        }
        for (sum, &value) in sums.iter_mut().zip(row(tap)) {
            *sum = sum.wrapping_add(u16::from(value).wrapping_mul(weight));
        }
    }
}

/// `out[i] = sum of weight * sums[...]` over the taps of column `i`; below 2^24, exact in f32.
#[inline(always)]
fn blend_columns(columns: &Axis, sums: &[u16], out: &mut [f32]) {
    if columns.taps == 2 {
        let pairs = columns.weights.as_chunks::<2>().0;
        for ((out, &start), &[first, second]) in out.iter_mut().zip(&columns.start).zip(pairs) {
            let at = start as usize;
            let pair = &sums[at..at + 2];
            let sum =
                u32::from(pair[0]) * u32::from(first) + u32::from(pair[1]) * u32::from(second);
            *out = sum as i32 as f32;
        }
        return;
    }
    let weights = columns.weights.chunks_exact(columns.taps.max(1));
    for ((out, &start), weights) in out.iter_mut().zip(&columns.start).zip(weights) {
        let samples = &sums[start as usize..][..weights.len()];
        let sum: u32 = samples
            .iter()
            .zip(weights)
            .map(|(&sample, &weight)| u32::from(sample) * u32::from(weight))
            .sum();
        *out = sum as i32 as f32;
    }
}
