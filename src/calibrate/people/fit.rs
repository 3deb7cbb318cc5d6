//! Camera, places and statures together: the view that makes boxes and bodies agree, and how sure it is.
//!
//! Theory: a bundle adjustment. Each box says four edges. Its unknowns are its own place on the floor
//! (two), its person's height and breadth (two), and what all boxes share: the camera, how tall people
//! are at this site, how far feet stride, and by which share the detector draws boxes too large. Places
//! and persons are eliminated box by box and person by person (Schur's complement), so only the shared
//! unknowns are solved for. Residuals follow Student's distribution rather than a normal one: each box
//! is weighed by how well it fits, so a child, a bent body or a box that is no person says little. What
//! is left of the normal matrix at the end is the inverse of the shared unknowns' covariance.

use super::super::fit::{Fit, Prior};
use super::super::matrix::{self, Square, cholesky, zeros};
use super::super::spread::{FloorSpread, quantile};
use super::super::view::{Eye, Param, View};
use super::body::{Body, FEET_STANDING_M};
use super::start::guesses;
use super::walker::{Sighting, Walker, useful};
use crate::detection::PointInImage;

/// The shared unknowns: five of the camera, then these.
const SHARED: usize = 10;
const SITE_HEIGHT: usize = 5;
const FEET: usize = 6;
const PAD_TOP: usize = 7;
const PAD_BOTTOM: usize = 8;
const PAD_SIDE: usize = 9;
/// Parameters of the view that are free, in the order of the first shared unknowns.
const FREE: [Param; 5] = [
    Param::LnFocal,
    Param::Pitch,
    Param::Roll,
    Param::LnHeight,
    Param::K1,
];

/// The mean height of the adults of one site differs from that of all by this much, m: national means
/// at age 18 spread by 5 cm for men and for women (NCD-RisC, "A century of trends in adult human
/// height", eLife 2016), one country's towns and trades by less.
const SITE_SD_M: f64 = 0.025;
/// Breadth of half a body with its arms, and its spread, m.
const HALF_BREADTH_M: (f64, f64) = (0.24, 0.035);
/// Reach of the feet along the way over a stride, from the middle of the body: mean, and how well that
/// is known, m.
const FEET_ALONG_M: (f64, f64) = (0.28, 0.06);
/// A detector draws edges outside (or inside) of a body by this share of the box's height.
const PAD_SD: [f64; 3] = [0.008, 0.010, 0.02];
/// Error of an edge: so many px, and so large a share of the box's height: top, bottom (feet lift and
/// stride), sides (arms swing).
const EDGE_SD_PX: f64 = 0.8;
const EDGE_SD_SHARE: [f64; 3] = [0.014, 0.024, 0.035];
/// Degrees of freedom of Student's distribution: boxes, and people's heights.
const BOX_FREEDOM: f64 = 5.0;
const PERSON_FREEDOM: f64 = 8.0;
/// Guesses that are followed a little, and to the end.
const GUESSES: usize = 10;
const FOLLOWED: usize = 2;
/// Steps for a guess, and to the end.
const STEPS: (usize, usize) = (6, 30);
/// A step that changes every shared unknown by less than this is the last.
const STEP_END: f64 = 1e-5;
/// Slopes are differences over these: shared and own unknowns alike.
const NUDGE: f64 = 1e-4;
/// Fewer people than this make no calibration: two heights are no mean.
const LEAST_PEOPLE: usize = 3;
/// Who moves slower than this, in box heights a second, stands.
const STANDS: f64 = 0.15;
/// Errors are never taken for smaller than this share of what is usual.
const LEAST_NOISE: f64 = 0.6;

/// What is known beforehand.
#[derive(Debug, Clone)]
pub struct PeopleOptions {
    /// Mean height of the people, in shoes, m.
    pub person_m: f64,
    /// Standard deviation of it from person to person, m.
    pub person_sd_m: f64,
    /// Beliefs about the camera that replace the usual ones: from an older calibration.
    pub priors: Vec<Prior>,
    /// Where to begin, instead of guessing.
    pub start: Option<View>,
}

