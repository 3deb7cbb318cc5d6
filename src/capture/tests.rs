//! Clips written here and read back, whole and damaged, and clips of the shared data.

use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn what_is_written_is_read_back() {
    use VideoCodec::{Auto, H264, Mjpeg, Mpeg4};
    let folder = tempfile::tempdir().unwrap();
    let table = [
        ("a.mp4", Auto, (160, 96), "h264"),
        ("b.mkv", Auto, (160, 96), "h264"),
        ("c.avi", Auto, (160, 96), "mpeg4"),
        ("d.avi", H264, (160, 96), "h264"),
        ("e.avi", Mjpeg, (161, 97), "mjpeg"),
        ("f.h264", Auto, (160, 96), "h264"),
        ("g.mjpeg", Auto, (160, 96), "mjpeg"),
        ("h.mp4", Mpeg4, (641, 361), "mpeg4"),
        ("i.mkv", Mjpeg, (641, 361), "mjpeg"),
        ("j.mov", Auto, (64, 48), "h264"),
    ];
    for (name, codec_wanted, size, codec_got) in table {
        let path = folder.path().join(name);
        write(&path, size, &even_ms(30), &codec(codec_wanted));
        let mut clip = Clip::open(&path, &ClipOptions::default()).unwrap();
        assert_eq!(clip.info().codec, codec_got, "{name}");
        assert_eq!((clip.info().width, clip.info().height), size, "{name}");
        let rate = clip.info().declared_rate.unwrap();
        assert!((rate - RATE).abs() < 0.1, "{name}: {rate} frames a second");
        let mut frames = 0;
        while let Some(frame) = clip.next_frame().unwrap() {
            assert_eq!(frame.time(), Span::from_ms(frames * 40), "{name}");
            assert!(!frame.is_damaged(), "{name} frame {frames}");
            let off = difference(&frame.to_rgb(), &picture(size.0, size.1, frames as u32));
            assert!(off < 6.0, "{name} frame {frames} is off by {off}");
            frames += 1;
        }
        assert_eq!(frames, 30, "{name}");
        assert_eq!(clip.losses(), [], "{name}");
        let raw = name.ends_with("264") || name.ends_with("mjpeg");
        assert_eq!(
            clip.notes().len(),
            usize::from(raw),
            "{name}: {:?}",
            clip.notes()
        );
    }
}

#[test]
fn true_times_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let times_ms = [0, 120, 240, 280, 281, 1500, 61_500, 61_540];
    for name in ["vfr.mp4", "vfr.mkv"] {
        let path = folder.path().join(name);
        write(&path, (96, 64), &times_ms, &VideoOptions::default());
        let read = read(&path, &ClipOptions::default()).unwrap();
        assert_eq!(read.times_us, times_ms.map(|ms| ms * 1000), "{name}");
        assert_eq!(read.clip.losses(), [], "{name}");
    }
}

#[test]
fn turned_pictures_come_upright() {
    let folder = tempfile::tempdir().unwrap();
    let corner = |picture: &RgbImage, right: bool, low: bool| {
        let (width, height) = picture.dimensions();
        let x = if right { width - 4 } else { 3 };
        picture.get_pixel(x, if low { height - 4 } else { 3 }).0
    };
    // Where the red upper left corner goes, as (right, low).
    let table = [
        (Rotation::None, (96, 64), (false, false)),
        (Rotation::Quarter, (64, 96), (true, false)),
        (Rotation::Half, (96, 64), (true, true)),
        (Rotation::ThreeQuarters, (64, 96), (false, true)),
    ];
    for (rotation, size, (right, low)) in table {
        let path = folder.path().join(format!("{}.mp4", rotation.degrees()));
        let options = VideoOptions {
            rotation,
            ..VideoOptions::default()
        };
        write(&path, (96, 64), &even_ms(3), &options);
        let mut clip = Clip::open(&path, &ClipOptions::default()).unwrap();
        assert_eq!(clip.info().rotation, rotation);
        assert_eq!(
            (clip.info().width, clip.info().height),
            size,
            "{rotation:?}"
        );
        let frame = clip.next_frame().unwrap().unwrap();
        assert_eq!((frame.width(), frame.height()), size, "{rotation:?}");
        let [red, green, blue] = corner(&frame.to_rgb(), right, low);
        assert!(
            red > 150 && green < 90 && blue < 90,
            "{rotation:?}: {red} {green} {blue}"
        );
    }
}

#[test]
fn a_part_of_a_frame_is_that_part_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    write(&path, (97, 65), &even_ms(1), &codec(VideoCodec::Mjpeg));
    let mut clip = Clip::open(&path, &ClipOptions::default()).unwrap();
    let frame = clip.next_frame().unwrap().unwrap();
    let whole = frame.to_rgb();
    let part = frame.crop_rgb(33, 31, 1000, 20);
    assert_eq!(part.dimensions(), (64, 20));
    for (x, y, pixel) in part.enumerate_pixels() {
        assert_eq!(pixel, whole.get_pixel(x + 33, y + 31));
    }
    assert_eq!(frame.crop_rgb(500, 0, 10, 10).dimensions(), (0, 10));
}

