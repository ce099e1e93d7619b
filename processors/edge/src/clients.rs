//! Where Kafka's clients are made: one that has to show a token takes it only while it is looked after, and this does so before
//! anything is asked of it.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, NoCustomPartitioner, ProducerContext};

/// How much news one look takes at the most; far more than comes between two.
const NEWS_MAX: usize = 32;

/// A consumer that has its token, where one is wanted.
///
/// # Errors
/// The settings are refused.
pub fn consumer<C: ConsumerContext>(config: &ClientConfig, context: C) -> KafkaResult<BaseConsumer<C>> {
    let consumer = config.create_with_context(context)?;
    attend(&consumer);
    Ok(consumer)
}

/// A producer that has its token, where one is wanted.
///
/// # Errors
/// The settings are refused.
pub fn producer<C>(config: &ClientConfig, context: C) -> KafkaResult<BaseProducer<C>>
where
    C: ProducerContext<NoCustomPartitioner>,
{
    let producer: BaseProducer<C> = config.create_with_context(context)?;
    for _ in 0..NEWS_MAX {
        producer.poll(Duration::ZERO);
    }
    Ok(producer)
}

/// Takes the news of a consumer that reads nothing now: what it has to tell, and that it needs a new token. One that reads is
/// looked after by its reading.
pub fn attend<C: ConsumerContext>(consumer: &BaseConsumer<C>) {
    for _ in 0..NEWS_MAX {
        // What it met it has told its context.
        let _ = consumer.poll(Duration::ZERO);
    }
}
