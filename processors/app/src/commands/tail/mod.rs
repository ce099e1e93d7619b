// SPDX-License-Identifier: Apache-2.0

//! `tail`: growing timelines, or the records of any output topics, as text or JSON lines.

mod printer;
mod recent;
mod render;
mod timelines;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use self::printer::Printer;
use self::timelines::Timelines;
use crate::cli::{Global, TailArgs};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka::{self, Reading};
use crate::render::entry::LineStyle;
use crate::render::{Products, terminal_width};
use crate::signals;
use crate::topics;

/// A group id is required by the client; no member joins the group.
pub const GROUP: &str = "cx-timelines-tail";
const POLL: Duration = Duration::from_millis(200);
/// With continuous input, a turn ends after this time, so that waiting entries are printed and a stop is noticed.
const TURN_MAX: Duration = Duration::from_secs(1);

/// Prints until a signal, or the limit.
pub fn run(global: &Global, args: &TailArgs, config: &Config) -> Result<(), Failure> {
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let plan = Plan::of(args, config).map_err(Failure::usage)?;
    let client = kafka::client(global)?;
    let Some(metadata) = kafka::wait_for_cluster(&client, &global.bootstrap, &|| stop.is_requested())? else {
        return Ok(());
    };
    let mut tail = Tail::new(&client, &metadata, plan, config)?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 && !stop.is_requested() {
        left -= tail.print_some(left)?;
    }
    Ok(())
}

/// What to follow, and how to show it.
pub struct Plan<'p> {
    topics: Vec<&'p str>,
    view: View,
    conversation: Option<&'p str>,
    from_beginning: bool,
}

/// How records are shown.
enum View {
    /// The timelines, with the texts of the activities.
    Timelines(Box<Timelines>),
    /// Each record by itself.
    Records,
    /// As JSON lines.
    Json,
}

impl<'p> Plan<'p> {
    fn of(args: &'p TailArgs, config: &'p Config) -> anyhow::Result<Self> {
        let products = Products::of(config);
        let conversation = args.conversation.as_deref();
        let mut plan = if !args.topics.is_empty() {
            Self::records(args.topics.iter().map(String::as_str).collect())
        } else if args.activities {
            let activities = products.activities.ok_or_else(Products::missing)?;
            Self::records(vec![activities, config.name_of(Role::DeadLetters)])
        } else if args.json {
            Self::records(config.published())
        } else {
            Self::timelines(config, conversation.is_none())?
        };
        if conversation.is_some() {
            // The other topics, dead letters included, have no conversation.
            plan.topics.retain(|topic| products.product(topic).is_some());
        }
        if args.json {
            plan.view = View::Json;
        }
        Ok(Self { conversation, from_beginning: args.from_beginning, ..plan })
    }

    /// The timelines of all conversations from the beginning, and dead letters.
    ///
    /// # Errors
    /// topics.yaml does not declare them.
    pub fn all_timelines(config: &'p Config) -> anyhow::Result<Self> {
        Self::timelines(config, true)
    }

    fn timelines(config: &'p Config, are_several: bool) -> anyhow::Result<Self> {
        let products = Products::of(config);
        let timelines = products.timelines.with_context(|| {
            format!("topics.yaml does not declare the processor {}; try --activities", folds::timelines::NAME)
        })?;
        let look =
            LineStyle { names_conversation: are_several, is_correction: false, width: terminal_width() };
        let topics = [Some(timelines), products.activities, Some(config.name_of(Role::DeadLetters))];
        let view = View::Timelines(Box::new(Timelines::new(look)));
        Ok(Self { view, ..Self::records(topics.into_iter().flatten().collect()) })
    }

    fn records(topics: Vec<&'p str>) -> Self {
        Self { topics, view: View::Records, conversation: None, from_beginning: true }
    }

    /// Where reading begins: for a single conversation, only in its partition.
    fn places(&self, metadata: &Metadata, config: &Config) -> Result<TopicPartitionList, Failure> {
        let from = if self.from_beginning { Offset::Beginning } else { Offset::End };
        let mut places = TopicPartitionList::new();
        for topic in &self.topics {
            let partitions = kafka::partitions(metadata, topic)
                .with_context(|| topics::no_such_topic(config, topic))
                .map_err(Failure::usage)?;
            let wanted = match self.conversation {
                Some(id) => {
                    let one = engine::partition_of(id.as_bytes(), partitions);
                    one..one + 1
                }
                None => 0..partitions,
            };
            for partition in wanted {
                places.add_partition_offset(topic, partition, from)?;
            }
        }
        Ok(places)
    }
}

/// A consumer without a group that prints committed records.
pub struct Tail<'p> {
    consumer: Reading,
    printer: Printer<'p>,
}

impl<'p> Tail<'p> {
    /// A tail that follows this plan.
    ///
    /// # Errors
    /// A topic does not exist, or the client's configuration is invalid.
    pub fn new(
        client: &ClientConfig,
        metadata: &Metadata,
        plan: Plan<'p>,
        config: &'p Config,
    ) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", GROUP);
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", "read_committed");
        client.set("queued.max.messages.kbytes", "16384");
        let consumer = kafka::consumer(&client)?;
        consumer.assign(&plan.places(metadata, config)?)?;
        Ok(Self { consumer, printer: Printer::new(plan, config)? })
    }

    /// Prints available records, at most `most` lines; waits briefly when there are none. Returns the number of lines.
    ///
    /// # Errors
    /// Standard output is closed, or the cluster denies access.
    pub fn print_some(&mut self, most: u64) -> anyhow::Result<u64> {
        let mut printed = 0;
        let mut wait = POLL;
        let begun = Instant::now();
        while printed < most && begun.elapsed() < TURN_MAX && !self.printer.is_full() {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    printed += self.printer.take(&message)?;
                    wait = Duration::ZERO;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "reading");
                    break;
                }
            }
        }
        printed += self.printer.settle(most - printed)?;
        anstream::stdout().lock().flush()?;
        Ok(printed)
    }
}
