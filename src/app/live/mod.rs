//! Many cameras on one box, in real time: `tailgate run`.

mod alerting;
mod camera;
mod clock;
mod crew;
mod group;
mod health;
mod judge;
mod keeping;
mod leaving;
mod metrics;
mod plan;
mod probe;
mod progress;
mod record;
mod recover;
mod reference;
mod segment;
mod site;
mod status;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_traces;
mod told;
mod view;
mod waiting;
mod wall;
mod worker;
mod writing;

pub use clock::BoxClock;
pub use crew::Reloaded;
pub use group::{Group, Stated};
pub use health::{Health, MOST_SILENCE};
pub use judge::Listener;
pub use metrics::Metrics;
pub use plan::source as camera_source;
pub use probe::{Probe, probe};
pub use progress::Pulse;
pub use reference::reference_path;
pub use site::Site;
pub use status::{Board, CameraStatus, DoorStatus, Status, utc};
pub use told::{Begin, Seen};
pub use wall::WallWatch;
