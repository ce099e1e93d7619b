// SPDX-License-Identifier: Apache-2.0

//! An instance's metrics, in Prometheus' text format.

use std::collections::BTreeMap;

/// Series by name and labels, as written.
#[derive(Debug, Clone, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Parses the text; lines that are no series are ignored.
    pub fn of(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            series
                .filter_map(|line| {
                    let (name, value) = line.rsplit_once(' ')?;
                    Some((name.to_owned(), value.parse().ok()?))
                })
                .collect(),
        )
    }

    /// The increase of a counter, over all labels.
    pub fn since(&self, before: &Self, name: &str) -> f64 {
        self.sum(name) - before.sum(name)
    }

    fn sum(&self, name: &str) -> f64 {
        self.of_name(name).map(|(_, value)| value).sum()
    }

    /// The increase of a counter by this label's value; unchanged ones are left out.
    pub fn since_by(&self, before: &Self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut grown = BTreeMap::new();
        for (series, value) in self.of_name(name) {
            let more = value - before.0.get(series).copied().unwrap_or(0.0);
            if let Some(of) = label_of(series, label)
                && more > 0.0
            {
                *grown.entry(of.to_owned()).or_default() += whole(more);
            }
        }
        grown
    }

    fn of_name(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        let is_it = move |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0
            .iter()
            .filter(move |(series, _)| is_it(series))
            .map(|(series, value)| (series.as_str(), *value))
    }
}

/// A counter's value.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, far below 2^53")]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

fn label_of<'s>(series: &'s str, label: &str) -> Option<&'s str> {
    let (_, labels) = series.split_once('{')?;
    let start = labels.find(&format!("{label}=\""))? + label.len() + 2;
    labels.get(start..)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# HELP x\nevents_total{kind=\"fact\"} 2\nevents_total_more 9\ncpu 1.5\n";
    const AFTER: &str = "events_total{kind=\"fact\"} 2\nevents_total{kind=\"primary\",a=\"b\"} 5\nevents_total_more 9\ncpu 4\n";

    #[test]
    fn what_has_grown_is_told_by_label_and_in_sum() {
        let (before, after) = (Scrape::of(BEFORE), Scrape::of(AFTER));
        assert_eq!(
            after.since_by(&before, "events_total", "kind"),
            BTreeMap::from([("primary".to_owned(), 5)])
        );
        assert!((after.since(&before, "events_total") - 5.0).abs() < 1e-9);
        assert!((after.since(&before, "cpu") - 2.5).abs() < 1e-9);
        assert!(after.since(&before, "nothing").abs() < 1e-9);
    }
}
