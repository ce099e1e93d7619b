// SPDX-License-Identifier: Apache-2.0

//! What follows from Kafka's answer to a record.

use rdkafka::error::RDKafkaErrorCode;

/// Kafka's answer to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is written, at this offset. A negative one: the client only infers that it is (see `edge::Deliveries`).
    Written(i64),
    /// It is not.
    Failed(RDKafkaErrorCode),
}

/// What to do with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Kafka has it: accept it.
    Accept,
    /// Kafka will never take it: reject it, so that the broker moves it to its dead-letter queue.
    Reject(RDKafkaErrorCode),
    /// It is not known to be in Kafka: send it again, and leave it unsettled until then.
    SendAgain(Option<RDKafkaErrorCode>),
}

/// The verdict on a message whose record got this answer.
#[must_use]
pub fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Written(offset) if offset >= 0 => Verdict::Accept,
        Answer::Written(_) => Verdict::SendAgain(None),
        Answer::Failed(code) if is_the_records_fault(code) => Verdict::Reject(code),
        Answer::Failed(code) => Verdict::SendAgain(Some(code)),
    }
}

/// Errors that the same record would get again and again, and another one might not.
fn is_the_records_fault(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::BadMessage
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kafka_surely_has_is_accepted() {
        assert_eq!(verdict(Answer::Written(0)), Verdict::Accept);
        assert_eq!(verdict(Answer::Written(-1001)), Verdict::SendAgain(None));
        for code in [
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::AllBrokersDown,
            RDKafkaErrorCode::TopicAuthorizationFailed,
            RDKafkaErrorCode::UnknownTopicOrPartition,
            RDKafkaErrorCode::NotEnoughReplicas,
            RDKafkaErrorCode::PurgeQueue,
            RDKafkaErrorCode::Fatal,
        ] {
            assert_eq!(verdict(Answer::Failed(code)), Verdict::SendAgain(Some(code)));
        }
    }

    #[test]
    fn what_kafka_will_never_take_is_rejected() {
        let code = RDKafkaErrorCode::MessageSizeTooLarge;
        assert_eq!(verdict(Answer::Failed(code)), Verdict::Reject(code));
    }
}
