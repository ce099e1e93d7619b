// SPDX-License-Identifier: Apache-2.0

//! The HTTP server for Prometheus and probes, on its own thread.
//!
//! It answers `GET` and `HEAD`, reads no request bodies, limits the number of connections and closes those that are slow to
//! send a request, so a stuck client holds neither memory nor the shutdown. Some connections are reserved for metrics and
//! probes. Callers add further routes.

mod counted;
mod reserve;
mod timed;
mod tls;

use crate::health::{Health, ProbeAnswer};
use crate::metrics::{CONTENT_TYPE, Metrics};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reserve::Reserved;
use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;
use timed::Bounded;
pub use tls::{Tls, TlsError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long responses in progress may take after shutdown.
const GRACE: Duration = Duration::from_secs(1);

const INDEX: &str = "cx-timelines\n\n\
    /metrics        figures for Prometheus\n\
    /health/live    200 while every worker lives, else 503\n\
    /health/ready   200 when every worker has its partitions and their state, else 503 with the reason\n";

/// What can go wrong when the server starts.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be bound.
    #[error("cannot listen on {address} for HTTP: {source}{}", hint(.source))]
    Bind {
        /// The requested address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The thread or its runtime did not start.
    #[error("cannot start the HTTP server: {0}")]
    Start(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (another program uses this port; choose one with --http ADDR:PORT, 0 for any)"
        }
        io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need privileges; choose another with --http ADDR:PORT)"
        }
        io::ErrorKind::AddrNotAvailable => " (this machine has no such address)",
        _ => "",
    }
}

/// The server's data.
#[derive(Clone, Debug)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/health/…`.
    pub health: Health,
}

/// Binds the address, so that a wrong address is reported before anything else starts.
///
/// # Errors
/// [`HttpError::Bind`] when the address cannot be bound.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener, HttpError> {
    std::net::TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| HttpError::Bind { address, source })
}

/// Server options.
#[derive(Debug, Default)]
pub struct Serving {
    /// TLS, if configured.
    pub tls: Option<Tls>,
    /// Additional routes. They also answer `/` and unknown paths; without them the server lists its own routes there.
    pub more: Option<Router>,
}

fn index() -> Router {
    let nothing = || async { (StatusCode::NOT_FOUND, "There is nothing here; / lists what there is.\n") };
    Router::new().route("/", get(|| async { INDEX })).fallback(nothing)
}

/// Serves until `shutdown` completes; responses in progress then have one second.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    Serving { tls, more }: Serving,
    shutdown: impl Future<Output = ()>,
) {
    let metrics = state.metrics.clone();
    let routes = Router::new()
        .route("/metrics", get(scrape))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready_probe))
        .with_state(state)
        .merge(more.unwrap_or_else(index))
        .layer(middleware::from_fn_with_state(metrics, counted::count));
    serve_routes(listener, routes, tls, shutdown).await;
}

/// Like [`serve`], with these routes only.
async fn serve_routes(
    listener: TcpListener,
    routes: Router,
    tls: Option<Tls>,
    shutdown: impl Future<Output = ()>,
) {
    let routes =
        routes.layer(middleware::from_fn(reserve::guard)).into_make_service_with_connect_info::<Reserved>();
    let listener = Bounded::new(listener, tls);
    let (stop, stopped) = oneshot::channel::<()>();
    // A stop signal and a dropped sender both end the server.
    let server = axum::serve(listener, routes).with_graceful_shutdown(async { drop(stopped.await) });
    let mut server = std::pin::pin!(async { server.await });
    tokio::select! {
        () = shutdown => {
            let _ = stop.send(());
            if timeout(GRACE, server).await.is_err() {
                tracing::debug!("HTTP connections were cut off at the end");
            }
        }
        result = &mut server => {
            if let Err(error) = result {
                tracing::error!(%error, "the HTTP server ended");
            }
        }
    }
}

