//! The empty room as the camera sees it: cast once for each camera and kept.
//!
//! Every sample gets its own ray; light is worked out once for each distinct surface in a pixel.
//! What later passes need is kept beside the colour: depth of every sample, and for each pixel
//! the place, the normal and how much of every lamp's light arrives there, so that shadows of
//! people can be taken out of it again.

use super::camera::Projector;
use super::light::{Source, WallLine, everywhere};
use super::materials::{Finish, Spot};
use super::room::{CEILING, Cast, FLOOR, Hit, NOTHING};
use super::scene::Scene;
use super::sensor::{Spectrum, Stuff};
use super::shadow::Shadow;
use crate::detection::PointInImage;
use crate::sim::body::{Part, Surface, Vec3, mix, v3};

/// Edge of the square blocks that share a list of near boxes, px.
pub const BLOCK: usize = 16;
/// How far walls and furniture darken what is beside them, m.
const CORNER_M: f32 = 0.45;
/// How much wider a lamp shows in a glossy floor with each metre to it, m/m.
const ROUGH: f32 = 0.06;
/// Samples between those whose rays are worked out exactly.
const RASTER: usize = 4;
/// Rays that meet nothing end here, m along the optical axis.
const FAR_M: f32 = 200.0;

/// A pixel of the empty room.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// Where the pixel's surface is, m.
    pub at: Vec3,
    /// Its normal.
    pub normal: Vec3,
    /// Light from everywhere that reaches it.
    pub everywhere: [f32; 3],
    /// Whether it shines of itself (then nothing shades it).
    pub shines: bool,
}

/// The empty room, lit.
#[derive(Debug, Clone)]
pub struct Backdrop {
    pub width: usize,
    pub height: usize,
    /// Linear colour of each pixel.
    pub colour: Vec<[f32; 3]>,
    /// Inverse depth of each sample, `samples` squared a pixel, in sample rows.
    pub inv: Vec<f32>,
    /// One for each pixel.
    pub ground: Vec<Ground>,
    /// Share of each lamp's power at each pixel, lamp by lamp.
    pub falls: Vec<Vec<f32>>,
    /// Middle and radius of each block's places, m.
    pub blocks: Vec<(Vec3, f32)>,
    /// Mean floor colour: what lights people from below.
    pub bounce: [f32; 3],
}

struct Caster<'a> {
    scene: &'a Scene,
    casts: Vec<Cast>,
    walls: Vec<WallLine>,
    sources: &'a [Source],
    shadows: Vec<Vec<Shadow>>,
    origin: Vec3,
    bounce: [f32; 3],
}

/// What can matter to the light of a block of pixels.
struct Nearby<'a> {
    casts: Vec<&'a Cast>,
    /// Lamp by lamp.
    shadows: Vec<Vec<&'a Shadow>>,
}

impl Backdrop {
    /// Casts the room.
    pub fn new(scene: &Scene, sources: &[Source], samples: usize) -> Self {
        let camera = &scene.camera;
        let (width, height) = (camera.width_px as usize, camera.height_px as usize);
        let p = camera.position_m;
        let bounce = floor_light(scene, sources);
        let casts = scene.room.casts();
        let caster = Caster {
            scene,
            shadows: furniture_shadows(&casts, sources),
            walls: scene.room.walls.iter().map(WallLine::new).collect(),
            sources,
            origin: v3(p[0] as f32, p[1] as f32, p[2] as f32),
            bounce,
            casts,
        };
        let pixels = width * height;
        let mut out = Self {
            width,
            height,
            colour: vec![[0.0; 3]; pixels],
            inv: vec![0.0; pixels * samples * samples],
            ground: Vec::with_capacity(pixels),
            falls: vec![vec![0.0; pixels]; sources.len()],
            blocks: Vec::new(),
            bounce,
        };
        let nothing = Ground {
            at: Vec3::ZERO,
            normal: Vec3::UP,
            everywhere: [0.0; 3],
            shines: true,
        };
        out.ground.resize(pixels, nothing);
        let rays = Rays::new(scene, samples);
        let bounds = screen_bounds(&caster.casts, scene);
        for by in (0..height).step_by(BLOCK) {
            for bx in (0..width).step_by(BLOCK) {
                caster.block(&mut out, &rays, &bounds, (bx, by), samples);
            }
        }
        out
    }
}

