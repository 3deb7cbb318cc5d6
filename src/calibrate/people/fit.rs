//! Camera, places and statures together: the view that makes boxes and bodies agree, and how sure it is.
//!
//! Theory: a bundle adjustment. Each box says four edges. Its unknowns are its own place on the floor
//! (two), its person's height and breadth (two), and what all boxes share: the camera, how tall people
//! are at this site, how far feet stride, and by which share the detector draws boxes too large. Places
//! and statures are eliminated person by person (Schur's complement), so only the shared
//! unknowns are solved for. Whoever walks goes on: places of one walk hang together by how fast people
//! change their speed, which takes most of the stride's jumping out of them. Every box and every person
//! may be an odd one (a child, a bent body, a box that is no person's) with a small probability; then
//! it says nothing. What is left of the normal matrix at the end is the inverse of the shared unknowns'
//! covariance.

use super::super::fit::{Fit, Prior};
use super::super::matrix::{self, Square, cholesky, zeros};
use super::super::spread::{FloorSpread, quantile};
use super::super::view::{Eye, Param, View};
use super::body::{Body, FEET_STANDING_M};
use super::length::FloorLength;
use super::pace::{belief, odd, pace};
use super::pull::{Pull, floor_slopes, pulls};
use super::start::guesses;
use super::walker::{Sighting, Walker, useful};
use crate::detection::PointInImage;

/// The shared unknowns: five of the camera, then these.
const SHARED: usize = 17;
const SITE_HEIGHT: usize = 5;
const FEET: usize = 6;
const PAD_TOP: usize = 7;
const PAD_BOTTOM: usize = 8;
const PAD_SIDE: usize = 9;
const HANDS: usize = 10;
const TOP_SLOPE: usize = 11;
const BOTTOM_SLOPE: usize = 12;
const SIDE_SLOPE: usize = 13;
const BLUR_TOP: usize = 14;
const BLUR_BOTTOM: usize = 15;
const PACE: usize = 16;
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
const HALF_BREADTH_M: (f64, f64) = (0.275, 0.035);
/// Reach of the feet along the way over a stride, from the middle of the body: mean, and how well that
/// is known, m.
const FEET_ALONG_M: (f64, f64) = (0.32, 0.04);
/// Reach of the hands along the way: mean, and how well that is known, m.
const HANDS_ALONG_M: (f64, f64) = (0.33, 0.04);
/// Bodies differ from the rings by so much more, m, from a level view to one straight down: top, bottom,
/// sides.
const SLOPE_SD_M: [f64; 3] = [0.04, 0.06, 0.08];
/// ... about this view (the sine of its angle below the horizon).
const SLOPE_ABOUT: f64 = 0.6;
/// A detector draws edges outside (or inside) of a body by this share of the box's height.
const PAD_SD: [f64; 3] = [0.008, 0.010, 0.02];
/// ... and by so many px, whatever the size: small people are drawn too large.
const BLUR_SD_PX: f64 = 1.0;
/// Error of an edge: so many px, and this share of the box's height, as detectors draw them...
const EDGE_SD_PX: f64 = 0.8;
const EDGE_SD_SHARE: f64 = 0.014;
/// ... and so much of the body, m: top (bobbing), bottom, sides (arms swing)...
const BODY_SD_M: [f64; 3] = [0.020, 0.018, 0.035];
/// ... and the feet's stride along the line of sight, m of floor, if that is the way...
const STRIDE_SD_M: f64 = 0.10;
/// ... and the swing of arms and legs to the sides, m, if the way crosses the line of sight.
const SWING_SD_M: f64 = 0.095;
/// Share of boxes that are no whole person's, and of people who are no adults standing upright.
const ODD_BOXES: f64 = 0.05;
const ODD_PEOPLE: f64 = 0.07;
/// Such boxes are anywhere within so many standard deviations; such people of any height in so many m.
const ODD_REACH_SDS: f64 = 40.0;
const ODD_HEIGHTS_M: f64 = 1.8;
/// Errors are taken this many times as large until the camera is roughly known.
const FIRST_NOISE: f64 = 2.5;
/// Guesses that are followed a little, and to the end.
const GUESSES: usize = 8;
const FOLLOWED: usize = 2;
/// How often errors are learned anew.
const NOISE_ROUNDS: usize = 2;
/// Steps for a guess, and to the end.
const STEPS: (usize, usize) = (6, 30);
/// A step that changes every shared unknown by less than this is the last.
const STEP_END: f64 = 1e-5;
/// ... or one that gains less than this (the cost is twice a log likelihood: 1 is one sigma).
const COST_END: f64 = 2e-3;
/// Slopes are differences over these: shared and own unknowns alike.
pub(super) const NUDGE: f64 = 1e-4;
/// Fewer people than this make no calibration: two heights are no mean.
const LEAST_PEOPLE: usize = 3;
/// Who moves slower than this, in box heights a second, stands.
const STANDS: f64 = 0.15;
/// Boxes of one person err together (a stoop, a bag, a long coat), and bodies are no rings: each box
/// counts as this share of a witness.
const BOX_SHARE: f64 = 0.5;
/// What is believed by nothing is held by this, so that it stays where it is.
const LEAST_WEIGHT: f64 = 1e-3;
/// What bodies and detectors do beyond this model: all standard deviations are this many times as
/// large as the normal matrix has them. Chosen on simulated sites (docs/calibration.md).
const WIDENED: f64 = 1.1;
/// Half a body, m: where the scale of the picture is taken.
const MIDDLE_M: f64 = 0.9;
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
    /// Lengths measured on the floor.
    pub lengths: Vec<FloorLength>,
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
            for _ in 0..NOISE_ROUNDS {
                bundle.settle(STEPS.1)?;
                bundle.learn_noise();
            }
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
pub(super) struct Seen {
    pub(super) sighting: Sighting,
    pub(super) place: [f64; 2],
    weight: f64,
    /// Standard deviations of top, bottom and sides, px.
    sd_px: [f64; 3],
    /// Pixels a metre takes there, and the sine of the view's angle below the horizon.
    px_per_m: f64,
    shown: f64,
    /// Metres of floor that a pixel to the right and one down are there.
    pub(super) m_per_px: [[f64; 2]; 2],
}

