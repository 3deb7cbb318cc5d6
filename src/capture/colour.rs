//! Between YUV and RGB, in whole numbers, so that every machine gets the same bytes.
//!
//! Theory of operation: the matrices follow from the weights of red and blue that ITU-R BT.601 and
//! BT.709 define; 16-bit fixed-point factors are worked out once per conversion.
//!
//! It deliberately does not convert primaries or transfer curves: detectors and people do not mind.

/// Which weights make luma of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, JPEG.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// Which byte values are black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240.
    Limited,
    /// 0 to 255, as in JPEG.
    Full,
}

/// How a frame's bytes are to be read as colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour {
    /// The matrix.
    pub matrix: Matrix,
    /// The range.
    pub range: Range,
}

impl Colour {
    /// What the project's own videos use.
    pub const VIDEO: Self = Self {
        matrix: Matrix::Bt709,
        range: Range::Limited,
    };
    /// What JPEG files use.
    pub const JPEG: Self = Self {
        matrix: Matrix::Bt601,
        range: Range::Full,
    };

    /// What players take video of this height for that does not say what it is.
    pub(super) fn unsaid(height: u32) -> Self {
        let matrix = if height >= HD_HEIGHT {
            Matrix::Bt709
        } else {
            Matrix::Bt601
        };
        Self {
            matrix,
            range: Range::Limited,
        }
    }
}

/// From this height on, video that does not say otherwise is BT.709: the usual rule of players.
const HD_HEIGHT: u32 = 720;

/// Fixed point: 16 bits after the point.
const ONE: f64 = 65536.0;
const HALF: i32 = 1 << 15;
const SHIFT: u32 = 16;

/// Scales of luma and chroma, and black's luma.
struct Scales {
    luma: f64,
    chroma: f64,
    black: i32,
}

impl Matrix {
    /// The weights of red and blue in luma (ITU-R BT.601-7 2.5.1, BT.709-6 3.2).
    const fn weights(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
        }
    }
}

impl Range {
    const fn scales(self) -> Scales {
        match self {
            Self::Limited => Scales {
                luma: 219.0 / 255.0,
                chroma: 224.0 / 255.0,
                black: 16,
            },
            Self::Full => Scales {
                luma: 1.0,
                chroma: 1.0,
                black: 0,
            },
        }
    }
}

fn fixed(factor: f64) -> i32 {
    (factor * ONE).round() as i32
}

fn byte(fixed_value: i32) -> u8 {
    (fixed_value >> SHIFT).clamp(0, 255) as u8
}

/// YUV to RGB, one pixel at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToRgb {
    black: i32,
    luma: i32,
    red_cr: i32,
    green_cb: i32,
    green_cr: i32,
    blue_cb: i32,
}

impl ToRgb {
    pub(super) fn new(colour: Colour) -> Self {
        let (red, blue) = colour.matrix.weights();
        let green = 1.0 - red - blue;
        let scales = colour.range.scales();
        Self {
            black: scales.black,
            luma: fixed(1.0 / scales.luma),
            red_cr: fixed(2.0 * (1.0 - red) / scales.chroma),
            green_cb: fixed(2.0 * (1.0 - blue) * blue / green / scales.chroma),
            green_cr: fixed(2.0 * (1.0 - red) * red / green / scales.chroma),
            blue_cb: fixed(2.0 * (1.0 - blue) / scales.chroma),
        }
    }

    /// One pixel.
    pub(super) fn pixel(&self, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let luma = (i32::from(y) - self.black) * self.luma + HALF;
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        [
            byte(luma + self.red_cr * cr),
            byte(luma - self.green_cb * cb - self.green_cr * cr),
            byte(luma + self.blue_cb * cb),
        ]
    }
}

/// RGB to YUV, one pixel at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToYuv {
    black: i32,
    luma: [i32; 3],
    cb: [i32; 3],
    cr: [i32; 3],
}

impl ToYuv {
    pub(super) fn new(colour: Colour) -> Self {
        let (red, blue) = colour.matrix.weights();
        let green = 1.0 - red - blue;
        let scales = colour.range.scales();
        let blue_side = scales.chroma / (2.0 * (1.0 - blue));
        let red_side = scales.chroma / (2.0 * (1.0 - red));
        Self {
            black: scales.black,
            luma: [red, green, blue].map(|weight| fixed(weight * scales.luma)),
            cb: [-red, -green, 1.0 - blue].map(|weight| fixed(weight * blue_side)),
            cr: [1.0 - red, -green, -blue].map(|weight| fixed(weight * red_side)),
        }
    }

    /// The luma of one pixel.
    pub(super) fn luma(&self, rgb: [u8; 3]) -> u8 {
        byte(weigh(self.luma, rgb.map(i32::from)) + (self.black << SHIFT) + HALF)
    }

    /// Both chromas of the sum of `count` pixels.
    pub(super) fn chroma(&self, sums: [i32; 3], count: i32) -> (u8, u8) {
        let mean = |weights| weigh(weights, sums) / count + (128 << SHIFT) + HALF;
        (byte(mean(self.cb)), byte(mean(self.cr)))
    }
}

fn weigh(weights: [i32; 3], rgb: [i32; 3]) -> i32 {
    weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Colour; 4] = [
        Colour::VIDEO,
        Colour::JPEG,
        Colour {
            matrix: Matrix::Bt601,
            range: Range::Limited,
        },
        Colour {
            matrix: Matrix::Bt709,
            range: Range::Full,
        },
    ];

    #[test]
    fn known_colours_have_their_textbook_bytes() {
        let video = ToYuv::new(Colour::VIDEO);
        assert_eq!(video.luma([0, 0, 0]), 16);
        assert_eq!(video.luma([255, 255, 255]), 235);
        assert_eq!(video.chroma([255, 0, 0], 1), (102, 240));
        let jpeg = ToYuv::new(Colour::JPEG);
        assert_eq!(jpeg.luma([255, 0, 0]), 76);
        assert_eq!(jpeg.chroma([0, 0, 255], 1), (255, 107));
    }

    #[test]
    fn there_and_back_is_within_three_steps() {
        for colour in ALL {
            let (there, back) = (ToYuv::new(colour), ToRgb::new(colour));
            for step in 0..17 * 17 * 17 {
                let rgb =
                    [step / 289, step / 17 % 17, step % 17].map(|v: i32| (v * 255 / 16) as u8);
                let (cb, cr) = there.chroma(rgb.map(i32::from), 1);
                let again = back.pixel(there.luma(rgb), cb, cr);
                let worst = rgb
                    .iter()
                    .zip(again)
                    .map(|(a, b)| a.abs_diff(b))
                    .max()
                    .unwrap();
                assert!(worst <= 3, "{colour:?} {rgb:?} became {again:?}");
            }
        }
    }
}
