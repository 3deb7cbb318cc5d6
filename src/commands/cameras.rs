//! `tailgate cameras probe URL`: what a stream is, and whether it will do.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::live::{BoxClock, Probe, probe, reference_path};
use crate::capture::live::{Address, LiveSource, Login, RtspTransport};
use crate::config::load_live;
use crate::intake::now;

/// Looks at cameras as `tailgate run` would.
#[derive(Debug, Args)]
pub struct CamerasArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Probe(ProbeArgs),
    Confirm(ConfirmArgs),
}

/// Says that a camera hangs where it should: what it shows from now on is learned anew.
///
/// For a camera that was found to be moved, after somebody looked at its calibration. A box that runs notices
/// within a second.
#[derive(Debug, Args)]
struct ConfirmArgs {
    /// The site file.
    #[arg(value_name = "SITE.toml")]
    file: PathBuf,
    /// The camera's name.
    camera: String,
}

/// Opens a stream, watches it for a while, and says what it is and whether it will do.
///
/// Exit code 0 if it will do, 4 if it will not.
#[derive(Debug, Args)]
struct ProbeArgs {
    /// rtsp://HOST/PATH, http://HOST/PATH (MJPEG) or a video file. A user name and a password in it are taken out
    /// before anything is printed; better give them by --user and --password-file.
    url: String,
    /// User name.
    #[arg(long)]
    user: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Ask for datagrams.
    #[arg(long)]
    udp: bool,
    /// How long to watch, s.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Write the last picture here, as PNG or JPEG: something to calibrate on.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &CamerasArgs) -> Outcome {
    match &args.what {
        What::Probe(args) => watch(args),
        What::Confirm(args) => confirm(args),
    }
}

fn confirm(args: &ConfirmArgs) -> Outcome {
    let config =
        load_live(&args.file).map_err(|problems| Failure::unusable(problems.to_string()))?;
    if !config
        .cameras
        .iter()
        .any(|camera| camera.name == args.camera)
    {
        let known: Vec<&str> = config.cameras.iter().map(|c| c.name.as_str()).collect();
        let what = format!(
            "no camera is called {:?}: there are {}",
            args.camera,
            known.join(", ")
        );
        return Err(Failure::unusable(what));
    }
    let path = reference_path(&config.data, &args.camera);
    match std::fs::remove_file(&path) {
        Ok(()) => println!("{}: what it shows is learned anew", args.camera),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("{}: nothing is known of it yet", args.camera);
        }
        Err(error) => return Err(Failure::unusable(format!("{}: {error}", path.display()))),
    }
    Ok(DONE)
}

fn watch(args: &ProbeArgs) -> Outcome {
    let source = source(args)?;
    if !(args.seconds.is_finite() && args.seconds > 0.0) {
        return Err(Failure::unusable("--seconds must be a number above 0"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    let clock = BoxClock::new(now());
    let seen = runtime.block_on(probe(
        &source,
        &clock,
        Duration::from_secs_f64(args.seconds),
    ));
    if let (Some(path), Some(frame)) = (&args.picture, &seen.last) {
        let saved = frame.to_rgb().save(path);
        saved.map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))?;
    }
    print(&seen, args.json);
    Ok(if seen.will_do() {
        DONE
    } else {
        NOT_AS_EXPECTED
    })
}

fn source(args: &ProbeArgs) -> Result<LiveSource, Failure> {
    let address = Address::parse(&args.url)
        .map_err(|what| Failure::unusable(format!("the address {what}")))?;
    let login = match (&args.user, &args.password_file) {
        (Some(user), Some(file)) => {
            let password = std::fs::read_to_string(file);
            let password = password
                .map_err(|error| Failure::unusable(format!("{}: {error}", file.display())))?;
            Some(Login {
                user: user.clone(),
                password: password.trim_end_matches(['\r', '\n']).to_owned(),
            })
        }
        (Some(user), None) => Some(Login {
            user: user.clone(),
            password: String::new(),
        }),
        _ => None,
    };
    let address = match login {
        Some(login) => address.with_login(Some(login)),
        None => address,
    };
    let transport = if args.udp {
        RtspTransport::Udp
    } else {
        RtspTransport::Tcp
    };
    Ok(LiveSource {
        transport,
        ..LiveSource::new(address)
    })
}

#[derive(Serialize)]
struct Printed<'a> {
    will_do: bool,
    #[serde(flatten)]
    probe: &'a Probe,
}

fn print(seen: &Probe, json: bool) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no failure of the probe.
    drop(if json {
        let printed = Printed {
            will_do: seen.will_do(),
            probe: seen,
        };
        let text = serde_json::to_string_pretty(&printed).unwrap_or_default();
        writeln!(out, "{text}")
    } else {
        write!(out, "{}", seen.text())
    });
}