/// Serves on its own thread.
///
/// # Errors
/// The address cannot be bound or the thread cannot be started.
pub fn spawn(
    address: SocketAddr,
    metrics: Metrics,
    health: Health,
    serving: Serving,
) -> Result<HttpHandle, HttpError> {
    spawn_on(bind(address)?, metrics, health, serving)
}

/// Like [`spawn`], with an address that is bound already.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn_on(
    listener: std::net::TcpListener,
    metrics: Metrics,
    health: Health,
    serving: Serving,
) -> Result<HttpHandle, HttpError> {
    let state = HttpState { metrics, health };
    spawn_with(listener, |listener, stopped| serve(listener, state, serving, stopped))
}

/// Serves these routes only, of a program with other metrics, on its own thread.
///
/// # Errors
/// The thread cannot be started.
pub fn spawn_routes(listener: std::net::TcpListener, routes: Router) -> Result<HttpHandle, HttpError> {
    spawn_with(listener, |listener, stopped| serve_routes(listener, routes, None, stopped))
}

/// Resolves when the server is to stop.
type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn spawn_with<S, F>(listener: std::net::TcpListener, serve: S) -> Result<HttpHandle, HttpError>
where
    S: FnOnce(TcpListener, Stopped) -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let address = listener.local_addr().map_err(HttpError::Start)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HttpError::Start)?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener).map_err(HttpError::Start)?
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            runtime.block_on(serve(listener, Box::pin(async { drop(stopped.await) })));
        })
        .map_err(HttpError::Start)?;
    Ok(HttpHandle { address, running: Some((stop, thread)) })
}

/// The running server. It ends when this is dropped.
#[derive(Debug)]
pub struct HttpHandle {
    address: SocketAddr,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl HttpHandle {
    /// The bound address, with the real port when port 0 was requested.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and waits until it has ended, for about one second at most.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(());
            if thread.join().is_err() {
                tracing::error!("the HTTP thread had panicked");
            }
        }
    }
}

impl Drop for HttpHandle {
    fn drop(&mut self) {
        self.end();
    }
}

async fn scrape(State(state): State<HttpState>) -> Response {
    state.metrics.health(state.health.is_live(), state.health.is_ready());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], state.metrics.render()).into_response()
}

async fn live(State(state): State<HttpState>) -> Response {
    probe(state.health.live())
}

async fn ready_probe(State(state): State<HttpState>) -> Response {
    probe(state.health.ready())
}

