//! `tailgate models eval`: how well models see people in labelled pictures.

mod figures;
mod labels;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::columns::columns;
use super::probe::size;
use super::{ready, unusable};
use crate::commands::{DONE, Failure, Outcome};
use crate::detection::Detection;
use crate::inference::{
    Detector, InputSize, Manifest, Provider, Registry, Settings, YuvPicture, open,
};
use figures::{Figures, FootError, Seen, figures};
use labels::Labelled;

/// Boxes down to this score are judged: the curve of precision wants the weak ones too.
const LEAST_SCORE: f64 = 0.01;

/// Compares models on labelled pictures: precision, people found, how far feet are off.
///
/// A folder of pictures holds an annotations.json in COCO's style; `ignore` boxes count neither
/// way. Without names, every model whose weights are there. Recall is the share of people found
/// with 0.1 false boxes a picture; feet are medians over people found, the middle of the lower edge
/// for models that tell no foot.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Names of models, or folders with a model.toml.
    names: Vec<String>,
    /// Folders with an annotations.json.
    #[arg(long, required = true, num_args = 1.., value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Judge pictures of this split, and those of none.
    #[arg(long, default_value = "val")]
    split: String,
    /// Input size: `published`, `tight`, the longer side in px, or WIDTHxHEIGHT.
    #[arg(long, default_value = "published", value_parser = size)]
    size: InputSize,
    /// The file of the weights, for a single name.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Threads in one inference.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// What computes networks: cpu, or another one that `tailgate models bench` shows.
    #[arg(long, default_value_t, value_name = "NAME")]
    provider: Provider,
    /// Write the boxes of a single model as {file_name: [[left, top, width, height, score], ...]}.
    #[arg(long, value_name = "JSON")]
    boxes: Option<PathBuf>,
    /// The figures as one JSON array.
    #[arg(long)]
    json: bool,
}

/// One model's figures.
#[derive(Debug, Serialize)]
struct Evaluation {
    model: String,
    identity: String,
    infer_ms: f64,
    groups: Vec<Figures>,
}

/// Runs every model over every picture and prints one table.
pub fn run(registry: &Registry, args: &EvalArgs) -> Outcome {
    let models = ready(registry, &args.names)?;
    if models.len() != 1 && (args.boxes.is_some() || args.weights.is_some()) {
        return Err(Failure::unusable(
            "--boxes and --weights go with exactly one model's name",
        ));
    }
    let mut pictures = Vec::new();
    for folder in &args.data {
        pictures.extend(labels::read(folder, &args.split).map_err(Failure::unusable)?);
    }
    if args.boxes.is_some() {
        names_once(&pictures).map_err(Failure::unusable)?;
    }
    let mut evaluations = Vec::new();
    for manifest in &models {
        let (evaluation, boxes) = evaluate(manifest, args, &pictures)?;
        if let Some(path) = &args.boxes {
            write(path, &boxes)?;
        }
        evaluations.push(evaluation);
    }
    if args.json {
        let text = serde_json::to_string_pretty(&evaluations);
        let text = text.map_err(|error| Failure::unusable(error.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table(&evaluations));
    }
    Ok(DONE)
}

/// `--boxes` goes by name: two pictures of one would be one.
fn names_once(pictures: &[Labelled]) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for picture in pictures {
        if let Some(other) = seen.insert(&picture.name, &picture.path) {
            return Err(format!(
                "--boxes: {} and {} have one name: give one folder at a time",
                other.display(),
                picture.path.display()
            ));
        }
    }
    Ok(())
}

/// Boxes by file: left, top, width, height, score.
type Boxes = BTreeMap<String, Vec<[f64; 5]>>;

fn evaluate(
    manifest: &Manifest,
    args: &EvalArgs,
    pictures: &[Labelled],
) -> Result<(Evaluation, Boxes), Failure> {
    let settings = Settings {
        weights: args.weights.clone(),
        size: args.size,
        threads: args.threads,
        score: Some(LEAST_SCORE),
        provider: args.provider,
        ..Settings::default()
    };
    let mut detector = open(manifest, &settings).map_err(unusable)?;
    let mut seen = Vec::new();
    let mut boxes = Boxes::new();
    let mut times = Vec::new();
    for picture in pictures {
        let (found, infer_ms) = look(detector.as_mut(), picture).map_err(|problem| {
            Failure::unusable(format!("{}: {problem}", picture.path.display()))
        })?;
        let rows = found.iter().map(|detection| {
            let b = &detection.bbox;
            [b.left, b.top, b.width(), b.height(), detection.score]
        });
        boxes.insert(picture.name.clone(), rows.collect());
        times.push(infer_ms);
        seen.push(Seen { picture, found });
    }
    times.sort_by(f64::total_cmp);
    let evaluation = Evaluation {
        model: detector.name().to_owned(),
        identity: detector.identity().to_owned(),
        infer_ms: times[times.len() / 2],
        groups: figures(&seen),
    };
    Ok((evaluation, boxes))
}

