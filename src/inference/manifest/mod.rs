//! `model.toml`: what a network wants, what its numbers mean, where its weights come from.
//!
//! One file a model, in `models/NAME/`. Reading finds every mistake at once, each with its line;
//! a key it does not know is one. The weights are a file of their own, named by their sha256, so
//! that a verdict can say which network saw what.

mod fields;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{Colour, InferenceError, Normalise};
use crate::detection::Placement;
use fields::{Fields, Source};

/// Sides of an input are multiples of this, the coarsest stride of every family here.
pub const INPUT_MULTIPLE: u32 = 32;

/// Larger inputs are a slip of the pen: 4096 squared needs gigabytes.
pub(super) const MAX_INPUT_SIDE: u32 = 4096;

/// Classes at most: Objects365 and OpenImages have hundreds.
const MAX_CLASSES: u32 = 10_000;

/// How a family's outputs are read; see `detection::heads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Grid cells with offsets, log sizes, objectness and classes.
    YoloX,
    /// Decoded boxes in columns (YOLOv8, YOLO11 and their like).
    YoloV8,
    /// Distributions over distances.
    NanoDet,
    /// This project's own: visible box, full body, foot and head.
    Lintel,
    /// Labels, boxes and scores (D-FINE, RT-DETR with their post-processor).
    Detr,
    /// Boxes in 0..1 and class logits (RF-DETR, or DETRs without post-processor).
    DetrLogits,
    /// OpenCV's histogram-of-gradients people detector: needs no weights.
    Hog,
}

/// One model as its `model.toml` describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// How its outputs are read.
    pub family: Family,
    /// The licence of the weights, SPDX.
    pub licence: String,
    /// Where the weights come from: a page a person can read.
    pub source: String,
    /// The file of the weights; none for a family without.
    pub weights: Option<WeightsEntry>,
    /// What goes in.
    pub input: Input,
    /// What comes out.
    pub output: Output,
    /// What is kept of it.
    pub thresholds: Thresholds,
    /// What was measured with it.
    pub measured: Vec<Measured>,
}

/// The file of the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsEntry {
    /// Its name in the model's folder.
    pub file: String,
    /// Where it can be had; none when only its owner can say.
    pub url: Option<String>,
    /// Its sha256, lower-case hex; none while nobody has pinned it.
    pub sha256: Option<String>,
    /// Other exports of the same network that were tried and do as well, lower-case hex.
    pub also_sha256: Vec<String>,
}

/// What goes into the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The input's name in the file.
    pub name: String,
    /// Name of a second input that wants the input's width and height (DETR families).
    pub size_name: Option<String>,
    /// Width and height as published, px.
    pub size: (u32, u32),
    /// Whether any other multiple of 32 does as well.
    pub flexible: bool,
    /// Colours.
    pub normalise: Normalise,
    /// Where the picture lies.
    pub placement: Placement,
    /// Grey level of the padding.
    pub pad: u8,
    /// How tall people on a portal's line are wanted in the input, px.
    pub person_px: PersonPx,
}

/// How tall people on a portal's line are wanted in a network's input, px. Taller costs time, smaller
/// loses people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonPx {
    /// Whoever stands nearest.
    pub nearest: f64,
    /// Whoever stands furthest, at least: a portal may recede.
    pub furthest: f64,
}

impl PersonPx {
    /// For a network whose description does not say. Measured with `yolox_nano` on nine real and
    /// rendered clips: every crossing is found from 120 down to 48 and the first is lost at 40, so
    /// this leaves half as much again; nobody was lost at the far end of a line down to 20.
    const USUAL: Self = Self {
        nearest: 72.0,
        furthest: 36.0,
    };
}

/// What comes out of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Names in the file, in the order that the family reads them.
    pub names: Vec<String>,
    /// Input pixels per grid cell, one a level.
    pub strides: Vec<u32>,
    /// How many classes it knows.
    pub classes: u32,
    /// Which of them is a person.
    pub person: u32,
    /// Logits for one edge (NanoDet).
    pub bins: u32,
    /// Where in its cell an anchor lies, in strides (NanoDet).
    pub anchor: f64,
}

/// What is kept of the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Boxes surer than this are handed on, 0 to 1. Low: the tracker wants the weak ones too.
    pub score: f64,
    /// Boxes that overlap a surer one by more are dropped, intersection over union.
    pub overlap: f64,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What, with its unit.
    pub what: String,
    /// The figure.
    pub value: f64,
    /// On which machine, when, how.
    pub how: String,
}

impl Family {
    const ALL: [Self; 7] = [
        Self::YoloX,
        Self::YoloV8,
        Self::NanoDet,
        Self::Lintel,
        Self::Detr,
        Self::DetrLogits,
        Self::Hog,
    ];

