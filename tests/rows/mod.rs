//! Rows D1 to D8 of the fault table (docs/faults.md), as far as a source and its decoder bear them.
//!
//! Sizes here are cut to what fits into a minute of tests; the environment's variables give the full ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tailgate::capture::live::{
    Decoded, LiveDecoder, LiveSource, LiveUnit, Received, RtspTransport, StreamEnd, play,
};
use tailgate::capture::{AccessUnit, Codec, VideoCodec, VideoOptions, VideoWriter};
use tailgate::fake::camera::{AuthScheme, CameraServer, CameraStream, Faults, Footage, Guard};
use tailgate::units::Span;
use tokio::sync::Notify;

use super::{ALL, Steady, clip, serve, source, sum, sums_of_clip, watch, watch_telling};

/// A number from the environment.
fn wanted(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// How long after the last picture a stall is noticed, at most: two seconds, and what a busy machine adds.
const NOTICED: Duration = Duration::from_millis(2_700);
/// So many streams stall at a time.
const AT_ONCE: usize = 50;

/// Row D1. `TAILGATE_STALLS=1000` for the full size. The connection stays open, and reports go on coming in every other
/// stream: it is pictures that are waited for.
#[tokio::test(flavor = "multi_thread")]
async fn d1_a_stall_is_noticed_within_two_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let footage = Footage::read(&[&path]).expect("footage");
    let stalls = wanted("TAILGATE_STALLS", AT_ONCE);
    let mut noticed = Vec::new();
    for round in 0..stalls.div_ceil(AT_ONCE) {
        let mut watching = Vec::new();
        for number in 0..AT_ONCE {
            let at_s = 0.05 + 0.01 * ((7 * round + number) % 40) as f64;
            let faults = format!("stall_at={at_s:.2}");
            let faults = Faults::parse(&faults).expect("faults");
            let stream = CameraStream::new(footage.clone(), faults).expect("a stream");
            watching.push(async move {
                let listen = "127.0.0.1:0".parse().expect("an address");
                let named = [("front".to_owned(), stream)];
                let server = CameraServer::start(listen, named).await.expect("a port");
                let mut source = source(&server.url("front"));
                // As `tailgate run` has it.
                source.patience.between = LiveSource::new(source.address.clone()).patience.between;
                let clock = Steady(Instant::now());
                let mut last = Instant::now();
                let end = play(&source, &clock, &mut |received| {
                    if matches!(received, Received::Unit(_)) {
                        last = Instant::now();
                    }
                    std::ops::ControlFlow::Continue(())
                })
                .await;
                assert!(matches!(end, Err(StreamEnd::Stalled(_))), "{end:?}");
                last.elapsed()
            });
        }
        noticed.extend(futures_util::future::join_all(watching).await);
    }
    let worst = noticed.iter().max().copied().unwrap_or_default();
    println!("Row D1: {} stalls, worst {worst:?}", noticed.len());
    assert!(worst < NOTICED, "{worst:?}");
}

/// Row D2: what a camera that cannot be had is called, and whether it is asked again soon or not for minutes.
#[tokio::test(flavor = "multi_thread")]
async fn d2_what_keeps_a_camera_away_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let guarded = |password: &str| Guard {
        scheme: AuthScheme::Digest,
        user: "admin".to_owned(),
        password: password.to_owned(),
    };
    let before = serve(&path, "", Some(guarded("old"))).await;
    let login = |url: &str| source(&url.replace("rtsp://", "rtsp://admin:old@"));
    let watched = watch(&login(&before.url("front")), 3).await;
    assert!(watched.end.is_ok(), "{:?}", watched.end);
    let after = serve(&path, "", Some(guarded("new"))).await;
    let reset = serve(&path, "close_at=0.2", None).await;
    let busy = serve(&path, "busy=1", None).await;
    // Nobody listens where somebody has just let go of a port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let refused = format!("rtsp://{}/front", port.expect("a free port"));
    for (name, address, expect) in [
        ("password changed", login(&after.url("front")), "Refused"),
        ("reset", source(&reset.url("front")), "Closed"),
        ("busy", source(&busy.url("front")), "Broken"),
        ("refused", source(&refused), "Broken"),
        ("no name", source("rtsp://camera.invalid/front"), "Broken"),
        ("no route", source("rtsp://127.255.255.255/front"), "Broken"),
        ("no stream", source(&reset.url("back")), "NoSuchStream"),
    ] {
        let end = watch(&address, ALL).await.end.expect_err(name);
        let text = format!("{end:?}");
        assert!(text.starts_with(expect), "{name}: {text}");
        assert!(!text.contains("old"), "{name}: {text}");
    }
    // The camera that was busy is not any more.
    let again = watch(&source(&busy.url("front")), 3).await;
    assert!(again.end.is_ok(), "{:?}", again.end);
}

