// SPDX-License-Identifier: Apache-2.0

//! Waiting for the cluster. Errors that waiting cannot resolve are reported at once.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use edge::{ConnectionFailure, clients, token};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::{ClientConfig, ClientContext};

use super::{ANSWER_TIMEOUT, AWAY, probe, refused, security};
use crate::exit::Failure;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// The client's last report of a failed connection.
#[derive(Debug, Default)]
struct LastFailure(Mutex<Option<(ConnectionFailure, String)>>);

impl LastFailure {
    fn take(&self) -> Option<(ConnectionFailure, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for LastFailure {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    /// The client's own lines repeat what is logged here.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(facility, "{text}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
        if let Some(connection_failure) = ConnectionFailure::of(&error, reason) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((connection_failure, reason.to_owned()));
        }
    }
}

impl ConsumerContext for LastFailure {}

/// The cluster's metadata. Retries until a broker answers, and logs it; returns `Ok(None)` when `stop` is set.
///
/// # Errors
/// The client's configuration is invalid, or the error is permanent: wrong passwords, certificates, protocols.
pub fn wait_for_cluster(
    client: &ClientConfig,
    address: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Metadata>, Failure> {
    let consumer = clients::consumer(client, LastFailure::default()).map_err(refused)?;
    let mut tries: u64 = 0;
    while !stop() {
        tries += 1;
        let is_time_to_tell = tries == 1 || tries.is_multiple_of(10);
        match ask(&consumer, client, address, is_time_to_tell)? {
            Ok(metadata) => {
                if tries > 1 {
                    tracing::info!(address, "the broker answers");
                }
                return Ok(Some(metadata));
            }
            Err(reason) if is_time_to_tell => {
                tracing::warn!("no broker answers at {address} ({}), retrying: {AWAY}", brief(&reason));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

/// The cluster's id. Retries until a broker reports it; returns `Ok(None)` when `stop` is set.
///
/// A client whose broker closed the connection during the handshake, as one that is being started or stopped does, takes it for
/// an old broker, which reports no id, and does not ask again. So each attempt has a client of its own.
///
/// # Errors
/// The client's configuration is invalid.
pub fn wait_for_cluster_id(
    client: &ClientConfig,
    stop: &dyn Fn() -> bool,
) -> Result<Option<String>, Failure> {
    let mut tries: u64 = 0;
    while !stop() {
        if tries > 0 {
            std::thread::sleep(PAUSE);
        }
        let consumer = clients::consumer(client, LastFailure::default()).map_err(refused)?;
        if let Some(id) = consumer.client().fetch_cluster_id(ANSWER_TIMEOUT) {
            return Ok(Some(id));
        }
        if tries.is_multiple_of(10) {
            tracing::warn!("no broker reports the cluster id; retrying");
        }
        tries += 1;
    }
    Ok(None)
}

/// Like [`wait_for_cluster`], with one attempt: the metadata, or why no broker answers.
///
/// # Errors
/// As [`wait_for_cluster`].
pub fn ask_cluster(client: &ClientConfig, address: &str) -> Result<Result<Metadata, String>, Failure> {
    ask(&clients::consumer(client, LastFailure::default()).map_err(refused)?, client, address, true)
}

/// With `looks`, probes the listener if the client reports no reason.
fn ask(
    consumer: &BaseConsumer<LastFailure>,
    client: &ClientConfig,
    address: &str,
    looks: bool,
) -> Result<Result<Metadata, String>, Failure> {
    consumer.fetch_metadata(None, ANSWER_TIMEOUT).map(Ok).or_else(|error| {
        let why = why(consumer);
        match hopeless(client, address, why.as_ref(), looks) {
            Some(text) => Err(Failure::usage(anyhow!(text))),
            None => Ok(Err(why.map_or_else(|| error.to_string(), |(_, reason)| reason))),
        }
    })
}

fn why(consumer: &BaseConsumer<LastFailure>) -> Option<(ConnectionFailure, String)> {
    clients::attend(consumer);
    consumer.context().take()
}

/// The message for a permanent connection failure. Without a report of the client, the listener may have closed the connection
/// because of another protocol; `looks` says whether to probe for that.
fn hopeless(
    client: &ClientConfig,
    bootstrap: &str,
    last: Option<&(ConnectionFailure, String)>,
    looks: bool,
) -> Option<String> {
    let (address, reason) = match last {
        Some((ConnectionFailure::Identity, reason)) => {
            return Some(format!("{reason}: {}", security::identity_remedy(client)));
        }
        Some((ConnectionFailure::Encryption, reason)) => (place(reason), reason.as_str()),
        Some((ConnectionFailure::Away, _)) | None if looks => (None, ""),
        Some((ConnectionFailure::Away, _)) | None => return None,
    };
    let address = address.or_else(|| bootstrap.split(',').next())?;
    encryption(client, address, &probe::look(address, client), reason)
}

/// The problem with the security protocol, as probed; `None` when it is uncertain.
fn encryption(
    client: &ClientConfig,
    address: &str,
    seen: &probe::ProbeResult,
    reason: &str,
) -> Option<String> {
    use probe::ProbeResult;
    let wants_tls = security::wants_tls(client);
    match seen {
        ProbeResult::Plain if wants_tls => Some(format!(
            "the listener at {address} speaks plain text, and TLS is wanted: give the port of a TLS listener, or --kafka-security \
             plaintext or sasl_plaintext, which encrypt nothing"
        )),
        ProbeResult::Tls { .. } if !wants_tls => Some(format!(
            "the listener at {address} speaks TLS, and plain text is wanted: give --kafka-security ssl, or sasl_ssl where the broker \
             asks for a user or a token"
        )),
        // Only if the client complains as well: it may trust other certificates than those of the probe.
        ProbeResult::Tls { refused: Some(why) } if !reason.is_empty() => {
            Some(format!("the certificate of {address} is not accepted: {why}; {}", probe::remedy(why)))
        }
        ProbeResult::Tls { refused: None } if reason.contains("alert") => Some(format!(
            "the broker at {address} refuses the client certificate ({reason}): is the one in --kafka-cert still valid, is --kafka-key \
             its key, and do the brokers trust the CA that signed it?"
        )),
        ProbeResult::Unknown | ProbeResult::Plain | ProbeResult::Tls { .. } => None,
    }
}

/// The reason alone, of the client's report: `127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection
/// refused (after 0ms in state CONNECT)` is `Connection refused`.
fn brief(reason: &str) -> &str {
    let reason = reason.rsplit_once(" failed: ").map_or(reason, |(_, reason)| reason);
    reason.split_once(" (after ").map_or(reason, |(reason, _)| reason)
}

/// The broker's address in the client's report: `sasl_ssl://host:port/bootstrap: …`.
fn place(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("://")?;
    rest.split(['/', ' ']).next().map(|address| address.trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::probe::ProbeResult;

    fn said(protocol: &str, seen: &ProbeResult, reason: &str) -> Option<String> {
        let mut client = ClientConfig::new();
        client.set("security.protocol", protocol);
        encryption(&client, "broker:9093", seen, reason)
    }

    #[test]
    fn the_address_is_read_off_what_the_client_tells() {
        assert_eq!(place("sasl_ssl://127.0.0.1:9093/bootstrap: SASL"), Some("127.0.0.1:9093"));
        assert_eq!(place("ssl://[::1]:9093/1: SSL"), Some("[::1]:9093"));
        assert_eq!(place("1/1 brokers are down"), None);
    }

    #[test]
    fn of_a_report_the_reason_is_said() {
        let report = "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        assert_eq!(brief(report), "Connection refused");
        let report = "nowhere.example:9092/bootstrap: Failed to resolve 'nowhere.example:9092': Name or service not known (after \
                      5ms in state CONNECT)";
        assert!(brief(report).ends_with("Name or service not known"), "{}", brief(report));
        assert_eq!(brief("something else"), "something else");
    }

    #[test]
    fn only_what_was_seen_for_certain_ends_the_wait() {
        let tls = |refused: Option<&str>| ProbeResult::Tls { refused: refused.map(str::to_owned) };
        assert!(said("ssl", &ProbeResult::Plain, "").unwrap().contains("--kafka-security plaintext"));
        assert!(said("plaintext", &tls(None), "").unwrap().contains("--kafka-security ssl"));
        let expired = tls(Some("certificate has expired"));
        assert!(said("ssl", &expired, "certificate verify failed").unwrap().contains("new certificate"));
        assert_eq!(said("ssl", &expired, ""), None);
        let reason = "SSL alert number 116: certificate required";
        assert!(said("ssl", &tls(None), reason).unwrap().contains("--kafka-cert"));
        assert_eq!(said("ssl", &tls(None), "Disconnected"), None);
        assert_eq!(said("ssl", &ProbeResult::Unknown, ""), None);
        assert_eq!(said("plaintext", &ProbeResult::Plain, ""), None);
    }
}
