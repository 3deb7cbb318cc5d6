//! What the machine must have: its platform, a Rust compiler, and packages of Debian or Ubuntu.
//!
//! Theory of operation: one table says which packages are needed and why; one call of `dpkg-query`
//! says which are missing; apt installs those, after a question.
//!
//! It deliberately installs no Rust toolchain: cargo is running this already.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// A Debian package and why it is needed.
struct Package {
    name: &'static str,
    why: &'static str,
    /// Only while ONNX Runtime is still to be fetched.
    for_fetching: bool,
}

const fn package(name: &'static str, why: &'static str) -> Package {
    Package {
        name,
        why,
        for_fetching: false,
    }
}

/// Everything that is not Rust. Sizes: about 130 MB to download onto a bare Debian 12.
const PACKAGES: [Package; 16] = [
    package("gcc", "links Rust programs"),
    package("g++", "compiles the glue between Rust and OpenCV"),
    package("libc6-dev", "headers of the C library, for both"),
    package("pkg-config", "finds FFmpeg's libraries"),
    package("clang", "reads C and C++ headers for Rust bindings"),
    package("libclang-dev", "reads C and C++ headers for Rust bindings"),
    package("libavcodec-dev", "decodes and encodes video"),
    package("libavformat-dev", "reads and writes video files"),
    package("libavutil-dev", "what the FFmpeg libraries share"),
    package("libswscale-dev", "converts kinds of pictures"),
    package("libopencv-core-dev", "what the OpenCV libraries share"),
    package(
        "libopencv-imgproc-dev",
        "scales pictures for finding people (HOG)",
    ),
    package("libopencv-calib3d-dev", "part of the OpenCV bindings"),
    package(
        "libopencv-objdetect-dev",
        "finds people without a model (HOG)",
    ),
    package("libopencv-video-dev", "part of the OpenCV bindings"),
    package("libopencv-videoio-dev", "part of the OpenCV bindings"),
];

/// Only for some tests, which say that they are skipped without it. Not installed by itself: Debian
/// starts it as a service.
const FOR_TESTS: Package = package("mosquitto", "a broker for the tests of MQTT");

const FETCHING: Package = Package {
    name: "python3-pip",
    why: "fetches ONNX Runtime from PyPI by pinned hash",
    for_fetching: true,
};

/// The oldest libavcodec that the bindings accept: FFmpeg 5.0.
const MIN_AVCODEC: u32 = 59;

/// Refuses platforms for which nothing here was made.
pub(crate) fn check_platform() -> Outcome {
    let (os, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    if os == "linux" && matches!(machine, "x86_64" | "aarch64") {
        return Ok(());
    }
    Err(format!(
        "this is {os} on {machine}; the project is made for Linux on x86-64 and aarch64. \
         Use such a machine, a virtual one or a container (debian:12)."
    ))
}

/// Compares the compiler with the `rust-version` of the project.
pub(crate) fn check_rust(root: &Path) -> Outcome {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))
        .map_err(|error| format!("cannot read Cargo.toml: {error}"))?;
    let needed = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map(|version| version.trim_matches('"'));
    let compiler = std::env::var("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(&compiler)
        .arg("--version")
        .output()
        .map_err(|error| {
            format!("cannot run {compiler}: {error}. Install Rust from https://rustup.rs")
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.split_whitespace().nth(1).unwrap_or_default();
    match (needed.and_then(version), version(found)) {
        (Some(needed), Some(found)) if found < needed => Err(format!(
            "Rust {}.{} is installed, and {}.{} is needed. Run: rustup update stable",
            found.0, found.1, needed.0, needed.1
        )),
        _ => Ok(()),
    }
}

/// Major and minor number of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Installs the packages that are missing; true if there were any.
pub(crate) fn install_missing(fetching: bool, yes: bool) -> Outcome<bool> {
    let fetching = fetching && !crate::runtime::has_pip();
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .chain([&FETCHING])
        .filter(|package| fetching || !package.for_fetching)
        .collect();
    let missing = missing_of(&wanted)?;
    if !missing.is_empty() {
        println!("set-up: these system packages are missing:");
        for package in &missing {
            println!("  {:<24} {}", package.name, package.why);
        }
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        agree(&names, yes)?;
        install(&names)?;
    }
    for package in missing_of(&[&FOR_TESTS])? {
        println!(
            "set-up: without {} ({}) those tests are skipped; nothing else needs it",
            package.name, package.why
        );
    }
    check_ffmpeg()?;
    Ok(!missing.is_empty())
}

/// Asks dpkg which packages are not installed.
fn missing_of<'a>(wanted: &[&'a Package]) -> Outcome<Vec<&'a Package>> {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Package}\n"])
        .args(wanted.iter().map(|package| package.name))
        .stderr(Stdio::null())
        .output();
    let Ok(output) = query else {
        let names: Vec<String> = wanted
            .iter()
            .map(|package| format!("  {:<24} {}", package.name, package.why))
            .collect();
        return Err(format!(
            "this system has no dpkg: set-up knows Debian and Ubuntu only. Install what these \
             packages hold, in your system's way, then build with cargo:\n{}",
            names.join("\n")
        ));
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let there = |name: &str| {
        text.lines().any(|line| {
            line.strip_prefix("installed ")
                .is_some_and(|found| found == name)
        })
    };
    Ok(wanted
        .iter()
        .copied()
        .filter(|package| !there(package.name))
        .collect())
}

