//! The small HTTP server for Prometheus and for probes, on a thread of its own.
//!
//! It only answers `GET` (and `HEAD`), reads no request bodies, serves a limited number of connections at once and
//! closes those that are slow to send a request: a stuck client can hold neither memory nor the program's end.

use crate::health::{Answer, Health};
use crate::metrics::{CONTENT_TYPE, Metrics};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long a client may take from connecting, or from its request's first byte, to the request's end, and how
/// long it may let an answer wait.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay open between two requests: longer than the usual scrape intervals.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// How long answers in progress may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(1);

const INDEX: &str = "cx-timelines\n\n\
    /metrics        figures for Prometheus\n\
    /health/live    200 while every worker lives, else 503\n\
    /health/ready   200 when every worker has its partitions and their state, else 503 with the reason\n";

/// What can go wrong when the server starts.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for HTTP: {source}{}", hint(.source))]
    Bind {
        /// The address as asked for.
        address: SocketAddr,
        /// What the system says.
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

/// What the server tells of.
#[derive(Clone, Debug)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/health/…`.
    pub health: Health,
}

/// Takes the address, so that a mistake in it is known before anything else starts.
///
/// # Errors
/// [`HttpError::Bind`] when the address cannot be had.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener, HttpError> {
    std::net::TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| HttpError::Bind { address, source })
}

/// Serves until `shutdown` is done; answers in progress then have a second to end.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()>) {
    let routes = Router::new()
        .route("/", get(|| async { INDEX }))
        .route("/metrics", get(scrape))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready_probe))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is nothing here; / lists what there is.\n") })
        .with_state(state);
    let listener = Bounded { listener, free: Arc::new(Semaphore::new(CONNECTIONS)) };
    let (stop, stopped) = oneshot::channel::<()>();
    // Either the sender says stop or it is gone: both mean the end.
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

/// Serves on a thread of its own from now on.
///
/// # Errors
/// When the address cannot be had or the thread cannot be started.
pub fn spawn(address: SocketAddr, metrics: Metrics, health: Health) -> Result<HttpHandle, HttpError> {
    let listener = bind(address)?;
    let address = listener.local_addr().map_err(|source| HttpError::Bind { address, source })?;
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
            let state = HttpState { metrics, health };
            runtime.block_on(serve(listener, state, async { drop(stopped.await) }));
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
    /// Where it listens: with the real port when any (0) was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and waits until it ended, at most about a second.
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

fn probe(answer: Answer) -> Response {
    let status = if answer.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, answer.json).into_response()
}

/// Accepts no more connections than are free.
struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Timed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Timed, SocketAddr) {
        // The semaphore is never closed: there always is a permit at last.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (
            Timed {
                stream,
                limit: Box::pin(sleep(REQUEST_TIMEOUT)),
                waiting: Waiting::Request,
                _permit: permit,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection's limit counts for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// A request has begun, or the connection is new.
    Request,
    /// An answer was sent; another request may come.
    Idle,
}

/// A connection that ends with an error when its client is too slow.
struct Timed {
    stream: TcpStream,
    limit: Pin<Box<Sleep>>,
    waiting: Waiting,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Timed {
    fn wait(&mut self, waiting: Waiting, limit: Duration) {
        self.waiting = waiting;
        self.limit.as_mut().reset(Instant::now() + limit);
    }

    /// Pending is an error once the time is up.
    fn limited<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.limit.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.limited(context),
            done => {
                // Further bytes of a request do not give it more time.
                if self.waiting == Waiting::Idle {
                    self.wait(Waiting::Request, REQUEST_TIMEOUT);
                }
                done
            }
        }
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, buffer) {
            Poll::Pending => {
                if self.waiting == Waiting::Idle {
                    self.wait(Waiting::Request, REQUEST_TIMEOUT);
                }
                self.limited(context)
            }
            done => {
                self.wait(Waiting::Idle, IDLE_TIMEOUT);
                done
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn server() -> (HttpHandle, Metrics, Health) {
        let metrics = Metrics::new(&crate::metrics::Labels::default()).unwrap();
        let health = Health::new(["worker-0"]);
        let handle = spawn(([127, 0, 0, 1], 0).into(), metrics.clone(), health.clone()).unwrap();
        (handle, metrics, health)
    }

    /// Sends one request and returns all of the answer.
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
    fn an_address_in_use_is_one_clear_message() {
        let (server, ..) = server();
        let error = bind(server.address()).unwrap_err().to_string();
        assert!(error.contains(&server.address().to_string()), "{error}");
        assert!(error.contains("another program uses this port"), "{error}");
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

    #[test]
    fn a_client_that_never_ends_its_request_is_cut_off_and_a_quick_one_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = std::net::TcpStream::connect(address).unwrap();
            let mut bounded = Bounded { listener, free: Arc::new(Semaphore::new(1)) };
            let (mut connection, _) = bounded.accept().await;
            client.write_all(b"GET").unwrap();
            let mut buffer = [0; 16];
            let mut read = async |connection: &mut Timed| {
                let mut buffer = ReadBuf::new(&mut buffer);
                std::future::poll_fn(|context| Pin::new(&mut *connection).poll_read(context, &mut buffer))
                    .await
            };
            assert!(read(&mut connection).await.is_ok());
            connection.wait(Waiting::Request, Duration::from_millis(20));
            let error = read(&mut connection).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }
}
