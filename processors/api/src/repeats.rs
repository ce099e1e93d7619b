// SPDX-License-Identifier: Apache-2.0

//! Repeat contacts: conversations that customers began within 72 hours of their previous ones.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::extract::State;
use engine::Phase;
use folds::look::{self, Found};
use futures_util::{FutureExt, StreamExt, stream};
use model::{CustomerConversation, CustomerRecord, Outcome};
use serde::{Deserialize, Serialize};

use crate::answers::{Answer, Json};
use crate::asking::{turn, unreadable};
use crate::batches::{BATCH_BYTES_MAX, Batch, Batches, IN_FLIGHT};
use crate::figures::required;
use crate::params::{Params, limited};
use crate::problem::Problem;
use crate::{Api, Shared};

const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
const AS: &str = "a time, as 2026-01-31T12:00:00Z";
const HOUR_MS: i64 = 60 * 60 * 1000;
/// Maximum number of customers read for one answer.
const CUSTOMERS_MAX: usize = 10_000;
/// Number of customers per query.
const AT_ONCE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatsParams {
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
}

/// A conversation that its customer began soon after the previous one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact {
    customer_id: String,
    conversation_id: String,
    started_at: i64,
    since_previous_ms: Option<i64>,
    outcome: Option<Outcome>,
    channel: Option<String>,
    queue: Option<String>,
    agent_id: Option<String>,
}

impl Contact {
    fn of(customer: &str, listed: CustomerConversation<'_>) -> Self {
        Self {
            customer_id: customer.to_owned(),
            conversation_id: listed.conversation_id.into_owned(),
            started_at: listed.started_at,
            since_previous_ms: listed.since_previous_ms,
            outcome: listed.outcome,
            channel: listed.channel.map(Cow::into_owned),
            queue: listed.queue.map(Cow::into_owned),
            agent_id: listed.agent_id.map(Cow::into_owned),
        }
    }
}

/// The conversations of a span of time.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repeats {
    /// Conversations with a customer.
    conversations: usize,
    customers: usize,
    within_24h: usize,
    within_72h: usize,
    repeats: Vec<Contact>,
    complete: bool,
}

impl Repeats {
    /// Adds a customer's conversations that began in the span.
    fn take(&mut self, customer: &str, listed: Vec<CustomerConversation<'_>>, (from, to): (i64, i64)) {
        let before = self.conversations;
        for contact in listed {
            if !(from..to).contains(&contact.started_at) {
                continue;
            }
            self.conversations += 1;
            let within = |hours: i64| contact.since_previous_ms.is_some_and(|since| since <= hours * HOUR_MS);
            self.within_24h += usize::from(within(24));
            if within(72) {
                self.within_72h += 1;
                self.repeats.push(Contact::of(customer, contact));
            }
        }
        self.customers += usize::from(self.conversations > before);
    }

    /// Sorts the repeats by time and keeps the last ones.
    fn finish(mut self, limit: usize, complete: bool) -> Self {
        self.repeats
            .sort_by(|a, b| (a.started_at, &a.conversation_id).cmp(&(b.started_at, &b.conversation_id)));
        self.repeats.drain(..self.repeats.len().saturating_sub(limit));
        self.complete = complete;
        self
    }
}

/// `/api/repeats`
pub(crate) async fn all(State(api): State<Api>, Params(params): Params<RepeatsParams>) -> Answer {
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let span = (required("from", params.from.as_deref(), AS)?, required("to", params.to.as_deref(), AS)?);
    let Some(partitions) = api.sources.queries.partitions() else {
        return Err(Problem::later("starting", "Not ready yet", "the instance is reaching its cluster"));
    };
    let _turn = turn(&api).await;
    let mut reading = Reading { complete: true, ..Reading::default() };
    let customers = reading.customers(&api, span, partitions).await;
    reading.records(&api, customers, span).await?;
    Ok(Json::of(&reading.repeats.finish(limit, reading.complete)))
}

