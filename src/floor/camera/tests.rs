//! Cameras made from known poses, spoilt calibrations, and the project's own three views.

use proptest::prelude::*;

use super::*;

/// A camera `height_m` over the floor point (0, 0), looking along +y, `pitch` below the horizon.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) height_m: f64,
    pub(crate) pitch_deg: f64,
    pub(crate) roll_deg: f64,
    pub(crate) focal_px: f64,
    pub(crate) size_px: (u32, u32),
}

impl Mount {
    pub(crate) fn lens(&self) -> Lens {
        let (w, h) = self.size_px;
        let centre = PointInImage {
            x: 0.5 * f64::from(w),
            y: 0.5 * f64::from(h),
        };
        Lens::pinhole(self.focal_px, centre)
    }

    pub(crate) fn rotation(&self) -> [[f64; 3]; 3] {
        let (s, c) = libm::sincos(self.pitch_deg.to_radians());
        let (rs, rc) = libm::sincos(self.roll_deg.to_radians());
        let right = [1.0, 0.0, 0.0];
        let down = [0.0, -s, -c];
        let turn = |a: f64, b: f64| [0, 1, 2].map(|i| a * right[i] + b * down[i]);
        [turn(rc, -rs), turn(rs, rc), [0.0, c, -s]]
    }

    pub(crate) fn spec(&self, lens: Lens) -> CameraSpec {
        let r = self.rotation();
        let t = r.map(|row| -row[2] * self.height_m);
        CameraSpec::from_pose(self.size_px.0, self.size_px.1, lens, r, t).unwrap()
    }

    pub(crate) fn model(&self) -> CameraModel {
        CameraModel::new(self.spec(self.lens())).unwrap()
    }
}

pub(crate) fn mount(height_m: f64, pitch_deg: f64, focal_px: f64) -> Mount {
    Mount {
        height_m,
        pitch_deg,
        roll_deg: 0.0,
        focal_px,
        size_px: (1280, 720),
    }
}

fn quad(px: [[f64; 2]; 4], m: [[f64; 2]; 4]) -> Vec<ControlPoint> {
    px.iter()
        .zip(&m)
        .map(|(p, f)| ControlPoint {
            image: PointInImage { x: p[0], y: p[1] },
            floor: PointInFloor { x: f[0], y: f[1] },
        })
        .collect()
}

fn spec(size: (u32, u32), lens: Option<Lens>, control_points: Vec<ControlPoint>) -> CameraSpec {
    CameraSpec {
        image_width_px: size.0,
        image_height_px: size.1,
        lens,
        control_points,
        scale_uncertainty: 0.1,
        person_height_m: PERSON_HEIGHT_M,
        person_height_sd_m: PERSON_HEIGHT_SD_M,
    }
}

const ROAD_PX: [[f64; 2]; 4] = [
    [100.0, 700.0],
    [1180.0, 700.0],
    [900.0, 300.0],
    [380.0, 300.0],
];
const ROAD_M: [[f64; 2]; 4] = [[-2.0, 2.0], [2.0, 2.0], [2.0, 7.0], [-2.0, 7.0]];

#[track_caller]
fn check_refused(px: [[f64; 2]; 4], m: [[f64; 2]; 4], say: &str) {
    let refused = CameraModel::new(spec((1280, 720), None, quad(px, m))).unwrap_err();
    assert!(refused.contains(say), "{refused:?} does not say {say:?}");
}

