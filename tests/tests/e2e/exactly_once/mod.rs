// SPDX-License-Identifier: Apache-2.0

//! 20,000 events with disorder, duplicates and invalid records go through two instances of which one is killed again and
//! again. What consumers see in the end is what `fold` gives for the same events; also where members keep their names, where
//! the brokers assign, and with standby copies.

mod ground;
mod memberships;

use std::time::Duration;

use cx_timelines_tests::{Watch, wait_until};
use ground::Ground;

const EVENTS: usize = 20_000;
const CHUNKS: usize = 10;

#[test]
fn kills_in_the_middle_of_everything_lose_nothing_and_double_nothing() {
    let ground = Ground::new(EVENTS, 11);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let mut instances = [ground.start(0, &[]), ground.start(1, &[])];
    let mut loaded = 0_i64;
    let mut in_the_middle = 0;
    for (number, chunk) in ground.lines.chunks(ground.lines.len().div_ceil(CHUNKS)).enumerate() {
        ground.load(chunk);
        // When a quarter of this chunk is committed one of the two dies, and is started again.
        let quarter = loaded + i64::try_from(chunk.len() / 4).unwrap();
        wait_until("a quarter of the chunk is committed", Duration::from_secs(120), || {
            let (committed, _) = watch.progress()?;
            (committed >= quarter).then_some(())
        });
        loaded += i64::try_from(chunk.len()).unwrap();
        let victim = number % 2;
        instances[victim].kill();
        let (committed, end) = watch.progress().unwrap();
        in_the_middle += usize::from(committed < end);
        instances[victim] = ground.start(victim, &[]);
    }
    watch.wait_for_all(Duration::from_secs(120));
    println!("{in_the_middle} of {CHUNKS} kills hit work in progress");
    assert!(in_the_middle >= CHUNKS / 2, "only {in_the_middle} of {CHUNKS} kills hit work in progress");
    ground.end(instances);
}

#[test]
fn an_instance_that_sleeps_past_its_session_wakes_up_fenced_and_goes_on() {
    let ground = Ground::new(6_000, 31);
    let watch = Watch::new(ground.kafka.bootstrap(), "cx-timelines", "cx.events");
    let instances = [ground.start(0, &[]), ground.start(1, &[])];
    for (number, chunk) in ground.lines.chunks(ground.lines.len().div_ceil(4)).enumerate() {
        ground.load(chunk);
        wait_until("some of it is committed", Duration::from_secs(60), || {
            watch.progress().filter(|(committed, end)| end - committed < i64::try_from(chunk.len()).unwrap())
        });
        let sleeper = &instances[number % 2];
        sleeper.signal("STOP");
        // Only when the group has given its partitions to the other one can everything be committed.
        watch.wait_for_all(Duration::from_secs(120));
        sleeper.signal("CONT");
    }
    watch.wait_for_all(Duration::from_secs(60));
    ground.end(instances);
}
