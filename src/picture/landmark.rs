//! Landmarks: small patches that look like nothing near them, chosen once and found again.
//!
//! Theory: a corner is where brightness changes in two directions (Shi and Tomasi, "Good features to
//! track", 1994: the lesser eigenvalue of the summed outer products of slopes). One is kept for each
//! part of the picture, so that they spread. A patch is found again where its normalised correlation
//! is largest: first at half the size over the whole reach, then at full size nearby. Normalised, it
//! does not mind lamps and exposure.
//!
//! Where the camera moved, all landmarks moved alike. [`Shift::between`] asks each pair of found ones
//! which shift, turn and zoom it proposes and takes the proposal that most others agree with; people
//! and furniture agree with nobody.

use super::plate::Plate;

/// Half the side of a patch, less its middle, px of the plate.
const HALF: usize = 7;
/// The same at half the size.
const HALF_COARSE: usize = 4;
/// Parts of the picture with one landmark each.
const PARTS: (usize, usize) = (10, 6);
/// A corner's lesser eigenvalue is at least this, squared levels a pixel, summed over 7 by 7.
const LEAST_CORNER: f32 = 200.0;
/// A patch found with less correlation than this is not found.
const LEAST_LIKENESS: f32 = 0.7;
/// How far a landmark is searched for, px of the picture: what is further off is another view.
const REACH_PX: usize = 48;
/// Landmarks agree that are this close to where the shift would put them, px of the plate.
const AGREE_PX: f32 = 1.25;
/// Cameras are not turned or zoomed by more between two looks: 20 degrees, a third.
const MOST_TURN: f32 = 0.35;

/// A patch that looks like nothing near it.
#[derive(Debug, Clone)]
pub struct Landmark {
    x: usize,
    y: usize,
    fine: Patch,
    coarse: Patch,
}

/// Levels about a place, mean taken off, of length 1.
#[derive(Debug, Clone)]
struct Patch {
    half: usize,
    levels: Vec<f32>,
}

/// A landmark found again.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Where it was, px of the plate.
    from: (f32, f32),
    /// How far it has moved, px of the plate.
    by: (f32, f32),
}

/// How the picture has moved: by how much, and how many landmarks say so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The largest movement among the landmarks that agree, px of the picture.
    pub most_px: f32,
    /// Landmarks that agree.
    pub agree: usize,
    /// Landmarks found.
    pub found: usize,
}

impl Patch {
    fn new(plate: &Plate, x: usize, y: usize, half: usize) -> Option<Self> {
        if x < half || y < half || x + half >= plate.width || y + half >= plate.height {
            return None;
        }
        let mut levels = Vec::with_capacity((2 * half + 1).pow(2));
        for row in y - half..=y + half {
            levels.extend_from_slice(&plate.levels[row * plate.width + x - half..][..2 * half + 1]);
        }
        let mean = levels.iter().sum::<f32>() / levels.len() as f32;
        levels.iter_mut().for_each(|level| *level -= mean);
        let length = levels.iter().map(|level| level * level).sum::<f32>().sqrt();
        if length < 1.0 {
            return None;
        }
        levels.iter_mut().for_each(|level| *level /= length);
        Some(Self { half, levels })
    }

    /// Correlation with what `plate` shows about a place, -1 to 1; -1 outside.
    fn likeness(&self, plate: &Plate, x: isize, y: isize) -> f32 {
        let half = self.half as isize;
        let fits = x >= half
            && y >= half
            && x + half < plate.width as isize
            && y + half < plate.height as isize;
        if !fits {
            return -1.0;
        }
        let side = 2 * self.half + 1;
        let (left, top) = ((x - half) as usize, (y - half) as usize);
        let (mut dot, mut sum, mut squares) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (row, own) in self.levels.chunks_exact(side).enumerate() {
            let levels = &plate.levels[(top + row) * plate.width + left..][..side];
            for (own, level) in own.iter().zip(levels) {
                dot += own * level;
                sum += level;
                squares += level * level;
            }
        }
        let spread = squares - sum * sum / self.levels.len() as f32;
        if spread > 1.0 {
            dot / spread.sqrt()
        } else {
            0.0
        }
    }

    /// The likeliest place within `reach` of one.
    fn search(&self, plate: &Plate, at: (isize, isize), reach: isize) -> (isize, isize, f32) {
        let mut best = (at.0, at.1, -1.0);
        for y in at.1 - reach..=at.1 + reach {
            for x in at.0 - reach..=at.0 + reach {
                let likeness = self.likeness(plate, x, y);
                if likeness > best.2 {
                    best = (x, y, likeness);
                }
            }
        }
        best
    }
}

