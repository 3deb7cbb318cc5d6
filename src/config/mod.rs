//! Configuration files: raw text to validated settings, all problems at once. An edge.
//!
//! Theory of operation: a text becomes a tree that knows the place of every value ([`document`]);
//! a walker checks the tree against the same JSON schema that is published ([`walk`], [`schema`]);
//! what is left becomes raw structs ([`raw`]) and then, after checks of meaning, the core's own
//! types ([`calibration`], [`portal`], [`door`],
//! [`site`]). Nothing stops at the first problem.

mod alerts;
mod calibration;
mod clip_start;
mod document;
mod door;
mod edit;
mod grants;
mod intake;
mod json;
mod live;
mod overrides;
mod portal;
mod problem;
mod raw;
mod recognise;
mod schema;
mod setting;
mod site;
mod stamp;
mod suggest;
mod summary;
mod truth;
mod walk;
mod write;

pub use alerts::{SiteAlerts, load_alerts};
pub use clip_start::{ClipStart, StartSource, clip_start};
pub use door::DetectorChoice;
pub use edit::with_settings;
pub use grants::{GrantFile, GrantReading, WrittenEvent, read_grants};
pub use intake::{IntakeConfig, IntakeDoor, IntakeReader, SourceConfig, load_intake};
pub use live::{
    EvidenceConfig, LiveCamera, LiveConfig, ProviderName, TraceConfig, TransportName, load_live,
};
pub use problem::{Place, Problem, Problems, Severity};
pub use raw::Made;
pub use recognise::{FileKind, recognise};
pub use schema::SchemaOf;
pub use setting::{Setting, SettingKind, fit_together, setting_named, settings};
pub use site::{SiteConfig, load};
pub use stamp::{Stamp, parse_zone};
pub use summary::{CalibrationSummary, PortalView, check_calibration, summarise_camera};
pub use truth::{TrueCrossing, TrueVerdict, Truth, read_truth};
pub use write::{StoredCalibration, calibration_text, lens_text, load_calibration};
#[cfg(test)]
mod tests;