/// Rays of all samples, tabulated where the lens bends them.
struct Rays {
    axes: [Vec3; 3],
    slopes: Vec<[f32; 2]>,
    across: usize,
}

impl Rays {
    fn new(scene: &Scene, samples: usize) -> Self {
        let camera = &scene.camera;
        let axes = camera
            .axes()
            .map(|a| v3(a[0] as f32, a[1] as f32, a[2] as f32));
        let across = camera.width_px as usize * samples;
        let down = camera.height_px as usize * samples;
        // Undoing the lens takes many steps, and between near samples it is straight: a raster of
        // exact slopes serves, with less than a hundredth of a pixel lost.
        let (columns, rows) = (across / RASTER + 2, down / RASTER + 2);
        let k = RASTER as f64 / samples as f64;
        let half = 0.5 / samples as f64;
        let mut raster = Vec::with_capacity(columns * rows);
        for y in 0..rows {
            for x in 0..columns {
                let (x, y) = (x as f64 * k + half, y as f64 * k + half);
                let (sx, sy) = camera.slope(PointInImage { x, y });
                raster.push([sx as f32, sy as f32]);
            }
        }
        let mut slopes = Vec::with_capacity(across * down);
        for y in 0..down {
            let ty = (y % RASTER) as f32 / RASTER as f32;
            for x in 0..across {
                let tx = (x % RASTER) as f32 / RASTER as f32;
                let i = y / RASTER * columns + x / RASTER;
                let (a, b) = (raster[i], raster[i + 1]);
                let (c, d) = (raster[i + columns], raster[i + columns + 1]);
                let between = |k: usize| mix(mix(a[k], b[k], tx), mix(c[k], d[k], tx), ty);
                slopes.push([between(0), between(1)]);
            }
        }
        Self {
            axes,
            slopes,
            across,
        }
    }

    /// Inward normals of the four planes through the camera that hold all rays of a block and of
    /// the pixels around it.
    fn pyramid(&self, low: (usize, usize), high: (usize, usize), samples: usize) -> [Vec3; 4] {
        let down = self.slopes.len() / self.across;
        let (left, top) = (
            low.0.saturating_sub(2) * samples,
            low.1.saturating_sub(2) * samples,
        );
        let right = ((high.0 + 2) * samples).min(self.across) - 1;
        let bottom = ((high.1 + 2) * samples).min(down) - 1;
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        let corners = corners.map(|(x, y)| self.at(x, y));
        let middle = corners.iter().fold(Vec3::ZERO, |sum, c| sum + *c);
        std::array::from_fn(|i| {
            let n = corners[i].cross(corners[(i + 1) % 4]).unit();
            if n.dot(middle) < 0.0 { -n } else { n }
        })
    }

    /// Direction with unit length along the optical axis, so that distance is depth.
    fn at(&self, x: usize, y: usize) -> Vec3 {
        let [sx, sy] = self.slopes[y * self.across + x];
        self.axes[0] * sx + self.axes[1] * sy + self.axes[2]
    }
}

/// What the first sample of each pixel of a block and of the pixels around it meets.
struct Firsts {
    hits: Vec<Hit>,
    left: usize,
    top: usize,
    across: usize,
    down: usize,
}

impl Firsts {
    fn new(
        caster: &Caster,
        rays: &Rays,
        near: &[u16],
        (bx, by): (usize, usize),
        samples: usize,
    ) -> Self {
        let (left, top) = (bx.saturating_sub(1), by.saturating_sub(1));
        let (width, height) = (
            rays.across / samples,
            rays.slopes.len() / rays.across / samples,
        );
        let (right, bottom) = ((bx + BLOCK + 1).min(width), (by + BLOCK + 1).min(height));
        let places = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        Self {
            hits: places
                .map(|(x, y)| caster.meet(rays.at(x * samples, y * samples), near))
                .collect(),
            left,
            top,
            across: right - left,
            down: bottom - top,
        }
    }

    /// A pixel's hit, and whether all around it meet the same face: then no edge is near, and the
    /// pixel's other samples need not look for one.
    fn at(&self, x: usize, y: usize) -> (Hit, bool) {
        let (x, y) = (x - self.left, y - self.top);
        let own = self.hits[y * self.across + x];
        let calm = (y.saturating_sub(1)..(y + 2).min(self.down)).all(|y| {
            (x.saturating_sub(1)..(x + 2).min(self.across)).all(|x| {
                let other = self.hits[y * self.across + x];
                other.what == own.what && other.face == own.face
            })
        });
        (own, calm)
    }
}

