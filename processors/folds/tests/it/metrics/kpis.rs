// SPDX-License-Identifier: Apache-2.0

//! Tests of the KPIs in docs/reference/kpis.md: each formula is read from the page and evaluated on the real task's output for
//! a case, or, for data of other topics, on figures written here.

use std::collections::BTreeMap;

use testkit::Driver;

use crate::common::driver;

/// Input of a formula.
#[derive(Debug, Default, Clone)]
struct Figures {
    sums: BTreeMap<String, i64>,
    /// Bounds and counts, by histogram.
    histograms: BTreeMap<String, Vec<(i64, i64)>>,
}

impl Figures {
    fn of(sums: &[(&str, i64)]) -> Self {
        let sums = sums.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self { sums, histograms: BTreeMap::new() }
    }

    /// Sum of all windows of a dimension, for ids with this prefix.
    fn of_case(driver: &Driver, dimension: &str, ids: &str) -> Self {
        let mut all = Self::default();
        for ((topic, _), window) in driver.finals() {
            let is_one = topic == "cx.metrics" && window["dimension"] == dimension;
            if !is_one || !window["id"].as_str().unwrap().starts_with(ids) {
                continue;
            }
            for (name, value) in window["figures"].as_object().unwrap() {
                *all.sums.entry(name.clone()).or_default() += value.as_i64().unwrap();
            }
            for (name, counts) in window["histograms"].as_object().unwrap() {
                let counts = counts.as_object().unwrap().iter();
                let counts = counts.map(|(bound, count)| (bound.parse().unwrap(), count.as_i64().unwrap()));
                all.histograms.entry(name.clone()).or_default().extend(counts);
            }
        }
        all
    }
}

/// Evaluates a formula; `None` if a divisor is 0 or a percentile has no values.
fn compute(formula: &str, figures: &Figures) -> Option<f64> {
    let mut rest = formula.trim();
    let value = sum(&mut rest, figures);
    assert_eq!(rest, "", "in {formula}");
    value
}

fn sum(rest: &mut &str, figures: &Figures) -> Option<f64> {
    let mut value = product(rest, figures);
    while let Some(sign @ ('+' | '-')) = rest.chars().next() {
        *rest = rest[1..].trim_start();
        let next = product(rest, figures);
        value = value.zip(next).map(|(one, other)| if sign == '+' { one + other } else { one - other });
    }
    value
}

fn product(rest: &mut &str, figures: &Figures) -> Option<f64> {
    let mut value = term(rest, figures);
    while rest.starts_with('/') {
        *rest = rest[1..].trim_start();
        let next = term(rest, figures).filter(|divisor| *divisor != 0.0);
        value = value.zip(next).map(|(one, other)| one / other);
    }
    value
}

fn term(rest: &mut &str, figures: &Figures) -> Option<f64> {
    if let Some(inner) = rest.strip_prefix('(') {
        *rest = inner;
        let value = sum(rest, figures);
        *rest = rest.strip_prefix(')').expect("a bracket is closed").trim_start();
        return value;
    }
    let name = word(rest);
    let Some(inner) = rest.strip_prefix('(') else {
        let is_known = figures.sums.contains_key(&name) || model::Figure::from_name(&name).is_some();
        assert!(is_known, "{name} is no figure");
        *rest = rest.trim_start();
        return Some(figures.sums.get(&name).copied().unwrap_or(0) as f64);
    };
    *rest = inner;
    let histogram = word(rest);
    *rest = rest.strip_prefix(')').expect("a bracket is closed").trim_start();
    assert!(model::Histogram::from_name(&histogram).is_some(), "{histogram} is no histogram");
    let counts = figures.histograms.get(&histogram).cloned().unwrap_or_default();
    match name.strip_prefix('p') {
        Some(percent) => model::percentile(&counts, percent.parse().unwrap()).map(|value| value as f64),
        None => {
            assert_eq!(name, "n");
            Some(counts.iter().map(|(_, count)| *count).sum::<i64>() as f64)
        }
    }
}

fn word(rest: &mut &str) -> String {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    *rest = behind;
    assert!(!word.is_empty(), "a name is missing before {behind:?}");
    word.to_owned()
}

/// The KPIs of the page: name and formula.
fn page() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/kpis.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].trim_matches('`').to_owned())
    })
    .collect()
}

