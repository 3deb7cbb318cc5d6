//! Compressed pictures of a camera made frames with times.
//!
//! Theory of operation: whole pictures go in, as they arrived; frames come out in the order in which they are to be
//! shown, each with the stamp and arrival of its own picture, laid on the steady clock. Decoding
//! begins at a key picture. From a lost packet to the next key picture, what comes out counts as
//! damaged: it may show what is no longer there.
//!
//! It deliberately decodes on the caller's thread, one thread a camera: FFmpeg's own threads would
//! hold pictures back.

use std::collections::VecDeque;

use super::event::LiveUnit;
use super::timeline::{Stamp, Timeline};
use crate::capture::av::{Decoder, Packet, Picture, Received};
use crate::capture::clip::{MAX_PIXELS, accepted};
use crate::capture::frame::{Frame, Header};
use crate::capture::pool::Pool;
use crate::capture::upright::Upright;
use crate::capture::{Codec, Rotation};

/// So many pictures may be on their way through the decoder; more have been swallowed.
const MOST_WITHIN: usize = 64;
/// Frames that can be held at once: those of the queues between stages, and one being looked at.
const POOL_FRAMES: usize = 12;

/// A frame and when it was taken.
#[derive(Debug)]
pub struct Decoded {
    /// The picture.
    pub frame: Frame,
    /// When it was taken, on the steady clock.
    pub stamp: Stamp,
    /// When it had arrived, microseconds of the steady clock.
    pub arrived_us: i64,
    /// The camera's own stamp, microseconds.
    pub media_us: Option<i64>,
}

/// A picture within the decoder.
#[derive(Debug, Clone, Copy)]
struct Within {
    number: i64,
    media_us: Option<i64>,
    arrived_us: i64,
    damaged: bool,
}

/// What has been counted of one camera.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pictures that came.
    pub received: u64,
    /// Frames that came out.
    pub decoded: u64,
    /// Pictures that came before a key picture, or gave no frame.
    pub undecodable: u64,
    /// Frames that may show what is no longer there.
    pub damaged: u64,
    /// Frames that were let go because whoever takes them still holds too many.
    pub let_go: u64,
    /// Packets that were lost on the way.
    pub lost_packets: u64,
}

/// Makes frames of one camera's pictures.
pub struct LiveDecoder {
    decoder: Option<(Codec, Decoder)>,
    pool: Pool,
    upright: Upright,
    within: VecDeque<Within>,
    timeline: Timeline,
    /// A key picture has come and nothing was lost since.
    sound: bool,
    /// The stamp of a key picture that ended a loss: what is to be shown before it may refer to what was lost.
    leading_to_us: Option<i64>,
    begun: bool,
    tally: Tally,
    numbered: i64,
}

impl Default for LiveDecoder {
    fn default() -> Self {
        Self::new(Rotation::None)
    }
}

impl LiveDecoder {
    /// A decoder that turns pictures so.
    pub fn new(rotation: Rotation) -> Self {
        Self {
            decoder: None,
            pool: Pool::new(POOL_FRAMES),
            upright: Upright::new(rotation),
            within: VecDeque::new(),
            timeline: Timeline::new(),
            sound: false,
            leading_to_us: None,
            begun: false,
            tally: Tally::default(),
            numbered: 0,
        }
    }

    /// The stream was opened anew.
    pub fn reconnected(&mut self) {
        self.decoder = None;
        self.within.clear();
        self.begun = false;
        self.sound = false;
        self.timeline.reconnected();
    }