    /// Its word in `model.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YoloX => "yolox",
            Self::YoloV8 => "yolov8",
            Self::NanoDet => "nanodet",
            Self::Lintel => "lintel",
            Self::Detr => "detr",
            Self::DetrLogits => "detr_logits",
            Self::Hog => "hog",
        }
    }

    /// Outputs that the family reads, given how many levels there are; `None` when it has none.
    const fn outputs(self, levels: usize) -> Option<usize> {
        match self {
            Self::YoloX | Self::YoloV8 | Self::Lintel => Some(1),
            Self::NanoDet => Some(2 * levels),
            Self::Detr => Some(3),
            Self::DetrLogits => Some(2),
            Self::Hog => None,
        }
    }

    const fn has_strides(self) -> bool {
        matches!(
            self,
            Self::YoloX | Self::YoloV8 | Self::NanoDet | Self::Lintel
        )
    }
}

impl Manifest {
    /// Whether it can look at pictures of any size; else only at the published one.
    pub fn takes_any_size(&self) -> bool {
        self.weights.is_none() || self.input.flexible
    }

    /// Reads `folder/model.toml`.
    pub fn load(folder: &Path) -> Result<Self, InferenceError> {
        let path = folder.join("model.toml");
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| InferenceError::Manifest {
            problems: vec![format!("{shown}: can't be read: {error}")],
        })?;
        Self::parse(folder, &shown, &text)
    }

    /// Reads the text of a `model.toml` of `folder`; `file` names it in messages.
    pub fn parse(folder: &Path, file: &str, text: &str) -> Result<Self, InferenceError> {
        let mut source = Source::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            source.problem(at, error.message());
        }
        let found = source
            .is_clean()
            .then(|| read(folder, &mut source, table.get_ref()));
        match found.flatten() {
            Some(manifest) if source.is_clean() => Ok(manifest),
            _ => Err(InferenceError::Manifest {
                problems: source.into_problems(),
            }),
        }
    }

    /// The hashes that its weights may have; empty when none is pinned.
    pub fn known_hashes(&self) -> Vec<String> {
        let weights = self.weights.iter();
        weights
            .flat_map(|w| w.sha256.iter().chain(&w.also_sha256))
            .cloned()
            .collect()
    }
}

fn read(folder: &Path, source: &mut Source<'_>, table: &DeTable<'_>) -> Option<Manifest> {
    let mut top = Fields::top(table);
    let family = read_family(source, &mut top);
    let licence = required_string(source, &mut top, "licence");
    let page = required_string(source, &mut top, "source");
    let measured = top
        .tables(source, "measured")
        .into_iter()
        .filter_map(|fields| read_measured(source, fields))
        .collect();
    let weights = read_weights(source, &mut top, family);
    let input = top.table(source, "input");
    let output = top.table(source, "output");
    let thresholds = top.table(source, "thresholds");
    let missing = [
        ("input", input.is_none()),
        ("output", output.is_none() && family != Some(Family::Hog)),
        ("thresholds", thresholds.is_none()),
    ];
    for (key, _) in missing.into_iter().filter(|(_, gone)| *gone) {
        top.require(source, key, None::<()>);
    }
    let input = input.and_then(|fields| read_input(source, fields, family));
    let output = match output {
        Some(fields) => read_output(source, fields, family),
        None => Some(Output::none()),
    };
    let thresholds = thresholds.and_then(|fields| read_thresholds(source, fields));
    top.finish(source);
    let name = folder
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Some(Manifest {
        name,
        folder: folder.to_owned(),
        family: family?,
        licence: licence?,
        source: page?,
        weights,
        input: input?,
        output: output?,
        thresholds: thresholds?,
        measured,
    })
}

impl Output {
    /// For a family that has none.
    const fn none() -> Self {
        Self {
            names: Vec::new(),
            strides: Vec::new(),
            classes: 1,
            person: 0,
            bins: 0,
            anchor: 0.0,
        }
    }
}

fn required_string(source: &mut Source<'_>, fields: &mut Fields<'_>, key: &str) -> Option<String> {
    let found = fields.string(source, key);
    fields.require(source, key, found).map(|(_, value)| value)
}

/// One word of a closed set.
fn choice<T: Copy>(
    source: &mut Source<'_>,
    found: Option<(usize, String)>,
    key: &str,
    choices: &[(&str, T)],
) -> Option<T> {
    let (at, word) = found?;
    let chosen = choices.iter().find(|(name, _)| *name == word);
    if chosen.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        source.problem(
            at,
            format!("{key} is \"{word}\", not one of {}", names.join(", ")),
        );
    }
    chosen.map(|(_, value)| *value)
}

