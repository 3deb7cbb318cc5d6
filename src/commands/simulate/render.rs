//! A scene script as a clip with its door, grants and truth, as if it had been recorded.

use std::fmt::Write as _;
use std::path::Path;
use std::thread;

use crate::capture::{VideoOptions, VideoWriter};
use crate::floor::Portal;
use crate::sim::camera::SceneCamera;
use crate::sim::feed::length_s;
use crate::sim::render::Frame;
use crate::sim::script::{DoorSetup, Scene, SceneEvent};
use crate::sim::stage::Stage;
use crate::units::Span;

/// Frames rendered side by side before they are written in order: bounds memory, not speed.
const BATCH_FRAMES: usize = 32;
/// Quality of the clips: small files that detectors see as well as the originals.
const QUALITY: u8 = 24;
/// Control points written into the calibration: a raster of them is plenty.
const CONTROL_POINTS: usize = 9;

/// Renders `scene` into `folder`: clip.mp4, one door file a door, grants.csv, truth.json.
pub(super) fn render(scene: &Scene, folder: &Path) -> Result<(), String> {
    let io = |problem: std::io::Error| format!("{}: {problem}", folder.display());
    std::fs::create_dir_all(folder).map_err(io)?;
    let frames =
        (scene.length_s.unwrap_or_else(|| length_s(scene)) * scene.rate_hz).ceil() as usize;
    let times: Vec<f64> = (0..frames)
        .map(|frame| frame as f64 / scene.rate_hz)
        .collect();
    clip(scene, &times, &folder.join("clip.mp4"))?;
    for (index, door) in scene.doors.iter().enumerate() {
        let name = if index == 0 {
            "door.toml".to_owned()
        } else {
            format!("{}.toml", door.name)
        };
        std::fs::write(folder.join(name), door_file(scene, door)?).map_err(io)?;
    }
    std::fs::write(folder.join("grants.csv"), grants(scene)).map_err(io)?;
    std::fs::write(folder.join("truth.json"), truth(scene, frames)).map_err(io)
}