/// One person and what is unknown of them: height, half breadth.
#[derive(Debug, Clone)]
pub(super) struct Person {
    own: [f64; 2],
    pub(super) seen: Vec<Seen>,
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

/// A person's own unknowns: height, breadth, then the places of their boxes, two numbers each.
struct OwnSums {
    own: Square,
    coupling: Vec<[f64; SHARED]>,
    slope: Vec<f64>,
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
                        weight: 1.0,
                        sd_px: [1.0; 3],
                        px_per_m: 1.0,
                        shown: SLOPE_ABOUT,
                        m_per_px: [[0.0; 2]; 2],
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
        shared[HANDS] = HANDS_ALONG_M.0;
        shared[PACE] = belief().0;
        let bundle = Self {
            options,
            base: start,
            shared,
            people,
            noise: FIRST_NOISE,
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
            (-0.08, 0.12),
            (self.options.person_m, SITE_SD_M),
            FEET_ALONG_M,
            (0.0, PAD_SD[0]),
            (0.0, PAD_SD[1]),
            (0.0, PAD_SD[2]),
            HANDS_ALONG_M,
            (0.0, SLOPE_SD_M[0]),
            (0.0, SLOPE_SD_M[1]),
            (0.0, SLOPE_SD_M[2]),
            (0.0, BLUR_SD_PX),
            (0.0, BLUR_SD_PX),
            belief(),
        ];
        for prior in &self.options.priors {
            if let Some(at) = FREE.iter().position(|free| *free == prior.param) {
                beliefs[at] = (prior.mean, prior.sd);
            }
        }
        beliefs
    }

