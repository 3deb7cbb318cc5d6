//! How a network wants its colours: order, mean and spread.

/// Order of the tensor's three planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red (what OpenCV reads; YOLOX and NanoDet were trained so).
    Bgr,
}

/// `number = level * scale + shift` for each plane of the tensor, levels 0..255.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalise {
    /// Order of the planes.
    pub colour: Colour,
    scale: [f32; 3],
    shift: [f32; 3],
}

impl Normalise {
    /// From mean and standard deviation in levels 0..255, one a plane in the tensor's order.
    pub fn new(colour: Colour, mean: [f32; 3], std: [f32; 3]) -> Self {
        let scale = std.map(|std| 1.0 / std);
        let shift = [0, 1, 2].map(|plane| -mean[plane] * scale[plane]);
        Self {
            colour,
            scale,
            shift,
        }
    }

    /// Scale and shift of the tensor's plane `plane` (0 to 2).
    pub fn of(&self, plane: usize) -> (f32, f32) {
        (self.scale[plane.min(2)], self.shift[plane.min(2)])
    }
}
