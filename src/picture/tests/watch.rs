//! The watch says each cause once, and says when it is over.

use super::painted::{Painted, SIZE};
use crate::picture::{Cells, Luma, Reference, SightWatch};
use crate::sight::SightState::{self, Blurred, Bright, Clear, Covered, Dark, Frozen, Moved};
use crate::units::Instant;

/// Pictures a second; every second one is a key picture.
const RATE: f64 = 4.0;

/// A camera before a painted room.
struct Camera {
    room: Painted,
    empty: Vec<f32>,
    watch: SightWatch,
    frame: u64,
    said: Vec<(f64, SightState)>,
}

impl Camera {
    fn new(room: u32, reference: Option<Reference>) -> Self {
        let room = Painted::room(room);
        Self {
            empty: room.levels.clone(),
            room,
            watch: SightWatch::new(reference),
            frame: 0,
            said: Vec::new(),
        }
    }

    /// Shows the room for some seconds as `paint` changes it.
    fn show(&mut self, seconds: f64, noise: f32, paint: impl Fn(&mut Painted)) -> &mut Self {
        for _ in 0..(seconds * RATE) as u64 {
            self.room.levels.clone_from(&self.empty);
            paint(&mut self.room);
            let levels = self.room.levels.clone();
            let luma = self.room.show(&levels, noise);
            let mut cells = Cells::new();
            cells.measure(luma);
            let at_s = self.frame as f64 / RATE;
            let key = self.frame.is_multiple_of(2);
            if let Some(found) = self.watch.step(Instant::from_s(at_s), luma, &cells, key) {
                assert!(!found.line.is_empty());
                self.said.push((at_s, found.state));
            }
            self.frame += 1;
        }
        self
    }

    /// What has been said: each state, and within which seconds.
    #[track_caller]
    fn check(&self, expect: &[(SightState, std::ops::Range<f64>)]) {
        let states: Vec<_> = self.said.iter().map(|said| said.1).collect();
        let wanted: Vec<_> = expect.iter().map(|expect| expect.0).collect();
        assert_eq!(states, wanted, "{:?}", self.said);
        for ((at_s, state), (_, range)) in self.said.iter().zip(expect) {
            assert!(range.contains(at_s), "{state:?} at {at_s} s, not {range:?}");
        }
    }
}

/// The room seen from `x` px further right and `y` px further down.
fn shifted(x: usize, y: usize) -> impl Fn(&mut Painted) {
    move |room| {
        let from = room.levels.clone();
        for row in 0..SIZE.1 {
            for column in 0..SIZE.0 {
                let (u, v) = ((column + x).min(SIZE.0 - 1), (row + y).min(SIZE.1 - 1));
                room.levels[row * SIZE.0 + column] = from[v * SIZE.0 + u];
            }
        }
    }
}

/// Another room altogether: what was wide is high.
fn turned(room: &mut Painted) {
    let from = room.levels.clone();
    for row in 0..SIZE.1 {
        for column in 0..SIZE.0 {
            let (u, v) = (row * SIZE.0 / SIZE.1, column * SIZE.1 / SIZE.0);
            room.levels[row * SIZE.0 + column] = from[v * SIZE.0 + u];
        }
    }
}

fn all(to: impl Fn(f32) -> f32) -> impl Fn(&mut Painted) {
    move |room| room.change((0, 0, SIZE.0, SIZE.1), &to)
}

#[test]
fn an_ordinary_room_is_learned_and_nothing_is_said() {
    let mut camera = Camera::new(3, None);
    camera.show(12.0, 2.0, |_| {});
    assert_eq!(camera.watch.version(), 1);
    camera.show(60.0, 2.0, |_| {}).check(&[]);
    let kept = camera.watch.numbers().kept;
    assert!(kept.is_some_and(|kept| kept > 0.95), "{kept:?}");
}

#[test]
fn each_cause_is_said_once_and_when_it_is_over() {
    let check = |paint: &dyn Fn(&mut Painted), noise: f32, state, by_s: f64| {
        let mut camera = Camera::new(5, None);
        camera.show(15.0, 2.0, |_| {}).show(30.0, noise, paint);
        camera.show(15.0, 2.0, |_| {});
        camera.check(&[(state, 15.0..15.0 + by_s), (Clear, 45.0..51.0)]);
    };
    check(&|_| {}, 0.0, Frozen, 4.0);
    check(&all(|_| 16.0), 0.5, Dark, 3.0);
    check(&all(|_| 234.0), 0.5, Bright, 3.0);
    check(&all(|_| 90.0), 2.0, Covered, 5.0);
    let half = |room: &mut Painted| room.fill((0, 0, SIZE.0 / 2, SIZE.1), 60.0);
    check(&half, 2.0, Covered, 5.0);
    check(&all(|level| 85.0 + 0.4 * level), 2.0, Covered, 6.0);
    let soft = |room: &mut Painted| {
        for _ in 0..12 {
            let from = room.levels.clone();
            for at in SIZE.0 + 1..from.len() - SIZE.0 - 1 {
                let cross = from[at - 1] + from[at + 1] + from[at - SIZE.0] + from[at + SIZE.0];
                room.levels[at] = 0.2 * (from[at] + cross);
            }
        }
    };
    check(&soft, 2.0, Blurred, 8.0);
}

