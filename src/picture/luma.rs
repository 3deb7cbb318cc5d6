//! A plane of brightness, checked once, so that nobody after that can read past its end.

/// Brightness of a picture: rows of bytes, as every decoder of 4:2:0 delivers them.
#[derive(Debug, Clone, Copy)]
pub struct Luma<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Luma<'a> {
    /// A plane of `width` by `height` px whose rows begin every `stride` bytes.
    ///
    /// `None` where the numbers do not fit each other: no pixels, `stride` under `width`, or fewer
    /// than `stride * (height - 1) + width` bytes.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        if width == 0 || height == 0 || stride < width {
            return None;
        }
        let needed = stride.checked_mul(height - 1)?.checked_add(width)?;
        (data.len() >= needed).then_some(Self {
            data,
            width,
            height,
            stride,
        })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// One row; the last one for rows beyond it.
    pub fn row(&self, row: usize) -> &'a [u8] {
        let start = row.min(self.height - 1) * self.stride;
        &self.data[start..start + self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: usize, size: (usize, usize, usize), expect: bool) {
        let data = vec![7; bytes];
        let luma = Luma::new(&data, size.0, size.1, size.2);
        assert_eq!(luma.is_some(), expect);
        if let Some(luma) = luma {
            assert_eq!(luma.row(usize::MAX).len(), size.0);
        }
    }

    #[test]
    fn a_plane_is_what_its_numbers_say_or_none() {
        check(12, (4, 3, 4), true);
        check(14, (4, 3, 5), true);
        check(13, (4, 3, 5), false);
        check(12, (4, 3, 3), false);
        check(12, (0, 3, 4), false);
        check(12, (4, 0, 4), false);
        check(12, (4, usize::MAX, usize::MAX), false);
    }
}
