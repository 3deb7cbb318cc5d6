//! Small opaque identities. Names belong to the configuration; the core carries numbers.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// A camera: its index in the engine's configuration.
    CameraId(u16)
);
id!(
    /// A door of the access-control system: its index in the engine's configuration.
    DoorId(u16)
);
id!(
    /// A portal (a door opening on a camera's grid): its index in the engine's configuration.
    PortalId(u16)
);
id!(
    /// An identity hypothesis over time. Dies with its track and is never reused in a run.
    TrackId(u32)
);
id!(
    /// One crossing, numbered in the order in which crossings were established.
    CrossingId(u32)
);
