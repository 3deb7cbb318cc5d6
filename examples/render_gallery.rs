//! Writes pictures of varied people and cameras with their truth, to look at and to measure on.
//!
//! `render_gallery sheet OUT.png [SEED] [COLUMNS]`: one person a cell, from all sides; fewer
//! columns make larger people.
//! `render_gallery frames DIR [COUNT]`: a short walk through a door, with truth.json.
//! `render_gallery survey DIR COUNT WIDTH HEIGHT [SEED]`: chance scenes of usual door cameras.
//! `render_gallery training DIR COUNT WIDTH HEIGHT [SEED]`: the same, every camera and light.

use std::path::Path;

use tailgate::sim::body::{Build, Dice, Outfit, Stance, stride_m, walking};
use tailgate::sim::render::{
    Camera, Figure, Frame, Layout, Moment, PersonTruth, Picture, Renderer, Sensor, ShotPlan,
    Spectrum, any_action,
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text = |i: usize, other: &str| args.get(i).cloned().unwrap_or_else(|| other.to_owned());
    let number = |i: usize, other: u64| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(other);
    match text(0, "sheet").as_str() {
        "sheet" => sheet(&text(1, "sheet.png"), number(2, 1), number(3, 9) as u32),
        "frames" => frames(&text(1, "frames"), number(2, 24)),
        kind @ ("survey" | "training") => {
            let size_px = (number(3, 640) as u32, number(4, 360) as u32);
            let plan = if kind == "survey" {
                ShotPlan {
                    size_px,
                    ..ShotPlan::default()
                }
            } else {
                ShotPlan::training(size_px)
            };
            survey(&text(1, kind), number(2, 21), &plan, number(5, 1));
        }
        other => eprintln!("unknown command {other}: use sheet, frames, survey or training"),
    }
}

fn save(picture: &Picture, path: &Path) {
    image::save_buffer(
        path,
        &picture.rgb,
        picture.width,
        picture.height,
        image::ColorType::Rgb8,
    )
    .unwrap_or_else(|e| eprintln!("cannot write {}: {e}", path.display()));
}

/// One person at the origin, seen close.
fn portrait(seed: u64, yaw_deg: f32, pitch_deg: f64, speed: f32, size: (u32, u32)) -> Frame {
    let mut dice = Dice::new(seed);
    let build = Build::random(&mut dice);
    let outfit = Outfit::random(&mut dice, build.feminine);
    let action = any_action(&mut dice, &outfit);
    let stance = Stance {
        at: [0.0, -2.0],
        heading_rad: yaw_deg.to_radians(),
        speed_mps: speed,
        phase: dice.unit(),
        manner: dice.bits(),
        action,
        ..Stance::default()
    };
    let pitch = pitch_deg.to_radians();
    let gap = 4.2;
    let at = [gap * pitch.cos(), -2.0, 0.92 + gap * pitch.sin()];
    let mut camera = Camera::new(at, std::f64::consts::PI, pitch, size, 0.30);
    camera.lens.focal_px = f64::from(size.1) * 1.85;
    let sensor = Sensor {
        noise: 1.0,
        blur_px: 0.3,
        ..Sensor::default()
    };
    let layout = Layout {
        seed: 7,
        width_m: 9.0,
        ceiling_m: 3.2,
        ..Layout::default()
    };
    let renderer = Renderer::new(layout.scene(camera, sensor));
    let figure = Figure {
        id: 1,
        pose: walking(&build, &stance),
        build,
        outfit,
    };
    renderer.render(&Moment {
        figures: vec![figure],
        ..Moment::default()
    })
}

fn sheet(path: &str, seed: u64, columns: u32) {
    let columns = columns.clamp(1, 9);
    let wide = 1530 / columns;
    let (rows, cell) = if columns > 5 {
        (3, (wide, wide * 40 / 17))
    } else {
        (1, (wide, wide * 2))
    };
    let mut out = Picture::new(columns * cell.0, rows * cell.1);
    for row in 0..rows {
        for column in 0..columns {
            let yaw = [0.0, 40.0, 90.0, 180.0, 215.0, 300.0][(column as usize + row as usize) % 6];
            let pitch = [5.0, 25.0, 45.0][row as usize % 3];
            let speed = if column % 3 == 2 { 0.0 } else { 1.3 };
            let who = seed * 100 + u64::from(row * columns + column);
            let frame = portrait(who, yaw, pitch, speed, cell);
            paste(&mut out, &frame.picture, column * cell.0, row * cell.1);
        }
    }
    save(&out, Path::new(path));
}

fn paste(to: &mut Picture, from: &Picture, x: u32, y: u32) {
    for row in 0..from.height {
        let a = 3 * ((y + row) * to.width + x) as usize;
        let b = 3 * (row * from.width) as usize;
        let n = 3 * from.width as usize;
        to.rgb[a..a + n].copy_from_slice(&from.rgb[b..b + n]);
    }
}