    /// When a picture was taken, microseconds of the steady clock, by what is known before it is
    /// decoded: for who keeps it as it is.
    pub fn taken_us(&self, unit: &LiveUnit) -> i64 {
        let media_us = unit.stamped.then_some(unit.unit.time_us);
        self.timeline.estimate_us(media_us, unit.arrived_us)
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes a picture and hands on the frames that come of it.
    ///
    /// # Errors
    /// If this FFmpeg has no decoder for the codec.
    pub fn take(&mut self, unit: &LiveUnit, give: &mut dyn FnMut(Decoded)) -> Result<(), String> {
        self.tally.received += 1;
        self.tally.lost_packets += u64::from(unit.lost_packets);
        if unit.lost_packets > 0 {
            self.sound = false;
        }
        if unit.unit.is_key {
            self.leading_to_us = (!self.sound && self.begun).then_some(unit.unit.time_us);
            self.begun = true;
            self.sound = true;
        }
        if !self.begun {
            self.tally.undecodable += 1;
            return Ok(());
        }
        self.ready(unit.unit.codec)?;
        if !self.send(unit) {
            self.tally.undecodable += 1;
            self.sound = false;
        }
        self.receive(give);
        Ok(())
    }

    /// Opens a decoder where there is none for this codec.
    fn ready(&mut self, codec: Codec) -> Result<(), String> {
        if self.decoder.as_ref().is_some_and(|(of, _)| *of == codec) {
            return Ok(());
        }
        self.within.clear();
        let decoder = Decoder::of_codec(codec, MAX_PIXELS)
            .map_err(|error| format!("decoding {}: {error}", codec.name()))?;
        let decoder = decoder.ok_or_else(|| {
            format!(
                "this FFmpeg cannot decode {}; set the camera to H.264",
                codec.name()
            )
        })?;
        self.decoder = Some((codec, decoder));
        Ok(())
    }

    fn send(&mut self, unit: &LiveUnit) -> bool {
        let Some((_, decoder)) = &mut self.decoder else {
            return false;
        };
        let Some(mut packet) = Packet::with_bytes(&unit.unit.data) else {
            return false;
        };
        self.numbered += 1;
        packet.set_pts(self.numbered);
        if packet.is_empty() || decoder.send(Some(&packet)).is_err() {
            return false;
        }
        if self.within.len() == MOST_WITHIN {
            self.within.pop_front();
        }
        self.within.push_back(Within {
            number: self.numbered,
            media_us: unit.stamped.then_some(unit.unit.time_us),
            arrived_us: unit.arrived_us,
            damaged: !self.sound || self.is_leading(unit),
        });
        true
    }

    fn is_leading(&self, unit: &LiveUnit) -> bool {
        let before = |key_us: i64| unit.stamped && unit.unit.time_us < key_us;
        self.leading_to_us.is_some_and(before)
    }

    fn receive(&mut self, give: &mut dyn FnMut(Decoded)) {
        loop {
            let Some((_, decoder)) = &mut self.decoder else {
                return;
            };
            let Some(mut picture) = Picture::new() else {
                return;
            };
            match decoder.receive(&mut picture) {
                Ok(Received::Picture) => {
                    if let Some(decoded) = self.decoded(picture) {
                        give(decoded);
                    }
                }
                Ok(Received::Hungry | Received::End) => return,
                Err(_) => {
                    self.tally.undecodable += 1;
                    self.sound = false;
                }
            }
        }
    }

    fn decoded(&mut self, picture: Picture) -> Option<Decoded> {
        let number = picture.pts();
        let at = self
            .within
            .iter()
            .position(|within| Some(within.number) == number)?;
        let within = self.within.remove(at)?;
        if !accepted(picture.width(), picture.height()) {
            self.tally.undecodable += 1;
            return None;
        }
        let stamp = self.timeline.place(within.media_us, within.arrived_us);
        let damaged = within.damaged || picture.is_damaged();
        self.tally.damaged += u64::from(damaged);
        let Some(place) = self.pool.place() else {
            self.tally.let_go += 1;
            return None;
        };
        let rotation = self.upright.rotation();
        let (width, height) = rotation.turned_size(picture.width(), picture.height());
        let header = Header {
            index: self.tally.decoded,
            time_us: stamp.taken_us,
            key: picture.is_key(),
            damaged,
            width,
            height,
            colour: picture.colour(),
        };
        let Some(pixels) = self.upright.make(picture, place) else {
            self.tally.undecodable += 1;
            return None;
        };
        self.tally.decoded += 1;
        Some(Decoded {
            frame: Frame { header, pixels },
            stamp,
            arrived_us: within.arrived_us,
            media_us: within.media_us,
        })
    }
}

impl std::fmt::Debug for LiveDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveDecoder")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}
