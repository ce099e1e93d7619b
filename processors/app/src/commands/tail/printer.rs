// SPDX-License-Identifier: Apache-2.0

//! Formats records of any output topic as lines.

use std::io::Write;
use std::time::Instant;

use rdkafka::message::{BorrowedMessage, Headers, Message};

use super::timelines::Timelines;
use super::{Plan, View, render};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::formats::Formats;
use crate::render::entry::{self, LineStyle, People};
use crate::render::lines::{self, text};
use crate::render::{Product, Products, activity};

/// Prints records according to the plan.
pub(super) struct Printer<'p> {
    dead_letters: &'p str,
    products: Products<'p>,
    formats: Formats<'p>,
    view: View,
    conversation: Option<&'p str>,
}

impl<'p> Printer<'p> {
    /// # Errors
    /// A file with the schema registry's credentials cannot be read.
    pub(super) fn new(plan: Plan<'p>, config: &'p Config) -> Result<Self, Failure> {
        Ok(Self {
            dead_letters: config.name_of(Role::DeadLetters),
            products: Products::of(config),
            formats: Formats::open(config)?,
            view: plan.view,
            conversation: plan.conversation,
        })
    }

    /// Takes a record, and prints it unless it has to wait for another one. Returns the number of lines.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>) -> anyhow::Result<u64> {
        let product = self.products.product(message.topic());
        if let Some(conversation) = self.conversation
            && !product.is_some_and(|product| product.is_of(conversation, message.key().unwrap_or_default()))
        {
            return Ok(0);
        }
        let value = self.formats.json_or_none(message.topic(), message.payload())?;
        let value = value.as_deref();
        let mut out = anstream::stdout().lock();
        let line = match (&mut self.view, product) {
            (View::Json, _) => {
                write_json(&mut out, message, value, message.topic() == self.dead_letters)?;
                return Ok(1);
            }
            (View::Timelines(timelines), Some(product)) => waiting(timelines, product, message, value),
            (View::Timelines(_), None) | (View::Records, _) => {
                Some(record(message, value, product, message.topic() == self.dead_letters))
            }
        };
        let Some(line) = line else { return Ok(0) };
        out.write_all(line.as_bytes())?;
        Ok(1)
    }

    /// Prints entries that have waited long enough, at most `most` lines.
    pub(super) fn settle(&mut self, most: u64) -> anyhow::Result<u64> {
        let View::Timelines(timelines) = &mut self.view else { return Ok(0) };
        if !timelines.is_due(Instant::now()) {
            return Ok(0);
        }
        let lines = timelines.lines(usize::try_from(most).unwrap_or(usize::MAX));
        let mut out = anstream::stdout().lock();
        lines.iter().try_for_each(|line| out.write_all(line.as_bytes()))?;
        Ok(lines.len() as u64)
    }

    /// Whether to print before taking more records.
    pub(super) fn is_full(&self) -> bool {
        matches!(&self.view, View::Timelines(timelines) if timelines.is_full())
    }
}

fn waiting(
    timelines: &mut Timelines,
    product: Product,
    message: &BorrowedMessage<'_>,
    value: Option<&[u8]>,
) -> Option<String> {
    let key = text(message.key().unwrap_or_default());
    match product {
        Product::Activity => {
            timelines.take_activity(&key, value);
            None
        }
        Product::Entry => timelines.take_entry(message.topic(), &key, value, Instant::now()),
        Product::Summary => None,
    }
}

fn write_json(
    out: &mut dyn Write,
    message: &BorrowedMessage<'_>,
    value: Option<&[u8]>,
    is_letter: bool,
) -> std::io::Result<()> {
    let (topic, key) = (message.topic(), message.key());
    if is_letter {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        let headers = headers.map(|header| (header.key.to_owned(), header.value.map(text))).collect();
        return lines::write_letter(out, topic, key, value, &headers);
    }
    lines::write_record(out, topic, key, value)
}

/// A single record.
fn record(
    message: &BorrowedMessage<'_>,
    value: Option<&[u8]>,
    product: Option<Product>,
    is_letter: bool,
) -> String {
    let key = text(message.key().unwrap_or_default());
    if is_letter {
        return letter(message);
    }
    let Some(value) = value else { return render::tombstone(message.topic(), &key) };
    by_itself(product, value).unwrap_or_else(|| render::other(message.topic(), &key, value))
}

/// The line of an activity or an entry; `None` for other records.
fn by_itself(product: Option<Product>, value: &[u8]) -> Option<String> {
    let line = match product? {
        Product::Activity => activity::line(&serde_json::from_slice::<model::Activity<'_>>(value).ok()?),
        Product::Entry => {
            let look = LineStyle { names_conversation: true, ..LineStyle::default() };
            entry::line(
                &serde_json::from_slice::<model::TimelineEntry<'_>>(value).ok()?,
                None,
                &People::default(),
                look,
            )
        }
        Product::Summary => return None,
    };
    Some(line + "\n")
}

fn letter(message: &BorrowedMessage<'_>) -> String {
    let header = |name: &str| header(message, name).unwrap_or_default();
    let place = format!(
        "{}/{}@{}",
        header("cx.error.topic"),
        header("cx.error.partition"),
        header("cx.error.offset")
    );
    let at = header("cx.error.at").parse().unwrap_or_default();
    render::dead_letter(at, &header("cx.error.reason"), &header("cx.error.detail"), &place)
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    // A dead letter of a dead letter has the header twice: the last one is ours.
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(text(found.value?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_any_shape_is_a_line() {
        for value in ["null", "[]", "{\"kind\": 5}", "{\"actor\": 5}", "no json"] {
            for product in [Product::Activity, Product::Entry, Product::Summary] {
                assert_eq!(by_itself(Some(product), value.as_bytes()), None, "{value}");
            }
            assert_eq!(render::other("t", "k", value.as_bytes()).lines().count(), 1);
        }
    }
}
