//! Renders labelled pictures for training; the same as `tailgate simulate --shots`, in a program
//! of its own that needs neither `FFmpeg` nor `OpenCV` where it runs.
//!
//! `shots --out DIR --count N --seed S --size WxH [--threads T] [--val-every K] [--scene-shots P]`

use std::process::ExitCode;

use tailgate::sim::shots::{ShotOrder, write};

const USAGE: &str = "use: shots --out DIR [--count N] [--seed S] [--size WxH] [--threads T] \
                     [--val-every K] [--scene-shots P]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match order(&args).and_then(|order| write(&order)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn order(args: &[String]) -> Result<ShotOrder, String> {
    let mut out = ShotOrder {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..ShotOrder::default()
    };
    for pair in args.chunks(2) {
        let [name, value] = pair else {
            return Err(format!("{} has no value\n{USAGE}", pair[0]));
        };
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{name} {value}: not a whole number\n{USAGE}"))
        };
        match name.as_str() {
            "--out" => out.folder = value.into(),
            "--count" => out.count = number()? as usize,
            "--seed" => out.seed = number()?,
            "--threads" => out.threads = number()? as usize,
            "--val-every" => out.val_every = number()?,
            "--scene-shots" => out.pictures_a_scene = number()? as usize,
            "--size" => {
                out.size_px = value
                    .split_once('x')
                    .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
                    .filter(|(w, h)| (16..=8192).contains(w) && (16..=8192).contains(h))
                    .ok_or_else(|| {
                        format!("--size {value}: not like 416x256, from 16 to 8192\n{USAGE}")
                    })?;
            }
            _ => return Err(format!("unknown {name}\n{USAGE}")),
        }
    }
    if out.folder.as_os_str().is_empty() {
        return Err(format!("--out is missing\n{USAGE}"));
    }
    Ok(out)
}
