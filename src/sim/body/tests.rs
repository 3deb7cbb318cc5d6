//! Bodies stand on the floor, feet do not slide, surfaces are sound.

use super::*;

fn lowest(build: &Build, stance: &Stance) -> f32 {
    let outfit = Outfit::default();
    let (surface, _) = Surface::new(build, &outfit, &walking(build, stance), 1.0);
    surface
        .positions()
        .iter()
        .map(|p| p.z)
        .fold(f32::MAX, f32::min)
}

#[test]
fn shoes_touch_the_floor_all_through_the_stride() {
    let mut dice = Dice::new(9);
    for _ in 0..12 {
        let build = Build::random(&mut dice);
        for step in 0..16 {
            for speed_mps in [0.0, 0.6, 1.3, 1.8] {
                let phase = step as f32 / 16.0;
                let stance = Stance {
                    phase,
                    speed_mps,
                    manner: dice.bits(),
                    ..Stance::default()
                };
                let low = lowest(&build, &stance);
                assert!(
                    low > -0.02 && low < 0.025,
                    "{low} m at {phase} and {speed_mps} m/s"
                );
            }
        }
    }
}

#[test]
fn the_standing_foot_stays_where_it_is() {
    let build = Build::default();
    let speed_mps = 1.3;
    let stride = stride_m(&build, speed_mps);
    // The left foot stands flat from 12 to 34 % of the stride.
    let ankle = |phase: f32| {
        let at = [f64::from(phase * stride), 0.0];
        let pose = walking(
            &build,
            &Stance {
                at,
                phase,
                speed_mps,
                ..Stance::default()
            },
        );
        Skeleton::new(&build, &pose).ankles[0].at
    };
    let first = ankle(0.12);
    for step in 0..12 {
        let now = ankle(0.12 + 0.02 * step as f32 * 0.9);
        let gap = (now - first).norm();
        assert!(gap < 0.02, "the foot slid {gap} m");
    }
}

#[test]
fn height_is_the_height() {
    let mut dice = Dice::new(3);
    for _ in 0..30 {
        let build = Build::random(&mut dice);
        let skeleton = Skeleton::new(&build, &standing(&build, &Stance::default()));
        let gap = skeleton.crown.z - build.height_m;
        assert!(gap.abs() < 0.05, "{gap} m off {}", build.height_m);
    }
}

#[test]
fn hands_reach_what_they_reach_for() {
    let build = Build::default();
    for to in [[0.55, -0.2, 1.15], [0.4, -0.45, 1.2], [0.5, 0.1, 1.0]] {
        let stance = Stance {
            action: Action::Reach(to),
            ..Stance::default()
        };
        let skeleton = Skeleton::new(&build, &standing(&build, &stance));
        let wrist = skeleton.wrists[1].at;
        let gap = (wrist - v3(to[0] as f32, to[1] as f32, to[2] as f32)).norm();
        // The wrist stops a hand's length short, or the arm is too short.
        assert!(gap < 0.22, "{gap} m from {to:?}");
    }
}

#[test]
fn surfaces_are_finite_whatever_is_worn_and_done() {
    let mut dice = Dice::new(77);
    for _ in 0..60 {
        let build = Build::random(&mut dice);
        let outfit = Outfit::random(&mut dice, build.feminine);
        let action = dice.pick(&[
            Action::Free,
            Action::Phone,
            Action::Read,
            Action::Pockets,
            Action::Crossed,
            Action::Carry,
            Action::Hold,
            Action::Push,
            Action::Raise,
            Action::Sit,
            Action::Desk,
            Action::ReachLeft([0.4, 0.3, 1.1]),
        ]);
        let stance = Stance {
            speed_mps: dice.range(0.0, 1.9),
            phase: dice.unit(),
            manner: dice.bits(),
            action,
            ..Stance::default()
        };
        let (surface, _) = Surface::new(&build, &outfit, &walking(&build, &stance), 0.6);
        assert!(surface.len() > 2000);
        for (p, n) in surface.positions().iter().zip(surface.normals()) {
            assert!(p.norm().is_finite() && p.norm() < 3.0, "{p:?}");
            assert!((n.norm() - 1.0).abs() < 1e-3, "{n:?}");
        }
    }
}
