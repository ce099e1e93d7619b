// SPDX-License-Identifier: Apache-2.0

//! The questions of docs/how-to/export.md: what DuckDB answers, beside the figures of `cx.metrics`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ground::Ground;

const PAGE: &str = include_str!("../../../../docs/how-to/export.md");
const DAY_MS: i64 = 86_400_000;

/// The queries of the page, in order.
fn queries() -> Vec<&'static str> {
    let blocks = PAGE.split("```sql\n").skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// Records of `cx.metrics` of one dimension.
struct Windows(Vec<Value>);

/// Counts by upper bound.
type Histogram = BTreeMap<i64, i64>;

impl Windows {
    fn of(ground: &Ground, dimension: &str) -> Self {
        let finals = ground.folded().finals.into_iter().filter(|((topic, _), _)| topic == "cx.metrics");
        let windows = finals.map(|(_, window)| window).filter(|window| window["dimension"] == dimension);
        Self(windows.collect())
    }

    /// A figure by what `of` says of each window; 0 left out.
    fn sums(&self, name: &str, of: &dyn Fn(&Value) -> String) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for window in &self.0 {
            *sums.entry(of(window)).or_default() += window["figures"][name].as_i64().unwrap_or_default();
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }

    fn histogram(&self, name: &str, is_wanted: &dyn Fn(&Value) -> bool) -> Histogram {
        let mut histogram = Histogram::new();
        let windows = self.0.iter().filter(|window| is_wanted(window));
        for (bound, count) in windows.filter_map(|window| window["histograms"][name].as_object()).flatten() {
            *histogram.entry(bound.parse().unwrap()).or_default() += count.as_i64().unwrap();
        }
        histogram
    }
}

fn count(histogram: &Histogram) -> i64 {
    histogram.values().sum()
}

/// The least bound that this share of the values does not exceed.
fn percentile(histogram: &Histogram, share: f64) -> i64 {
    let mut below = 0;
    let reaches = |(_, number): &(&i64, &i64)| {
        below += **number;
        below as f64 >= share * count(histogram) as f64
    };
    *histogram.iter().find(reaches).unwrap().0
}

fn id(window: &Value) -> String {
    window["id"].as_str().unwrap().to_owned()
}

/// A number of each row, by what the row is of; 0 left out.
fn column(rows: &[Value], name: &str, of: &dyn Fn(&Value) -> String) -> BTreeMap<String, i64> {
    let mut column: BTreeMap<String, i64> = rows.iter().map(|row| (of(row), whole(&row[name]))).collect();
    column.retain(|_, value| *value != 0);
    column
}

/// A whole number: sums are larger than the JSON of DuckDB takes for one.
fn whole(value: &Value) -> i64 {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.or_else(|| format!("{:.0}", value.as_f64()?).parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

fn text(name: &'static str) -> impl Fn(&Value) -> String {
    move |row| row[name].as_str().unwrap().to_owned()
}

/// Seconds with one decimal, as the page rounds them.
fn assert_seconds(row: &Value, sum_ms: i64, number: i64) {
    let (found, expected) =
        (row["average_seconds"].as_f64().unwrap(), sum_ms as f64 / number as f64 / 1000.0);
    assert!((found - expected).abs() < 0.0501, "{row}: {expected}");
}

/// The answers to all questions of the page are those of `cx.metrics`.
pub(super) fn check(ground: &Ground) {
    let answers: [Vec<Value>; 5] = ground.query(&queries()).try_into().unwrap();
    let [levels, handling, abandoned, messages, responses] = &answers;
    service_levels(ground, levels);
    handle_times(ground, handling);
    abandoned_visits(ground, abandoned);
    messages_by_channel(ground, messages);
    first_responses(ground, responses);
}

fn service_levels(ground: &Ground, rows: &[Value]) {
    let queues = Windows::of(ground, "queue");
    let of_window = |window: &Value| {
        let start = window["windowStart"].as_i64().unwrap();
        format!("{} {}", start.div_euclid(DAY_MS), id(window))
    };
    let of_row = |row: &Value| {
        let midnight = format!("{}T00:00:00Z", row["day"].as_str().unwrap());
        format!("{} {}", model::parse_time_text(&midnight).unwrap() / DAY_MS, text("queue")(row))
    };
    let offered = queues.sums("offered", &of_window);
    assert!(offered.len() >= 6, "queues on three days: {offered:?}");
    assert_eq!(column(rows, "offered", &of_row), offered);
    let in_target = queues.sums("answeredInTarget", &of_window);
    assert_eq!(column(rows, "in_target", &of_row), in_target);
    for row in rows {
        let share =
            |figure: &BTreeMap<String, i64>| figure.get(&of_row(row)).copied().unwrap_or_default() as f64;
        let expected = 100.0 * share(&in_target) / share(&offered);
        assert!((row["service_level"].as_f64().unwrap() - expected).abs() < 0.0501, "{row}: {expected}");
    }
}

fn handle_times(ground: &Ground, rows: &[Value]) {
    let tasks = Windows::of(ground, "queue-agent");
    let agent = |window: &Value| id(window).split_once('/').unwrap().1.to_owned();
    let sums = |name| tasks.sums(name, &agent);
    let (handle, wrap_up) = (sums("handleMs"), sums("wrapUpMs"));
    assert!(rows.len() >= 3, "{rows:?}");
    assert_eq!(column(rows, "tasks", &text("agent")).len(), handle.len());
    for row in rows {
        let name = text("agent")(row);
        let handled = count(&tasks.histogram("handleMs", &|window| agent(window) == name));
        assert_eq!(whole(&row["tasks"]), handled, "{row}");
        let of = |sums: &BTreeMap<String, i64>| sums.get(&name).copied().unwrap_or_default();
        assert_seconds(row, of(&handle) + of(&wrap_up), handled);
    }
}

fn abandoned_visits(ground: &Ground, rows: &[Value]) {
    let queues = Windows::of(ground, "queue");
    let abandoned = queues.sums("abandoned", &id);
    assert!(!abandoned.is_empty());
    assert_eq!(column(rows, "abandoned", &text("queue")), abandoned);
    let waits = queues.sums("abandonedWaitMs", &id);
    rows.iter().for_each(|row| {
        let queue = text("queue")(row);
        assert_seconds(row, waits[&queue], abandoned[&queue]);
    });
}

fn messages_by_channel(ground: &Ground, rows: &[Value]) {
    let channels = Windows::of(ground, "channel");
    for (name, figure) in
        [("customers", "customerMessages"), ("agents", "agentMessages"), ("bots", "botMessages")]
    {
        let expected = channels.sums(figure, &id);
        assert!(expected.len() >= 2, "{expected:?}");
        assert_eq!(column(rows, name, &text("channel")), expected, "{figure}");
    }
}

/// The histograms of `cx.metrics` are at most a tenth too high; the files have the exact values.
fn first_responses(ground: &Ground, rows: &[Value]) {
    let histogram = Windows::of(ground, "channel").histogram("firstResponseMs", &|_| true);
    assert!(count(&histogram) > 30);
    assert_eq!(whole(&rows[0]["answered"]), count(&histogram));
    for (name, share) in [("median_ms", 0.5), ("p90_ms", 0.9)] {
        let (exact, bound) = (whole(&rows[0][name]), percentile(&histogram, share));
        assert!(exact <= bound && bound as f64 <= exact as f64 * 1.1 + 1.0, "{name}: {exact}, {bound}");
    }
}
