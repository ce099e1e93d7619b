// SPDX-License-Identifier: Apache-2.0

//! Tests of leaving the lists: erased conversations, and customers without events for a long time.

use engine::Budget;
use folds::Settings;
use testkit::{Driver, topology_with};

use super::{DAY, Value, driver_of, json, kept, listed, push_all, started};
use testkit::EventFactory;

const T0: i64 = 1_750_000_000_000;

/// Advances time by an event of another conversation.
fn pass(driver: &mut Driver, days: i64) {
    driver.set_clock(T0 + days * DAY * 1000);
    // In each partition.
    let events: Vec<Value> = (0..12)
        .map(|n| {
            let id = format!("day {days} {n}");
            EventFactory::new(&format!("clock of {id}")).event(&id, "ANYTHING", days * DAY, json!({}))
        })
        .collect();
    push_all(driver, &events);
}

fn erase(driver: &mut Driver, request: &Value) {
    driver.push_erasure(request.to_string());
    driver.finish();
}

fn holds(driver: &Driver, text: &str) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    driver.changelog().any(|(key, value)| key[0] == b'k' && (contains(key) || contains(value)))
}

#[test]
fn an_erased_conversation_leaves_the_list_and_a_customer_without_others_the_topic() {
    let mut driver = driver_of(4);
    push_all(
        &mut driver,
        &[
            started("conv-a", "e1", 0, "cus"),
            started("conv-b", "e2", 9, "cus"),
            started("conv-c", "e3", 1, "alone"),
        ],
    );
    erase(&mut driver, &json!({"conversationId": "conv-a"}));
    erase(&mut driver, &json!({"conversationId": "conv-c"}));
    assert_eq!(
        (listed(&driver, "cus").unwrap(), listed(&driver, "alone")),
        (vec!["conv-b".to_owned()], None)
    );
    assert_eq!(
        driver.record("cx.customers", "cus").unwrap()["conversations"][0]["sincePreviousMs"],
        json!(null)
    );
    assert!(!holds(&driver, "conv-a") && !holds(&driver, "conv-c") && !holds(&driver, "alone"));
    assert!(holds(&driver, "conv-b"));
}

#[test]
fn a_conversation_that_was_forgotten_stays_listed_and_leaves_the_list_when_it_is_erased_years_later() {
    let mut driver = driver_of(4).with_expiry();
    push_all(&mut driver, &[started("conv-a", "e1", 0, "cus")]);
    for month in 1..24 {
        pass(&mut driver, month * 30);
        push_all(
            &mut driver,
            &[started(&format!("m{month}"), &format!("f{month}"), month * 30 * DAY, "cus")],
        );
    }
    assert_eq!(listed(&driver, "cus").unwrap().len(), 24);
    assert!(
        !driver.changelog().any(|(key, _)| key.starts_with(b"glcconv-a")),
        "nothing else knows it any more"
    );
    erase(&mut driver, &json!({"conversationId": "conv-a"}));
    assert_eq!(listed(&driver, "cus").unwrap().len(), 23);
    assert!(!holds(&driver, "conv-a"));
    push_all(&mut driver, &[started("last", "g", 24 * 30 * DAY, "cus")]);
    assert_eq!(listed(&driver, "cus").unwrap()[0], "m1", "it does not come back");
}

#[test]
fn a_customer_who_is_erased_has_no_record_and_none_of_his_conversations_is_in_another_list() {
    let mut driver = driver_of(4);
    push_all(
        &mut driver,
        &[
            started("conv-a", "e1", 0, "cus"),
            started("conv-b", "e2", 1, "cus"),
            started("conv-b", "e3", 2, "other"),
            started("conv-c", "e4", 3, "other"),
        ],
    );
    assert_eq!(listed(&driver, "other").unwrap(), ["conv-b", "conv-c"]);
    erase(&mut driver, &json!({"customerId": "cus"}));
    assert_eq!(
        (listed(&driver, "cus"), listed(&driver, "other").unwrap()),
        (None, vec!["conv-c".to_owned()])
    );
    assert!(!holds(&driver, "conv-a") && !holds(&driver, "conv-b") && !holds(&driver, "cus"));
}

#[test]
fn a_customers_conversations_that_nobody_knows_any_more_are_erased_with_him_and_newer_ones_are_not() {
    for budget in [1, 3, 20_000] {
        let mut driver = driver_of(3).with_expiry().with_budget(Budget::new(budget, 1 << 20));
        let old: Vec<Value> =
            (0..7).map(|n| started(&format!("old-{n}"), &format!("e{n}"), n, "cus")).collect();
        push_all(&mut driver, &old);
        pass(&mut driver, 40);
        pass(&mut driver, 80);
        assert!(!driver.changelog().any(|(key, _)| key.starts_with(b"glcold-")));
        let asked_ms = T0 + 80 * DAY * 1000;
        driver.set_clock(asked_ms + 1);
        push_all(&mut driver, &[started("new", "f", 80 * DAY, "cus")]);
        assert_eq!(listed(&driver, "cus").unwrap().len(), 8);
        driver.set_clock(asked_ms);
        erase(&mut driver, &json!({"customerId": "cus"}));
        assert_eq!(listed(&driver, "cus").unwrap(), ["new"], "budget {budget}");
        assert!(!holds(&driver, "old-"));
    }
}

/// A year without events: with a small budget in many commits.
#[test]
fn a_customer_leaves_the_state_after_the_retention_and_his_record_stays() {
    for budget in [3, 20_000] {
        let settings = Settings { customer_retention_ms: 10 * DAY * 1000, ..Settings::default() };
        let mut driver = Driver::with_partitions(topology_with(&settings), 3)
            .with_expiry()
            .with_budget(Budget::new(budget, 1 << 20));
        let events: Vec<Value> =
            (0..9).map(|n| started(&format!("c{n}"), &format!("e{n}"), n, "cus")).collect();
        push_all(&mut driver, &events);
        pass(&mut driver, 6);
        push_all(&mut driver, &[started("d", "f1", 6 * DAY, "cus")]);
        pass(&mut driver, 12);
        assert_eq!(kept(&driver, "ke"), 10, "something happened meanwhile");
        pass(&mut driver, 17);
        assert_eq!(kept(&driver, "k"), 0, "budget {budget}");
        assert_eq!(listed(&driver, "cus").unwrap().len(), 10);
        push_all(&mut driver, &[started("again", "g1", 17 * DAY, "cus")]);
        assert_eq!(listed(&driver, "cus").unwrap(), ["again"]);
    }
}
