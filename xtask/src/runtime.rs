//! ONNX Runtime's library, put into `third_party/` by pinned hash.
//!
//! Theory of operation: the library is in the wheel that PyPI has for each platform. pip fetches the
//! wheel and checks its hash against `onnxruntime.lock`; Python unpacks it without installing. It is
//! put together beside its place and moved there at once, so a half-made folder is never found.
//!
//! It deliberately is no build script: a build must not need the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;

/// The version in `onnxruntime.lock`.
const VERSION: &str = "1.31.1";

/// Unpacks library and licences of the only wheel in a folder, and removes the wheel.
const UNPACK: &str = "
import glob, os, shutil, sys, zipfile
folder = sys.argv[1]
wheel, = glob.glob(os.path.join(folder, '*.whl'))
os.makedirs(os.path.join(folder, 'lib'))
found = []
with zipfile.ZipFile(wheel) as archive:
    for member in archive.namelist():
        name = os.path.basename(member)
        if name.startswith('libonnxruntime.so'):
            target = os.path.join('lib', 'libonnxruntime.so')
            found.append(name)
        elif name in ('LICENSE', 'ThirdPartyNotices.txt'):
            target = name
        else:
            continue
        with archive.open(member) as source, open(os.path.join(folder, target), 'wb') as to:
            shutil.copyfileobj(source, to)
os.remove(wheel)
assert len(found) == 1, f'expected one libonnxruntime.so in the wheel, found {found}'
";

fn folder(root: &Path) -> PathBuf {
    root.join("third_party/onnxruntime")
}

/// What the stamp beside the library says when all is in place.
fn stamp(root: &Path) -> String {
    let lock = fs::read_to_string(lock_file(root)).unwrap_or_default();
    format!("onnxruntime {VERSION} {}\n{lock}", std::env::consts::ARCH)
}

fn lock_file(root: &Path) -> PathBuf {
    root.join("xtask/onnxruntime.lock")
}

/// Whether the library of the pinned version is in place, or the user named another one.
pub(crate) fn is_there(root: &Path) -> bool {
    let library = folder(root).join("lib/libonnxruntime.so");
    // Cargo sets the variable to our own place unless the user has set it (see .cargo/config.toml).
    let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    if named.is_some_and(|named| named != library && named.is_file()) {
        return true;
    }
    let found = fs::read_to_string(folder(root).join("STAMP"));
    found.is_ok_and(|found| found == stamp(root)) && library.is_file()
}

/// Whether a program runs and ends well, without its output.
pub(crate) fn can_run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether Python has pip.
pub(crate) fn has_pip() -> bool {
    can_run("python3", &["-m", "pip", "--version"])
}

/// Fetches the library and puts it into place.
pub(crate) fn fetch(root: &Path) -> Outcome {
    let place = folder(root);
    println!("set-up: fetching ONNX Runtime {VERSION} (24 MB) into third_party/onnxruntime");
    let beside = place.with_extension("new");
    let cannot = |what: &str, error: std::io::Error| format!("cannot {what}: {error}");
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&beside).map_err(|error| cannot("make third_party", error))?;
    download(root, &beside).inspect_err(|_| drop(fs::remove_dir_all(&beside)))?;
    fs::write(beside.join("STAMP"), stamp(root))
        .map_err(|error| cannot("write third_party", error))?;
    let _ = fs::remove_dir_all(&place);
    fs::rename(&beside, &place).map_err(|error| cannot("move the library into place", error))?;
    println!("set-up: third_party/onnxruntime/lib/libonnxruntime.so is in place");
    Ok(())
}

fn download(root: &Path, to: &Path) -> Outcome {
    let platform = format!("manylinux_2_28_{}", std::env::consts::ARCH);
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ])
    .args([
        "--only-binary=:all:",
        "--require-hashes",
        "--platform",
        &platform,
    ])
    // Which Python the wheel is for does not matter: it is only unpacked.
    .args([
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--abi",
        "cp311",
    ])
    .arg("--dest")
    .arg(to)
    .arg("--requirement")
    .arg(lock_file(root));
    run(&mut pip).map_err(|problem| {
        format!(
            "ONNX Runtime could not be fetched ({problem}); pip's own words are above.\n\
             It takes python3 with pip, and a way to PyPI: behind a proxy or mirror set HTTPS_PROXY \
             or PIP_INDEX_URL.\nOr put a libonnxruntime.so of version 1.24 or later anywhere and \
             name it in the environment variable ORT_DYLIB_PATH."
        )
    })?;
    run(Command::new("python3").args(["-c", UNPACK]).arg(to))
        .map_err(|problem| format!("the wheel of ONNX Runtime could not be unpacked ({problem})"))
}

/// Runs a command that asks nothing; `Err` says how it ended.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}
