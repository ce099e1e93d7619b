// SPDX-License-Identifier: Apache-2.0

//! Reads the state of many conversations or customers: in batches of one partition, and one by one where a batch is too large.

use edge::queries::{Entries, QueryError};
use engine::Place;
use folds::look::Found;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use crate::Shared;
use crate::asking::BYTES_MAX;

/// Maximum number of queries in flight.
pub(crate) const IN_FLIGHT: usize = 4;
/// Maximum size of the answer to a query of a batch, in bytes.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;

/// The places of one id in the state.
type Places = fn(&str) -> Vec<Place>;

/// The answer to one query.
pub(crate) struct Batch {
    pub(crate) ids: Vec<String>,
    /// `None`: the partition did not answer, or a single id has more than [`BYTES_MAX`].
    pub(crate) found: Option<Found>,
}

/// Queries for many ids; [`next`](Self::next) returns the answers.
pub(crate) struct Batches<'a> {
    api: &'a Shared,
    places: Places,
    answers: BoxStream<'a, (i32, Vec<String>, Result<Entries, QueryError>)>,
    /// Ids of batches that were too large, with their partition.
    alone: Vec<(i32, String)>,
}

impl<'a> Batches<'a> {
    /// Queries for these ids, each with its partition, `at_once` in a batch.
    pub(crate) fn new(
        api: &'a Shared,
        mut wanted: Vec<(i32, String)>,
        at_once: usize,
        places: Places,
    ) -> Self {
        wanted.sort_unstable();
        let questions = batches(&wanted, at_once).into_iter();
        let questions = questions
            .map(move |(partition, ids)| query(api, places, (partition, ids), BATCH_BYTES_MAX).boxed());
        Self { api, places, answers: stream::iter(questions).buffered(IN_FLIGHT).boxed(), alone: Vec::new() }
    }

    /// The next answer; `None` once each id has been in one.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        while let Some((partition, ids, answer)) = self.answers.next().await {
            match answer {
                Err(QueryError::TooLarge) => self.alone.extend(ids.into_iter().map(|id| (partition, id))),
                answer => return Some(Batch::of(ids, answer)),
            }
        }
        let (partition, id) = self.alone.pop()?;
        let (_, ids, answer) = query(self.api, self.places, (partition, vec![id]), BYTES_MAX).await;
        Some(Batch::of(ids, answer))
    }
}

impl Batch {
    fn of(ids: Vec<String>, answer: Result<Entries, QueryError>) -> Self {
        Self { ids, found: answer.ok().map(|found| found.into_iter().collect()) }
    }
}

/// Sorted ids in batches of one partition.
fn batches(wanted: &[(i32, String)], at_once: usize) -> Vec<(i32, Vec<String>)> {
    let of_partitions = wanted.chunk_by(|(one, _), (other, _)| one == other);
    let batches = of_partitions.flat_map(|of_one| of_one.chunks(at_once.max(1)));
    let ids = |batch: &[(i32, String)]| batch.iter().map(|(_, id)| id.clone()).collect();
    batches.filter_map(|batch| Some((batch.first()?.0, ids(batch)))).collect()
}

async fn query(
    api: &Shared,
    places: Places,
    (partition, ids): (i32, Vec<String>),
    bytes_max: usize,
) -> (i32, Vec<String>, Result<Entries, QueryError>) {
    let places = ids.iter().flat_map(|id| places(id)).collect();
    let answer = api.sources.queries.ask(partition, places, bytes_max).await;
    (partition, ids, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_ids_of_one_partition_and_no_more_than_asked_for() {
        let wanted =
            [(0, "a"), (0, "b"), (0, "c"), (2, "d")].map(|(partition, id)| (partition, id.to_owned()));
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(batches(&wanted, 2), [(0, ids(&["a", "b"])), (0, ids(&["c"])), (2, ids(&["d"]))]);
    }
}
