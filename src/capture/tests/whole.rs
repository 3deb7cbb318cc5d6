//! Whole clips: every frame, its time, its colours, the right way up; and clips of the shared data.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::*;

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

/// Writes pictures in which every block moves.
fn write_busy(path: &Path, frames: i64) {
    let mut writer = VideoWriter::create(path, 208, 144, &VideoOptions::default()).unwrap();
    for (index, ms) in even_ms(frames).into_iter().enumerate() {
        let mut busy = picture(208, 144, index as u32);
        for (x, y, pixel) in busy.enumerate_pixels_mut() {
            pixel.0[1] ^= ((x * 7 + y * 13 + 3 * index as u32) % 32) as u8;
        }
        writer.write(&busy, Span::from_ms(ms)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_same_pictures_make_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.mkv", "a.avi"] {
        let files = [0, 1, 0x55, 0xff].map(|dirt| {
            let path = folder.path().join(format!("{dirt}{name}"));
            let lid = soil_memory(dirt);
            write_busy(&path, 60);
            drop(lid);
            fs::read(path).unwrap()
        });
        for file in &files[1..] {
            assert!(*file == files[0], "{name} differs between two runs");
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
