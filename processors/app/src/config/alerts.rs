// SPDX-License-Identifier: Apache-2.0

//! The section `alerts`: target times.

use folds::alerts::{AlertSettings, AlertUnits};
use serde_json::Value;

use super::read::{unit, word};
use super::tree::{Errors, Node};
use super::units;

const UNITS: &[(&str, AlertUnits)] = &[
    ("auto", AlertUnits::Auto),
    ("seconds", AlertUnits::Seconds),
    ("milliseconds", AlertUnits::Milliseconds),
];
const TARGET_MS_MIN: i64 = 1_000;
const TARGET_MS_MAX: i64 = 366 * 86_400_000;
const GRACE_MS_MAX: i64 = 86_400_000;
const WARNING_MAX: i64 = 99;
/// Nothing is watched.
const OFF: &str = "off";

pub(super) fn alerts(value: Option<&Value>, errors: &mut Errors) -> AlertSettings {
    let mut settings = AlertSettings::default();
    let Some(value) = value else { return settings };
    let mut node = Node::new("alerts", value, errors);
    for (key, target) in [
        ("customer_inactive", &mut settings.customer_inactive_ms),
        ("agent_response", &mut settings.agent_response_ms),
        ("queue_wait", &mut settings.queue_wait_ms),
        ("left_open", &mut settings.left_open_ms),
    ] {
        if let Some(ms) = unit(&mut node, key, target_ms, errors) {
            *target = ms;
        }
    }
    if let Some(percent) = unit(&mut node, "agent_response_warning", percent, errors) {
        settings.response_warning_percent = percent;
    }
    if let Some(units) = word(&mut node, "units", UNITS, errors) {
        settings.units = units;
    }
    if let Some(ms) = unit(&mut node, "grace", grace_ms, errors) {
        settings.grace_ms = ms;
    }
    node.finish(errors);
    settings
}

fn target_ms(text: &str) -> Result<Option<i64>, String> {
    // YAML knows the word as `false`.
    if text == OFF || text == "false" {
        return Ok(None);
    }
    let ms = units::duration_ms(text).map_err(|problem| format!("{problem}, or {OFF}"))?;
    match (TARGET_MS_MIN..=TARGET_MS_MAX).contains(&ms) {
        true => Ok(Some(ms)),
        false => Err("is not between 1s and 366d".to_owned()),
    }
}

fn grace_ms(text: &str) -> Result<i64, String> {
    let ms = units::duration_ms(text)?;
    if ms > GRACE_MS_MAX { Err("is more than 24h".to_owned()) } else { Ok(ms) }
}

fn percent(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse().ok());
    let percent = number.filter(|number| (1..=WARNING_MAX).contains(number));
    percent.ok_or_else(|| format!("{text:?} is no share; write 1% to 99%, as in 80%"))
}
