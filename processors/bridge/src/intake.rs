// SPDX-License-Identifier: Apache-2.0

//! From a message to the record that is sent: its topic, key and format; counted, and logged where something is wrong with it.

use crate::figures::{Figures, Outcome};
use crate::message::Received;
use crate::outbox::{Encode, Outgoing, headers};
use crate::route::{Rules, TypeCheck};
use crate::settings::Destination;
use crate::task_state;

/// Takes the messages of one subscription.
pub(crate) struct Intake<'c> {
    rules: &'c Rules,
    encode: &'c dyn Encode,
    figures: &'c Figures,
    destination: Destination,
    logged: Logged,
}

/// What was logged already on this connection, so that a hostile sender does not fill the log.
#[derive(Default)]
struct Logged {
    mismatch: bool,
    no_event: bool,
    skipped: bool,
}

impl<'c> Intake<'c> {
    pub(crate) fn new(
        rules: &'c Rules,
        encode: &'c dyn Encode,
        figures: &'c Figures,
        destination: Destination,
    ) -> Self {
        Self { rules, encode, figures, destination, logged: Logged::default() }
    }

    /// The record of a message; `None` for one that is not passed on.
    pub(crate) fn take(&mut self, received: Received) -> Option<Outgoing> {
        let destination = &self.destination;
        if received.is_again {
            self.figures.redelivered.inc();
        }
        if task_state::is_broadcast(&received) {
            self.figures.message(Outcome::Skipped);
            if !std::mem::replace(&mut self.logged.skipped, true) {
                tracing::info!(
                    "{destination}: a state change of a task is no event, and is not passed on; its event comes on the topic of the \
                     conversations. See cx_timelines_bridge_messages_total, outcome skipped"
                );
            }
            return None;
        }
        let routed = self.rules.route(&received);
        if routed.type_check == TypeCheck::Differs {
            self.figures.mismatches.inc();
            if !std::mem::replace(&mut self.logged.mismatch, true) {
                tracing::warn!(
                    "{destination}: a message's JMS type is not its event's name, which counts; see \
                     cx_timelines_bridge_type_mismatches_total"
                );
            }
        }
        if routed.key.is_none() {
            self.figures.no_events.inc();
            if !std::mem::replace(&mut self.logged.no_event, true) {
                let topic = routed.topic;
                tracing::warn!(
                    "{destination}: a message is no event; it goes to {topic} unchanged, and becomes a dead letter with the reason"
                );
            }
        }
        let value = self.encode.encode(routed.topic, &received.body);
        Some(Outgoing {
            topic: routed.topic.to_owned(),
            key: routed.key,
            partition: routed.partition,
            headers: headers(&received.headers()),
            value: value.unwrap_or(received.body),
        })
    }
}
