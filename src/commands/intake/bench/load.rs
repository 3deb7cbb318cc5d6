//! The sender: open connections, one request in flight on each, a new signed event with each request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The signature key of the measured source: it protects nothing.
pub(super) const KEY: &[u8] = b"bench-bench-bench-bench-bench-32";

/// What is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub address: SocketAddr,
    /// Requests a second; 0: as many as possible.
    pub rate: u32,
    pub connections: usize,
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub acknowledged: u64,
    pub failed: u64,
    pub took: Duration,
    /// Times to 2xx, sorted.
    times: Vec<Duration>,
}

impl Measured {
    /// The least time that `percent` of the answers did not exceed.
    pub(super) fn quantile(&self, percent: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        let rank = (percent / 100.0 * self.times.len() as f64).ceil() as usize;
        let rank = rank.saturating_sub(1).min(last);
        self.times.get(rank).copied().unwrap_or_default()
    }
}

impl Load {
    /// Sends until the time is over and everything is answered.
    pub(super) async fn run(&self) -> io::Result<Measured> {
        let next = Arc::new(AtomicU64::new(0));
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let begun = Instant::now();
        let senders: Vec<_> = streams
            .into_iter()
            .map(|stream| tokio::spawn(send(self.clone(), stream, begun, Arc::clone(&next))))
            .collect();
        let mut all = Measured::default();
        for sender in senders {
            let one = sender.await??;
            all.acknowledged += one.acknowledged;
            all.failed += one.failed;
            all.times.extend(one.times);
        }
        all.took = begun.elapsed();
        all.times.sort_unstable();
        Ok(all)
    }

    /// When request number `number` is due; `None`: the time is over.
    fn due(&self, begun: Instant, number: u64) -> Option<Instant> {
        let due = match self.rate {
            0 => Instant::now(),
            rate => begun + Duration::from_secs_f64(number as f64 / f64::from(rate)),
        };
        (due < begun + self.time).then_some(due)
    }
}

async fn send(
    load: Load,
    mut stream: TcpStream,
    begun: Instant,
    next: Arc<AtomicU64>,
) -> io::Result<Measured> {
    let mut measured = Measured::default();
    let mut answer = vec![0; 1024];
    let mac = Hmac::<Sha256>::new_from_slice(KEY).map_err(io::Error::other)?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(due) = load.due(begun, number) else {
            return Ok(measured);
        };
        let request = request(&mac, number);
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        stream.write_all(&request).await?;
        let status = status(&mut stream, &mut answer).await?;
        if (200..300).contains(&status) {
            measured.acknowledged += 1;
            measured.times.push(due.elapsed());
        } else {
            measured.failed += 1;
        }
    }
}

/// A webhook of the size that the vendor sends.
fn request(mac: &Hmac<Sha256>, number: u64) -> Vec<u8> {
    let body = format!(
        r#"{{"id":{number},"actor_type":"User","actor_id":{actor},"actor_name":"Ada Example {actor}","actor_email":"ada.{actor}@example.com","action":"unlock","type":"lock.unlock","object_type":"Lock","object_id":4557,"object_name":"Front door","success":true,"message":"Ada Example {actor} unlocked lock Front door","code":"unlocked","references":[{{"id":120,"type":"Place","name":"Head office"}},{{"id":4557,"type":"Lock","name":"Front door"}}],"created_at":"2026-11-20T10:00:00Z","sequence":{number},"uuid":"0b8e4f3a-{number:016x}"}}"#,
        actor = number % 500
    );
    let mut mac = mac.clone();
    mac.update(body.as_bytes());
    let code = hex::encode(mac.finalize().into_bytes());
    format!(
        "POST /in/bench HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\
         X-Signature: sha256={code}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads one answer; its body, if it has one, comes with its head (answers are short).
async fn status(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<u16> {
    let mut have = 0;
    loop {
        let read = stream.read(&mut buffer[have..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        have += read;
        if buffer[..have].windows(4).any(|four| four == b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[9..12]).ok();
            let status = text.and_then(|text| text.parse().ok());
            return status.ok_or_else(|| io::Error::other("an answer without a status"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_least_times_that_hold() {
        let measured = Measured {
            times: (1..=200).map(Duration::from_millis).collect(),
            ..Measured::default()
        };
        assert_eq!(measured.quantile(50.0), Duration::from_millis(100));
        assert_eq!(measured.quantile(99.0), Duration::from_millis(198));
        assert_eq!(measured.quantile(100.0), Duration::from_millis(200));
        assert_eq!(Measured::default().quantile(99.0), Duration::ZERO);
    }
}
