//! A folder of JPEG or PNG images as a clip.
//!
//! Theory of operation: the images are sorted by name, numbers in names by value (`2` before `10`).
//! Their times come from `times.csv` in the folder (columns `file,time_s`, seconds, rising), or from
//! a given rate. Each file is decoded by the same codecs as videos are, so JPEG stays YUV.
//!
//! It deliberately does not guess times: without them a verdict would mean nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::av::{Decoder, Packet, Picture, Received};
use super::clip::{ClipInfo, ClipOptions, Decoded, MAX_PIXELS, check_size};
use super::loss::{self, Loss, LossReason};
use super::{CaptureError, Rotation};
use crate::units::Span;

/// The file in the folder that holds the images' times.
const TIMES_FILE: &str = "times.csv";

/// An image file larger than this is refused, in bytes: the largest picture, uncompressed.
const MAX_FILE_BYTES: u64 = MAX_PIXELS as u64 * 4;

/// A folder being read.
pub(super) struct Folder {
    path: PathBuf,
    images: Vec<Image>,
    next: usize,
    step_us: i64,
    info: ClipInfo,
    lost: Vec<Loss>,
    notes: Vec<String>,
    jpeg: Option<Decoder>,
    png: Option<Decoder>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    name: String,
    time_us: i64,
}

impl Folder {
    pub(super) fn open(path: &Path, options: &ClipOptions) -> Result<Self, CaptureError> {
        let names = image_names(path)?;
        if names.is_empty() {
            let why = "there is no JPEG or PNG image in this folder (.jpg, .jpeg, .png)";
            return Err(CaptureError::clip(path, why));
        }
        let times_path = path.join(TIMES_FILE);
        let mut notes = Vec::new();
        let images = if times_path.exists() {
            if options.rate.is_some() {
                notes.push(format!(
                    "the given rate is not used: {TIMES_FILE} has the times"
                ));
            }
            timed_by_file(&times_path, names)?
        } else if let Some(rate) = options.rate {
            timed_by_rate(names, rate)
        } else {
            let why = format!(
                "a folder of images has no times: give a rate in frames a second, \
                 or put {TIMES_FILE} with the columns file,time_s into it"
            );
            return Err(CaptureError::clip(path, why));
        };
        let span_us = images.last().map_or(0, |last| last.time_us);
        let gaps = i64::try_from(images.len()).unwrap_or(i64::MAX) - 1;
        let step_us = if gaps > 0 { (span_us / gaps).max(1) } else { 0 };
        let mut folder = Self {
            path: path.to_owned(),
            info: ClipInfo {
                width: 0,
                height: 0,
                codec: String::new(),
                container: "folder".into(),
                declared_rate: options.rate.or((step_us > 0).then(|| 1e6 / step_us as f64)),
                duration_us: Some(span_us.saturating_add(step_us)),
                frames: Some(images.len() as u64),
                created: None,
                rotation: Rotation::None,
            },
            images,
            next: 0,
            step_us,
            lost: Vec::new(),
            notes,
            jpeg: None,
            png: None,
        };
        folder.find_size()?;
        Ok(folder)
    }

    /// Takes size and codec from the first image that can be decoded.
    fn find_size(&mut self) -> Result<(), CaptureError> {
        for index in 0..self.images.len() {
            let name = self.images[index].name.clone();
            if let Some(picture) = self.decode(&name)? {
                let size = (picture.width().into(), picture.height().into());
                let (width, height) = check_size(&self.path.join(&name), size.0, size.1)?;
                self.info.width = width;
                self.info.height = height;
                self.info.codec = if is_png(&name) { "png" } else { "mjpeg" }.into();
                return Ok(());
            }
        }
        let why = "not one image in it could be decoded (the largest accepted is 4096x2304)";
        Err(CaptureError::clip(&self.path, why))
    }

    pub(super) fn info(&self) -> &ClipInfo {
        &self.info
    }

    pub(super) fn next(&mut self) -> Result<Option<Decoded>, CaptureError> {
        while let Some(image) = self.images.get(self.next) {
            let (name, time_us) = (image.name.clone(), image.time_us);
            self.next += 1;
            let reason = match self.decode(&name)? {
                Some(picture) if (picture.width(), picture.height()) == self.size() => {
                    let damaged = picture.is_damaged();
                    return Ok(Some(Decoded {
                        picture,
                        time_us,
                        damaged,
                    }));
                }
                Some(_) => LossReason::OtherSize,
                None => LossReason::Undecodable,
            };
            let at = Span::from_us(time_us);
            self.lost.push(Loss {
                frames: Some(1),
                from: at,
                to: at,
                reason,
            });
        }
        Ok(None)
    }

