// SPDX-License-Identifier: Apache-2.0

//! TLS connections, when a certificate is configured.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::timed::Timed;
use crate::reread::Reread;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or has other content.
    #[error("{file} holds no usable {what} (PEM is expected): {source}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The expected content.
        what: &'static str,
        /// The error.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file contains no certificate.
    #[error("{} holds no certificate: it should begin with -----BEGIN CERTIFICATE-----", .0.display())]
    Empty(PathBuf),
    /// The key does not match the certificate.
    #[error("the certificate in {cert} and the key in {key} cannot be used together: {source}", cert = .cert.display(), key = .key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The error.
        source: rustls::Error,
    },
}

/// A certificate and its key, from files. Supports TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(Arc<Reread<TlsAcceptor>>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files. They are read again when they change, for new connections.
    ///
    /// # Errors
    /// A file is missing or has other content, or key and certificate do not match.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let files = vec![cert.clone(), key.clone()];
        Ok(Self(Arc::new(Reread::new(files, move || Self::acceptor(&cert, &key))?)))
    }

    fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
        let wrong = |file: &Path, what| {
            let file = file.to_owned();
            move |source| TlsError::File { file, what, source }
        };
        let certificates = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(wrong(cert, "certificate"))?;
        if certificates.is_empty() {
            return Err(TlsError::Empty(cert.to_owned()));
        }
        let private_key = PrivateKeyDer::from_pem_file(key).map_err(wrong(key, "private key"))?;
        let pair = |source| TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(certificates, private_key)
            .map_err(pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// A connection, with or without TLS. The handshake happens on the first read or write, within the same time limits.
pub(crate) enum Connection {
    Plain(Timed),
    Shaking(Box<Accept<Timed>>),
    Encrypted(Box<TlsStream<Timed>>),
}

impl Connection {
    pub(super) fn new(timed: Timed, tls: Option<&Tls>) -> Self {
        match tls {
            Some(tls) => Self::Shaking(Box::new(tls.0.get().accept(timed))),
            None => Self::Plain(timed),
        }
    }

    /// Whether only probes and scrapes are answered on it.
    pub(super) fn is_reserved(&self) -> bool {
        match self {
            Self::Plain(timed) => timed.is_reserved(),
            Self::Shaking(accept) => accept.get_ref().is_some_and(Timed::is_reserved),
            Self::Encrypted(stream) => stream.get_ref().0.is_reserved(),
        }
    }

    /// Advances the handshake.
    fn poll_shake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Shaking(accept) = self {
            let stream = ready!(Pin::new(accept.as_mut()).poll(context))?;
            *self = Self::Encrypted(Box::new(stream));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_shake(context))?;
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            Self::Shaking(_) => Poll::Pending,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_shake(context))?;
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, buffer),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_write(context, buffer),
            Self::Shaking(_) => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            // Nothing has been written yet.
            Self::Shaking(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Self::Shaking(_) => Poll::Ready(Ok(())),
        }
    }
}
