//! RTSP: a session with a camera, from DESCRIBE to the last picture.
//!
//! Theory of operation: `retina` speaks RTSP and puts packets together; what comes out are whole pictures
//! framed for a decoder. The first video stream that can be decoded is taken, every other stream is
//! left alone. A stream without pictures for longer than [`Patience`] allows has stalled, however
//! alive the connection looks. A packet that makes no sense, or is of another session (some cameras send those of the
//! session before), is left out as if it had been lost; only many in a row end the stream. Sessions that a server may still think alive are waited for before
//! the next one is opened ([`SessionGroup`]): small cameras allow one or two.
//!
//! It deliberately does not reconnect: see `camera`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Stream,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use retina::{NtpTimestamp, UNIX_EPOCH};
use url::Url;

use super::address::Login;
use super::event::{LiveUnit, Received, StreamEnd, StreamFacts};
use super::{Patience, SteadyClock};
use crate::capture::{AccessUnit, Codec};

/// How packets are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RtspTransport {
    /// Within the RTSP connection: nothing is lost on the way but time. The default.
    #[default]
    Tcp,
    /// Datagrams: loses packets in bursts of large pictures, but never stands behind a lost one.
    Udp,
}

/// One RTSP source.
pub(super) struct Rtsp<'a> {
    pub(super) url: &'a Url,
    pub(super) login: Option<&'a Login>,
    pub(super) transport: RtspTransport,
    pub(super) group: Arc<SessionGroup>,
    pub(super) patience: Patience,
}

const USER_AGENT: &str = concat!("tailgate/", env!("CARGO_PKG_VERSION"));

impl Rtsp<'_> {
    /// Plays until something ends it; `take` says whether to go on.
    pub(super) async fn play(
        &self,
        clock: &dyn SteadyClock,
        take: &mut dyn FnMut(Received) -> ControlFlow<()>,
    ) -> Result<(), StreamEnd> {
        let opening = self.open();
        let opened = tokio::time::timeout(self.patience.opening, opening).await;
        let (mut session, stream, codec) =
            opened.map_err(|_| StreamEnd::Stalled(self.patience.opening))??;
        let facts = facts(&session, stream, self.transport);
        if take(Received::Began(facts)).is_break() {
            return Ok(());
        }
        let mut left_out = 0;
        let mut heard = Instant::now();
        loop {
            // Whatever comes, it is pictures that are waited for.
            let patience = self.patience.between.saturating_sub(heard.elapsed());
            let next = tokio::time::timeout(patience, session.next()).await;
            let item = next.map_err(|_| StreamEnd::Stalled(self.patience.between))?;
            let item = match item.ok_or(StreamEnd::Closed)? {
                Err(error) if is_of_a_packet(&error) && left_out < MOST_LEFT_OUT => {
                    left_out += 1;
                    continue;
                }
                item => item.map_err(end_of)?,
            };
            let Some(mut received) = received(item, codec, clock) else {
                continue;
            };
            if let Received::Unit(unit) = &mut received {
                unit.lost_packets += std::mem::take(&mut left_out);
                heard = Instant::now();
            }
            if take(received).is_break() {
                return Ok(());
            }
        }
    }

    async fn open(&self) -> Result<(Demuxed, usize, Codec), StreamEnd> {
        let stale = self.group.stale_sessions();
        if stale.num_sessions > 0 {
            let wait = self.group.await_stale_sessions(&stale);
            // The server forgets them sooner or later; being refused once is no harm.
            let _ = tokio::time::timeout(self.patience.opening / 2, wait).await;
        }
        let creds = self.login.map(|login| Credentials {
            username: login.user.clone(),
            password: login.password.clone(),
        });
        let options = SessionOptions::default()
            .creds(creds)
            .user_agent(USER_AGENT.to_owned())
            .session_group(Arc::clone(&self.group));
        let described = Session::describe(self.url.clone(), options).await;
        let mut session = described.map_err(end_of)?;
        let (stream, codec) = choose(session.streams())?;
        let transport = match self.transport {
            RtspTransport::Tcp => Transport::Tcp(TcpTransportOptions::default()),
            RtspTransport::Udp => Transport::Udp(UdpTransportOptions::default()),
        };
        let setup = SetupOptions::default()
            .transport(transport)
            .frame_format(FrameFormat::SIMPLE);
        session.setup(stream, setup).await.map_err(end_of)?;
        let playing = session.play(PlayOptions::default()).await.map_err(end_of)?;
        Ok((playing.demuxed().map_err(end_of)?, stream, codec))
    }
}

