//! What edges that speak over a network share: secrets, whom to believe, and a clock to wait by.
//!
//! It deliberately speaks no protocol, and reads no configuration.

mod clock;
mod held;
mod secret;
mod trust;
mod words;

use std::pin::Pin;

pub use clock::{Clock, ManualClock, SystemClock};
pub use held::{Clocks, HeldTime, boot_us};
pub(crate) use secret::{REDACTED, holds, scrubbed, scrubbed_text};
pub use secret::{Secret, SecretRef};
pub use trust::{Fingerprint, Identity, Trust};
pub(crate) use trust::{client_config, client_config_for};
pub(crate) use words::{advice, chain, explained};

/// A future in a box, so that traits with futures can be objects.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