/// The people in a picture, their boxes cut to it, and the time in the network, ms.
fn look(detector: &mut dyn Detector, picture: &Labelled) -> Result<(Vec<Detection>, f64), String> {
    let pixels = image::open(&picture.path)
        .map_err(|error| error.to_string())?
        .to_rgb8();
    let (width, height) = pixels.dimensions();
    if let Some((w, h)) = picture.size.filter(|size| *size != (width, height)) {
        return Err(format!(
            "it has {width} x {height} px, but its labels are of {w} x {h}"
        ));
    }
    let planes = YuvPicture::from_rgb(width as usize, height as usize, &pixels)
        .map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    let report = detector
        .detect(&planes.view(), &mut found)
        .map_err(|error| error.to_string())?;
    let (width, height) = (f64::from(width), f64::from(height));
    for detection in &mut found {
        let b = &mut detection.bbox;
        (b.left, b.right) = (b.left.clamp(0.0, width), b.right.clamp(0.0, width));
        (b.top, b.bottom) = (b.top.clamp(0.0, height), b.bottom.clamp(0.0, height));
    }
    Ok((found, report.infer.as_secs_f64() * 1e3))
}

fn write(path: &Path, boxes: &Boxes) -> Result<(), Failure> {
    let refuse = |message: String| Failure::unusable(format!("{}: {message}", path.display()));
    let text = serde_json::to_string(boxes).map_err(|error| refuse(error.to_string()))?;
    std::fs::write(path, text + "\n").map_err(|error| refuse(error.to_string()))
}

/// One table: group after group, in each the models.
fn table(evaluations: &[Evaluation]) -> String {
    let head = [
        "GROUP",
        "MODEL",
        "PICTURES",
        "PEOPLE",
        "AP50",
        "AP50-95",
        "RECALL",
        "FOOT PX",
        "FOOT CM",
        "HIDDEN PX",
        "HIDDEN CM",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let groups = evaluations.first().map_or(&[][..], |first| &first.groups);
    for (index, group) in groups.iter().enumerate() {
        for evaluation in evaluations {
            // Groups depend on the labels alone: all models have the same ones.
            let Some(figures) = evaluation.groups.get(index) else {
                continue;
            };
            rows.push(row(&group.group, &evaluation.model, figures));
        }
    }
    let times = evaluations.iter().map(|one| {
        format!(
            "{}: median {:.1} ms in the network\n",
            one.model, one.infer_ms
        )
    });
    columns(&rows, 2..11) + &times.collect::<String>()
}

fn row(group: &str, model: &str, figures: &Figures) -> [String; 11] {
    let told = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    let px = |foot: Option<FootError>| told(foot.map(|foot| foot.px));
    let cm = |foot: Option<FootError>| told(foot.and_then(|foot| foot.cm));
    let pictures = figures.pictures;
    [
        group.to_owned(),
        model.to_owned(),
        pictures.map_or("-".to_owned(), |count| count.to_string()),
        figures.people.to_string(),
        told(figures.ap50),
        told(figures.ap),
        told(figures.recall),
        px(figures.foot),
        cm(figures.foot),
        px(figures.hidden_foot),
        cm(figures.hidden_foot),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_stand_below_each_other() {
        let evaluation = |model: &str, foot: Option<FootError>| Evaluation {
            model: model.to_owned(),
            identity: String::new(),
            infer_ms: 8.04,
            groups: vec![Figures {
                group: "source lobby".to_owned(),
                pictures: Some(62),
                people: 150,
                ap50: Some(86.7),
                recall: Some(74.8),
                foot,
                ..Figures::default()
            }],
        };
        let foot = FootError {
            people: 5,
            px: 3.21,
            cm: Some(7.0),
        };
        insta::assert_snapshot!(table(&[evaluation("a", Some(foot)), evaluation("longer", None)]), @r"
        GROUP         MODEL   PICTURES  PEOPLE  AP50  AP50-95  RECALL  FOOT PX  FOOT CM  HIDDEN PX  HIDDEN CM
        source lobby  a             62     150  86.7        -    74.8      3.2      7.0          -          -
        source lobby  longer        62     150  86.7        -    74.8        -        -          -          -
        a: median 8.0 ms in the network
        longer: median 8.0 ms in the network
        ");
    }
}
