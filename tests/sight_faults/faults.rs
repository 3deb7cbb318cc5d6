//! What can happen to a camera, done to levels.

use super::rooms::{Levels, Room, SIZE};

/// A fault: what the picture is, `at_s` seconds after it began.
pub type Fault = Box<dyn Fn(&Room, &Levels, f64) -> Levels>;

/// Everything is one level, brighter to one side by `slope`.
pub fn flat(level: f32, slope: f32) -> Fault {
    Box::new(move |_, _, _| {
        each(|x, y| level + slope * (x as f32 / SIZE.0 as f32 + 0.5 * y as f32 / SIZE.1 as f32))
    })
}

/// A soft-edged cover of that level over a share of the picture from one side (0 left, 1 right, 2
/// top, 3 bottom).
pub fn cover(level: f32, share: f32, side: u64) -> Fault {
    Box::new(move |_, from, _| {
        each(|x, y| {
            let (u, v) = (x as f32 / SIZE.0 as f32, y as f32 / SIZE.1 as f32);
            let depth = [u, 1.0 - u, v, 1.0 - v][(side % 4) as usize];
            // So near the lens an edge is as wide as a twentieth of the picture.
            let open = ((depth - share) / 0.05 + 0.5).clamp(0.0, 1.0);
            let own = level + 12.0 * v;
            own + open * (from[y * SIZE.0 + x] - own)
        })
    })
}

/// A film: contrast down to `keep`, the rest a grey veil, and soft by `sigma_px`.
pub fn film(keep: f32, sigma_px: f32) -> Fault {
    Box::new(move |_, from, _| {
        let soft = blur(from, sigma_px);
        soft.iter()
            .map(|level| keep * level + (1.0 - keep) * 150.0)
            .collect()
    })
}

/// Out of focus, more so with every second, up to `most_px`.
pub fn defocus(px_a_second: f32, most_px: f32) -> Fault {
    Box::new(move |_, from, at_s| blur(from, (px_a_second * at_s as f32).min(most_px)))
}

/// Moved so that what moves most moves `px`: 0 shifted, 1 turned, 2 zoomed, 3 all of it.
pub fn moved(px: f32, kind: u64) -> Fault {
    let (w, h) = (SIZE.0 as f32, SIZE.1 as f32);
    let far = (w * w + h * h).sqrt() / 2.0;
    let (shift, turn, zoom) = match kind % 4 {
        0 => ((0.8 * px, 0.6 * px), 0.0, 0.0),
        1 => ((0.0, 0.0), px / far, 0.0),
        2 => ((0.0, 0.0), 0.0, px / far),
        _ => ((0.5 * px, -0.3 * px), 0.4 * px / far, 0.2 * px / far),
    };
    Box::new(move |_, from, _| {
        each(|x, y| {
            let (dx, dy) = (x as f32 - w / 2.0, y as f32 - h / 2.0);
            let (sin, cos) = (turn.sin(), turn.cos());
            let (u, v) = (dx * cos - dy * sin, dx * sin + dy * cos);
            sample(
                from,
                u * (1.0 - zoom) + w / 2.0 + shift.0,
                v * (1.0 - zoom) + h / 2.0 + shift.1,
            )
        })
    })
}

/// A car passes: a glare sweeps over the picture within three seconds.
pub fn headlights() -> Fault {
    Box::new(|_, from, at_s| {
        let middle = SIZE.0 as f64 * (at_s / 3.0);
        each(|x, y| {
            let far = (x as f64 - middle) / 140.0;
            let glare = 170.0 * (-far * far).exp() as f32;
            let veil = if at_s < 3.0 { 20.0 } else { 0.0 };
            (from[y * SIZE.0 + x] + veil + if at_s < 3.0 { glare } else { 0.0 }).min(235.0)
        })
    })
}

/// A trolley stands in the door for the rest of the time: 28 % of the width, with bars.
pub fn trolley() -> Fault {
    Box::new(|_, from, _| {
        each(|x, y| {
            let inside = (250..430).contains(&x) && y > 60;
            let bar = x % 24 < 6 || y % 40 < 6;
            match (inside, bar) {
                (true, true) => 180.0,
                (true, false) => 70.0,
                _ => from[y * SIZE.0 + x],
            }
        })
    })
}

fn each(level: impl Fn(usize, usize) -> f32) -> Levels {
    let mut levels = Vec::with_capacity(SIZE.0 * SIZE.1);
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            levels.push(level(x, y));
        }
    }
    levels
}

fn sample(from: &Levels, x: f32, y: f32) -> f32 {
    let x = x.clamp(0.0, SIZE.0 as f32 - 1.001);
    let y = y.clamp(0.0, SIZE.1 as f32 - 1.001);
    let (at, u, v) = (y as usize * SIZE.0 + x as usize, x.fract(), y.fract());
    let mix = |a: f32, b: f32, t: f32| a + t * (b - a);
    mix(
        mix(from[at], from[at + 1], u),
        mix(from[at + SIZE.0], from[at + SIZE.0 + 1], u),
        v,
    )
}

/// Three box blurs, both ways: nearly a normal one of that deviation.
fn blur(from: &Levels, sigma_px: f32) -> Levels {
    let half = ((sigma_px * sigma_px * 4.0 + 1.0).sqrt() - 1.0) / 2.0;
    let mut levels = from.clone();
    for _ in 0..3 {
        levels = box_blur(&levels, half, SIZE.0, 1, SIZE.1, SIZE.0);
        levels = box_blur(&levels, half, SIZE.1, SIZE.0, SIZE.0, 1);
    }
    levels
}

/// Means over `2 half + 1` along lines of `count` places `step` apart; the last ones in part.
fn box_blur(
    from: &[f32],
    half: f32,
    count: usize,
    step: usize,
    lines: usize,
    next: usize,
) -> Levels {
    let mut to = vec![0.0; from.len()];
    let (whole, part) = (half as isize, half.fract());
    let mut sums = vec![0.0_f32; count + 1];
    for line in 0..lines {
        for at in 0..count {
            sums[at + 1] = sums[at] + from[line * next + at * step];
        }
        let level = |at: isize| {
            let at = at.clamp(0, count as isize - 1) as usize;
            from[line * next + at * step]
        };
        for at in 0..count as isize {
            let (a, b) = ((at - whole).max(0), (at + whole).min(count as isize - 1));
            let inner = sums[b as usize + 1] - sums[a as usize];
            let rim = part * (level(a - 1) + level(b + 1));
            let size = (b - a + 1) as f32 + 2.0 * part;
            to[line * next + at as usize * step] = (inner + rim) / size;
        }
    }
    to
}
