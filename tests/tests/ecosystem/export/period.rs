// SPDX-License-Identifier: Apache-2.0

//! `export --since … --until …`: the records of a period, with both ends, and no others; also after corrections.

use super::ground::Ground;

/// Topics with the field that decides a record's day.
const BY: [(&str, &str); 4] = [
    ("cx.activities", "occurredAt"),
    ("cx.timelines", "at"),
    ("cx.conversations", "startedAt"),
    ("cx.metrics", "windowStart"),
];

/// From the start of one conversation to that of another one, in epoch milliseconds.
pub(super) struct Period {
    since: i64,
    until: i64,
}

/// A period at whose ends there are records, and beyond them too.
pub(super) fn of(ground: &Ground) -> Period {
    let starts = "SELECT epoch_ms(startedAt) AS ms FROM 'lake/cx.conversations/**/*.parquet' ORDER BY ms";
    let starts: Vec<i64> =
        ground.query(&[starts]).remove(0).iter().map(|row| row["ms"].as_i64().unwrap()).collect();
    let count = starts.len();
    let period = Period { since: starts[count / 4], until: starts[count * 3 / 4] };
    assert!(starts[0] < period.since && period.since < period.until && period.until < starts[count - 1]);
    period
}

/// The export of the period has the rows that the export of everything has of it: the same keys, offsets and times.
pub(super) fn check(ground: &Ground, period: &Period) {
    let Period { since, until } = period;
    ground.export("period", &["--since", &since.to_string(), "--until", &until.to_string()]);
    for (topic, field) in BY {
        let rows = |dir: &str, chosen: &str| {
            let query = format!(
                "SELECT _key, _partition, _offset, epoch_ms(\"{field}\") AS ms FROM '{dir}/{topic}/**/*.parquet' {chosen} ORDER BY _key"
            );
            ground.query(&[&query]).remove(0)
        };
        let expected = rows("lake", &format!("WHERE epoch_ms(\"{field}\") BETWEEN {since} AND {until}"));
        let found = rows("period", "");
        assert_eq!(found, expected, "{topic}");
        let all = rows("lake", "").len();
        assert!(!found.is_empty() && found.len() < all, "{topic}: {} of {all}", found.len());
    }
}

/// Records at both ends of the period are in its export. (Later, a late event may move the start of their conversations.)
pub(super) fn check_ends(ground: &Ground, period: &Period) {
    let query = "SELECT min(epoch_ms(startedAt)) AS since, max(epoch_ms(startedAt)) AS until \
                 FROM 'period/cx.conversations/**/*.parquet'";
    let ends = ground.query(&[query]).remove(0).remove(0);
    assert_eq!((ends["since"].as_i64(), ends["until"].as_i64()), (Some(period.since), Some(period.until)));
}
