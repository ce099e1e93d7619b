//! `explain`: the contributions to a record of `cx.metrics` (contract section 11), computed by scanning the conversations of
//! the state again.

mod state;

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, anyhow};
use folds::explain::{Contribution, Counted};
use model::Dimension;
use rdkafka::Message;
use serde::{Deserialize, Serialize};

use crate::cli::{ExplainArgs, Global};
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::reader::Reader;
use crate::topics;
use state::{Restored, Subject};

/// The parts of a `cx.metrics` record that are explained.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    dimension: String,
    id: String,
    window_start: i64,
    window_end: i64,
    figures: BTreeMap<String, i64>,
}

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
    figure: &'static str,
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
    let figures = chosen(&window, args.figure.as_deref()).map_err(Failure::usage)?;
    let mut sums: BTreeMap<String, i64> = figures.iter().map(|figure| (figure.clone(), 0)).collect();
    let mut out = std::io::stdout().lock();
    let agent = (window.dimension == Dimension::Agent.as_str()).then_some(window.id.as_str());
    restored.each(&reader, config, agent, &mut |whose, contributions| {
        for contribution in contributions {
            let Some((figure, amount)) = part_of(&window, contribution) else { continue };
            let Some(sum) = sums.get_mut(figure) else { continue };
            *sum += amount;
            let (conversation_id, agent_id) = match whose {
                Subject::Conversation(id) => (Some(id), None),
                Subject::Agent(id) => (None, Some(id)),
            };
            let event_id = Some(contribution.event_id.as_str()).filter(|id| !id.is_empty());
            let line = Line { conversation_id, agent_id, event_id, at: contribution.at, figure, amount };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        }
        Ok(())
    })?;
    out.flush().context("the answer cannot be printed")?;
    let differences = differences(&window, &sums);
    differences.iter().for_each(|difference| anstream::eprintln!("{difference}"));
    if differences.is_empty() { Ok(()) } else { Err(Failure::No) }
}

/// The figures to explain: the named one, or all of the record.
fn chosen(window: &Window, figure: Option<&str>) -> anyhow::Result<Vec<String>> {
    match figure {
        None => Ok(window.figures.keys().cloned().collect()),
        Some(figure) if window.figures.contains_key(figure) => Ok(vec![figure.to_owned()]),
        Some(figure) => {
            let known: Vec<&str> = window.figures.keys().map(String::as_str).collect();
            Err(anyhow!("the record has no figure {figure:?}; it has {}", known.join(", ")))
        }
    }
}

/// The figure that a contribution counts in, and its part in the window; `None` if it has none.
fn part_of(window: &Window, contribution: &Contribution) -> Option<(&'static str, i64)> {
    let Counted::Figure(figure) = contribution.counted else { return None };
    if contribution.dimension.as_str() != window.dimension || contribution.id != window.id {
        return None;
    }
    let amount = contribution.within(window.window_start, window.window_end);
    (amount != 0).then_some((figure.as_str(), amount))
}

/// The differences, one sentence for each figure.
fn differences(window: &Window, sums: &BTreeMap<String, i64>) -> Vec<String> {
    let differing = sums.iter().filter_map(|(figure, sum)| {
        let recorded = window.figures.get(figure).copied().unwrap_or(0);
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
) -> Result<Window, Failure> {
    let no_key = || {
        anyhow!(
            "{key:?} is no key of {topic}: they are dimension/id/size/windowStart, for example queue/Sales/900000/1750000500000"
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
            found = value.map(std::borrow::Cow::into_owned);
        }
        Ok(())
    })?;
    let value = found.ok_or_else(|| {
        anyhow!(
            "there is no record {key:?} in {topic}/{}: nothing has counted in this window, or all of it was taken back",
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
    use model::Figure;

    fn window() -> Window {
        let figures = [("offered", 2), ("waitMs", 500)].map(|(name, value)| (name.to_owned(), value)).into();
        Window {
            dimension: "queue".to_owned(),
            id: "Sales".to_owned(),
            window_start: 1_000,
            window_end: 2_000,
            figures,
        }
    }

    fn contribution(id: &str, at: i64, to: Option<i64>, figure: Figure, amount: i64) -> Contribution {
        let (id, event_id) = (id.to_owned(), "e".to_owned());
        Contribution {
            dimension: Dimension::Queue,
            id,
            event_id,
            at,
            to,
            counted: Counted::Figure(figure),
            amount,
        }
    }

    #[test]
    fn only_what_lies_in_the_window_of_the_subject_is_part_of_it() {
        let part = |id, at, to| part_of(&window(), &contribution(id, at, to, Figure::Offered, 1));
        assert_eq!(part("Sales", 1_000, None), Some(("offered", 1)));
        assert_eq!(part("Sales", 2_000, None), None);
        assert_eq!(part("Other", 1_500, None), None);
        assert_eq!(part("Sales", 500, Some(1_200)), Some(("offered", 200)));
        assert_eq!(part("Sales", 1_900, Some(2_500)), Some(("offered", 100)));
    }

    #[test]
    fn a_sum_that_is_not_the_figure_is_said_with_by_how_much() {
        let sums = |offered, wait| {
            [("offered", offered), ("waitMs", wait)].map(|(name, sum)| (name.to_owned(), sum)).into()
        };
        assert!(differences(&window(), &sums(2, 500)).is_empty());
        let said = differences(&window(), &sums(1, 500));
        assert!(said.len() == 1 && said[0].starts_with("offered: the record has 2"), "{said:?}");
        assert!(said[0].contains("make 1 (-1)"), "{said:?}");
    }

    #[test]
    fn a_figure_that_the_record_does_not_have_is_refused_with_those_that_it_has() {
        assert_eq!(chosen(&window(), Some("offered")).unwrap(), ["offered"]);
        assert_eq!(chosen(&window(), None).unwrap().len(), 2);
        let refused = chosen(&window(), Some("ofered")).unwrap_err().to_string();
        assert!(refused.contains("offered, waitMs"), "{refused}");
    }
}
