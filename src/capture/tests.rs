//! Clips read back: from the shared data, and from files written here.

use std::path::{Path, PathBuf};

use super::*;

/// Reads a clip to its end: times in microseconds, and the clip for its losses.
fn read_all(path: &Path, options: &ClipOptions) -> Result<(Vec<i64>, Clip), CaptureError> {
    let mut clip = Clip::open(path, options)?;
    let mut times = Vec::new();
    while let Some(frame) = clip.next_frame()? {
        assert_eq!(frame.index(), times.len() as u64);
        times.push(frame.time().as_us());
    }
    Ok((times, clip))
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
        let (times, clip) = read_all(&path, &ClipOptions::default()).unwrap();
        assert_eq!(times.len(), frames, "{name}");
        assert_eq!((clip.info().width, clip.info().height), size, "{name}");
        assert_eq!(clip.info().frames, Some(frames as u64), "{name}");
        assert_eq!(clip.losses(), [], "{name}");
        assert_eq!(clip.notes(), [""; 0], "{name}");
        let last_us = step_us * (frames as i64 - 1);
        let off_us = times.last().unwrap() - last_us;
        assert!(off_us.abs() < step_us, "{name}: last frame at {times:?}");
    }
}
