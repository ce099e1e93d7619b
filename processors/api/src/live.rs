//! What changes, as it changes: server-sent events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::timeout;

use crate::Api;
use crate::hub::Message;
use crate::listing::{Now, going_on};
use crate::params::{NoParams, Params};
use crate::problem::Problem;

/// So many may look on at once: half of the server's connections, so that figures and health can always be asked for.
pub(crate) const LOOKERS_MAX: usize = 32;
/// Without news something is said so often, so that both sides know that the other is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often what goes on in queues and with agents is counted anew.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Someone who looks on.
struct Looker {
    api: Api,
    messages: broadcast::Receiver<Message>,
    now: Option<Now>,
    count_at: Instant,
    said_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// `/api/live`
pub(crate) async fn stream(
    State(api): State<Api>,
    _: Params<NoParams>,
) -> Result<impl IntoResponse, Problem> {
    let Ok(place) = Arc::clone(&api.lookers).try_acquire_owned() else {
        let detail = format!("{LOOKERS_MAX} clients look on already");
        return Err(Problem::later("busy", "Too many look on", detail));
    };
    let messages = api.hub.listen();
    let (count_at, said_at) = (Instant::now(), Instant::now());
    let looker = Looker { api, messages, now: None, count_at, said_at, _place: place };
    let events = stream::unfold(looker, |mut looker| async {
        let event = looker.next().await?;
        Some((Ok::<Event, std::convert::Infallible>(event), looker))
    });
    Ok(Sse::new(events))
}

/// Places for those who look on.
pub(crate) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LOOKERS_MAX))
}

impl Looker {
    /// What is to be said next; none at the end of the program.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.api.sources.stop.is_requested() {
                return None;
            }
            if let Some(now) = self.news_of_now() {
                return Some(self.say("now", &now));
            }
            match timeout(COUNT_EVERY, self.messages.recv()).await {
                Ok(Ok(Message::Changes(changes))) => {
                    let rows: Vec<_> = changes.values().flatten().collect();
                    let gone: Vec<_> =
                        changes.iter().filter(|(_, row)| row.is_none()).map(|(id, _)| &**id).collect();
                    return Some(self.say("changes", &json!({"conversations": rows, "gone": gone})));
                }
                Ok(Ok(Message::Resync) | Err(RecvError::Lagged(_))) => {
                    self.messages = self.messages.resubscribe();
                    return Some(self.say("resync", &json!({})));
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_elapsed) => {
                    if self.said_at.elapsed() >= HEARTBEAT {
                        self.said_at = Instant::now();
                        return Some(Event::default().comment("still here"));
                    }
                }
            }
        }
    }

    /// What goes on, where that is something else than was said last.
    fn news_of_now(&mut self) -> Option<serde_json::Value> {
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

    fn say(&mut self, name: &str, data: &impl Serialize) -> Event {
        self.said_at = Instant::now();
        // Plain data is JSON, and JSON has no line breaks.
        Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
    }
}
