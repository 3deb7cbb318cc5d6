//! What a trace tells of people besides verdicts: where each of them walked, and how tall they are.
//!
//! The engine is run over the trace's inputs; each track that was believed becomes one walk, each
//! sure detection of a whole person one height.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::trace::{TraceError, TraceLine, TraceReader};
use crate::calibrate::health::{Height, height_of, stand};
use crate::calibrate::propose::Walk;
use crate::engine::{Engine, EngineConfig, Input, Seen};
use crate::floor::{CameraModel, Grid, PointInFloor};
use crate::tracking::TrackState;
use crate::units::{CameraId, Instant, TrackId};

/// Feet nearer to the picture's edge than this share of its width are at the edge.
const EDGE_SHARE: f64 = 0.04;
/// Walks shorter than this are no walks, m.
const LEAST_WALK_M: f64 = 1.0;

/// What one camera of a trace saw.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// Walks in the order in which they ended.
    pub walks: Vec<Walk>,
    /// Heights in the order of sighting.
    pub heights: Vec<Height>,
    /// Tracks that were believed.
    pub tracks: usize,
    /// Detector of the trace, with the hash of its weights.
    pub detector: Option<String>,
}

/// Why a trace can't be read so.
#[derive(Debug, thiserror::Error)]
pub enum WalkedError {
    /// The trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// Its configuration.
    #[error("{0}")]
    Config(String),
}

/// Reads a trace; with `config`, boxes are put on the floor by that one. Walks and heights are of its
/// first camera.
pub fn walked(
    from: impl BufRead,
    config: Option<EngineConfig>,
) -> Result<(Walked, EngineConfig), WalkedError> {
    let mut reader = TraceReader::new(from)?;
    let config = config.unwrap_or_else(|| reader.header.config.clone());
    let engine = reader.header.engine_of(config.clone());
    let mut engine = engine.map_err(|problems| WalkedError::Config(problems.join("\n")))?;
    let mut followed = Followed::default();
    let mut outputs = Vec::new();
    while let Some(line) = reader.next_line()? {
        let TraceLine::In { at, r#in } = line else {
            continue;
        };
        outputs.clear();
        engine.step(at, &r#in, &mut outputs);
        if let Input::Frame(frame) = &r#in
            && frame.camera == CameraId(0)
        {
            followed.look(&engine, &frame.seen);
        }
    }
    followed.finish(&engine);
    followed.walked.detector = reader.header.provenance.model.clone();
    Ok((followed.walked, config))
}

/// Tracks under way.
#[derive(Debug, Default)]
struct Followed {
    paths: BTreeMap<TrackId, (Instant, Vec<PointInFloor>)>,
    walked: Walked,
}

impl Followed {
    fn look(&mut self, engine: &Engine, seen: &Seen) {
        let Some(view) = engine.camera(CameraId(0)) else {
            return;
        };
        if let (Seen::Boxes(boxes), Some(model)) = (seen, view.model) {
            let heights = boxes.iter().filter_map(|one| height_of(model, one));
            self.walked.heights.extend(heights);
        }
        for track in view.tracks {
            if track.state == TrackState::Tentative {
                continue;
            }
            let (last, path) = self
                .paths
                .entry(track.id)
                .or_insert((Instant::MIN, Vec::new()));
            for point in &track.path {
                if point.at > *last && point.at <= track.last_seen {
                    *last = point.at;
                    path.push(point.point);
                }
            }
        }
        let over: Vec<TrackId> = self
            .paths
            .keys()
            .filter(|id| {
                let track = view.tracks.iter().find(|track| track.id == **id);
                track.is_none_or(|track| track.state == TrackState::Ended)
            })
            .copied()
            .collect();
        for id in over {
            self.end(id, view.model, view.grid);
        }
    }

    fn finish(&mut self, engine: &Engine) {
        let Some(view) = engine.camera(CameraId(0)) else {
            return;
        };
        while let Some(id) = self.paths.keys().next().copied() {
            self.end(id, view.model, view.grid);
        }
    }

    fn end(&mut self, id: TrackId, model: Option<&CameraModel>, grid: &Grid) {
        let Some((_, points)) = self.paths.remove(&id) else {
            return;
        };
        self.walked.tracks += 1;
        let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
            return;
        };
        if points
            .iter()
            .all(|point| point.distance(first) < LEAST_WALK_M)
        {
            return;
        }
        self.walked.walks.push(Walk {
            from_edge: at_edge(first, model, grid),
            to_edge: at_edge(last, model, grid),
            points,
        });
    }
}

/// Whether somebody who stands there is about to leave the picture, or the grid where there is none.
fn at_edge(at: PointInFloor, model: Option<&CameraModel>, grid: &Grid) -> bool {
    let Some(model) = model else {
        let spec = grid.spec();
        let room = (at.x - spec.min.x)
            .min(spec.max.x - at.x)
            .min(at.y - spec.min.y)
            .min(spec.max.y - at.y);
        return room < 2.0 * spec.tile_m;
    };
    let spec = model.spec();
    let (width, height) = (
        f64::from(spec.image_width_px),
        f64::from(spec.image_height_px),
    );
    let edge = EDGE_SHARE * width;
    stand(model, at).is_none_or(|stand| {
        let whole = stand.whole;
        whole.left < edge
            || whole.right > width - edge
            || whole.bottom > height - edge
            || whole.top < 0.0
    })
}
