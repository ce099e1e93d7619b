// SPDX-License-Identifier: Apache-2.0

//! Records left in the outputs, of conversations whose state has expired: only the topics still have their keys.

use std::collections::BTreeMap;

use engine::{HEADER_PROCESSOR, HEADER_SCHEMA};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::cluster::Cluster;
use super::customers;
use super::subjects::Subjects;
use crate::kafka::transactions::Transactions;

/// Tombstones per transaction: far fewer than can be sent before its timeout.
const BATCH_RECORDS: usize = 1000;

/// The subjects' latest records in one topic that are no tombstones: partition and key, with what overwrites them.
type Standing = BTreeMap<(i32, Vec<u8>), Overwrite>;

/// What a record is overwritten with.
struct Overwrite {
    headers: OwnedHeaders,
    /// The rest of a customer's record that lists other conversations, too; `None`: a tombstone.
    value: Option<Vec<u8>>,
}

/// The number of such records.
///
/// # Errors
/// The topic cannot be read.
pub fn count(cluster: &Cluster<'_>, subjects: &Subjects, topic: &str) -> anyhow::Result<usize> {
    Ok(standing(cluster, subjects, topic)?.len())
}

/// Overwrites them with tombstones, or with what is left of them; returns their number. Run it after the pipeline has carried the requests out: it writes
/// nothing for an erased conversation after that.
///
/// # Errors
/// The topic cannot be read, or the cluster refuses.
pub fn erase(
    cluster: &Cluster<'_>,
    subjects: &Subjects,
    topic: &str,
    transactions: &Transactions,
) -> anyhow::Result<usize> {
    let standing: Vec<_> = standing(cluster, subjects, topic)?.into_iter().collect();
    for batch in standing.chunks(BATCH_RECORDS) {
        transactions.begin()?;
        for ((partition, key), overwrite) in batch {
            let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(*partition).key(key);
            record.headers = Some(overwrite.headers.clone());
            record.payload = overwrite.value.as_deref();
            transactions.send(record)?;
        }
        transactions.commit()?;
    }
    Ok(standing.len())
}

fn standing(cluster: &Cluster<'_>, subjects: &Subjects, topic: &str) -> anyhow::Result<Standing> {
    let mut standing = Standing::new();
    cluster.read(&cluster.settled(topic)?, &mut |message| {
        let Some(key) = message.key() else { return Ok(()) };
        let place = (message.partition(), key.to_vec());
        let value = cluster.json(topic, message.payload())?;
        match value.filter(|value| subjects.own_output(value)) {
            Some(json) => {
                let value = customers::without(message, &json, |id| subjects.conversations.contains(id));
                standing.insert(place, Overwrite { headers: own_headers(message), value });
            }
            None => {
                standing.remove(&place);
            }
        }
        Ok(())
    })?;
    Ok(standing)
}

/// Every record's headers name its processor and format; so do a tombstone's.
fn own_headers(message: &impl Message) -> OwnedHeaders {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let own = headers.filter(|header| [HEADER_PROCESSOR, HEADER_SCHEMA].contains(&header.key));
    own.fold(OwnedHeaders::new(), |all, header| all.insert(Header { key: header.key, value: header.value }))
}
