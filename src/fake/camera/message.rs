//! Requests as they stand on the wire: RTSP's and HTTP's look alike.
//!
//! It deliberately reads no bodies: no request that a camera gets has one that matters.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// No request is longer, bytes.
const LONGEST: u64 = 16 << 10;

/// A request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) target: String,
    /// `RTSP/1.0` or `HTTP/1.1`.
    pub(super) version: String,
    headers: Vec<(String, String)>,
}

impl Message {
    /// A header, whatever its case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The name of the stream: the path's first part, without its query.
    pub(super) fn stream(&self) -> &str {
        let after_host = match self.target.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => self.target.trim_start_matches('/'),
        };
        after_host.split(['/', '?']).next().unwrap_or_default()
    }

    /// Reads the next request; packets that a client sends among them are skipped. `None` at the end.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        loop {
            let start = from.fill_buf().await?.first().copied();
            match start {
                None => return Ok(None),
                Some(b'$') => skip_packet(from).await?,
                Some(b'\r' | b'\n') => from.consume(1),
                Some(_) => return Self::read_request(from).await.map(Some),
            }
        }
    }

    async fn read_request(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let mut limited = from.take(LONGEST);
        let mut line = String::new();
        limited.read_line(&mut line).await?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut message = Self {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            version: words.next().unwrap_or_default(),
            headers: Vec::new(),
        };
        loop {
            line.clear();
            if limited.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let header = (name.trim().to_owned(), value.trim().to_owned());
            message.headers.push(header);
        }
        let length = message
            .header("content-length")
            .and_then(|n| n.parse().ok());
        let mut body = limited.take(length.unwrap_or(0));
        tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
        Ok(message)
    }
}

/// `$`, a channel, a length of two bytes, and so many bytes: what a receiver reports of itself.
async fn skip_packet(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let length = u64::from(u16::from_be_bytes([head[2], head[3]]));
    tokio::io::copy(&mut from.take(length), &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_read_among_packets() {
        let wire = b"OPTIONS rtsp://h:1/front RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\0\x02ab\
            SETUP rtsp://h:1/front/track1?x RTSP/1.0\r\nCSeq:2\r\nContent-Length: 3\r\n\r\nxyz\
            GET /back.mjpg HTTP/1.1\r\n\r\n";
        let mut from = &wire[..];
        let mut read = Vec::new();
        while let Some(message) = Message::read(&mut from).await.expect("whole") {
            let cseq = message.header("cseq").unwrap_or("-").to_owned();
            read.push(format!("{} {} {cseq}", message.method, message.stream()));
        }
        assert_eq!(
            read,
            ["OPTIONS front 1", "SETUP front 2", "GET back.mjpg -"]
        );
    }
}
