//! Smooth seeded noise for folds, weaves and floors. Stateless: the same place, the same value.

/// Mixes two integers and a seed to 32 well-spread bits.
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77).rotate_left(13)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// The hash as a number in `[0, 1)`.
pub fn hash_unit(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The whole number at or below `x`, without a call into the mathematics library.
fn below(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

/// Value noise, -1 to 1, features about one unit wide.
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (ix, iy) = (below(x), below(y));
    let (tx, ty) = (x - ix as f32, y - iy as f32);
    let (sx, sy) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
    let corner = |dx: i32, dy: i32| hash_unit(ix.wrapping_add(dx), iy.wrapping_add(dy), seed);
    let low = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * sx;
    let high = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * sx;
    2.0 * (low + (high - low) * sy) - 1.0
}

/// Two octaves of value noise, about -1 to 1.
pub fn noise2(x: f32, y: f32, seed: u32) -> f32 {
    0.67 * noise(x, y, seed) + 0.33 * noise(2.17 * x + 5.3, 2.17 * y + 1.7, seed ^ 0x5bd1)
}
