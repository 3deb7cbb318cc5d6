//! The engine's own cost: one step (footprints, track, grid, count, judge) at 1, 10 and 50 people.
//! Limit: 20 microseconds a frame at 10 people.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what must not be"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tailgate::engine::{Engine, Input};
use tailgate::sim::feed::{Level, feed};
use tailgate::sim::script::parse;

/// A yard with `people` who walk to and fro over a long portal.
fn scene(people: usize) -> String {
    let mut text = String::from(
        "scene bench\nrate 15\nlength 20\ndoor yard line (-9,0) (9,0)\ngrid (-10,-8) (10,8)\n\
         camera at (0,-14) height 6 pitch 24 yaw 0 focal 600 size 1280x720\n\
         noise sd 0.05 miss 0.05 seed 7\n",
    );
    for walker in 0..people {
        let x = -8.5 + 17.0 * (walker as f64 + 0.5) / people as f64;
        let (a, b) = if walker % 2 == 0 { (-6, 6) } else { (6, -6) };
        let from = 0.3 * (walker % 10) as f64;
        text.push_str(&format!(
            "walker w{walker} from {from} path ({x:.2},{a}) ({x:.2},{b}) ({x:.2},{a})\n\
             {from} grant g{walker}\n"
        ));
    }
    text
}

fn step(criterion: &mut Criterion) {
    for level in [Level::Footprints, Level::Boxes] {
        let mut group = criterion.benchmark_group(format!("engine step from {level:?}"));
        for people in [1, 10, 50] {
            let scene = parse(&scene(people)).expect("the bench's scene is sound");
            let fed = feed(&scene, level).expect("the bench's camera sees the grid");
            let frames: Vec<_> = fed
                .inputs
                .iter()
                .filter(|(_, input)| matches!(input, Input::Frame(_)))
                .collect();
            group.throughput(Throughput::Elements(frames.len() as u64));
            group.bench_function(BenchmarkId::from_parameter(people), |bencher| {
                bencher.iter_batched_ref(
                    || Engine::new(fed.config.clone()).expect("the bench's scene is sound"),
                    |engine| {
                        let mut out = Vec::new();
                        for (at, input) in &frames {
                            out.clear();
                            engine.step(*at, black_box(input), &mut out);
                        }
                    },
                    criterion::BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, step);
criterion_main!(benches);
