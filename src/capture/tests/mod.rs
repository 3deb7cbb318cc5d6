//! Clips written here and read back: what the tests share.

mod damage;
mod folders;
mod refused;
mod whole;

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

use super::*;
use crate::units::Span;

/// Frames a second of the clips made here.
const RATE: f64 = 25.0;

/// A picture whose corners have colours of their own, with a bright bar that moves.
fn picture(width: u32, height: u32, index: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let bar = x / 8 % 16 == index % 16;
        match (x < width / 2, y < height / 2) {
            _ if bar && y > height / 4 && y < height / 2 => Rgb([250, 250, 250]),
            (true, true) => Rgb([200, 40, 40]),
            (false, true) => Rgb([40, 200, 40]),
            (true, false) => Rgb([40, 40, 200]),
            (false, false) => Rgb([180, 180, (x * 60 / width + y * 60 / height) as u8]),
        }
    })
}

/// Writes pictures at the given times in milliseconds.
fn write(path: &Path, size: (u32, u32), times_ms: &[i64], options: &VideoOptions) {
    let mut writer = VideoWriter::create(path, size.0, size.1, options).unwrap();
    for (index, ms) in times_ms.iter().enumerate() {
        let picture = picture(size.0, size.1, index as u32);
        writer.write(&picture, Span::from_ms(*ms)).unwrap();
    }
    writer.finish().unwrap();
}

/// Times of `frames` frames at [`RATE`].
fn even_ms(frames: i64) -> Vec<i64> {
    (0..frames).map(|frame| frame * 40).collect()
}

/// What a clip gave when it was read to its end.
struct Read {
    times_us: Vec<i64>,
    /// A checksum of each frame's bytes.
    sums: Vec<u64>,
    damaged: Vec<u64>,
    clip: Clip,
}

fn read(path: &Path, options: &ClipOptions) -> Result<Read, CaptureError> {
    let mut clip = Clip::open(path, options)?;
    let (mut times_us, mut sums, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(frame) = clip.next_frame()? {
        assert_eq!(frame.index(), times_us.len() as u64);
        times_us.push(frame.time().as_us());
        sums.push(checksum(&frame));
        if frame.is_damaged() {
            damaged.push(frame.index());
        }
    }
    Ok(Read {
        times_us,
        sums,
        damaged,
        clip,
    })
}

fn checksum(frame: &Frame) -> u64 {
    let planes = frame.planes();
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for plane in [planes.y, planes.u, planes.v] {
        for row in 0..plane.height {
            for bytes in plane.row(row).chunks(8) {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    sum
}

/// The mean difference of two pictures' bytes.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.as_raw().len() as f64
}

fn codec(codec: VideoCodec) -> VideoOptions {
    VideoOptions {
        codec,
        ..VideoOptions::default()
    }
}

/// A folder of four images, made by the library that tests alone use for it.
fn image_folder(extension: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..4 {
        let path = folder.path().join(format!("f{}.{extension}", index + 8));
        picture(97, 65, index).save(path).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "not an image").unwrap();
    folder
}

/// Fills memory that is free again afterwards: a codec that reads what it never wrote finds it.
/// As long as the block it returns is there, the memory before it stays with this process.
fn soil_memory(dirt: u8) -> Vec<u8> {
    let mut lid = Vec::new();
    // Twice: the allocator asks for large blocks elsewhere until one of them was given back.
    for _ in 0..2 {
        let sizes = [64, 1_000, 9_000, 40_000, 100_000, 300_000, 600_000];
        let blocks: Vec<Vec<u8>> = (0..20)
            .flat_map(|_| sizes.map(|size| vec![dirt; size]))
            .collect();
        lid = vec![dirt; 70_000];
        std::hint::black_box((&blocks, &lid));
    }
    lid
}
