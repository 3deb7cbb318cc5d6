//! Puts a moment before the empty room: draws, lights, shades, and keeps the truth.

use super::backdrop::{BLOCK, Backdrop};
use super::camera::Projector;
use super::door::lamp_glow;
use super::light::{Source, WallLine, everywhere, occlusion};
use super::paint::Painter;
use super::picture::{Picture, linear};
use super::raster::{Layer, NONE};
use super::scene::{Figure, Moment, Scene};
use super::sensor::{Spectrum, Stuff};
use super::shadow::{Shadow, ball};
use super::truth::{FrameTruth, PersonTruth, Tally};
use crate::detection::BoxInImage;
use crate::floor::PointInFloor;
use crate::sim::body::{Capsule, Part, Surface, Vec3, smooth, v3};

/// Samples along the side of a pixel, unless told otherwise.
const SAMPLES: usize = 2;
/// A person this tall in the picture gets every segment, px.
const FULL_DETAIL_PX: f32 = 320.0;
/// Limbs darken what is within this distance, m.
const CONTACT_M: f32 = 1.3;

/// A rendered frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What the camera delivers.
    pub picture: Picture,
    /// What is true of it.
    pub truth: FrameTruth,
    /// Who owns each sample: 0 the room, `i + 1` figure `i` of the moment (with what it carries),
    /// `u16::MAX` a door. Rows of `samples * width`.
    pub owners: Vec<u16>,
    /// Samples along the side of a pixel.
    pub samples: u32,
}

/// A scene made ready: the empty room is cast and kept. Share it by reference between threads.
#[derive(Debug, Clone)]
pub struct Renderer {
    scene: Scene,
    sources: Vec<Source>,
    walls: Vec<WallLine>,
    projector: Projector,
    backdrop: Backdrop,
    gain: f32,
    samples: usize,
}

/// Something that moves: a person, a leaf, a reader.
struct Actor<'a> {
    surface: Surface,
    layer: Layer,
    /// The figure's place in the moment, if it is one.
    figure: Option<(usize, &'a Figure)>,
    /// Colours of a thing: its body, its fittings, and light of the fittings.
    colours: [[f32; 3]; 3],
    capsules: Vec<Capsule>,
    middle: Vec3,
    light: Vec<VertexLight>,
}

/// Light at a vertex: its colour, and the direction it mostly comes from times its strength.
#[derive(Debug, Clone, Copy, Default)]
struct VertexLight {
    colour: [f32; 3],
    from: Vec3,
}

impl Renderer {
    /// Casts the empty room with two by two samples a pixel.
    pub fn new(scene: Scene) -> Self {
        Self::with_samples(scene, SAMPLES)
    }

    /// Casts the empty room with `samples` by `samples` samples a pixel (1 to 4).
    pub fn with_samples(mut scene: Scene, samples: usize) -> Self {
        let samples = samples.clamp(1, 4);
        scene.prepare();
        let sources: Vec<Source> = scene.lights.iter().map(Source::new).collect();
        let backdrop = Backdrop::new(&scene, &sources, samples);
        let gain = scene.sensor.gain(&backdrop.colour);
        Self {
            walls: scene.room.walls.iter().map(WallLine::new).collect(),
            projector: Projector::new(&scene.camera),
            gain,
            sources,
            backdrop,
            samples,
            scene,
        }
    }

    /// The scene, as it is lit (night mode has lamps of its own).
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Renders a moment.
    pub fn render(&self, moment: &Moment) -> Frame {
        let mut actors = self.actors(moment);
        let shadows = self.shadows(&actors);
        for i in 0..actors.len() {
            if actors[i].figure.is_some() {
                actors[i].light = self.light_vertices(&actors, i, &shadows);
            }
        }
        let owners = self.compose(&actors);
        let mut light = self.ground(&actors, &shadows);
        self.shade(&actors, &shadows, &owners, &mut light);
        let truth = self.truth(moment, &actors, &owners);
        let size = (self.scene.camera.width_px, self.scene.camera.height_px);
        let picture = self
            .scene
            .sensor
            .expose(&mut light, size, self.gain, moment.noise_seed);
        let owners = owners
            .iter()
            .map(
                |&o| match o.checked_sub(1).map(|i| actors[usize::from(i)].figure) {
                    None => 0,
                    Some(Some((i, _))) => i as u16 + 1,
                    Some(None) => u16::MAX,
                },
            )
            .collect();
        Frame {
            picture,
            truth,
            owners,
            samples: self.samples as u32,
        }
    }

