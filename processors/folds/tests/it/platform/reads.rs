// SPDX-License-Identifier: Apache-2.0

//! A `READ` marks all earlier messages as read (rule A7).

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::Driver;

use super::{activity, c, folded};
use crate::common::{driver, driver_of_activities};

fn message(number: usize, name: &str) -> Value {
    let id = format!("m{number:05}");
    c().message(&format!("e{number:05}"), name, i64::try_from(number).unwrap(), &id, "AGENT:ann", "text")
}

fn read(id: &str, second: i64, number: usize) -> Value {
    c().receipt(id, second, &format!("m{number:05}"), "READ")
}

#[test]
fn a_message_is_read_with_a_later_one_of_its_side_unless_it_has_failed() {
    let events = [
        message(1, "AGENT_MESSAGE"),
        message(2, "CUSTOMER_MESSAGE"),
        message(3, "BOT_MESSAGE"),
        message(4, "AGENT_MESSAGE"),
        message(5, "AGENT_MESSAGE"),
        c().receipt("f", 20, "m00003", "FAILED"),
        read("r", 30, 4),
    ];
    let of = |number: usize| activity(&events, &format!("c/m{number:05}"));
    let first = of(1);
    assert_eq!(
        (&first["delivery"]["status"], &first["delivery"]["readUpTo"]),
        (&json!("READ"), &json!("m00004"))
    );
    assert_eq!(
        (&first["delivery"]["readAt"], &first["revision"]),
        (&json!(1_750_000_030_000_i64), &json!(1))
    );
    assert_eq!(first["updatedAt"], first["occurredAt"]);
    assert_eq!(of(3)["delivery"]["status"], "FAILED");
    assert_eq!(of(4)["delivery"]["readUpTo"], Value::Null);
    assert_eq!((of(2)["delivery"].clone(), of(5)["delivery"].clone()), (Value::Null, Value::Null));
}

#[test]
fn a_summary_counts_what_was_read_up_to_here() {
    let mut events: Vec<Value> = (1..=5).map(|number| message(number, "AGENT_MESSAGE")).collect();
    events.push(read("r", 30, 4));
    events.push(c().receipt("d", 31, "m00001", "DELIVERED"));
    let driver = folded(driver(), &events);
    let delivery = &driver.record("cx.conversations", "c").unwrap()["delivery"];
    assert_eq!(*delivery, json!({"delivered": 4, "read": 4, "failed": 0}));
}

/// Number of records that a `READ` on the last message writes, if the one before it was already read.
fn records_of_a_read(messages: usize) -> usize {
    let mut driver = driver_of_activities();
    let push = |driver: &mut Driver, event: Value| driver.push(event.to_string());
    (1..messages).for_each(|number| push(&mut driver, message(number, "AGENT_MESSAGE")));
    push(&mut driver, read("r1", 50_000, messages - 1));
    driver.finish();
    push(&mut driver, message(messages, "AGENT_MESSAGE"));
    driver.finish();
    let before = driver.emissions();
    push(&mut driver, read("r2", 50_001, messages));
    driver.finish();
    driver.emissions() - before
}

#[test]
fn a_read_touches_the_messages_since_the_last_one_and_not_the_conversation() {
    assert_eq!([10, 100, 2_000].map(records_of_a_read), [1, 1, 1]);
}

/// The read time of each message and the message of the receipt, computed by brute force.
fn expected(
    messages: &[(usize, bool)],
    reads: &[(usize, i64)],
    failed: &[usize],
) -> Vec<Option<(i64, usize)>> {
    let read_of = |number: usize| reads.iter().filter(|(of, _)| *of == number).map(|(_, at)| *at).min();
    let of_message = |(number, side): &(usize, bool)| {
        let own = read_of(*number).map(|at| (at, *number));
        let later = messages.iter().filter(|(other, of)| other > number && of == side);
        let all = later.filter_map(|(other, _)| Some((read_of(*other)?, *other)));
        if failed.contains(number) { own } else { own.into_iter().chain(all).min() }
    };
    messages.iter().map(of_message).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_first_all_up_to_here_is_read(
        sides in prop::collection::vec(any::<bool>(), 1..12),
        reads in prop::collection::vec((0_usize..12, 20_i64..40), 0..8),
        failed in prop::collection::vec(0_usize..12, 0..3),
        seed in any::<prop::sample::Index>(),
        commits in prop::collection::vec(any::<bool>(), 40),
    ) {
        let messages: Vec<(usize, bool)> = sides.iter().copied().enumerate().collect();
        let known = |number: &usize| *number < messages.len();
        let reads: Vec<(usize, i64)> = reads.into_iter().filter(|(number, _)| known(number)).collect();
        let failed: Vec<usize> = failed.into_iter().filter(known).collect();
        let mut events: Vec<Value> = messages
            .iter()
            .map(|(number, side)| message(*number, if *side { "CUSTOMER_MESSAGE" } else { "AGENT_MESSAGE" }))
            .collect();
        events.extend(reads.iter().enumerate().map(|(nth, (number, at))| read(&format!("r{nth}"), *at, *number)));
        events.extend(failed.iter().enumerate().map(|(nth, number)| {
            c().receipt(&format!("f{nth}"), 50, &format!("m{number:05}"), "FAILED")
        }));
        let place = seed.index(events.len());
        events.rotate_left(place);
        if place % 2 == 0 {
            events.reverse();
        }
        let mut driver = driver_of_activities();
        for (event, commit) in events.iter().zip(commits.iter().cycle()) {
            driver.push(event.to_string());
            driver.step();
            if *commit {
                driver.commit();
            }
        }
        driver.finish();
        for ((number, _), expected) in messages.iter().zip(expected(&messages, &reads, &failed)) {
            let delivery = &driver.record("cx.activities", &format!("c/m{number:05}")).unwrap()["delivery"];
            let read = delivery["readAt"].as_i64().map(|at| (at - 1_750_000_000_000) / 1000);
            let up_to = delivery["readUpTo"].as_str().map(str::to_owned);
            prop_assert_eq!(read, expected.map(|(at, _)| at), "m{}: {}", number, delivery);
            let expected_up_to = expected.filter(|(_, of)| of != number).map(|(_, of)| format!("m{of:05}"));
            prop_assert_eq!(up_to, expected_up_to, "m{}: {}", number, delivery);
        }
    }
}
