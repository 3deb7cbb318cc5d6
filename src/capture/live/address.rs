//! Where a camera's pictures come from.
//!
//! Theory of operation: `rtsp://` and `http://` addresses may carry a user name and a password; both are taken out at
//! once, so that what is printed or logged never holds them. A path without a scheme is a file that
//! is played at its own pace, as a camera would.
//!
//! It deliberately looks nothing up: a name is resolved when the camera is reached for.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Parts of a query whose names hold one of these are never printed.
const SECRET_NAMES: [&str; 9] = [
    "user", "usr", "login", "pass", "pwd", "token", "auth", "key", "secret",
];

/// A user name and a password. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("password", &"[redacted]")
            .finish()
    }
}

/// Where pictures come from.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// `rtsp://`.
    Rtsp(Url, Option<Login>),
    /// `http://` or `https://`: MJPEG, one JPEG after the other.
    Http(Url, Option<Login>),
    /// A file, played at its own pace.
    File(PathBuf),
}

impl Address {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead; never with the password in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, _)) = text.split_once("://") else {
            if text.trim().is_empty() {
                return Err("is empty: write rtsp://..., http://... or a file".to_owned());
            }
            return Ok(Self::File(PathBuf::from(text)));
        };
        let scheme = scheme.to_ascii_lowercase();
        let known = ["rtsp", "http", "https"];
        if scheme == "rtsps" {
            return Err("rtsps:// is not supported: use rtsp:// in a network of its own".into());
        }
        if !known.contains(&scheme.as_str()) {
            return Err(format!(
                "{scheme}:// is no address of a camera: write rtsp://..., http://... or a file"
            ));
        }
        let mut url = Url::parse(text).map_err(|error| {
            format!("is no address ({error}): write for example {scheme}://192.0.2.7:554/stream")
        })?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(format!(
                "names no host: write for example {scheme}://192.0.2.7/stream"
            ));
        }
        let login = take_login(&mut url)?;
        Ok(if scheme == "rtsp" {
            Self::Rtsp(url, login)
        } else {
            Self::Http(url, login)
        })
    }

    /// The same with a login, in place of one in the address.
    pub fn with_login(self, login: Option<Login>) -> Self {
        match (self, login) {
            (Self::Rtsp(url, own), login) => Self::Rtsp(url, login.or(own)),
            (Self::Http(url, own), login) => Self::Http(url, login.or(own)),
            (file, _) => file,
        }
    }
}

/// Takes user name and password out of an address.
fn take_login(url: &mut Url) -> Result<Option<Login>, String> {
    let decode = |text: &str| {
        percent_decoded(text).ok_or_else(|| {
            "holds a user name or password that is no text: write %25 for %, %40 for @".to_owned()
        })
    };
    let user = decode(url.username())?;
    let password = decode(url.password().unwrap_or_default())?;
    // Both fail only for addresses without a host, which were refused.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((!user.is_empty()).then_some(Login { user, password }))
}

/// Undoes %XX; `None` if what comes out is no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match coded {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// An address without what somebody could log in with: cheap cameras want it in the query, or in the
/// path (`/user=admin_password=x_channel=1`), of which nothing behind it is printed then.
fn without_secrets(url: &Url) -> Url {
    let mut shown = url.clone();
    let steps: Vec<String> = url.path().split('/').map(redacted).collect();
    shown.set_path(&steps.join("/"));
    if let Some(query) = url.query() {
        let parts: Vec<String> = query.split('&').map(redacted).collect();
        shown.set_query(Some(&parts.join("&")));
    }
    shown
}

/// A part of an address, up to the first value that must not be seen.
fn redacted(part: &str) -> String {
    let secret = part
        .match_indices('=')
        .find(|(at, _)| part[..*at].rsplit('=').next().is_some_and(is_secret));
    secret.map_or_else(
        || part.to_owned(),
        |(at, _)| format!("{}=redacted", &part[..at]),
    )
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| name.contains(word))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(url, _) | Self::Http(url, _) => without_secrets(url).fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed of an address, with the user and password it holds; or the refusal.
    #[track_caller]
    fn check(text: &str, expect: &str) {
        let got = match Address::parse(text) {
            Ok(address) => match &address {
                Address::Rtsp(_, login) | Address::Http(_, login) => match login {
                    Some(login) => format!("{address} as {} {}", login.user, login.password),
                    None => address.to_string(),
                },
                Address::File(_) => format!("file {address}"),
            },
            Err(why) => why,
        };
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn addresses_as_people_write_them() {
        check("rtsp://10.0.0.5/stream1", "rtsp://10.0.0.5/stream1");
        check(
            "rtsp://admin:p%40ss%3A@10.0.0.5:8554/cam?channel=1&subtype=0",
            "rtsp://10.0.0.5:8554/cam?channel=1&subtype=0 as admin p@ss:",
        );
        check("RTSP://cam.local/", "rtsp://cam.local/");
        check("http://u:p@cam/mjpg", "http://cam/mjpg as u p");
        check("clips/front door.mp4", "file clips/front door.mp4");
        check(
            "rtsp://",
            "names no host: write for example rtsp://192.0.2.7/stream",
        );
        check("", "is empty: write rtsp://..., http://... or a file");
        check(
            "onvif://cam",
            "onvif:// is no address of a camera: write rtsp://..., http://... or a file",
        );
        check(
            "rtsps://cam",
            "rtsps:// is not supported: use rtsp:// in a network of its own",
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let address = Address::parse("rtsp://admin:hunter2@cam/1").expect("an address");
        assert!(!format!("{address} {address:?}").contains("hunter2"));
        check(
            "rtsp://cam:554/live?channel=1&Password=hunter2&stream=0.sdp",
            "rtsp://cam:554/live?channel=1&Password=redacted&stream=0.sdp",
        );
        check(
            "rtsp://cam:554/user=admin_password=hunter2_channel=1_stream=0.sdp",
            "rtsp://cam:554/user=redacted",
        );
    }
}