#[test]
fn spoilt_control_points_are_refused_with_what_to_do() {
    assert!(CameraModel::new(spec((1280, 720), None, quad(ROAD_PX, ROAD_M))).is_ok());
    let with = |i: usize, p: [f64; 2], of: [[f64; 2]; 4]| {
        let mut quad = of;
        quad[i] = p;
        quad
    };
    let line = with(1, [-2.0, 4.0], ROAD_M);
    check_refused(
        ROAD_PX,
        line,
        "1, 2 and 4 lie in one line on the floor: move one",
    );
    let line = with(2, [640.0, 701.0], ROAD_PX);
    check_refused(
        line,
        ROAD_M,
        "1, 2 and 3 lie in one line in the picture: move one",
    );
    let same = with(3, ROAD_PX[0], ROAD_PX);
    check_refused(
        same,
        ROAD_M,
        "1 and 4 are at the same place in the picture: move or remove",
    );
    check_refused([[9.0; 2]; 4], ROAD_M, "1 and 2 are at the same place");
    let broken = with(1, [f64::NAN, 2.0], ROAD_M);
    check_refused(ROAD_PX, broken, "control point 2 is not finite");
    let swapped = [ROAD_M[1], ROAD_M[0], ROAD_M[2], ROAD_M[3]];
    check_refused(ROAD_PX, swapped, "probably swapped");
    let mirrored = ROAD_M.map(|[x, y]| [x, -y]);
    check_refused(ROAD_PX, mirrored, "turn the sign of every y");

    let refused = |spec: CameraSpec| CameraModel::new(spec).unwrap_err();
    let good = || spec((1280, 720), None, quad(ROAD_PX, ROAD_M));
    let mut few = good();
    few.control_points.pop();
    assert!(refused(few).contains("3 control points are too few"));
    let mut five = good();
    for (i, p) in five.control_points.iter_mut().enumerate().take(3) {
        p.floor = PointInFloor {
            x: i as f64,
            y: i as f64,
        };
    }
    five.control_points.push(ControlPoint {
        image: PointInImage { x: 640.0, y: 500.0 },
        floor: PointInFloor { x: 3.0, y: 3.0 },
    });
    assert!(refused(five).contains("all control points but one lie in one line on the floor"));
    let lens = Lens::pinhole(0.0, PointInImage { x: 640.0, y: 360.0 });
    assert!(
        refused(CameraSpec {
            lens: Some(lens),
            ..good()
        })
        .contains("focal length above 0")
    );
    assert!(
        refused(CameraSpec {
            image_width_px: 0,
            ..good()
        })
        .contains("picture size is 0")
    );
    assert!(
        refused(CameraSpec {
            person_height_m: -1.0,
            ..good()
        })
        .contains("height")
    );
    assert!(
        refused(CameraSpec {
            scale_uncertainty: f64::NAN,
            ..good()
        })
        .contains("scale")
    );
}

#[test]
fn a_view_that_does_not_tell_the_focal_length_gives_no_pose() {
    // Straight down: a square stays a square at any focal length.
    let px = [[340.0, 660.0], [940.0, 660.0], [940.0, 60.0], [340.0, 60.0]];
    let down = CameraModel::new(spec((1280, 720), None, quad(px, ROAD_M))).unwrap();
    assert_eq!(down.pose(), None);
    let foot = PointInFloor { x: 0.0, y: 4.0 };
    assert!(
        down.image_from_floor(foot, 0.0).is_some(),
        "the floor works without a pose"
    );
    assert_eq!(down.image_from_floor(foot, 1.7), None);
    assert_eq!(
        down.floor_from_head(PointInImage { x: 640.0, y: 360.0 }, 1.7),
        None
    );
    assert_eq!(
        down.height_from_head(foot, PointInImage { x: 640.0, y: 360.0 }),
        None
    );
}

#[track_caller]
fn check_pose(model: &CameraModel, focal_px: f64, pitch_deg: f64, height_m: f64, share: f64) {
    let pose = model.pose().expect("a pose");
    let near = |got: f64, expect: f64| (got - expect).abs() <= share * expect;
    assert!(near(pose.focal_px, focal_px), "focal {} px", pose.focal_px);
    assert!(
        near(pose.pitch_rad.to_degrees(), pitch_deg),
        "pitch {}",
        pose.pitch_rad.to_degrees()
    );
    assert!(near(pose.height_m, height_m), "height {} m", pose.height_m);
}

