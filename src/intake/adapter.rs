//! What a vendor's adapter answers. Pure: no clock, no network, no state.

use std::sync::Arc;

use super::{AccessPoint, Delivery, Personal, Reported};

/// One vendor's wire format.
pub trait Adapter: Send + Sync + std::fmt::Debug {
    /// The vendor's name as in configuration, for example `kisi`.
    fn vendor(&self) -> &'static str;

    /// The answer to a set-up request that carries no event, if this is one.
    fn handshake(&self, _delivery: &Delivery) -> Option<Answer> {
        None
    }

    /// Whether the source sent it.
    fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal>;

    /// What it reports. `Err` means: keep the bytes, raise an alarm, and answer as if read.
    fn read(&self, delivery: &Delivery) -> Result<Reading, Unreadable>;

    /// The fields of its bodies that hold names or e-mail addresses: they are never stored.
    fn personal(&self) -> Personal {
        Personal::default()
    }

    /// The same adapter, knowing the access points that the vendor lists. `None`: a list tells it
    /// nothing.
    fn taught(&self, _points: &[AccessPoint]) -> Option<Arc<dyn Adapter>> {
        None
    }
}

/// What a delivery says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Events, in the order in which they stand in the body.
    pub events: Vec<Reported>,
    /// What else it says.
    pub notices: Vec<Notice>,
}

/// Something other than an event at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The source is alive.
    KeepAlive,
    /// The source lists its access points: this list replaces the one before.
    AccessPoints(Vec<AccessPoint>),
    /// The vendor warns that it stops, or has stopped, sending; the text is for people.
    Disabled(String),
    /// One row of several cannot be read; the others were. The bytes are kept and an alarm raised, as
    /// for a delivery of which nothing can be read.
    Unread(Unreadable),
}

/// An answer to a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names as they are to be written.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why a delivery is not believed. Nothing of it is stored; it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The signature, token or password is missing.
    #[error("it carries no signature, token or password")]
    Missing,
    /// It is there and cannot be read as one.
    #[error("its signature, token or password cannot be read")]
    Malformed,
    /// It belongs to no secret that is valid now.
    #[error("its signature, token or password fits none of the source's secrets")]
    Wrong,
    /// It was signed too long ago or in the future.
    #[error("it was signed more than five minutes before or after it arrived")]
    Stale,
}

/// Why an authentic delivery cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", .pointer.as_deref().map(|at| format!(" at {at}")).unwrap_or_default())]
pub struct Unreadable {
    /// What is wrong, for people.
    pub what: String,
    /// Where, as a JSON pointer or a byte offset.
    pub pointer: Option<String>,
}