    fn size(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    /// Decodes one image; `None` if it is damaged or too large.
    fn decode(&mut self, name: &str) -> Result<Option<Picture>, CaptureError> {
        let path = self.path.join(name);
        let cannot = |why: String| CaptureError::clip(&path, why);
        let decoder = if is_png(name) {
            &mut self.png
        } else {
            &mut self.jpeg
        };
        if decoder.is_none() {
            let opened = if is_png(name) {
                Decoder::of_png(MAX_PIXELS)
            } else {
                Decoder::of_jpeg(MAX_PIXELS)
            };
            *decoder = opened.map_err(|error| cannot(error.to_string()))?;
        }
        let Some(decoder) = decoder else {
            return Err(cannot("this FFmpeg cannot decode such images".into()));
        };
        let len = std::fs::metadata(&path).map_or(0, |data| data.len());
        if len > MAX_FILE_BYTES {
            return Ok(None);
        }
        let Ok(bytes) = std::fs::read(&path) else {
            return Ok(None);
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        let memory = || cannot("there is not enough memory".into());
        let packet = Packet::with_bytes(&bytes).ok_or_else(memory)?;
        let mut picture = Picture::new().ok_or_else(memory)?;
        let sent = decoder
            .send(Some(&packet))
            .and_then(|()| decoder.send(None));
        let received = sent.and_then(|()| decoder.receive(&mut picture));
        // Each image is a stream of its own: the next one starts afresh.
        decoder.flush();
        Ok(matches!(received, Ok(Received::Picture)).then_some(picture))
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        loss::merge(self.lost.iter().cloned(), self.step_us)
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

fn extension(name: &str) -> String {
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    extension.to_ascii_lowercase()
}

fn is_png(name: &str) -> bool {
    extension(name) == "png"
}

/// The names of the images in a folder, in natural order.
fn image_names(path: &Path) -> Result<Vec<String>, CaptureError> {
    let cannot = |error: std::io::Error| {
        CaptureError::clip(path, format!("the folder cannot be listed ({error})"))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        if let Ok(name) = entry.map_err(cannot)?.file_name().into_string()
            && matches!(extension(&name).as_str(), "jpg" | "jpeg" | "png")
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort_by(|a, b| natural_order(a, b));
    Ok(names)
}

/// Orders names so that numbers in them count by value; equal ones by their bytes.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while !rest_a.is_empty() && !rest_b.is_empty() {
        let (run_a, run_b) = (leading_run(rest_a), leading_run(rest_b));
        let order = if is_number(run_a) && is_number(run_b) {
            let (number_a, number_b) =
                (run_a.trim_start_matches('0'), run_b.trim_start_matches('0'));
            number_a
                .len()
                .cmp(&number_b.len())
                .then(number_a.cmp(number_b))
        } else {
            run_a.cmp(run_b)
        };
        if order != Ordering::Equal {
            return order;
        }
        rest_a = &rest_a[run_a.len()..];
        rest_b = &rest_b[run_b.len()..];
    }
    rest_a.len().cmp(&rest_b.len()).then(a.cmp(b))
}

fn is_number(run: &str) -> bool {
    run.starts_with(|c: char| c.is_ascii_digit())
}

/// The longest beginning that is all digits or has none.
fn leading_run(text: &str) -> &str {
    let digits = is_number(text);
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    &text[..end]
}

fn timed_by_rate(names: Vec<String>, rate: f64) -> Vec<Image> {
    let timed = names.into_iter().enumerate().map(|(index, name)| Image {
        name,
        time_us: (index as f64 * 1e6 / rate).round() as i64,
    });
    timed.collect()
}

/// Gives every image its time from `times.csv`, relative to the first.
fn timed_by_file(path: &Path, names: Vec<String>) -> Result<Vec<Image>, CaptureError> {
    let wrong = |problems| CaptureError::Times {
        path: path.to_owned(),
        problems,
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(vec![error.to_string()]))?;
    let mut problems = Vec::new();
    let said = read_times(&text, &mut problems);
    let mut images: Vec<Image> = Vec::new();
    for name in names {
        match said.get(name.as_str()) {
            Some(&(line, time_us)) => {
                if let Some(before) = images.last().filter(|before| before.time_us >= time_us) {
                    problems.push(format!("line {line}: {name} is not after {}", before.name));
                }
                images.push(Image { name, time_us });
            }
            None => problems.push(format!("{name} is in the folder but has no line")),
        }
    }
    for (name, (line, _)) in &said {
        if !path.with_file_name(name).exists() {
            problems.push(format!(
                "line {line}: there is no image {name} in the folder"
            ));
        }
    }
    if !problems.is_empty() {
        return Err(wrong(problems));
    }
    let zero_us = images.first().map_or(0, |first| first.time_us);
    for image in &mut images {
        image.time_us -= zero_us;
    }
    Ok(images)
}

/// The largest time in `times.csv`, in seconds: an epoch time in the year 2100 and more.
const MAX_TIME_S: f64 = 1e10;

/// Reads lines of `file,time_s` into line numbers and times in microseconds.
fn read_times<'a>(text: &'a str, problems: &mut Vec<String>) -> BTreeMap<&'a str, (usize, i64)> {
    let mut said = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || (index == 0 && line == "file,time_s") {
            continue;
        }
        let parts = line
            .rsplit_once(',')
            .map(|(name, time)| (name.trim(), time.trim().parse::<f64>()));
        match parts {
            Some((name, Ok(time_s))) if time_s.abs() <= MAX_TIME_S => {
                let time_us = (time_s * 1e6).round() as i64;
                if said.insert(name, (number, time_us)).is_some() {
                    problems.push(format!("line {number}: {name} has two times"));
                }
            }
            _ => problems.push(format!(
                "line {number}: expected FILE,SECONDS, found {line:?}"
            )),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["f10.png", "f2.png", "f02.png", "a.png", "f1.png", "f2b.png"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["a.png", "f1.png", "f02.png", "f2.png", "f2b.png", "f10.png"]
        );
    }

    #[test]
    fn every_problem_of_a_times_file_is_told() {
        let mut problems = Vec::new();
        let said = read_times(
            "file,time_s\na.png,0.5\nb.png\nc.png,NaN\na.png,1\n",
            &mut problems,
        );
        assert_eq!(said["a.png"], (5, 1_000_000));
        assert_eq!(
            problems,
            [
                "line 3: expected FILE,SECONDS, found \"b.png\"",
                "line 4: expected FILE,SECONDS, found \"c.png,NaN\"",
                "line 5: a.png has two times",
            ]
        );
    }
}
