//! `tailgate models probe`: what a model sees in a picture, and how long it takes.

use std::path::{Path, PathBuf};

use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::unusable;
use crate::app::eyes;
use crate::app::overlay::{Canvas, Colour, TextSize};
use crate::commands::{DONE, Failure, Outcome};
use crate::detection::{Detection, SourceRect};
use crate::inference::{
    Detector, InputSize, Provider, Registry, Report, Settings, YuvPicture, open,
};

/// Runs a model on a picture, or on each picture of a folder, and says what it sees.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// A JPEG or PNG file, or a folder of them.
    image: PathBuf,
    /// Name of the model, or folder with a model.toml [default: the first with weights, else hog].
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The file of the weights, instead of where the model keeps them.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Input size: `published`, `tight`, the longer side in px, or WIDTHxHEIGHT.
    #[arg(long, default_value = "tight", value_parser = size)]
    size: InputSize,
    /// Look only at this part of the picture: LEFT,TOP,WIDTH,HEIGHT in px.
    #[arg(long, value_parser = part)]
    part: Option<SourceRect>,
    /// Leave out boxes with a lower score, 0 to 1.
    #[arg(long, value_parser = score)]
    score: Option<f64>,
    /// Threads in one inference.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// What computes the network: cpu, or another one that `tailgate models bench` shows.
    #[arg(long, default_value_t, value_name = "NAME")]
    provider: Provider,
    /// Look this often at each picture; times are the best of them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    /// Write the picture with its boxes: a PNG file, or a folder when probing a folder.
    #[arg(long, value_name = "PNG")]
    out: Option<PathBuf>,
    /// Write the boxes as JSON.
    #[arg(long, value_name = "JSON")]
    boxes: Option<PathBuf>,
}

/// One picture's result, as `--boxes` writes it.
#[derive(Debug, Serialize)]
struct Seen {
    image: PathBuf,
    width: u32,
    height: u32,
    input: (u32, u32),
    prepare_ms: f64,
    infer_ms: f64,
    decode_ms: f64,
    left_over: usize,
    people: Vec<Detection>,
}

/// The whole of what `--boxes` writes.
#[derive(Debug, Serialize)]
struct Probe<'a> {
    model: &'a str,
    identity: &'a str,
    pictures: &'a [Seen],
}

/// Probes every picture.
pub fn run(registry: &Registry, args: &ProbeArgs) -> Outcome {
    let name = match &args.model {
        Some(name) => name.clone(),
        None => default_model(registry, args.weights.is_some())?,
    };
    let manifest = registry.get(&name).map_err(unusable)?;
    let pictures = pictures(&args.image)?;
    let folder = args.image.is_dir();
    let settings = Settings {
        weights: args.weights.clone(),
        size: args.size,
        source: args.part,
        picture: None,
        threads: args.threads,
        score: args.score,
        provider: args.provider,
    };
    let mut detector = open(&manifest, &settings).map_err(unusable)?;
    let mut all = Vec::new();
    let mut skipped = Vec::new();
    for path in pictures {
        match probe(detector.as_mut(), &path, args.repeat) {
            Ok((picture, seen)) => {
                print!("{}", text(&seen));
                draw(args, folder, &picture, &seen)?;
                all.push(seen);
            }
            // One bad file in a folder must not hide the others.
            Err(message) => skipped.push(format!("{}: {message}", path.display())),
        }
    }
    if let Some(path) = &args.boxes {
        let probe = Probe {
            model: detector.name(),
            identity: detector.identity(),
            pictures: &all,
        };
        let json = serde_json::to_string_pretty(&probe).map_err(|error| error.to_string());
        json.and_then(|json| std::fs::write(path, json + "\n").map_err(|error| error.to_string()))
            .map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))?;
    }
    if folder {
        println!("{}", summary(&all));
    }
    if skipped.is_empty() {
        Ok(DONE)
    } else {
        Err(Failure::unusable(skipped.join("\n")))
    }
}

/// The model that is used where none is named.
fn default_model(registry: &Registry, weights_given: bool) -> Result<String, Failure> {
    if weights_given {
        return Err(Failure::unusable(
            "--weights says nothing of their family: add --model NAME",
        ));
    }
    eyes::default_model(registry, None).map_err(Failure::unusable)
}

/// The picture files to look at, in the order of their names.
fn pictures(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let refuse = |message: String| Failure::unusable(format!("{}: {message}", path.display()));
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| refuse(error.to_string()))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let kind = path.extension().map(|kind| kind.to_ascii_lowercase());
            kind.is_some_and(|kind| kind == "jpg" || kind == "jpeg" || kind == "png")
        })
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(refuse("there is no .jpg, .jpeg or .png in it".to_owned()));
    }
    Ok(found)
}

fn probe(
    detector: &mut dyn Detector,
    path: &Path,
    repeat: u32,
) -> Result<(RgbImage, Seen), String> {
    let picture = image::open(path)
        .map_err(|error| error.to_string())?
        .to_rgb8();
    let (width, height) = picture.dimensions();
    let planes = YuvPicture::from_rgb(width as usize, height as usize, &picture)
        .map_err(|error| error.to_string())?;
    let mut people = Vec::new();
    let mut best: Option<Report> = None;
    for _ in 0..repeat {
        let report = detector
            .detect(&planes.view(), &mut people)
            .map_err(|error| error.to_string())?;
        let mut fastest = best.unwrap_or(report);
        fastest.prepare = fastest.prepare.min(report.prepare);
        fastest.infer = fastest.infer.min(report.infer);
        fastest.decode = fastest.decode.min(report.decode);
        best = Some(fastest);
    }
    let report = best.unwrap_or_default();
    let ms = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let seen = Seen {
        image: path.to_owned(),
        width,
        height,
        input: report.input,
        prepare_ms: ms(report.prepare),
        infer_ms: ms(report.infer),
        decode_ms: ms(report.decode),
        left_over: report.lost,
        people: people.iter().map(Detection::quantised).collect(),
    };
    Ok((picture, seen))
}

