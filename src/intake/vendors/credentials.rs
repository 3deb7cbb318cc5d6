//! Secrets that a delivery carries as they are: in its path, or as `Authorization`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::intake::{Delivery, Refusal};

/// The last part of a path that is not empty.
pub(crate) fn path_token(target: &str) -> Option<&str> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').find(|part| !part.is_empty())
}

/// A bearer token; the scheme `token` and a token alone are seen too.
pub(crate) fn bearer(delivery: &Delivery) -> Result<&str, Refusal> {
    let text = authorization(delivery)?;
    let token = match text.split_once(' ') {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") =>
        {
            token.trim()
        }
        Some(_) => return Err(Refusal::Malformed),
        None => text,
    };
    if token.is_empty() {
        return Err(Refusal::Missing);
    }
    Ok(token)
}

/// `user:password` of basic authentication.
pub(crate) fn basic(delivery: &Delivery) -> Result<Vec<u8>, Refusal> {
    let text = authorization(delivery)?;
    let (scheme, rest) = text.split_once(' ').ok_or(Refusal::Malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refusal::Malformed);
    }
    STANDARD.decode(rest.trim()).map_err(|_| Refusal::Malformed)
}

fn authorization(delivery: &Delivery) -> Result<&str, Refusal> {
    let header = delivery
        .headers
        .get("authorization")
        .ok_or(Refusal::Missing)?;
    let text = std::str::from_utf8(header).map_err(|_| Refusal::Malformed)?;
    Ok(text.trim())
}
