// SPDX-License-Identifier: Apache-2.0

//! Instances and brokers of a three-node cluster die, sleep, come and go while events keep coming: nothing is lost, nothing
//! is duplicated, nothing is blocked. `CX_CHAOS_SEED` repeats the faults of a run; the command `chaos` has as many as one likes.
#![allow(clippy::unwrap_used, reason = "all of this file is a test")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::chaos::{Options, run};

#[test]
fn whatever_dies_in_whatever_order_consumers_see_what_fold_gives() {
    let named = std::env::var("CX_CHAOS_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = named.map_or(now.as_secs(), |seed| seed.parse().unwrap());
    let report = run(&Options {
        seed,
        instance_kills: 8,
        broker_kills: 2,
        rate: 200,
        time_max: Some(Duration::from_secs(90)),
        verbose: false,
    });
    println!("{report}");
}
