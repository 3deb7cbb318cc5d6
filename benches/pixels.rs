//! From a decoded frame to the network's input, beside the usual chain of OpenCV calls in the same
//! run: YUV to BGR, resize, pad, then what `blobFromImage` does (floats, planes).
//!
//! Both have one thread. OpenCV resizes 1080p here once by interpolating, which skips pixels, and
//! once by averaging, which is what the kernel does when it reduces twice or more.

#![allow(
    clippy::unwrap_used,
    reason = "a bench stops where it finds what must not be"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tailgate::detection::{Letterbox, Placement, SourceRect};
use tailgate::inference::{Colour, Matrix, Normalise, Preparer, Range, YuvView};

/// Grey level of the padding, as YOLOX was trained.
const PAD: u8 = 114;

const PICTURES: [(usize, usize); 2] = [(1920, 1080), (640, 360)];
const INPUTS: [(u32, u32); 2] = [(416, 256), (640, 384)];

/// A picture with fine and coarse structure, its planes one behind the other. No colour of it is
/// beyond what BGR can hold: there the order of clipping and resizing would matter.
fn planes(width: usize, height: usize) -> Vec<u8> {
    let luma = (0..width * height).map(|at| {
        let (x, y) = (at % width, at / width);
        (60 + (x / 3 + y / 5) % 100 + (x * 7 + y * 13) % 20) as u8
    });
    let chroma = (0..width * height / 2).map(|at| {
        let (x, y) = (at % (width / 2), at / (width / 2));
        (112 + (x / 16 + y / 16) % 32) as u8
    });
    luma.chain(chroma).collect()
}

fn view(bytes: &[u8], width: usize, height: usize) -> YuvView<'_> {
    let (y, chroma) = bytes.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    YuvView {
        width,
        height,
        y,
        u,
        v,
        y_stride: width,
        uv_stride: width / 2,
        range: Range::Limited,
        matrix: Matrix::Bt601,
    }
}

fn pixels(criterion: &mut Criterion) {
    for (width, height) in PICTURES {
        let bytes = planes(width, height);
        let frame = view(&bytes, width, height);
        for input in INPUTS {
            let whole = SourceRect::whole(width as u32, height as u32);
            let laid = Letterbox::new(whole, input, Placement::TopLeft);
            let name = format!("{width}x{height} to {}x{}", input.0, input.1);
            let mut group = criterion.benchmark_group(name);
            group.throughput(Throughput::Elements(1));
            let normalise = Normalise::new(Colour::Bgr, [0.0; 3], [1.0; 3]);
            let mut preparer = Preparer::new(normalise, PAD);
            let mut tensor = vec![0.0; Preparer::elements(input)];
            preparer.fill(&frame, &laid, true, &mut tensor).unwrap();
            group.bench_function("tailgate", |bencher| {
                bencher.iter(|| {
                    preparer
                        .fill(black_box(&frame), &laid, false, &mut tensor)
                        .unwrap();
                });
            });
            #[cfg(feature = "opencv")]
            peer::bench(&mut group, &bytes, (width, height), &laid, &tensor);
            group.finish();
        }
    }
}

#[cfg(feature = "opencv")]
mod peer {
    use std::hint::black_box;

    use criterion::BenchmarkGroup;
    use criterion::measurement::WallTime;
    use opencv::core::{self, Mat, Scalar, Size};
    use opencv::imgproc;
    use opencv::prelude::*;
    use tailgate::detection::Letterbox;

    /// The two tensors may differ by this much a number on average, levels of 0 to 255: rounding of
    /// colours, and OpenCV's chroma, which is not interpolated. More, and they are not the same work.
    const MOST_APART: f32 = 4.0;

    /// The chain with all of its pictures, which are used again for each frame.
    struct Chain {
        method: i32,
        bgr: Mat,
        small: Mat,
        padded: Mat,
        floats: Mat,
        planes: core::Vector<Mat>,
    }

    impl Chain {
        fn run(&mut self, frame: &impl core::ToInputArray, laid: &Letterbox) -> opencv::Result<()> {
            let (wide, tall) = (laid.resized.0 as i32, laid.resized.1 as i32);
            let (columns, rows) = (laid.input.0 as i32, laid.input.1 as i32);
            imgproc::cvt_color_def(frame, &mut self.bgr, imgproc::COLOR_YUV2BGR_I420)?;
            let size = Size::new(wide, tall);
            imgproc::resize(&self.bgr, &mut self.small, size, 0.0, 0.0, self.method)?;
            let pad = Scalar::all(f64::from(super::PAD));
            core::copy_make_border(
                &self.small,
                &mut self.padded,
                0,
                rows - tall,
                0,
                columns - wide,
                core::BORDER_CONSTANT,
                pad,
            )?;
            let kind = core::CV_32FC3;
            self.padded.convert_to(&mut self.floats, kind, 1.0, 0.0)?;
            core::split(&self.floats, &mut self.planes)
        }
    }

    pub fn bench(
        group: &mut BenchmarkGroup<'_, WallTime>,
        bytes: &[u8],
        (width, height): (usize, usize),
        laid: &Letterbox,
        ours: &[f32],
    ) {
        core::set_num_threads(1).unwrap();
        let frame =
            Mat::new_rows_cols_with_data((height * 3 / 2) as i32, width as i32, bytes).unwrap();
        for (name, method) in [
            ("opencv, interpolating", imgproc::INTER_LINEAR),
            ("opencv, averaging", imgproc::INTER_AREA),
        ] {
            let mut chain = Chain {
                method,
                bgr: Mat::default(),
                small: Mat::default(),
                padded: Mat::default(),
                floats: Mat::default(),
                planes: core::Vector::new(),
            };
            chain.run(&frame, laid).unwrap();
            let plane = ours.len() / 3;
            let mut apart = 0.0;
            for (theirs, ours) in chain.planes.iter().zip(ours.chunks_exact(plane)) {
                let theirs = theirs.data_typed::<f32>().unwrap();
                let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
                apart += differences.sum::<f32>() / (3 * plane) as f32;
            }
            println!("{name}: {apart:.2} levels from the kernel's tensor on average");
            let same_method = method == imgproc::INTER_AREA && laid.resized.0 * 2 <= width as u32;
            assert!(!same_method || apart < MOST_APART, "not the same work");
            group.bench_function(name, |bencher| {
                bencher.iter(|| chain.run(black_box(&frame), laid).unwrap());
            });
        }
    }
}

criterion_group!(benches, pixels);
criterion_main!(benches);
