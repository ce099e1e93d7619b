//! What it costs to read an event.
//!
//! `cargo bench -p model --bench decode` reads realistic events, over and over, and prints nanoseconds for each: the least of all
//! rounds, over all events in the order in which a topic would hold them, so that no two in a row are of one kind.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use model::{Action, Limits};
use sandbox::conversations::{Options, Size, events};

const EVENTS: usize = 5_000;
const ROUNDS: usize = 20;

/// The least time that reading all of them takes.
fn least(values: &[String]) -> Duration {
    let limits = Limits::default();
    let round = || {
        let begun = Instant::now();
        for value in values {
            black_box(model::decode(black_box(value.as_bytes()), None, &limits).unwrap());
        }
        begun.elapsed()
    };
    std::iter::repeat_with(round).take(ROUNDS).min().unwrap()
}

fn is_primary(value: &str) -> bool {
    let limits = Limits::default();
    let event = model::decode(value.as_bytes(), None, &limits).unwrap();
    matches!(event.action, Action::Primary(_))
}

fn main() {
    println!("| events | how many | bytes each | ns each | MB/s |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for size in [Size::Slim, Size::Real] {
        let planned = events(&Options { size, ..Options::default() }, EVENTS);
        let all: Vec<String> = planned.into_iter().map(|planned| planned.value).collect();
        let (primaries, others): (Vec<String>, Vec<String>) =
            all.iter().cloned().partition(|value| is_primary(value));
        for (what, values) in [("all", &all), ("primaries", &primaries), ("others", &others)] {
            let (seconds, count) = (least(values).as_secs_f64(), values.len() as f64);
            let bytes = values.iter().map(String::len).sum::<usize>() as f64;
            println!(
                "| {size:?}, {what} | {count:.0} | {:.0} | {:.0} | {:.0} |",
                bytes / count,
                seconds * 1e9 / count,
                bytes / seconds / 1e6,
            );
        }
    }
}
