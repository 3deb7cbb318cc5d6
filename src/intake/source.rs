//! A configured source: its adapter, its bounds, and what must not be shown of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Adapter, Delivery, Headers, Secret};
use crate::units::Span;
use crate::wire::{REDACTED, holds};

/// Headers whose values are secrets whatever they say.
const SECRET_HEADERS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-hook-secret",
];

/// What the site asks of a source, whatever its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// Largest body, bytes.
    pub body_limit: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Whether names and e-mail addresses are stored.
    pub people: bool,
    /// Whether the vendor is asked who its holders are.
    pub look_up: bool,
    /// How far back the vendor's log is read once a day: controllers that were offline upload what
    /// they kept hours later, without any gap that could be seen from here. Two days, since an
    /// outage over a night or a holiday is repaired by then, and later truth amends no verdict that
    /// anybody still looks at.
    pub look_back: Span,
    /// How late its events come, as long as that is not measured.
    pub lateness: Span,
    /// How long the sender repeats what was not acknowledged: a shorter gap closes by itself once
    /// that time is over. `None`: it does not, or nobody knows.
    pub repeats: Option<Duration>,
    /// Nothing heard for this long means that contact is lost; `None`: silence is normal.
    pub silence: Option<Duration>,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            body_limit: 64 << 10,
            connections: 64,
            people: false,
            look_up: false,
            look_back: Span::from_ms(48 * 3_600_000),
            lateness: Span::from_ms(5_000),
            repeats: None,
            silence: None,
        }
    }
}

/// One source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in configuration and URLs.
    pub name: Arc<str>,
    /// Its wire format.
    pub adapter: Arc<dyn Adapter>,
    /// Its bounds.
    pub settings: SourceSettings,
    /// All of its secrets, so that none is stored or shown.
    pub secrets: Vec<Secret>,
}

impl Source {
    /// A delivery without secrets, as it may be stored: signatures stay, since they tell nothing.
    pub fn redacted(&self, delivery: Delivery) -> Delivery {
        let headers = delivery.headers.iter().map(|(name, value)| {
            let hidden = SECRET_HEADERS.contains(&name) || self.holds_secret(value);
            let value = if hidden { REDACTED.as_bytes() } else { value };
            (name.to_owned(), value.to_vec())
        });
        let headers = Headers::new(headers);
        Delivery {
            target: self.redacted_target(&delivery.target),
            headers,
            ..delivery
        }
    }

    /// The path down to the source's name and no further: what follows it is a token; and the names
    /// of what is asked, not the values.
    fn redacted_target(&self, target: &str) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut shown = match path
            .strip_prefix("/in/")
            .and_then(|rest| rest.split_once('/'))
        {
            Some((source, _)) => format!("/in/{source}/{REDACTED}"),
            None => path.to_owned(),
        };
        if let Some(query) = query {
            let names: Vec<String> = query
                .split('&')
                .map(|pair| match pair.split_once('=') {
                    Some((name, _)) => format!("{name}={REDACTED}"),
                    None => REDACTED.to_owned(),
                })
                .collect();
            shown.push('?');
            shown.push_str(&names.join("&"));
        }
        if self.holds_secret(shown.as_bytes()) {
            return REDACTED.to_owned();
        }
        shown
    }

    fn holds_secret(&self, text: &[u8]) -> bool {
        holds(&self.secrets, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::testing::Plain;
    use crate::units::Instant;

    #[track_caller]
    fn check(target: &str, expect: &str) {
        let source = Source {
            name: "s".into(),
            adapter: Arc::new(Plain),
            settings: SourceSettings::default(),
            secrets: vec![Secret::new("hunter2-hunter2"), Secret::new("x")],
        };
        let delivery = Delivery {
            source: "s".into(),
            received: Instant::ZERO,
            target: target.to_owned(),
            headers: Headers::new([
                ("Authorization", "Bearer abc"),
                ("X-Token", "is hunter2-hunter2"),
                ("X-Signature", "0123"),
            ]),
            body: b"{}".to_vec(),
        };
        let stored = source.redacted(delivery);
        assert_eq!(stored.target, expect);
        let headers = &stored.headers;
        assert_eq!(headers.text("authorization"), Some(REDACTED));
        assert_eq!(headers.text("x-token"), Some(REDACTED));
        assert_eq!(headers.text("x-signature"), Some("0123"));
    }

    #[test]
    fn no_secret_is_stored() {
        check("/in/s", "/in/s");
        check("/in/s/token", "/in/s/[redacted]");
        check("/in/s?key=abc&plain", "/in/s?key=[redacted]&[redacted]");
        check("/pacs/webhooks", "/pacs/webhooks");
        check("backfill hunter2-hunter2", "[redacted]");
    }
}