    fn actors<'a>(&self, moment: &'a Moment) -> Vec<Actor<'a>> {
        let mut out = Vec::with_capacity(moment.figures.len() + 2 * self.scene.doors.len());
        let eye = self.scene.camera.position_m;
        for (i, figure) in moment.figures.iter().enumerate() {
            let at = figure.pose.at;
            let gap = (at[0] - eye[0])
                .hypot(at[1] - eye[1])
                .hypot(eye[2] - 1.0)
                .max(0.5);
            let tall = self.scene.camera.lens.focal_px * f64::from(figure.build.height_m) / gap;
            let detail = (tall as f32 / FULL_DETAIL_PX).clamp(0.45, 1.0);
            let (surface, skeleton) =
                Surface::new(&figure.build, &figure.outfit, &figure.pose, detail);
            let mut actor = self.actor(surface, [[0.0; 3]; 3]);
            actor.figure = Some((i, figure));
            actor.capsules = skeleton.capsules(&figure.build);
            out.push(actor);
        }
        let spectrum = self.scene.sensor.spectrum;
        for (i, door) in self.scene.doors.iter().enumerate() {
            let angle = moment.door_angles_rad.get(i).copied().unwrap_or(0.0);
            let leaf = spectrum.of(linear(door.material.colour), Stuff::Room);
            let metal = spectrum.of([0.32, 0.32, 0.33], Stuff::Room);
            out.push(self.actor(door.leaf(angle), [leaf, metal, [0.0; 3]]));
            if let Some(reader) = door.reader() {
                let lamp = moment.reader_lamps.get(i).copied().unwrap_or_default();
                let glow = match spectrum {
                    Spectrum::Visible => lamp_glow(lamp),
                    _ => [0.0; 3],
                };
                let case = spectrum.of([0.025, 0.026, 0.03], Stuff::Dead);
                out.push(self.actor(reader, [case, case, glow]));
            }
        }
        out
    }

    fn actor(&self, surface: Surface, colours: [[f32; 3]; 3]) -> Actor<'static> {
        let camera = &self.scene.camera;
        let size = (camera.width_px as i32, camera.height_px as i32);
        let layer = Layer::new(&surface, &self.projector, size, self.samples as i32);
        let middle = ball(surface.positions()).map_or(Vec3::ZERO, |b| b.0);
        Actor {
            surface,
            layer,
            figure: None,
            colours,
            capsules: Vec::new(),
            middle,
            light: Vec::new(),
        }
    }

    /// For each lamp, the shadows of all actors.
    fn shadows(&self, actors: &[Actor]) -> Vec<Vec<Shadow>> {
        self.sources
            .iter()
            .map(|source| {
                actors
                    .iter()
                    .filter(|a| a.surface.len() > 60)
                    .filter_map(|a| Shadow::new(&a.surface, source.at, source.radius))
                    .collect()
            })
            .collect()
    }

    /// Light at a point with a normal: colour, and the direction it comes from.
    fn light_at(
        &self,
        p: Vec3,
        n: Vec3,
        capsules: &[Capsule],
        shadows: &[Vec<&Shadow>],
    ) -> VertexLight {
        let open = capsules
            .iter()
            .fold(1.0_f32, |o, c| o * (1.0 - occlusion(c, p, n).min(0.85)));
        let mut colour = everywhere(self.scene.ambient, self.backdrop.bounce, n).map(|c| c * open);
        let mut from = v3(0.0, 0.0, 0.6) * (colour[1] * 0.8);
        for (source, casters) in self.sources.iter().zip(shadows) {
            let (fall, to) = source.fall(p, n);
            let reach = source.through(&self.walls, p) * (0.55 + 0.45 * open);
            let mut share = reach;
            if fall > 0.0 && share > 0.0 {
                for shadow in casters {
                    share *= 1.0 - shadow.hidden(p, 0.035);
                }
            }
            let d = source.at - p;
            let toward = share * source.power[1] / (d.dot(d) + source.radius * source.radius);
            from += to * toward;
            for k in 0..3 {
                colour[k] += source.power[k] * fall * share;
            }
        }
        VertexLight { colour, from }
    }

    fn light_vertices(
        &self,
        actors: &[Actor],
        me: usize,
        shadows: &[Vec<Shadow>],
    ) -> Vec<VertexLight> {
        let actor = &actors[me];
        let capsules: Vec<Capsule> = actors
            .iter()
            .filter(|a| (a.middle - actor.middle).norm() < CONTACT_M + 0.6)
            .flat_map(|a| a.capsules.iter().copied())
            .collect();
        let near: Vec<Vec<&Shadow>> = shadows
            .iter()
            .map(|list| {
                list.iter()
                    .filter(|s| s.touches(actor.middle, 1.15))
                    .collect()
            })
            .collect();
        let points = actor
            .surface
            .positions()
            .iter()
            .zip(actor.surface.normals());
        points
            .map(|(p, n)| self.light_at(*p, *n, &capsules, &near))
            .collect()
    }

    /// Which actor owns each sample: 0 none, else index + 1.
    fn compose(&self, actors: &[Actor]) -> Vec<u16> {
        let across = (self.backdrop.width * self.samples) as i32;
        let down = (self.backdrop.height * self.samples) as i32;
        let mut owners = vec![0_u16; (across * down) as usize];
        let mut front = self.backdrop.inv.clone();
        for (i, actor) in actors.iter().enumerate() {
            let layer = &actor.layer;
            for y in layer.y0.max(0)..(layer.y0 + layer.height).min(down) {
                for x in layer.x0.max(0)..(layer.x0 + layer.width).min(across) {
                    let from = ((y - layer.y0) * layer.width + x - layer.x0) as usize;
                    let to = (y * across + x) as usize;
                    if layer.inv[from] > front[to] {
                        front[to] = layer.inv[from];
                        owners[to] = i as u16 + 1;
                    }
                }
            }
        }
        owners
    }

    /// The room with the actors' shadows and contact darkness taken out of its light.
    fn ground(&self, actors: &[Actor], shadows: &[Vec<Shadow>]) -> Vec<[f32; 3]> {
        let back = &self.backdrop;
        let mut out = back.colour.clone();
        let mut block = 0;
        for by in (0..back.height).step_by(BLOCK) {
            for bx in (0..back.width).step_by(BLOCK) {
                let (middle, radius) = back.blocks[block];
                block += 1;
                let near: Vec<Vec<&Shadow>> = shadows
                    .iter()
                    .map(|list| list.iter().filter(|s| s.touches(middle, radius)).collect())
                    .collect();
                let capsules: Vec<Capsule> = actors
                    .iter()
                    .filter(|a| (a.middle - middle).norm() < CONTACT_M + radius)
                    .flat_map(|a| a.capsules.iter().copied())
                    .collect();
                if capsules.is_empty() && near.iter().all(Vec::is_empty) {
                    continue;
                }
                for y in by..(by + BLOCK).min(back.height) {
                    for x in bx..(bx + BLOCK).min(back.width) {
                        let i = y * back.width + x;
                        let kept = self.kept_light(i, &capsules, &near);
                        for k in 0..3 {
                            out[i][k] *= kept[k];
                        }
                    }
                }
            }
        }
        out
    }

    /// The share of a ground pixel's light that the actors leave it.
    fn kept_light(&self, i: usize, capsules: &[Capsule], near: &[Vec<&Shadow>]) -> [f32; 3] {
        let g = &self.backdrop.ground[i];
        if g.shines {
            return [1.0; 3];
        }
        let open = capsules.iter().fold(1.0_f32, |o, c| {
            o * (1.0 - occlusion(c, g.at, g.normal).min(0.9))
        });
        let mut whole = g.everywhere;
        let mut left = g.everywhere.map(|c| c * open);
        for ((source, falls), list) in self.sources.iter().zip(&self.backdrop.falls).zip(near) {
            let fall = falls[i];
            if fall <= 0.0 {
                continue;
            }
            let mut share = 0.6 + 0.4 * open;
            for shadow in list {
                share *= 1.0 - shadow.hidden(g.at, 0.02);
            }
            for k in 0..3 {
                whole[k] += fall * source.power[k];
                left[k] += fall * source.power[k] * share;
            }
        }
        [0, 1, 2].map(|k| left[k] / whole[k].max(1e-6))
    }

    fn shade(
        &self,
        actors: &[Actor],
        shadows: &[Vec<Shadow>],
        owners: &[u16],
        light: &mut [[f32; 3]],
    ) {
        let k = self.samples as i32;
        let (w, h) = (self.backdrop.width as i32, self.backdrop.height as i32);
        let weight = 1.0 / (k * k) as f32;
        // Every sample that an actor owns replaces that share of the room behind.
        let room = light.to_vec();
        for (index, actor) in actors.iter().enumerate() {
            let me = index as u16 + 1;
            let painter = actor
                .figure
                .map(|(_, f)| Painter::new(&f.outfit, self.scene.sensor.spectrum));
            let near: Vec<Vec<&Shadow>> =
                shadows.iter().map(|list| list.iter().collect()).collect();
            let layer = &actor.layer;
            let (x0, x1) = (
                layer.x0.div_euclid(k).max(0),
                ((layer.x0 + layer.width) / k + 1).min(w),
            );
            let (y0, y1) = (
                layer.y0.div_euclid(k).max(0),
                ((layer.y0 + layer.height) / k + 1).min(h),
            );
            for py in y0..y1 {
                for px in x0..x1 {
                    let mut sum = [0.0_f32; 3];
                    let mut n = 0;
                    let mut thing_light: Option<(Vec3, VertexLight)> = None;
                    for s in 0..k * k {
                        let (x, y) = (px * k + s % k, py * k + s / k);
                        if owners[(y * w * k + x) as usize] != me {
                            continue;
                        }
                        let Some(at) = layer.index(x, y) else {
                            continue;
                        };
                        let triangle = layer.triangle[at];
                        if triangle == NONE {
                            continue;
                        }
                        let c = match &painter {
                            Some(painter) => self.body_sample(actor, painter, triangle, (x, y)),
                            None => {
                                self.thing_sample(actor, &near, triangle, (x, y), &mut thing_light)
                            }
                        };
                        for i in 0..3 {
                            sum[i] += c[i];
                        }
                        n += 1;
                    }
                    if n > 0 {
                        let i = (py * w + px) as usize;
                        for j in 0..3 {
                            light[i][j] += weight * (sum[j] - n as f32 * room[i][j]);
                        }
                    }
                }
            }
        }
    }

    fn body_sample(
        &self,
        actor: &Actor,
        painter: &Painter,
        triangle: u32,
        at: (i32, i32),
    ) -> [f32; 3] {
        let surface = &actor.surface;
        let corners = surface.triangles()[triangle as usize];
        let w = actor.layer.weights(corners, at.0, at.1);
        let [a, b, c] = corners.map(|i| i as usize);
        let (normals, uvs, ps) = (surface.normals(), surface.uv(), surface.positions());
        let p = ps[a] * w[0] + ps[b] * w[1] + ps[c] * w[2];
        let n = (normals[a] * w[0] + normals[b] * w[1] + normals[c] * w[2]).unit();
        let uv = [0, 1].map(|i| uvs[a][i] * w[0] + uvs[b][i] * w[1] + uvs[c][i] * w[2]);
        let part = surface.parts()[a];
        let coat = painter.spot(part, uv);
        let lights = [&actor.light[a], &actor.light[b], &actor.light[c]];
        let mut colour = [0.0; 3];
        let mut from = Vec3::ZERO;
        for (l, w) in lights.iter().zip(w) {
            for k in 0..3 {
                colour[k] += l.colour[k] * w;
            }
            from += l.from * w;
        }
        let albedo = coat.albedo;
        let mut relief = 1.0;
        if coat.slope.iter().any(|slope| slope.abs() > 0.0) {
            let (e1, e2) = (ps[b] - ps[a], ps[c] - ps[a]);
            let (u1, v1) = (uvs[b][0] - uvs[a][0], uvs[b][1] - uvs[a][1]);
            let (u2, v2) = (uvs[c][0] - uvs[a][0], uvs[c][1] - uvs[a][1]);
            let turn = if u1 * v2 - u2 * v1 < 0.0 { -1.0 } else { 1.0 };
            let along_u = ((e1 * v2 - e2 * v1) * turn).unit();
            let along_v = ((e2 * u1 - e1 * u2) * turn).unit();
            let bent = (n - along_u * coat.slope[0] - along_v * coat.slope[1]).unit();
            let base = 0.35 * from.norm() + 1e-4;
            relief =
                ((base + bent.dot(from).max(0.0)) / (base + n.dot(from).max(0.0))).clamp(0.45, 1.7);
        }
        let eye = self.scene.camera.position_m;
        let view = (v3(eye[0] as f32, eye[1] as f32, eye[2] as f32) - p).unit();
        let half = (view + from.unit()).unit();
        let shine = coat.gloss * n.dot(half).max(0.0).powi(20) * from.norm();
        // Cloth and skin catch light at a grazing angle.
        let rim = 1.0 + 0.12 * smooth(0.45, 0.0, n.dot(view).abs());
        [0, 1, 2].map(|k| albedo[k] * colour[k] * relief * rim + shine)
    }

    fn thing_sample(
        &self,
        actor: &Actor,
        near: &[Vec<&Shadow>],
        triangle: u32,
        at: (i32, i32),
        known: &mut Option<(Vec3, VertexLight)>,
    ) -> [f32; 3] {
        let surface = &actor.surface;
        let corners = surface.triangles()[triangle as usize];
        let w = actor.layer.weights(corners, at.0, at.1);
        let [a, b, c] = corners.map(|i| i as usize);
        let n = surface.normals()[a];
        let light = match known {
            Some((normal, light)) if normal.dot(n) > 0.999 => *light,
            _ => {
                let ps = surface.positions();
                let p = ps[a] * w[0] + ps[b] * w[1] + ps[c] * w[2];
                let light = self.light_at(p + n * 0.03, n, &[], near);
                *known = Some((n, light));
                light
            }
        };
        let fitting = surface.parts()[a] == Part::Strap;
        let albedo = actor.colours[usize::from(fitting)];
        let glow = if fitting { actor.colours[2] } else { [0.0; 3] };
        [0, 1, 2].map(|k| albedo[k] * light.colour[k] + glow[k])
    }

    fn truth(&self, moment: &Moment, actors: &[Actor], owners: &[u16]) -> FrameTruth {
        let people = moment
            .figures
            .iter()
            .zip(actors)
            .enumerate()
            .map(|(i, (figure, actor))| self.person_truth(figure, actor, i as u16 + 1, owners))
            .collect();
        FrameTruth { people }
    }

    fn person_truth(&self, figure: &Figure, actor: &Actor, me: u16, owners: &[u16]) -> PersonTruth {
        let k = self.samples as i32;
        let across = self.backdrop.width as i32 * k;
        let down = self.backdrop.height as i32 * k;
        let layer = &actor.layer;
        let (mut shown, mut whole) = (Tally::EMPTY, 0_u64);
        for row in 0..layer.height {
            for column in 0..layer.width {
                if !layer.body[(row * layer.width + column) as usize] {
                    continue;
                }
                whole += 1;
                let (x, y) = (column + layer.x0, row + layer.y0);
                let inside = x >= 0 && y >= 0 && x < across && y < down;
                if inside && owners[(y * across + x) as usize] == me {
                    shown.add(x, y);
                }
            }
        }
        let seen_whole = layer
            .spots
            .iter()
            .zip(actor.surface.parts())
            .all(|(s, part)| s.inv > 0.0 || part.is_carried());
        let px = |v: f32| f64::from(v) / f64::from(k);
        let [l, t, r, b] = layer.extent;
        let pose = &figure.pose;
        let crown = crate::sim::body::Skeleton::new(&figure.build, pose).crown;
        let point = |p: [f64; 3]| self.projector.project(p).map(|hit| hit.0);
        PersonTruth {
            id: figure.id,
            visible_box: shown.bounds(k),
            full_box: seen_whole.then(|| BoxInImage::new(px(l), px(t), px(r), px(b))),
            visible_share: if whole > 0 {
                shown.count as f64 / whole as f64
            } else {
                0.0
            },
            floor: PointInFloor {
                x: pose.at[0],
                y: pose.at[1],
            },
            foot: point([pose.at[0], pose.at[1], 0.0]),
            head: point([f64::from(crown.x), f64::from(crown.y), f64::from(crown.z)]),
            head_m: f64::from(crown.z),
        }
    }
}
