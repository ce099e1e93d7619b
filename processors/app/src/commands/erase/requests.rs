// SPDX-License-Identifier: Apache-2.0

//! Erasure requests for the pipeline, which removes the conversations from its state; and waiting for that.

use std::time::{Duration, Instant};

use model::ErasureRequest;
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;

use super::cluster::Cluster;
use super::subjects::Subjects;
use crate::kafka::reader::Span;
use crate::kafka::transactions::Transactions;

const PAUSE: Duration = Duration::from_millis(100);
/// Requests per transaction.
const BATCH_REQUESTS: usize = 1000;

/// Writes a request for each conversation and each customer, in transactions. Repeating a request changes nothing.
///
/// # Errors
/// The cluster refuses.
pub fn write(
    subjects: &Subjects,
    topic: &str,
    partitions: i32,
    transactions: &Transactions,
) -> anyhow::Result<()> {
    let requests: Vec<(String, Vec<u8>)> = all(subjects).collect();
    for batch in requests.chunks(BATCH_REQUESTS) {
        transactions.begin()?;
        for (key, value) in batch {
            let partition = engine::partition_of(key.as_bytes(), partitions);
            let record = BaseRecord::to(topic).partition(partition).key(key.as_bytes());
            transactions.send(record.payload(value.as_slice()))?;
        }
        transactions.commit()?;
    }
    Ok(())
}

fn all(subjects: &Subjects) -> impl Iterator<Item = (String, Vec<u8>)> {
    let conversations = subjects.conversations.iter().map(|id| {
        let request = ErasureRequest { conversation_id: Some(id.clone()), customer_id: None };
        (id.clone(), request.write())
    });
    // The topic is compacted, so a customer's key must differ from that of a conversation with the same id.
    let customers = subjects.customers.iter().map(|id| {
        let request = ErasureRequest { conversation_id: None, customer_id: Some(id.clone()) };
        (format!("customer/{}", model::escape(id)), request.write())
    });
    conversations.chain(customers)
}

/// Waits until the group has read everything that a topic holds now; `false` at the deadline.
///
/// # Errors
/// The cluster does not answer.
pub fn are_taken(cluster: &Cluster<'_>, topic: &str, deadline: Instant) -> anyhow::Result<bool> {
    let lasts = lasts(cluster, topic)?;
    let partitions = i32::try_from(lasts.len())?;
    loop {
        let committed = cluster.committed(topic, partitions)?;
        let is_taken = |(last, committed): (&Option<i64>, &Option<i64>)| match last {
            Some(last) => committed.is_some_and(|committed| committed > *last),
            None => true,
        };
        if lasts.iter().zip(&committed).all(is_taken) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The last unread record of each partition; `None` when all are read. The end offset does not show this, because transaction
/// markers precede it, which are never delivered.
fn lasts(cluster: &Cluster<'_>, topic: &str) -> anyhow::Result<Vec<Option<i64>>> {
    let spans = cluster.settled(topic)?;
    let committed = cluster.committed(topic, i32::try_from(spans.len())?)?;
    let ahead = spans.iter().zip(&committed).map(|(span, committed)| Span {
        first: committed.unwrap_or(span.first).max(span.first),
        ..span.clone()
    });
    let ahead: Vec<Span> = ahead.collect();
    let mut lasts = vec![None; ahead.len()];
    cluster.read(&ahead, &mut |message| {
        let place = usize::try_from(message.partition()).ok().and_then(|partition| lasts.get_mut(partition));
        if let Some(last) = place {
            *last = Some(message.offset());
        }
        Ok(())
    })?;
    Ok(lasts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_request_never_has_the_key_of_a_conversations() {
        let subjects = Subjects::new(&["a".to_owned()], &["a".to_owned(), "b/c".to_owned()]);
        let all: Vec<(String, String)> =
            all(&subjects).map(|(key, value)| (key, String::from_utf8(value).unwrap())).collect();
        let expected = [
            ("a", r#"{"conversationId":"a"}"#),
            ("customer/a", r#"{"customerId":"a"}"#),
            ("customer/b%2Fc", r#"{"customerId":"b/c"}"#),
        ];
        assert_eq!(all, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