/// An answer while it is made.
#[derive(Default)]
struct Reading {
    repeats: Repeats,
    complete: bool,
}

impl Reading {
    /// The customers of this instance's partitions with a conversation that began in the span, by partition.
    async fn customers(
        &mut self,
        api: &Shared,
        (from, to): (i64, i64),
        partitions: i32,
    ) -> BTreeSet<(i32, String)> {
        let running = api.sources.queries.tasks().into_iter().filter(|task| task.phase == Phase::Running);
        let places = look::places_of_contacts(from, to);
        let questions = running.map(|task| {
            let answer = api.sources.queries.ask(task.partition, places.clone(), BATCH_BYTES_MAX);
            answer.map(move |answer| (task.partition, answer))
        });
        let mut answers = stream::iter(questions).buffered(IN_FLIGHT);
        let mut customers = BTreeSet::new();
        let mut answered = 0;
        while let Some((partition, answer)) = answers.next().await {
            let Ok(found) = answer else { continue };
            answered += 1;
            let contacts = found.iter().filter_map(|(key, _)| look::contact(key));
            for (customer, _) in contacts.filter(|(_, started_at)| (from..to).contains(started_at)) {
                if customers.len() == CUSTOMERS_MAX {
                    self.complete = false;
                    break;
                }
                customers.insert((partition, customer));
            }
        }
        self.complete &= answered == partitions;
        customers
    }

    /// Reads the records of these customers.
    async fn records(
        &mut self,
        api: &Shared,
        customers: BTreeSet<(i32, String)>,
        span: (i64, i64),
    ) -> Result<(), Problem> {
        let places = |customer: &str| vec![look::place_of_customer(customer)];
        let mut batches = Batches::new(api, customers.into_iter().collect(), AT_ONCE, places);
        while let Some(Batch { ids, found }) = batches.next().await {
            match found {
                Some(found) => self.take(&ids, &found, span)?,
                None => self.complete = false,
            }
        }
        Ok(())
    }

    fn take(&mut self, customers: &[String], found: &Found, span: (i64, i64)) -> Result<(), Problem> {
        for customer in customers {
            let of_it = look::found_of_customer(customer, found);
            // A customer who has left the state in the meantime is left out.
            let record = look::customer(customer, &of_it).map_err(|error| unreadable(&error))?;
            let record = record.and_then(|record| serde_json::from_slice::<CustomerRecord<'_>>(&record).ok());
            if let Some(record) = record {
                self.repeats.take(customer, record.conversations, span);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: &str, started_at: i64, since_previous_ms: Option<i64>) -> CustomerConversation<'_> {
        CustomerConversation {
            conversation_id: id.into(),
            started_at,
            closed_at: None,
            last_event_at: started_at,
            outcome: None,
            channel: None,
            queue: None,
            agent_id: None,
            since_previous_ms,
        }
    }

    #[test]
    fn repeats_of_the_span_are_counted_by_how_soon_they_came_and_the_last_are_listed() {
        let mut repeats = Repeats::default();
        let day = HOUR_MS * 24;
        repeats.take(
            "ann",
            vec![
                contact("before", 9, None),
                contact("soon", 10, Some(day)),
                contact("later", 15, Some(day + 1)),
                contact("last", 19, Some(3 * day)),
                contact("after", 20, Some(0)),
            ],
            (10, 20),
        );
        repeats.take(
            "ben",
            vec![contact("first", 12, None), contact("much later", 11, Some(3 * day + 1))],
            (10, 20),
        );
        repeats.take("cy", vec![contact("elsewhere", 25, Some(0))], (10, 20));
        let repeats = repeats.finish(2, true);
        assert_eq!(
            (repeats.conversations, repeats.customers, repeats.within_24h, repeats.within_72h),
            (5, 2, 1, 3)
        );
        let ids: Vec<&str> = repeats.repeats.iter().map(|one| one.conversation_id.as_str()).collect();
        assert_eq!((ids, repeats.repeats[0].customer_id.as_str()), (vec!["later", "last"], "ann"));
    }
}
