//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done; 1 something given cannot be used (each problem is named on standard error);
//! 2 the command line itself is wrong; 3 only with `--fail-on-breach`: somebody got in without a
//! grant; 4 a check, score or scene did not come out as it must; 5 the disk failed while it ran.

mod alerts;
mod calibrate;
mod cameras;
mod check;
mod completions;
mod detector;
mod evidence;
mod explain;
mod fake;
mod footage;
mod gate;
mod intake;
mod label;
mod models;
mod replay;
mod run;
mod score;
pub mod simulate;
mod top;
pub mod tune;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything given was fine and done.
pub const DONE: u8 = 0;
/// Something given cannot be used.
pub const UNUSABLE: u8 = 1;
/// Somebody got in without a grant, and the caller asked to be told by exit code.
pub const BREACH: u8 = 3;
/// A check, score or scene did not come out as it must.
pub const NOT_AS_EXPECTED: u8 = 4;
/// The disk failed while it ran: nothing is acknowledged any more.
pub const FAILED: u8 = 5;

/// Counts people through doors on video, compares them with access grants, and explains each verdict.
#[derive(Debug, Parser)]
#[command(
    name = "tailgate",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(Box<replay::ReplayArgs>),
    Run(run::RunArgs),
    Evidence(evidence::EvidenceArgs),
    Explain(explain::ExplainArgs),
    Fake(fake::FakeArgs),
    Gate(gate::GateArgs),
    Label(label::LabelArgs),
    Score(score::ScoreArgs),
    Simulate(simulate::SimulateArgs),
    Calibrate(Box<calibrate::CalibrateArgs>),
    Tune(Box<tune::TuneArgs>),
    Check(check::CheckArgs),
    Models(models::ModelsArgs),
    Intake(intake::IntakeArgs),
    Cameras(cameras::CamerasArgs),
    Alerts(alerts::AlertsArgs),
    Top(top::TopArgs),
    Completions(completions::CompletionsArgs),
}

/// Why a command ended without doing what it was asked. Printed once, on standard error.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// One or more lines: what is wrong and what to do.
    pub message: String,
}

impl Failure {
    /// Something given cannot be used.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self {
            code: UNUSABLE,
            message: message.into(),
        }
    }
}

/// What a command returns: an exit code, or why not.
pub type Outcome = Result<u8, Failure>;

/// Exit code of a process whose reader went away, as a shell would report SIGPIPE.
const READER_GONE: i32 = 141;

/// Ends the process quietly when whoever reads its output has gone, as in `tailgate ... | head`.
///
/// `print!` panics on a closed pipe. Letting SIGPIPE kill the process is no way out: a peer that closes its
/// socket would then end a server.
#[expect(clippy::exit, reason = "a panic hook cannot return an exit code")]
fn end_with_the_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic
            .payload()
            .downcast_ref::<String>()
            .map_or("", String::as_str);
        if said.starts_with("failed printing to std") && said.contains("Broken pipe") {
            std::process::exit(READER_GONE);
        }
        usual(panic);
    }));
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    end_with_the_reader();
    let log = tracing_subscriber::EnvFilter::try_from_env("TAILGATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
    let outcome = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Evidence(args) => evidence::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Fake(args) => fake::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Label(args) => label::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Intake(args) => intake::run(&args),
        Command::Cameras(args) => cameras::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            for line in failure.message.lines() {
                eprintln!("tailgate: {line}");
            }
            ExitCode::from(failure.code)
        }
    }
}

/// The command line's definition, for completions.
fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
