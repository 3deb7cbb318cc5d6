//! Watches a replay and draws it: a video of every frame, a key frame of every verdict.

use std::collections::BTreeMap;

use super::canvas::Canvas;
use super::mood::Mood;
use super::panel::{self, CreditChip, PANEL_HEIGHT, PanelState, TickerLine};
use super::scene::SceneOverlay;
use crate::app::names::SiteNames;
use crate::app::replay::Watcher;
use crate::app::run::EngineRun;
use crate::app::sightings::Sighting;
use crate::crossing::Direction;
use crate::floor::{Portal, TileIndex};
use crate::units::{CameraId, DoorId, Instant, Span, TrackId};
use crate::verdict::{Names, Stage, Verdict};

/// A judged person and their tiles keep their colour for this long after the crossing.
const COLOUR_HOLD: Span = Span::from_ms(6_000);
/// So many of the tiles walked over before the crossing are coloured.
const TILES_BEFORE: usize = 5;
/// Pictures narrower than this are drawn twice as large, px: text and tiles need room.
const NARROW_PX: u32 = 800;
/// Quality of key frames, 1 to 100.
const JPEG_QUALITY: u8 = 82;
/// Key frames kept for one verdict: when it was first stated, and when it was final.
const KEY_FRAMES_EACH: usize = 2;
/// Ticker lines kept.
const TICKER_KEPT: usize = 16;

/// Where drawn frames go.
pub trait FrameSink {
    /// Takes one drawn frame at a time since the clip's start.
    fn frame(&mut self, canvas: &Canvas, at: Span) -> Result<(), String>;
}

/// Draws frames for a sink and keeps key frames.
pub struct OverlayWatcher<S> {
    names: SiteNames,
    start: Instant,
    sink: Option<S>,
    drawing: Option<Drawing>,
    stated: BTreeMap<String, (u32, usize)>,
    grants_told: usize,
    ticker: Vec<TickerLine>,
    /// Key frames by verdict id, JPEG.
    pub key_frames: BTreeMap<String, Vec<Vec<u8>>>,
}

/// What stays the same from frame to frame.
struct Drawing {
    scene: SceneOverlay,
    canvas: Canvas,
    scale: u32,
}

impl<S: FrameSink> OverlayWatcher<S> {
    /// Draws every frame for `sink`; without one, only the frames that are kept.
    pub fn new(names: SiteNames, start: Instant, sink: Option<S>) -> Self {
        Self {
            names,
            start,
            sink,
            drawing: None,
            stated: BTreeMap::new(),
            grants_told: 0,
            ticker: Vec::new(),
            key_frames: BTreeMap::new(),
        }
    }

    /// The sink, to be closed.
    pub fn into_sink(self) -> Option<S> {
        self.sink
    }

    fn draw(&mut self, seen: &Sighting, taken: Instant, run: &EngineRun) -> Result<(), String> {
        let Some(view) = run.engine.camera(CameraId(0)) else {
            return Ok(());
        };
        let Some(model) = view.model else {
            return Ok(());
        };
        let picture = seen.frame.to_rgb();
        if self.drawing.is_none() {
            let scale = if picture.width() < NARROW_PX { 2 } else { 1 };
            let portals: Vec<Portal> = run
                .engine
                .config()
                .portals
                .iter()
                .map(|p| p.portal.clone())
                .collect();
            let scene = SceneOverlay::new(model, view.grid, &portals, f64::from(scale));
            let size = (
                picture.width() * scale,
                picture.height() * scale + PANEL_HEIGHT,
            );
            // Video codecs want even sides.
            let canvas = Canvas::new(size.0.next_multiple_of(2), size.1.next_multiple_of(2))
                .ok_or("the picture has no pixels")?;
            self.drawing = Some(Drawing {
                scene,
                canvas,
                scale,
            });
        }
        let (tracks, tiles) = moods(run, taken);
        let state = self.panel(run, taken);
        let Some(drawing) = &mut self.drawing else {
            return Ok(());
        };
        drawing.canvas.put_picture(&picture, drawing.scale);
        drawing
            .scene
            .draw(&mut drawing.canvas, &view, taken, &tracks, &tiles);
        let top = f64::from(picture.height() * drawing.scale);
        panel::draw(&mut drawing.canvas, top, &state);
        Ok(())
    }

    fn panel(&mut self, run: &EngineRun, taken: Instant) -> PanelState {
        let door = DoorId(0);
        let policy = run
            .engine
            .ledger(door)
            .map(|ledger| ledger.policy().clone());
        let window_s = policy.map_or(1.0, |policy| policy.window.as_s()).max(1e-3);
        let credits = run.engine.ledger(door).map(|ledger| ledger.credits(taken));
        let chips = credits.into_iter().flatten().map(|credit| CreditChip {
            who: credit.holder.unwrap_or(credit.grant),
            left: credit.time_left.as_s() / window_s,
            left_s: credit.time_left.as_s().max(0.0),
        });
        let way = |way: Direction| {
            run.log
                .crossings
                .iter()
                .filter(|c| c.direction == way)
                .count()
        };
        let breaches = run
            .log
            .current_verdicts()
            .filter(|v| v.kind.is_breach() && v.stage != Stage::Provisional)
            .count();
        PanelState {
            title: self.names.door(door),
            time: self.names.time(taken),
            counts: [way(Direction::In), way(Direction::Out), breaches],
            credits: chips.collect(),
            ticker: self.ticker.clone(),
        }
    }

