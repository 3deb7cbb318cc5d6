//! Fetching from a small server that breaks off, lies, forgets and refuses.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::*;

/// How the server answers one request.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// The whole file, or the range asked for.
    Good,
    /// Like `Good`, but the connection breaks after this many bytes of body.
    BreakAfter(usize),
    /// The whole file whatever was asked for.
    NoRange,
    /// The whole file, without saying how long it is.
    NoLength,
    /// A range that does not begin where it was asked to.
    WrongRange,
    /// Nothing but this status.
    Status(u16),
    /// To the same place, under the right name.
    Redirect,
    /// Closes the connection without a word.
    Silent,
}

struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

/// 300 kB that no part of which repeats.
fn file() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes())
        .step_by(4)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Server {
    /// Answers as many requests as there are manners, then is gone.
    fn start(manners: Vec<Manner>, body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/weights.onnx", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let thread = std::thread::spawn(move || {
            for manner in manners {
                let (stream, _) = listener.accept().unwrap();
                let range = answer(stream, manner, &body);
                heard.lock().unwrap().push(range);
            }
        });
        Self {
            url,
            requests,
            thread,
        }
    }

    /// The ranges asked for, once every answer was given.
    fn asked(self) -> Vec<String> {
        self.thread.join().unwrap();
        self.requests.lock().unwrap().clone()
    }
}

/// Answers one request and returns the range that it asked for.
fn answer(mut stream: TcpStream, manner: Manner, body: &[u8]) -> String {
    let mut range = String::new();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: ") {
            range = value.to_owned();
        }
        if line.is_empty() {
            break;
        }
    }
    let from: usize = range
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-'))
        .map_or(0, |from| from.parse().unwrap());
    let from = if matches!(manner, Manner::NoRange | Manner::NoLength) {
        0
    } else {
        from
    };
    let rest = &body[from.min(body.len())..];
    let head = match manner {
        Manner::Silent => return range,
        Manner::Status(status) => format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n"),
        Manner::Redirect => "HTTP/1.1 302 Found\r\nLocation: /moved.onnx\r\n".to_owned(),
        Manner::NoLength => "HTTP/1.1 200 OK\r\n".to_owned(),
        Manner::WrongRange => {
            let total = body.len();
            format!(
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes 7-{}/{total}\r\n",
                total - 1
            )
        }
        _ if from >= body.len() && from > 0 => {
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n".to_owned()
        }
        _ if from > 0 => format!(
            "HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{}\r\nContent-Length: {}\r\n",
            body.len() - 1,
            body.len(),
            rest.len()
        ),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", rest.len()),
    };
    let sent = match manner {
        Manner::BreakAfter(count) => &rest[..count.min(rest.len())],
        Manner::Status(_) | Manner::Redirect => &[],
        _ => rest,
    };
    // The other side may have hung up already: that is its right.
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
    let _ = stream.write_all(sent);
    range
}

/// Fetches with what is already there; returns the ending, the ranges asked, the folder.
fn fetch(
    manners: &[Manner],
    served: &[u8],
    part: Option<&[u8]>,
) -> (Result<Fetched, FetchError>, Vec<String>, tempfile::TempDir) {
    let server = Server::start(manners.to_vec(), served.to_vec());
    let folder = tempfile::tempdir().unwrap();
    let job = Fetch {
        url: server.url.clone(),
        sha256: sha256(&file()),
        target: folder.path().join("deep/weights.onnx"),
    };
    if let Some(part) = part {
        std::fs::create_dir_all(folder.path().join("deep")).unwrap();
        std::fs::write(job.part(), part).unwrap();
    }
    let mut last = None;
    let ending = job.run(&mut |progress| {
        assert!(
            progress.total.is_none_or(|total| progress.done <= total),
            "{progress:?}"
        );
        last = Some(progress);
    });
    if ending.is_ok() {
        assert_eq!(std::fs::read(&job.target).unwrap(), file());
        assert!(!job.part().exists());
    } else {
        assert!(
            !job.target.exists(),
            "a file that is not whole must not be seen"
        );
    }
    (ending, server.asked(), folder)
}

