// SPDX-License-Identifier: Apache-2.0

//! Probes the listener at a broker's address, because the client only reports that the connection failed.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{ConnectConfiguration, HandshakeError, SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::{X509, X509VerifyResult};
use rdkafka::ClientConfig;

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// An ApiVersions request, version 0, which a broker answers before authentication: length, API, version, correlation, no
/// client.
const QUESTION: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, b'c', b'x', b't', b'l', 0xff, 0xff];
const CORRELATION: &[u8] = b"cxtl";

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// No listener, or none that speaks Kafka's protocol.
    Unknown,
    /// A broker without TLS.
    Plain,
    /// A listener with TLS.
    Tls {
        /// Why the certificate is rejected, in OpenSSL's words.
        refused: Option<String>,
    },
}

/// Probes an address, with the client's trusted certificates.
pub fn look(address: &str, config: &ClientConfig) -> ProbeResult {
    if answers_plainly(address).unwrap_or(false) {
        return ProbeResult::Plain;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(connection) = trusting(config) else { return ProbeResult::Unknown };
    let Ok(stream) = connect(address) else { return ProbeResult::Unknown };
    match connection.connect(host, stream) {
        Ok(_) => ProbeResult::Tls { refused: None },
        Err(HandshakeError::Failure(shaken)) => match shaken.ssl().verify_result() {
            X509VerifyResult::OK => ProbeResult::Unknown,
            why => ProbeResult::Tls { refused: Some(why.error_string().to_owned()) },
        },
        Err(HandshakeError::SetupFailure(_) | HandshakeError::WouldBlock(_)) => ProbeResult::Unknown,
    }
}

/// The remedy for a rejected certificate.
pub fn remedy(why: &str) -> &'static str {
    let why = why.to_lowercase();
    if why.contains("expired") || why.contains("not yet valid") {
        "the brokers need a new certificate, or the clock here is wrong"
    } else if why.contains("mismatch") {
        "it was issued for other names: connect to the brokers (--bootstrap, and their advertised names) by a name in the certificate"
    } else {
        "--kafka-ca has to name the certificate of the CA that signed it"
    }
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PROBE_TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
                stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn answers_plainly(address: &str) -> std::io::Result<bool> {
    let mut stream = connect(address)?;
    stream.write_all(&QUESTION)?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    Ok(answer.ends_with(CORRELATION))
}

fn trusting(config: &ClientConfig) -> Result<ConnectConfiguration, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    if let Some(file) = config.get("ssl.ca.location") {
        builder.set_ca_file(file)?;
    }
    if let Some(pem) = config.get("ssl.ca.pem") {
        for certificate in X509::stack_from_pem(pem.as_bytes())? {
            builder.cert_store_mut().add_cert(certificate)?;
        }
    }
    if config.get("enable.ssl.certificate.verification") == Some("false") {
        builder.set_verify(SslVerifyMode::NONE);
    }
    let verifies_name = config.get("ssl.endpoint.identification.algorithm") != Some("none");
    builder.build().configure().map(|connection| connection.verify_hostname(verifies_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().take(2).flatten() {
                let mut stream = stream;
                let mut question = [0; 14];
                let _ = stream.read(&mut question).and_then(|_| stream.write_all(answer));
            }
        });
        address
    }

    #[test]
    fn a_broker_that_answers_without_tls_speaks_plain_text() {
        let address = listener(b"\0\0\0\x0acxtl");
        assert_eq!(look(&address, &ClientConfig::new()), ProbeResult::Plain);
    }

    #[test]
    fn who_hangs_up_or_says_something_else_is_nobody() {
        assert_eq!(look(&listener(b""), &ClientConfig::new()), ProbeResult::Unknown);
        assert_eq!(
            look(&listener(b"HTTP/1.1 400 Bad Request\r\n"), &ClientConfig::new()),
            ProbeResult::Unknown
        );
        assert_eq!(look("127.0.0.1:1", &ClientConfig::new()), ProbeResult::Unknown);
    }

    #[test]
    fn each_refusal_has_its_remedy() {
        assert!(remedy("certificate has expired").contains("new certificate"));
        assert!(remedy("hostname mismatch").contains("--bootstrap"));
        assert!(remedy("self-signed certificate in certificate chain").contains("--kafka-ca"));
    }
}