/// The response of a health probe: 200 or 503, with the answer as JSON, never from a cache.
pub fn probe(answer: ProbeAnswer) -> Response {
    let status = if answer.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, answer.json).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn server() -> (HttpHandle, Metrics, Health) {
        let metrics = Metrics::new(&crate::metrics::Labels::default()).unwrap();
        let health = Health::new(["worker-0"]);
        let handle =
            spawn(([127, 0, 0, 1], 0).into(), metrics.clone(), health.clone(), Serving::default()).unwrap();
        (handle, metrics, health)
    }

    /// Sends one request and returns the whole response.
    fn ask(address: SocketAddr, method: &str, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn metrics_are_served_in_the_text_format() {
        let (server, metrics, _) = server();
        metrics.restored(7);
        let answer = ask(server.address(), "GET", "/metrics");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("\ncx_timelines_restore_records_total 7\n"), "{answer}");
        server.stop();
    }

    #[test]
    fn ready_flips_when_the_worker_says_so_and_live_when_it_dies() {
        let (server, _, health) = server();
        let answer = ask(server.address(), "GET", "/health/ready");
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("has not reported yet"), "{answer}");
        assert!(answer.contains("content-type: application/json"), "{answer}");
        health.set_worker("worker-0", true, "3 partitions");
        let answer = ask(server.address(), "GET", "/health/ready");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"ready\":true"), "{answer}");
        assert!(ask(server.address(), "GET", "/health/live").starts_with("HTTP/1.1 200 "));
        health.worker_died("worker-0", "fenced");
        let answer = ask(server.address(), "GET", "/health/live");
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("fenced"), "{answer}");
        assert!(ask(server.address(), "GET", "/health/ready").starts_with("HTTP/1.1 503 "));
    }

    #[test]
    fn the_index_lists_what_there_is_and_all_else_is_not_found_or_not_allowed() {
        let (server, ..) = server();
        let index = ask(server.address(), "GET", "/");
        for path in ["/metrics", "/health/live", "/health/ready"] {
            assert!(index.contains(path), "{index}");
            assert!(ask(server.address(), "POST", path).starts_with("HTTP/1.1 405 "));
        }
        assert!(ask(server.address(), "GET", "/metrics/").starts_with("HTTP/1.1 404 "));
        assert!(ask(server.address(), "GET", "/../etc/passwd").starts_with("HTTP/1.1 404 "));
    }

    #[test]
    fn requests_are_counted_by_route_method_and_class_of_answer() {
        let (server, metrics, _) = server();
        ask(server.address(), "GET", "/metrics");
        ask(server.address(), "GET", "/health/ready");
        ask(server.address(), "POST", "/metrics");
        ask(server.address(), "GET", "/c-4711?secret=1");
        ask(server.address(), "BREW", "/c-4712");
        let text = metrics.render();
        for (labels, count) in [
            ("method=\"GET\",route=\"/metrics\",status=\"2xx\"", 1),
            ("method=\"GET\",route=\"/health/ready\",status=\"5xx\"", 1),
            ("method=\"POST\",route=\"/metrics\",status=\"4xx\"", 1),
            ("method=\"GET\",route=\"none\",status=\"4xx\"", 1),
            ("method=\"other\",route=\"none\",status=\"4xx\"", 1),
        ] {
            let line = format!("\ncx_timelines_http_requests_total{{{labels}}} {count}\n");
            assert!(text.contains(&line), "{line}\n{text}");
        }
        assert!(text.contains("\ncx_timelines_http_latency_seconds_count 5\n"), "{text}");
        assert!(!text.contains("471"), "what was asked for is no label: {text}");
    }

    #[test]
    fn an_address_in_use_is_one_clear_message() {
        let (server, ..) = server();
        let error = bind(server.address()).unwrap_err().to_string();
        assert!(error.contains(&server.address().to_string()), "{error}");
        assert!(error.contains("another program uses this port"), "{error}");
    }

    /// Requests the head of a response, on a connection that stays open.
    fn ask_on(stream: &mut std::net::TcpStream, path: &str) -> String {
        write!(stream, "HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    #[test]
    fn probes_and_scrapes_are_answered_though_clients_hold_all_connections() {
        let (server, ..) = server();
        let connect = || {
            let stream = std::net::TcpStream::connect(server.address()).unwrap();
            // Shorter than the idle timeout, so that the test does not wait for it.
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream
        };
        let mut held = Vec::new();
        for _ in 0..64 {
            let mut stream = connect();
            let answer = ask_on(&mut stream, "/");
            assert!(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 503 "), "{answer}");
            held.push(stream);
        }
        for path in ["/health/live", "/metrics", "/health/ready"] {
            let answer = ask_on(&mut connect(), path);
            assert!(
                answer.starts_with("HTTP/1.1 200 ") || answer.contains("application/json"),
                "{path}: {answer}"
            );
            assert!(answer.contains("connection: close"), "it is not to be held: {answer}");
        }
        let other = ask_on(&mut connect(), "/");
        assert!(other.starts_with("HTTP/1.1 503 ") && other.contains("retry-after: 1"), "{other}");
        assert!(ask_on(&mut held[0], "/").starts_with("HTTP/1.1 200 "), "who was there first goes on");
        drop(held);
    }

    #[test]
    fn stopping_does_not_wait_for_clients_that_say_nothing() {
        let (server, ..) = server();
        let address = server.address();
        let silent = std::net::TcpStream::connect(address).unwrap();
        let mut half = std::net::TcpStream::connect(address).unwrap();
        half.write_all(b"GET /metrics HT").unwrap();
        ask(address, "GET", "/");
        let start = std::time::Instant::now();
        server.stop();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert!(std::net::TcpStream::connect(address).is_err(), "it still listens");
        drop((silent, half));
    }
}