/// A calibration from people.
#[derive(Debug, Clone)]
pub struct PeopleFit {
    /// The camera and its covariance.
    pub fit: Fit,
    /// People who were used.
    pub people: usize,
    /// Their sightings, and whether each was believed (weighed by half or more).
    pub sightings: Vec<(Sighting, bool)>,
    /// What the floor's uncertainty is where they walked.
    pub spread: FloorSpread,
    /// Errors of edges as a multiple of the usual ones.
    pub noise: f64,
    /// Estimated heights of the people, m.
    pub heights_m: Vec<f64>,
}

/// Calibrates from people's walks. `Err` says what is missing.
pub fn from_people(
    size_px: (u32, u32),
    walkers: &[Walker],
    options: &PeopleOptions,
) -> Result<PeopleFit, String> {
    let walkers = useful(walkers);
    if walkers.len() < LEAST_PEOPLE {
        return Err(format!(
            "{} people walk through whole and uncovered, and {LEAST_PEOPLE} are the least: give \
             a longer clip, or one that shows people from head to feet; ten or more make it good",
            walkers.len()
        ));
    }
    let starts = match options.start {
        Some(view) => vec![view],
        None => guesses(size_px, &walkers, options.person_m, GUESSES),
    };
    let mut bundles: Vec<Bundle> = starts
        .into_iter()
        .filter_map(|view| {
            let mut bundle = Bundle::new(view, &walkers, options)?;
            bundle.settle(STEPS.0)?;
            Some(bundle)
        })
        .collect();
    bundles.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    bundles.truncate(FOLLOWED);
    let best = bundles
        .into_iter()
        .filter_map(|mut bundle| {
            bundle.settle(STEPS.1)?;
            bundle.learn_noise();
            bundle.settle(STEPS.1)?;
            Some(bundle)
        })
        .min_by(|a, b| a.cost.total_cmp(&b.cost));
    best.and_then(|bundle| bundle.finished()).ok_or_else(|| {
        "no camera over a floor makes these people about equally tall: is the clip of one fixed \
         camera, upright, with people walking on one floor?"
            .to_owned()
    })
}

/// One box and what is unknown of it.
#[derive(Debug, Clone)]
struct Seen {
    sighting: Sighting,
    place: [f64; 2],
    heading: [f64; 2],
    weight: f64,
}

/// One person and what is unknown of them: height, half breadth.
#[derive(Debug, Clone)]
struct Person {
    own: [f64; 2],
    seen: Vec<Seen>,
    weight: f64,
}

#[derive(Debug, Clone)]
struct Bundle<'a> {
    options: &'a PeopleOptions,
    base: View,
    shared: [f64; SHARED],
    people: Vec<Person>,
    noise: f64,
    cost: f64,
}

/// The sums of one linearisation.
struct Sums {
    shared: Square,
    slope: Vec<f64>,
    /// For each person: normal matrix of height and breadth, its coupling to the shared, slope.
    people: Vec<OwnSums>,
}

struct OwnSums {
    own: [[f64; 2]; 2],
    coupling: [[f64; 2]; SHARED],
    slope: [f64; 2],
    places: Vec<PlaceSums>,
}

/// For each box: the inverse of its place's normal matrix, its couplings and slope.
struct PlaceSums {
    inverse: [[f64; 2]; 2],
    to_shared: [[f64; 2]; SHARED],
    to_own: [[f64; 2]; 2],
    slope: [f64; 2],
}

impl<'a> Bundle<'a> {
    fn new(start: View, walkers: &[Walker], options: &'a PeopleOptions) -> Option<Self> {
        let eye = start.eye();
        let mut people = Vec::new();
        for walker in walkers {
            let seen: Vec<Seen> = walker
                .sightings
                .iter()
                .filter_map(|sighting| {
                    let at = eye.floor_from_image(sighting.bbox.bottom_centre(), 0.0)?;
                    Some(Seen {
                        sighting: *sighting,
                        place: [at.x, at.y],
                        heading: [0.0; 2],
                        weight: 1.0,
                    })
                })
                .collect();
            if !seen.is_empty() {
                people.push(Person {
                    own: [options.person_m, HALF_BREADTH_M.0],
                    seen,
                    weight: 1.0,
                });
            }
        }
        let mut shared = [0.0; SHARED];
        for (value, param) in shared.iter_mut().zip(FREE) {
            *value = start.get(param);
        }
        shared[SITE_HEIGHT] = options.person_m;
        shared[FEET] = FEET_ALONG_M.0;
        let bundle = Self {
            options,
            base: start,
            shared,
            people,
            noise: 1.0,
            cost: f64::INFINITY,
        };
        (bundle.people.len() >= LEAST_PEOPLE).then_some(bundle)
    }