fn folded(case: &str) -> Driver {
    let path = format!("{}/../../tests/cases/{case}/events.ndjson", env!("CARGO_MANIFEST_DIR"));
    let mut driver = driver();
    // The lines have no Kafka timestamps, so none of them is ahead of its own.
    driver.set_clock(model::AT_MAX);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        driver.push(line);
    }
    driver.finish();
    driver
}

/// Of the eight scenarios of the service level, one in a queue each: 8 offered; 1 and 5 are answered after 9 s and 30 s; 2, 3 and 4 are
/// abandoned after 9 s, 9 s and 30 s; 6 and 7 had a RONA late and early, and still wait; 8 finds no agent after 60 s.
const SCENARIOS: &[(&str, f64)] = &[
    ("Offered", 8.0),
    ("Answered", 2.0),
    ("Abandoned", 3.0),
    ("No agent", 1.0),
    ("Waiting now", 2.0),
    ("Answer rate", 2.0 / 8.0),
    ("Abandon rate", 3.0 / 8.0),
    ("Short abandons", 2.0 / 3.0),
    ("Service level, type 1", 1.0 / (8.0 - 2.0)),
    ("Service level, type 2", 1.0 / 8.0),
    ("Service level, type 3", (1.0 + 2.0) / 8.0),
    ("Average speed of answer", (9_000.0 + 30_000.0) / 2.0),
    ("Average time to abandon", (9_000.0 + 9_000.0 + 30_000.0) / 3.0),
    ("Average queue time", (9_000.0 + 30_000.0 + 48_000.0 + 60_000.0) / 6.0),
    // 30 s; the smallest bound that is not below it.
    ("Answer within, 90 %", 32_904.0),
    ("Longest answered wait", 32_904.0),
    ("RONA rate", 2.0 / 8.0),
    ("RONAs in target", 1.0 / 2.0),
];

#[test]
fn each_kpi_of_the_page_is_what_its_formula_makes_of_a_case() {
    let figures = |case: &str, dimension: &str| Figures::of_case(&folded(case), dimension, "");
    let scenarios = folded("service-level-scenarios");
    let queues = Figures::of_case(&scenarios, "queue", "");
    let mut expected: Vec<(&str, Figures, f64)> =
        SCENARIOS.iter().map(|(name, value)| (*name, queues.clone(), *value)).collect();
    let at_queues = Figures::of_case(&scenarios, "queue-agent", "");
    let transfer = figures("consult-and-transfer", "queue");
    let transfer_at_queues = figures("consult-and-transfer", "queue-agent");
    let transfer_agents = figures("consult-and-transfer", "agent");
    let chat_agents = figures("web-chat-from-bot-to-close", "agent");
    let call_agents = figures("voice-call-with-body-leg-and-hold", "agent");
    let reopened = figures("reopened-conversation", "channel");
    // An hour: half of it engaged, 6 minutes of wrap-up, 40 minutes ready, 20 not ready.
    let hour = Figures::of(&[
        ("engagedMs", 1_800_000),
        ("wrapUpMs", 360_000),
        ("loggedInMs", 3_600_000),
        ("readyMs", 2_400_000),
        ("notReadyMs", 1_200_000),
    ]);
    let customer = Figures::of(&[("count", 5), ("repeatsWithin24h", 2), ("repeatsWithin72h", 3)]);
    let messages = Figures::of(&[
        ("customerMessages", 5),
        ("agentMessages", 3),
        ("botMessages", 1),
        ("systemMessages", 1),
        ("conversations", 2),
    ]);
    let bot = figures("reopened-conversation", "bot");
    expected.extend([
        ("Transfers in", transfer.clone(), 1.0 / 2.0),
        ("Consults", transfer, 1.0),
        ("Tasks offered", at_queues.clone(), 6.0),
        ("Acceptance rate", at_queues.clone(), 2.0 / 6.0),
        ("RONA rate of an agent", at_queues.clone(), 2.0 / 6.0),
        ("Average ring time", at_queues.clone(), 47_004.0 / 6.0),
        ("Average handle time", at_queues.clone(), 139_000.0 / 2.0),
        ("Handled within, 95 %", at_queues, 85_338.0),
        ("Transferred out", transfer_at_queues, 1.0 / 3.0),
        ("Conversations served", transfer_agents.clone(), 2.0),
        ("Average engaged time", chat_agents.clone(), 38_000.0),
        ("Average wrap-up time", chat_agents, 30_000.0),
        ("Average response time", transfer_agents.clone(), 42_000.0 / 3.0),
        ("Average response time of the agent", transfer_agents.clone(), 24_950.0 / 3.0),
        ("Slowest response", transfer_agents, 12_689.0),
        ("Average talk time", call_agents.clone(), 110_000.0 / 3.0),
        ("Average hold time", call_agents, 35_000.0 / 3.0),
        ("Occupancy", hour.clone(), 0.6),
        ("Ready", hour.clone(), 2.0 / 3.0),
        ("Not ready", hour, 1.0 / 3.0),
        ("Containment", reopened.clone(), 1.0 / 3.0),
        ("Reopened", reopened.clone(), 3.0),
        ("Messages for each conversation", messages, 5.0),
        ("First response, median", reopened.clone(), 2_079.0),
        ("First response of an agent, median", reopened, 18_575.0),
        ("Average response time of a bot", bot.clone(), 96_000.0 / 2.0),
        ("Timeouts", bot, 0.0),
        ("Repeat contacts within 24 hours", customer.clone(), 2.0 / 5.0),
        ("Repeat contacts within 72 hours", customer, 3.0 / 5.0),
    ]);
    let page = page();
    for (name, formula) in &page {
        let (_, figures, value) =
            expected.iter().find(|(of, ..)| of == name).unwrap_or_else(|| panic!("{name} is not tested"));
        let computed = compute(formula, figures).unwrap_or_else(|| panic!("{name}: {formula} is not known"));
        assert!((computed - value).abs() < 1e-6, "{name}: {formula} is {computed}, not {value}");
    }
    let names: Vec<&str> = page.iter().map(|(name, _)| name.as_str()).collect();
    for (name, ..) in &expected {
        assert!(names.contains(name), "{name} is not on the page");
    }
    assert_eq!(names.len(), expected.len(), "each once");
}

