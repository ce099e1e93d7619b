// SPDX-License-Identifier: Apache-2.0

//! The worst events there can be, within the limits and beyond them, at an instance that is killed again and again: nothing stops it,
//! nothing makes it take more memory than it was given, and nothing vanishes. `CX_HOSTILE_SEED` repeats the records of a run; the
//! command `hostile` sends them for as long as one likes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::hostile::{Options, run};

#[test]
fn whatever_is_sent_the_program_goes_on_and_each_invalid_record_is_a_dead_letter_once() {
    let named = std::env::var("CX_HOSTILE_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = named.map_or(now.as_secs(), |seed| seed.parse().unwrap());
    let report = run(&Options {
        seed,
        time: Duration::from_secs(45),
        kill_every: Duration::from_secs(15),
        memory_mib: 192,
        bytes_a_second: 10e6,
        only: None,
        verbose: false,
    });
    println!("{report}");
}
