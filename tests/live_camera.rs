//! Live sources against a real server on loopback: what comes through the network is what the clip holds.

mod rows;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use sha2::{Digest, Sha256};
use tailgate::capture::live::{
    Address, Decoded, LiveDecoder, LiveSource, Login, Received, RtspTransport, SteadyClock,
    StreamEnd, StreamFacts, Tally, play,
};
use tailgate::capture::{Clip, ClipOptions, Frame, VideoCodec, VideoOptions, VideoWriter};
use tailgate::fake::camera::{AuthScheme, CameraServer, CameraStream, Faults, Footage, Guard};
use tailgate::units::Span;
use tokio::sync::Notify;

struct Steady(Instant);

impl SteadyClock for Steady {
    fn now_us(&self) -> i64 {
        self.0.elapsed().as_micros() as i64
    }
}

/// A short clip of a moving bar in a folder of its own: 30 frames at 50 a second, 320 x 240 px.
fn clip(folder: &Path, name: &str, codec: VideoCodec) -> PathBuf {
    let path = folder.join(name);
    let options = VideoOptions {
        codec,
        rate: 50.0,
        key_interval_s: 0.2,
        ..VideoOptions::default()
    };
    let mut writer = VideoWriter::create(&path, 320, 240, &options).expect("a writer");
    for index in 0..30_u32 {
        let picture = RgbImage::from_fn(320, 240, |x, y| {
            if x / 16 == index % 20 {
                Rgb([240, 230, 220])
            } else {
                Rgb([x as u8, y as u8, 90])
            }
        });
        writer
            .write(&picture, Span::from_ms(i64::from(index) * 20))
            .expect("a frame");
    }
    writer.finish().expect("a file");
    path
}

/// A hash of a frame's luma.
fn sum(frame: &Frame) -> String {
    let planes = frame.planes();
    let mut hasher = Sha256::new();
    for row in 0..planes.y.height {
        hasher.update(planes.y.row(row));
    }
    hex::encode(hasher.finalize())
}

fn sums_of_clip(path: &Path) -> Vec<String> {
    let mut clip = Clip::open(path, &ClipOptions::default()).expect("a clip");
    let mut sums = Vec::new();
    while let Some(frame) = clip.next_frame().expect("readable") {
        sums.push(sum(&frame));
    }
    sums
}

/// What a session came to.
struct Watched {
    facts: Option<StreamFacts>,
    sums: Vec<String>,
    taken_us: Vec<i64>,
    runs: u32,
    walls: Vec<i64>,
    tally: Tally,
    end: Result<(), StreamEnd>,
}

/// Plays a source until it ends, or gave `most` frames.
async fn watch(source: &LiveSource, most: usize) -> Watched {
    watch_telling(source, most, &Notify::new()).await
}