/// The floor quads that the acceptance clips are calibrated from, with what their makers say of
/// the cameras. The quads tell the focal length by themselves, so it is held against both.
#[test]
fn real_quads_give_the_poses_their_makers_used_with_and_without_the_lens() {
    let check = |size: (u32, u32), quad: Vec<ControlPoint>, f: f64, pitch: f64, height: f64| {
        let centre = PointInImage {
            x: f64::from(size.0) / 2.0,
            y: f64::from(size.1) / 2.0,
        };
        for lens in [Some(Lens::pinhole(f, centre)), None] {
            let model = CameraModel::new(spec(size, lens, quad.clone())).unwrap();
            check_pose(&model, f, pitch, height, 0.02);
        }
    };
    let table = quad(
        [
            [60.0, 425.0],
            [150.0, 275.0],
            [640.0, 275.0],
            [740.0, 425.0],
        ],
        [[-1.22, 1.94], [-1.02, 2.70], [1.11, 2.70], [1.34, 1.94]],
    );
    check((768, 432), table, 927.0, 44.5, 3.0);
    let warehouse = quad(
        [[60.0, 262.0], [430.0, 262.0], [350.0, 100.0], [80.0, 100.0]],
        [[-1.71, 3.21], [1.8, 3.21], [2.25, 8.19], [-3.27, 8.19]],
    );
    check((480, 270), warehouse, 420.0, 22.7, 2.65);
    // Here the makers give the height alone; the rest is what the quad says.
    let street = quad(
        [
            [290.0, 130.0],
            [455.0, 120.0],
            [470.0, 270.0],
            [285.0, 215.0],
        ],
        [[7.57, -2.49], [3.47, 4.93], [21.11, 2.29], [18.13, -2.2]],
    );
    check((480, 360), street, 743.0, 16.9, 6.8);
}

#[test]
fn a_published_ground_plane_camera_is_rebuilt_from_its_pose() {
    // Street level, nearly level: R, t and K as a tracking benchmark publishes them.
    let r = [
        [0.13917, -0.99027, 0.0],
        [-0.06908, -0.00971, -0.99756],
        [0.98786, 0.13883, -0.06976],
    ];
    let t = [0.0, 1.310, 6.097];
    let lens = Lens::pinhole(1300.0, PointInImage { x: 960.0, y: 540.0 });
    let model = CameraModel::new(CameraSpec::from_pose(1920, 1080, lens, r, t).unwrap()).unwrap();
    check_pose(&model, 1300.0, 4.0, 1.732, 0.002);
    let direct = |x: f64, y: f64, z: f64| {
        let c = [0, 1, 2].map(|i| r[i][0] * x + r[i][1] * y + r[i][2] * z + t[i]);
        PointInImage {
            x: 960.0 + 1300.0 * c[0] / c[2],
            y: 540.0 + 1300.0 * c[1] / c[2],
        }
    };
    for (x, y, z) in [(2.0, 1.0, 0.0), (5.0, -3.0, 1.7), (10.0, 4.0, 1.0)] {
        let seen = model.image_from_floor(PointInFloor { x, y }, z).unwrap();
        assert!(
            seen.distance(direct(x, y, z)) < 0.02,
            "{seen:?} is not {:?}",
            direct(x, y, z)
        );
    }
    let up = CameraSpec::from_pose(1920, 1080, lens, r, [0.0, -1.31, -6.0]).unwrap_err();
    assert!(up.contains("under the floor"), "{up}");
    let sky = mount(3.0, -60.0, 900.0);
    let r = sky.rotation();
    let up = CameraSpec::from_pose(1280, 720, sky.lens(), r, r.map(|row| -row[2] * 3.0));
    assert!(up.unwrap_err().contains("too little of the floor"));
}

prop_compose! {
    /// Any mounting a door camera has: 2.2 to 6 m up, 15 to 75 degrees down, wide to narrow.
    pub(crate) fn mounts()(
        height_m in 2.2..6.0_f64, pitch_deg in 15.0..75.0_f64,
        roll_deg in -8.0..8.0_f64, focal_px in 600.0..1500.0_f64,
    ) -> Mount {
        Mount { height_m, pitch_deg, roll_deg, focal_px, size_px: (1280, 720) }
    }
}

