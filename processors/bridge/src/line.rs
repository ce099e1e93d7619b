// SPDX-License-Identifier: Apache-2.0

//! The connection's stream, which can be cut, and remembers what the broker sent first and when it sent something last.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// How many of the first bytes are kept: the headers, SASL and the Open frame.
const FIRST_BYTES_MAX: usize = 4096;

/// The observer's end of a [`Line`].
///
/// The AMQP client closes a subscription that is dropped, and closing a durable subscription deletes it with its messages. So a
/// connection is cut before anything of it is dropped: then nothing of that reaches the broker.
#[derive(Debug, Clone)]
pub(crate) struct Watch(Arc<State>);

#[derive(Debug)]
struct State {
    begun: Instant,
    heard_ms: AtomicU64,
    is_cut: AtomicBool,
    has_ended: AtomicBool,
    first: Mutex<Vec<u8>>,
    reader: AtomicWaker,
}

impl Watch {
    /// Ends the connection: nothing is sent any more.
    pub(crate) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    /// Whether the broker has closed the stream, or it broke.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Acquire)
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() || self.0.is_cut.load(Ordering::Acquire)
    }

    /// For how long the broker has sent nothing.
    pub(crate) fn silence(&self) -> Duration {
        self.0.begun.elapsed().saturating_sub(Duration::from_millis(self.0.heard_ms.load(Ordering::Acquire)))
    }

    /// The first bytes that the broker sent.
    pub(crate) fn first_bytes(&self) -> Vec<u8> {
        self.0.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    fn heard(&self, bytes: &[u8]) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now, Ordering::Release);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_BYTES_MAX.saturating_sub(first.len());
        first.extend(bytes.iter().take(room));
    }
}

/// The stream, with TLS or without.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Stream,
    state: Arc<State>,
}

/// A TCP stream, with TLS or without.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Without.
    Plain(TcpStream),
    /// With.
    Tls(Box<SslStream<TcpStream>>),
}

impl Line {
    pub(crate) fn new(stream: Stream) -> (Self, Watch) {
        let state = Arc::new(State {
            begun: Instant::now(),
            heard_ms: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            first: Mutex::default(),
            reader: AtomicWaker::new(),
        });
        (Self { stream, state: Arc::clone(&state) }, Watch(state))
    }

    fn check(&self) -> io::Result<()> {
        if self.state.is_cut.load(Ordering::Acquire) {
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        }
        Ok(())
    }

    fn note_end<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = polled {
            self.state.has_ended.store(true, Ordering::Release);
        }
        polled
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.state.reader.register(cx.waker());
        self.check()?;
        let before = buffer.filled().len();
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        };
        if let Poll::Ready(Ok(())) = polled {
            match buffer.filled().get(before..) {
                Some(bytes) if !bytes.is_empty() => self.state.heard(bytes),
                _ => self.state.has_ended.store(true, Ordering::Release),
            }
        }
        self.note_end(polled)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        self.note_end(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        };
        self.note_end(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
