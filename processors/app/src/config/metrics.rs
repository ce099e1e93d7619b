// SPDX-License-Identifier: Apache-2.0

//! The section `metrics`: settings of the figures of `cx.metrics`.

use std::collections::BTreeMap;

use folds::metrics::{Calendar, Unit, Weekday, WindowSize};
use serde_json::Value;

use super::read::{LIMIT_MS_MIN, unit, word};
use super::tree::{Errors, Node, kind};
use super::units;

const WINDOW_MS_MIN: i64 = 1_000;
const WINDOW_MS_MAX: i64 = 366 * 86_400_000;
/// Maximum number of windows that one stay of an agent changes: each is a record.
const SPAN_WINDOWS_MAX: u64 = 20_000;
const QUEUES_MAX: usize = 10_000;
/// Maximum number of queues with Prometheus series of their own: each has some twenty.
const PROMETHEUS_QUEUES_MAX: usize = 100;
const SIZES: &[(&str, bool)] = &[("1d", false), ("7d", true)];
const WEEKDAYS: &[(&str, Weekday)] = &[
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

pub(super) fn metrics(value: Option<&Value>, errors: &mut Errors) -> folds::Settings {
    let mut settings = folds::Settings::default();
    let Some(value) = value else { return settings };
    let mut node = Node::new("metrics", value, errors);
    if let Some(ms) = unit(&mut node, "service_level", units::duration_ms, errors) {
        settings.service_level_ms = ms;
    }
    let place = node.place("queues");
    if let Some(value) = node.get("queues") {
        settings.service_levels_ms = queues(&place, value, errors);
    }
    if node.get("prometheus_queues").is_some() {
        settings.prometheus_queues = prometheus_queues(&mut node, errors);
    }
    if node.get("windows").is_some() {
        settings.windows = windows(&mut node, errors);
    }
    if let Some(ms) = unit(&mut node, "longest_span", units::duration_ms, errors) {
        if !(LIMIT_MS_MIN..=WINDOW_MS_MAX).contains(&ms) {
            errors.add(&node.place("longest_span"), "is not between 1m and 366d");
        }
        settings.longest_span_ms = ms;
    }
    let windows = settings.windows_of_longest_span();
    if windows > SPAN_WINDOWS_MAX {
        errors.add(
            &node.place("longest_span"),
            format_args!(
                "one stay of {} s would be spread over up to {windows} windows of the sizes in metrics.windows, each a record, and \
                 {SPAN_WINDOWS_MAX} are the most: choose a shorter one, or larger windows",
                settings.longest_span_ms / 1000
            ),
        );
    }
    let retention = unit(&mut node, "retention", units::duration_ms, errors);
    settings.window_retention_ms = retention.unwrap_or(settings.window_retention_ms);
    let longest = settings.windows.iter().map(WindowSize::longest_ms).max().unwrap_or_default();
    if longest > settings.window_retention_ms {
        errors.add(
            &node.place("retention"),
            format_args!(
                "is shorter than a window, which would be forgotten before it is full: write {longest}ms or more"
            ),
        );
    }
    node.finish(errors);
    settings
}

/// Service levels of queues by name: a time, or an object with a `service_level`.
fn queues(place: &str, value: &Value, errors: &mut Errors) -> BTreeMap<String, i64> {
    let Some(fields) = value.as_object() else {
        errors.add(
            place,
            format_args!("expected names of queues, each with its service level, found {}", kind(value)),
        );
        return BTreeMap::new();
    };
    if fields.len() > QUEUES_MAX {
        errors.add(place, format_args!("{} queues are more than {QUEUES_MAX}", fields.len()));
    }
    let mut levels = BTreeMap::new();
    for (name, value) in fields {
        let place = format!("{place}.{name}");
        let ms = match value {
            Value::Object(_) => {
                let mut node = Node::new(&place, value, errors);
                let ms = unit(&mut node, "service_level", units::duration_ms, errors);
                if node.get("service_level").is_none() {
                    errors.add(&place, "needs a `service_level`, as in 30s");
                }
                node.finish(errors);
                ms
            }
            Value::String(text) => {
                units::duration_ms(text).map_err(|problem| errors.add(&place, problem)).ok()
            }
            other => {
                errors.add(&place, format_args!("expected a time, as in 30s, found {}", kind(other)));
                None
            }
        };
        levels.extend(ms.map(|ms| (name.clone(), ms)));
    }
    levels
}

/// The names of the queues that have Prometheus series of their own.
fn prometheus_queues(node: &mut Node<'_>, errors: &mut Errors) -> Vec<String> {
    let place = node.place("prometheus_queues");
    let mut names: Vec<String> = Vec::new();
    for (index, value) in node.list("prometheus_queues", errors).iter().enumerate() {
        let place = format!("{place}[{index}]");
        match value {
            Value::String(name) if name.is_empty() || name.len() > model::IDENTIFIER_BYTES_MAX => errors
                .add(&place, format_args!("a queue's name has 1 to {} bytes", model::IDENTIFIER_BYTES_MAX)),
            Value::String(name) if names.contains(name) => errors.add(&place, "is there already"),
            Value::String(name) => names.push(name.clone()),
            other => errors.add(&place, format_args!("expected a queue's name, found {}", kind(other))),
        }
    }
    if names.len() > PROMETHEUS_QUEUES_MAX {
        errors.add(&place, format_args!("{} queues are more than {PROMETHEUS_QUEUES_MAX}", names.len()));
    }
    names
}

fn windows(node: &mut Node<'_>, errors: &mut Errors) -> Vec<WindowSize> {
    let place = node.place("windows");
    let mut sizes: Vec<WindowSize> = Vec::new();
    for (index, value) in node.list("windows", errors).iter().enumerate() {
        let place = format!("{place}[{index}]");
        let Some(size) = window(&place, value, errors) else { continue };
        if sizes.iter().any(|known| known.name() == size.name()) {
            errors.add(&place, "is there already");
        } else {
            sizes.push(size);
        }
    }
    if sizes.is_empty() {
        errors.add(&place, "name at least one size, as in [15m, 1h]");
    }
    sizes
}

/// A length, or days or weeks of a time zone.
fn window(place: &str, value: &Value, errors: &mut Errors) -> Option<WindowSize> {
    match value {
        Value::String(text) => match units::duration_ms(text) {
            Err(problem) => {
                errors.add(place, problem);
                None
            }
            Ok(size) if !(WINDOW_MS_MIN..=WINDOW_MS_MAX).contains(&size) => {
                errors.add(place, "is not between 1s and 366d");
                None
            }
            Ok(size) => Some(WindowSize::Fixed(size)),
        },
        Value::Object(_) => calendar(place, value, errors).map(WindowSize::Calendar),
        other => {
            let found = kind(other);
            errors.add(
                place,
                format_args!("expected a length, as in 15m, or size and timezone of a calendar's windows, found {found}"),
            );
            None
        }
    }
}

fn calendar(place: &str, value: &Value, errors: &mut Errors) -> Option<Calendar> {
    let mut node = Node::new(place, value, errors);
    let before = errors.0.len();
    let is_week = word(&mut node, "size", SIZES, errors);
    let zone = node.text("timezone", errors);
    let first = word(&mut node, "week_start", WEEKDAYS, errors);
    let has_week_start = node.get("week_start").is_some();
    if errors.0.len() == before {
        if is_week.is_none() {
            errors.add(place, "needs a `size`: 1d or 7d");
        }
        if zone.is_none() {
            errors.add(place, "needs a `timezone`, as in Asia/Karachi; without one, write only the length");
        }
        if is_week == Some(false) && has_week_start {
            errors.add(&node.place("week_start"), "goes with size 7d only");
        }
    }
    let zone_place = node.place("timezone");
    node.finish(errors);
    let unit = if is_week? { Unit::Week(first.unwrap_or(Weekday::Mon)) } else { Unit::Day };
    Calendar::new(unit, zone?).map_err(|unknown| errors.add(&zone_place, unknown)).ok()
}
