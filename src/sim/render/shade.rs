//! Shading: what light makes of the room and of every sample of what stands in it.

use super::actor::{Actor, VertexLight};
use super::backdrop::BLOCK;
use super::light::{occlusion, within_reach};
use super::paint::Painter;
use super::raster::NONE;
use super::renderer::Renderer;
use super::shadow::Shadow;
use crate::sim::body::{Capsule, Part, Vec3, smooth, v3};

/// Ground is even where its places lie this near to one plane, m.
const EVEN_M: f32 = 0.02;

/// The samples of a pixel that one actor owns: triangle, column, row.
#[derive(Debug, Clone, Copy, Default)]
struct Owned {
    list: [(u32, i32, i32); 16],
    count: usize,
}

impl Owned {
    fn add(&mut self, triangle: u32, x: i32, y: i32) {
        self.list[self.count] = (triangle, x, y);
        self.count += 1;
    }
}

impl Renderer {
    /// The room with the actors' shadows and contact darkness taken out of its light.
    pub(super) fn ground(&self, actors: &[Actor], shadows: &[Vec<Shadow>]) -> Vec<[f32; 3]> {
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
                    .flat_map(|a| within_reach(&a.capsules, middle, radius))
                    .collect();
                if capsules.is_empty() && near.iter().all(Vec::is_empty) {
                    continue;
                }
                let open = self.open_sky(bx, by, &capsules);
                for y in by..(by + BLOCK).min(back.height) {
                    for x in bx..(bx + BLOCK).min(back.width) {
                        let i = y * back.width + x;
                        let kept = self.kept_light(i, open[(y - by) * BLOCK + x - bx], &near);
                        for k in 0..3 {
                            out[i][k] *= kept[k];
                        }
                    }
                }
            }
        }
        out
    }

    /// How much of the sky the actors leave open, for each pixel of a block: worked out for every
    /// second one each way, and between them where the ground is even.
    fn open_sky(&self, bx: usize, by: usize, capsules: &[Capsule]) -> Vec<f32> {
        let back = &self.backdrop;
        let mut out = vec![1.0_f32; BLOCK * BLOCK];
        if capsules.is_empty() {
            return out;
        }
        let ground = |x: usize, y: usize| &back.ground[(by + y) * back.width + bx + x];
        let exact = |x: usize, y: usize| {
            let g = ground(x, y);
            capsules.iter().fold(1.0_f32, |o, c| {
                o * (1.0 - occlusion(c, g.at, g.normal).min(0.9))
            })
        };
        let (wide, tall) = (BLOCK.min(back.width - bx), BLOCK.min(back.height - by));
        for y in (0..tall).step_by(2) {
            for x in (0..wide).step_by(2) {
                out[y * BLOCK + x] = exact(x, y);
            }
        }
        for y in 0..tall {
            for x in (0..wide).filter(|x| x % 2 + y % 2 > 0) {
                let (x0, x1) = (x - x % 2, x + x % 2);
                let (y0, y1) = (y - y % 2, y + y % 2);
                let even = x1 < wide && y1 < tall && {
                    let here = ground(x, y);
                    [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
                        .iter()
                        .all(|&(x, y)| {
                            let there = ground(x, y);
                            here.normal.dot(there.normal) > 0.99
                                && (there.at - here.at).dot(here.normal).abs() < EVEN_M
                        })
                };
                out[y * BLOCK + x] = if even {
                    let at = |x: usize, y: usize| out[y * BLOCK + x];
                    0.25 * (at(x0, y0) + at(x1, y0) + at(x0, y1) + at(x1, y1))
                } else {
                    exact(x, y)
                };
            }
        }
        out
    }

    /// The share of a ground pixel's light that the actors leave it, given how much sky they do.
    fn kept_light(&self, i: usize, open: f32, near: &[Vec<&Shadow>]) -> [f32; 3] {
        let g = &self.backdrop.ground[i];
        if g.shines {
            return [1.0; 3];
        }
        let mut whole = g.everywhere;
        let mut left = g.everywhere.map(|c| c * open);
        for ((source, falls), list) in self.sources.iter().zip(&self.backdrop.falls).zip(near) {
            let fall = falls[i];
            if fall <= 0.0 {
                continue;
            }
            // What is close enough to hide much of the sky hides part of a wide lamp, too.
            let mut share = 0.35 + 0.65 * open;
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

    pub(super) fn shade(
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
                    let mut owned = Owned::default();
                    for s in 0..k * k {
                        let (x, y) = (px * k + s % k, py * k + s / k);
                        if owners[(y * w * k + x) as usize] != me {
                            continue;
                        }
                        let Some(at) = layer.index(x, y) else {
                            continue;
                        };
                        if layer.triangle[at] != NONE {
                            owned.add(layer.triangle[at], x, y);
                        }
                    }
                    if owned.count == 0 {
                        continue;
                    }
                    let (mut sum, mut n) = ([0.0_f32; 3], 0.0_f32);
                    let mut known: Option<(Vec3, VertexLight)> = None;
                    let step = if owned.count == 4 && k == 2 && self.is_even(actor, &owned) {
                        3
                    } else {
                        1
                    };
                    for &(triangle, x, y) in owned.list[..owned.count].iter().step_by(step) {
                        let c = match &painter {
                            Some(painter) => self.body_sample(actor, painter, triangle, (x, y)),
                            None => self.thing_sample(actor, &near, triangle, (x, y), &mut known),
                        };
                        for i in 0..3 {
                            sum[i] += c[i];
                        }
                        n += 1.0;
                    }
                    let i = (py * w + px) as usize;
                    let share = owned.count as f32 * weight;
                    for j in 0..3 {
                        light[i][j] += share * (sum[j] / n - room[i][j]);
                    }
                }
            }
        }
    }

    /// Whether all samples of a pixel lie on one plain part, so that two of them tell enough.
    fn is_even(&self, actor: &Actor, owned: &Owned) -> bool {
        let part = |i: usize| actor.surface.part_of(owned.list[i].0);
        let first = part(0);
        first != Part::Head && (1..4).all(|i| part(i) == first)
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
}
