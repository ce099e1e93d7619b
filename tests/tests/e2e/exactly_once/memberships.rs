// SPDX-License-Identifier: Apache-2.0

//! The same with the other group protocols, and with standby copies.

use std::time::Duration;

use cx_timelines_tests::{Watch, wait_until};

use super::ground::Ground;

const EVENTS: usize = 6_000;
const CHUNKS: usize = 4;
const TIMEOUT: Duration = Duration::from_secs(120);

/// Loads chunk after chunk, and kills one of the two instances after each.
fn survive_kills(flags: &[&str], seed: u64) {
    let ground = Ground::new(EVENTS, seed);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let mut instances = [ground.start(0, flags), ground.start(1, flags)];
    for (number, chunk) in ground.lines.chunks(ground.lines.len().div_ceil(CHUNKS)).enumerate() {
        ground.load(chunk);
        wait_until("some of it is committed", TIMEOUT, || {
            watch.progress().filter(|(committed, end)| end - committed < i64::try_from(chunk.len()).unwrap())
        });
        let victim = number % 2;
        instances[victim].kill();
        instances[victim] = ground.start(victim, flags);
    }
    watch.wait_for_all(TIMEOUT);
    ground.end(instances);
}

#[test]
fn members_that_keep_their_names_survive_kills() {
    survive_kills(&["--membership", "static"], 51);
}

#[test]
fn members_that_the_brokers_assign_survive_kills() {
    survive_kills(&["--membership", "broker"], 52);
}

#[test]
fn an_instance_with_a_standby_takes_over_without_a_restore() {
    let ground = Ground::new(EVENTS, 53);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let flags = ["--standbys", "1"];
    let mut instances = [ground.start(0, &flags), ground.start(1, &flags)];
    let (most, rest) = ground.lines.split_at(ground.lines.len() - 500);
    ground.load(most);
    watch.wait_for_all(TIMEOUT);
    let [owner, keeper] = &mut instances;
    let partitions = wait_until("each keeps what the other owns", TIMEOUT, || {
        let copies = [owner.figure("cx_timelines_standbys"), keeper.figure("cx_timelines_standbys")];
        (copies[0] > 0.0 && copies.iter().sum::<f64>() == 8.0).then_some(copies[1])
    });
    let state = owner.figure("cx_timelines_state_records");
    let before = keeper.figure("cx_timelines_restore_records_total");
    owner.kill();
    ground.load(rest);
    watch.wait_for_all(TIMEOUT);
    let restored = keeper.figure("cx_timelines_restore_records_total") - before;
    assert!(
        restored * 4.0 < state,
        "{restored} records were restored of the {state} in the {partitions} partitions that were taken over"
    );
    instances[0] = ground.start(2, &flags);
    wait_until("another one is there", TIMEOUT, || {
        (instances[0].get("/health/ready").0 == 200).then_some(())
    });
    ground.end(instances);
}