fn read_family(source: &mut Source<'_>, top: &mut Fields<'_>) -> Option<Family> {
    let found = top.string(source, "family");
    let found = top.require(source, "family", found);
    choice(
        source,
        found,
        "family",
        &Family::ALL.map(|family| (family.name(), family)),
    )
}

fn read_measured(source: &mut Source<'_>, mut fields: Fields<'_>) -> Option<Measured> {
    let what = required_string(source, &mut fields, "what");
    let value = fields.number(source, "value");
    let value = fields.require(source, "value", value);
    let how = required_string(source, &mut fields, "how");
    fields.finish(source);
    Some(Measured {
        what: what?,
        value: value?.1,
        how: how?,
    })
}

fn read_weights(
    source: &mut Source<'_>,
    top: &mut Fields<'_>,
    family: Option<Family>,
) -> Option<WeightsEntry> {
    let file = top.string(source, "file");
    let url = top.string(source, "url");
    let sha256 = top.string(source, "sha256");
    let also = top.strings(source, "also_sha256");
    if family == Some(Family::Hog) {
        let given = [
            file.map(|f| f.0),
            url.map(|u| u.0),
            sha256.map(|s| s.0),
            also.map(|a| a.0),
        ];
        for at in given.into_iter().flatten() {
            source.problem(at, "family hog has no weights: leave this out");
        }
        return None;
    }
    let (at, file) = top.require(source, "file", file)?;
    if Path::new(&file).components().count() != 1 || file.contains(['/', '\\']) {
        source.problem(at, format!("file is \"{file}\", not a plain file name"));
    }
    if let Some((at, url)) = &url
        && !url.starts_with("https://")
        && !url.starts_with("http://")
    {
        source.problem(*at, "url must begin with https:// or http://");
    }
    if let (Some((at, _)), None) = (&url, &sha256) {
        source.problem(
            *at,
            "a url needs a sha256 beside it: nothing is fetched unchecked",
        );
    }
    let pinned = sha256.iter().map(|(at, hash)| (*at, hash));
    let others = also
        .iter()
        .flat_map(|(at, hashes)| hashes.iter().map(|hash| (*at, hash)));
    for (at, hash) in pinned.chain(others) {
        if hash.len() != 64
            || !hash
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            source.problem(at, "a sha256 is 64 lower-case hexadecimal digits");
        }
    }
    Some(WeightsEntry {
        file,
        url: url.map(|(_, url)| url),
        sha256: sha256.map(|(_, hash)| hash),
        also_sha256: also.map(|(_, hashes)| hashes).unwrap_or_default(),
    })
}

fn read_input(
    source: &mut Source<'_>,
    mut fields: Fields<'_>,
    family: Option<Family>,
) -> Option<Input> {
    let hog = family == Some(Family::Hog);
    let name = fields.string(source, "name");
    let name = if hog {
        name
    } else {
        fields.require(source, "name", name)
    };
    let size_name = fields.string(source, "size_name").map(|(_, name)| name);
    let side = |fields: &mut Fields<'_>, source: &mut Source<'_>, key: &str| {
        let found = fields.whole(source, key, (INPUT_MULTIPLE, MAX_INPUT_SIDE));
        let found = fields.require(source, key, found);
        if let Some((at, value)) = found
            && !hog
            && value % INPUT_MULTIPLE != 0
        {
            source.problem(
                at,
                format!("input.{key} is {value}, not a multiple of {INPUT_MULTIPLE}"),
            );
        }
        found.map(|(_, value)| value)
    };
    let width = side(&mut fields, source, "width");
    let height = side(&mut fields, source, "height");
    let flexible = fields
        .boolean(source, "flexible")
        .is_some_and(|(_, value)| value);
    let normalise = read_normalise(source, &mut fields, hog);
    let placement = fields.string(source, "placement");
    let placement = if hog {
        placement
    } else {
        fields.require(source, "placement", placement)
    };
    let placements = [
        ("top_left", Placement::TopLeft),
        ("centre", Placement::Centre),
        ("stretch", Placement::Stretch),
    ];
    let given = placement.is_some();
    let placement = choice(source, placement, "input.placement", &placements)
        .or_else(|| (hog && !given).then_some(Placement::TopLeft));
    let pad = fields
        .whole(source, "pad", (0, 255))
        .map_or(114, |(_, value)| value);
    let person_px = read_person_px(source, &mut fields);
    fields.finish(source);
    Some(Input {
        name: name.map_or_else(String::new, |(_, name)| name),
        size_name,
        size: (width?, height?),
        flexible,
        normalise: normalise?,
        placement: placement?,
        pad: u8::try_from(pad).ok()?,
        person_px: person_px?,
    })
}

