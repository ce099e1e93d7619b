// SPDX-License-Identifier: Apache-2.0

//! Queries to the worker that owns a partition, in this instance or another.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, Uri, header};
use edge::queries::QueryError;
use engine::Place;
use folds::look::Found;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;
use crate::{Api, Shared};

/// The maximum of state bytes read for one response.
pub(crate) const BYTES_MAX: usize = 16 << 20;
/// The maximum of concurrent responses from state, which bounds their memory; others wait.
const AT_A_TIME: usize = 8;

/// The semaphore that limits concurrent responses.
pub(crate) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(AT_A_TIME))
}

/// Waits for a permit, which lasts until it is dropped. The semaphore is never closed.
pub(crate) async fn turn(api: &Shared) -> Option<OwnedSemaphorePermit> {
    Arc::clone(&api.turns).acquire_owned().await.ok()
}

/// A query and its request.
pub(crate) struct Question<'q> {
    /// The key that determines the partition.
    pub(crate) key: &'q [u8],
    /// What to read in the partition.
    pub(crate) places: Vec<Place>,
    /// The request, to forward it.
    pub(crate) uri: &'q Uri,
    /// Whether to redirect the client.
    pub(crate) follow: bool,
}

/// Reads committed records of a partition.
///
/// # Errors
/// Another instance owns the partition, or none does now; or the result is too large.
pub(crate) async fn ask(api: &Api, question: Question<'_>) -> Result<Found, Problem> {
    let Some(partitions) = api.sources.queries.partitions() else {
        return Err(Problem::later("starting", "Not ready yet", "the instance is reaching its cluster"));
    };
    let partition = engine::partition_of(question.key, partitions);
    match api.sources.queries.ask(partition, question.places, BYTES_MAX).await {
        Ok(found) => Ok(found.into_iter().collect()),
        Err(QueryError::NotHere) => Err(elsewhere(api, partition, question.uri, question.follow)),
        Err(QueryError::NotReady) => {
            Err(Problem::later("restoring", "Not ready yet", "the state of its partition is being restored"))
        }
        Err(QueryError::Busy) => {
            Err(Problem::later("busy", "Too many questions", "the worker has too much to do right now"))
        }
        Err(QueryError::TooLarge) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too-large",
            "Too large for one answer",
            format!(
                "its state has more than {BYTES_MAX} bytes; `cx-timelines show` reads it from the topics instead"
            ),
        )),
    }
}

/// Where the client should ask instead.
fn elsewhere(api: &Shared, partition: i32, uri: &Uri, follow: bool) -> Problem {
    let owner = api.sources.peers.owner_of(partition).filter(|owner| owner.name != api.options.instance);
    let path = uri.path_and_query().map_or("/", |whole| whole.as_str());
    let place = owner.and_then(|owner| {
        let url = owner.url?;
        let location = HeaderValue::from_str(&format!("{url}{path}")).ok()?;
        Some((url, location))
    });
    if place.is_none() && api.options.group_is_hidden {
        let detail = format!(
            "partition {partition} is not here, and under --membership broker no instance knows its owner: ask \
             the others, or run them with --membership classic or static"
        );
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nobody", "No instance can be asked", detail);
    }
    let Some((url, location)) = place else {
        let detail = format!(
            "partition {partition} is not here, and its owner is unknown right now, or does not advertise its address \
             (--advertise)"
        );
        return Problem::later("nobody", "No instance can be asked", detail);
    };
    let detail = format!("partition {partition} is at another instance");
    if follow {
        Problem::new(StatusCode::TEMPORARY_REDIRECT, "elsewhere", "Ask another instance", detail)
            .with("owner", url)
            .with_header((header::LOCATION, location))
    } else {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "elsewhere", "Ask another instance", detail)
            .with("owner", url)
    }
}

/// The state could not be read; the worker restores it.
pub(crate) fn unreadable(error: &engine::ProcessError) -> Problem {
    tracing::error!(%error, "a state cannot be shown");
    Problem::later("unreadable", "The state cannot be read", "the log of the instance says why")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use edge::metrics::{Labels, Metrics};
    use edge::queries::InteractiveQueries;
    use edge::{Peers, Stop};

    use super::*;
    use crate::{Options, Sources, shared};

    fn said(group_is_hidden: bool) -> String {
        let (queries, _news) = InteractiveQueries::open(crate::watched());
        let stop = Stop::default();
        let metrics = Metrics::new(&Labels::default()).unwrap();
        let sources = Sources { queries, peers: Peers::default(), stop: stop.clone(), metrics };
        let (_sender, listener) = sync_channel(1);
        let api = shared(Options { group_is_hidden, ..Options::default() }, sources, listener).unwrap();
        let problem = elsewhere(&api, 3, &Uri::from_static("/api/conversations/c"), true);
        stop.request();
        format!("{problem:?}")
    }

    #[test]
    fn who_cannot_know_the_owner_says_what_to_do_and_does_not_ask_to_wait() {
        let hidden = said(true);
        assert!(hidden.contains("--membership classic") && !hidden.contains("retry-after"), "{hidden}");
        let unknown = said(false);
        assert!(unknown.contains("unknown right now") && unknown.contains("retry-after"), "{unknown}");
    }
}
