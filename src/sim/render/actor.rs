//! The things that move in a frame: people, door leaves, readers; their light and their shadows.

use super::door::lamp_glow;
use super::light::{REACH_M, everywhere, occlusion, within_reach};
use super::picture::linear;
use super::raster::{Layer, NONE};
use super::renderer::Renderer;
use super::scene::{Figure, Moment};
use super::sensor::{Spectrum, Stuff};
use super::shadow::{Shadow, ball};
use crate::sim::body::{Capsule, Surface, Vec3, v3};

/// A person this tall in the picture gets every segment, px.
const FULL_DETAIL_PX: f32 = 320.0;
/// Something that moves: a person, a leaf, a reader.
pub struct Actor<'a> {
    pub surface: Surface,
    pub layer: Layer,
    /// The figure's place in the moment, if it is one.
    pub figure: Option<(usize, &'a Figure)>,
    /// Colours of a thing: its body, its fittings, and light of the fittings.
    pub colours: [[f32; 3]; 3],
    pub capsules: Vec<Capsule>,
    pub middle: Vec3,
    pub light: Vec<VertexLight>,
}

/// Light at a vertex: its colour, and the direction it mostly comes from times its strength.
#[derive(Debug, Clone, Copy, Default)]
pub struct VertexLight {
    pub colour: [f32; 3],
    pub from: Vec3,
}

impl Renderer {
    pub(super) fn actors<'a>(&self, moment: &'a Moment) -> Vec<Actor<'a>> {
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
    pub(super) fn shadows(&self, actors: &[Actor]) -> Vec<Vec<Shadow>> {
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
    pub(super) fn light_at(
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

    /// Light at the vertices of an actor that some sample of the picture needs.
    pub(super) fn light_vertices(
        &self,
        actors: &[Actor],
        me: usize,
        shadows: &[Vec<Shadow>],
        owners: &[u16],
    ) -> Vec<VertexLight> {
        let actor = &actors[me];
        let capsules: Vec<Capsule> = actors
            .iter()
            .filter(|a| (a.middle - actor.middle).norm() < REACH_M + 1.8)
            .flat_map(|a| within_reach(&a.capsules, actor.middle, 0.9))
            .collect();
        let near: Vec<Vec<&Shadow>> = shadows
            .iter()
            .map(|list| {
                list.iter()
                    .filter(|s| s.touches(actor.middle, 1.15))
                    .collect()
            })
            .collect();
        let (positions, normals) = (actor.surface.positions(), actor.surface.normals());
        let needed = self.shown_vertices(actor, me as u16 + 1, owners);
        let lit = |i: usize| {
            if needed[i] {
                self.light_at(positions[i], normals[i], &capsules, &near)
            } else {
                VertexLight::default()
            }
        };
        (0..positions.len()).map(lit).collect()
    }

    /// Which vertices belong to a triangle that owns a sample.
    fn shown_vertices(&self, actor: &Actor, owner: u16, owners: &[u16]) -> Vec<bool> {
        let k = self.samples as i32;
        let (across, down) = (
            self.backdrop.width as i32 * k,
            self.backdrop.height as i32 * k,
        );
        let layer = &actor.layer;
        let mut out = vec![false; actor.surface.len()];
        for y in layer.y0.max(0)..(layer.y0 + layer.height).min(down) {
            for x in layer.x0.max(0)..(layer.x0 + layer.width).min(across) {
                if owners[(y * across + x) as usize] != owner {
                    continue;
                }
                let at = layer.index(x, y).map_or(NONE, |at| layer.triangle[at]);
                if let Some(corners) = actor.surface.triangles().get(at as usize) {
                    for corner in corners {
                        out[*corner as usize] = true;
                    }
                }
            }
        }
        out
    }
}