/// Row D3: a server that allows one session and keeps the old one is told that it has ended, and waited for.
#[tokio::test(flavor = "multi_thread")]
async fn d3_the_session_before_is_ended_before_the_next_one_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let server = serve(&path, "stale=20", None).await;
    let mut source = source(&server.url("front"));
    source.transport = RtspTransport::Udp;
    for round in 0..5 {
        let watched = watch(&source, 3).await;
        assert!(watched.end.is_ok(), "round {round}: {:?}", watched.end);
    }
    // Control: somebody else, who does not know of that session, is turned away.
    let other = LiveSource::new(source.address.clone());
    let came = Notify::new();
    let held = watch_telling(&source, 40, &came);
    let stranger = async {
        came.notified().await;
        watch(&other, 3).await.end
    };
    let (_, end) = tokio::join!(held, stranger);
    assert!(matches!(end, Err(StreamEnd::Broken(_))), "{end:?}");
}

/// Row D4: packets of another session are left out. What is shown is this camera's, whole or marked.
#[tokio::test(flavor = "multi_thread")]
async fn d4_packets_of_another_session_are_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let own = sums_of_clip(&path);
    for transport in [RtspTransport::Tcp, RtspTransport::Udp] {
        let server = serve(&path, "foreign=0.3", None).await;
        let mut source = source(&server.url("front"));
        source.transport = transport;
        let watched = watch(&source, 28).await;
        assert!(watched.end.is_ok(), "{transport:?}: {:?}", watched.end);
        assert_eq!(watched.sums[..], own[..28], "{transport:?}");
        assert!(watched.tally.lost_packets > 3, "{:?}", watched.tally);
    }
}

/// Row D5 on the wire: datagrams that come twice, late, wrong or not at all end no session.
#[tokio::test(flavor = "multi_thread")]
async fn d5_datagrams_lost_late_twice_and_wrong_end_no_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let faults = "drop=0.03,dup=0.1,reorder=0.05,corrupt=0.02";
    let server = serve(&path, faults, None).await;
    let mut source = source(&server.url("front"));
    source.transport = RtspTransport::Udp;
    let watched = watch(&source, 60).await;
    assert!(watched.end.is_ok(), "{:?}", watched.end);
    assert!(watched.taken_us.is_sorted());
    assert!(watched.tally.damaged > 0, "{:?}", watched.tally);
}

