//! `tail`: timelines as they grow, or any output topics as they come; for people, or as JSON lines.

mod recent;
mod render;
mod timelines;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use self::timelines::Timelines;
use super::conversation::entry::{self, Look, People};
use super::conversation::{Product, Products, activity, terminal_width};
use super::lines::{self, text};
use super::topics;
use crate::cli::{Global, TailArgs};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::{kafka, signals};

const POLL: Duration = Duration::from_millis(200);

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

/// What is followed, and how it is shown.
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
        let conversation = args.conversation.as_deref();
        let products = Products::of(config);
        let mut plan = match (args.topics.is_empty(), args.activities, args.json, conversation) {
            (false, ..) => Self {
                topics: args.topics.iter().map(String::as_str).collect(),
                view: View::Records,
                conversation,
                from_beginning: args.from_beginning,
            },
            (true, true, ..) => {
                let topic = products.activities.ok_or_else(Products::missing)?;
                Self::with_letters(vec![topic], View::Records, config)
            }
            (true, false, true, None) => Self::with_letters(config.published(), View::Records, config),
            (true, false, true, Some(_)) => {
                let topics = products.topics().map(|(topic, _)| topic).collect();
                Self::with_letters(topics, View::Records, config)
            }
            (true, false, false, _) => Self::timelines(config, conversation.is_none())?,
        };
        if args.json {
            plan.view = View::Json;
        }
        if conversation.is_some() {
            // A dead letter does not say which conversation it would have been of.
            plan.topics.retain(|topic| products.product(topic).is_some());
        }
        plan.conversation = conversation;
        plan.from_beginning = args.from_beginning;
        Ok(plan)
    }

    /// The timelines of all conversations, from the beginning.
    ///
    /// # Errors
    /// topics.yaml does not have them.
    pub fn all_timelines(config: &'p Config) -> anyhow::Result<Self> {
        Self::timelines(config, true)
    }

    fn timelines(config: &'p Config, several: bool) -> anyhow::Result<Self> {
        let products = Products::of(config);
        let timelines = products.timelines.with_context(|| {
            format!("topics.yaml does not declare the processor {}; try --activities", folds::timelines::NAME)
        })?;
        let look = Look { names_conversation: several, is_correction: false, width: terminal_width() };
        let view = View::Timelines(Box::new(Timelines::new(look)));
        let topics = [Some(timelines), products.activities].into_iter().flatten().collect();
        Ok(Self::with_letters(topics, view, config))
    }

    fn with_letters(mut topics: Vec<&'p str>, view: View, config: &'p Config) -> Self {
        let letters = config.name_of(Role::DeadLetters);
        if !topics.contains(&letters) {
            topics.push(letters);
        }
        Self { topics, view, conversation: None, from_beginning: true }
    }
}

/// A consumer without a group that prints what is committed.
pub struct Tail<'p> {
    consumer: BaseConsumer,
    dead_letters: &'p str,
    products: Products<'p>,
    view: View,
    conversation: Option<&'p str>,
}

impl<'p> Tail<'p> {
    /// A tail that follows this plan.
    ///
    /// # Errors
    /// A topic does not exist, or the client refuses its settings.
    pub fn new(
        client: &ClientConfig,
        metadata: &Metadata,
        plan: Plan<'p>,
        config: &'p Config,
    ) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", "cx-timelines-tail");
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", "read_committed");
        client.set("queued.max.messages.kbytes", "16384");
        let consumer: BaseConsumer = client
            .create()
            .map_err(|error| Failure::usage(anyhow!(error).context("a --kafka property is refused")))?;
        consumer.assign(&places(&plan, metadata, config)?)?;
        Ok(Self {
            consumer,
            dead_letters: config.name_of(Role::DeadLetters),
            products: Products::of(config),
            view: plan.view,
            conversation: plan.conversation,
        })
    }

    /// Prints what is there, at most so many lines; waits a little where there is nothing. Gives how many it printed.
    ///
    /// # Errors
    /// Standard output is gone, or the cluster denies the rights.
    pub fn print_some(&mut self, most: u64) -> anyhow::Result<u64> {
        let mut printed = 0;
        let mut wait = POLL;
        while printed < most {
            let next = self.consumer.poll(wait).map(|next| next.map(|message| message.detach()));
            match next {
                None => break,
                Some(Ok(message)) => {
                    printed += self.take(&message)?;
                    wait = Duration::ZERO;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "reading");
                    break;
                }
            }
        }
        Ok(printed)
    }
}
