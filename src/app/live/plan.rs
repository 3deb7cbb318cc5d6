//! From a site file to what is started: streams with their secrets, detectors, doors.

use std::path::Path;

use super::judge::DoorPlaces;
use super::view::least_rate_hz;
use crate::app::eyes::{EyesChoice, looked_at, open_eyes};
use crate::app::intake::secret;
use crate::capture::live::{Address, LiveSource, Login, RtspTransport};
use crate::config::{LiveCamera, LiveConfig, TransportName};
use crate::detection::SourceRect;
use crate::inference::Detector;
use crate::units::DoorId;

/// One camera, ready to be started.
pub struct CameraPlan {
    /// Its stream.
    pub source: LiveSource,
    /// Width and height that it was calibrated for, px.
    pub calibrated: Option<(u32, u32)>,
    /// The part of the picture that matters; `None`: all of it.
    pub region: Option<SourceRect>,
    /// Frames a second that its most demanding door needs.
    pub least_rate_hz: f64,
    /// Looks for people in its pictures.
    pub eyes: Box<dyn Detector>,
    /// The detector's name and what identifies it.
    pub model: String,
}

/// Opens what every camera needs. `Err`: everything that is wrong.
pub fn plan(config: &LiveConfig) -> Result<Vec<CameraPlan>, Vec<String>> {
    let mut problems = Vec::new();
    let mut plans = Vec::new();
    for camera in &config.cameras {
        let named = |what: String| format!("camera {:?}: {what}", camera.name);
        let source = source(&config.folder, camera).map_err(named);
        let eyes = eyes(config, camera).map_err(named);
        match (source, eyes) {
            (Ok(source), Ok(own)) => plans.push(CameraPlan {
                source,
                calibrated: Some(own.calibrated),
                model: format!("{} {}", own.eyes.name(), own.eyes.identity()),
                eyes: own.eyes,
                region: own.region,
                least_rate_hz: own.least_rate_hz,
            }),
            (source, eyes) => {
                problems.extend(source.err());
                problems.extend(eyes.err());
            }
        }
    }
    if problems.is_empty() {
        Ok(plans)
    } else {
        Err(problems)
    }
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

struct Eyes {
    eyes: Box<dyn Detector>,
    calibrated: (u32, u32),
    region: Option<SourceRect>,
    least_rate_hz: f64,
}

fn eyes(config: &LiveConfig, camera: &LiveCamera) -> Result<Eyes, String> {
    let engine = &camera.site.engine;
    let calibration = engine.cameras.first().and_then(|c| c.calibration.as_ref());
    let calibrated = calibration.map(|spec| (spec.image_width_px, spec.image_height_px));
    let Some(calibrated) = calibrated else {
        return Err("it is not calibrated: see `tailgate calibrate`".to_owned());
    };
    let mut door = camera.site.detectors[0].clone();
    door.model = door.model.or_else(|| config.model.clone());
    let choice = EyesChoice {
        models: config.models.clone(),
        threads: 1,
        ..EyesChoice::default()
    };
    let eyes = open_eyes(&choice, &door, engine, calibrated)?.into_iter();
    Ok(Eyes {
        eyes: eyes.last().ok_or("no detector could be opened")?,
        calibrated,
        region: looked_at(&choice, &door, engine, calibrated)?,
        least_rate_hz: least_rate_hz(engine)?,
    })
}

/// Where the intake's doors are among the cameras' engines.
pub fn door_places(config: &LiveConfig) -> DoorPlaces {
    let Some(intake) = &config.intake else {
        return Vec::new();
    };
    let place = |name: &str| {
        config.cameras.iter().enumerate().find_map(|(camera, of)| {
            let doors = &of.site.engine.doors;
            let door = doors.iter().position(|door| door.name == name)?;
            Some((camera, DoorId(door as u16)))
        })
    };
    intake.doors.iter().map(|door| place(&door.name)).collect()
}

/// Threads that look, where the site file says nothing: one core is for everything else.
pub fn lookers(config: &LiveConfig) -> usize {
    config.threads.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cores.saturating_sub(1).max(1)
    })
}
