//! `tailgate fake openpath|kisi|genetec`: a local server that plays an access-control system.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::super::{DONE, Failure, Outcome};
use crate::fake::{self, Certificate, Pace, Script, VendorName};
use crate::units::Instant;

/// How an access-control system is played.
#[derive(Debug, Args)]
pub struct VendorArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4590")]
    listen: SocketAddr,
    /// What happens at the doors, and what goes wrong.
    #[arg(long)]
    script: PathBuf,
    /// Wall time at the script's start, for example 2026-01-05T08:00:00Z; by default now.
    #[arg(long)]
    start: Option<jiff::Timestamp>,
    /// How many times as fast as real time the script plays.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Time moves only by POST /_fake/advance?s=SECONDS.
    #[arg(long, conflicts_with = "speed")]
    held: bool,
    /// Speak TLS with a new self-signed certificate, whose fingerprint is printed.
    #[arg(long)]
    tls: bool,
    /// Host names and addresses in that certificate.
    #[arg(long, requires = "tls", default_values = ["localhost", "127.0.0.1"])]
    name: Vec<String>,
    /// Write that certificate (PEM) into this file.
    #[arg(long, requires = "tls")]
    certificate: Option<PathBuf>,
    /// User name or e-mail address that may log in.
    #[arg(long)]
    user: Option<String>,
    /// Password (Openpath, Genetec) or API key (Kisi) of the play-acting account.
    #[arg(long)]
    password: Option<String>,
    /// Another account that may log in: for trying how it is changed. Kisi: only the key, as `:KEY`.
    #[arg(long = "also", value_name = "USER:PASSWORD")]
    others: Vec<String>,
    /// Organisation id (Openpath, Kisi) or ApplicationId (Genetec).
    #[arg(long)]
    account: Option<String>,
}

/// Plays until it is interrupted.
pub fn run(vendor: VendorName, args: &VendorArgs) -> Outcome {
    let options = options(vendor, args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let account = (
            options.user.clone(),
            options.password.clone(),
            options.account.clone(),
        );
        let running = fake::start(options).await;
        let running = running.map_err(|error| Failure::unusable(error.to_string()))?;
        println!("listening on {}", running.url());
        println!(
            "user {:?}, password {:?}, account {:?}",
            account.0, account.1, account.2
        );
        if let Some(fingerprint) = running.fingerprint() {
            println!("certificate sha256:{fingerprint}");
        }
        tokio::signal::ctrl_c()
            .await
            .map_err(|error| Failure::unusable(format!("cannot wait for an interrupt: {error}")))?;
        Ok(DONE)
    })
}

fn options(vendor: VendorName, args: &VendorArgs) -> Result<fake::Options, Failure> {
    let text = std::fs::read_to_string(&args.script).map_err(|error| {
        Failure::unusable(format!("cannot read {}: {error}", args.script.display()))
    })?;
    let script = Script::parse(&text).map_err(|problems| {
        let named = problems
            .iter()
            .map(|problem| format!("{}: {problem}", args.script.display()));
        Failure::unusable(named.collect::<Vec<_>>().join("\n"))
    })?;
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::unusable("--speed must be a number above 0"));
    }
    let start = args.start.unwrap_or_else(jiff::Timestamp::now);
    let start = Instant::from_us(start.as_microsecond());
    let mut options = fake::Options::new(vendor, script, start);
    options.listen = args.listen;
    options.pace = if args.held {
        Pace::Held
    } else {
        Pace::Running(args.speed)
    };
    if args.tls {
        options.certificate = Some(certificate(args)?);
    }
    let given = [
        (&args.user, &mut options.user),
        (&args.password, &mut options.password),
        (&args.account, &mut options.account),
    ];
    for (given, field) in given {
        if let Some(given) = given {
            field.clone_from(given);
        }
    }
    for other in &args.others {
        let Some((user, password)) = other.split_once(':') else {
            return Err(Failure::unusable("--also takes USER:PASSWORD"));
        };
        options.others.push((user.to_owned(), password.to_owned()));
    }
    Ok(options)
}

fn certificate(args: &VendorArgs) -> Result<Certificate, Failure> {
    let names: Vec<&str> = args.name.iter().map(String::as_str).collect();
    let made = Certificate::self_signed(&names);
    let made = made.map_err(|error| Failure::unusable(error.to_string()))?;
    if let Some(path) = &args.certificate {
        std::fs::write(path, made.pem()).map_err(|error| {
            Failure::unusable(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    Ok(made)
}
