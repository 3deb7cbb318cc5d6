//! What one delivery reports, in the project's words.

use crate::access::AccessEvent;
use crate::crossing::Direction;

/// An event read from a delivery, before the site's doors are looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// The event. `id` is unique within its source: the vendor's own id (with the access point where
    /// one event names several), or a hash of the vendor's own fields; never a time. `door` is
    /// `None`; `reader` is the vendor's id of the access point.
    pub event: AccessEvent,
    /// The vendor's own word for what happened, for example `entry.unlocked`.
    pub vendor_kind: String,
    /// What the vendor calls the access point.
    pub reader_name: Option<String>,
    /// The vendor's id of the door that the access point belongs to, where it has one of its own and
    /// the payload or the settings say it: for a site that maps doors and not their readers.
    pub door: Option<String>,
    /// Who, where the payload says it: stored only where the site allows names.
    pub person: Option<Person>,
}

/// A person as the access-control system names them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Name as written.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// Names are not for logs.
impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person([redacted])")
    }
}

/// A door, reader, lock or entry as the vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// The vendor's id, as events name it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The vendor's door that it belongs to, where access points and doors differ.
    pub door: Option<String>,
    /// Which way it lets people pass, where the vendor says so.
    pub direction: Option<Direction>,
}
