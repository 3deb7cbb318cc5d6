//! Tiny frames, checked against their own truth.

use super::*;
use crate::detection::{BoxInImage, PointInImage};
use crate::sim::body::{Action, Build, Carried, Dice, Outfit, Stance, walking};

const SIZE: (u32, u32) = (160, 90);

fn hall(camera: Camera) -> Renderer {
    Renderer::new(Layout::default().scene(camera, Sensor::default()))
}

fn overlooking() -> Camera {
    Camera::new([0.0, -5.6, 3.0], 1.57, 0.5, SIZE, 1.2)
}

fn person(id: u32, x: f64, y: f64, speed_mps: f32) -> Figure {
    let mut dice = Dice::new(u64::from(id));
    let build = Build::random(&mut dice);
    let outfit = Outfit {
        carried: Vec::new(),
        ..Outfit::random(&mut dice, build.feminine)
    };
    let stance = Stance {
        at: [x, y],
        speed_mps,
        phase: 0.3,
        manner: id,
        ..Stance::default()
    };
    Figure {
        id,
        pose: walking(&build, &stance),
        build,
        outfit,
    }
}

fn moment(figures: Vec<Figure>) -> Moment {
    Moment {
        figures,
        ..Moment::default()
    }
}

/// Box of the samples that a figure owns, px.
fn owned(frame: &Frame, figure: usize) -> Option<BoxInImage> {
    let across = SIZE.0 as usize * frame.samples as usize;
    let mut found: Option<BoxInImage> = None;
    let px = 1.0 / f64::from(frame.samples);
    for (i, owner) in frame.owners.iter().enumerate() {
        if usize::from(*owner) == figure + 1 {
            let (x, y) = ((i % across) as f64 * px, (i / across) as f64 * px);
            let b = found.get_or_insert(BoxInImage::new(x, y, x + px, y + px));
            *b = BoxInImage::new(
                b.left.min(x),
                b.top.min(y),
                b.right.max(x + px),
                b.bottom.max(y + px),
            );
        }
    }
    found
}

#[track_caller]
fn near(a: BoxInImage, b: BoxInImage, px: f64) {
    let gaps = [
        a.left - b.left,
        a.top - b.top,
        a.right - b.right,
        a.bottom - b.bottom,
    ];
    assert!(
        gaps.iter().all(|g| g.abs() <= px),
        "{a:?} and {b:?} differ by more than {px} px"
    );
}

#[test]
fn truth_of_people_alone_agrees_with_the_picture() {
    let renderer = hall(overlooking());
    for id in 1..6 {
        let frame = renderer.render(&moment(vec![person(id, 0.4, -2.5, 1.2)]));
        let person = &frame.truth.people[0];
        let visible = person.visible_box.unwrap();
        near(visible, owned(&frame, 0).unwrap(), 1e-9);
        // Nothing hides the person: the mask's box is the projected surface's, to a sample.
        near(visible, person.full_box.unwrap(), 1.0);
        assert!(person.visible_share > 0.999, "{}", person.visible_share);
        let (foot, head) = (person.foot.unwrap(), person.head.unwrap());
        let inside = |p: PointInImage| {
            p.x > visible.left
                && p.x < visible.right
                && p.y > visible.top - 1.5
                && p.y < visible.bottom
        };
        assert!(
            inside(foot) && inside(head),
            "{foot:?} {head:?} {visible:?}"
        );
        assert!(head.y < foot.y);
    }
}

#[test]
fn who_stands_behind_is_hidden() {
    let renderer = hall(overlooking());
    let alone = renderer.render(&moment(vec![person(1, 0.0, -1.8, 0.0)]));
    let both = renderer.render(&moment(vec![
        person(1, 0.0, -1.8, 0.0),
        person(2, 0.05, -2.5, 0.0),
    ]));
    let (before, after) = (&alone.truth.people[0], &both.truth.people[0]);
    assert!(
        after.visible_share > 0.05 && after.visible_share < 0.8,
        "{}",
        after.visible_share
    );
    assert!(both.truth.people[1].visible_share > 0.999);
    assert_eq!(before.full_box, after.full_box);
    let (whole, rest) = (before.visible_box.unwrap(), after.visible_box.unwrap());
    assert!(rest.area() < whole.area());
    near(rest, owned(&both, 0).unwrap(), 1e-9);
    // The share is that of the samples.
    let count = |f: &Frame| f.owners.iter().filter(|o| **o == 1).count() as f64;
    assert!((after.visible_share - count(&both) / count(&alone)).abs() < 0.01);
}

