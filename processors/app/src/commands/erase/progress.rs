// SPDX-License-Identifier: Apache-2.0

//! Whether the pipeline has carried out its requests. It erases a slice with each commit; pending work is part of its state,
//! and so of the changelog.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::message::Message;

use super::cluster::Cluster;
use crate::config::Role;
use crate::kafka::reader::Span;

const PAUSE: Duration = Duration::from_millis(100);

/// Waits until nothing is left to erase; `false` at the deadline.
///
/// # Errors
/// The changelog cannot be read.
pub fn is_carried_out(cluster: &Cluster<'_>, deadline: Instant) -> anyhow::Result<bool> {
    let mut left: BTreeSet<(i32, Vec<u8>)> = BTreeSet::new();
    let mut read: BTreeMap<(String, i32), i64> = BTreeMap::new();
    loop {
        for changelog in cluster.of_role(Role::Changelog) {
            let ahead: Vec<Span> =
                cluster.settled(changelog)?.into_iter().map(|span| ahead(span, &read)).collect();
            cluster.read(&ahead, &mut |message| {
                let place = (message.partition(), message.key().unwrap_or_default().to_vec());
                let is_left = message.payload().is_some_and(|value| engine::is_to_be_erased(&place.1, value));
                match is_left {
                    true => left.insert(place),
                    false => left.remove(&place),
                };
                Ok(())
            })?;
            read.extend(ahead.into_iter().map(|span| ((span.topic, span.partition), span.end)));
        }
        if left.is_empty() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The part of a partition that was not read yet.
fn ahead(span: Span, read: &BTreeMap<(String, i32), i64>) -> Span {
    let next = read.get(&(span.topic.clone(), span.partition)).copied().unwrap_or(span.first);
    Span { first: next.max(span.first).min(span.end), ..span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_read_yet_is_read() {
        let span = |first, end| Span { topic: "log".to_owned(), partition: 2, first, end };
        let read = BTreeMap::from([(("log".to_owned(), 2), 7)]);
        assert_eq!(ahead(span(3, 9), &BTreeMap::new()).first, 3);
        assert_eq!(ahead(span(3, 9), &read).first, 7);
        assert_eq!(ahead(span(8, 9), &read).first, 8, "what was before is gone");
        assert_eq!(ahead(span(3, 5), &read).first, 5, "the topic was recreated");
    }
}