impl Caster<'_> {
    fn block(
        &self,
        out: &mut Backdrop,
        rays: &Rays,
        bounds: &[[f32; 4]],
        (bx, by): (usize, usize),
        samples: usize,
    ) {
        let (x1, y1) = ((bx + BLOCK).min(out.width), (by + BLOCK).min(out.height));
        let pyramid = rays.pyramid((bx, by), (x1, y1), samples);
        let near: Vec<u16> = (0..bounds.len())
            .filter(|&i| {
                let b = bounds[i];
                b[0] <= x1 as f32 && b[2] >= bx as f32 && b[1] <= y1 as f32 && b[3] >= by as f32
            })
            .filter(|&i| {
                let c = &self.casts[i];
                pyramid.iter().all(|n| c.is_partly_above(self.origin, *n))
            })
            .map(|i| i as u16)
            .collect();
        let mut low = v3(f32::MAX, f32::MAX, f32::MAX);
        let mut high = -low;
        let firsts = Firsts::new(self, rays, &near, (bx, by), samples);
        let hits: Vec<Vec<(Hit, Vec3)>> = (by..y1)
            .flat_map(|y| (bx..x1).map(move |x| (x, y)))
            .map(|(x, y)| {
                let mut pixel = Vec::with_capacity(samples * samples);
                let (first, calm) = firsts.at(x, y);
                for i in 0..samples * samples {
                    let (sx, sy) = (x * samples + i % samples, y * samples + i / samples);
                    let ray = rays.at(sx, sy);
                    let hit = match i {
                        0 => first,
                        _ if calm => self
                            .meet_one(ray, first.what)
                            .unwrap_or_else(|| self.meet(ray, &near)),
                        _ => self.meet(ray, &near),
                    };
                    out.inv[sy * rays.across + sx] = 1.0 / hit.t;
                    let p = self.origin + ray * hit.t;
                    low = v3(low.x.min(p.x), low.y.min(p.y), low.z.min(p.z));
                    high = v3(high.x.max(p.x), high.y.max(p.y), high.z.max(p.z));
                    pixel.push((hit, p));
                }
                pixel
            })
            .collect();
        let (middle, radius) = ((low + high) * 0.5, (high - low).norm() * 0.5);
        out.blocks.push((middle, radius));
        let nearby = Nearby {
            casts: self
                .casts
                .iter()
                .filter(|c| c.distance(middle) < radius + CORNER_M)
                .collect(),
            shadows: self
                .shadows
                .iter()
                .map(|list| list.iter().filter(|s| s.touches(middle, radius)).collect())
                .collect(),
        };
        let mut i = 0;
        for y in by..y1 {
            for x in bx..x1 {
                self.pixel(out, &hits[i], y * out.width + x, &nearby);
                i += 1;
            }
        }
    }

    fn meet(&self, ray: Vec3, near: &[u16]) -> Hit {
        let nothing = Hit {
            t: FAR_M,
            what: NOTHING,
            face: 5,
        };
        [FLOOR, CEILING]
            .iter()
            .chain(near)
            .filter_map(|&what| self.meet_one(ray, what))
            .fold(nothing, |best, hit| if hit.t < best.t { hit } else { best })
    }

    /// Where a ray meets one thing.
    fn meet_one(&self, ray: Vec3, what: u16) -> Option<Hit> {
        let (t, face) = match what {
            NOTHING => (FAR_M, 5),
            FLOOR if ray.z < -1e-6 => (-self.origin.z / ray.z, 5),
            CEILING if ray.z > 1e-6 => {
                let (up, _) = self.scene.room.ceiling?;
                ((up - self.origin.z) / ray.z, 4)
            }
            FLOOR | CEILING => return None,
            i => self.casts[usize::from(i)].meet(self.origin, ray)?,
        };
        (t > 0.0 && t <= FAR_M).then_some(Hit { t, what, face })
    }

    fn pixel(&self, out: &mut Backdrop, hits: &[(Hit, Vec3)], index: usize, near: &Nearby) {
        let mut sum = [0.0_f32; 3];
        let mut known: Option<((u16, u8), [f32; 3])> = None;
        for (i, (hit, p)) in hits.iter().enumerate() {
            let key = (hit.what, hit.face);
            let colour = match known {
                // Finishes are filtered to a pixel's width: one look is enough for a pixel.
                Some((same, colour)) if same == key && !self.is_sharp(hit) => colour,
                _ => {
                    let spot = self.spot(hit, *p);
                    let n = self.normal(hit, *p);
                    let (ambient, falls) = self.light(*p, n, hit.what, near);
                    let mut light = ambient;
                    for (fall, source) in falls.iter().zip(self.sources) {
                        for k in 0..3 {
                            light[k] += fall * source.power[k];
                        }
                    }
                    if i == 0 {
                        let shines = spot.glow.iter().any(|g| *g > 0.06) || hit.what == NOTHING;
                        out.ground[index] = Ground {
                            at: *p,
                            normal: n,
                            everywhere: ambient,
                            shines,
                        };
                        for (fall, kept) in falls.iter().zip(&mut out.falls) {
                            kept[index] = *fall;
                        }
                    }
                    let shine = self.mirrored(*p, hit.what);
                    let colour =
                        [0, 1, 2].map(|k| spot.albedo[k] * light[k] + spot.glow[k] + shine[k]);
                    known = Some((key, colour));
                    colour
                }
            };
            for k in 0..3 {
                sum[k] += colour[k];
            }
        }
        out.colour[index] = sum.map(|s| s / hits.len() as f32);
    }

    /// The lamps as they show in a glossy floor: blurred by its roughness, brighter at a slant.
    fn mirrored(&self, p: Vec3, what: u16) -> [f32; 3] {
        let gloss = self.scene.room.floor_gloss;
        let mut out = [0.0; 3];
        if what != FLOOR || gloss <= 0.0 {
            return out;
        }
        let ray = (p - self.origin).unit();
        let up = v3(ray.x, ray.y, -ray.z);
        // Schlick's approximation for a refractive index of 1.5.
        let share = 0.04 + 0.96 * (1.0 - up.z.clamp(0.0, 1.0)).powi(5);
        for source in self.sources {
            let to = source.at - p;
            let along = to.dot(up);
            if along <= 0.0 {
                continue;
            }
            let wide = source.radius + ROUGH * along;
            let off = to - up * along;
            let peak = gloss
                * share
                * (-off.dot(off) / (wide * wide)).exp()
                * source.through(&self.walls, p)
                / (wide * wide);
            for k in 0..3 {
                out[k] += peak * source.power[k];
            }
        }
        out
    }

    fn normal(&self, hit: &Hit, p: Vec3) -> Vec3 {
        match hit.what {
            FLOOR | NOTHING => Vec3::UP,
            CEILING => -Vec3::UP,
            i => self.casts[usize::from(i)].normal(p, hit.face),
        }
    }

    /// Posters and windows have edges that every sample must look at.
    fn is_sharp(&self, hit: &Hit) -> bool {
        self.casts
            .get(usize::from(hit.what))
            .is_some_and(|c| matches!(c.material.finish, Finish::Poster | Finish::Window))
    }

    fn spot(&self, hit: &Hit, p: Vec3) -> Spot {
        let mut spot = self.painted(hit, p);
        let spectrum = self.scene.sensor.spectrum;
        spot.albedo = spectrum.of(spot.albedo, Stuff::Room);
        spot.glow = match spectrum {
            Spectrum::Visible => spot.glow,
            Spectrum::Grey => spectrum.of(spot.glow, Stuff::Room),
            // What shines to the eye is dark here.
            Spectrum::NearInfrared | Spectrum::Thermal => spot.glow.map(|g| g.min(0.05)),
        };
        spot
    }

    fn painted(&self, hit: &Hit, p: Vec3) -> Spot {
        // A pixel covers more of what is far and seen at a slant.
        let slant = (p - self.origin)
            .unit()
            .dot(self.normal(hit, p))
            .abs()
            .max(0.08);
        let blur = hit.t / self.scene.camera.lens.focal_px as f32 / slant;
        match hit.what {
            FLOOR => self.scene.room.floor.spot(p.x, p.y, blur),
            CEILING => match self.scene.room.ceiling {
                Some((_, m)) => m.spot(p.x, p.y, blur),
                None => Spot {
                    albedo: [0.0; 3],
                    glow: [0.0; 3],
                },
            },
            NOTHING => Spot {
                albedo: [0.0; 3],
                glow: [0.35, 0.4, 0.48],
            },
            i => {
                let cast = &self.casts[usize::from(i)];
                let (u, v) = cast.uv(p, hit.face);
                cast.material.spot(u, v, blur)
            }
        }
    }

    /// Light from everywhere with dark corners, and each lamp's share.
    fn light(&self, p: Vec3, n: Vec3, what: u16, nearby: &Nearby) -> ([f32; 3], Vec<f32>) {
        let own = |c: &&&Cast| match self.casts.get(usize::from(what)) {
            Some(me) => !std::ptr::eq(**c, me),
            None => true,
        };
        let mut open = 1.0_f32;
        for step in [0.10_f32, 0.35] {
            let q = p + n * step;
            let near = nearby
                .casts
                .iter()
                .filter(own)
                .map(|c| c.distance(q))
                .fold(step, f32::min);
            let near = if what == FLOOR {
                near
            } else {
                near.min(q.z.max(0.0))
            };
            let near = match self.scene.room.ceiling {
                Some((up, _)) if what != CEILING => near.min((up - q.z).max(0.0)),
                _ => near,
            };
            open *= 0.62 + 0.38 * (near / step);
        }
        let ambient = everywhere(self.scene.ambient, self.bounce, n).map(|c| c * open);
        let falls = self
            .sources
            .iter()
            .enumerate()
            .map(|(l, source)| {
                let (fall, _) = source.fall(p, n);
                if fall <= 0.0 {
                    return 0.0;
                }
                let mut fall = fall * source.through(&self.walls, p) * (0.5 + 0.5 * open);
                for shadow in &nearby.shadows[l] {
                    if fall > 0.0 {
                        fall *= 1.0 - shadow.hidden(p, 0.05);
                    }
                }
                fall
            })
            .collect();
        (ambient, falls)
    }
}