#[test]
fn a_desk_hides_whose_it_is_and_an_umbrella_does_not() {
    let renderer = hall(overlooking());
    let with = |carried: &[Carried], action| {
        let mut one = person(1, 0.0, -2.5, 0.0);
        one.outfit.carried = carried.to_vec();
        let stance = Stance {
            at: [0.0, -2.5],
            heading_rad: -1.571, // towards the camera
            action,
            ..Stance::default()
        };
        one.pose = walking(&one.build, &stance);
        let frame = renderer.render(&moment(vec![one]));
        let truth = &frame.truth.people[0];
        let (visible, full) = (truth.visible_box.unwrap(), truth.full_box.unwrap());
        (full.bottom - visible.bottom) / (full.bottom - full.top)
    };
    let chair = with(&[Carried::Chair], Action::Desk);
    let desk = with(&[Carried::Chair, Carried::Desk], Action::Desk);
    let umbrella = with(&[Carried::Umbrella], Action::Raise);
    assert!(chair < 0.1, "the chair stands behind: {chair}");
    assert!(desk > 0.2, "the desk hides the legs: {desk}");
    assert!(umbrella < 0.05, "{umbrella}");
}

#[test]
fn walls_hide_people_and_doorways_show_them() {
    let mut scene = Layout::default().scene(overlooking(), Sensor::default());
    scene.doors[0].style = LeafStyle::Solid;
    let renderer = Renderer::new(scene);
    let frame = renderer.render(&Moment {
        door_angles_rad: vec![1.5],
        ..moment(vec![person(1, 2.6, 1.5, 0.0), person(2, 0.0, 1.2, 0.0)])
    });
    assert_eq!(frame.truth.people[0].visible_box, None);
    assert!(frame.truth.people[1].visible_share > 0.3);
    let shut = renderer.render(&moment(vec![person(2, 0.0, 1.2, 0.0)]));
    assert!(shut.truth.people[0].visible_share < 0.05);
}

#[test]
fn who_leaves_the_picture_keeps_a_whole_box() {
    let renderer = hall(overlooking());
    let frame = renderer.render(&moment(vec![
        person(3, -2.45, -2.9, 0.0),
        person(4, 0.0, -9.0, 0.0),
    ]));
    let cut = &frame.truth.people[0];
    let (visible, full) = (cut.visible_box.unwrap(), cut.full_box.unwrap());
    assert!(
        full.left < 0.0 && visible.left >= 0.0,
        "{full:?} {visible:?}"
    );
    assert!(
        cut.visible_share > 0.2 && cut.visible_share < 0.95,
        "{}",
        cut.visible_share
    );
    let behind = &frame.truth.people[1];
    assert_eq!((behind.visible_box, behind.foot), (None, None));
}

#[test]
fn the_same_moment_gives_the_same_bytes() {
    let m = moment(vec![person(1, 0.3, -2.0, 1.0), person(2, -0.6, -1.0, 0.0)]);
    let a = hall(overlooking()).render(&m);
    let b = hall(overlooking()).render(&m);
    assert!(a == b);
    let other = hall(overlooking()).render(&Moment { noise_seed: 7, ..m });
    assert!(
        a.picture != other.picture,
        "another seed must make other noise"
    );
    assert_eq!(a.truth, other.truth);
}

#[test]
fn projection_is_the_matrix_and_back() {
    let mut camera = Camera::new([1.2, -3.0, 2.7], 1.1, 0.6, (640, 360), 1.3);
    camera.roll_rad = 0.07;
    let m = camera.image_from_world();
    for p in [[0.0, 0.0, 0.0], [2.0, 1.5, 1.7], [1.3, -1.0, 0.4]] {
        let row = |r: usize| m[r][0] * p[0] + m[r][1] * p[1] + m[r][2] * p[2] + m[r][3];
        let (seen, depth) = camera.project(p).unwrap();
        assert!((seen.x - row(0) / row(2)).abs() < 1e-9 && (seen.y - row(1) / row(2)).abs() < 1e-9);
        assert!((depth - row(2)).abs() < 1e-12);
    }
    camera.lens.radial = [-0.18, 0.04, 0.0];
    camera.lens.tangential = [0.001, -0.002];
    let points = camera.control_points(0.5, 8.0);
    assert!(points.len() > 20, "{}", points.len());
    for point in points {
        let floor = camera.floor_from_image(point.image).unwrap();
        assert!(floor.distance(point.floor) < 1e-6, "{floor:?} {point:?}");
    }
}

