//! One connection: RTSP requests and what comes of them, or one HTTP request for MJPEG.
//!
//! It deliberately knows one session a connection, as small cameras do.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::footage::pieces;
use super::message::Message;
use super::player::{PlayEnd, Player, Wire};
use super::rtp::payload_type;
use super::server::{CameraStream, Streams};
use crate::capture::{AccessUnit, Codec};

/// Ports are given by chance: half of them are odd, few have a taken neighbour.
const PORT_TRIES: u32 = 64;

/// Sessions are numbered; so are the dice of their losses.
static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// How packets go to the receiver.
enum Way {
    /// Within the connection, on this channel and the next.
    Interleaved(Arc<Mutex<OwnedWriteHalf>>, u8),
    /// As datagrams, for pictures and for reports.
    Datagrams(UdpSocket, UdpSocket),
}

impl Wire for Way {
    async fn send(&mut self, packet: Vec<u8>, report: bool) -> bool {
        match self {
            Self::Interleaved(writer, channel) => {
                let mut framed = vec![b'$', *channel + u8::from(report)];
                framed.extend((packet.len() as u16).to_be_bytes());
                framed.extend(packet);
                writer.lock().await.write_all(&framed).await.is_ok()
            }
            Self::Datagrams(pictures, reports) => {
                let socket = if report { reports } else { pictures };
                // Who has gone says so; a packet that the kernel refuses is lost.
                !matches!(
                    socket.send(&packet).await,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused
                )
            }
        }
    }
}

/// One connection's state.
struct Connection {
    streams: Arc<Streams>,
    writer: Arc<Mutex<OwnedWriteHalf>>,
    peer: SocketAddr,
    own: IpAddr,
    number: u64,
    way: Option<Way>,
    playing: Option<(JoinHandle<()>, Arc<CameraStream>)>,
    torn_down: bool,
    hang_up: CancellationToken,
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(
    socket: TcpStream,
    streams: Arc<Streams>,
    stop: CancellationToken,
) -> io::Result<()> {
    let (peer, own) = (socket.peer_addr()?, socket.local_addr()?.ip());
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.into_split();
    let mut reader = BufReader::new(reader);
    let mut connection = Connection {
        streams,
        writer: Arc::new(Mutex::new(writer)),
        peer,
        own,
        number: SESSIONS.fetch_add(1, Ordering::Relaxed),
        way: None,
        playing: None,
        torn_down: false,
        hang_up: stop.child_token(),
    };
    let hang_up = connection.hang_up.clone();
    let talk = async {
        while let Some(message) = Message::read(&mut reader).await? {
            if !connection.answer(&message).await? {
                break;
            }
        }
        io::Result::Ok(())
    };
    let ended = tokio::select! {
        ended = talk => ended,
        () = hang_up.cancelled() => Ok(()),
    };
    if let Some((playing, stream)) = connection.playing.take() {
        playing.abort();
        stream.end(connection.torn_down);
    }
    ended
}

impl Connection {
    /// Answers a request; false if the connection ends with it.
    async fn answer(&mut self, message: &Message) -> io::Result<bool> {
        let streams = Arc::clone(&self.streams);
        let Some(stream) = streams.get(message.stream()) else {
            self.reply(message, "404 Not Found", &[], "").await?;
            return Ok(true);
        };
        if let Some(guard) = &stream.guard
            && message.method != "OPTIONS"
            && !guard.admits(message.header("authorization"), &message.method)
        {
            let challenge = [("WWW-Authenticate", guard.challenge())];
            self.reply(message, "401 Unauthorized", &challenge, "")
                .await?;
            return Ok(!message.version.starts_with("HTTP"));
        }
        match message.method.as_str() {
            "OPTIONS" => {
                let public =
                    "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
                self.reply(message, OK, &[("Public", public.to_owned())], "")
                    .await?;
            }
            "DESCRIBE" => {
                let headers = [
                    ("Content-Type", "application/sdp".to_owned()),
                    ("Content-Base", format!("{}/", message.target)),
                ];
                let text = description(stream, self.own);
                self.reply(message, OK, &headers, &text).await?;
            }
            "SETUP" => self.set_up(message).await?,
            "PLAY" => self.play(message, stream).await?,
            "TEARDOWN" => {
                self.torn_down = true;
                self.reply(message, OK, &[], "").await?;
                return Ok(false);
            }
            "GET_PARAMETER" | "SET_PARAMETER" => self.reply(message, OK, &[], "").await?,
            "GET" if message.version.starts_with("HTTP") => {
                self.send_jpegs(stream).await?;
                return Ok(false);
            }
            _ => self.reply(message, "501 Not Implemented", &[], "").await?,
        }
        Ok(true)
    }

