//! Why a request failed, in words for people, with what to do where that is known.

/// Why a request failed, with what to do where that is known. Never with the query of its URL.
pub(crate) fn explained(url: &str, error: &reqwest::Error) -> String {
    let place = reqwest::Url::parse(url).ok();
    let host = place
        .as_ref()
        .and_then(|url| url.host_str())
        .unwrap_or("the vendor");
    let words = chain(error);
    let advice = match advice(&words) {
        "" if error.is_timeout() => ": it did not answer in time",
        advice => advice,
    };
    format!("no contact with {host}{advice} ({words})")
}

/// What to do about a failure of TLS, by its words; empty where nothing is known.
pub(crate) fn advice(words: &str) -> &'static str {
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["UnknownIssuer", "CaUsedAsEndEntity", "BadSignature"]) {
        ": nobody we trust has signed its certificate; give the file of its authority, or pin its \
         fingerprint"
    } else if says(&["not valid for name", "NotValidForName"]) {
        ": its certificate bears another name; use that name as the address, or pin its fingerprint"
    } else if says(&[
        "CertificateRequired",
        "CertificateUnknown",
        "UnknownCA",
        "BadCertificate",
    ]) {
        ": it asks for a certificate of ours that it believes"
    } else if says(&["InvalidContentType", "wrong version"]) {
        ": it does not speak TLS on this port; try the address without TLS, or the other port"
    } else {
        ""
    }
}

/// What an error says, down to its cause, without the URL.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    use std::error::Error;
    let mut words: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.iter().any(|known| known.contains(&text)) {
            words.push(text);
        }
        cause = inner.source();
    }
    match words.is_empty() {
        true if error.is_timeout() => "timed out".to_owned(),
        true => "the request failed".to_owned(),
        false => words.join(": "),
    }
}
