//! The trace: the ordered record of engine inputs and outputs, from which every verdict can be
//! derived again without pixels.
//!
//! JSON lines. First a header `{"trace": {...}}` with the whole configuration and the hashes of
//! what the inputs came from; then `{"at": microseconds, "in": ...}` and `{"at": ..., "out": ...}`
//! in the order in which they happened; last `{"end": {...}}` with the verdict hash. A trace cut
//! short is still good up to its last whole line.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::engine::{EngineConfig, Input, Output};
use crate::units::Instant;

/// The version of the trace format that this engine writes.
pub const TRACE_VERSION: u32 = 1;

/// The first line of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceHeader {
    /// Format version.
    pub version: u32,
    /// Version of the engine that wrote it.
    pub engine: String,
    /// Where its inputs came from.
    pub provenance: Provenance,
    /// Everything the engine knew.
    pub config: EngineConfig,
}

/// Where a run's inputs came from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The clip, scene or trace that was replayed, as named by the user.
    pub source: String,
    /// Moment of the source's first frame on the time line, microseconds.
    pub start_us: i64,
    /// Whether the time line is UTC (microseconds since 1970) or starts with the source.
    pub utc: bool,
    /// Detector and SHA-256 of its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// SHA-256 of the configuration (doors, cameras, policy) as the engine took it.
    pub config_sha256: String,
    /// Size of the picture, px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<(u32, u32)>,
    /// What people call each door.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub titles: Vec<String>,
}

/// The last line of a whole trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceEnd {
    /// Frames taken.
    pub frames: u64,
    /// Hash of the verdict log.
    pub verdict_hash: String,
    /// What could not be read of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<String>,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TraceLine {
    /// First.
    Header {
        /// The header.
        trace: Box<TraceHeader>,
    },
    /// Something the engine was told.
    In {
        /// The engine's `now`.
        at: Instant,
        /// What it was told.
        r#in: Input,
    },
    /// Something the engine said.
    Out {
        /// The engine's `now`.
        at: Instant,
        /// What it said.
        out: Output,
    },
    /// Last.
    End {
        /// The end.
        end: TraceEnd,
    },
}

/// Borrowed twins of [`TraceLine`], so that writing copies nothing.
#[derive(Serialize)]
#[serde(untagged)]
enum LineRef<'a> {
    Header { trace: &'a TraceHeader },
    In { at: Instant, r#in: &'a Input },
    Out { at: Instant, out: &'a Output },
    End { end: &'a TraceEnd },
}

/// Writes a trace as the run goes.
pub struct TraceWriter {
    to: Box<dyn Write>,
}

impl TraceWriter {
    /// Writes the header.
    pub fn new(to: Box<dyn Write>, header: &TraceHeader) -> io::Result<Self> {
        let mut writer = Self { to };
        writer.line(&LineRef::Header { trace: header })?;
        Ok(writer)
    }

    /// Writes an input and what followed from it.
    pub fn step(&mut self, at: Instant, input: &Input, outputs: &[Output]) -> io::Result<()> {
        self.line(&LineRef::In { at, r#in: input })?;
        outputs
            .iter()
            .try_for_each(|out| self.line(&LineRef::Out { at, out }))
    }

    /// Writes the end and flushes.
    pub fn end(&mut self, end: &TraceEnd) -> io::Result<()> {
        self.line(&LineRef::End { end })?;
        self.to.flush()
    }

    fn line(&mut self, line: &LineRef<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }
}

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The bytes could not be read.
    #[error("cannot read the trace: {0}")]
    Io(#[from] io::Error),
    /// A line is no trace line.
    #[error("line {line} is no trace line: {problem}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The header is of another version.
    #[error(
        "the trace is of format version {found}, this engine reads version {TRACE_VERSION}; \
         replay the clip again to make a new one"
    )]
    Version {
        /// Its version.
        found: u32,
    },
}

/// Reads a trace line by line.
pub struct TraceReader<R> {
    from: R,
    line: u64,
    buffer: String,
    /// The header.
    pub header: TraceHeader,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header.
    pub fn new(mut from: R) -> Result<Self, TraceError> {
        let mut buffer = String::new();
        from.read_line(&mut buffer)?;
        match parse(&buffer, 1)? {
            TraceLine::Header { trace } if trace.version == TRACE_VERSION => Ok(Self {
                from,
                line: 1,
                buffer,
                header: *trace,
            }),
            TraceLine::Header { trace } => Err(TraceError::Version {
                found: trace.version,
            }),
            _ => Err(TraceError::Line {
                line: 1,
                problem: "a trace begins with its header, {\"trace\": ...}".to_owned(),
            }),
        }
    }

    /// The next line; `None` at the end. A last line without its newline was cut short while
    /// being written: it is left out.
    pub fn next_line(&mut self) -> Result<Option<TraceLine>, TraceError> {
        self.buffer.clear();
        self.from.read_line(&mut self.buffer)?;
        if !self.buffer.ends_with('\n') {
            return Ok(None);
        }
        self.line += 1;
        parse(&self.buffer, self.line).map(Some)
    }
}

fn parse(text: &str, line: u64) -> Result<TraceLine, TraceError> {
    serde_json::from_str(text).map_err(|problem| TraceError::Line {
        line,
        problem: problem.to_string(),
    })
}
