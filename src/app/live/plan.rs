//! From a site file to what is started: streams with their secrets, detectors, doors.
//!
//! Theory of operation: what is cheap to know of a camera is a [`View`], so that a configuration can be compared with the one
//! that runs; opening the detector is left to who needs a new one.

use std::path::Path;

use super::judge::DoorPlaces;
use super::view::least_rate_hz;
use crate::app::eyes::{EyesChoice, Look, looked_at, open_eyes};
use crate::app::intake::secret;
use crate::capture::live::{Address, LiveSource, Login, RtspTransport};
use crate::config::{
    DetectorChoice, IntakeConfig, LiveCamera, LiveConfig, ProviderName, TransportName,
};
use crate::inference::{Detector, Provider};
use crate::units::DoorId;

/// How a camera is looked at.
#[derive(Clone)]
pub struct View {
    /// Its stream.
    pub source: LiveSource,
    /// Width and height that it was calibrated for, px.
    pub calibrated: (u32, u32),
    /// Where in the picture it looks, and how large; `None`: at all of it.
    pub look: Option<Look>,
    /// Frames a second that its most demanding door needs.
    pub least_rate_hz: f64,
    choice: EyesChoice,
    door: DetectorChoice,
}

impl View {
    /// How this camera is looked at. `Err`: everything that is wrong.
    pub fn of(config: &LiveConfig, camera: &LiveCamera) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut keep = |what: String| problems.push(format!("camera {:?}: {what}", camera.name));
        let source = source(&config.folder, camera).map_err(&mut keep).ok();
        let rate = least_rate_hz(&camera.site.engine).map_err(&mut keep).ok();
        let place = calibrated(camera).map_err(&mut keep).ok();
        let mut door = camera.site.detectors[0].clone();
        door.model = door.model.or_else(|| config.model.clone());
        let choice = EyesChoice {
            models: config.models.clone(),
            threads: 1,
            provider: provider(config.provider),
            ..EyesChoice::default()
        };
        let look = place.and_then(|size| {
            let look = looked_at(&choice, &door, &camera.site.engine, size);
            look.map_err(&mut keep).ok()
        });
        match (source, rate, place, look) {
            (Some(source), Some(least_rate_hz), Some(calibrated), Some(look)) => Ok(Self {
                source,
                calibrated,
                look,
                least_rate_hz,
                choice,
                door,
            }),
            _ => Err(problems),
        }
    }

    /// Whether a thread that looks at the one would do the same for the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let (own, others) = (&self.source, &other.source);
        own.address == others.address
            && own.transport == others.transport
            && own.again == others.again
            && self.calibrated == other.calibrated
            && self.look == other.look
            && self.door == other.door
            && self.choice.models == other.choice.models
            && self.choice.provider == other.choice.provider
    }

    /// What computes its network.
    pub fn provider(&self) -> Provider {
        self.choice.provider
    }

    /// Opens the detector.
    pub fn open_eyes(&self, camera: &LiveCamera) -> Result<Box<dyn Detector>, String> {
        let engine = &camera.site.engine;
        let eyes = open_eyes(&self.choice, &self.door, engine, self.calibrated)
            .map_err(|what| format!("camera {:?}: {what}", camera.name))?;
        let eyes = eyes.into_iter().last();
        eyes.ok_or_else(|| format!("camera {:?}: no detector could be opened", camera.name))
    }
}

/// Width and height of the picture that the camera was calibrated for, px.
fn calibrated(camera: &LiveCamera) -> Result<(u32, u32), String> {
    let cameras = &camera.site.engine.cameras;
    let calibration = cameras.first().and_then(|c| c.calibration.as_ref());
    let size = calibration.map(|spec| (spec.image_width_px, spec.image_height_px));
    size.ok_or_else(|| "it is not calibrated: see `tailgate calibrate`".to_owned())
}

/// A camera's stream, with its password read.
pub fn source(folder: &Path, camera: &LiveCamera) -> Result<LiveSource, String> {
    let mut address = Address::parse(&camera.url).map_err(|what| format!("its url {what}"))?;
    if let Address::File(path) = &address {
        address = Address::File(folder.join(path));
    }
    if let Some(user) = &camera.user {
        let password = match &camera.password {
            Some(place) => secret(folder, place)?,
            None => crate::intake::Secret::new(""),
        };
        let password = String::from_utf8(password.expose().to_vec())
            .map_err(|_| "its password is no text".to_owned())?;
        let user = user.clone();
        address = address.with_login(Some(Login { user, password }));
    }
    Ok(LiveSource {
        transport: match camera.transport {
            TransportName::Tcp => RtspTransport::Tcp,
            TransportName::Udp => RtspTransport::Udp,
        },
        again: camera.again,
        ..LiveSource::new(address)
    })
}

/// Where the intake's doors are among the cameras' engines, which are given with their places.
pub fn door_places<'a>(
    intake: Option<&IntakeConfig>,
    cameras: impl Iterator<Item = (usize, &'a LiveCamera)> + Clone,
) -> DoorPlaces {
    let place = |name: &str| {
        cameras.clone().find_map(|(place, of)| {
            let doors = &of.site.engine.doors;
            let door = doors.iter().position(|door| door.name == name)?;
            Some((place, DoorId(door as u16)))
        })
    };
    let doors = intake.map(|intake| intake.doors.iter());
    let doors = doors.into_iter().flatten();
    doors.map(|door| place(&door.name)).collect()
}

fn provider(name: ProviderName) -> Provider {
    match name {
        ProviderName::Cpu => Provider::Cpu,
        ProviderName::OpenVino => Provider::OpenVino,
        ProviderName::TensorRt => Provider::TensorRt,
        ProviderName::Cuda => Provider::Cuda,
        ProviderName::Xnnpack => Provider::Xnnpack,
        ProviderName::Acl => Provider::Acl,
    }
}

/// Threads that look, where the site file says nothing: one core is for everything else.
pub fn lookers(config: &LiveConfig) -> usize {
    config.threads.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cores.saturating_sub(1).max(1)
    })
}