fn read_person_px(source: &mut Source<'_>, fields: &mut Fields<'_>) -> Option<PersonPx> {
    let Some((at, values)) = fields.numbers(source, "person_px") else {
        return Some(PersonPx::USUAL);
    };
    match values[..] {
        [nearest, furthest] if nearest > 0.0 && (0.0..=nearest).contains(&furthest) => {
            Some(PersonPx { nearest, furthest })
        }
        _ => {
            source.problem(
                at,
                "input.person_px wants two heights: of whoever is nearest on a door's line, above 0, \
                 and of whoever is furthest, not above it",
            );
            None
        }
    }
}

fn read_normalise(
    source: &mut Source<'_>,
    fields: &mut Fields<'_>,
    hog: bool,
) -> Option<Normalise> {
    let colour = fields.string(source, "colour");
    let colour = if hog {
        colour
    } else {
        fields.require(source, "colour", colour)
    };
    let given = colour.is_some();
    let colours = [("rgb", Colour::Rgb), ("bgr", Colour::Bgr)];
    let colour = choice(source, colour, "input.colour", &colours)
        .or_else(|| (hog && !given).then_some(Colour::Rgb));
    let range = fields.string(source, "range");
    let given = range.is_some();
    let top = choice(
        source,
        range,
        "input.range",
        &[("0-255", 255.0), ("0-1", 1.0)],
    )
    .or_else(|| (!given).then_some(255.0_f64))?;
    let mut triple = |key: &str, otherwise: f64| -> Option<[f32; 3]> {
        let Some((at, values)) = fields.numbers(source, key) else {
            return Some([otherwise as f32; 3]);
        };
        let Ok(values) = <[f64; 3]>::try_from(values) else {
            source.problem(at, format!("input.{key} wants three numbers, one a plane"));
            return None;
        };
        if key == "std" && values.iter().any(|&value| value <= 0.0) {
            source.problem(at, "input.std must be above 0");
            return None;
        }
        Some(values.map(|value| (value * 255.0 / top) as f32))
    };
    // Without mean and std the levels come as they are, or divided by 255 for the range 0-1.
    let mean = triple("mean", 0.0);
    let std = triple("std", 255.0 / top);
    Some(Normalise::new(colour?, mean?, std?))
}

fn read_output(
    source: &mut Source<'_>,
    mut fields: Fields<'_>,
    family: Option<Family>,
) -> Option<Output> {
    let names = fields.strings(source, "names");
    let names = fields.require(source, "names", names);
    let strides = fields.numbers(source, "strides");
    let strides = match family {
        Some(family) if family.has_strides() => fields.require(source, "strides", strides),
        _ => strides,
    };
    let mut levels = Vec::new();
    if let Some((at, values)) = &strides {
        for value in values {
            match u32::try_from(*value as i64) {
                Ok(whole @ 1..=256) if f64::from(whole).total_cmp(value).is_eq() => {
                    levels.push(whole);
                }
                _ => source.problem(*at, format!("output.strides holds {value}, not 1 to 256")),
            }
        }
    }
    let classes = fields.whole(source, "classes", (1, MAX_CLASSES));
    let classes = fields
        .require(source, "classes", classes)
        .map(|(_, value)| value);
    let person = fields.whole(source, "person", (0, MAX_CLASSES));
    let person = fields.require(source, "person", person);
    if let (Some(classes), Some((at, person))) = (classes, person)
        && person >= classes
    {
        source.problem(
            at,
            format!("output.person is {person}, but there are {classes} classes"),
        );
    }
    let bins = fields.whole(source, "bins", (2, 64));
    let bins = match family {
        Some(Family::NanoDet) => fields.require(source, "bins", bins),
        _ => bins,
    };
    let anchor = fields
        .number(source, "anchor")
        .map_or(0.5, |(_, value)| value);
    fields.finish(source);
    let (at, names) = names?;
    if let Some(wanted) = family.and_then(|family| family.outputs(levels.len()))
        && wanted != names.len()
    {
        let family = family.map_or("", Family::name);
        source.problem(
            at,
            format!(
                "output.names has {}, family {family} reads {wanted}",
                names.len()
            ),
        );
    }
    Some(Output {
        names,
        strides: levels,
        classes: classes?,
        person: person?.1,
        bins: bins.map_or(0, |(_, value)| value),
        anchor,
    })
}

fn read_thresholds(source: &mut Source<'_>, mut fields: Fields<'_>) -> Option<Thresholds> {
    let mut share = |key: &str| {
        let found = fields.number(source, key);
        let (at, value) = fields.require(source, key, found)?;
        if !(0.0..=1.0).contains(&value) {
            source.problem(at, format!("thresholds.{key} is {value}, outside 0 to 1"));
            return None;
        }
        Some(value)
    };
    let score = share("score");
    let overlap = share("overlap");
    fields.finish(source);
    Some(Thresholds {
        score: score?,
        overlap: overlap?,
    })
}

#[cfg(test)]
mod tests;
