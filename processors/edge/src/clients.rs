// SPDX-License-Identifier: Apache-2.0

//! Construction of Kafka clients. A client that authenticates with a token accepts the token only while it is polled, so these
//! functions poll it before its first request.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, NoCustomPartitioner, ProducerContext};

/// The maximum of events handled in one poll; far more than occur between two polls.
const EVENTS_MAX: usize = 32;

/// Creates a consumer, with its token where the brokers require one.
///
/// # Errors
/// The configuration is invalid.
pub fn consumer<C: ConsumerContext>(config: &ClientConfig, context: C) -> KafkaResult<BaseConsumer<C>> {
    let consumer = config.create_with_context(context)?;
    attend(&consumer);
    Ok(consumer)
}

/// Creates a producer, with its token where the brokers require one.
///
/// # Errors
/// The configuration is invalid.
pub fn producer<C>(config: &ClientConfig, context: C) -> KafkaResult<BaseProducer<C>>
where
    C: ProducerContext<NoCustomPartitioner>,
{
    let producer: BaseProducer<C> = config.create_with_context(context)?;
    for _ in 0..EVENTS_MAX {
        producer.poll(Duration::ZERO);
    }
    Ok(producer)
}

/// Serves the events of an idle consumer, such as errors and token refreshes. A consumer that is being polled needs no such
/// call.
pub fn attend<C: ConsumerContext>(consumer: &BaseConsumer<C>) {
    for _ in 0..EVENTS_MAX {
        // Errors are reported to the context.
        let _ = consumer.poll(Duration::ZERO);
    }
}
