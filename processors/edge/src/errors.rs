// SPDX-License-Identifier: Apache-2.0

//! Errors of the Kafka client, by remedy. Only this module knows librdkafka's flags and codes.

use driver::{DriverError, Failure};
use engine::{StoreError, TaskError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

pub(crate) use driver::Remedy;

/// The remedy for an error of a transactional producer.
#[must_use]
pub(crate) fn of_transaction(error: &KafkaError) -> Remedy {
    if let Some(code) = error.rdkafka_error_code()
        && needs_an_operator(code)
    {
        return Remedy::Stop;
    }
    match error {
        KafkaError::Transaction(error) if error.txn_requires_abort() => Remedy::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Remedy::Retry,
        // The wait for deliveries timed out; the next call continues.
        KafkaError::Flush(_) => Remedy::Retry,
        KafkaError::MessageProduction(code) => of_delivery(*code),
        _ => Remedy::Rebuild,
    }
}

/// The remedy for a record that was not delivered within its transaction.
#[must_use]
pub(crate) fn of_delivery(code: Code) -> Remedy {
    match code {
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::InvalidTopic
        | Code::InvalidTimestamp
        | Code::InvalidConfig
        | Code::PolicyViolation => Remedy::Stop,
        code if needs_an_operator(code) => Remedy::Stop,
        Code::Fatal => Remedy::Rebuild,
        _ => Remedy::Abort,
    }
}

/// The remedy for an error of a consumer's poll.
#[must_use]
pub(crate) fn of_poll(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::MessageConsumptionFatal(_) => Remedy::Stop,
        other => match other.rdkafka_error_code() {
            Some(code) if needs_an_operator(code) => Remedy::Stop,
            _ => Remedy::Retry,
        },
    }
}

/// Whether a poll reports that an offset is out of range. It does not name the partition.
#[must_use]
pub(crate) fn is_displaced(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumption(Code::AutoOffsetReset | Code::LogTruncation))
}

/// Whether a record or its batch exceeded the topic's limit.
#[must_use]
pub(crate) fn is_too_large(code: Code) -> bool {
    matches!(code, Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize)
}

/// Why a client has no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// Authentication failed, or there are no credentials.
    Identity,
    /// TLS failed: protocol or certificate. A plain disconnect may look the same.
    Encryption,
    /// The broker does not answer.
    Away,
}

impl ConnectionFailure {
    /// What an error that a client reports to its context says about the connection; `None` when it says nothing.
    #[must_use]
    pub fn of(error: &KafkaError, reason: &str) -> Option<Self> {
        match error.rdkafka_error_code()? {
            code if is_about_identity(code) => {
                Some(if is_local(reason) { Self::Away } else { Self::Identity })
            }
            Code::SSL => Some(Self::Encryption),
            // The client may report a TLS error as a closed connection.
            Code::BrokerTransportFailure if reason.contains("SSL") => Some(Self::Encryption),
            Code::BrokerTransportFailure | Code::Resolve => Some(Self::Away),
            _ => None,
        }
    }
}

/// Whether an error reported to the context is a missing permission or a failed authentication.
#[must_use]
pub(crate) fn is_refusal(error: &KafkaError, reason: &str) -> bool {
    error
        .rdkafka_error_code()
        .is_some_and(|code| needs_an_operator(code) || (is_about_identity(code) && !is_local(reason)))
}

/// Whether an error reported to the context says only that no topic matches a subscribed pattern yet. A pattern begins with
/// `^`, which no topic name does.
#[must_use]
pub(crate) fn is_unmatched_pattern(error: &KafkaError, reason: &str) -> bool {
    let is_unknown = error
        .rdkafka_error_code()
        .is_some_and(|code| code == Code::UnknownTopicOrPartition || code == Code::UnknownTopic);
    is_unknown && reason.contains(": ^")
}

/// Authentication failed. The code alone does not prove it: see [`is_local`].
fn is_about_identity(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism)
}

/// The client reports a connection that broke during authentication like a refusal; only its text differs.
fn is_local(reason: &str) -> bool {
    reason.contains("Local: ")
}

/// Permissions and limits, which only an operator can change.
fn needs_an_operator(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::InvalidTransactionTimeout
            | Code::UnsupportedVersion
            | Code::UnsupportedFeature
    )
}