/// The command line that installs packages.
fn apt_line(names: &[&str]) -> String {
    format!(
        "apt-get install -y --no-install-recommends {}",
        names.join(" ")
    )
}

/// Asks before installing, unless that was answered on the command line.
fn agree(names: &[&str], yes: bool) -> Outcome {
    if yes {
        return Ok(());
    }
    let by_hand = format!(
        "Say --yes to have them installed, or install them yourself:\n  apt-get update && {}",
        apt_line(names)
    );
    if !std::io::stdin().is_terminal() {
        return Err(format!(
            "system packages are missing, and nobody is here to ask. {by_hand}"
        ));
    }
    print!("Install them now with apt-get? [y/N] ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(format!("system packages are missing. {by_hand}"))
}

fn install(names: &[&str]) -> Outcome {
    let root = is_root();
    if !root && !crate::runtime::can_run("sudo", &["--version"]) {
        return Err(format!(
            "installing packages takes root, and there is no sudo. As root, run:\n  \
             apt-get update && {}",
            apt_line(names)
        ));
    }
    let apt = |arguments: &[&str]| {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            let mut command = Command::new("sudo");
            command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        };
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .arg("-q");
        println!(
            "set-up: {}apt-get {}",
            if root { "" } else { "sudo " },
            arguments.join(" ")
        );
        command
            .status()
            .map_err(|error| format!("cannot run apt-get: {error}"))
    };
    if !apt(&["update"])?.success() {
        // One dead mirror among several need not matter: the install says whether it does.
        println!("set-up: apt-get update had problems; trying to install all the same");
    }
    let arguments = [&["install", "-y", "--no-install-recommends"], names].concat();
    let installed = apt(&arguments)?;
    if installed.success() {
        return Ok(());
    }
    Err(format!(
        "apt-get could not install the packages ({installed}); its own words are above. \
         When that is mended, run this again."
    ))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Says it plainly when the system's FFmpeg is too old, instead of a page of compiler errors.
fn check_ffmpeg() -> Outcome {
    let output = Command::new("pkg-config")
        .args(["--modversion", "libavcodec"])
        .output();
    let Ok(output) = output else {
        return Err("cannot run pkg-config although its package is installed".into());
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match version(&text) {
        Some((major, _)) if major >= MIN_AVCODEC => Ok(()),
        Some(_) => Err(format!(
            "this system's FFmpeg is too old (libavcodec {text}, and {MIN_AVCODEC} is needed: \
             FFmpeg 5). Debian 12 and Ubuntu 24.04 have it; a container of those will do."
        )),
        None => Err("pkg-config does not find libavcodec although its package is installed".into()),
    }
}
