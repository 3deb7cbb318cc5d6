//! Damaged clips: what is lost is stated, what is kept is right or marked, and nothing panics.

use std::fs;
use std::path::Path;

use super::*;

#[test]
fn damage_gives_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.h264", "a.avi", "a.mjpeg"] {
        let path = folder.path().join(name);
        write(&path, (160, 96), &even_ms(60), &VideoOptions::default());
        let bytes = fs::read(&path).unwrap();
        let mut dice = Dice(3);
        for _ in 0..5 {
            let mut hurt = bytes.clone();
            for _ in 0..3 {
                let at = 1500 + dice.below(hurt.len() - 1500);
                hurt[at] ^= 1 << dice.below(8);
            }
            fs::write(&path, &hurt).unwrap();
            // A caller that keeps frames makes the decoder use other buffers.
            let by_memory = [(1, 0), (9, 0xff)].map(|(keep, dirt)| {
                let _lid = soil_memory(dirt);
                let mut clip = Clip::open(&path, &ClipOptions::default()).unwrap();
                let (mut held, mut given) = (Vec::new(), Vec::new());
                while let Some(frame) = clip.next_frame().unwrap() {
                    given.push((frame.time(), frame.is_damaged(), checksum(&frame)));
                    held.push(frame);
                    if held.len() == keep {
                        held.clear();
                    }
                }
                (given, clip.losses())
            });
            assert_eq!(by_memory[0], by_memory[1], "{name}");
        }
    }
}

/// Small numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Reads a damaged clip: a clear error, or frames that rise in time and losses that add up.
#[track_caller]
fn check_damaged(path: &Path, name: &str, frames: usize) -> bool {
    match read(path, &ClipOptions::default()) {
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.starts_with("cannot read clip") && text.len() < 400,
                "{name}: {text}"
            );
            false
        }
        Ok(read) => {
            let rises = read.times_us.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(rises, "{name}: {:?}", read.times_us);
            let lost = !read.clip.losses().is_empty();
            let missing = read.times_us.len() < frames;
            assert!(
                lost || !missing,
                "{name}: {} frames, no loss stated",
                read.times_us.len()
            );
            lost
        }
    }
}

/// Every frame that should have been there is there, or within a stated loss.
#[track_caller]
fn check_covered(read: &Read) {
    let losses = read.clip.losses();
    for ms in even_ms(100) {
        let at = Span::from_ms(ms);
        let lost = losses.iter().any(|loss| loss.from <= at && at <= loss.to);
        assert!(
            lost || read.times_us.contains(&at.as_us()),
            "{at} is missing: {losses:?}"
        );
    }
}

#[test]
fn truncated_clips_end_with_a_stated_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    for (name, codec_wanted) in [
        ("a.mp4", VideoCodec::Auto),
        ("a.mkv", VideoCodec::Auto),
        ("a.avi", VideoCodec::Mjpeg),
    ] {
        let path = folder.path().join(name);
        write(&path, (160, 96), &even_ms(100), &codec(codec_wanted));
        let bytes = fs::read(&path).unwrap();
        for _ in 0..20 {
            let cut = 1 + dice.below(bytes.len() - 1);
            fs::write(&path, &bytes[..cut]).unwrap();
            check_damaged(
                &path,
                &format!("{name} cut at {cut} of {}", bytes.len()),
                100,
            );
        }
    }
}

#[test]
fn a_file_cut_in_half_says_how_much_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    write(&path, (160, 96), &even_ms(100), &codec(VideoCodec::Mjpeg));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let read = read(&path, &ClipOptions::default()).unwrap();
    let frames = read.times_us.len() as u64;
    assert!((40..60).contains(&frames), "{frames} frames");
    let losses = read.clip.losses();
    let lost: u64 = losses.iter().filter_map(|loss| loss.frames).sum();
    assert_eq!(frames + lost, 100, "{losses:?}");
    check_covered(&read);
}

#[test]
fn damage_is_skipped_and_stated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let options = VideoOptions {
        key_interval_s: 0.4,
        ..VideoOptions::default()
    };
    write(&path, (320, 192), &even_ms(100), &options);
    let whole = read(&path, &ClipOptions::default()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 1500].fill(0);
    fs::write(&path, &bytes).unwrap();
    let hurt = read(&path, &ClipOptions::default()).unwrap();
    assert!(!hurt.clip.losses().is_empty() || !hurt.damaged.is_empty());
    assert!(
        hurt.times_us.len() >= 60,
        "{} frames kept",
        hurt.times_us.len()
    );
    check_covered(&hurt);
    // Whatever is not marked as damaged is as it was.
    let truth: std::collections::BTreeMap<i64, u64> =
        whole.times_us.iter().copied().zip(whole.sums).collect();
    for (index, (time, sum)) in hurt.times_us.iter().zip(&hurt.sums).enumerate() {
        if !hurt.damaged.contains(&(index as u64)) {
            assert_eq!(truth.get(time), Some(sum), "frame {index} at {time} us");
        }
    }
}

#[test]
fn two_hundred_mutations_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let kinds = [
        ("a.mp4", VideoCodec::Auto),
        ("a.mkv", VideoCodec::Auto),
        ("a.avi", VideoCodec::Auto),
        ("a.h264", VideoCodec::Auto),
        ("b.mkv", VideoCodec::Mjpeg),
    ];
    for (name, codec_wanted) in kinds {
        let path = folder.path().join(name);
        write(&path, (128, 96), &even_ms(30), &codec(codec_wanted));
        let bytes = fs::read(&path).unwrap();
        for round in 0..40 {
            let mut hurt = bytes.clone();
            for _ in 0..=dice.below(1 << (round % 8)) {
                // Half of them in the headers, where structure is.
                let reach = if dice.below(2) == 0 {
                    hurt.len().min(2000)
                } else {
                    hurt.len()
                };
                let at = dice.below(reach);
                match dice.below(3) {
                    0 => hurt[at] = dice.below(256) as u8,
                    1 => hurt[at] ^= 1 << dice.below(8),
                    _ => drop(hurt.drain(at..(at + dice.below(50)).min(reach))),
                }
            }
            fs::write(&path, &hurt).unwrap();
            match read(&path, &ClipOptions::default()) {
                Ok(read) => assert!(read.times_us.windows(2).all(|pair| pair[0] < pair[1])),
                Err(error) => assert!(error.to_string().starts_with("cannot read clip")),
            }
        }
    }
}