#[test]
fn a_moved_camera_stays_moved_until_it_is_confirmed_or_back() {
    let mut camera = Camera::new(5, None);
    camera
        .show(15.0, 2.0, |_| {})
        .show(30.0, 2.0, shifted(7, 4));
    camera.check(&[(Moved, 15.0..22.0)]);
    let version = camera.watch.version();
    camera.watch.confirm();
    camera.show(30.0, 2.0, shifted(7, 4));
    camera.check(&[(Moved, 15.0..22.0), (Clear, 45.0..46.0)]);
    assert!(camera.watch.version() > version);
    // What was the right place before the confirmation is a wrong one now; and back again.
    camera
        .show(15.0, 2.0, |_| {})
        .show(20.0, 2.0, shifted(7, 4));
    camera.check(&[
        (Moved, 15.0..22.0),
        (Clear, 45.0..46.0),
        (Moved, 75.0..82.0),
        (Clear, 99.0..103.0),
    ]);
}

#[test]
fn d11_a_camera_moved_or_swapped_while_the_box_was_off_is_noticed() {
    let mut camera = Camera::new(5, None);
    camera.show(15.0, 2.0, |_| {});
    let text = serde_json::to_string(camera.watch.reference().unwrap()).unwrap();
    let again = || serde_json::from_str::<Reference>(&text).unwrap();
    Camera::new(5, Some(again()))
        .show(30.0, 2.0, |_| {})
        .check(&[]);
    Camera::new(5, Some(again()))
        .show(30.0, 2.0, shifted(0, 9))
        .check(&[(Moved, 0.0..8.0)]);
    Camera::new(6, Some(again()))
        .show(40.0, 2.0, turned)
        .check(&[(Moved, 0.0..30.0)]);
}

#[test]
fn a_damaged_reference_is_no_reference() {
    let text = r#"{"size_px":[320,180],"views":[
        {"width":320,"height":180,"factor":1,"levels":"AAAA","steady":"AA=="}]}"#;
    let damaged: Reference = serde_json::from_str(text).unwrap();
    let mut camera = Camera::new(5, Some(damaged));
    assert!(camera.watch.reference().is_none());
    camera.show(15.0, 2.0, |_| {}).check(&[]);
    assert!(serde_json::from_str::<Reference>(&text.replace("AAAA", "A*")).is_err());
}

#[test]
fn a_still_room_between_key_pictures_is_not_frozen() {
    let room = Painted::room(2);
    let mut dice = Painted::room(2);
    let mut watch = SightWatch::new(None);
    let mut cells = Cells::new();
    let mut bytes = Vec::new();
    for frame in 0..400_u64 {
        // A key picture every 5 s, the same bytes in between.
        if frame.is_multiple_of(20) {
            let luma = dice.show(&room.levels, 2.0);
            bytes = (0..SIZE.1).flat_map(|row| luma.row(row).to_vec()).collect();
        }
        let luma = Luma::new(&bytes, SIZE.0, SIZE.1, SIZE.0).unwrap();
        cells.measure(luma);
        let taken = Instant::from_s(frame as f64 / RATE);
        let key = frame.is_multiple_of(20);
        assert_eq!(watch.step(taken, luma, &cells, key), None);
    }
}

#[test]
fn any_size_and_any_time_are_borne() {
    let mut watch = SightWatch::new(None);
    let mut cells = Cells::new();
    let bytes: Vec<u8> = (0..40_000_u32).map(|at| (at * 37 % 251) as u8).collect();
    for (number, (w, h)) in [(1, 1), (2, 3), (40, 3), (3, 40), (200, 200), (17, 19)]
        .into_iter()
        .enumerate()
    {
        for step in 0..30_i64 {
            let luma = Luma::new(&bytes, w, h, w).unwrap();
            cells.measure(luma);
            let at = Instant::from_us((number as i64 * 7 - step) * 600_000 * (1 - step % 3));
            watch.step(at, luma, &cells, step % 2 == 0);
        }
    }
}
