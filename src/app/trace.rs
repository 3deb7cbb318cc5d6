//! The trace: the ordered record of engine inputs and outputs, from which every verdict can be
//! derived again without pixels.
//!
//! JSON lines. First a header `{"trace": {...}}` with the whole configuration and the hashes of
//! what the inputs came from; then `{"at": microseconds, "in": ...}` and `{"at": ..., "out": ...}`
//! in the order in which they happened; last `{"end": {...}}` with the verdict hash. A trace cut
//! short is still good up to its last whole line.
//!
//! A run that goes on for days is a series of such files, its segments. From the second on the header
//! also holds the engine's state, so that each is judged again by itself, and names the segment before
//! with its verdict hash, so that none can be left out or changed unnoticed.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineConfig, EngineState, Input, Output};
use crate::units::Instant;

/// The version of a trace that begins with an engine that knows nothing.
pub const TRACE_VERSION: u32 = 1;
/// The version of a segment that goes on from a state: who does not know of states would judge it as
/// if nobody had badged or walked before.
pub const SEGMENT_VERSION: u32 = 2;

/// The first line of a trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceHeader {
    /// Format version.
    pub version: u32,
    /// Version of the engine that wrote it.
    pub engine: String,
    /// Where its inputs came from.
    pub provenance: Provenance,
    /// How the engine was set.
    pub config: EngineConfig,
    /// What this goes on from; `None` for the first or only file of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
    /// What the engine knew at the beginning; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<EngineState>>,
}

/// The segment before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continues {
    /// When the run began, as it stands in ids of alerts and evidence: the same in all its segments.
    pub run: String,
    /// File name of the segment before.
    pub segment: String,
    /// Its verdict hash, as judged up to its end or to its last whole line.
    pub verdict_hash: String,
    /// Why a new one was begun.
    pub because: Because,
}

/// Why a segment was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The one before was long enough.
    Full,
    /// The configuration changed.
    Changed,
    /// The configuration changed, and doors that nobody took over have a last word to say: a side branch.
    Leaving,
    /// The process was started again.
    Restarted,
}

impl TraceHeader {
    /// An engine as it was when this began. `Err`: why there can be none.
    pub fn engine(&self) -> Result<Engine, Vec<String>> {
        match &self.state {
            None => Engine::new(self.config.clone()),
            Some(state) => Engine::resume(self.config.clone(), (**state).clone()),
        }
    }

    /// The same with another configuration, as far as it goes on.
    pub fn engine_of(&self, config: EngineConfig) -> Result<Engine, Vec<String>> {
        match &self.state {
            _ if config == self.config => self.engine(),
            None => Engine::new(config),
            Some(state) => {
                let (state, now) = ((**state).clone(), state.now());
                Engine::succeed(config, &self.config, state, now).map(|(engine, _)| engine)
            }
        }
    }
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// The first line, as far as every version has it.
#[derive(Deserialize)]
struct Head {
    trace: HeadVersion,
}

#[derive(Deserialize)]
struct HeadVersion {
    version: u32,
}

/// The first line, on its own, so that what is wrong with it is said.
#[derive(Deserialize)]
struct WholeHead {
    trace: Box<TraceHeader>,
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
        "the trace is of format version {found}, this engine reads versions {TRACE_VERSION} and \
         {SEGMENT_VERSION}; use the version of tailgate that wrote it, or replay the clip again"
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
        let bad = |problem: String| TraceError::Line { line: 1, problem };
        // What another version wrote is not to be read by this one, whatever else is in it.
        let head: Head = serde_json::from_str(&buffer).map_err(|problem| {
            bad(format!(
                "a trace begins with its header, {{\"trace\": ...}}: {problem}"
            ))
        })?;
        let found = head.trace.version;
        if found != TRACE_VERSION && found != SEGMENT_VERSION {
            return Err(TraceError::Version { found });
        }
        let header: WholeHead =
            serde_json::from_str(&buffer).map_err(|problem| bad(problem.to_string()))?;
        let header = *header.trace;
        if header.state.is_some() != (found == SEGMENT_VERSION) {
            return Err(bad(format!(
                "a trace of version {SEGMENT_VERSION} begins with a state, one of version \
                 {TRACE_VERSION} with none"
            )));
        }
        Ok(Self {
            from,
            line: 1,
            buffer,
            header,
        })
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