fn clip(scene: &Scene, times: &[f64], path: &Path) -> Result<(), String> {
    let stage = Stage::new(scene);
    let (width, height) = scene.camera.size_px;
    let options = VideoOptions {
        rate: scene.rate_hz,
        quality: QUALITY,
        ..VideoOptions::default()
    };
    let said = |problem: crate::capture::CaptureError| problem.to_string();
    let mut writer = VideoWriter::create(path, width, height, &options).map_err(said)?;
    let moments = stage.moments(times);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    for (moments, times) in moments.chunks(BATCH_FRAMES).zip(times.chunks(BATCH_FRAMES)) {
        let share = moments.len().div_ceil(workers);
        let frames: Vec<Frame> = thread::scope(|scope| {
            let parts: Vec<_> = moments
                .chunks(share)
                .map(|part| {
                    let renderer = stage.renderer();
                    scope.spawn(move || part.iter().map(|m| renderer.render(m)).collect::<Vec<_>>())
                })
                .collect();
            let joined = parts.into_iter().map(|part| match part.join() {
                Ok(frames) => frames,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.flatten().collect()
        });
        for (frame, time) in frames.into_iter().zip(times) {
            let picture = frame.picture;
            let rgb = image::RgbImage::from_raw(picture.width, picture.height, picture.rgb)
                .ok_or("the renderer's picture has no pixels")?;
            writer.write(&rgb, Span::from_s(*time)).map_err(said)?;
        }
    }
    writer.finish().map_err(said)
}

/// A door file with its calibration inside, as an installer would have written it.
fn door_file(scene: &Scene, door: &DoorSetup) -> Result<String, String> {
    let camera = SceneCamera::new(&scene.camera);
    let spec = camera.calibration(scene.grid)?;
    let step = (spec.control_points.len() / CONTROL_POINTS).max(1);
    let points: Vec<_> = spec.control_points.iter().step_by(step).collect();
    let list = |pairs: Vec<(f64, f64)>| {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(x, y)| format!("[{x:.2}, {y:.2}]"))
            .collect();
        format!("[{}]", pairs.join(", "))
    };
    let px = list(points.iter().map(|p| (p.image.x, p.image.y)).collect());
    let m = list(points.iter().map(|p| (p.floor.x, p.floor.y)).collect());
    let line = list(door.line.iter().map(|p| (p.x, p.y)).collect());
    let (first, last) = (door.line[0], door.line[door.line.len() - 1]);
    // A metre to the left of the line's middle.
    let (dx, dy) = (last.x - first.x, last.y - first.y);
    let length = (dx * dx + dy * dy).sqrt().max(1e-9);
    let inside = (
        0.5 * (first.x + last.x) - dy / length,
        0.5 * (first.y + last.y) + dx / length,
    );
    let (policy, (min, max)) = (&door.policy, scene.grid);
    let mut text = format!(
        "# {title}\n# Made from {source} by `tailgate simulate --render`.\n\n[door]\nname = \
         \"{name}\"\nreaders = {readers:?}\n\n[policy]\nearly_s = {early}\nwindow_s = {window}\n\
         lateness_s = {lateness}\nfollow_s = {follow}\n",
        title = scene.title,
        source = "a scene script",
        name = door.name,
        readers = door.readers,
        early = policy.early.as_s(),
        window = policy.window.as_s(),
        lateness = policy.lateness.as_s(),
        follow = policy.follow.as_s(),
    );
    if policy.net_u_turns {
        let _ = writeln!(
            text,
            "net_u_turns = true\nu_turn_s = {}",
            policy.u_turn.as_s()
        );
    }
    let _ = write!(
        text,
        "\n[camera]\nname = \"scene\"\n\n[calibration]\nimage_px = [{w}, {h}]\npoints_px = {px}\n\
         points_m = {m}\nuncertainty = 0.02\n\n[calibration.lens]\nfocal_px = {focal}\ncentre_px = \
         [{cx}, {cy}]\nk1 = {k1}\n\n[calibration.grid]\ntile_m = {tile}\nmin_m = [{x0}, {y0}]\n\
         max_m = [{x1}, {y1}]\n\n[[portal]]\nname = \"{name}\"\npoints_m = {line}\ninside_m = \
         [{ix:.2}, {iy:.2}]\ndepth_m = {depth}\n",
        w = spec.image_width_px,
        h = spec.image_height_px,
        focal = scene.camera.focal_px,
        cx = 0.5 * f64::from(spec.image_width_px),
        cy = 0.5 * f64::from(spec.image_height_px),
        k1 = scene.camera.k1,
        tile = scene.tile_m,
        x0 = min.x,
        y0 = min.y,
        x1 = max.x,
        y1 = max.y,
        name = door.name,
        ix = inside.0,
        iy = inside.1,
        depth = door.depth_m,
    );
    Ok(text)
}

fn grants(scene: &Scene) -> String {
    let mut text = String::from("time,received,kind,id,door,reader,holder\n");
    for event in &scene.events {
        let SceneEvent::Access {
            kind,
            id,
            door,
            reader,
            holder,
            arrives_s,
            ..
        } = &event.what
        else {
            continue;
        };
        let kind = serde_json::to_value(kind).unwrap_or_default();
        let opt = |value: &Option<String>| value.clone().unwrap_or_default();
        let _ = writeln!(
            text,
            "{},{},{},{id},{},{},{}",
            event.at_s,
            arrives_s.map(|s| s.to_string()).unwrap_or_default(),
            kind.as_str().unwrap_or("other"),
            opt(door),
            opt(reader),
            opt(holder)
        );
    }
    text
}

/// What really happens: who passes which way when, and what must be judged of it.
fn truth(scene: &Scene, frames: usize) -> String {
    let mut crossings = Vec::new();
    for door in &scene.doors {
        let portal = Portal {
            line: door.line.clone(),
            depth_m: door.depth_m,
        };
        for walker in &scene.walkers {
            for (time, inwards) in walker.passes(&portal) {
                crossings.push(serde_json::json!({
                    "t_s": (time * 1000.0).round() / 1000.0,
                    "dir": if inwards { "in" } else { "out" },
                    "who": walker.name, "tol_s": 0.2,
                }));
            }
        }
    }
    crossings.sort_by(|a, b| {
        let time = |value: &serde_json::Value| value["t_s"].as_f64().unwrap_or(0.0);
        time(a).total_cmp(&time(b))
    });
    let verdicts = scene.expect.verdicts.iter().map(|verdict| {
        serde_json::json!({ "t_s": verdict.at_s, "kind": verdict.kind, "tol_s": scene.expect.tolerance_s })
    });
    let (width, height) = scene.camera.size_px;
    let object = serde_json::json!({
        "clip": "clip.mp4", "image": [width, height], "container_fps": scene.rate_hz,
        "frames": frames, "crossings": crossings, "verdicts": verdicts.collect::<Vec<_>>(),
        "method": "exact: the scene was rendered from its script",
    });
    format!("{object:#}\n")
}
