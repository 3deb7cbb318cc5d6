//! `cargo xtask deb`: a Debian package for this machine's release and architecture.
//!
//! Theory of operation: the release binary, ONNX Runtime's library, the models' descriptions, the guides and the systemd unit
//! are laid out as on a box, and `dpkg-deb` packs them. What the binary needs of the system is read from the
//! binary: the packages that own the libraries it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::steps::{cargo, timed};

/// Files of the project and where they go; a folder goes with all it holds.
const FILES: [(&str, &str); 7] = [
    (
        "third_party/onnxruntime/lib/libonnxruntime.so",
        "usr/lib/tailgate/libonnxruntime.so",
    ),
    (
        "deploy/systemd/tailgate.service",
        "usr/lib/systemd/system/tailgate.service",
    ),
    (
        "deploy/debian/site.example.toml",
        "etc/tailgate/site.example.toml",
    ),
    ("models", "usr/share/tailgate/models"),
    ("docs/guides", "usr/share/doc/tailgate/guides"),
    ("LICENSE-MIT", "usr/share/doc/tailgate/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/tailgate/LICENSE-APACHE"),
];
/// Scripts of the package.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
/// What `models` holds for whoever trains on, and no box needs.
const NOT_SHIPPED: [&str; 3] = ["training", "lintel.pt", "curves.csv"];

/// Builds the package into `out/`.
pub(crate) fn deb(root: &Path) -> Outcome {
    cargo(root, "build", &["build", "--release", "--bin", "tailgate"])?;
    timed("package", || pack(root))
}

fn pack(root: &Path) -> Outcome {
    let tree = root.join("target/deb");
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(cannot(&tree))?;
    }
    let binary = root.join("target/release/tailgate");
    copy(&binary, &tree.join("usr/bin/tailgate"))?;
    for (from, to) in FILES {
        copy(&root.join(from), &tree.join(to))?;
    }
    let version = version(root)?;
    let architecture = told("dpkg", &["--print-architecture"])?;
    let (version, architecture) = (version.trim(), architecture.trim());
    let control = tree.join("DEBIAN");
    fs::create_dir_all(&control).map_err(cannot(&control))?;
    let depends = depends(&binary)?.join(", ");
    let text = format!(
        "Package: tailgate\nVersion: {version}\nArchitecture: {architecture}\nSection: video\nPriority: optional\n\
         Maintainer: the tailgate engineers <root@localhost>\nDepends: adduser, {depends}\n\
         Description: people through doors on video, against access grants\n \
         Counts the people who pass a door on video, compares them with what the access-control\n \
         system granted, and says of every one whether they tailgated. Verdicts can be checked.\n"
    );
    let path = control.join("control");
    fs::write(&path, text).map_err(cannot(&path))?;
    let path = control.join("conffiles");
    fs::write(&path, "/etc/tailgate/site.example.toml\n").map_err(cannot(&path))?;
    for script in SCRIPTS {
        let to = control.join(script);
        copy(&root.join("deploy/debian").join(script), &to)?;
        told("chmod", &["755", &to.to_string_lossy()])?;
    }
    let package = root.join(format!("out/tailgate_{version}_{architecture}.deb"));
    fs::create_dir_all(root.join("out")).map_err(cannot(root))?;
    let (tree, to) = (tree.to_string_lossy(), package.to_string_lossy());
    told("dpkg-deb", &["--root-owner-group", "--build", &tree, &to])?;
    println!("{}", package.display());
    Ok(())
}

/// The version in Cargo.toml.
fn version(root: &Path) -> Outcome<String> {
    let path = root.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(cannot(&path))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("version = \""));
    let version = line.and_then(|line| line.strip_suffix('"'));
    version
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.toml names no version".to_owned())
}

/// The packages that own the libraries which the binary names.
fn depends(binary: &Path) -> Outcome<Vec<String>> {
    let headers = told("objdump", &["-p", &binary.to_string_lossy()])?;
    let mut packages = BTreeSet::new();
    for library in headers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("NEEDED"))
    {
        let owners = told("dpkg", &["-S", &format!("*/{}", library.trim())]);
        // The loader and what comes with the compiler may be nobody's: they are on every system.
        let Ok(owners) = owners else { continue };
        // `libavcodec59:amd64: /usr/lib/...`; of several owners the first will do.
        let owner = owners
            .lines()
            .next()
            .and_then(|line| line.split([':', ',']).next());
        packages.extend(owner.map(str::to_owned));
    }
    if packages.is_empty() {
        return Err("no package owns what the binary needs: is this a Debian?".to_owned());
    }
    Ok(packages.into_iter().collect())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    let name = from.file_name().unwrap_or_default();
    if NOT_SHIPPED.iter().any(|left| name == *left) {
        return Ok(());
    }
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(cannot(from))? {
            let entry = entry.map_err(cannot(from))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let folder: PathBuf = to.parent().map(Path::to_path_buf).unwrap_or_default();
    fs::create_dir_all(&folder).map_err(cannot(&folder))?;
    fs::copy(from, to).map_err(cannot(from))?;
    Ok(())
}

/// What a program prints. `Err`: it failed, with what it said.
fn told(program: &str, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{program} {}: {}",
            arguments.join(" "),
            said.trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn cannot(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}