/// What becomes of a stream's pictures on a bad way: the picture, whether it is as it was sent, and how many packets
/// were lost before it.
fn on_a_bad_way(units: &[AccessUnit], seed: u64) -> Vec<(usize, AccessUnit, bool, u32)> {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let lossy: f64 = 0.001 + 0.1 * dice.random::<f64>();
    let (mut arrive, mut lost) = (Vec::new(), 0);
    for (number, unit) in units.iter().enumerate() {
        let mut unit = unit.clone();
        let fate: f64 = dice.random::<f64>() / lossy;
        if fate < 0.3 {
            lost += 1;
            continue;
        }
        let mut sound = true;
        if fate < 0.5 {
            // The rest of it did not come.
            let keep = dice.random_range(1..unit.data.len());
            unit.data.truncate(keep);
            lost += 1;
            sound = false;
        } else if fate < 1.0 {
            for _ in 0..dice.random_range(1..6) {
                let place = dice.random_range(0..unit.data.len());
                unit.data[place] ^= dice.random::<u8>() | 1;
            }
            sound = false;
        }
        arrive.push((number, unit, sound, lost));
        lost = 0;
        if fate > 1.0 && fate < 1.1 {
            arrive.extend(arrive.last().cloned());
        }
    }
    for place in 1..arrive.len() {
        if dice.random::<f64>() < 0.2 * lossy {
            arrive.swap(place - 1, place);
        }
    }
    arrive
}

/// Row D5 at the decoder. `TAILGATE_LOSS_SEEDS=10000` for the full size. Nothing panics, times rise; from a loss that is
/// known to the next key picture frames are marked, and from a whole key picture on, with nothing wrong since, they
/// are as they were sent.
#[test]
fn d5_losses_are_marked_and_over_with_the_next_key_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = 0;
    let seeds = wanted("TAILGATE_LOSS_SEEDS", 400);
    for codec in [VideoCodec::H264, VideoCodec::H265] {
        let path = folder.path().join(format!("{codec:?}.mkv"));
        small_clip(&path, codec);
        let units = Footage::read(&[&path]).expect("footage").units;
        let own = sums_of_clip(&path);
        for seed in 0..seeds as u64 / 2 {
            made += one_bad_way(&units, &own, seed);
        }
    }
    println!("Row D5: {seeds} seeds, {made} frames as they were sent");
    assert!(made > 10 * seeds, "{made}");
}

fn one_bad_way(units: &[AccessUnit], own: &[String], seed: u64) -> usize {
    let mut decoder = LiveDecoder::default();
    let (mut times, mut frames) = (Vec::new(), Vec::new());
    // Pictures by their stamps: whether all that they may refer to came as it was sent.
    let mut trust: BTreeMap<i64, bool> = BTreeMap::new();
    let (mut trusted, mut leads_to_us, mut next) = (false, i64::MIN, 0);
    for (place, (number, unit, sound, lost)) in on_a_bad_way(units, seed).into_iter().enumerate() {
        let stamp_us = units[number].time_us;
        if unit.is_key {
            leads_to_us = if trusted { i64::MIN } else { stamp_us };
        }
        let follows = trusted && lost == 0 && number == next;
        // A key picture that comes twice looks like a second half of itself: wait for the next one.
        let again = number + 1 == next;
        trusted = sound && !again && (unit.is_key || follows);
        next = number + 1;
        let whole = trusted && stamp_us >= leads_to_us;
        // What comes twice is not trusted: which of the two is shown is the decoder's to say.
        trust
            .entry(stamp_us)
            .and_modify(|first| *first = false)
            .or_insert(whole);
        let unit = LiveUnit {
            unit,
            stamped: true,
            arrived_us: 40_000 * place as i64,
            lost_packets: lost,
        };
        decoder
            .take(&unit, &mut |decoded: Decoded| {
                times.push(decoded.stamp.taken_us);
                let damaged = decoded.frame.is_damaged();
                frames.push((decoded.media_us, damaged, sum(&decoded.frame)));
            })
            .expect("a decoder");
    }
    assert!(times.is_sorted(), "seed {seed}");
    let mut shown: Vec<i64> = units.iter().map(|unit| unit.time_us).collect();
    shown.sort_unstable();
    let mut fine = 0;
    for (media_us, damaged, sum) in frames {
        let stamp_us = media_us.expect("all are stamped");
        if trust[&stamp_us] && !damaged {
            let place = shown.binary_search(&stamp_us).expect("one of them");
            assert_eq!(sum, own[place], "seed {seed}, picture {place}");
            fine += 1;
        }
    }
    fine
}