fn frames(dir: &str, count: u64) {
    let dir = Path::new(dir);
    std::fs::create_dir_all(dir)
        .unwrap_or_else(|e| eprintln!("cannot make {}: {e}", dir.display()));
    let camera = Camera::new([0.6, -5.6, 2.9], 1.62, 0.36, (1280, 720), 1.15);
    let layout = Layout {
        seed: 3,
        ..Layout::default()
    };
    let renderer = Renderer::new(layout.scene(camera, Sensor::default()));
    let mut dice = Dice::new(5);
    let people: Vec<(Build, Outfit, u32)> = (0..3)
        .map(|_| {
            let build = Build::random(&mut dice);
            let outfit = Outfit::random(&mut dice, build.feminine);
            (build, outfit, dice.bits())
        })
        .collect();
    let mut truths = Vec::new();
    for n in 0..count {
        let time_s = n as f32 / 12.0;
        let figures = people
            .iter()
            .enumerate()
            .map(|(i, (build, outfit, manner))| {
                let speed = 1.1 + 0.1 * i as f32;
                let walked = speed * time_s;
                let stance = Stance {
                    at: [
                        f64::from(0.15 * i as f32),
                        f64::from(-3.4 + 0.9 * i as f32 + walked),
                    ],
                    heading_rad: std::f32::consts::FRAC_PI_2,
                    speed_mps: speed,
                    phase: walked / stride_m(build, speed),
                    time_s,
                    manner: *manner,
                    ..Stance::default()
                };
                Figure {
                    id: i as u32 + 1,
                    build: *build,
                    outfit: outfit.clone(),
                    pose: walking(build, &stance),
                }
            })
            .collect();
        let open = (time_s * 1.2).min(1.5);
        let moment = Moment {
            figures,
            door_angles_rad: vec![open],
            noise_seed: n as u32,
            ..Moment::default()
        };
        let start = std::time::Instant::now();
        let frame = renderer.render(&moment);
        eprintln!("frame {n}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        save(&frame.picture, &dir.join(format!("{n:04}.png")));
        truths.push(frame.truth);
    }
    write_json(&dir.join("truth.json"), &truths);
}

fn write_json(path: &Path, value: &impl serde::Serialize) {
    match serde_json::to_vec_pretty(value).map(|bytes| std::fs::write(path, bytes)) {
        Ok(Ok(())) => {}
        other => eprintln!("cannot write {}: {other:?}", path.display()),
    }
}

/// A picture of the survey: what it shows beside its truth.
#[derive(serde::Serialize)]
struct Entry {
    file: String,
    height_m: f64,
    pitch_deg: f64,
    spectrum: Spectrum,
    people: Vec<Person>,
}

#[derive(serde::Serialize)]
struct Person {
    #[serde(flatten)]
    truth: PersonTruth,
    build: Build,
    walking: bool,
    /// Angle between where they look and the camera, degrees: 0 from the front, 180 from behind.
    facing_deg: f64,
}

fn survey(dir: &str, count: u64, plan: &ShotPlan, seed: u64) {
    let dir = Path::new(dir);
    std::fs::create_dir_all(dir)
        .unwrap_or_else(|e| eprintln!("cannot make {}: {e}", dir.display()));
    let mut entries = Vec::new();
    let (mut cast_s, mut render_s) = (0.0, 0.0);
    let per_scene = 3;
    for n in 0..count.div_ceil(per_scene) {
        let shot = plan.take(seed * 100_003 + n, per_scene as usize);
        let start = std::time::Instant::now();
        let renderer = Renderer::new(shot.scene);
        cast_s += start.elapsed().as_secs_f64();
        for (k, moment) in shot.moments.iter().enumerate() {
            let start = std::time::Instant::now();
            let frame = renderer.render(moment);
            render_s += start.elapsed().as_secs_f64();
            let file = format!("{n:04}_{k}.png");
            save(&frame.picture, &dir.join(&file));
            entries.push(entry(file, &renderer, moment, frame));
        }
    }
    let n = entries.len().max(1) as f64;
    eprintln!(
        "cast {:.0} ms a scene, render {:.0} ms a picture",
        1e3 * cast_s / count.div_ceil(per_scene).max(1) as f64,
        1e3 * render_s / n
    );
    write_json(&dir.join("truth.json"), &entries);
}

fn entry(file: String, renderer: &Renderer, moment: &Moment, frame: Frame) -> Entry {
    let camera = renderer.scene().camera;
    let person = |(truth, figure): (PersonTruth, &Figure)| {
        let at = figure.pose.at;
        let to_camera = (camera.position_m[1] - at[1]).atan2(camera.position_m[0] - at[0]);
        let turn = to_camera - f64::from(figure.pose.heading_rad);
        let turn = turn.to_degrees().rem_euclid(360.0);
        Person {
            truth,
            build: figure.build,
            walking: (figure.pose.legs[0].swing - figure.pose.legs[1].swing).abs() > 0.12,
            facing_deg: turn.min(360.0 - turn),
        }
    };
    Entry {
        file,
        height_m: camera.position_m[2],
        pitch_deg: camera.pitch_rad.to_degrees(),
        spectrum: renderer.scene().sensor.spectrum,
        people: frame
            .truth
            .people
            .into_iter()
            .zip(&moment.figures)
            .map(person)
            .collect(),
    }
}