impl Landmark {
    /// The landmarks of a plate, where `steady` says that nothing moved.
    pub fn choose(plate: &Plate, steady: &[bool]) -> Vec<Self> {
        let coarse = plate.half();
        let rim = HALF + 2;
        if plate.width <= 2 * rim || plate.height <= 2 * rim {
            return Vec::new();
        }
        let mut best: Vec<Option<(f32, usize, usize)>> = vec![None; PARTS.0 * PARTS.1];
        for y in (rim..plate.height - rim).step_by(2) {
            for x in (rim..plate.width - rim).step_by(2) {
                if !steady[y * plate.width + x] {
                    continue;
                }
                let part = y * PARTS.1 / plate.height * PARTS.0 + x * PARTS.0 / plate.width;
                let corner = corner(plate, x, y);
                if corner > best[part].map_or(LEAST_CORNER, |best| best.0) {
                    best[part] = Some((corner, x, y));
                }
            }
        }
        best.into_iter()
            .flatten()
            .filter_map(|(_, x, y)| {
                Some(Self {
                    x,
                    y,
                    fine: Patch::new(plate, x, y, HALF)?,
                    coarse: Patch::new(&coarse, x / 2, y / 2, HALF_COARSE)?,
                })
            })
            .collect()
    }

    /// Where it is now; `coarse` is half of `plate`. `None` if it is hidden.
    pub fn find(&self, plate: &Plate, coarse: &Plate) -> Option<Found> {
        let reach = (REACH_PX / coarse.factor.max(1)) as isize + 1;
        let about = ((self.x / 2) as isize, (self.y / 2) as isize);
        let (x, y, _) = self.coarse.search(coarse, about, reach);
        // Where it was at half size, its rounding and that of the search.
        let near = (2 * x + (self.x % 2) as isize, 2 * y + (self.y % 2) as isize);
        let (x, y, likeness) = self.fine.search(plate, near, 2);
        (likeness >= LEAST_LIKENESS).then(|| {
            let part = |less: f32, more: f32| {
                // The top of the parabola through three neighbours.
                let bend = less + more - 2.0 * likeness;
                if bend < -1e-4 {
                    (0.5 * (less - more) / bend).clamp(-0.5, 0.5)
                } else {
                    0.0
                }
            };
            let at = |dx, dy| self.fine.likeness(plate, x + dx, y + dy);
            Found {
                from: (self.x as f32, self.y as f32),
                by: (
                    (x - self.x as isize) as f32 + part(at(-1, 0), at(1, 0)),
                    (y - self.y as isize) as f32 + part(at(0, -1), at(0, 1)),
                ),
            }
        })
    }
}

/// The lesser eigenvalue of the slopes about a place, summed over 7 by 7 px.
fn corner(plate: &Plate, x: usize, y: usize) -> f32 {
    let (mut xx, mut yy, mut xy) = (0.0_f32, 0.0_f32, 0.0_f32);
    for row in y - 3..=y + 3 {
        for column in x - 3..=x + 3 {
            let (dx, dy) = plate.slope(row * plate.width + column);
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    let half = 0.5 * (xx - yy);
    0.5 * (xx + yy) - (half * half + xy * xy).sqrt()
}

impl Shift {
    /// The shift that most landmarks agree with; `factor` is that of the plates. `None` below two.
    pub fn between(found: &[Found], factor: usize) -> Option<Self> {
        let mut best: Option<Self> = None;
        for (number, a) in found.iter().enumerate() {
            for b in &found[number + 1..] {
                let Some(proposal) = Proposal::of(a, b) else {
                    continue;
                };
                let (mut agree, mut most) = (0, 0.0_f32);
                for one in found {
                    if proposal.misses(one) <= AGREE_PX {
                        agree += 1;
                        most = most.max(length(one.by));
                    }
                }
                if best.is_none_or(|best| agree > best.agree) {
                    best = Some(Self {
                        most_px: most * factor as f32,
                        agree,
                        found: found.len(),
                    });
                }
            }
        }
        best
    }
}

/// Shift, turn and zoom, as a complex factor: `by = origin + spin * from`.
struct Proposal {
    origin: (f32, f32),
    spin: (f32, f32),
}

impl Proposal {
    fn of(a: &Found, b: &Found) -> Option<Self> {
        let (px, py) = (b.from.0 - a.from.0, b.from.1 - a.from.1);
        let (dx, dy) = (b.by.0 - a.by.0, b.by.1 - a.by.1);
        let square = px * px + py * py;
        if square < 1.0 {
            return None;
        }
        let spin = ((dx * px + dy * py) / square, (dy * px - dx * py) / square);
        let turned = turn(spin, a.from);
        (length(spin) <= MOST_TURN).then_some(Self {
            origin: (a.by.0 - turned.0, a.by.1 - turned.1),
            spin,
        })
    }

    fn misses(&self, one: &Found) -> f32 {
        let turned = turn(self.spin, one.from);
        length((
            self.origin.0 + turned.0 - one.by.0,
            self.origin.1 + turned.1 - one.by.1,
        ))
    }
}

fn turn(spin: (f32, f32), p: (f32, f32)) -> (f32, f32) {
    (spin.0 * p.0 - spin.1 * p.1, spin.1 * p.0 + spin.0 * p.1)
}

fn length(v: (f32, f32)) -> f32 {
    (v.0 * v.0 + v.1 * v.1).sqrt()
}