proptest! {
    #[test]
    fn the_pose_is_recovered_with_and_without_the_lens(mount in mounts()) {
        check_pose(&mount.model(), mount.focal_px, mount.pitch_deg, mount.height_m, 1e-6);
        let told_nothing = CameraSpec { lens: None, ..mount.spec(mount.lens()) };
        let model = CameraModel::new(told_nothing).unwrap();
        check_pose(&model, mount.focal_px, mount.pitch_deg, mount.height_m, 0.01);
    }

    #[test]
    fn floor_and_picture_and_heads_agree(
        mount in mounts(), u in 0.0..1.0_f64, v in 0.0..1.0_f64, height in 0.5..2.1_f64,
        k1 in -0.25..0.1_f64,
    ) {
        let mut lens = mount.lens();
        lens.radial[0] = k1;
        let model = CameraModel::new(mount.spec(lens)).unwrap();
        prop_assert!(model.residual_px() < 1e-4, "{}", model.residual_px());
        let p = PointInImage { x: u * 1280.0, y: v * 720.0 };
        let Some(at) = model.floor_from_image(p) else { return Ok(()); };
        let Some(back) = model.image_from_floor(at, 0.0) else { return Ok(()); };
        let far = at.distance(model.pose().unwrap().foot);
        prop_assume!(far < 60.0);
        prop_assert!(back.distance(p) < 1e-4, "{p:?} came back as {back:?}");

        let Some(head) = model.image_from_floor(at, height) else { return Ok(()); };
        let foot = model.floor_from_head(head, height).unwrap();
        prop_assert!(foot.distance(at) < 1e-4 * (1.0 + far), "{foot:?} is not {at:?}");
        let tall = model.height_from_head(at, head).unwrap();
        prop_assert!((tall - height).abs() < 1e-4 * (1.0 + far), "{tall} is not {height}");
    }

    #[test]
    fn the_jacobian_through_the_lens_is_the_slope(mount in mounts(), u in 0.1..0.9_f64, v in 0.5..0.9_f64) {
        let mut lens = mount.lens();
        lens.radial[0] = -0.2;
        let model = CameraModel::new(mount.spec(lens)).unwrap();
        let p = PointInImage { x: u * 1280.0, y: v * 720.0 };
        let (Some(at), Some(j)) = (model.floor_from_image(p), model.floor_from_image_jacobian(p)) else {
            return Ok(());
        };
        prop_assume!(at.distance(model.pose().unwrap().foot) < 30.0);
        let eps = 1e-3;
        let near = |dx: f64, dy: f64| {
            model.floor_from_image(PointInImage { x: p.x + dx, y: p.y + dy }).unwrap()
        };
        let (r, l, d, t) = (near(eps, 0.0), near(-eps, 0.0), near(0.0, eps), near(0.0, -eps));
        let slope = [
            [(r.x - l.x) / (2.0 * eps), (d.x - t.x) / (2.0 * eps)],
            [(r.y - l.y) / (2.0 * eps), (d.y - t.y) / (2.0 * eps)],
        ];
        let size = j.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
        for (got, expect) in j.iter().flatten().zip(slope.iter().flatten()) {
            prop_assert!((got - expect).abs() < 1e-3 * size, "{j:?} is not {slope:?}");
        }
    }

    #[test]
    fn no_input_panics(numbers in prop::collection::vec(prop::num::f64::ANY, 24)) {
        let points = numbers.chunks_exact(4).map(|n| ControlPoint {
            image: PointInImage { x: n[0], y: n[1] },
            floor: PointInFloor { x: n[2], y: n[3] },
        });
        let _ = CameraModel::new(spec((1280, 720), None, points.clone().take(4).collect()));
        let _ = CameraModel::new(spec((1280, 720), None, points.collect()));
        let model = mount(3.0, 40.0, 900.0).model();
        for n in numbers.chunks_exact(2) {
            let p = PointInImage { x: n[0], y: n[1] };
            let _ = (model.floor_from_image(p), model.floor_from_image_jacobian(p));
            let _ = (model.floor_from_head(p, n[0]), model.floor_from_head(p, 1.7));
            let _ = model.image_from_floor(PointInFloor { x: n[0], y: n[1] }, n[1]);
        }
    }
}

#[test]
fn a_person_is_as_large_as_their_longer_side() {
    let check = |pitch_deg: f64, at: PointInFloor, expect_px: f64| {
        let model = mount(3.0, pitch_deg, 600.0).model();
        let found = model.person_px(at).unwrap();
        assert!((found - expect_px).abs() < 1.0, "{pitch_deg}: {found} px");
    };
    // Level, from 6 m away: 1.70 m at 100 px a metre.
    let tall_px = PERSON_HEIGHT_M * 100.0;
    check(0.0, PointInFloor { x: 0.0, y: 6.0 }, tall_px);
    // From straight above: shoulders 0.45 m broad, 0.82 of the height up.
    let broad_px = 0.45 * 600.0 / (3.0 - 0.82 * PERSON_HEIGHT_M);
    check(90.0, PointInFloor { x: 0.0, y: 0.0 }, broad_px);
}
