//! One access event.

use serde::{Deserialize, Serialize};

use crate::crossing::Direction;
use crate::units::{DoorId, Instant, Interval};

/// What happened at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// Access was granted: a credit for one passage (an escort policy may allow more).
    Granted,
    /// Access was refused: never a credit.
    Denied,
    /// The door was opened without a grant.
    ForcedOpen,
    /// The door was held open too long.
    HeldOpen,
    /// The door contact opened.
    Opened,
    /// The door contact closed.
    Closed,
    /// Somebody asked to go out (request to exit).
    RequestToExit,
    /// A scheduled or manual unlock began: passage is free.
    UnlockStarted,
    /// It ended.
    UnlockEnded,
    /// Something that is kept and shown, and judged by nobody.
    Other,
}

/// One access event, mapped to the site's doors, not yet de-duplicated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessEvent {
    /// The vendor's event id, or a key made from its fields. Duplicates share it.
    pub id: String,
    /// The door, if it is one of ours.
    pub door: Option<DoorId>,
    /// The access point (reader), as the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// Which way the reader lets people pass, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// What happened.
    pub kind: AccessKind,
    /// When, on the site's time line: an interval, since stamps are coarse and clocks are off.
    pub occurred: Interval,
    /// When the box learned of it.
    pub received: Instant,
    /// Opaque holder id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// How many passages a grant allows, when the event itself says (escort); else the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passages: Option<u8>,
}