/// The first video stream that can be decoded.
fn choose(streams: &[Stream]) -> Result<(usize, Codec), StreamEnd> {
    let video = || {
        streams
            .iter()
            .enumerate()
            .filter(|(_, s)| s.media() == "video")
    };
    let known = video().find_map(|(i, stream)| Some((i, codec_of(stream.encoding_name())?)));
    known.ok_or_else(|| {
        let names: Vec<&str> = video().map(|(_, stream)| stream.encoding_name()).collect();
        StreamEnd::Unusable(if names.is_empty() {
            "the camera offers no video stream".to_owned()
        } else {
            format!(
                "the camera sends {}, which is not read: set it to H.264, H.265 or MJPEG",
                names.join(", ")
            )
        })
    })
}

fn codec_of(encoding_name: &str) -> Option<Codec> {
    match encoding_name {
        "h264" => Some(Codec::H264),
        "h265" => Some(Codec::H265),
        "jpeg" => Some(Codec::Mjpeg),
        _ => None,
    }
}

fn facts(session: &Demuxed, stream: usize, transport: RtspTransport) -> StreamFacts {
    let said = &session.streams()[stream];
    let (mut size, mut rate) = (None, said.framerate().map(f64::from));
    if let Some(ParametersRef::Video(video)) = said.parameters() {
        size = Some(video.pixel_dimensions());
        let coded = video
            .frame_rate()
            .filter(|(units, scale)| *units > 0 && *scale > 0);
        rate = rate.or(coded.map(|(units, scale)| f64::from(scale) / f64::from(units)));
    }
    StreamFacts {
        codec: said.encoding_name().to_ascii_uppercase(),
        size,
        declared_rate: rate,
        server: session.tool().map(|tool| tool.to_string()),
        transport: match transport {
            RtspTransport::Tcp => "tcp",
            RtspTransport::Udp => "udp",
        },
    }
}

fn received(item: CodecItem, codec: Codec, clock: &dyn SteadyClock) -> Option<Received> {
    match item {
        CodecItem::VideoFrame(frame) => Some(Received::Unit(unit(frame, codec, clock))),
        CodecItem::Rtcp(rtcp) => {
            let media_us = micros(rtcp.rtp_timestamp()?);
            let report = rtcp.pkts().next()?.as_sender_report().ok()??;
            let wall_us = unix_us(report.ntp_timestamp())?;
            Some(Received::Clock { media_us, wall_us })
        }
        _ => None,
    }
}

fn unit(frame: VideoFrame, codec: Codec, clock: &dyn SteadyClock) -> LiveUnit {
    let (time_us, lost) = (micros(frame.timestamp()), frame.loss());
    let is_key = frame.is_random_access_point() || codec == Codec::Mjpeg;
    LiveUnit {
        unit: AccessUnit {
            codec,
            data: frame.into_data(),
            is_key,
            time_us,
        },
        stamped: true,
        arrived_us: clock.now_us(),
        lost_packets: lost.into(),
    }
}

/// Microseconds since the stream's first packet.
fn micros(stamp: retina::Timestamp) -> i64 {
    let scaled = i128::from(stamp.elapsed()) * 1_000_000 / i128::from(stamp.clock_rate().get());
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// An NTP time stamp as microseconds since 1970; `None` for a clock that was never set.
fn unix_us(ntp: NtpTimestamp) -> Option<i64> {
    // A camera that was never set begins in 1900 or 1970; neither is a wall time.
    const YEAR_US: i64 = 365 * 86_400 * 1_000_000;
    let since = ntp.0.checked_sub(UNIX_EPOCH.0)?;
    let us = (u128::from(since) * 1_000_000) >> 32;
    i64::try_from(us).ok().filter(|us| *us > YEAR_US)
}

/// So many packets in a row may make no sense: a picture of 4 MB has 3,000.
const MOST_LEFT_OUT: u32 = 3_000;

/// Whether a failure is one of a single packet, after which the stream goes on. `retina` names the packet's source then.
fn is_of_a_packet(error: &retina::Error) -> bool {
    let text = error.to_string();
    text.contains("\nssrc: ") && text.contains("\nseq: ")
}

/// What a failure of `retina` means for a person; its first line, without packet dumps.
fn end_of(error: retina::Error) -> StreamEnd {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    match error.status_code() {
        Some(401 | 403) => StreamEnd::Refused(line),
        Some(404 | 454) => StreamEnd::NoSuchStream(line),
        Some(415 | 461) => StreamEnd::Unusable(format!(
            "the camera does not send packets this way ({line}): try the other of tcp and udp"
        )),
        // `retina` reports a password that was asked for and not given without a status.
        _ if line.contains("uthenticat") || line.contains("redentials") => StreamEnd::Refused(line),
        _ => StreamEnd::Broken(line),
    }
}

/// No answer for this long while opening: a camera that wakes up takes a few seconds.
pub(super) const OPENING: Duration = Duration::from_secs(10);
