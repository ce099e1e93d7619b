// SPDX-License-Identifier: Apache-2.0

//! `show`: one complete conversation, as the topics have it now.

use anyhow::{Context, anyhow};
use rdkafka::Message;

use crate::cli::{Global, ShowArgs};
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::kafka::reader::Reader;
use crate::render::{self, Conversation, Products};
use crate::topics;

/// Prints a conversation. Reads only its own partition of each topic, from the beginning to the current end.
pub fn run(global: &Global, args: &ShowArgs, config: &Config) -> Result<(), Failure> {
    let products = Products::of(config);
    if products.topics().next().is_none() {
        return Err(Failure::usage(Products::missing()));
    }
    let formats = Formats::open(config)?;
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let reader = Reader::new(&client)?;
    // All end offsets are fetched before reading, so that the three topics match in time.
    let mut spans = Vec::new();
    for (topic, product) in products.topics() {
        let partitions = kafka::partitions(&metadata, topic)
            .with_context(|| topics::no_such_topic(config, topic))
            .map_err(Failure::usage)?;
        let partition = engine::partition_of(args.conversation.as_bytes(), partitions);
        spans.push((product, reader.span(topic, partition)?));
    }
    let mut found = Conversation::new(&args.conversation);
    let mut seen = 0_u64;
    for (product, span) in &spans {
        reader.read(std::slice::from_ref(span), &mut |message| {
            seen += 1;
            let value = formats.json_or_none(message.topic(), message.payload())?;
            found.take(*product, message.key().unwrap_or_default(), value.as_deref())
        })?;
    }
    if found.is_empty() {
        let places: Vec<String> =
            spans.iter().map(|(_, span)| format!("{}/{}", span.topic, span.partition)).collect();
        return Err(anyhow!(
            "no conversation {:?}: looked at {seen} records in {} at {}; is the id whole, and has `cx-timelines run` folded its \
             events?",
            args.conversation,
            places.join(", "),
            global.bootstrap
        )
        .into());
    }
    render::print(&found, args.json)?;
    Ok(())
}
