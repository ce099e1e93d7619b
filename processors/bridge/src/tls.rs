// SPDX-License-Identifier: Apache-2.0

//! TLS with the broker: the handshake, and what is wrong when it fails.

use std::pin::Pin;

use openssl::ssl::{Ssl, SslConnector, SslFiletype, SslMethod};
use openssl::x509::X509VerifyResult;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::broker::Address;
use crate::failure::Failure;
use crate::line::Stream;
use crate::refusal::brief;
use crate::settings::Security;

/// Makes a connection encrypted.
pub(crate) async fn tls(
    address: &Address,
    security: &Security,
    stream: TcpStream,
) -> Result<Stream, Failure> {
    let fails = |why: String| Failure::Tls { address: address.clone(), why };
    let ssl = client(address, security)?;
    let mut stream = SslStream::new(ssl, stream).map_err(|error| fails(error.to_string()))?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        let verified = stream.ssl().verify_result();
        let why = match verified {
            X509VerifyResult::OK => reason(&error),
            refused => format!("the certificate is not accepted: {}", refused.error_string()),
        };
        return Err(fails(why));
    }
    Ok(Stream::Tls(Box::new(stream)))
}

/// OpenSSL's reason, without the places in its source.
fn reason(error: &openssl::ssl::Error) -> String {
    let first = error.ssl_error().and_then(|stack| stack.errors().first());
    first.and_then(openssl::error::Error::reason).map_or_else(|| brief(&error.to_string()), str::to_owned)
}

fn client(address: &Address, security: &Security) -> Result<Ssl, Failure> {
    let fails =
        |error: openssl::error::ErrorStack| Failure::Tls { address: address.clone(), why: error.to_string() };
    let unusable = |flag| {
        move |error: openssl::error::ErrorStack| Failure::TlsFile { flag, why: brief(&error.to_string()) }
    };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(fails)?;
    if let Some(ca) = &security.ca {
        builder.set_ca_file(ca).map_err(unusable("--activemq-ca"))?;
    }
    if let Some((certificate, key)) = &security.certificate {
        builder.set_certificate_chain_file(certificate).map_err(unusable("--activemq-cert"))?;
        builder.set_private_key_file(key, SslFiletype::PEM).map_err(unusable("--activemq-key"))?;
    }
    let connector = builder.build();
    connector.configure().and_then(|configuration| configuration.into_ssl(&address.host)).map_err(fails)
}
