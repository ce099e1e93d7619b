// SPDX-License-Identifier: Apache-2.0

//! Live changes, as server-sent events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use edge::metrics::OpenStream;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::timeout;

use crate::Api;
use crate::hub::{Changes, Message};
use crate::listing::{Now, going_on};
use crate::params::{NoParams, Params};
use crate::problem::Problem;

/// The maximum of open streams: half of the server's connections, so that metrics and health stay available.
pub(crate) const LOOKERS_MAX: usize = 32;
/// The interval of keep-alive messages on a quiet stream, so that both sides notice a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The interval of counting the current activity of queues and agents.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// An event of the stream.
#[derive(Debug, PartialEq)]
enum Word {
    Now(Value),
    Changes(Value),
    Resync,
    StillHere,
}

impl From<Word> for Event {
    fn from(word: Word) -> Self {
        // JSON has no line breaks.
        match word {
            Word::Now(now) => Event::default().event("now").data(now.to_string()),
            Word::Changes(changes) => Event::default().event("changes").data(changes.to_string()),
            Word::Resync => Event::default().event("resync").data("{}"),
            Word::StillHere => Event::default().comment("still here"),
        }
    }
}

/// An open stream.
struct Looker {
    api: Api,
    messages: broadcast::Receiver<Message>,
    now: Option<Now>,
    count_at: Instant,
    said_at: Instant,
    _place: OwnedSemaphorePermit,
    _counted: OpenStream,
}

/// `/api/live`
pub(crate) async fn stream(
    State(api): State<Api>,
    _: Params<NoParams>,
) -> Result<impl IntoResponse, Problem> {
    let words = stream::unfold(Looker::begin(api)?, |mut looker| async {
        let word = looker.next().await?;
        Some((Ok::<Event, std::convert::Infallible>(word.into()), looker))
    });
    Ok(Sse::new(words))
}

/// The semaphore that limits open streams.
pub(crate) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LOOKERS_MAX))
}

impl Looker {
    fn begin(api: Api) -> Result<Self, Problem> {
        let Ok(place) = Arc::clone(&api.lookers).try_acquire_owned() else {
            let detail = format!("{LOOKERS_MAX} streams are open already");
            return Err(Problem::later("busy", "Too many streams", detail));
        };
        let messages = api.hub.listen();
        let (count_at, said_at) = (Instant::now(), Instant::now());
        let counted = api.sources.metrics.http_stream();
        Ok(Self { api, messages, now: None, count_at, said_at, _place: place, _counted: counted })
    }

    /// The next event; `None` at shutdown.
    async fn next(&mut self) -> Option<Word> {
        let word = loop {
            if self.api.sources.stop.is_requested() {
                return None;
            }
            if let Some(now) = self.news_of_now() {
                break Word::Now(now);
            }
            match timeout(COUNT_EVERY, self.messages.recv()).await {
                Ok(Ok(Message::Changes(changes))) => break changes_event(&changes),
                Ok(Ok(Message::Resync) | Err(RecvError::Lagged(_))) => {
                    self.messages = self.messages.resubscribe();
                    break Word::Resync;
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_elapsed) if self.said_at.elapsed() >= HEARTBEAT => break Word::StillHere,
                Err(_elapsed) => {}
            }
        };
        self.said_at = Instant::now();
        Some(word)
    }

    /// The current activity, if it changed since it was last sent.
    fn news_of_now(&mut self) -> Option<Value> {
        if Instant::now() < self.count_at {
            return None;
        }
        self.count_at = Instant::now() + COUNT_EVERY;
        let now = going_on(&self.api);
        if self.now.as_ref() == Some(&now) {
            return None;
        }
        // Plain data is JSON.
        let value = serde_json::to_value(&now).ok()?;
        self.now = Some(now);
        Some(value)
    }
}

fn changes_event(changes: &Changes) -> Word {
    let rows: Vec<_> = changes.values().flatten().collect();
    let gone: Vec<_> = changes.iter().filter(|(_, row)| row.is_none()).map(|(id, _)| &**id).collect();
    Word::Changes(json!({"conversations": rows, "gone": gone}))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::mpsc::sync_channel;

    use edge::metrics::{Labels, Metrics};
    use edge::queries::InteractiveQueries;
    use edge::{Peers, Stop};

    use super::*;
    use crate::{Options, Sources, shared};

    #[test]
    fn who_is_too_slow_is_told_to_look_again_and_then_follows() {
        let (queries, _news) = InteractiveQueries::open(crate::watched());
        let metrics = Metrics::new(&Labels::default()).unwrap();
        let sources =
            Sources { queries, peers: Peers::default(), stop: Stop::default(), metrics: metrics.clone() };
        let (_sender, listener) = sync_channel(1);
        let api = shared(Options::default(), sources, listener).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut looker = Looker::begin(Arc::clone(&api)).unwrap_or_else(|_| panic!("there is a place"));
            assert!(matches!(looker.next().await, Some(Word::Now(_))));
            assert!(metrics.render().contains("cx_timelines_http_streams 1"));
            let gone = |id: &str| Message::Changes(Arc::new(BTreeMap::from([(Arc::from(id), None)])));
            (0..100).for_each(|n| api.hub.tell(gone(&n.to_string())));
            assert_eq!(looker.next().await, Some(Word::Resync));
            api.hub.tell(gone("the next"));
            let next = json!({"conversations": [], "gone": ["the next"]});
            assert_eq!(looker.next().await, Some(Word::Changes(next)));
            api.sources.stop.request();
            assert_eq!(looker.next().await, None);
            drop(looker);
            assert!(metrics.render().contains("cx_timelines_http_streams 0"));
        });
    }
}
