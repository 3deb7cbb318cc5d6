//! Getting weights from where their description says: resumed, checked, put in place whole.
//!
//! Bytes go to `FILE.part` beside the target. A transfer that breaks off is taken up again from
//! there, at once and by a later call, as far as the server allows (`Range`). Only a file with the
//! pinned sha256 is renamed to its name, so whoever looks sees all of it or nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use thiserror::Error;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

/// Silence of a server longer than this ends a transfer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that does not answer within this is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Times that a transfer in progress is taken up again within one call.
const RESUMES: u32 = 4;
/// More than any detector for a small box weighs: a server that goes on and on is cut off.
const MAX_BYTES: u64 = 2 << 30;
/// Bytes moved at once.
const CHUNK: usize = 64 * 1024;

/// What to get and where to put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Where it is.
    pub url: String,
    /// Its sha256, lower-case hex.
    pub sha256: String,
    /// The file it becomes; its folder is made if need be.
    pub target: PathBuf,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes there.
    pub done: u64,
    /// Bytes in all, if the server said.
    pub total: Option<u64>,
}

/// How a fetch ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The file was there already, and is the right one.
    AlreadyThere,
    /// It was transferred; `resumed` bytes of it by an earlier try.
    Transferred {
        /// Bytes in all.
        bytes: u64,
        /// Bytes that were there from an earlier try.
        resumed: u64,
    },
}

/// How a fetch ended badly.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The server answered, but not with the file.
    #[error("{url} answers {status}: {hint}")]
    Status {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What that means here.
        hint: &'static str,
    },
    /// No connection, or none any more.
    #[error("{url} can't be reached: {message}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the network says.
        message: String,
    },
    /// The transfer broke off, more often than it is worth trying.
    #[error(
        "the transfer of {url} broke off after {done} bytes{}: {message}. What came is kept: \
         the same command goes on from there", of(*total)
    )]
    Interrupted {
        /// Where.
        url: String,
        /// Bytes there.
        done: u64,
        /// Bytes in all, if known.
        total: Option<u64>,
        /// What happened.
        message: String,
    },
    /// What came is not the file.
    #[error(
        "what {url} sent is not the file wanted: its sha256 is {found}, expected {expected}. \
         It was thrown away; the address may serve another version, or an error page"
    )]
    Hash {
        /// Where.
        url: String,
        /// The pinned hash.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// What comes is too large.
    #[error("{url} sends more than {MAX_BYTES} bytes: that is no detector's weights")]
    TooLarge {
        /// Where.
        url: String,
    },
    /// The disk refused.
    #[error("{}: {message}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
}

fn of(total: Option<u64>) -> String {
    total.map_or_else(String::new, |total| format!(" of {total}"))
}

/// The answer to one request: its body begins at byte `from`.
struct Answer {
    from: u64,
    total: Option<u64>,
    body: Body,
}

impl Fetch {
    /// Gets the file; `told` hears of progress.
    pub fn run(&self, told: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
        if self.target.is_file() && hash_of(&self.target)? == self.sha256 {
            return Ok(Fetched::AlreadyThere);
        }
        if let Some(folder) = self.target.parent() {
            std::fs::create_dir_all(folder).map_err(|error| disk(folder, &error))?;
        }
        let part = self.part();
        let resumed = std::fs::metadata(&part).map_or(0, |found| found.len());
        let first = self.transfer(&part, told);
        let verified = first.and_then(|kept| self.verify(&part).map(|bytes| (kept, bytes)));
        let (kept, bytes) = match verified {
            // What an earlier try left may be of another version of the file: once more, whole.
            Err(FetchError::Hash { .. }) if resumed > 0 => {
                let kept = self.transfer(&part, told)?;
                (kept, self.verify(&part)?)
            }
            other => other?,
        };
        std::fs::rename(&part, &self.target).map_err(|error| disk(&self.target, &error))?;
        Ok(Fetched::Transferred {
            bytes,
            resumed: kept,
        })
    }

    /// Where an unfinished transfer is kept.
    fn part(&self) -> PathBuf {
        let mut name = self.target.as_os_str().to_owned();
        name.push(".part");
        PathBuf::from(name)
    }

