//! Rendered rooms, before noise: people who walk, a crowd, the same room by night and with a lamp off.

use tailgate::sim::render::{Moment, Renderer, Scene, Sensor, Shot, ShotPlan, Spectrum};

/// Size of the pictures, px.
pub const SIZE: (usize, usize) = (640, 360);
/// Pictures a second: as many as the watch looks at.
pub const RATE: f64 = 2.0;

/// Brightness of one picture, one level a pixel.
pub type Levels = Vec<f32>;

/// One room as one camera sees it.
pub struct Room {
    /// Noise of its sensor, levels.
    pub noise: f32,
    /// Nobody there.
    pub empty: Levels,
    /// People who come and go, in a loop.
    pub people: Vec<Levels>,
    /// A crowd before the camera.
    pub crowd: Vec<Levels>,
    /// In infrared, nobody there.
    pub night: Levels,
    /// With most lamps off, exposure as before and adapted, nobody there.
    pub lamps: [Levels; 2],
}

impl Room {
    /// Any room.
    pub fn any(seed: u64) -> Self {
        let plan = ShotPlan {
            size_px: (SIZE.0 as u32, SIZE.1 as u32),
            ..ShotPlan::default()
        };
        let Shot {
            mut scene, moments, ..
        } = plan.take(seed, 3);
        let crowd = ShotPlan {
            people: (9, 14),
            crowding: 0.6,
            ..plan
        };
        let crowd = crowd.take(seed, 2).moments;
        let noise = 1.5 + (seed % 5) as f32;
        scene.sensor.noise = 0.0;
        let night = Scene {
            sensor: Sensor {
                spectrum: Spectrum::NearInfrared,
                ..scene.sensor
            },
            ..scene.clone()
        };
        let mut lamp = scene.clone();
        lamp.lights.truncate(1);
        let mut dimmed = lamp.clone();
        dimmed.sensor.exposure_stops -= 1.5;
        let day = Renderer::with_samples(scene, 1);
        let walk = |moments: &[Moment], count: usize| -> Vec<Levels> {
            (0..count)
                .map(|number| shot(&day, &walked(moments, number)))
                .collect()
        };
        let still = |scene: Scene| shot(&Renderer::with_samples(scene, 1), &Moment::default());
        Self {
            noise,
            empty: shot(&day, &Moment::default()),
            people: walk(&moments, 6),
            crowd: walk(&crowd, 4),
            night: still(night),
            lamps: [still(dimmed), still(lamp)],
        }
    }
}

/// People some way on from where they were: a second scene after a while, through the door and back.
fn walked(moments: &[Moment], number: usize) -> Moment {
    let mut moment = moments[number / 2 % moments.len()].clone();
    let on_m = (number % 2) as f64 / RATE;
    for (who, figure) in moment.figures.iter_mut().enumerate() {
        let side = if who % 2 == 0 { 1.0 } else { -1.0 };
        figure.pose.at[1] += side * on_m * (0.6 + 0.2 * who as f64).min(1.4);
    }
    moment
}

fn shot(renderer: &Renderer, moment: &Moment) -> Levels {
    let rgb = renderer.render(moment).picture.rgb;
    rgb.chunks_exact(3)
        .map(|p| {
            let luma = 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
            // As most streams carry it: 16 is black, 235 is white.
            16.0 + luma * (219.0 / 255.0)
        })
        .collect()
}