/// The edge cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// A client could not be created: a setting is invalid. Remedy: correct the setting.
    #[error("the Kafka client refuses its settings: {0}")]
    Settings(#[source] KafkaError),
    /// An error without an automatic remedy. The text names the operator's.
    #[error("{what}: {source}{advice}")]
    Kafka {
        /// The operation.
        what: String,
        /// The client's error.
        source: KafkaError,
        /// Advice for the operator; empty, or beginning with a dash.
        advice: &'static str,
    },
    /// An output topic does not exist or has no partitions.
    #[error("topic {0} does not exist: run `cx-timelines topics apply`, or correct topics.yaml")]
    MissingTopic(String),
    /// The repartition topic ends before the committed position.
    #[error(
        "topic {0} ends before what was taken of it: it was deleted and created again, or has lost records. What was on its way in it \
         may be missing, and what is left of it was added to the windows already: run `cx-timelines reset`, which lets all input be \
         read again, and start again"
    )]
    WorkLost(String),
    /// A task failed, and a restore does not help.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The store of a partition cannot be opened, read or written.
    #[error(
        "the state of partition {partition} cannot be used: {source}; is the disk of --state-dir full or broken? Nothing is lost: \
         free space or repair it, and start again"
    )]
    Store {
        /// The partition.
        partition: i32,
        /// The store's error.
        source: StoreError,
    },
    /// The stores of standby copies cannot be opened.
    #[error("standby copies cannot be kept: {0}; is the disk of --state-dir full or broken?")]
    WarmCopies(#[source] StoreError),
    /// A worker panicked: a defect. Standard error has the panic's message.
    #[error("a worker panicked; please report the message above")]
    Panicked,
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl EdgeError {
    /// Wraps a client error with the operation, and advice where there is some.
    #[must_use]
    pub fn kafka(what: impl Into<String>, source: KafkaError) -> Self {
        let advice = source.rdkafka_error_code().map_or("", advice);
        Self::Kafka { what: what.into(), source, advice }
    }
}

/// The error in the driver's answers.
pub(crate) type Error = Box<EdgeError>;

impl From<DriverError<Error>> for EdgeError {
    fn from(error: DriverError<Error>) -> Self {
        match error {
            DriverError::Caller(error) => *error,
            DriverError::Task(error) => Self::Task(error),
            DriverError::Store { partition, source } => Self::Store { partition, source },
            DriverError::RepartitionLost(topic) => Self::WorkLost(topic),
        }
    }
}

/// The remedy for a failed producer call.
pub(crate) fn failure(what: &str, error: KafkaError) -> Failure<Error> {
    Failure {
        remedy: of_transaction(&error),
        error: Box::new(EdgeError::kafka(what, error)),
        letters_too_large: false,
    }
}

fn advice(code: Code) -> &'static str {
    match code {
        // The record may be larger than a segment of the topic.
        Code::MessageBatchTooLarge => {
            " - raise segment.bytes of the topic (see `settings` in topics.yaml) and start again; nothing is lost"
        }
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
            " - raise max.message.bytes of the topic (see `settings` in topics.yaml) and start again; nothing is lost"
        }
        // Every written record has the time of its writing.
        Code::InvalidTimestamp => {
            " - our clock and the broker's differ by more than the topic takes (message.timestamp.before.max.ms and \
             message.timestamp.after.max.ms): look by `cx-timelines doctor --write-probe`, set the clocks, and start again; nothing \
             is lost"
        }
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
            " - run `cx-timelines topics check`"
        }
        Code::InvalidTransactionTimeout => {
            " - lower transaction.timeout in topics.yaml, or raise transaction.max.timeout.ms of the brokers"
        }
        Code::TopicAuthorizationFailed => {
            " - the principal lacks Read or Write on that topic: `cx-timelines acls run` prints what it needs"
        }
        Code::GroupAuthorizationFailed => {
            " - the principal lacks Read on the consumer group: `cx-timelines acls run` prints what it needs"
        }
        Code::TransactionalIdAuthorizationFailed => {
            " - the principal lacks Write on transactional ids that begin with the group's name: `cx-timelines acls run` prints \
             what it needs"
        }
        Code::SaslAuthenticationFailed | Code::Authentication => {
            " - authentication with the brokers fails: check the password, token or certificate"
        }
        code if needs_an_operator(code) => " - the principal lacks rights on the cluster",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_topics_is_told_from_a_topic_that_is_missing() {
        let is_it = |code, reason| is_unmatched_pattern(&KafkaError::Global(code), reason);
        let pattern =
            r"Subscribed topic not available: ^cx\.conversation\..*: Broker: Unknown topic or partition";
        assert!(is_it(Code::UnknownTopicOrPartition, pattern));
        assert!(!is_it(Code::TopicAuthorizationFailed, pattern));
        let named = "Subscribed topic not available: cx.events: Broker: Unknown topic or partition";
        assert!(!is_it(Code::UnknownTopicOrPartition, named));
    }

    #[test]
    fn a_record_that_no_topic_takes_stops_the_program_instead_of_looping() {
        assert_eq!(of_delivery(Code::MessageSizeTooLarge), Remedy::Stop);
        assert_eq!(of_delivery(Code::MessageBatchTooLarge), Remedy::Stop, "larger than a segment");
        assert_eq!(of_delivery(Code::InvalidTimestamp), Remedy::Stop);
        assert_eq!(of_delivery(Code::TopicAuthorizationFailed), Remedy::Stop);
    }

    #[test]
    fn a_delivery_that_timed_out_aborts_and_is_tried_again() {
        assert_eq!(of_delivery(Code::MessageTimedOut), Remedy::Abort);
        assert_eq!(of_delivery(Code::PurgeQueue), Remedy::Abort);
    }

    #[test]
    fn a_handshake_that_was_cut_off_is_no_refusal() {
        let error = KafkaError::Global(Code::Authentication);
        let refused = "SASL authentication error: invalid credentials (after 5ms in state AUTH_REQ)";
        let cut_off = "SASL OAUTHBEARER mechanism handshake failed: Local: Broker transport failure";
        assert!(is_refusal(&error, refused));
        assert!(!is_refusal(&error, cut_off));
        assert_eq!(ConnectionFailure::of(&error, refused), Some(ConnectionFailure::Identity));
        assert_eq!(ConnectionFailure::of(&error, cut_off), Some(ConnectionFailure::Away));
        assert_eq!(of_poll(&KafkaError::MessageConsumption(Code::Authentication)), Remedy::Retry);
    }

    #[test]
    fn a_flush_that_ran_out_of_time_is_the_same_call_again() {
        assert_eq!(of_transaction(&KafkaError::Flush(Code::OperationTimedOut)), Remedy::Retry);
    }

    #[test]
    fn a_broker_that_is_away_is_no_reason_to_stop_polling() {
        for code in [Code::BrokerTransportFailure, Code::AllBrokersDown, Code::OperationTimedOut] {
            assert_eq!(of_poll(&KafkaError::MessageConsumption(code)), Remedy::Retry);
        }
    }
}