    fn view(&self, shared: &[f64; SHARED]) -> View {
        let mut view = self.base;
        for (value, param) in shared.iter().zip(FREE) {
            view = view.with(param, *value);
        }
        view.with(Param::K2, second_term(view.get(Param::K1)))
    }

    /// Beliefs about the shared unknowns: mean and standard deviation each.
    fn beliefs(&self) -> [(f64, f64); SHARED] {
        let width = f64::from(self.base.size_px.0);
        let mut beliefs = [
            (libm::log(0.8 * width), 0.5),
            (0.7, 0.5),
            (0.0, 0.06),
            (libm::log(3.2), 0.7),
            (-0.05, 0.09),
            (self.options.person_m, SITE_SD_M),
            FEET_ALONG_M,
            (0.0, PAD_SD[0]),
            (0.0, PAD_SD[1]),
            (0.0, PAD_SD[2]),
        ];
        for prior in &self.options.priors {
            if let Some(at) = FREE.iter().position(|free| *free == prior.param) {
                beliefs[at] = (prior.mean, prior.sd);
            }
        }
        beliefs
    }

    /// The residuals of one box, in standard deviations; `None` where the body isn't in front of the
    /// camera.
    fn residuals(
        &self,
        eye: &Eye,
        shared: &[f64; SHARED],
        own: [f64; 2],
        place: [f64; 2],
        seen: &Seen,
    ) -> Option<[f64; 4]> {
        let body = Body {
            x: place[0],
            y: place[1],
            height_m: own[0],
            half_breadth_m: own[1],
            heading: seen.heading,
            feet_along_m: shared[FEET].max(FEET_STANDING_M * 0.5),
        };
        let expect = body.outline(eye)?;
        let bbox = &seen.sighting.bbox;
        let tall = bbox.height();
        let sd = EDGE_SD_SHARE.map(|share| {
            self.noise * (EDGE_SD_PX * EDGE_SD_PX + share * share * tall * tall).sqrt()
        });
        Some([
            (bbox.top - (expect.top - shared[PAD_TOP] * tall)) / sd[0],
            (bbox.bottom - (expect.bottom + shared[PAD_BOTTOM] * tall)) / sd[1],
            (bbox.left - (expect.left - shared[PAD_SIDE] * tall)) / sd[2],
            (bbox.right - (expect.right + shared[PAD_SIDE] * tall)) / sd[2],
        ])
    }

    /// Damped Gauss-Newton steps until they are small; weights and headings follow.
    fn settle(&mut self, steps: usize) -> Option<()> {
        let mut damping = 1e-3;
        self.follow()?;
        self.cost = self.cost_of(&self.shared, &self.people)?;
        for _ in 0..steps {
            let sums = self.sums()?;
            let mut change = f64::INFINITY;
            let mut is_better = false;
            while damping < 1e6 {
                if let Some((shared, people, length)) = self.stepped(&sums, damping)
                    && let Some(cost) = self.cost_of(&shared, &people)
                    && cost <= self.cost
                {
                    (self.shared, self.people, self.cost) = (shared, people, cost);
                    change = length;
                    damping = (damping * 0.2).max(1e-9);
                    is_better = true;
                    break;
                }
                damping *= 6.0;
            }
            if !is_better || change < STEP_END {
                break;
            }
            self.follow()?;
            self.cost = self.cost_of(&self.shared, &self.people)?;
        }
        Some(())
    }

    /// Headings and weights as they are under the present view.
    fn follow(&mut self) -> Option<()> {
        let view = self.view(&self.shared);
        let eye = view.eye();
        let (shared, site) = (self.shared, self.shared[SITE_HEIGHT]);
        let mut people = std::mem::take(&mut self.people);
        for person in &mut people {
            for seen in &mut person.seen {
                seen.heading = heading(&eye, &seen.sighting);
                let r = self.residuals(&eye, &shared, person.own, seen.place, seen);
                let chi2 = r.map_or(f64::INFINITY, |r| r.iter().map(|v| v * v).sum());
                seen.weight = (BOX_FREEDOM + 4.0) / (BOX_FREEDOM + chi2);
            }
            let z = (person.own[0] - site) / self.options.person_sd_m;
            person.weight = (PERSON_FREEDOM + 1.0) / (PERSON_FREEDOM + z * z);
        }
        self.people = people;
        Some(())
    }

