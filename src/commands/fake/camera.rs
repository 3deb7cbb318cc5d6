//! `tailgate fake camera`: clips played as cameras play their pictures.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::{DONE, Failure, Outcome};
use crate::fake::camera::{AuthScheme, CameraServer, CameraStream, Faults, Footage, Guard};

/// Plays clips as RTSP streams (H.264, H.265, MJPEG) and MJPEG clips over HTTP too, with faults.
#[derive(Debug, Args)]
pub struct CameraArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8554")]
    listen: SocketAddr,
    /// A stream: its name and the clip it plays, or several clips one after the other.
    #[arg(long = "stream", value_name = "NAME=CLIP[,CLIP]", required = true)]
    streams: Vec<String>,
    /// What is wrong with a stream, such as front=drop=0.01,stall_at=5:3 (docs/guides/live.md).
    #[arg(long, value_name = "NAME=FAULT[,FAULT]")]
    faults: Vec<String>,
    /// User name that all streams ask for.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Its password: a play-thing.
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// How they ask for it.
    #[arg(long, value_enum, default_value = "digest")]
    auth: AuthArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthArg {
    Basic,
    Digest,
}

/// Plays until it is interrupted.
pub fn run(args: &CameraArgs) -> Outcome {
    let streams = streams(args).map_err(|problems| Failure::unusable(problems.join("\n")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let names: Vec<String> = streams.iter().map(|(name, _)| name.clone()).collect();
        let server = CameraServer::start(args.listen, streams).await;
        let server = server.map_err(|error| {
            Failure::unusable(format!("cannot listen on {}: {error}", args.listen))
        })?;
        for name in names {
            println!("{}", server.url(&name));
        }
        tokio::signal::ctrl_c()
            .await
            .map_err(|error| Failure::unusable(format!("cannot wait for an interrupt: {error}")))?;
        Ok(DONE)
    })
}

/// The streams; `Err`: everything that is wrong with what was asked for.
fn streams(args: &CameraArgs) -> Result<Vec<(String, CameraStream)>, Vec<String>> {
    let mut problems = Vec::new();
    let mut faults: Vec<(&str, Faults)> = Vec::new();
    for text in &args.faults {
        let Some((name, wrong)) = text.split_once('=') else {
            problems.push(format!("--faults {text}: write NAME=FAULT"));
            continue;
        };
        match Faults::parse(wrong) {
            Ok(read) => faults.push((name, read)),
            Err(more) => problems.extend(more),
        }
    }
    let mut streams: Vec<(String, CameraStream)> = Vec::new();
    for text in &args.streams {
        let Some((name, clips)) = text.split_once('=') else {
            problems.push(format!("--stream {text}: write NAME=CLIP"));
            continue;
        };
        let own = faults.iter().find(|(of, _)| *of == name);
        let own = own.map(|(_, faults)| faults.clone()).unwrap_or_default();
        match stream(clips, own) {
            Ok(mut stream) => {
                stream.guard = guard(args);
                streams.push((name.to_owned(), stream));
            }
            Err(what) => problems.push(what),
        }
    }
    for (name, _) in &faults {
        if !streams.iter().any(|(known, _)| known == name) {
            problems.push(format!("--faults {name}=...: no stream is called so"));
        }
    }
    if problems.is_empty() {
        Ok(streams)
    } else {
        Err(problems)
    }
}

fn stream(clips: &str, faults: Faults) -> Result<CameraStream, String> {
    let paths: Vec<PathBuf> = clips.split(',').map(PathBuf::from).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let footage = Footage::read(&paths).map_err(|error| error.to_string())?;
    CameraStream::new(footage, faults)
}

fn guard(args: &CameraArgs) -> Option<Guard> {
    Some(Guard {
        scheme: match args.auth {
            AuthArg::Basic => AuthScheme::Basic,
            AuthArg::Digest => AuthScheme::Digest,
        },
        user: args.user.clone()?,
        password: args.password.clone()?,
    })
}