#[test]
fn a_ratio_of_nothing_is_not_known() {
    assert_eq!(compute("answered / offered", &Figures::default()), None);
    assert_eq!(compute("p90(answeredWaitMs)", &Figures::default()), None);
    assert_eq!(compute("offered - answered", &Figures::default()), Some(0.0));
}

/// The figures of a scenario's queue, by name; absent ones are 0.
fn scenario(driver: &Driver, number: usize, names: [&str; 8]) -> [i64; 8] {
    let figures = Figures::of_case(driver, "queue", &format!("scenario {number}"));
    names.map(|name| figures.sums.get(name).copied().unwrap_or(0))
}

macro_rules! scenarios {
    ($($number:literal $name:ident: $figures:expr, $types:expr;)*) => { $(
        #[test]
        fn $name() {
            let driver = folded("service-level-scenarios");
            let names = ["offered", "answered", "abandoned", "ronas", "noAgent", "answeredInTarget", "abandonedInTarget", "ronasInTarget"];
            assert_eq!(scenario(&driver, $number, names), $figures);
            let figures = Figures::of_case(&driver, "queue", concat!("scenario ", $number));
            let levels: [Option<f64>; 3] = ["1", "2", "3"].map(|of| {
                let name = format!("Service level, type {of}");
                let (_, formula) = page().into_iter().find(|(kpi, _)| *kpi == name).unwrap();
                compute(&formula, &figures)
            });
            assert_eq!(levels, $types);
        }
    )* };
}

const ALL: Option<f64> = Some(1.0);
const NONE: Option<f64> = Some(0.0);

scenarios! {
    1 service_level_scenario_1_answered_within_the_target: [1, 1, 0, 0, 0, 1, 0, 0], [ALL, ALL, ALL];
    2 service_level_scenario_2_abandoned_before_routing_within_the_target: [1, 0, 1, 0, 0, 0, 1, 0], [None, NONE, ALL];
    3 service_level_scenario_3_reserved_then_abandoned_within_the_target: [1, 0, 1, 0, 0, 0, 1, 0], [None, NONE, ALL];
    4 service_level_scenario_4_reserved_then_abandoned_after_the_target: [1, 0, 1, 0, 0, 0, 0, 0], [NONE, NONE, NONE];
    5 service_level_scenario_5_answered_after_the_target: [1, 1, 0, 0, 0, 0, 0, 0], [NONE, NONE, NONE];
    6 service_level_scenario_6_rona_after_the_target: [1, 0, 0, 1, 0, 0, 0, 0], [NONE, NONE, NONE];
    7 service_level_scenario_7_rona_within_the_target: [1, 0, 0, 1, 0, 0, 0, 1], [NONE, NONE, NONE];
    8 service_level_scenario_8_nobody_there: [1, 0, 0, 0, 1, 0, 0, 0], [NONE, NONE, NONE];
}