    /// The negative logarithm of the posterior, doubled.
    fn cost_of(&self, shared: &[f64; SHARED], people: &[Person]) -> Option<f64> {
        let eye = self.view(shared).eye();
        let mut cost = 0.0;
        for person in people {
            for seen in &person.seen {
                let r = self.residuals(&eye, shared, person.own, seen.place, seen)?;
                let chi2: f64 = r.iter().map(|v| v * v).sum();
                cost += (BOX_FREEDOM + 4.0) * libm::log(1.0 + chi2 / BOX_FREEDOM)
                    + 8.0 * libm::log(self.noise);
            }
            let z = (person.own[0] - shared[SITE_HEIGHT]) / self.options.person_sd_m;
            cost += (PERSON_FREEDOM + 1.0) * libm::log(1.0 + z * z / PERSON_FREEDOM);
            let b = (person.own[1] - HALF_BREADTH_M.0) / HALF_BREADTH_M.1;
            cost += b * b;
        }
        for (value, (mean, sd)) in shared.iter().zip(self.beliefs()) {
            let z = (value - mean) / sd;
            cost += z * z;
        }
        cost.is_finite().then_some(cost)
    }

    fn sums(&self) -> Option<Sums> {
        let eye = self.view(&self.shared).eye();
        // Eyes with one shared unknown moved; those of body and detector leave the eye alone.
        let moved: Vec<([f64; SHARED], Eye)> = (0..SHARED)
            .map(|i| {
                let mut shared = self.shared;
                shared[i] += NUDGE;
                (shared, self.view(&shared).eye())
            })
            .collect();
        let mut sums = Sums {
            shared: zeros(SHARED),
            slope: vec![0.0; SHARED],
            people: Vec::with_capacity(self.people.len()),
        };
        for (i, (mean, sd)) in self.beliefs().into_iter().enumerate() {
            sums.shared[i][i] += 1.0 / (sd * sd);
            sums.slope[i] += (self.shared[i] - mean) / (sd * sd);
        }
        for person in &self.people {
            let own = self.person_sums(&eye, &moved, person, &mut sums)?;
            sums.people.push(own);
        }
        Some(sums)
    }