#[test]
fn every_spectrum_and_odd_sizes_render() {
    for spectrum in [Spectrum::Grey, Spectrum::NearInfrared, Spectrum::Thermal] {
        let camera = Camera::new([0.0, -5.6, 3.0], 1.57, 0.5, (101, 57), 1.2);
        let sensor = Sensor {
            spectrum,
            ..Sensor::default()
        };
        let renderer = Renderer::with_samples(Layout::default().scene(camera, sensor), 1);
        let frame = renderer.render(&moment(vec![person(1, 0.0, -2.0, 1.0)]));
        assert_eq!(frame.picture.rgb.len(), 3 * 101 * 57);
        assert!(
            frame
                .picture
                .rgb
                .chunks(3)
                .all(|c| c[0] == c[1] && c[1] == c[2]),
            "{spectrum:?}"
        );
        let (mut low, mut high) = (255, 0);
        for c in &frame.picture.rgb {
            (low, high) = (low.min(*c), high.max(*c));
        }
        assert!(high - low > 60, "{spectrum:?}: flat picture {low}..{high}");
    }
}

#[test]
fn people_throw_shadows_and_darken_the_floor() {
    let camera = overlooking();
    let sensor = Sensor {
        noise: 0.0,
        ..Sensor::default()
    };
    let renderer = Renderer::new(Layout::default().scene(camera, sensor));
    let empty = renderer.render(&Moment::default());
    let frame = renderer.render(&moment(vec![person(1, 0.0, -2.5, 0.0)]));
    let foot = frame.truth.people[0].foot.unwrap();
    let (x, y) = (foot.x as i32, foot.y as i32);
    let light = |f: &Frame| {
        let mut sum = 0;
        for dx in [-9, -8, 8, 9] {
            sum += u32::from(f.picture.at(x + dx, y)[1]);
        }
        sum
    };
    assert!(
        light(&frame) + 8 < light(&empty),
        "{} {}",
        light(&frame),
        light(&empty)
    );
}

#[test]
fn chance_pictures_are_sound() {
    let plan = ShotPlan::training((96, 54));
    let (mut seen, mut hidden) = (0, 0);
    for seed in 0..12 {
        let shot = plan.take(seed, 2);
        assert!(
            shot == plan.take(seed, 2),
            "the same seed must give the same shot"
        );
        let renderer = Renderer::with_samples(shot.scene, 1);
        for moment in &shot.moments {
            let frame = renderer.render(moment);
            assert_eq!(frame.truth.people.len(), moment.figures.len());
            for person in &frame.truth.people {
                assert!((0.0..=1.0).contains(&person.visible_share), "{person:?}");
                assert_eq!(person.visible_box.is_none(), person.visible_share <= 0.0);
                let Some(visible) = person.visible_box else {
                    hidden += 1;
                    continue;
                };
                seen += 1;
                assert!(visible.left >= 0.0 && visible.right <= 96.0, "{visible:?}");
                assert!(visible.top >= 0.0 && visible.bottom <= 54.0, "{visible:?}");
                // What shows is counted in whole samples.
                if let Some(full) = person.full_box {
                    let beyond = [
                        full.left - visible.left,
                        full.top - visible.top,
                        visible.right - full.right,
                        visible.bottom - full.bottom,
                    ];
                    assert!(beyond.iter().all(|px| *px <= 1.0), "{full:?} {visible:?}");
                }
            }
        }
    }
    assert!(
        seen > 40 && seen > 2 * hidden,
        "{seen} seen, {hidden} hidden"
    );
}

#[test]
fn an_exposure_of_several_moments_blurs_what_moves() {
    let sensor = Sensor {
        noise: 0.0,
        ..Sensor::default()
    };
    let renderer = Renderer::new(Layout::default().scene(overlooking(), sensor));
    let at = |x: f64| moment(vec![person(1, x, -2.5, 0.0)]);
    let sharp = renderer.render(&at(0.0));
    let blurred = renderer.render_exposure(&[at(-0.25), at(0.0), at(0.25)]);
    assert_eq!(sharp.truth, blurred.truth);
    let edges = |f: &Frame| {
        let steps = f
            .picture
            .rgb
            .windows(4)
            .map(|w| u64::from(w[0].abs_diff(w[3])).pow(2));
        steps.sum::<u64>()
    };
    assert!(
        edges(&blurred) < edges(&sharp),
        "{} {}",
        edges(&blurred),
        edges(&sharp)
    );
    assert!(renderer.render_exposure(&[]).truth.people.is_empty());
}
