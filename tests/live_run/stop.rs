//! How a run ends: what the service manager hears of it, and who cannot hold it up.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use crate::project;
use crate::site::{GIVE_UP, free, get, signal, start_command, tailgate, write_door};

/// How often the service manager wants a sign of life, as the unit has it, microseconds.
const WATCHDOG_US: &str = "15000000";

fn write_site(folder: &Path, health: SocketAddr) {
    write_door(folder, "dithering", "lobby");
    let text = format!(
        "[site]\nname = \"hq\"\ndoors = [\"lobby.toml\"]\n\n[[camera]]\nname = \"lobby\"\nurl = \"{}\"\n\n\
         [detector]\nmodel = \"lintel\"\nmodels = \"{}\"\n\n[health]\nlisten = \"{health}\"\n",
        project("testdata/clips/dithering/clip.mp4").display(),
        project("models").display(),
    );
    fs::write(folder.join("site.toml"), text).unwrap();
}

/// What the service manager is told next.
#[track_caller]
fn told(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let count = manager.recv(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// Waits until a process prints no more, because it has ended.
#[track_caller]
fn wait_for_end(lines: &Receiver<String>) {
    let begun = Instant::now();
    while let Some(left) = GIVE_UP.checked_sub(begun.elapsed()) {
        if lines.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
    panic!("it does not end");
}

#[test]
fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let health = free();
    write_site(folder, health);
    let socket = folder.join("manager");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(GIVE_UP)).unwrap();
    let mut command = tailgate(folder, &["run", "site.toml", "--json"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", WATCHDOG_US)
        .env_remove("WATCHDOG_PID");
    let (mut site, lines) = start_command(command);
    let ready = format!("READY=1\nWATCHDOG_USEC={WATCHDOG_US}\n");
    assert_eq!(told(&manager), ready);
    assert_eq!(told(&manager), "WATCHDOG=1\n");

    let mut asking = TcpStream::connect(health).unwrap();
    asking.write_all(b"GET /m").unwrap();
    // Connections are taken in the order in which they come: that one has been.
    assert_eq!(get(&format!("http://{health}/healthz")).0, 200);
    signal(&site, "-TERM");
    let mut heard = told(&manager);
    while heard == "WATCHDOG=1\n" {
        heard = told(&manager);
    }
    assert_eq!(heard, "STOPPING=1\n");
    wait_for_end(&lines);
    assert!(site.child.wait().unwrap().success());
    drop(asking);
}