    /// Adds a person's boxes to the shared sums, places eliminated; their own sums come back.
    fn person_sums(
        &self,
        eye: &Eye,
        moved: &[([f64; SHARED], Eye)],
        person: &Person,
        sums: &mut Sums,
    ) -> Option<OwnSums> {
        let mut out = OwnSums {
            own: [[0.0; 2]; 2],
            coupling: [[0.0; 2]; SHARED],
            slope: [0.0; 2],
            places: Vec::with_capacity(person.seen.len()),
        };
        let weight = person.weight / (self.options.person_sd_m * self.options.person_sd_m);
        let lack = person.own[0] - self.shared[SITE_HEIGHT];
        out.own[0][0] += weight;
        out.slope[0] += weight * lack;
        out.coupling[SITE_HEIGHT][0] -= weight;
        sums.shared[SITE_HEIGHT][SITE_HEIGHT] += weight;
        sums.slope[SITE_HEIGHT] -= weight * lack;
        let breadth = 1.0 / (HALF_BREADTH_M.1 * HALF_BREADTH_M.1);
        out.own[1][1] += breadth;
        out.slope[1] += breadth * (person.own[1] - HALF_BREADTH_M.0);
        for seen in &person.seen {
            let r = self.residuals(eye, &self.shared, person.own, seen.place, seen)?;
            let slope_of = |next: [f64; 4]| [0, 1, 2, 3].map(|e| (next[e] - r[e]) / NUDGE);
            let mut js = [[0.0; 4]; SHARED];
            for (j, (shared, eye)) in js.iter_mut().zip(moved) {
                *j = slope_of(self.residuals(eye, shared, person.own, seen.place, seen)?);
            }
            let nudged = |v: [f64; 2], i: usize| {
                let mut v = v;
                v[i] += NUDGE;
                v
            };
            let mut jo = [[0.0; 4]; 2];
            let mut jp = [[0.0; 4]; 2];
            for i in 0..2 {
                let own = nudged(person.own, i);
                jo[i] = slope_of(self.residuals(eye, &self.shared, own, seen.place, seen)?);
                let place = nudged(seen.place, i);
                jp[i] = slope_of(self.residuals(eye, &self.shared, person.own, place, seen)?);
            }
            let w = seen.weight;
            let dot = |a: &[f64; 4], b: &[f64; 4]| {
                w * (a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3])
            };
            let place = [0, 1].map(|a| [0, 1].map(|b| dot(&jp[a], &jp[b])));
            let inverse = inverse2(place)?;
            let to_shared = js.map(|j| [dot(&j, &jp[0]), dot(&j, &jp[1])]);
            let to_own = jo.map(|j| [dot(&j, &jp[0]), dot(&j, &jp[1])]);
            let slope = [dot(&jp[0], &r), dot(&jp[1], &r)];
            // What remains once the place has moved to its best.
            let less = |a: &[f64; 2], b: &[f64; 2]| {
                let ib = times2(&inverse, b);
                a[0] * ib[0] + a[1] * ib[1]
            };
            for i in 0..SHARED {
                for k in 0..SHARED {
                    sums.shared[i][k] += dot(&js[i], &js[k]) - less(&to_shared[i], &to_shared[k]);
                }
                for k in 0..2 {
                    out.coupling[i][k] += dot(&js[i], &jo[k]) - less(&to_shared[i], &to_own[k]);
                }
                sums.slope[i] += dot(&js[i], &r) - less(&to_shared[i], &slope);
            }
            for i in 0..2 {
                for k in 0..2 {
                    out.own[i][k] += dot(&jo[i], &jo[k]) - less(&to_own[i], &to_own[k]);
                }
                out.slope[i] += dot(&jo[i], &r) - less(&to_own[i], &slope);
            }
            out.places.push(PlaceSums {
                inverse,
                to_shared,
                to_own,
                slope,
            });
        }
        Some(out)
    }

    /// The shared unknowns' normal matrix and slope, persons eliminated.
    fn reduced(&self, sums: &Sums, damping: f64) -> Option<(Square, Vec<f64>)> {
        let (mut normal, mut slope) = (sums.shared.clone(), sums.slope.clone());
        for (i, row) in normal.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        for person in &sums.people {
            let inverse = inverse2(damped2(person.own, damping))?;
            for i in 0..SHARED {
                let ci = times2(&inverse, &person.coupling[i]);
                for k in 0..SHARED {
                    let c = &person.coupling[k];
                    normal[i][k] -= ci[0] * c[0] + ci[1] * c[1];
                }
                slope[i] -= ci[0] * person.slope[0] + ci[1] * person.slope[1];
            }
        }
        Some((normal, slope))
    }

    /// Everything after one damped step, and how long the step was.
    fn stepped(&self, sums: &Sums, damping: f64) -> Option<([f64; SHARED], Vec<Person>, f64)> {
        let (normal, slope) = self.reduced(sums, damping)?;
        let step = matrix::solve(&cholesky(&normal)?, &slope);
        let mut shared = self.shared;
        for (value, change) in shared.iter_mut().zip(&step) {
            *value -= change;
        }
        let mut people = self.people.clone();
        for (person, own) in people.iter_mut().zip(&sums.people) {
            let inverse = inverse2(damped2(own.own, damping))?;
            let mut rest = own.slope;
            for (c, change) in own.coupling.iter().zip(&step) {
                rest[0] -= c[0] * change;
                rest[1] -= c[1] * change;
            }
            let own_step = times2(&inverse, &rest);
            for (seen, place) in person.seen.iter_mut().zip(&own.places) {
                let mut rest = place.slope;
                for (c, change) in place.to_shared.iter().zip(&step) {
                    rest[0] -= c[0] * change;
                    rest[1] -= c[1] * change;
                }
                for (c, change) in place.to_own.iter().zip(own_step) {
                    rest[0] -= c[0] * change;
                    rest[1] -= c[1] * change;
                }
                let move_by = times2(&place.inverse, &rest);
                seen.place[0] -= move_by[0];
                seen.place[1] -= move_by[1];
            }
            person.own[0] -= own_step[0];
            person.own[1] -= own_step[1];
        }
        let length = step
            .iter()
            .fold(0.0_f64, |most, change| most.max(change.abs()));
        Some((shared, people, length))
    }

    /// The usual errors, or as many times them as the boxes show.
    fn learn_noise(&mut self) {
        let eye = self.view(&self.shared).eye();
        let mut all: Vec<f64> = Vec::new();
        for person in &self.people {
            for seen in &person.seen {
                if let Some(r) = self.residuals(&eye, &self.shared, person.own, seen.place, seen) {
                    all.push(r.iter().map(|v| v * v).sum());
                }
            }
        }
        all.sort_by(f64::total_cmp);
        // Of four residuals a place takes two; persons and the camera take a share of the rest. The
        // median of a chi square with two degrees of freedom is 1.39.
        let boxes = all.len() as f64;
        let taken = 2.0 * self.people.len() as f64 + 5.0;
        let left = ((2.0 * boxes - taken) / (2.0 * boxes)).max(0.2);
        let share = (quantile(&all, 0.5) / (1.39 * left)).sqrt();
        if share.is_finite() {
            self.noise = (self.noise * share).clamp(LEAST_NOISE, 4.0);
        }
    }

    fn finished(self) -> Option<PeopleFit> {
        let sums = self.sums()?;
        let (normal, _) = self.reduced(&sums, 0.0)?;
        let whole = matrix::inverse(&normal)?;
        let camera = FREE.len();
        let covariance: Square = whole[..camera]
            .iter()
            .map(|row| row[..camera].to_vec())
            .collect();
        let fit = Fit {
            view: self.view(&self.shared),
            cost: self.cost,
            covariance,
            free: FREE.to_vec(),
        };
        let sightings: Vec<(Sighting, bool)> = self
            .people
            .iter()
            .flat_map(|person| &person.seen)
            .map(|seen| (seen.sighting, seen.weight > 0.5))
            .collect();
        let walked: Vec<PointInImage> = sightings
            .iter()
            .filter(|(_, is_believed)| *is_believed)
            .map(|(sighting, _)| sighting.bbox.bottom_centre())
            .collect();
        Some(PeopleFit {
            spread: FloorSpread::of(&fit, &walked)?,
            fit,
            people: self.people.len(),
            sightings,
            noise: self.noise,
            heights_m: self.people.iter().map(|person| person.own[0]).collect(),
        })
    }
}