#[test]
fn the_start_of_the_recording_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    let created: jiff::Timestamp = "2026-11-01T12:34:56Z".parse().unwrap();
    let options = VideoOptions {
        created: Some(created),
        ..VideoOptions::default()
    };
    write(&path, (96, 64), &even_ms(3), &options);
    let clip = Clip::open(&path, &ClipOptions::default()).unwrap();
    assert_eq!(clip.info().created, Some(created));
    assert_eq!(clip.info().duration_us, Some(120_000));
}

#[test]
fn the_same_pictures_make_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.avi"] {
        let files = [1, 2].map(|run| {
            let path = folder.path().join(format!("{run}{name}"));
            write(&path, (128, 96), &even_ms(40), &VideoOptions::default());
            fs::read(path).unwrap()
        });
        assert!(files[0] == files[1], "{name} differs between two runs");
    }
}

#[test]
fn damage_gives_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.h264", "a.avi"] {
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
            let by_pool = [1, 9].map(|keep| {
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
            assert_eq!(by_pool[0], by_pool[1], "{name}");
        }
    }
}

#[test]
fn a_clip_can_have_a_thread_of_its_own() {
    fn check<T: Send>() {}
    check::<Clip>();
    check::<Frame>();
    check::<VideoWriter>();
}

#[test]
fn hoarding_frames_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mjpeg");
    write(&path, (96, 64), &even_ms(9), &VideoOptions::default());
    let options = ClipOptions {
        pool_frames: 3,
        ..ClipOptions::default()
    };
    let mut clip = Clip::open(&path, &options).unwrap();
    let mut held: Vec<Frame> = (0..3)
        .map(|_| clip.next_frame().unwrap().unwrap())
        .collect();
    let error = clip.next_frame().unwrap_err();
    assert!(error.to_string().contains("3 frames"), "{error}");
    held.pop();
    let frame = clip.next_frame().unwrap().unwrap();
    assert_eq!(frame.index(), 3, "the refused frame is not lost");
}

#[test]
fn raw_streams_say_where_their_times_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h264");
    write(&path, (96, 64), &even_ms(10), &VideoOptions::default());
    let options = ClipOptions {
        rate: Some(10.0),
        ..ClipOptions::default()
    };
    let read = read(&path, &options).unwrap();
    let expect: Vec<i64> = (0..10).map(|frame| frame * 100_000).collect();
    assert_eq!(read.times_us, expect);
    let note = "a raw stream has no times: frames are taken to be 100.000 ms apart \
                (10.000 a second, the rate that was given)";
    assert_eq!(read.clip.notes(), [note]);
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

#[test]
fn image_folders_are_clips() {
    for extension in ["png", "jpg"] {
        let folder = image_folder(extension);
        let options = ClipOptions {
            rate: Some(5.0),
            ..ClipOptions::default()
        };
        let mut clip = Clip::open(folder.path(), &options).unwrap();
        assert_eq!(clip.info().frames, Some(4));
        let mut frames = 0;
        while let Some(frame) = clip.next_frame().unwrap() {
            assert_eq!(frame.time(), Span::from_ms(200 * frames));
            let off = difference(&frame.to_rgb(), &picture(97, 65, frames as u32));
            assert!(off < 5.0, "{extension} {frames}: off by {off}");
            frames += 1;
        }
        assert_eq!(
            frames, 4,
            "{extension}: f8, f9, f10, f11 in the order of their numbers"
        );
        assert_eq!(clip.losses(), []);
    }
}

#[test]
fn image_folders_take_times_from_a_file() {
    let folder = image_folder("png");
    let times = "file,time_s\nf8.png,100.0\nf9.png,100.04\nf10.png,101\nf11.png,101.5\n";
    fs::write(folder.path().join("times.csv"), times).unwrap();
    let read = read(folder.path(), &ClipOptions::default()).unwrap();
    assert_eq!(read.times_us, [0, 40_000, 1_000_000, 1_500_000]);
}

#[test]
fn a_damaged_image_is_a_stated_loss() {
    let folder = image_folder("png");
    fs::write(
        folder.path().join("f9.png"),
        b"\x89PNG\r\n\x1a\n and then nothing",
    )
    .unwrap();
    picture(50, 50, 0)
        .save(folder.path().join("f10.png"))
        .unwrap();
    let options = ClipOptions {
        rate: Some(5.0),
        ..ClipOptions::default()
    };
    let read = read(folder.path(), &options).unwrap();
    assert_eq!(read.times_us, [0, 600_000]);
    let told: Vec<String> = read.clip.losses().iter().map(Loss::to_string).collect();
    assert_eq!(
        told,
        [
            "1 frame lost at 0.200 s: the data is damaged",
            "1 frame lost at 0.400 s: the picture size changes",
        ]
    );
}