/// The same, and tells as soon as a picture has come.
async fn watch_telling(source: &LiveSource, most: usize, came: &Notify) -> Watched {
    let clock = Steady(Instant::now());
    let mut decoder = LiveDecoder::default();
    let mut watched = Watched {
        facts: None,
        sums: Vec::new(),
        taken_us: Vec::new(),
        runs: 0,
        walls: Vec::new(),
        tally: Tally::default(),
        end: Ok(()),
    };
    let end = play(source, &clock, &mut |received| {
        match received {
            Received::Began(facts) => watched.facts = Some(facts),
            Received::Clock { wall_us, .. } => watched.walls.push(wall_us),
            Received::Unit(unit) => {
                came.notify_one();
                let mut give = |decoded: Decoded| {
                    watched.sums.push(sum(&decoded.frame));
                    watched.taken_us.push(decoded.stamp.taken_us);
                    watched.runs = decoded.stamp.run;
                };
                decoder.take(&unit, &mut give).expect("a decoder");
            }
        }
        if watched.sums.len() >= most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .await;
    watched.tally = decoder.tally();
    watched.end = end;
    watched
}

async fn serve(path: &Path, faults: &str, guard: Option<Guard>) -> CameraServer {
    let footage = Footage::read(&[path]).expect("footage");
    let faults = Faults::parse(faults).expect("faults");
    let mut stream = CameraStream::new(footage, faults).expect("a stream");
    stream.guard = guard;
    let listen = "127.0.0.1:0".parse().expect("an address");
    CameraServer::start(listen, [("front".to_owned(), stream)])
        .await
        .expect("a free port")
}

fn source(url: &str) -> LiveSource {
    let mut source = LiveSource::new(Address::parse(url).expect("an address"));
    source.patience.between = Duration::from_millis(700);
    source
}

const ALL: usize = usize::MAX;

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_comes_through_as_the_clip_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, codec) in [
        ("a.mp4", VideoCodec::H264),
        ("b.mp4", VideoCodec::H265),
        ("c.mkv", VideoCodec::Mjpeg),
    ] {
        let path = clip(folder.path(), name, codec);
        let server = serve(&path, "once", None).await;
        let watched = watch(&source(&server.url("front")), ALL).await;
        assert!(
            matches!(watched.end, Err(StreamEnd::Closed | StreamEnd::Broken(_))),
            "{:?}",
            watched.end
        );
        // The decoder may still hold the last ones back: nobody told it that the stream is over.
        let expect = sums_of_clip(&path);
        let came = watched.sums.len();
        assert!(
            came + 4 >= expect.len(),
            "{name}: {came} of {}",
            expect.len()
        );
        if codec != VideoCodec::Mjpeg {
            // RTP carries no JPEG headers: what a receiver makes of it is the same picture in other bytes.
            assert_eq!(watched.sums[..], expect[..came], "{name}");
        }
        assert!(watched.taken_us.is_sorted());
        let step_us = (watched.taken_us[came - 1] - watched.taken_us[0]) / (came as i64 - 1);
        assert!(
            (step_us - 20_000).abs() < 1_000,
            "{name}: {step_us} us a frame"
        );
        let facts = watched.facts.expect("the stream began");
        assert_eq!(facts.transport, "tcp");
        assert!(
            !watched.walls.is_empty(),
            "{name}: the camera's clock was told"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_come_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let server = serve(&path, "", None).await;
    let mut source = source(&server.url("front"));
    source.transport = RtspTransport::Udp;
    let watched = watch(&source, 20).await;
    assert!(watched.end.is_ok(), "{:?}", watched.end);
    assert_eq!(watched.sums[..20], sums_of_clip(&path)[..20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mjpeg_over_http_comes_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "c.mkv", VideoCodec::Mjpeg);
    let server = serve(&path, "once", None).await;
    let url = format!("http://{}/front", server.address());
    let watched = watch(&source(&url), ALL).await;
    assert_eq!(watched.sums, sums_of_clip(&path));
    assert!(watched.taken_us.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_asks_for_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    for scheme in [AuthScheme::Basic, AuthScheme::Digest] {
        let guard = Guard {
            scheme,
            user: "admin".to_owned(),
            password: "right one".to_owned(),
        };
        let server = serve(&path, "", Some(guard)).await;
        let mut right = source(&server.url("front"));
        let login = Login {
            user: "admin".to_owned(),
            password: "right one".to_owned(),
        };
        right.address = right.address.with_login(Some(login));
        let watched = watch(&right, 3).await;
        assert!(watched.end.is_ok(), "{scheme:?}: {:?}", watched.end);
        let wrong = source(
            &server
                .url("front")
                .replace("rtsp://", "rtsp://admin:wrong@"),
        );
        for refused in [wrong, source(&server.url("front"))] {
            let end = watch(&refused, 3).await.end;
            let text = format!("{end:?}");
            assert!(
                matches!(end, Err(StreamEnd::Refused(_))),
                "{scheme:?}: {text}"
            );
            assert!(!text.contains("wrong"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let stalled = serve(&path, "stall_at=0.2", None).await;
    let end = watch(&source(&stalled.url("front")), ALL).await.end;
    assert!(matches!(end, Err(StreamEnd::Stalled(_))), "{end:?}");
    let closed = serve(&path, "close_at=0.2", None).await;
    let end = watch(&source(&closed.url("front")), ALL).await.end;
    assert!(
        matches!(end, Err(StreamEnd::Closed | StreamEnd::Broken(_))),
        "{end:?}"
    );
    let end = watch(&source(&closed.url("back")), ALL).await.end;
    assert!(matches!(end, Err(StreamEnd::NoSuchStream(_))), "{end:?}");
    let nobody = closed.url("front");
    drop(closed);
    let gone = watch(&source(&nobody.replace("127.0.0.1", "127.0.0.2")), ALL)
        .await
        .end;
    assert!(matches!(gone, Err(StreamEnd::Broken(_))), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_packets_are_counted_and_decoding_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let server = serve(&path, "drop=0.1", None).await;
    let watched = watch(&source(&server.url("front")), 60).await;
    assert!(watched.end.is_ok(), "{:?}", watched.end);
    let tally = watched.tally;
    assert!(tally.lost_packets > 3 && tally.damaged > 3, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_runs_over_or_stands_still_never_turns_time_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    for (fault, runs) in [("jump_at=0.3:-40", 1), ("wrap_at=0.3", 0), ("stuck", 1)] {
        let server = serve(&path, fault, None).await;
        let watched = watch(&source(&server.url("front")), 28).await;
        assert!(watched.end.is_ok(), "{fault}: {:?}", watched.end);
        assert_eq!(watched.runs, runs, "{fault}");
        assert!(watched.taken_us.is_sorted(), "{fault}");
        let whole_us = watched.taken_us[27] - watched.taken_us[0];
        assert!(
            (whole_us - 540_000).abs() < 60_000,
            "{fault}: {whole_us} us"
        );
    }
}
