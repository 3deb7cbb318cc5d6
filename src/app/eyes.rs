//! Which detector, where it looks and how many of it.

use std::path::{Path, PathBuf};

pub use super::look::Look;
use super::look::{WantedSize, look};
use crate::config::DetectorChoice;
use crate::engine::EngineConfig;
use crate::floor::{CameraModel, Grid, Portal};
use crate::inference::{
    Detector, InputSize, Manifest, Provider, Registry, Settings, find_weights, open,
};
use crate::units::CameraId;

/// Tried in this order where nothing is said: the first whose weights are here. Those of `lintel` come
/// with the project, and HOG needs none.
pub const DEFAULT_MODELS: [&str; 3] = ["lintel", "yolox_nano", "hog"];

/// What the command line says of the detector; the door's file may say it too.
#[derive(Debug, Clone, Default)]
pub struct EyesChoice {
    /// Model name or folder.
    pub model: Option<String>,
    /// File of the weights.
    pub weights: Option<PathBuf>,
    /// Folder of models.
    pub models: Option<PathBuf>,
    /// Look at the whole picture, not only at the floor that matters.
    pub whole: bool,
    /// Longer side of the network's input, px.
    pub input: Option<u32>,
    /// How many, one thread each.
    pub threads: usize,
    /// What computes a network.
    pub provider: Provider,
}

/// Opens the detectors for the first camera of a site, for pictures of `picture` px.
pub fn open_eyes(
    choice: &EyesChoice,
    door: &DetectorChoice,
    config: &EngineConfig,
    picture: (u32, u32),
) -> Result<Vec<Box<dyn Detector>>, String> {
    let mut manifest = model_of(choice, door)?;
    if let Some(overlap) = door.max_overlap {
        manifest.thresholds.overlap = overlap;
    }
    let looked = if choice.whole {
        None
    } else {
        look_of(config, picture, wanted_size(&manifest))
    };
    let size = input_size(choice, &manifest, looked);
    let settings = Settings {
        weights: choice.weights.clone(),
        size,
        source: looked.map(|look| look.source),
        picture: Some(picture),
        threads: 1,
        score: door.min_score,
        provider: choice.provider,
    };
    (0..choice.threads.max(1))
        .map(|_| open(&manifest, &settings).map_err(|problem| problem.to_string()))
        .collect()
}

/// A network that is made for one size sees what matters at that one.
fn input_size(choice: &EyesChoice, manifest: &Manifest, looked: Option<Look>) -> InputSize {
    match (choice.input, looked) {
        (Some(side), _) => InputSize::LongSide(side),
        (None, Some(look)) if manifest.takes_any_size() => InputSize::LongSide(look.long_side),
        (None, _) => InputSize::Tight,
    }
}

/// Where [`open_eyes`] would look, and how large; `None`: at the whole picture.
pub fn looked_at(
    choice: &EyesChoice,
    door: &DetectorChoice,
    config: &EngineConfig,
    picture: (u32, u32),
) -> Result<Option<Look>, String> {
    let manifest = model_of(choice, door)?;
    let look = look_of(config, picture, wanted_size(&manifest));
    Ok(look.filter(|_| !choice.whole))
}

/// The description of the model that [`open_eyes`] would open.
pub fn model_of(choice: &EyesChoice, door: &DetectorChoice) -> Result<Manifest, String> {
    let registry = Registry::new(choice.models.as_deref());
    let name = match choice.model.as_deref().or(door.model.as_deref()) {
        Some(name) => name.to_owned(),
        None => default_model(&registry, choice.weights.as_deref())?,
    };
    registry.get(&name).map_err(|problem| problem.to_string())
}

/// The model that is used where none is named: the first of [`DEFAULT_MODELS`] that is ready.
pub fn default_model(registry: &Registry, weights: Option<&Path>) -> Result<String, String> {
    let here = DEFAULT_MODELS.iter().find(|name| match registry.get(name) {
        Ok(manifest) if manifest.weights.is_none() => cfg!(feature = "opencv"),
        Ok(manifest) => weights.is_some() || find_weights(&manifest).is_ok(),
        Err(_) => false,
    });
    here.map(|name| (*name).to_owned()).ok_or_else(|| {
        "no detector is ready: fetch one with `tailgate models fetch yolox_nano`, name one with \
         --model, or build with the opencv feature for the HOG fallback"
            .to_owned()
    })
}

/// A detector is given no more than the size it was published for: people across a wide yard stay
/// small and are found all the same, and a larger input costs more than it finds.
fn wanted_size(manifest: &Manifest) -> WantedSize {
    let input = &manifest.input;
    WantedSize {
        longest_px: f64::from(input.size.0.max(input.size.1)),
        nearest_person_px: input.person_px.nearest,
        furthest_person_px: input.person_px.furthest,
    }
}

fn look_of(config: &EngineConfig, picture: (u32, u32), wanted: WantedSize) -> Option<Look> {
    let camera = config.cameras.first()?;
    let model = CameraModel::new(camera.calibration.clone()?).ok()?;
    let portals: Vec<Portal> = config
        .portals
        .iter()
        .filter(|portal| portal.camera == CameraId(0))
        .map(|portal| portal.portal.clone())
        .collect();
    let grid = Grid::new(camera.grid.clone(), &portals);
    look(&model, &grid, &portals, picture, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::SourceRect;

    #[track_caller]
    fn check(model: &str, asked: Option<u32>, look_px: Option<u32>, expect: InputSize) {
        let manifest = Registry::new(None).get(model).unwrap();
        let choice = EyesChoice {
            input: asked,
            ..EyesChoice::default()
        };
        let looked = look_px.map(|long_side| Look {
            source: SourceRect::whole(640, 480),
            long_side,
        });
        assert_eq!(input_size(&choice, &manifest, looked), expect, "{model}");
    }

    #[test]
    fn networks_of_one_size_are_asked_for_no_other() {
        check("lintel", None, Some(300), InputSize::LongSide(300));
        check("lintel", None, None, InputSize::Tight);
        check("hog", None, Some(300), InputSize::LongSide(300));
        check("nanodet_m", None, Some(300), InputSize::Tight);
        check("nanodet_m", Some(320), Some(300), InputSize::LongSide(320));
    }
}
