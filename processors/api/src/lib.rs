//! What a running instance tells over HTTP, read-only, and the live page that shows it.
//!
//! One conversation and one subject's figures are asked from the worker that holds their partition, over the edge's queries,
//! and rendered here by the folds' own functions. For lists and for the page there is a view: a row for each
//! conversation, fed by the queries after each commit. It is a copy and a bounded one; the state stays the only truth.

mod answers;
mod asking;
mod conversations;
mod figures;
mod guard;
mod hide;
mod hub;
mod listing;
mod live;
mod page;
mod params;
mod problem;
mod row;
mod tasks;
mod token;
mod view;

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::middleware;
use axum::routing::get;
use edge::metrics::Metrics;
use edge::queries::{InteractiveQueries, Update};
use edge::{Peers, Stop};

use tokio::sync::Semaphore;

use hub::Hub;
pub use token::{Token, TokenError};
use view::View;

/// The description of the API, as it is served at `/api/openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// What may be told, and to whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of this instance, by which it knows itself among the group's.
    pub instance: String,
    /// Whether the texts of messages are shown.
    pub show_text: bool,
    /// What a client has to know; none: nobody is asked.
    pub token: Option<Token>,
    /// Names under which browsers may ask, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Whether nobody can find out who else has what, however long one waits.
    pub group_is_hidden: bool,
    /// How much memory the list of conversations may take, about. Where that is too little for all, the oldest are left out.
    pub list_bytes: usize,
    /// What the bodies of one record may have together, in bytes: as the pipeline that is looked at has it.
    pub activity_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            instance: String::new(),
            show_text: false,
            token: None,
            hosts: Vec::new(),
            group_is_hidden: false,
            list_bytes: 16 << 20,
            activity_bytes: folds::Settings::default().activity_bytes,
        }
    }
}

/// Where the answers come from.
#[derive(Clone)]
pub struct Sources {
    /// The workers.
    pub queries: InteractiveQueries,
    /// The group.
    pub peers: Peers,
    /// When the program ends, so do answers that would go on for ever.
    pub stop: Stop,
    /// Where those who look on are counted.
    pub metrics: Metrics,
}

/// What all requests share.
struct Shared {
    options: Options,
    sources: Sources,
    view: Arc<Mutex<View>>,
    hub: Hub,
    lookers: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

type Api = Arc<Shared>;

/// The folds' part of the queries's updates: what a view is made of.
#[must_use]
pub fn watched() -> Vec<u8> {
    folds::look::all_standing()
}

/// The routes: `/`, `/api/…`, and an answer for all that there is not. The view is kept by a thread of its own until the
/// stop.
///
/// # Errors
/// The thread cannot be started.
pub fn routes(options: Options, sources: Sources, updates: Receiver<Update>) -> std::io::Result<Router> {
    Ok(router(shared(options, sources, updates)?))
}

fn shared(options: Options, sources: Sources, updates: Receiver<Update>) -> std::io::Result<Api> {
    let view = Arc::new(Mutex::new(View::up_to(options.list_bytes)));
    let hub = Hub::start(Arc::clone(&view), updates, sources.stop.clone())?;
    let (lookers, turns) = (live::places(), asking::turns());
    Ok(Arc::new(Shared { options, sources, view, hub, lookers, turns }))
}

fn router(api: Api) -> Router {
    let guarded = Router::new()
        .route("/api/conversations", get(listing::list))
        .route("/api/conversations/{id}", get(conversations::one))
        .route("/api/metrics/{dimension}/{id}", get(figures::of_subject))
        .route("/api/now", get(listing::now))
        .route("/api/tasks", get(tasks::all))
        .route("/api/live", get(live::stream))
        .method_not_allowed_fallback(problem::not_allowed)
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), guard::admit));
    Router::new()
        .merge(page::routes())
        .merge(guarded)
        .fallback(problem::not_found)
        .layer(middleware::from_fn(guard::harden))
        .with_state(api)
}

#[cfg(test)]
mod tests;
