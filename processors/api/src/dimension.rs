// SPDX-License-Identifier: Apache-2.0

//! The windows of all queues, agents, channels or bots that this instance has.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use edge::queries::QueryError;
use engine::{Phase, Place};
use folds::look::{self, Found, WindowName};
use futures_util::{StreamExt, stream};
use model::Dimension;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answers::{Answer, Json};
use crate::asking::{BYTES_MAX, turn, unreadable};
use crate::figures::{dimension_of, instant};
use crate::params::{Named, Params, limited};
use crate::problem::Problem;
use crate::{Api, Shared};

const LIMIT: usize = 10_000;
const LIMIT_MAX: usize = 20_000;
/// Number of windows per query: a worker does other work in between.
const AT_ONCE: usize = 500;
/// Maximum number of queries in flight.
const QUESTIONS: usize = 4;
/// Maximum length of calendar windows, including changes of clocks.
#[cfg(test)]
const CALENDAR_WINDOW_MS: i64 = 9 * 24 * 60 * 60 * 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DimensionParams {
    from: Option<String>,
    to: Option<String>,
    size: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Windows {
    dimension: &'static str,
    sizes: BTreeSet<String>,
    windows: Vec<Box<RawValue>>,
    windows_total: usize,
    complete: bool,
}

/// The requested windows.
struct Wanted {
    dimension: Dimension,
    from: i64,
    to: i64,
    size: Option<String>,
}

impl Wanted {
    /// Key ranges of the names of windows in this span of time.
    fn places(&self, longest_ms: i64) -> Vec<Place> {
        let size_ms = self.size.as_ref().and_then(|size| size.parse().ok()).unwrap_or(longest_ms);
        look::places_of_window_names(self.from.saturating_add(1), self.to.saturating_add(size_ms))
    }

    fn overlaps(&self, window: &WindowName) -> bool {
        window.of.dimension == self.dimension && window.end > self.from && window.of.window_start < self.to
    }
}

/// `/api/metrics/{dimension}`
pub(crate) async fn all(
    State(api): State<Api>,
    Named(dimension): Named<String>,
    Params(params): Params<DimensionParams>,
) -> Answer {
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let wanted = Wanted {
        dimension: dimension_of(&dimension)?,
        from: instant("from", params.from.as_deref())?.unwrap_or(i64::MIN),
        to: instant("to", params.to.as_deref())?.unwrap_or(i64::MAX),
        size: params.size,
    };
    let Some(partitions) = api.sources.queries.partitions() else {
        return Err(Problem::later("starting", "Not ready yet", "the instance is reaching its cluster"));
    };
    let _turn = turn(&api).await;
    let (named, mut complete) = names(&api, &wanted, partitions).await?;
    let sizes = named.iter().map(|(_, window)| window.size().to_owned()).collect();
    let is_of_size = |window: &WindowName| wanted.size.as_deref().is_none_or(|size| size == window.size());
    let mut named: Vec<_> = named.into_iter().filter(|(_, window)| is_of_size(window)).collect();
    let order = |window: &WindowName| (window.of.window_start, window.end, window.key.clone());
    named.sort_by_cached_key(|(_, window)| order(window));
    let windows_total = named.len();
    named.drain(..windows_total.saturating_sub(limit));
    let windows = if named.is_empty() { Vec::new() } else { records(&api, named, &mut complete).await? };
    Ok(Json::of(&Windows { dimension: wanted.dimension.as_str(), sizes, windows, windows_total, complete }))
}

/// The names of the requested windows in this instance's partitions, and whether all partitions answered.
async fn names(
    api: &Shared,
    wanted: &Wanted,
    partitions: i32,
) -> Result<(Vec<(i32, WindowName)>, bool), Problem> {
    let longest =
        api.options.folds.windows.iter().map(folds::metrics::WindowSize::longest_ms).max().unwrap_or(0);
    let places = wanted.places(longest);
    let running = api.sources.queries.tasks().into_iter().filter(|task| task.phase == Phase::Running);
    let questions = running.map(|task| asked(api, task.partition, places.clone(), ()));
    let mut answers = stream::iter(questions).buffered(QUESTIONS);
    let (mut named, mut room, mut answered) = (Vec::new(), Room(BYTES_MAX), 0);
    while let Some((partition, (), found)) = answers.next().await {
        let Some(found) = room.take(found)? else { continue };
        answered += 1;
        let windows = found.iter().filter_map(|(key, _)| look::window_name(key));
        named.extend(windows.filter(|window| wanted.overlaps(window)).map(|window| (partition, window)));
    }
    Ok((named, answered == partitions))
}

/// The records of these windows, in order.
async fn records(
    api: &Shared,
    named: Vec<(i32, WindowName)>,
    complete: &mut bool,
) -> Result<Vec<Box<RawValue>>, Problem> {
    let mut of_partition: BTreeMap<i32, Vec<(usize, String)>> = BTreeMap::new();
    for (number, (partition, window)) in named.into_iter().enumerate() {
        of_partition.entry(partition).or_default().push((number, window.key));
    }
    let some = of_partition.into_iter().flat_map(|(partition, windows)| {
        let some = windows.chunks(AT_ONCE).map(<[_]>::to_vec).collect::<Vec<_>>();
        some.into_iter().map(move |some| (partition, some))
    });
    let questions = some.map(|(partition, some)| {
        let places = some.iter().map(|(_, key)| look::place_of_window(key)).collect();
        asked(api, partition, places, some)
    });
    let mut answers = stream::iter(questions).buffered(QUESTIONS);
    let (mut room, mut records) = (Room(BYTES_MAX), BTreeMap::new());
    while let Some((_, some, found)) = answers.next().await {
        let Some(found) = room.take(found)? else {
            *complete = false;
            continue;
        };
        let found: Found = found.into_iter().collect();
        for (number, key) in some {
            // A window that has left the state in the meantime is left out.
            let record = look::window(&key, &found).map_err(|error| unreadable(&error))?;
            let record = record.and_then(|record| serde_json::from_slice(&record).ok());
            records.extend(record.map(|record| (number, record)));
        }
    }
    Ok(records.into_values().collect())
}

type PartitionAnswer = Result<edge::queries::Entries, QueryError>;

/// Queries key ranges of a partition; returns `what_for` with the answer.
async fn asked<F>(
    api: &Shared,
    partition: i32,
    places: Vec<Place>,
    what_for: F,
) -> (i32, F, PartitionAnswer) {
    let found = api.sources.queries.ask(partition, places, BYTES_MAX / QUESTIONS).await;
    (partition, what_for, found)
}

/// Remaining size of the answers in bytes.
struct Room(usize);

impl Room {
    /// The answer of a partition; `None` if it does not answer.
    ///
    /// # Errors
    /// All answers together are too large.
    fn take(&mut self, answer: PartitionAnswer) -> Result<Option<edge::queries::Entries>, Problem> {
        let found = match answer {
            Ok(found) => found,
            Err(QueryError::TooLarge) => return Err(too_large()),
            Err(QueryError::NotHere | QueryError::NotReady | QueryError::Busy) => return Ok(None),
        };
        let bytes: usize = found.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.0 = self.0.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(Some(found))
    }
}

fn too_large() -> Problem {
    let detail = format!(
        "these windows have more than {BYTES_MAX} bytes of state, or {} in one partition: ask for a shorter span (from, to), one \
         size, or fewer (limit)",
        BYTES_MAX / QUESTIONS
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-large", "Too large for one answer", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_too_much_together_are_a_problem_and_one_that_does_not_come_is_none() {
        let of = |bytes: usize| Ok(vec![(vec![0; bytes], Vec::new())]);
        let mut room = Room(10);
        assert!(room.take(of(6)).unwrap().is_some());
        assert!(room.take(Err(QueryError::Busy)).unwrap().is_none());
        assert!(room.take(of(4)).unwrap().is_some());
        assert!(room.take(of(1)).is_err() && room.take(Err(QueryError::TooLarge)).is_err());
    }

    #[test]
    fn windows_that_overlap_a_span_are_wanted_and_looked_for_as_far_as_they_can_end() {
        let size = |size: &str| Wanted {
            dimension: Dimension::Queue,
            from: 1_750_000_000_000,
            to: 1_750_000_900_000,
            size: Some(size.to_owned()),
        };
        let name = |start: i64, end: i64| {
            let key = model::window_key(Dimension::Queue, "q", &(end - start).to_string(), start);
            WindowName { of: model::parse_window_key(&key).unwrap(), key, end }
        };
        let wanted = size("900000");
        assert!(wanted.overlaps(&name(1_749_999_900_000, 1_750_000_000_001)));
        assert!(!wanted.overlaps(&name(1_749_999_100_000, 1_750_000_000_000)));
        assert!(wanted.overlaps(&name(1_750_000_899_999, 1_750_001_799_999)));
        assert!(!wanted.overlaps(&name(1_750_000_900_000, 1_750_001_800_000)));
        // A day that a zone names may end days later.
        assert!(
            size("1d@Europe/Berlin").places(CALENDAR_WINDOW_MS).len()
                > wanted.places(CALENDAR_WINDOW_MS).len()
        );
    }
}
