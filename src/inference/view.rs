//! The picture as inference takes it: borrowed planes of YUV 4:2:0.
//!
//! Whoever decodes a picture builds one of these over its own buffers; nothing is copied and no
//! decoder's type comes in here.

use super::InferenceError;

/// Which levels the luma and chroma planes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// Black at 16 and white at 235 (most video).
    #[default]
    Limited,
    /// Black at 0 and white at 255 (JPEG, some cameras).
    Full,
}

/// Which standard's weights of red, green and blue make luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, JPEG, most webcams.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// One picture in planes, upright, borrowed for as long as a detector looks at it.
#[derive(Debug, Clone, Copy)]
pub struct YuvView<'a> {
    /// Columns of luma, px.
    pub width: usize,
    /// Rows of luma, px.
    pub height: usize,
    /// Luma, `height` rows of `y_stride` bytes (the last may be short).
    pub y: &'a [u8],
    /// Blue difference, half the size rounded up.
    pub u: &'a [u8],
    /// Red difference, half the size rounded up.
    pub v: &'a [u8],
    /// Bytes from one luma row to the next.
    pub y_stride: usize,
    /// Bytes from one chroma row to the next.
    pub uv_stride: usize,
    /// Levels.
    pub range: Range,
    /// Colour weights.
    pub matrix: Matrix,
}

impl<'a> YuvView<'a> {
    /// Columns and rows of a chroma plane.
    pub fn chroma_size(&self) -> (usize, usize) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    /// Refuses planes that are too short for the size they claim.
    pub fn check(&self) -> Result<(), InferenceError> {
        let (across, down) = self.chroma_size();
        let planes = [
            ("luma", self.y, self.y_stride, self.width, self.height),
            ("blue difference", self.u, self.uv_stride, across, down),
            ("red difference", self.v, self.uv_stride, across, down),
        ];
        if self.width == 0 || self.height == 0 {
            return Err(InferenceError::Picture(
                "the picture has no pixels".to_owned(),
            ));
        }
        if u32::try_from(self.width).is_err() || u32::try_from(self.height).is_err() {
            return Err(InferenceError::Picture(
                "the picture is too large".to_owned(),
            ));
        }
        for (name, plane, stride, width, height) in planes {
            let needed = stride
                .checked_mul(height - 1)
                .and_then(|bytes| bytes.checked_add(width));
            if stride < width || needed.is_none_or(|needed| plane.len() < needed) {
                return Err(InferenceError::Picture(format!(
                    "the {name} plane has {} bytes at {stride} a row, too few for {width} x {height}",
                    plane.len()
                )));
            }
        }
        Ok(())
    }

    /// Luma row `row`, `width` bytes from column `left`.
    pub(super) fn row(
        plane: &'a [u8],
        stride: usize,
        row: usize,
        left: usize,
        width: usize,
    ) -> &'a [u8] {
        &plane[row * stride + left..][..width]
    }
}

/// A picture that owns its planes: for still images and tests, never for video.
#[derive(Debug, Clone)]
pub struct YuvPicture {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl YuvPicture {
    /// From interleaved RGB, 3 bytes a pixel, row by row; full range BT.601, as JPEG does.
    ///
    /// Chroma is the mean of each 2 x 2 block.
    pub fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Result<Self, InferenceError> {
        if width == 0 || height == 0 || rgb.len() != width * height * 3 {
            return Err(InferenceError::Picture(format!(
                "{} bytes of RGB are not a picture of {width} x {height}",
                rgb.len()
            )));
        }
        let (across, down) = (width.div_ceil(2), height.div_ceil(2));
        let mut picture = Self {
            width,
            height,
            y: Vec::with_capacity(width * height),
            u: Vec::with_capacity(across * down),
            v: Vec::with_capacity(across * down),
        };
        for pixel in rgb.as_chunks::<3>().0 {
            let [r, g, b] = pixel.map(f32::from);
            picture
                .y
                .push((0.299 * r + 0.587 * g + 0.114 * b).round() as u8);
        }
        for row in 0..down {
            for column in 0..across {
                let [r, g, b] = block_mean(rgb, (width, height), (column * 2, row * 2));
                let luma = 0.299 * r + 0.587 * g + 0.114 * b;
                picture
                    .u
                    .push(((b - luma) / 1.772 + 128.0).round().clamp(0.0, 255.0) as u8);
                picture
                    .v
                    .push(((r - luma) / 1.402 + 128.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        Ok(picture)
    }

    /// The picture, borrowed.
    pub fn view(&self) -> YuvView<'_> {
        YuvView {
            width: self.width,
            height: self.height,
            y: &self.y,
            u: &self.u,
            v: &self.v,
            y_stride: self.width,
            uv_stride: self.width.div_ceil(2),
            range: Range::Full,
            matrix: Matrix::Bt601,
        }
    }
}

/// Mean red, green and blue of the block of up to 2 x 2 pixels at `(left, top)`.
fn block_mean(
    rgb: &[u8],
    (width, height): (usize, usize),
    (left, top): (usize, usize),
) -> [f32; 3] {
    let mut sum = [0.0_f32; 3];
    let mut count = 0.0_f32;
    for y in top..(top + 2).min(height) {
        for x in left..(left + 2).min(width) {
            for (channel, value) in sum.iter_mut().enumerate() {
                *value += f32::from(rgb[(y * width + x) * 3 + channel]);
            }
            count += 1.0;
        }
    }
    sum.map(|value| value / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_planes_are_refused_by_name() {
        let picture = YuvPicture::from_rgb(5, 3, &[100; 45]).unwrap();
        let good = picture.view();
        assert!(good.check().is_ok());
        let cases = [
            (
                YuvView {
                    y: &good.y[..14],
                    ..good
                },
                "luma",
            ),
            (
                YuvView {
                    y_stride: 4,
                    ..good
                },
                "luma",
            ),
            (YuvView { u: &[], ..good }, "blue difference"),
            (
                YuvView {
                    v: &good.v[..5],
                    ..good
                },
                "red difference",
            ),
            (
                YuvView {
                    uv_stride: usize::MAX,
                    ..good
                },
                "blue difference",
            ),
            (YuvView { width: 0, ..good }, "no pixels"),
        ];
        for (view, word) in cases {
            let message = view.check().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
        assert!(YuvPicture::from_rgb(5, 3, &[0; 44]).is_err());
    }
}
