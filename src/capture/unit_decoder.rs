//! Compressed pictures of the past made frames.
//!
//! Theory of operation: pictures of one stream go in, in the order of decoding and beginning with a key picture, each with its time;
//! frames come out in the order in which they are to be shown, with the time of their own picture,
//! and at the end all that the decoder still held.
//!
//! It deliberately lays no times on a clock: [`live::LiveDecoder`](super::live::LiveDecoder) does,
//! for pictures that arrive now.

use super::av::{Decoder, Packet, Picture, Received};
use super::clip::{MAX_PIXELS, accepted};
use super::encoded::{AccessUnit, Codec};
use super::frame::{Frame, Header};
use super::pool::Pool;
use super::upright::Upright;
use super::{LogLevel, Rotation};
use crate::units::Span;

/// Frames that can be held at once: the one being looked at, and one kept.
const POOL_FRAMES: usize = 4;

/// Decodes compressed pictures of one stream.
pub struct UnitDecoder {
    decoder: Decoder,
    pool: Pool,
    upright: Upright,
    delivered: u64,
    undecodable: u64,
}

impl UnitDecoder {
    /// A decoder that turns pictures so.
    ///
    /// # Errors
    /// If this FFmpeg has no decoder for the codec.
    pub fn new(codec: Codec, rotation: Rotation) -> Result<Self, String> {
        LogLevel::Quiet.apply();
        let decoder = Decoder::of_codec(codec, MAX_PIXELS)
            .map_err(|error| format!("decoding {}: {error}", codec.name()))?
            .ok_or_else(|| format!("this FFmpeg cannot decode {}", codec.name()))?;
        Ok(Self {
            decoder,
            pool: Pool::new(POOL_FRAMES),
            upright: Upright::new(rotation),
            delivered: 0,
            undecodable: 0,
        })
    }

    /// Takes the next picture, which is to be shown at `time`, and hands on the frames that come.
    pub fn take(&mut self, unit: &AccessUnit, time: Span, give: &mut dyn FnMut(Frame)) {
        let sent = Packet::with_bytes(&unit.data)
            .filter(|packet| !packet.is_empty())
            .is_some_and(|mut packet| {
                packet.set_pts(time.as_us());
                self.decoder.send(Some(&packet)).is_ok()
            });
        self.undecodable += u64::from(!sent);
        self.receive(give);
    }

    /// Hands on what the decoder still holds; nothing can be taken after it.
    pub fn finish(&mut self, give: &mut dyn FnMut(Frame)) {
        if self.decoder.send(None).is_ok() {
            self.receive(give);
        }
    }

    /// Pictures that gave no frame.
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    fn receive(&mut self, give: &mut dyn FnMut(Frame)) {
        while let Some(mut picture) = Picture::new() {
            match self.decoder.receive(&mut picture) {
                Ok(Received::Picture) => match self.frame(picture) {
                    Some(frame) => give(frame),
                    None => self.undecodable += 1,
                },
                Ok(Received::Hungry | Received::End) => return,
                Err(_) => self.undecodable += 1,
            }
        }
    }

    fn frame(&mut self, picture: Picture) -> Option<Frame> {
        if !accepted(picture.width(), picture.height()) {
            return None;
        }
        let place = self.pool.place()?;
        let rotation = self.upright.rotation();
        let (width, height) = rotation.turned_size(picture.width(), picture.height());
        let header = Header {
            index: self.delivered,
            time_us: picture.pts()?,
            key: picture.is_key(),
            damaged: picture.is_damaged(),
            width,
            height,
            colour: picture.colour(),
        };
        let pixels = self.upright.make(picture, place)?;
        self.delivered += 1;
        Some(Frame { header, pixels })
    }
}

impl std::fmt::Debug for UnitDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnitDecoder")
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}