/// What the floor throws back up, roughly: its mean colour in the mean light.
fn floor_light(scene: &Scene, sources: &[Source]) -> [f32; 3] {
    let spot = scene.room.floor.spot(0.37, 0.41, 1.0).albedo;
    let mut light = scene.ambient;
    for source in sources {
        let straight = 0.35 / (source.at.z * source.at.z + source.radius * source.radius);
        for k in 0..3 {
            light[k] += straight * source.power[k] / (sources.len() as f32).sqrt();
        }
    }
    [0, 1, 2].map(|k| (0.15 + spot[k]) * light[k] * 0.75)
}

/// For each lamp, the shadow of every piece of furniture.
fn furniture_shadows(casts: &[Cast], sources: &[Source]) -> Vec<Vec<Shadow>> {
    let surfaces: Vec<Surface> = casts
        .iter()
        .filter(|c| c.casts)
        .map(|c| {
            let mut s = Surface::empty();
            s.add_box(Part::Thing, c.at, &c.rot, c.half);
            s
        })
        .collect();
    sources
        .iter()
        .map(|source| {
            surfaces
                .iter()
                .filter_map(|s| Shadow::new(s, source.at, source.radius))
                .collect()
        })
        .collect()
}

/// The rectangle of the picture that each box can be seen in, px: left, top, right, bottom.
fn screen_bounds(casts: &[Cast], scene: &Scene) -> Vec<[f32; 4]> {
    let projector = Projector::new(&scene.camera);
    // Bent edges bulge between the points tried.
    let margin = 3.0 + 0.004 * scene.camera.width_px as f32;
    casts
        .iter()
        .map(|c| {
            let mut b = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
            for i in 0..7 * 7 * 7 {
                let step = |k: usize| (i / k % 7) as f32 / 3.0 - 1.0;
                let v = v3(step(1), step(7), step(49));
                let inner = [v.x, v.y, v.z].iter().filter(|e| e.abs() < 0.99).count();
                if inner > 1 {
                    continue;
                }
                let p = c.at + c.rot.apply(v.scaled(c.half));
                match projector.project([f64::from(p.x), f64::from(p.y), f64::from(p.z)]) {
                    Some((at, _)) => {
                        b = [
                            b[0].min(at.x as f32 - margin),
                            b[1].min(at.y as f32 - margin),
                            b[2].max(at.x as f32 + margin),
                            b[3].max(at.y as f32 + margin),
                        ];
                    }
                    // Partly behind the camera: it may be anywhere.
                    None => return [f32::MIN, f32::MIN, f32::MAX, f32::MAX],
                }
            }
            b
        })
        .collect()
}
