// SPDX-License-Identifier: Apache-2.0

//! The transactional producer of commands that write. Any error ends the command. When it is run again, starting the producer
//! settles the previous transaction, and the command continues with what is left.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use edge::{Deliveries, FailedDeliveries};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka;

/// The timeout of one attempt of a long call.
const STEP: Duration = Duration::from_secs(1);
/// The time limit of one call, over all attempts.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(1);

/// A transactional producer.
pub struct Transactions {
    producer: BaseProducer<Deliveries>,
}

impl Transactions {
    /// Starts the producer with this transactional id, which ends the open transaction of an earlier run.
    ///
    /// # Errors
    /// The configuration is invalid, or the cluster denies access or does not answer.
    pub fn start(client: &ClientConfig, id: &str, timeout_ms: u64) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("transactional.id", id);
        client.set("transaction.timeout.ms", timeout_ms.to_string());
        client.set("linger.ms", "1");
        // Just after a commit the coordinator often requests a retry; the default back-off is 100 ms.
        client.set("retry.backoff.ms", "10");
        // A record is as large as it was originally; the topic's own limit decides.
        client.set("message.max.bytes", "33554432");
        let producer = kafka::producer(&client)?;
        patiently(|| producer.init_transactions(STEP))
            .with_context(|| format!("transactions cannot be initialized as {id}"))?;
        Ok(Self { producer })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Another run has taken over, or the cluster does not answer.
    pub fn begin(&self) -> anyhow::Result<()> {
        self.producer.begin_transaction().context("cannot begin a transaction")
    }

    /// Sends a record in the transaction.
    ///
    /// # Errors
    /// The client refuses the record.
    pub fn send(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> anyhow::Result<()> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    self.serve();
                    record = back;
                }
                Err((error, _)) => return Err(error).context("a record cannot be sent"),
            }
        }
    }

    /// Commits these offsets of a group with the transaction.
    ///
    /// # Errors
    /// The group's coordinator refuses them, or does not answer.
    pub fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> anyhow::Result<()> {
        patiently(|| self.producer.send_offsets_to_transaction(offsets, group, STEP))
            .context("the group's offsets cannot be added to the transaction")
    }

    /// Commits what was sent.
    ///
    /// # Errors
    /// A record was refused, another run has taken over, or the cluster does not answer.
    pub fn commit(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= deadline {
                bail!("the cluster does not acknowledge the records");
            }
            self.serve();
        }
        if let Some(FailedDeliveries { count, topic, code }) = self.producer.context().take_failed() {
            bail!("{count} records were not taken; the first: topic {topic}: {code}{}", advice(code));
        }
        patiently(|| self.producer.commit_transaction(STEP)).context("cannot commit the transaction")
    }

    /// Aborts, so that readers need not wait for the transaction timeout. A failure is ignored.
    pub fn abort(&self) {
        let deadline = Instant::now() + STEP;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.serve();
        }
        if let Err(error) = self.producer.abort_transaction(STEP) {
            tracing::debug!(%error, "aborting");
        }
    }

    fn serve(&self) {
        self.producer.poll(Duration::ZERO);
        std::thread::sleep(PAUSE);
    }
}

fn advice(code: RDKafkaErrorCode) -> &'static str {
    match code {
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
            " - raise max.message.bytes of the topic, or choose without `too-large`"
        }
        RDKafkaErrorCode::InvalidTimestamp => {
            " - the topic takes no record with a time so far off; see message.timestamp.after.max.ms"
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => " - the principal lacks the right to write to it",
        _ => "",
    }
}

/// Retries a call with identical arguments, while the client reports a retriable error.
fn patiently(mut call: impl FnMut() -> KafkaResult<()>) -> KafkaResult<()> {
    let deadline = Instant::now() + CALL_TIMEOUT;
    loop {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {
                tracing::debug!(%error, "asking again");
            }
            Err(KafkaError::Flush(_)) if Instant::now() < deadline => {}
            result => return result,
        }
    }
}
