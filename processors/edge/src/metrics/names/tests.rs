// SPDX-License-Identifier: Apache-2.0

use super::*;
use std::collections::BTreeSet;

fn is_snake_case(text: &str) -> bool {
    !text.is_empty()
        && text.split('_').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[test]
fn names_are_unique_snake_case_and_carry_the_prefix() {
    let mut seen = BTreeSet::new();
    for metric in ALL {
        assert!(seen.insert(metric.name), "{} is declared twice", metric.name);
        assert!(is_snake_case(metric.name), "{}", metric.name);
        assert!(
            metric.name.starts_with("cx_timelines_") || metric.name.starts_with("process_"),
            "{}",
            metric.name
        );
    }
}

#[test]
fn counters_end_in_total_and_nothing_else_does() {
    for metric in ALL {
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Type::Counter, "{}", metric.name);
        for suffix in ["_bucket", "_sum", "_count", "_info_total"] {
            assert!(!metric.name.ends_with(suffix), "{} ends in {suffix}", metric.name);
        }
    }
}

#[test]
fn units_are_base_units_and_never_abbreviated() {
    let forbidden = [
        "ms",
        "us",
        "ns",
        "milliseconds",
        "microseconds",
        "minutes",
        "hours",
        "s",
        "sec",
        "kb",
        "mb",
        "kilobytes",
        "megabytes",
        "percent",
        "gauge",
        "counter",
        "histogram",
    ];
    for metric in ALL {
        for word in metric.name.split('_') {
            assert!(!forbidden.contains(&word), "{} holds the word {word}", metric.name);
        }
        if metric.name.contains("latency") {
            assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}

#[test]
fn every_metric_has_a_help_that_is_a_sentence() {
    for metric in ALL {
        assert!(metric.help.len() > 20 && metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
        assert!(!metric.help.contains('\n'), "{}", metric.name);
    }
}

#[test]
fn no_label_can_carry_a_conversation() {
    let allowed = [
        "broker",
        "client",
        "kind",
        "topic",
        "reason",
        "outcome",
        "partition",
        "queue",
        "stage",
        "state",
        "rule",
        "version",
        "route",
        "method",
        "status",
    ];
    for metric in ALL {
        for label in metric.labels {
            assert!(allowed.contains(label), "{} has the label {label}", metric.name);
        }
    }
}

#[test]
fn histograms_and_only_they_have_rising_buckets() {
    for metric in ALL {
        assert_eq!(metric.buckets.is_empty(), metric.kind != Type::Histogram, "{}", metric.name);
        assert!(metric.buckets.is_sorted_by(|a, b| a < b), "{}", metric.name);
    }
}
