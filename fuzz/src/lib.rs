//! What the fuzz targets do with the bytes that they are given, and what must hold of it.
//!
//! Theory of operation: a target is one function of bytes. It reads them as a vendor's adapter does, with
//! a secret that nobody outside knows, and stops where a reading breaks what the inbox and the engine
//! rely on. `cargo xtask fuzz` builds the targets with counters on every edge and hands them to
//! libFuzzer, with the payloads of `testdata` to begin from.

use std::sync::{Arc, LazyLock};

use tailgate::access::AccessKind;
use tailgate::intake::drivers::{Framer, Item};
use tailgate::intake::vendors::{MAX_EVENTS, VendorSettings, adapter, explain};
use tailgate::intake::{Adapter, Delivery, Headers, Secret};
use tailgate::units::Instant;

/// The vendors with a format of their own.
const VENDORS: [&str; 7] = [
    "openpath",
    "kisi",
    "genetec",
    "camio",
    "verkada",
    "unifi",
    "prodatakey",
];

/// Their adapters.
static READERS: LazyLock<Vec<Reader>> =
    LazyLock::new(|| VENDORS.iter().map(|vendor| Reader::of(vendor)).collect());

/// 2026-01-05 08:30 UTC.
const RECEIVED: Instant = Instant::from_us(1_767_601_800_000_000);

/// Times of events lie between 2000 and 2100, in microseconds.
const YEARS_US: std::ops::RangeInclusive<i64> = 946_684_800_000_000..=4_102_444_800_000_000;

/// Longest id of an event, bytes.
const LONGEST_ID: usize = 1_024;

/// Most header lines of a request that the server takes.
const MOST_HEADERS: usize = 64;

/// A body of one of the vendors.
pub fn body(vendor: &str, bytes: &[u8]) {
    reader(vendor).read(bytes);
}

/// A map in TOML, a zero byte, and a body to read with it.
pub fn generic(bytes: &[u8]) {
    let Some(cut) = bytes.iter().position(|byte| *byte == 0) else {
        return;
    };
    let (map, body) = (&bytes[..cut], &bytes[cut + 1..]);
    let map = std::str::from_utf8(map).ok();
    let Some(settings) = map.and_then(|map| toml::from_str::<VendorSettings>(map).ok()) else {
        return;
    };
    if let VendorSettings::Generic(map) = &settings {
        // A map with mistakes is told so, whatever the body.
        let _ = explain(map, &delivery("generic", body));
    }
    if let Some(reader) = Reader::with(&settings) {
        reader.read(body);
    }
}

/// A stream that is cut anywhere: the first byte says how long the pieces are.
pub fn stream(bytes: &[u8]) {
    let Some((piece, stream)) = bytes.split_first() else {
        return;
    };
    let mut framer = Framer::default();
    let pieces = stream.chunks(usize::from(*piece).max(1));
    let items: Vec<Item> = pieces.flat_map(|piece| framer.push(piece)).collect();
    let whole = Framer::default().push(stream);
    assert_eq!(items, whole, "it matters how the stream is cut");
    for item in items {
        if let Item::Json(body) | Item::Xml(body) = item {
            reader("genetec").read(&body);
        }
    }
}

/// Which vendor, in one byte; a path on a line, header lines, an empty line, a body. Nothing that is
/// made up here is believed.
pub fn headers(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else {
        return;
    };
    let reader = &READERS[usize::from(*which) % READERS.len()];
    let mut lines = rest.splitn(MOST_HEADERS + 2, |byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (mut pairs, mut body) = (Vec::new(), &b""[..]);
    while let Some(line) = lines.next() {
        if line.is_empty() {
            body = lines.next().unwrap_or_default();
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        pairs.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    let mut delivery = delivery(reader.vendor(), body);
    delivery.target = target.into_owned();
    delivery.headers = Headers::new(pairs);
    assert!(
        reader.adapter.authenticate(&delivery).is_err(),
        "a stranger is believed"
    );
    assert!(
        reader.adapter.handshake(&delivery).is_none(),
        "a stranger is answered"
    );
}

fn reader(vendor: &str) -> &'static Reader {
    let place = VENDORS.iter().position(|known| *known == vendor);
    &READERS[place.expect("a vendor")]
}

/// A vendor's adapter.
struct Reader {
    adapter: Arc<dyn Adapter>,
}

impl Reader {
    /// With a vendor's plain settings.
    fn of(vendor: &str) -> Self {
        let secrets = match vendor {
            "genetec" => "",
            _ => ", \"secrets\": [{\"env\": \"X\"}]",
        };
        let settings = format!("{{\"vendor\": \"{vendor}\"{secrets}}}");
        let settings: VendorSettings = serde_json::from_str(&settings).expect("plain settings");
        Self::with(&settings).expect("an adapter")
    }

    /// With these settings; nothing if they are refused.
    fn with(settings: &VendorSettings) -> Option<Self> {
        let secret = |_: &_| Secret::new("7f2c1d0e9b8a43c6a5d4e3f201928374");
        let secrets = settings.secrets().iter().map(secret).collect();
        let adapter = adapter(settings, secrets).ok()?;
        Some(Self { adapter })
    }

    fn vendor(&self) -> &'static str {
        self.adapter.vendor()
    }

    /// Reads a body, and stops where what must hold of every reading does not.
    fn read(&self, body: &[u8]) {
        let delivery = delivery(self.vendor(), body);
        let reading = self.adapter.read(&delivery);
        // The same bytes say the same again.
        assert_eq!(self.adapter.read(&delivery), reading);
        let Ok(reading) = reading else {
            return;
        };
        assert!(reading.events.len() <= MAX_EVENTS && reading.notices.len() <= MAX_EVENTS);
        for reported in &reading.events {
            let event = &reported.event;
            let occurred = event.occurred;
            assert!(
                !event.id.is_empty() && event.id.len() <= LONGEST_ID,
                "{event:?}"
            );
            assert!(YEARS_US.contains(&occurred.lo.as_us()), "{event:?}");
            assert!(YEARS_US.contains(&occurred.hi.as_us()), "{event:?}");
            assert!(occurred.lo <= occurred.hi, "{event:?}");
            assert!(
                event.door.is_none() && event.received == RECEIVED,
                "{event:?}"
            );
            let placed = event.reader.is_some()
                || !matches!(self.vendor(), "openpath" | "kisi" | "genetec" | "camio");
            let granted = event.kind == AccessKind::Granted;
            assert!(!granted || placed, "a grant at no access point: {event:?}");
        }
    }
}

/// A body on its way.
fn delivery(vendor: &str, body: &[u8]) -> Delivery {
    Delivery {
        source: vendor.into(),
        received: RECEIVED,
        target: "/in/fuzz".to_owned(),
        headers: Headers::default(),
        body: body.to_vec(),
    }
}
