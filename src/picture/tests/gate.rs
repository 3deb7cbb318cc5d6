//! The gate lets nobody pass unseen, and closes when there is nobody.

use super::painted::{Painted, SIZE};
use crate::detection::SourceRect;
use crate::picture::{Cells, MotionGate};
use crate::units::Instant;

const RATE: f64 = 10.0;

/// Runs the gate over `seconds` of a room that `paint` changes; says for each frame whether it
/// was open.
fn run(
    seconds: f64,
    noise: f32,
    region: Option<SourceRect>,
    mut paint: impl FnMut(f64, &mut Painted),
) -> Vec<bool> {
    let mut room = Painted::room(7);
    let empty = room.levels.clone();
    let mut gate = MotionGate::new(region);
    let mut cells = Cells::new();
    (0..(seconds * RATE) as i64)
        .map(|frame| {
            let at_s = frame as f64 / RATE;
            room.levels.clone_from(&empty);
            paint(at_s, &mut room);
            let levels = room.levels.clone();
            cells.measure(room.show(&levels, noise));
            gate.step(Instant::from_s(at_s), &cells).open
        })
        .collect()
}

/// Share of the frames from `from_s` on in which the gate was open.
fn share(open: &[bool], from_s: f64, to_s: f64) -> f64 {
    let range = (from_s * RATE) as usize..(to_s * RATE) as usize;
    let frames = &open[range];
    frames.iter().filter(|open| **open).count() as f64 / frames.len() as f64
}

#[track_caller]
fn check(open: &[bool], (from_s, to_s): (f64, f64), expect: std::ops::RangeInclusive<f64>) {
    let share = share(open, from_s, to_s);
    assert!(
        expect.contains(&share),
        "open {share} of {from_s} to {to_s} s, not {expect:?}"
    );
}

#[test]
fn an_empty_room_is_not_looked_at_however_noisy_it_is() {
    for noise in [0.0, 1.0, 3.0, 8.0] {
        let open = run(40.0, noise, None, |_, _| {});
        check(&open, (0.0, 2.9), 1.0..=1.0);
        check(&open, (5.0, 40.0), 0.0..=0.05);
    }
}

#[test]
fn who_walks_slowly_in_clothes_like_the_wall_is_looked_at_all_the_way() {
    // 12 by 40 px, 3 levels from what is behind, noise 3, 8 px a second: 0.2 m/s where people are
    // 70 px tall.
    let open = run(60.0, 3.0, None, |at_s, room| {
        if at_s >= 20.0 {
            let left = 30 + ((at_s - 20.0) * 8.0) as usize;
            room.change((left, 60, 12, 40), |level| level - 3.0);
        }
    });
    check(&open, (10.0, 20.0), 0.0..=0.05);
    check(&open, (20.5, 53.0), 1.0..=1.0);
}

#[test]
fn light_is_not_motion_for_long() {
    let dimmed = run(60.0, 2.0, None, |at_s, room| {
        if at_s >= 20.0 {
            room.change((0, 0, SIZE.0, SIZE.1), |level| 0.35 * level + 5.0);
        }
    });
    check(&dimmed, (30.0, 60.0), 0.0..=0.05);
    // Exposure that breathes by a tenth within 4 s.
    let breathing = run(60.0, 2.0, None, |at_s, room| {
        let gain = 1.0 + 0.1 * (at_s * 1.6).sin() as f32;
        room.change((0, 0, SIZE.0, SIZE.1), |level| gain * level);
    });
    check(&breathing, (10.0, 60.0), 0.0..=0.05);
}

#[test]
fn what_is_put_down_is_looked_at_until_it_has_stayed() {
    let open = run(40.0, 2.0, None, |at_s, room| {
        if at_s >= 20.0 {
            room.fill((60, 90, 40, 50), 200.0);
        }
    });
    check(&open, (20.1, 24.0), 1.0..=1.0);
    check(&open, (28.0, 40.0), 0.0..=0.05);
}

#[test]
fn what_moves_elsewhere_does_not_matter() {
    let elsewhere = SourceRect {
        left: 200,
        top: 0,
        width: 120,
        height: 180,
    };
    let open = run(30.0, 2.0, Some(elsewhere), |at_s, room| {
        let left = 20 + ((at_s * 30.0) as usize) % 120;
        room.fill((left, 60, 20, 60), 220.0);
    });
    check(&open, (5.0, 30.0), 0.0..=0.05);
}

#[test]
fn a_new_size_and_time_that_goes_back_start_afresh() {
    let mut gate = MotionGate::new(None);
    let mut room = Painted::room(1);
    let levels = room.levels.clone();
    let mut cells = Cells::new();
    cells.measure(room.show(&levels, 1.0));
    for at_s in [0.0, 1.0, 2.0, 3.0, 4.0] {
        gate.step(Instant::from_s(at_s), &cells);
    }
    assert!(!gate.step(Instant::from_s(4.1), &cells).open);
    assert!(gate.step(Instant::from_s(2.0), &cells).open);
    let bytes = vec![90; 64 * 64];
    cells.measure(crate::picture::Luma::new(&bytes, 64, 64, 64).unwrap());
    assert!(gate.step(Instant::from_s(2.1), &cells).open);
}