/// 30 frames of 96 x 64 px, a key picture every eight.
fn small_clip(path: &Path, codec: VideoCodec) {
    let options = VideoOptions {
        codec,
        rate: 25.0,
        key_interval_s: 0.32,
        ..VideoOptions::default()
    };
    let mut writer = VideoWriter::create(path, 96, 64, &options).expect("a writer");
    for index in 0..30_u32 {
        let picture = image::RgbImage::from_fn(96, 64, |x, y| {
            let bar = x / 8 == index % 12;
            image::Rgb([if bar { 230 } else { (2 * x) as u8 }, (3 * y) as u8, 90])
        });
        let at = Span::from_ms(i64::from(index) * 40);
        writer.write(&picture, at).expect("a frame");
    }
    writer.finish().expect("a file");
}

/// Row D7: pictures of another size, and of another codec, in the middle of a stream.
#[tokio::test(flavor = "multi_thread")]
async fn d7_another_size_or_codec_gets_another_decoder() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = clip(folder.path(), "a.mp4", VideoCodec::H264);
    let small = folder.path().join("b.mp4");
    small_clip(&small, VideoCodec::H264);
    let footage = Footage::read(&[&large, &small]).expect("footage");
    let faults = Faults::parse("once").expect("faults");
    let stream = CameraStream::new(footage, faults).expect("a stream");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = CameraServer::start(listen, [("front".to_owned(), stream)]).await;
    let server = server.expect("a port");
    let watched = watch(&source(&server.url("front")), ALL).await;
    let mut own = sums_of_clip(&large);
    own.extend(sums_of_clip(&small));
    let came = watched.sums.len();
    assert!(came + 4 >= own.len(), "{came} of {}", own.len());
    assert_eq!(watched.sums[..], own[..came]);
    // Codecs do not change within a session; a camera that was set otherwise comes back so.
    let other = folder.path().join("c.mkv");
    small_clip(&other, VideoCodec::H265);
    let mut decoder = LiveDecoder::default();
    let mut codecs = Vec::new();
    for path in [&small, &other, &small] {
        let units = Footage::read(&[path]).expect("footage").units;
        let mut frames = 0;
        for unit in units {
            codecs.push(unit.codec);
            let unit = LiveUnit {
                arrived_us: 40_000 * codecs.len() as i64,
                unit,
                stamped: false,
                lost_packets: 0,
            };
            decoder
                .take(&unit, &mut |_| frames += 1)
                .expect("a decoder");
        }
        assert!(frames > 20, "{frames} of {path:?}");
    }
    assert!(codecs.contains(&Codec::H265) && codecs.contains(&Codec::H264));
}

/// Row D8: who joins a stream between two key pictures that lie far apart gets nothing until the next one, and then
/// whole pictures.
#[tokio::test(flavor = "multi_thread")]
async fn d8_nothing_is_shown_before_the_first_key_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.mp4");
    let options = VideoOptions {
        rate: 25.0,
        key_interval_s: 60.0,
        ..VideoOptions::default()
    };
    let mut writer = VideoWriter::create(&path, 96, 64, &options).expect("a writer");
    for index in 0..40_u32 {
        let picture = image::RgbImage::from_fn(96, 64, |x, _| {
            image::Rgb([(x * 2 + index * 5) as u8, 80, 90])
        });
        let at = Span::from_ms(i64::from(index) * 40);
        writer.write(&picture, at).expect("a frame");
    }
    writer.finish().expect("a file");
    let server = serve(&path, "join_at=0.8", None).await;
    let watched = watch(&source(&server.url("front")), 10).await;
    assert!(watched.end.is_ok(), "{:?}", watched.end);
    assert_eq!(watched.sums[..10], sums_of_clip(&path)[..10]);
    let tally = watched.tally;
    assert!(tally.undecodable >= 15 && tally.damaged == 0, "{tally:?}");
}