/// Opens what cannot be read, and compares the error without the path.
#[track_caller]
fn check_error(path: &Path, expect: &str) {
    let error = read(path, &ClipOptions::default())
        .map(|read| read.times_us.len())
        .unwrap_err();
    let text = error
        .to_string()
        .replace(&path.display().to_string(), "CLIP");
    assert!(text.contains(expect), "{text:?} should contain {expect:?}");
    assert!(text.contains("CLIP"), "{text:?} should name the file");
}

#[test]
fn what_is_no_clip_gets_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    check_error(&folder.path().join("none.mp4"), "there is no such file");
    check_error(&file("empty.mp4", b""), "the file is empty");
    check_error(&file("text.mp4", b"just some words\n"), "is it a video?");
    check_error(
        &file("list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        "is it a video?",
    );
    check_error(
        &file("http.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://x/1.ts\n"),
        "is it a video?",
    );
    check_error(folder.path(), "there is no JPEG or PNG image");
    let images = image_folder("png");
    check_error(
        images.path(),
        "a folder of images has no times: give a rate",
    );
    fs::write(
        images.path().join("times.csv"),
        "f8.png,1\nf9.png,1\nf12.png,x\n",
    )
    .unwrap();
    check_error(images.path(), "line 2: f9.png is not after f8.png");
    check_error(images.path(), "line 3: expected FILE,SECONDS");
    check_error(images.path(), "f10.png is in the folder but has no line");
    let large = tempfile::tempdir().unwrap();
    RgbImage::new(4097, 16)
        .save(large.path().join("a.png"))
        .unwrap();
    fs::write(large.path().join("times.csv"), "a.png,0\n").unwrap();
    check_error(large.path(), "4096x2304");
    let whole = folder.path().join("whole.mov");
    write(&whole, (96, 64), &even_ms(5), &VideoOptions::default());
    let bytes = fs::read(&whole).unwrap();
    let index = bytes.windows(4).position(|name| name == b"moov").unwrap();
    let mut unfinished = bytes.clone();
    unfinished[index..index + 4].copy_from_slice(b"xxxx");
    check_error(
        &file("cut.mov", &unfinished),
        "an MP4 without its index (moov)",
    );
    let mut sound = bytes;
    for (from, to) in [
        (b"mhlrvide", b"mhlrsoun"),
        (b"\0\0\0\0avc1", b"\0\0\0\0sowt"),
    ] {
        let at = sound
            .windows(8)
            .position(|name| name[4..] == from[4..])
            .unwrap();
        sound[at + 4..at + 8].copy_from_slice(&to[4..]);
    }
    check_error(
        &file("sound.mov", &sound),
        "no video track in it; is it a video?",
    );
}

#[test]
fn what_cannot_be_written_gets_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let create = |name: &str, size: (u32, u32)| {
        let path = folder.path().join(name);
        VideoWriter::create(&path, size.0, size.1, &VideoOptions::default())
    };
    let table = [
        ("a.txt", (96, 64), "should end in .mp4"),
        ("none/a.mp4", (96, 64), "No such file or directory"),
        ("a.mp4", (0, 64), "0x64 are not possible"),
        ("a.mp4", (100_000, 64), "100000x64 are not possible"),
    ];
    for (name, size, expect) in table {
        let error = create(name, size)
            .map(|writer| writer.written())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expect),
            "{error:?} should contain {expect:?}"
        );
    }
    let mut writer = create("b.mp4", (96, 64)).unwrap();
    writer
        .write(&picture(96, 64, 0), Span::from_ms(40))
        .unwrap();
    let again = writer
        .write(&picture(96, 64, 1), Span::from_ms(40))
        .unwrap_err();
    assert!(
        again.to_string().contains("is not after the one before"),
        "{again}"
    );
    let other = writer
        .write(&picture(97, 64, 1), Span::from_ms(80))
        .unwrap_err();
    assert!(other.to_string().contains("97x64 does not fit"), "{other}");
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

/// A clip of the shared data, which not every machine has.
fn shared_clip(name: &str) -> Option<PathBuf> {
    let path = Path::new("../shared/data/clips").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {name} needs ../shared/data, which is not here");
        return None;
    }
    Some(path)
}

#[test]
fn recorded_clips_give_every_frame() {
    let table = [
        ("one-by-one-person-detection.mp4", 1394, (768, 432), 100_000),
        ("worker-zone-detection.mp4", 71, (480, 270), 66_667),
        ("vtest-first-half.mp4", 400, (480, 360), 100_000),
    ];
    for (name, frames, size, step_us) in table {
        let Some(path) = shared_clip(name) else {
            return;
        };
        let read = read(&path, &ClipOptions::default()).unwrap();
        let info = read.clip.info();
        assert_eq!(read.times_us.len(), frames, "{name}");
        assert_eq!((info.width, info.height), size, "{name}");
        assert_eq!(info.frames, Some(frames as u64), "{name}");
        assert_eq!(read.clip.losses(), [], "{name}");
        assert_eq!(read.clip.notes(), [""; 0], "{name}");
        let last_us = step_us * (frames as i64 - 1);
        let off_us = read.times_us.last().unwrap() - last_us;
        assert!(
            off_us.abs() < step_us,
            "{name}: last frame off by {off_us} us"
        );
    }
}