    /// Fills `part`, taking up again what breaks off. Returns how many bytes of it were there
    /// before.
    fn transfer(&self, part: &Path, told: &mut dyn FnMut(Progress)) -> Result<u64, FetchError> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .user_agent(concat!("tailgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let mut kept = None;
        let mut resumes = 0;
        loop {
            let have = std::fs::metadata(part).map_or(0, |found| found.len());
            let Some(answer) = self.ask(&agent, have)? else {
                // Nothing is left to send: what is here is all, or is not the file at all.
                return Ok(kept.unwrap_or(have));
            };
            kept.get_or_insert(answer.from);
            let total = answer.total;
            let done = match self.receive(part, answer, told) {
                Ok(done) => done,
                Err((done, message)) if resumes == RESUMES => {
                    return Err(self.interrupted(done, total, message));
                }
                Err((done, _)) => done,
            };
            if done > MAX_BYTES {
                let _ = std::fs::remove_file(part);
                return Err(FetchError::TooLarge {
                    url: self.url.clone(),
                });
            }
            match total {
                Some(total) if done < total => resumes += 1,
                _ => return Ok(kept.unwrap_or(0)),
            }
            if resumes > RESUMES {
                let message = "the server closed the connection".to_owned();
                return Err(self.interrupted(done, total, message));
            }
        }
    }

    /// Asks for everything from byte `have` on; `None` when the server has nothing more.
    fn ask(&self, agent: &Agent, have: u64) -> Result<Option<Answer>, FetchError> {
        let request = agent.get(&self.url);
        let request = match have {
            0 => request,
            have => request.header(header::RANGE, format!("bytes={have}-")),
        };
        let response = request.call().map_err(|error| FetchError::Unreachable {
            url: self.url.clone(),
            message: error.to_string(),
        })?;
        let status = response.status().as_u16();
        let length = number_in(&response, header::CONTENT_LENGTH);
        match status {
            200 => Ok(Some(Answer {
                from: 0,
                total: length,
                body: response.into_body(),
            })),
            206 => {
                let (from, total) = content_range(&response).unwrap_or((have, None));
                // A part that does not begin where this one ends can't be joined to it.
                if from != have {
                    return Err(self.status(206, "it sends another part than was asked for"));
                }
                let total = total.or(length.map(|length| from + length));
                Ok(Some(Answer {
                    from,
                    total,
                    body: response.into_body(),
                }))
            }
            416 if have > 0 => Ok(None),
            404 | 410 => Err(self.status(status, "the file is not there any more")),
            401 | 403 => Err(self.status(status, "it does not let everyone have the file")),
            500..=599 => Err(self.status(status, "the server is in trouble: try again later")),
            _ => Err(self.status(status, "that is not the file")),
        }
    }

    /// Writes a body to `part`. An error carries how many bytes are there by then.
    fn receive(
        &self,
        part: &Path,
        answer: Answer,
        told: &mut dyn FnMut(Progress),
    ) -> Result<u64, (u64, String)> {
        let mut done = answer.from;
        let failed = |done: u64, error: std::io::Error| (done, error.to_string());
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(answer.from == 0)
            .append(answer.from > 0)
            .open(part)
            .map_err(|error| failed(done, error))?;
        let mut body = answer.body.into_reader();
        let mut chunk = vec![0_u8; CHUNK];
        loop {
            told(Progress {
                done,
                total: answer.total,
            });
            let count = body.read(&mut chunk).map_err(|error| failed(done, error))?;
            if count == 0 || done > MAX_BYTES {
                break;
            }
            file.write_all(&chunk[..count])
                .map_err(|error| failed(done, error))?;
            done += count as u64;
        }
        file.sync_all().map_err(|error| failed(done, error))?;
        Ok(done)
    }

    /// The length of `part` if it is the file wanted; otherwise it is thrown away.
    fn verify(&self, part: &Path) -> Result<u64, FetchError> {
        let found = hash_of(part)?;
        if found != self.sha256 {
            std::fs::remove_file(part).map_err(|error| disk(part, &error))?;
            return Err(FetchError::Hash {
                url: self.url.clone(),
                expected: self.sha256.clone(),
                found,
            });
        }
        Ok(std::fs::metadata(part).map_or(0, |found| found.len()))
    }

    fn status(&self, status: u16, hint: &'static str) -> FetchError {
        FetchError::Status {
            url: self.url.clone(),
            status,
            hint,
        }
    }

    fn interrupted(&self, done: u64, total: Option<u64>, message: String) -> FetchError {
        FetchError::Interrupted {
            url: self.url.clone(),
            done,
            total,
            message,
        }
    }
}

/// The sha256 of a file, read in pieces; lower-case hex.
pub fn hash_of(path: &Path) -> Result<String, FetchError> {
    let mut file = File::open(path).map_err(|error| disk(path, &error))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0_u8; CHUNK];
    loop {
        let count = file.read(&mut chunk).map_err(|error| disk(path, &error))?;
        if count == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(&chunk[..count]);
    }
}

fn disk(path: &Path, error: &std::io::Error) -> FetchError {
    FetchError::Disk {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

fn number_in(response: &Response<Body>, name: header::HeaderName) -> Option<u64> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// First byte and total of `Content-Range: bytes 10-99/100` (`*` for an unknown total).
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let value = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