    /// How likely a person is an adult of this site, and what that costs.
    fn person_belief(&self, z: f64) -> (f64, f64) {
        let sd = self.options.person_sd_m * std::f64::consts::TAU.sqrt();
        mixture(z * z, ODD_PEOPLE * sd / ODD_HEIGHTS_M)
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
            heading: heading(eye, &seen.sighting),
            feet_along_m: shared[FEET].max(FEET_STANDING_M * 0.5),
            hands_along_m: shared[HANDS].max(0.1),
        };
        let expect = body.outline(eye)?;
        let bbox = &seen.sighting.bbox;
        let tall = bbox.height();
        let sd = seen.sd_px.map(|sd| self.noise * sd);
        let steep = seen.px_per_m * (seen.shown - SLOPE_ABOUT);
        let more = |slope: usize| shared[slope] * steep;
        Some([
            (bbox.top - (expect.top - shared[PAD_TOP] * tall - shared[BLUR_TOP] - more(TOP_SLOPE)))
                / sd[0],
            (bbox.bottom
                - (expect.bottom
                    + shared[PAD_BOTTOM] * tall
                    + shared[BLUR_BOTTOM]
                    + more(BOTTOM_SLOPE)))
                / sd[1],
            (bbox.left - (expect.left - shared[PAD_SIDE] * tall - more(SIDE_SLOPE))) / sd[2],
            (bbox.right - (expect.right + shared[PAD_SIDE] * tall + more(SIDE_SLOPE))) / sd[2],
        ])
    }

    /// Damped Gauss-Newton steps until they are small; weights and headings follow.
    fn settle(&mut self, steps: usize) -> Option<()> {
        let mut damping = 1e-3;
        let eye = self.view(&self.shared).eye();
        for seen in self.people.iter_mut().flat_map(|person| &mut person.seen) {
            seen.look(&eye);
        }
        self.follow()?;
        self.cost = self.cost_of(&self.shared, &self.people)?;
        for _ in 0..steps {
            let sums = self.sums()?;
            let mut change = f64::INFINITY;
            let mut is_better = false;
            let was = self.cost;
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
            if !is_better || change < STEP_END || was - self.cost < COST_END {
                break;
            }
            self.follow()?;
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
                let r = self.residuals(&eye, &shared, person.own, seen.place, seen);
                let chi2 = r.map_or(f64::INFINITY, |r| r.iter().map(|v| v * v).sum());
                seen.weight = box_belief(chi2).0;
            }
            let z = (person.own[0] - site) / self.options.person_sd_m;
            person.weight = self.person_belief(z).0;
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
                cost += BOX_SHARE * (box_belief(chi2).1 + 8.0 * libm::log(self.noise));
            }
            let z = (person.own[0] - shared[SITE_HEIGHT]) / self.options.person_sd_m;
            cost += self.person_belief(z).1;
            let b = (person.own[1] - HALF_BREADTH_M.0) / HALF_BREADTH_M.1;
            cost += b * b;
            if let Some(pace) = pace(person, shared[PACE]) {
                cost += mixture(pace.residual * pace.residual, odd()).1;
            }
            for pull in pulls(person) {
                let [x, y] = pull.residuals(&eye, person, None)?;
                cost += x * x + y * y;
            }
        }
        for length in &self.options.lengths {
            let r = length.residual(&eye)?;
            cost += r * r;
        }
        for (value, (mean, sd)) in shared.iter().zip(self.beliefs()) {
            let z = (value - mean) / sd;
            cost += z * z;
        }
        cost.is_finite().then_some(cost)
    }

    /// How the residuals of a box change with its person's height and breadth and its place; and which
    /// of the person's own unknowns those are.
    fn own_slopes(
        &self,
        eye: &Eye,
        shared: &[f64; SHARED],
        person: &Person,
        (number, seen): (usize, &Seen),
        r: &[f64; 4],
    ) -> Option<[(usize, [f64; 4]); 4]> {
        let slope_of = |next: [f64; 4]| [0, 1, 2, 3].map(|e| (next[e] - r[e]) / NUDGE);
        let nudged = |mut v: [f64; 2], i: usize| {
            v[i] += NUDGE;
            v
        };
        let mut own = [(0, [0.0; 4]); 4];
        for i in 0..2 {
            let moved = nudged(person.own, i);
            let next = self.residuals(eye, shared, moved, seen.place, seen)?;
            own[i] = (i, slope_of(next));
            let moved = nudged(seen.place, i);
            let next = self.residuals(eye, shared, person.own, moved, seen)?;
            own[2 + i] = (2 + 2 * number + i, slope_of(next));
        }
        Some(own)
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
        for length in &self.options.lengths {
            let r = length.residual(&eye)?;
            let slope = |(_, eye): &([f64; SHARED], Eye)| Some((length.residual(eye)? - r) / NUDGE);
            let slopes: Option<Vec<f64>> = moved[..FREE.len()].iter().map(slope).collect();
            let slopes = slopes?;
            for (i, a) in slopes.iter().enumerate() {
                sums.slope[i] += a * r;
                for (k, b) in slopes.iter().enumerate() {
                    sums.shared[i][k] += a * b;
                }
            }
        }
        for person in &self.people {
            let own = self.person_sums(&eye, &moved, person, &mut sums)?;
            sums.people.push(own);
        }
        Some(sums)
    }

    /// Adds a person's boxes to the shared sums; the sums of their own unknowns come back.
    fn person_sums(
        &self,
        eye: &Eye,
        moved: &[([f64; SHARED], Eye)],
        person: &Person,
        sums: &mut Sums,
    ) -> Option<OwnSums> {
        let size = 2 + 2 * person.seen.len();
        let mut out = OwnSums {
            own: zeros(size),
            coupling: vec![[0.0; SHARED]; size],
            slope: vec![0.0; size],
        };
        let weight = person.weight / (self.options.person_sd_m * self.options.person_sd_m);
        let lack = person.own[0] - self.shared[SITE_HEIGHT];
        out.own[0][0] += weight + LEAST_WEIGHT;
        out.slope[0] += weight * lack;
        out.coupling[0][SITE_HEIGHT] -= weight;
        sums.shared[SITE_HEIGHT][SITE_HEIGHT] += weight;
        sums.slope[SITE_HEIGHT] -= weight * lack;
        let breadth = 1.0 / (HALF_BREADTH_M.1 * HALF_BREADTH_M.1);
        out.own[1][1] += breadth;
        out.slope[1] += breadth * (person.own[1] - HALF_BREADTH_M.0);
        for (number, seen) in person.seen.iter().enumerate() {
            self.box_sums(eye, moved, person, (number, seen), sums, &mut out)?;
        }
        self.pace_sums(person, sums, &mut out);
        for pull in pulls(person) {
            Self::pull_sums(eye, moved, person, &pull, sums, &mut out)?;
        }
        Some(out)
    }

    /// Adds how fast they walk.
    fn pace_sums(&self, person: &Person, sums: &mut Sums, out: &mut OwnSums) {
        let Some(pace) = pace(person, self.shared[PACE]) else {
            return;
        };
        let r = pace.residual;
        let weight = mixture(r * r, odd()).0;
        let site = pace.site_slope;
        sums.shared[PACE][PACE] += weight * site * site;
        sums.slope[PACE] += weight * site * r;
        let places: Vec<f64> = pace.place_slopes.into_iter().flatten().collect();
        for (i, a) in places.iter().enumerate() {
            for (k, b) in places.iter().enumerate() {
                out.own[2 + i][2 + k] += weight * a * b;
            }
            out.coupling[2 + i][PACE] += weight * a * site;
            out.slope[2 + i] += weight * a * r;
        }
    }

    /// Adds one pull.
    fn pull_sums(
        eye: &Eye,
        moved: &[([f64; SHARED], Eye)],
        person: &Person,
        pull: &Pull,
        sums: &mut Sums,
        out: &mut OwnSums,
    ) -> Option<()> {
        let r = pull.residuals(eye, person, None)?;
        let slope_of = |next: [f64; 2]| [0, 1].map(|e| (next[e] - r[e]) / NUDGE);
        let mut camera = [[0.0; 2]; FREE.len()];
        for (slope, (_, eye)) in camera.iter_mut().zip(moved) {
            *slope = slope_of(pull.residuals(eye, person, None)?);
        }
        let mut own = [(0, [0.0; 2]); 6];
        for k in 0..3 {
            for axis in 0..2 {
                let next = pull.residuals(eye, person, Some((k, axis)))?;
                own[2 * k + axis] = (2 + 2 * pull.boxes[k].0 + axis, slope_of(next));
            }
        }
        let dot = |a: &[f64; 2], b: &[f64; 2]| a[0] * b[0] + a[1] * b[1];
        for i in 0..FREE.len() {
            for k in 0..FREE.len() {
                sums.shared[i][k] += dot(&camera[i], &camera[k]);
            }
            for (k, slope) in &own {
                out.coupling[*k][i] += dot(&camera[i], slope);
            }
            sums.slope[i] += dot(&camera[i], &r);
        }
        for (i, a) in &own {
            for (k, b) in &own {
                out.own[*i][*k] += dot(a, b);
            }
            out.slope[*i] += dot(a, &r);
        }
        Some(())
    }

    /// Adds one box.
    fn box_sums(
        &self,
        eye: &Eye,
        moved: &[([f64; SHARED], Eye)],
        person: &Person,
        (number, seen): (usize, &Seen),
        sums: &mut Sums,
        out: &mut OwnSums,
    ) -> Option<()> {
        let r = self.residuals(eye, &self.shared, person.own, seen.place, seen)?;
        let slope_of = |next: [f64; 4]| [0, 1, 2, 3].map(|e| (next[e] - r[e]) / NUDGE);
        let mut shared = [[0.0; 4]; SHARED];
        for (slope, (values, eye)) in shared.iter_mut().zip(moved) {
            *slope = slope_of(self.residuals(eye, values, person.own, seen.place, seen)?);
        }
        let own = self.own_slopes(eye, &self.shared, person, (number, seen), &r)?;
        let w = BOX_SHARE * seen.weight + LEAST_WEIGHT;
        let dot = |a: &[f64; 4], b: &[f64; 4]| w * dot(a, b);
        for i in 0..SHARED {
            for k in 0..SHARED {
                sums.shared[i][k] += dot(&shared[i], &shared[k]);
            }
            for (k, slope) in &own {
                out.coupling[*k][i] += dot(&shared[i], slope);
            }
            sums.slope[i] += dot(&shared[i], &r);
        }
        for (i, a) in &own {
            for (k, b) in &own {
                out.own[*i][*k] += dot(a, b);
            }
            out.slope[*i] += dot(a, &r);
        }
        Some(())
    }

    /// The shared unknowns' normal matrix and slope, persons eliminated; and each person's factor.
    fn reduced(&self, sums: &Sums, damping: f64) -> Option<(Square, Vec<f64>, Vec<Square>)> {
        let (mut normal, mut slope) = (sums.shared.clone(), sums.slope.clone());
        for (i, row) in normal.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        let mut factors = Vec::with_capacity(sums.people.len());
        for person in &sums.people {
            let mut own = person.own.clone();
            for (i, row) in own.iter_mut().enumerate() {
                row[i] *= 1.0 + damping;
            }
            let factor = cholesky(&own)?;
            for i in 0..SHARED {
                let column: Vec<f64> = person.coupling.iter().map(|c| c[i]).collect();
                let solved = matrix::solve(&factor, &column);
                for k in 0..SHARED {
                    normal[i][k] -= solved
                        .iter()
                        .zip(&person.coupling)
                        .map(|(s, c)| s * c[k])
                        .sum::<f64>();
                }
                slope[i] -= solved
                    .iter()
                    .zip(&person.slope)
                    .map(|(s, r)| s * r)
                    .sum::<f64>();
            }
            factors.push(factor);
        }
        Some((normal, slope, factors))
    }

    /// Everything after one damped step, and how long the step was.
    fn stepped(&self, sums: &Sums, damping: f64) -> Option<([f64; SHARED], Vec<Person>, f64)> {
        let (normal, slope, factors) = self.reduced(sums, damping)?;
        let step = matrix::solve(&cholesky(&normal)?, &slope);
        let mut shared = self.shared;
        for (value, change) in shared.iter_mut().zip(&step) {
            *value -= change;
        }
        let mut people = self.people.clone();
        for ((person, own), factor) in people.iter_mut().zip(&sums.people).zip(&factors) {
            let rest: Vec<f64> = own
                .slope
                .iter()
                .zip(&own.coupling)
                .map(|(slope, c)| slope - c.iter().zip(&step).map(|(c, s)| c * s).sum::<f64>())
                .collect();
            let back: Vec<f64> = matrix::solve(factor, &rest).iter().map(|c| -c).collect();
            person.move_by(&back);
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
        let (normal, ..) = self.reduced(&sums, 0.0)?;
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
        }
        .widened(WIDENED);
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

/// How likely a box is a whole person's, and what that costs.
fn box_belief(chi2: f64) -> (f64, f64) {
    // A normal density of four edges is 1 / (2 pi)^2 at its middle.
    let middle = std::f64::consts::TAU * std::f64::consts::TAU;
    let reach = ODD_REACH_SDS * ODD_REACH_SDS;
    mixture(chi2, ODD_BOXES * middle / (reach * reach))
}

/// Of something either normal, with this squared deviation, or odd with a flat density (as a share of
/// the normal one's peak): how likely it is not odd, and minus twice the logarithm of both together.
fn mixture(chi2: f64, odd: f64) -> (f64, f64) {
    let normal = libm::exp(-0.5 * chi2.min(1e3));
    let both = normal + odd;
    (normal / both, -2.0 * libm::log(both))
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

impl Person {
    /// Changes stature and places.
    fn move_by(&mut self, change: &[f64]) {
        self.own[0] += change[0];
        self.own[1] += change[1];
        for (seen, change) in self.seen.iter_mut().zip(change[2..].chunks(2)) {
            seen.place[0] += change[0];
            seen.place[1] += change[1];
        }
    }
}

impl Seen {
    /// How the body is seen where it stands, and how far its edges may be off, px.
    fn look(&mut self, eye: &Eye) {
        let [cx, cy, cz] = eye.centre();
        let (dx, dy) = (self.place[0] - cx, self.place[1] - cy);
        // How much of a stretch of floor along the line of sight is seen.
        self.shown = cz / (dx * dx + dy * dy + cz * cz).sqrt();
        if let Some(m_per_px) = floor_slopes(eye, self.place) {
            self.m_per_px = m_per_px;
        }
        self.px_per_m = eye.px_per_m([self.place[0], self.place[1], MIDDLE_M]);
        let drawn = EDGE_SD_SHARE * self.sighting.bbox.height();
        let [hx, hy] = heading(eye, &self.sighting);
        let away2 = (dx * dx + dy * dy).max(1e-9);
        let (along, across) = (hx * dx + hy * dy, hx * dy - hy * dx);
        let (along2, across2) = (along * along / away2, across * across / away2);
        let stride = self.shown * STRIDE_SD_M;
        let [top, bottom, side] = BODY_SD_M;
        let bottom = (bottom * bottom + stride * stride * along2).sqrt();
        let side = (side * side + SWING_SD_M * SWING_SD_M * across2).sqrt();
        self.sd_px = [top, bottom, side].map(|sd_m| {
            let body = sd_m * self.px_per_m;
            (EDGE_SD_PX * EDGE_SD_PX + drawn * drawn + body * body).sqrt()
        });
    }
}

fn dot(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
}
