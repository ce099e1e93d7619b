// SPDX-License-Identifier: Apache-2.0

//! The bridge: connects, works, and connects again, until it is stopped.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use edge::Stop;
use edge::health::Health;
use edge::http::probe;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::amqp::Attached;
use crate::backoff;
use crate::failure::Failure;
use crate::figures::Figures;
use crate::link::{Common, Link};
use crate::outbox::{Encode, Outbox};
use crate::refusal;
use crate::settings::Settings;

/// The name of the part of the health that is ActiveMQ's.
pub(crate) const ACTIVEMQ: &str = "activemq";
/// The interval of checks for a stop request and a silent broker.
const LOOK: Duration = Duration::from_millis(100);
/// A connection that lasted so long was a good one: the next wait is a first one.
const GOOD: Duration = Duration::from_secs(30);

/// The routes of the HTTP server: metrics and health.
pub fn routes(figures: Arc<Figures>, health: &Health) -> Router {
    const INDEX: &str = "cx-timelines bridge\n\n\
        /metrics        figures for Prometheus\n\
        /health/live    200 while it works or tries to\n\
        /health/ready   200 while all destinations are subscribed to, else 503 with the reason\n";
    let (live, ready) = (health.clone(), health.clone());
    let scrape = move || {
        let text = figures.render();
        async move { ([(header::CONTENT_TYPE, edge::metrics::CONTENT_TYPE)], text) }
    };
    Router::new()
        .route("/metrics", get(scrape))
        .route("/health/live", get(move || async move { probe(live.live()) }))
        .route("/health/ready", get(move || async move { probe(ready.ready()) }))
        .route("/", get(|| async { INDEX }))
}

/// What the bridge works with.
pub struct Tools<'t> {
    /// Makes a Kafka producer: at the start, and after one has failed for good.
    pub outbox: &'t dyn Fn() -> Result<Outbox, KafkaError>,
    /// The format of each topic.
    pub encode: &'t dyn Encode,
    /// The metrics.
    pub figures: &'t Figures,
    /// The health, of which it reports the part `activemq`.
    pub health: &'t Health,
    /// The stop request.
    pub stop: &'t Stop,
}

/// Why the bridge ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It never got a connection.
    #[error(transparent)]
    NeverConnected(#[from] Failure),
    /// There is no Kafka client.
    #[error("the Kafka client cannot be made: {0}")]
    Kafka(#[from] KafkaError),
}

/// Runs until the stop request.
///
/// # Errors
/// The first connection was refused for good, or not possible within its time. Later failures lead to new attempts.
pub async fn run(settings: &Settings, tools: &Tools<'_>) -> Result<(), Ended> {
    let mut outbox = (tools.outbox)()?;
    let topics = [Some(&settings.rules.events), settings.rules.agent_states.as_ref()];
    tools.figures.declare(
        topics.into_iter().flatten().map(|topic| topic.name.as_str()),
        settings.destinations.iter().map(crate::Destination::name),
    );
    let begun = Instant::now();
    let (mut was_connected, mut failures) = (false, 0_u32);
    let mut turn = 0_usize;
    while !tools.stop.is_requested() {
        let Some(address) = settings.brokers.iter().cycle().nth(turn % settings.brokers.len().max(1)) else {
            break;
        };
        tools.health.set_worker(ACTIVEMQ, false, &format!("connecting to {address}"));
        let since = Instant::now();
        let ended = match open(settings, address, tools.stop).await {
            None => break,
            Some(Err(failure)) => {
                tools.figures.attempted(false, 1);
                Err(failure)
            }
            Some(Ok(attached)) => {
                was_connected = true;
                tools.figures.attempted(true, 1);
                work(settings, tools, &outbox, attached).await
            }
        };
        let Err(failure) = ended else { break };
        if !was_connected && (failure.is_final() || begun.elapsed() >= settings.connect_timeout) {
            return Err(failure.into());
        }
        failures = if since.elapsed() >= GOOD { 1 } else { failures.saturating_add(1) };
        let wait = backoff::wait(failures, rand::random());
        tracing::warn!("{failure}; trying again in {:.1} s", wait.as_secs_f64());
        tools.health.set_worker(ACTIVEMQ, false, &failure.to_string());
        if outbox.fatal().is_some() {
            outbox = (tools.outbox)()?;
        }
        turn = turn.wrapping_add(1);
        rest(wait, tools.stop).await;
    }
    tools.health.set_worker(ACTIVEMQ, false, "stopped");
    Ok(())
}

/// Connects; `None` when the stop was requested meanwhile.
async fn open(
    settings: &Settings,
    address: &crate::broker::Address,
    stop: &Stop,
) -> Option<Result<Attached, Failure>> {
    tokio::select! {
        opened = Attached::open(settings, address) => Some(opened),
        () = requested(stop) => None,
    }
}

async fn requested(stop: &Stop) {
    while !stop.is_requested() {
        sleep(LOOK).await;
    }
}

async fn rest(wait: Duration, stop: &Stop) {
    tokio::select! {
        () = sleep(wait) => {}
        () = requested(stop) => {}
    }
}

/// Works on a connection until the stop request or a failure.
async fn work(
    settings: &Settings,
    tools: &Tools<'_>,
    outbox: &Outbox,
    mut attached: Attached,
) -> Result<(), Failure> {
    let address = attached.address().clone();
    let subscribed: Vec<String> = settings.destinations.iter().map(ToString::to_string).collect();
    let subscribed = subscribed.join(", ");
    tracing::info!("connected to {address}, subscribed to {subscribed}");
    tools.health.set_worker(ACTIVEMQ, true, &format!("connected to {address}, subscribed to {subscribed}"));
    tools.figures.connected.set(1);
    let common = Common {
        rules: &settings.rules,
        in_flight_max: settings.in_flight_max,
        outbox,
        encode: tools.encode,
        figures: tools.figures,
        address: &address,
    };
    let (stopper, stopped) = watch::channel(false);
    let line = attached.watch.clone();
    let mut links: FuturesUnordered<_> = std::mem::take(&mut attached.receivers)
        .into_iter()
        .map(|(destination, receiver)| {
            Link::new(common, destination, line.clone()).run(receiver, stopped.clone())
        })
        .collect();
    let mut ended = tokio::select! {
        ended = links.next() => ended.unwrap_or(Ok(())),
        ended = overseen(settings, &address, &line, tools.stop) => ended,
    };
    tools.figures.connected.set(0);
    if ended.is_err() {
        tools.health.set_worker(ACTIVEMQ, false, "the connection ended");
        // The true cause is in the connection's end, not in what a link makes of it.
        if matches!(ended, Err(Failure::Lost { .. }))
            && let Some(cause) = attached.ended(settings).await
        {
            ended = Err(cause);
        }
    }
    // Without links there is no receiver of it.
    let _ = stopper.send(true);
    while let Some(also) = links.next().await {
        ended = ended.and(also);
    }
    attached.close().await;
    ended
}

/// Ends at the stop request, or when the broker is silent or gone: the AMQP client may wait for a broker that is gone.
async fn overseen(
    settings: &Settings,
    address: &crate::broker::Address,
    line: &crate::line::Watch,
    stop: &Stop,
) -> Result<(), Failure> {
    loop {
        sleep(LOOK).await;
        if stop.is_requested() {
            return Ok(());
        }
        if line.has_ended() {
            return Err(refusal::lost(address, "the broker closed it"));
        }
        if line.silence() > settings.idle_timeout {
            line.cut();
            let seconds = settings.idle_timeout.as_secs();
            return Err(Failure::Silent { address: address.clone(), step: "AMQP heartbeat", seconds });
        }
    }
}