/// What a person reads.
fn text(seen: &Seen) -> String {
    let mut text = format!(
        "{}: {} x {} looked at as {} x {}: {} people; prepare {:.3} ms, infer {:.2} ms, \
         decode {:.3} ms\n",
        seen.image.display(),
        seen.width,
        seen.height,
        seen.input.0,
        seen.input.1,
        seen.people.len(),
        seen.prepare_ms,
        seen.infer_ms,
        seen.decode_ms,
    );
    for person in &seen.people {
        let b = &person.bbox;
        text.push_str(&format!(
            "  {:.2}  left {:7.1}  top {:7.1}  right {:7.1}  bottom {:7.1}\n",
            person.score, b.left, b.top, b.right, b.bottom
        ));
    }
    if seen.left_over > 0 {
        text.push_str(&format!(
            "  and {} more that were left out\n",
            seen.left_over
        ));
    }
    text
}

fn summary(all: &[Seen]) -> String {
    let people: usize = all.iter().map(|seen| seen.people.len()).sum();
    let mut times: Vec<f64> = all
        .iter()
        .map(|seen| seen.prepare_ms + seen.infer_ms + seen.decode_ms)
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or(0.0);
    format!(
        "{} pictures, {people} people, median {median:.2} ms a picture",
        all.len()
    )
}

/// Writes the picture with its boxes, if asked to.
fn draw(args: &ProbeArgs, folder: bool, picture: &RgbImage, seen: &Seen) -> Result<(), Failure> {
    let Some(out) = &args.out else { return Ok(()) };
    let path = match seen.image.file_stem() {
        Some(stem) if folder => {
            std::fs::create_dir_all(out)
                .map_err(|error| Failure::unusable(format!("{}: {error}", out.display())))?;
            out.join(format!("{}.png", stem.to_string_lossy()))
        }
        _ => out.clone(),
    };
    let Some(mut canvas) = Canvas::new(seen.width, seen.height) else {
        return Ok(());
    };
    canvas.put_picture(picture, 1);
    let green = Colour(0, 220, 90, 255);
    for person in &seen.people {
        let b = &person.bbox;
        canvas.stroke_rect([b.left, b.top, b.width(), b.height()], 2.0, green);
        let label = format!("{:.2}", person.score);
        canvas.text(b.left + 2.0, b.top + 2.0, TextSize::Small, green, &label);
    }
    canvas
        .to_rgb()
        .save(&path)
        .map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))
}

/// `published`, `tight`, `640` or `640x384`.
pub(super) fn size(text: &str) -> Result<InputSize, String> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|&side| side > 0);
    match text {
        "published" => return Ok(InputSize::Published),
        "tight" => return Ok(InputSize::Tight),
        _ => {}
    }
    let sides = text.split_once('x').map(|(w, h)| (number(w), number(h)));
    match (sides, number(text)) {
        (Some((Some(width), Some(height))), _) => Ok(InputSize::Exact(width, height)),
        (_, Some(side)) => Ok(InputSize::LongSide(side)),
        _ => Err("give `published`, `tight`, a side such as 640, or 640x384".to_owned()),
    }
}

/// 0 to 1.
fn score(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok();
    let found = number.filter(|score| (0.0..=1.0).contains(score));
    found.ok_or_else(|| "give a number from 0 to 1".to_owned())
}

/// `LEFT,TOP,WIDTH,HEIGHT`.
fn part(text: &str) -> Result<SourceRect, String> {
    let numbers: Result<Vec<u32>, _> = text
        .split(',')
        .map(|number| number.trim().parse())
        .collect();
    match numbers.as_deref() {
        Ok(&[left, top, width, height]) if width > 0 && height > 0 => Ok(SourceRect {
            left,
            top,
            width,
            height,
        }),
        _ => Err("give LEFT,TOP,WIDTH,HEIGHT in px, such as 100,50,640,360".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_written() {
        let cases = [
            ("published", Some(InputSize::Published)),
            ("tight", Some(InputSize::Tight)),
            ("640", Some(InputSize::LongSide(640))),
            ("640x384", Some(InputSize::Exact(640, 384))),
            ("640x", None),
            ("0", None),
            ("-5", None),
            ("big", None),
        ];
        for (given, expect) in cases {
            assert_eq!(size(given).ok(), expect, "{given}");
        }
    }

    #[test]
    fn scores_are_shares() {
        assert_eq!(score("0.25"), Ok(0.25));
        for bad in ["", "nan", "-0.1", "2", "high"] {
            assert!(score(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_are_read_as_written() {
        let expect = SourceRect {
            left: 1,
            top: 2,
            width: 3,
            height: 4,
        };
        assert_eq!(part("1, 2,3,4"), Ok(expect));
        for bad in ["", "1,2,3", "1,2,0,4", "1,2,3,4,5", "a,b,c,d", "1,2,-3,4"] {
            assert!(part(bad).is_err(), "{bad}");
        }
    }
}
