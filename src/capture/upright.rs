//! Decoded pictures made what a frame wants: upright, 8-bit 4:2:0.
//!
//! Theory of operation: a picture that is both already is kept as it is. Anything else is converted, turned, or both,
//! into a buffer of the pool. The converter lives as long as pictures stay of one kind.
//!
//! It deliberately knows no source.

use super::Rotation;
use super::av::{Converter, Picture};
use super::frame::{Pixels, packed_len, packed_planes};
use super::pool::Lent;

/// Makes pictures of one source upright 4:2:0.
pub(super) struct Upright {
    rotation: Rotation,
    converter: Option<Converter>,
}

impl Upright {
    pub(super) fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            converter: None,
        }
    }

    pub(super) fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// The picture itself where nothing is to be done, else a copy; `None` if this FFmpeg cannot
    /// convert its kind.
    pub(super) fn make(&mut self, picture: Picture, mut place: Lent) -> Option<Pixels> {
        let turned = self.rotation != Rotation::None;
        if picture.is_planar_420() && !turned {
            return Some(Pixels::Decoder {
                picture,
                _place: place,
            });
        }
        let len = packed_len(picture.width(), picture.height());
        if picture.is_planar_420() {
            self.rotation
                .turn(&picture.planes(), place.take_buffer(len));
            return Some(Pixels::Own(place));
        }
        let fits = |converter: &Converter| converter.fits(&picture);
        if !self.converter.as_ref().is_some_and(fits) {
            self.converter = Converter::new(&picture);
        }
        let converter = self.converter.as_mut()?;
        converter.run(&picture, place.take_buffer(len)).ok()?;
        if turned {
            let stored = packed_planes(place.bytes(), picture.width(), picture.height());
            let mut upright = vec![0; len];
            self.rotation.turn(&stored, &mut upright);
            place.take_buffer(len).copy_from_slice(&upright);
        }
        Some(Pixels::Own(place))
    }
}