#[track_caller]
fn arrives(manners: &[Manner], part: Option<&[u8]>, resumed: u64, asked: &[&str]) {
    let (ending, found, _folder) = fetch(manners, &file(), part);
    let expect = Fetched::Transferred {
        bytes: 300_000,
        resumed,
    };
    assert_eq!(ending.unwrap(), expect);
    assert_eq!(found, asked);
}

#[test]
fn a_file_comes_whole() {
    arrives(&[Manner::Good], None, 0, &[""]);
    arrives(&[Manner::NoLength], None, 0, &[""]);
    arrives(&[Manner::Redirect, Manner::Good], None, 0, &["", ""]);
}

#[test]
fn what_breaks_off_is_taken_up_again() {
    let manners = [
        Manner::BreakAfter(100_000),
        Manner::BreakAfter(50_000),
        Manner::Good,
    ];
    let asked = ["", "bytes=100000-", "bytes=150000-"];
    arrives(&manners, None, 0, &asked);
}

#[test]
fn what_an_earlier_try_left_is_used() {
    let file = file();
    arrives(
        &[Manner::Good],
        Some(&file[..120_000]),
        120_000,
        &["bytes=120000-"],
    );
    // All was there but the name.
    arrives(&[Manner::Good], Some(&file), 300_000, &["bytes=300000-"]);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let file = file();
    arrives(
        &[Manner::NoRange],
        Some(&file[..120_000]),
        0,
        &["bytes=120000-"],
    );
    let manners = [Manner::BreakAfter(100_000), Manner::NoRange];
    arrives(&manners, None, 0, &["", "bytes=100000-"]);
}

#[test]
fn a_left_over_of_another_version_is_thrown_away() {
    let asked = ["bytes=120000-", ""];
    arrives(
        &[Manner::Good, Manner::Good],
        Some(&[7; 120_000]),
        0,
        &asked,
    );
    let longer = [file(), vec![1, 2, 3]].concat();
    arrives(
        &[Manner::Good, Manner::Good],
        Some(&longer),
        0,
        &["bytes=300003-", ""],
    );
}

#[track_caller]
fn refused(manners: &[Manner], served: &[u8], part: Option<&[u8]>, words: &str) {
    let (ending, _, folder) = fetch(manners, served, part);
    let message = ending.unwrap_err().to_string();
    assert!(message.contains(words), "{message}");
    drop(folder);
}

#[test]
fn what_is_not_the_file_is_refused() {
    refused(
        &[Manner::Good],
        b"<html>sorry</html>",
        None,
        "is not the file wanted",
    );
    refused(&[Manner::Good], b"", None, "is not the file wanted");
    refused(
        &[Manner::Status(404)],
        b"",
        None,
        "answers 404: the file is not there",
    );
    refused(&[Manner::Status(403)], b"", None, "answers 403");
    refused(
        &[Manner::Status(503)],
        b"",
        None,
        "answers 503: the server is in trouble",
    );
    refused(&[Manner::Status(204)], b"", None, "answers 204");
    refused(&[Manner::Silent], b"", None, "can't be reached");
    let part = &file()[..50];
    refused(
        &[Manner::WrongRange],
        &file(),
        Some(part),
        "another part than was asked for",
    );
}

#[test]
fn what_breaks_off_too_often_is_kept_for_next_time() {
    let manners = [Manner::BreakAfter(1000); 5];
    let (ending, asked, folder) = fetch(&manners, &file(), None);
    let message = ending.unwrap_err().to_string();
    assert!(
        message.contains("broke off after 5000 bytes of 300000"),
        "{message}"
    );
    assert_eq!(asked.last().unwrap(), "bytes=4000-");
    let part = folder.path().join("deep/weights.onnx.part");
    assert_eq!(std::fs::read(part).unwrap(), &file()[..5000]);
}

#[test]
fn nobody_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago, and nobody took since.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let job = Fetch {
        url: format!("http://127.0.0.1:{port}/weights.onnx"),
        sha256: sha256(b""),
        target: folder.path().join("weights.onnx"),
    };
    let message = job.run(&mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("can't be reached"), "{message}");
}

#[test]
fn a_file_that_is_there_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("weights.onnx");
    std::fs::write(&target, file()).unwrap();
    let job = Fetch {
        url: "http://127.0.0.1:9/".to_owned(),
        sha256: sha256(&file()),
        target,
    };
    assert_eq!(job.run(&mut |_| {}).unwrap(), Fetched::AlreadyThere);
}
