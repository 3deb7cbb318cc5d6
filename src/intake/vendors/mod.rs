//! One file a vendor: from raw bytes to access events.
//!
//! Theory of operation: the settings of a source name its vendor; [`adapter`] makes of them, with the
//! secrets resolved, the one thing that the rest of intake knows. Each file holds one format's facts
//! and says which of them are certain. The rules are the same everywhere:
//!
//! - Only what says in so many words that access was granted at a door becomes a grant. A chain of
//!   events about one swipe (card known, allowed, unlocked) gives one grant, not three.
//! - Fields may be missing, null, or numbers written as texts. What is needed and missing makes a row
//!   unreadable, never guessed.
//! - A push that an adapter cannot tell to be genuine is refused. What a driver fetched is not asked
//!   for a signature: its connection was.
//!
//! It deliberately remembers nothing: what repeats is told by its id.

mod camio;
mod credentials;
mod fields;
mod generic;
mod genetec;
mod kisi;
mod openpath;
mod prodatakey;
mod unifi;
mod verkada;
mod xml;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Adapter, Secret, SecretRef};
use crate::access::AccessKind;
use crate::crossing::Direction;

pub use camio::CamioSettings;
pub use fields::MAX_EVENTS;
pub(crate) use fields::short;
pub use generic::{
    Authentication, Condition, Encoding, Explained, GenericSettings, Kinds, Time, Tried, Ways,
    explain,
};
pub(crate) use genetec::guid;
pub use genetec::{AccessPointSettings, GenetecSettings};
pub use kisi::KisiSettings;
pub use openpath::OpenpathSettings;
pub use prodatakey::{ProdatakeyCheck, ProdatakeySettings};
pub use unifi::UnifiSettings;
pub use verkada::VerkadaSettings;

/// Secrets that we choose are no shorter, in bytes: 128 bits cannot be guessed.
const LEAST_SECRET: usize = 16;

/// The wire format of a source, by its vendor.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "vendor", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a source, read once"
)]
pub enum VendorSettings {
    /// Openpath, now Avigilon Alta Access.
    Openpath(OpenpathSettings),
    /// Kisi.
    Kisi(KisiSettings),
    /// Genetec Security Center, over its Web SDK.
    Genetec(GenetecSettings),
    /// Whatever speaks Camio's generic access-control API.
    Camio(CamioSettings),
    /// Verkada Access.
    Verkada(VerkadaSettings),
    /// UniFi Access.
    Unifi(UnifiSettings),
    /// ProdataKey.
    Prodatakey(ProdatakeySettings),
    /// Any JSON, by a map of its fields.
    Generic(GenericSettings),
}

impl VendorSettings {
    /// The vendor's name, as the settings have it.
    pub fn vendor(&self) -> &'static str {
        match self {
            Self::Openpath(_) => "openpath",
            Self::Kisi(_) => "kisi",
            Self::Genetec(_) => "genetec",
            Self::Camio(_) => "camio",
            Self::Verkada(_) => "verkada",
            Self::Unifi(_) => "unifi",
            Self::Prodatakey(_) => "prodatakey",
            Self::Generic(_) => "generic",
        }
    }

    /// Where the secrets are kept that [`adapter`] needs, in order.
    pub fn secrets(&self) -> &[SecretRef] {
        match self {
            Self::Openpath(settings) => &settings.secrets,
            Self::Kisi(settings) => &settings.secrets,
            Self::Genetec(_) => &[],
            Self::Camio(settings) => &settings.secrets,
            Self::Verkada(settings) => &settings.secrets,
            Self::Unifi(settings) => &settings.secrets,
            Self::Prodatakey(settings) => &settings.secrets,
            Self::Generic(settings) => &settings.secrets,
        }
    }
}

/// The adapter of a source. `secrets` are those that [`VendorSettings::secrets`] names, all of them
/// valid at once. `Err`: everything that is wrong, each with what to do.
pub fn adapter(
    settings: &VendorSettings,
    secrets: Vec<Secret>,
) -> Result<Arc<dyn Adapter>, Vec<String>> {
    match settings {
        VendorSettings::Openpath(_) => openpath::Openpath::new(&secrets).map(shared),
        VendorSettings::Kisi(_) => kisi::Kisi::new(&secrets).map(shared),
        VendorSettings::Genetec(settings) => genetec::Genetec::new(settings).map(shared),
        VendorSettings::Camio(settings) => camio::Camio::new(settings, &secrets).map(shared),
        VendorSettings::Verkada(settings) => verkada::Verkada::new(settings, &secrets).map(shared),
        VendorSettings::Unifi(_) => unifi::Unifi::new(&secrets).map(shared),
        VendorSettings::Prodatakey(settings) => {
            prodatakey::Prodatakey::new(settings, &secrets).map(shared)
        }
        VendorSettings::Generic(settings) => generic::Generic::new(settings, &secrets).map(shared),
    }
}

fn shared(adapter: impl Adapter + 'static) -> Arc<dyn Adapter> {
    Arc::new(adapter)
}

/// Refuses a source without secrets, or with one that can be guessed. `least`: in bytes.
fn check_secrets(secrets: &[Secret], what: &str, least: usize) -> Result<(), Vec<String>> {
    if secrets.is_empty() {
        return Err(vec![format!(
            "no secrets: name at least one {what} under `secrets`, as {{ file = \"...\" }} or \
             {{ env = \"...\" }}; without it anybody could report events"
        )]);
    }
    let mut problems = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let length = secret.expose().len();
        if length == 0 {
            problems.push(format!("secret {} is empty", index + 1));
        } else if length < least {
            problems.push(format!(
                "secret {} has {length} bytes: a {what} needs at least {least}, better 32, from a \
                 random generator",
                index + 1
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// What an event means, as the settings say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Access was granted at a door: one passage.
    Granted,
    /// Access was refused.
    Denied,
    /// The door was opened without a grant.
    ForcedOpen,
    /// The door was held open too long.
    HeldOpen,
    /// The door contact opened.
    Opened,
    /// The door contact closed.
    Closed,
    /// Somebody asked to go out.
    RequestToExit,
    /// From now on passage is free.
    UnlockStarted,
    /// And now no more.
    UnlockEnded,
    /// Kept and shown, judged by nobody.
    Other,
}

impl From<Kind> for AccessKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Granted => Self::Granted,
            Kind::Denied => Self::Denied,
            Kind::ForcedOpen => Self::ForcedOpen,
            Kind::HeldOpen => Self::HeldOpen,
            Kind::Opened => Self::Opened,
            Kind::Closed => Self::Closed,
            Kind::RequestToExit => Self::RequestToExit,
            Kind::UnlockStarted => Self::UnlockStarted,
            Kind::UnlockEnded => Self::UnlockEnded,
            Kind::Other => Self::Other,
        }
    }
}

/// Which way an access point lets people pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From outside to inside.
    In,
    /// From inside to outside.
    Out,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::In,
            Way::Out => Self::Out,
        }
    }
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
        }
    }
}

#[cfg(test)]
mod tests;
