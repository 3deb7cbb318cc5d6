//! HTTP MJPEG: one JPEG after the other in a multipart answer that never ends.
//!
//! Theory of operation: cameras send `multipart/x-mixed-replace` with a boundary, part headers of which only
//! `Content-Length` matters and may be missing, and a JPEG a part. What is read is searched for
//! JPEGs themselves: from a part's length where it is said, else from start of image to end of
//! image. Boundaries are not relied on, since many cameras announce one and send another.
//!
//! It deliberately gives no stamps: there are none. Arrival is the time.

use std::ops::ControlFlow;

use futures_util::StreamExt;
use url::Url;

use super::address::Login;
use super::event::{LiveUnit, Received, StreamEnd, StreamFacts};
use super::{Patience, SteadyClock};
use crate::capture::{AccessUnit, Codec};

/// No picture is longer than this, bytes: a JPEG of 4096 x 2304 px at its best.
const LONGEST_PICTURE: usize = 16 << 20;

/// Start and end of a JPEG.
const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// Plays until something ends it; `take` says whether to go on.
pub(super) async fn play(
    url: &Url,
    login: Option<&Login>,
    patience: Patience,
    clock: &dyn SteadyClock,
    take: &mut dyn FnMut(Received) -> ControlFlow<()>,
) -> Result<(), StreamEnd> {
    let broken = |error: reqwest::Error| StreamEnd::Broken(error.without_url().to_string());
    // `Err` means that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(patience.opening)
        .build()
        .map_err(broken)?;
    let mut request = client.get(url.clone());
    if let Some(login) = login {
        request = request.basic_auth(&login.user, Some(&login.password));
    }
    let answer = tokio::time::timeout(patience.opening, request.send()).await;
    let answer = answer
        .map_err(|_| StreamEnd::Stalled(patience.opening))?
        .map_err(broken)?;
    check(&answer)?;
    let facts = StreamFacts {
        codec: "JPEG".to_owned(),
        server: header(&answer, "server"),
        transport: "http",
        ..StreamFacts::default()
    };
    if take(Received::Began(facts)).is_break() {
        return Ok(());
    }
    let mut bytes = answer.bytes_stream();
    let mut splitter = Splitter::default();
    loop {
        let next = tokio::time::timeout(patience.between, bytes.next()).await;
        let chunk = next.map_err(|_| StreamEnd::Stalled(patience.between))?;
        splitter.push(&chunk.ok_or(StreamEnd::Closed)?.map_err(broken)?)?;
        while let Some(data) = splitter.next_picture() {
            let unit = AccessUnit {
                codec: Codec::Mjpeg,
                data,
                is_key: true,
                time_us: 0,
            };
            let unit = LiveUnit {
                unit,
                stamped: false,
                arrived_us: clock.now_us(),
                lost_packets: 0,
            };
            if take(Received::Unit(unit)).is_break() {
                return Ok(());
            }
        }
    }
}

