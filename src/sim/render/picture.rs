//! An 8-bit colour picture in memory.

/// Red, green, blue, 8 bits each (sRGB), rows from the top, no padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            rgb: vec![0; 3 * width as usize * height as usize],
        }
    }

    /// The colour at a pixel; the nearest edge pixel outside.
    pub fn at(&self, x: i32, y: i32) -> [u8; 3] {
        let x = x.clamp(0, self.width as i32 - 1) as usize;
        let y = y.clamp(0, self.height as i32 - 1) as usize;
        let i = 3 * (y * self.width as usize + x);
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }
}

/// Linear light to a screen value, 0 to 1.
pub fn srgb_from_linear(v: f32) -> f32 {
    if v <= 0.003_130_8 {
        12.92 * v.max(0.0)
    } else {
        1.055 * v.min(1.0).powf(1.0 / 2.4) - 0.055
    }
}

/// A screen value, 0 to 1, to linear light.
pub fn linear_from_srgb(v: f32) -> f32 {
    if v <= 0.040_45 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

/// A screen colour (0 to 255) to linear reflectance.
pub fn linear(rgb: [u8; 3]) -> [f32; 3] {
    rgb.map(|c| linear_from_srgb(f32::from(c) / 255.0))
}
