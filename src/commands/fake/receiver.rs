//! `tailgate fake receiver`: somebody who gets alerts, checks their signatures and answers as told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::super::{DONE, Failure, Outcome};
use crate::fake::{Arrival, Certificate, Receiver, ReceiverOptions, Response};

/// A receiver of alerts, which checks Standard Webhooks signatures (docs/guides/alerts.md).
#[derive(Debug, Args)]
pub struct ReceiverArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4591")]
    listen: SocketAddr,
    /// A file that holds a secret which alerts may be signed with (whsec_...); repeatable.
    #[arg(long = "secret", value_name = "FILE", required = true)]
    secrets: Vec<PathBuf>,
    /// How it answers, for example "503*2, 200+1.5, 429~30, drop, 410": a status (drop: none), after +
    /// seconds to wait, after ~ what Retry-After says, after * how many requests; the last one holds for
    /// ever.
    #[arg(long, value_name = "LIST", default_value = "204")]
    answers: String,
    /// Print bodies too.
    #[arg(long)]
    bodies: bool,
    /// Speak TLS with a new self-signed certificate, whose fingerprint is printed.
    #[arg(long)]
    tls: bool,
}

/// Receives until it is interrupted, and prints one line for each request.
pub fn run(args: &ReceiverArgs) -> Outcome {
    let mut secrets = Vec::new();
    for path in &args.secrets {
        let text = std::fs::read_to_string(path);
        let cannot = |error| Failure::unusable(format!("cannot read {}: {error}", path.display()));
        secrets.push(text.map_err(cannot)?);
    }
    let responses = Response::list(&args.answers);
    let certificate = args
        .tls
        .then(|| Certificate::self_signed(&["localhost", "127.0.0.1"]))
        .transpose()
        .map_err(|error| Failure::unusable(error.to_string()))?;
    let fingerprint = certificate.as_ref().map(Certificate::fingerprint);
    let options = ReceiverOptions {
        listen: args.listen,
        secrets,
        responses: responses.map_err(|what| Failure::unusable(format!("--answers: {what}")))?,
        certificate,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unusable(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let receiver = Receiver::start(options).await;
        let mut receiver = receiver.map_err(|error| Failure::unusable(error.to_string()))?;
        println!("listening on {}", receiver.url());
        if let Some(fingerprint) = fingerprint {
            println!("certificate sha256:{fingerprint}");
        }
        loop {
            tokio::select! {
                Some(arrival) = receiver.next() => println!("{}", shown(&arrival, args.bodies)),
                _ = tokio::signal::ctrl_c() => return Ok(DONE),
            }
        }
    })
}

fn shown(arrival: &Arrival, with_body: bool) -> String {
    let stamp = jiff::Timestamp::from_microsecond(arrival.at.as_us()).unwrap_or_default();
    let signature = match &arrival.signature {
        Ok(()) => "signature good".to_owned(),
        Err(what) => format!("SIGNATURE BAD ({what})"),
    };
    let answered = match arrival.answered {
        Some(status) => format!("answered {status}"),
        None => "not answered".to_owned(),
    };
    let body: Option<serde_json::Value> = serde_json::from_slice(&arrival.body).ok();
    let line = body.as_ref().and_then(|body| body["line"].as_str());
    let line = line.map_or_else(String::new, |line| format!(": {line}"));
    let mut text = format!("{stamp:.3} {} {signature}, {answered}{line}", arrival.id);
    if with_body {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&arrival.body));
    }
    text
}
