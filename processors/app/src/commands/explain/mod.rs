// SPDX-License-Identifier: Apache-2.0

//! `explain`: the contributions to a record of `cx.metrics` (contract section 11), computed by scanning the conversations of
//! the state again.

mod state;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, anyhow};
use folds::explain::{is_asked, recorded};
use model::{Dimension, MetricsWindow};
use rdkafka::Message;
use serde::Serialize;

use crate::cli::{ExplainArgs, Global};
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::reader::Reader;
use crate::topics;
use state::{Restored, Subject};

/// What a record counts, or contributions to it add up to, by path.
type Amounts = BTreeMap<Cow<'static, str>, i64>;

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
    event_id: Option<&'a str>,
    at: i64,
    figure: &'a str,
    amount: i64,
}

/// Prints the contributions of the record with this key, one line each, and whether they add up to it.
pub fn run(global: &Global, args: &ExplainArgs, config: &Config) -> Result<(), Failure> {
    let topic = config.output_of(folds::metrics::NAME).ok_or_else(|| {
        Failure::usage(anyhow!(
            "topics.yaml gives the processor `metrics` no output: there is no record to explain"
        ))
    })?;
    let formats = Formats::open(config)?;
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let reader = Reader::new(&client)?;
    // All end offsets are read first, so that record and state are of about the same time.
    let restored = Restored::spans(&reader, &metadata, config)?;
    let window = read_window(&reader, &metadata, (config, topic), &args.key, &formats)?;
    let recorded = chosen(recorded(&window), args.figure.as_deref()).map_err(Failure::usage)?;
    let mut sums: Amounts = recorded.keys().map(|path| (path.clone(), 0)).collect();
    let mut out = std::io::stdout().lock();
    let agent = (window.dimension == Dimension::Agent).then_some(&*window.id);
    restored.each(&reader, config, agent, &mut |whose, contributions| {
        for contribution in contributions {
            let Some((figure, amount)) = contribution.part_of(&window) else { continue };
            let Some(sum) = sums.get_mut(&figure) else { continue };
            *sum += amount;
            let (conversation_id, agent_id) = match whose {
                Subject::Conversation(id) => (Some(id), None),
                Subject::Agent(id) => (None, Some(id)),
            };
            let event_id = Some(contribution.event_id.as_str()).filter(|id| !id.is_empty());
            let line =
                Line { conversation_id, agent_id, event_id, at: contribution.at, figure: &figure, amount };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        }
        Ok(())
    })?;
    out.flush().context("the answer cannot be printed")?;
    let differences = differences(&recorded, &sums);
    differences.iter().for_each(|difference| anstream::eprintln!("{difference}"));
    if differences.is_empty() { Ok(()) } else { Err(Failure::No) }
}

/// What of the record is to be explained: the named figure, the named histogram or one of its counts, or all of it.
fn chosen(counts: Amounts, figure: Option<&str>) -> anyhow::Result<Amounts> {
    let Some(figure) = figure else { return Ok(counts) };
    let all: Vec<Cow<'_, str>> = counts.keys().cloned().collect();
    let counts: Amounts = counts.into_iter().filter(|(path, _)| is_asked(path, figure)).collect();
    if counts.is_empty() {
        return Err(anyhow!("no figure {figure:?} in this record: write one of {}", all.join(", ")));
    }
    Ok(counts)
}

/// The differences, one sentence for each figure.
fn differences(recorded: &Amounts, sums: &Amounts) -> Vec<String> {
    let differing = sums.iter().filter_map(|(figure, sum)| {
        let recorded = recorded.get(figure).copied().unwrap_or(0);
        (recorded != *sum).then(|| {
            format!(
                "{figure}: the record has {recorded}, the conversations in the state make {sum} ({:+}). Conversations that were \
                 forgotten (`expiry` in topics.yaml) or erased are in the record only; what `run` committed meanwhile is in one of \
                 the two.",
                sum - recorded
            )
        })
    });
    differing.collect()
}

fn read_window(
    reader: &Reader,
    metadata: &rdkafka::metadata::Metadata,
    (config, topic): (&Config, &str),
    key: &str,
    formats: &Formats,
) -> Result<MetricsWindow<'static>, Failure> {
    let no_key = || {
        anyhow!(
            "{key:?} is not a key of {topic}: write dimension/id/size/windowStart, for example queue/Sales/900000/1750000500000"
        )
    };
    let subject = folds::metrics::partition_key_of(key).ok_or_else(no_key).map_err(Failure::usage)?;
    let partitions = kafka::partitions(metadata, topic)
        .with_context(|| topics::no_such_topic(config, topic))
        .map_err(Failure::usage)?;
    let span = reader.span(topic, engine::partition_of(&subject, partitions))?;
    let mut found: Option<Vec<u8>> = None;
    reader.read(std::slice::from_ref(&span), &mut |message| {
        if message.key() == Some(key.as_bytes()) {
            let value = formats.json_or_none(message.topic(), message.payload())?;
            found = value.map(Cow::into_owned);
        }
        Ok(())
    })?;
    let value = found.ok_or_else(|| {
        anyhow!(
            "no record {key:?} in {topic}/{}: nothing has counted in this window, or all of it was taken back; `cx-timelines tail \
             {topic} --from-beginning` prints the keys that there are",
            span.partition
        )
    })?;
    let window = serde_json::from_slice(&value)
        .with_context(|| format!("the record {key:?} of {topic} cannot be read"))?;
    Ok(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Amounts {
        recorded(&window())
    }

    fn window() -> MetricsWindow<'static> {
        let record = r#"{"dimension":"queue","id":"Sales","windowStart":1000,"windowEnd":2000,"figures":{"offered":2,"waitMs":500},
            "revision":1,"histograms":{"answeredWaitMs":{"22":1,"500":1}}}"#;
        serde_json::from_str(record).unwrap()
    }

    #[test]
    fn a_sum_that_is_not_the_figure_is_said_with_by_how_much() {
        let sums = |offered, wait, count| {
            [("offered", offered), ("waitMs", wait), ("histograms.answeredWaitMs.22", count)]
                .map(|(name, sum)| (Cow::Borrowed(name), sum))
                .into()
        };
        let recorded = counts();
        assert!(differences(&recorded, &sums(2, 500, 1)).is_empty());
        let said = differences(&recorded, &sums(1, 500, 1));
        assert!(said.len() == 1 && said[0].starts_with("offered: the record has 2"), "{said:?}");
        assert!(said[0].contains("make 1 (-1)"), "{said:?}");
        let said = differences(&recorded, &sums(2, 500, 3));
        assert!(said.len() == 1 && said[0].starts_with("histograms.answeredWaitMs.22: "), "{said:?}");
    }

    #[test]
    fn a_figure_or_a_histogram_is_chosen_and_what_the_record_does_not_have_is_refused() {
        let of = |figure| chosen(counts(), figure).map(|counts| counts.into_keys().collect::<Vec<_>>());
        assert_eq!(of(Some("offered")).unwrap(), ["offered"]);
        assert_eq!(of(None).unwrap().len(), 4);
        let counts = ["histograms.answeredWaitMs.22", "histograms.answeredWaitMs.500"];
        assert_eq!(of(Some("histograms.answeredWaitMs")).unwrap(), counts);
        assert_eq!(of(Some(counts[1])).unwrap(), counts[1..]);
        for unknown in ["ofered", "histograms.answeredWaitMs.2", "histograms."] {
            let refused = of(Some(unknown)).unwrap_err().to_string();
            assert!(refused.contains("offered, waitMs"), "{refused}");
        }
    }
}