/// Lenses that bend inwards by their first term bend back by about this much of its square.
fn second_term(k1: f64) -> f64 {
    0.28 * k1 * k1
}

/// The way a walker walks on the floor, under a view; zero if they stand.
fn heading(eye: &Eye, sighting: &Sighting) -> [f64; 2] {
    let [vx, vy] = sighting.motion;
    let speed = (vx * vx + vy * vy).sqrt() / sighting.bbox.height();
    let foot = sighting.bbox.bottom_centre();
    let at = |share: f64| {
        let p = PointInImage {
            x: foot.x + share * vx,
            y: foot.y + share * vy,
        };
        eye.floor_from_image(p, 0.0)
    };
    let (Some(a), Some(b)) = (at(-0.1), at(0.1)) else {
        return [0.0; 2];
    };
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = (dx * dx + dy * dy).sqrt();
    match speed > STANDS && length > 1e-9 {
        true => [dx / length, dy / length],
        false => [0.0; 2],
    }
}

fn damped2(m: [[f64; 2]; 2], damping: f64) -> [[f64; 2]; 2] {
    [
        [m[0][0] * (1.0 + damping), m[0][1]],
        [m[1][0], m[1][1] * (1.0 + damping)],
    ]
}

fn inverse2(m: [[f64; 2]; 2]) -> Option<[[f64; 2]; 2]> {
    let det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    (det > 0.0 && det.is_finite()).then(|| {
        [
            [m[1][1] / det, -m[0][1] / det],
            [-m[1][0] / det, m[0][0] / det],
        ]
    })
}

fn times2(m: &[[f64; 2]; 2], v: &[f64; 2]) -> [f64; 2] {
    [
        m[0][0] * v[0] + m[0][1] * v[1],
        m[1][0] * v[0] + m[1][1] * v[1],
    ]
}
