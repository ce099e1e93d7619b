// SPDX-License-Identifier: Apache-2.0

//! Limits the number of connections and closes those of slow clients.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use super::tls::{Connection, Tls};

/// The time limit for a request, from connecting or from its first byte until its end, and for a response that the client does
/// not read.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay open between two requests: longer than the usual scrape intervals.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Connections for all requests.
const CONNECTIONS: usize = 48;
/// Additional connections for probes and scrapes only; see `reserve`. Further clients wait.
const RESERVED: usize = 16;
/// The lifetime of a reserved connection. It is short, so that clients which connect and send nothing do not block it.
const RESERVED_TIMEOUT: Duration = Duration::from_secs(2);

/// A listener that accepts no more connections than are free.
pub(super) struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    tls: Option<Tls>,
}

/// What a connection holds while it lives.
struct Seat {
    is_reserved: bool,
    /// The semaphores are never closed, so a permit always comes.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let reserve = Arc::new(Semaphore::new(RESERVED));
        Self { listener, free, reserve, tls }
    }

    /// Waits for a seat. Reserved seats are given only when no other is free.
    async fn seat(&self) -> Seat {
        let (free, reserve) = (Arc::clone(&self.free), Arc::clone(&self.reserve));
        tokio::select! {
            biased;
            permit = free.acquire_owned() => Seat { is_reserved: false, _permit: permit.ok() },
            permit = reserve.acquire_owned() => Seat { is_reserved: true, _permit: permit.ok() },
        }
    }

    async fn accept_timed(&mut self) -> (Timed, SocketAddr) {
        // The client comes first: which seats are free is known only when it connects.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let seat = self.seat().await;
        let limit = if seat.is_reserved { RESERVED_TIMEOUT } else { REQUEST_TIMEOUT };
        (Timed { stream, limit: Box::pin(sleep(limit)), waiting: Waiting::Request, seat }, address)
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (timed, address) = self.accept_timed().await;
        // The handshake and the request are read later, so other clients do not wait for them.
        (Connection::new(timed, self.tls.as_ref()), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection's time limit applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// A request has begun, or the connection is new.
    Request,
    /// A response was sent; another request may follow.
    Idle,
}

/// A connection that fails when its client is too slow.
pub(super) struct Timed {
    stream: TcpStream,
    limit: Pin<Box<Sleep>>,
    waiting: Waiting,
    seat: Seat,
}

impl Timed {
    /// Whether only probes and scrapes are answered on it.
    pub(super) fn is_reserved(&self) -> bool {
        self.seat.is_reserved
    }

    fn wait(&mut self, waiting: Waiting, limit: Duration) {
        self.waiting = waiting;
        // A reserved connection has a fixed lifetime.
        if !self.seat.is_reserved {
            self.limit.as_mut().reset(Instant::now() + limit);
        }
    }

    /// Turns pending into an error once the time is up.
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
                // Further bytes of a request do not extend its time.
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
    use std::io::Write;

    #[test]
    fn a_client_that_never_ends_its_request_is_cut_off_and_a_quick_one_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = std::net::TcpStream::connect(address).unwrap();
            let mut bounded = Bounded::new(listener, None);
            let (mut connection, _) = bounded.accept_timed().await;
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
