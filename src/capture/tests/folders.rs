//! Folders of images as clips.

use std::fs;

use super::*;

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
