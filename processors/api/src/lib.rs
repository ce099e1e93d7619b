// SPDX-License-Identifier: Apache-2.0

//! The read-only HTTP API of a running instance, and the live page.
//!
//! Requests for one conversation or one subject's figures go to the worker that owns the partition, through the edge's
//! interactive queries, and the folds' functions render them. Lists and the page use a view with a row per conversation,
//! updated after each commit. It is a bounded copy; the state is authoritative.

mod answers;
mod asking;
mod batches;
mod conversations;
mod current;
mod customers;
mod dimension;
mod explain;
mod figures;
mod guard;
mod hide;
mod hub;
mod listing;
mod live;
mod page;
mod params;
mod problem;
mod repeats;
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

use current::Current;
use hub::Hub;
pub use token::{Token, TokenError};
use view::View;

/// The OpenAPI description, served at `/api/openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// Options of the API.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of this instance in the group.
    pub instance: String,
    /// Whether the texts of messages are shown.
    pub show_text: bool,
    /// The token that clients have to send; `None` to require none.
    pub token: Option<Token>,
    /// Host names that browsers may use, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Whether the client cannot list the group's members at all.
    pub group_is_hidden: bool,
    /// The approximate memory for the list of conversations. When it is full, the oldest are left out.
    pub list_bytes: usize,
    /// What the processors of the pipeline that is looked at depend on.
    pub folds: folds::Settings,
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
            folds: folds::Settings::default(),
        }
    }
}

/// The sources of responses.
#[derive(Clone)]
pub struct Sources {
    /// The workers.
    pub queries: InteractiveQueries,
    /// The group.
    pub peers: Peers,
    /// The stop request, which ends open streams.
    pub stop: Stop,
    /// Metrics of event streams.
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

/// Converts updates of interactive queries to rows.
#[must_use]
pub fn watched() -> Vec<u8> {
    folds::look::all_standing()
}

/// The routes: `/`, `/api/…`, and a response for unknown paths. A thread keeps the view until shutdown.
///
/// # Errors
/// The thread cannot be started.
pub fn routes(options: Options, sources: Sources, updates: Receiver<Update>) -> std::io::Result<Router> {
    Ok(router(shared(options, sources, updates)?))
}

fn shared(options: Options, sources: Sources, updates: Receiver<Update>) -> std::io::Result<Api> {
    let current = Current::new(sources.metrics.current(&options.folds.prometheus_queues));
    let view = Arc::new(Mutex::new(View::up_to(options.list_bytes, current)));
    let hub = Hub::start(Arc::clone(&view), updates, sources.stop.clone())?;
    let (lookers, turns) = (live::places(), asking::turns());
    Ok(Arc::new(Shared { options, sources, view, hub, lookers, turns }))
}

fn router(api: Api) -> Router {
    let guarded = Router::new()
        .route("/api/conversations", get(listing::list))
        .route("/api/conversations/{id}", get(conversations::one))
        .route("/api/customers/{id}", get(customers::one))
        .route("/api/metrics/{dimension}", get(dimension::all))
        .route("/api/metrics/{dimension}/{id}", get(figures::of_subject))
        .route("/api/metrics/{dimension}/{id}/explain", get(explain::window))
        .route("/api/now", get(listing::now))
        .route("/api/repeats", get(repeats::all))
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