    /// What was stated since the last frame goes to the ticker; returns the verdicts among it.
    fn take_news(&mut self, run: &EngineRun, taken: Instant) -> Vec<String> {
        for id in &run.log.grant_order[self.grants_told..] {
            if let Some(grant) = run.log.grants.get(id).and_then(|history| history.first()) {
                let who = grant.holder.as_ref().unwrap_or(&grant.grant);
                let text = format!("{} grant {who}", self.names.time(grant.granted.lo));
                self.ticker.push(TickerLine {
                    at: taken,
                    text,
                    mood: Mood::Neutral,
                });
            }
        }
        self.grants_told = run.log.grant_order.len();
        let mut news = Vec::new();
        for verdict in run.log.current_verdicts() {
            let (revision, _) = self.stated.get(&verdict.id).copied().unwrap_or_default();
            if revision == verdict.revision {
                continue;
            }
            let kept = self.key_frames.get(&verdict.id).map_or(0, Vec::len);
            self.stated
                .insert(verdict.id.clone(), (verdict.revision, kept));
            let settled = revision == 0 || Mood::of(verdict) > Mood::Amber;
            if settled && kept < KEY_FRAMES_EACH {
                news.push(verdict.id.clone());
            }
            self.ticker.push(self.ticker_line(verdict, taken));
        }
        let surplus = self.ticker.len().saturating_sub(TICKER_KEPT);
        self.ticker.drain(..surplus);
        news
    }

    fn ticker_line(&self, verdict: &Verdict, taken: Instant) -> TickerLine {
        let kind = verdict.kind.name().replace('_', " ");
        let stage = if verdict.stage == Stage::Provisional {
            "?"
        } else {
            ""
        };
        let time = self.names.time(verdict.crossing.at);
        let direction = self.names.direction_name(&verdict.crossing);
        let text = format!(
            "{time} {direction} #{} {kind}{stage}",
            verdict.crossing.track
        );
        TickerLine {
            at: taken,
            text,
            mood: Mood::of(verdict),
        }
    }
}

impl<S: FrameSink> Watcher for OverlayWatcher<S> {
    fn frame(&mut self, seen: &Sighting, taken: Instant, run: &EngineRun) -> Result<(), String> {
        let news = self.take_news(run, taken);
        if self.sink.is_none() && news.is_empty() {
            return Ok(());
        }
        self.draw(seen, taken, run)?;
        let Some(drawing) = &self.drawing else {
            return Ok(());
        };
        for id in news {
            self.key_frames
                .entry(id)
                .or_default()
                .push(jpeg(&drawing.canvas)?);
        }
        match &mut self.sink {
            Some(sink) => sink.frame(&drawing.canvas, taken - self.start),
            None => Ok(()),
        }
    }
}

/// How each judged person and each tile stands at `now`.
fn moods(run: &EngineRun, now: Instant) -> (BTreeMap<TrackId, Mood>, BTreeMap<TileIndex, Mood>) {
    let (mut tracks, mut tiles) = (BTreeMap::new(), BTreeMap::new());
    let recent = run
        .log
        .current_verdicts()
        .filter(|v| now - v.crossing.at <= COLOUR_HOLD);
    for verdict in recent {
        let mood = Mood::of(verdict);
        let worst = |held: &mut Mood| *held = (*held).max(mood);
        tracks
            .entry(verdict.crossing.track)
            .and_modify(worst)
            .or_insert(mood);
        for tile in verdict.crossing.tiles.iter().rev().take(TILES_BEFORE) {
            tiles.entry(*tile).and_modify(worst).or_insert(mood);
        }
    }
    // The tile somebody stands on now takes their colour.
    if let Some(view) = run.engine.camera(CameraId(0)) {
        for track in view.tracks {
            let here = track
                .path
                .back()
                .and_then(|point| view.grid.tile_at(point.point));
            if let (Some(tile), Some(mood)) = (here, tracks.get(&track.id)) {
                tiles
                    .entry(tile)
                    .and_modify(|held| *held = (*held).max(*mood))
                    .or_insert(*mood);
            }
        }
    }
    (tracks, tiles)
}

fn jpeg(canvas: &Canvas) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    canvas
        .to_rgb()
        .write_with_encoder(encoder)
        .map_err(|problem| problem.to_string())?;
    Ok(bytes)
}
