//! What is no clip, and what cannot be written: clear errors.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::*;

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