    async fn reply(
        &self,
        message: &Message,
        status: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> io::Result<()> {
        let version = if message.version.starts_with("HTTP") {
            "HTTP/1.1"
        } else {
            "RTSP/1.0"
        };
        let mut text = format!("{version} {status}\r\n");
        if let Some(cseq) = message.header("cseq") {
            text += &format!("CSeq: {cseq}\r\n");
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.writer.lock().await.write_all(text.as_bytes()).await
    }

    async fn set_up(&mut self, message: &Message) -> io::Result<()> {
        let wanted = message.header("transport").unwrap_or_default().to_owned();
        let transport = if wanted.contains("TCP") {
            let channel = pair(&wanted, "interleaved=").map_or(0, |(first, _)| first as u8);
            self.way = Some(Way::Interleaved(Arc::clone(&self.writer), channel));
            format!("RTP/AVP/TCP;unicast;interleaved={channel}-{}", channel + 1)
        } else if let Some((pictures, reports)) = pair(&wanted, "client_port=") {
            let (to_pictures, to_reports) = self.datagrams(pictures, reports).await?;
            let own = to_pictures.local_addr()?.port();
            self.way = Some(Way::Datagrams(to_pictures, to_reports));
            format!(
                "RTP/AVP;unicast;client_port={pictures}-{reports};server_port={own}-{}",
                own + 1
            )
        } else {
            return self
                .reply(message, "461 Unsupported Transport", &[], "")
                .await;
        };
        // Whoever is told whose packets to expect takes no others for them.
        let transport = format!("{transport};ssrc={:08X}", ssrc(self.number));
        let headers = [
            ("Transport", transport),
            ("Session", format!("{};timeout=60", self.number)),
        ];
        self.reply(message, OK, &headers, "").await
    }

    /// Sockets for pictures and reports: RTP wants an even port and the one after it.
    async fn datagrams(&self, pictures: u16, reports: u16) -> io::Result<(UdpSocket, UdpSocket)> {
        for _ in 0..PORT_TRIES {
            let first = UdpSocket::bind((self.own, 0)).await?;
            let port = first.local_addr()?.port();
            if port % 2 == 1 {
                continue;
            }
            let Ok(second) = UdpSocket::bind((self.own, port + 1)).await else {
                continue;
            };
            first.connect((self.peer.ip(), pictures)).await?;
            second.connect((self.peer.ip(), reports)).await?;
            return Ok((first, second));
        }
        Err(io::Error::other("no two ports side by side are free"))
    }

    async fn play(&mut self, message: &Message, stream: &Arc<CameraStream>) -> io::Result<()> {
        if stream.is_busy() {
            return self
                .reply(message, "503 Service Unavailable", &[], "")
                .await;
        }
        let Some(mut way) = self.way.take() else {
            return self
                .reply(message, "455 Method Not Valid in This State", &[], "")
                .await;
        };
        if !stream.begin() {
            return self
                .reply(message, "453 Not Enough Bandwidth", &[], "")
                .await;
        }
        let session = [("Session", self.number.to_string())];
        self.reply(message, OK, &session, "").await?;
        let own = Arc::clone(stream);
        let (stream, hang_up) = (Arc::clone(stream), self.hang_up.clone());
        let seed = self.number;
        let playing = tokio::spawn(async move {
            let player = Player {
                footage: &stream.footage,
                faults: &stream.faults,
                seed,
            };
            if player.play(&mut way).await == PlayEnd::HangUp || stream.faults.once {
                hang_up.cancel();
            }
        });
        self.playing = Some((playing, own));
        Ok(())
    }

    /// MJPEG over HTTP, as long as somebody reads it.
    async fn send_jpegs(&mut self, stream: &Arc<CameraStream>) -> io::Result<()> {
        if stream.footage.codec != Codec::Mjpeg {
            let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            return self.writer.lock().await.write_all(text.as_bytes()).await;
        }
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
        self.writer.lock().await.write_all(head.as_bytes()).await?;
        let began = tokio::time::Instant::now();
        let mut round_us = 0;
        loop {
            for unit in &stream.footage.units {
                let at = std::time::Duration::from_micros((round_us + unit.time_us) as u64);
                tokio::time::sleep_until(began + at).await;
                self.send_jpeg(unit).await?;
            }
            if stream.faults.once {
                return Ok(());
            }
            round_us += stream.footage.length_us;
        }
    }

    async fn send_jpeg(&self, unit: &AccessUnit) -> io::Result<()> {
        let head = format!(
            "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            unit.data.len()
        );
        let mut writer = self.writer.lock().await;
        writer.write_all(head.as_bytes()).await?;
        writer.write_all(&unit.data).await?;
        writer.write_all(b"\r\n").await
    }
}

const OK: &str = "200 OK";

/// What a session's packets are marked with.
pub(super) fn ssrc(number: u64) -> u32 {
    (number as u32).wrapping_mul(0x9e37_79b9) | 1
}

/// The two numbers after `name` in a transport header.
fn pair(transport: &str, name: &str) -> Option<(u16, u16)> {
    let field = transport
        .split(';')
        .find_map(|part| part.trim().strip_prefix(name))?;
    let (first, second) = field.split_once('-')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// What DESCRIBE answers (RFC 4566).
fn description(stream: &CameraStream, own: IpAddr) -> String {
    let footage = &stream.footage;
    let payload_type = payload_type(footage.codec);
    let (name, parameters) = match footage.codec {
        Codec::H264 => ("H264", h264_parameters(&footage.units)),
        Codec::H265 => ("H265", h265_parameters(&footage.units)),
        Codec::Mjpeg => ("JPEG", None),
    };
    let mut text = format!(
        "v=0\r\no=- 0 0 IN IP4 {own}\r\ns=fake camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
         a=tool:tailgate fake camera\r\na=control:*\r\nm=video 0 RTP/AVP {payload_type}\r\n\
         a=rtpmap:{payload_type} {name}/90000\r\n"
    );
    if let Some(parameters) = parameters {
        text += &format!("a=fmtp:{payload_type} {parameters}\r\n");
    }
    text += &format!("a=framerate:{:.3}\r\na=control:track1\r\n", footage.rate());
    text
}

/// The first unit of each kind, base64.
fn parameter_set(units: &[AccessUnit], is_it: impl Fn(&[u8]) -> bool) -> Option<String> {
    use base64::Engine as _;
    let first = units.first()?;
    let set = pieces(&first.data).into_iter().find(|piece| is_it(piece))?;
    Some(base64::engine::general_purpose::STANDARD.encode(set))
}

fn h264_parameters(units: &[AccessUnit]) -> Option<String> {
    let set = |kind: u8| parameter_set(units, |unit| unit[0] & 0x1f == kind);
    let (sequence, picture) = (set(7)?, set(8)?);
    Some(format!(
        "packetization-mode=1;sprop-parameter-sets={sequence},{picture}"
    ))
}

fn h265_parameters(units: &[AccessUnit]) -> Option<String> {
    let set = |kind: u8| parameter_set(units, |unit| unit[0] >> 1 & 0x3f == kind);
    Some(format!(
        "sprop-vps={};sprop-sps={};sprop-pps={}",
        set(32)?,
        set(33)?,
        set(34)?
    ))
}