fn header(answer: &reqwest::Response, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn check(answer: &reqwest::Response) -> Result<(), StreamEnd> {
    let status = answer.status();
    match status.as_u16() {
        200 => {}
        401 | 403 => return Err(StreamEnd::Refused(status.to_string())),
        404 => return Err(StreamEnd::NoSuchStream(status.to_string())),
        _ => return Err(StreamEnd::Broken(format!("the camera answers {status}"))),
    }
    let kind = header(answer, "content-type").unwrap_or_default();
    let wanted = kind.starts_with("multipart/") || kind.starts_with("image/jpeg");
    if wanted {
        return Ok(());
    }
    Err(StreamEnd::Unusable(format!(
        "the address gives {}, not multipart/x-mixed-replace: it is a page, not a stream",
        if kind.is_empty() {
            "no content type"
        } else {
            &kind
        }
    )))
}

/// Cuts pictures out of a flow of bytes.
#[derive(Debug, Default)]
struct Splitter {
    bytes: Vec<u8>,
    /// Up to here, no end of an image was found.
    searched: usize,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8]) -> Result<(), StreamEnd> {
        if self.bytes.len() + bytes.len() > LONGEST_PICTURE {
            let why = "the stream holds no whole JPEG within 16 MiB: it is no MJPEG";
            return Err(StreamEnd::Unusable(why.to_owned()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole picture.
    fn next_picture(&mut self) -> Option<Vec<u8>> {
        let Some(start) = find(&self.bytes, START, 0) else {
            // The last byte may be half a marker.
            let keep = self.bytes.len().saturating_sub(PART_HEAD);
            self.bytes.drain(..keep);
            self.searched = 0;
            return None;
        };
        if start > 0
            && let Some(length) = declared_length(&self.bytes[..start])
        {
            let end = start
                .checked_add(length)
                .filter(|_| length <= LONGEST_PICTURE)?;
            return (self.bytes.len() >= end).then(|| self.cut(start, end));
        }
        let from = self.searched.max(start + START.len());
        match find_end(&self.bytes, from) {
            Some(end) => Some(self.cut(start, end)),
            None => {
                self.searched = self.bytes.len().saturating_sub(1).max(from);
                None
            }
        }
    }

    fn cut(&mut self, start: usize, end: usize) -> Vec<u8> {
        self.searched = 0;
        let picture = self.bytes[start..end].to_vec();
        self.bytes.drain(..end);
        picture
    }
}

/// A part's headers are no longer than this: so much is kept while looking for a picture.
const PART_HEAD: usize = 4096;

fn find(bytes: &[u8], marker: [u8; 2], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    let at = tail.windows(2).position(|pair| pair == marker)?;
    Some(from + at)
}

/// Where an image ends. Within the coded picture, 0xff is always followed by 0 or a restart marker,
/// so that this can't be found too early but in a thumbnail; those are in segments, which are
/// skipped with their length only where a part says its length.
fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    find(bytes, END, from).map(|at| at + END.len())
}

/// `Content-Length` of the part whose head ends these bytes.
fn declared_length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(&head[head.len().saturating_sub(PART_HEAD)..]);
    let line = head.lines().rev().find(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("content-length")
    })?;
    line.split_once(':')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes in pieces of each size from 1 to 9 and returns the pictures found.
    #[track_caller]
    fn check(bytes: &[u8], expect: &[&[u8]]) {
        for piece in 1..10 {
            let mut splitter = Splitter::default();
            let mut found = Vec::new();
            for bytes in bytes.chunks(piece) {
                splitter.push(bytes).expect("short");
                while let Some(picture) = splitter.next_picture() {
                    found.push(picture);
                }
            }
            assert_eq!(found, expect, "in pieces of {piece}");
        }
    }

    const ONE: &[u8] = b"\xff\xd8\xff\xdb12345\xff\xd9";
    const TWO: &[u8] = b"\xff\xd8abc\xff\xd9";

    #[test]
    fn parts_with_and_without_a_length() {
        let with = [
            b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 11\r\n\r\n".as_slice(),
            ONE,
            b"\r\n--b\r\ncontent-length:7\r\n\r\n",
            TWO,
        ];
        check(&with.concat(), &[ONE, TWO]);
        let without = [
            b"--b\r\nContent-Type: image/jpeg\r\n\r\n".as_slice(),
            ONE,
            b"\r\n--b\r\n\r\n",
            TWO,
        ];
        check(&without.concat(), &[ONE, TWO]);
    }

    #[test]
    fn a_length_that_covers_a_thumbnail_is_believed() {
        let picture: &[u8] = b"\xff\xd8\xff\xe1<\xff\xd8t\xff\xd9>rest\xff\xd9";
        let stream = [
            format!("Content-Length: {}\r\n\r\n", picture.len()).as_bytes(),
            picture,
        ]
        .concat();
        check(&stream, &[picture]);
    }

    #[test]
    fn what_is_no_jpeg_ends_it_before_memory_does() {
        let mut splitter = Splitter::default();
        let noise = vec![0x55; 1 << 20];
        for _ in 0..40 {
            splitter
                .push(&noise)
                .expect("what holds no start is not kept");
            assert_eq!(splitter.next_picture(), None);
        }
        splitter.push(&START).expect("short");
        let refused = (0..40).find_map(|_| {
            let pushed = splitter.push(&noise).err();
            assert_eq!(splitter.next_picture(), None);
            pushed
        });
        assert!(matches!(refused, Some(StreamEnd::Unusable(_))));
    }
}
