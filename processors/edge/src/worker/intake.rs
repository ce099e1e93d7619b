//! Messages that the client has handed out and that nobody has taken yet.
//!
//! The client asks for more only while its own queue is empty (`queued.min.messages`), so it is emptied here at once: the next
//! messages come while these are taken. And while a worker commits, the client asks once, not for each message that comes:
//! that was most of what a pipeline with little to do asked of the brokers.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::consumer::Notes;

const SEEK_TIMEOUT: Duration = Duration::from_secs(1);

/// Messages on their way from the client to the tasks. What is seen to by the client for its own queue has to be seen to for
/// these too: where the consumer is pointed elsewhere, or gives a partition back, its messages are none any more.
///
/// They are not bounded by themselves: there are never more than the client has fetched before it saw its queue empty, which
/// is at most two answers.
pub(super) struct Intake<'c> {
    consumer: &'c BaseConsumer<Notes>,
    waiting: VecDeque<BorrowedMessage<'c>>,
    /// What came after the last of them.
    failed: Option<KafkaError>,
}

impl<'c> Intake<'c> {
    pub(super) fn new(consumer: &'c BaseConsumer<Notes>) -> Self {
        Self { consumer, waiting: VecDeque::new(), failed: None }
    }

    /// The next message, for which it may wait; none where nothing comes.
    pub(super) fn next(&mut self, wait: Duration) -> Option<KafkaResult<BorrowedMessage<'c>>> {
        if self.waiting.is_empty() && self.failed.is_none() {
            self.draw(wait);
        }
        self.waiting.pop_front().map(Ok).or_else(|| self.failed.take().map(Err))
    }

    /// Empties the client's queue.
    fn draw(&mut self, mut wait: Duration) {
        while let Some(result) = self.consumer.poll(wait) {
            match result {
                Ok(message) => self.waiting.push_back(message),
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            }
            wait = Duration::ZERO;
        }
    }

    /// How many messages wait, and the bytes of their keys and values.
    pub(super) fn size(&self) -> (u64, u64) {
        let bytes = self.waiting.iter().map(|message| message.key_len() + message.payload_len());
        (self.waiting.len() as u64, bytes.sum::<usize>() as u64)
    }

    /// Whether all that the client has handed out was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Points the consumer to an offset.
    ///
    /// # Errors
    /// The client says no, or does not answer: try again.
    pub(super) fn seek(&mut self, topic: &str, partition: i32, offset: Offset) -> KafkaResult<()> {
        self.consumer.seek(topic, partition, offset, SEEK_TIMEOUT)?;
        self.waiting.retain(|message| message.partition() != partition || message.topic() != topic);
        Ok(())
    }

    /// Lets go of the messages of partitions that go away.
    pub(super) fn forget(&mut self, partitions: &TopicPartitionList) {
        if self.waiting.is_empty() {
            return;
        }
        let elements = partitions.elements();
        let gone: HashSet<(&str, i32)> =
            elements.iter().map(|element| (element.topic(), element.partition())).collect();
        self.waiting.retain(|message| !gone.contains(&(message.topic(), message.partition())));
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;

    const TOPIC: &str = "events";
    const PATIENCE: Duration = Duration::from_secs(30);
    const EACH: usize = 3;

    /// A consumer of two partitions with three messages in each, and the cluster that it reads.
    fn consumer() -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, BaseConsumer<Notes>) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 2, 1).unwrap();
        let bootstrap = cluster.bootstrap_servers();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
        for number in 0..2 * EACH {
            let partition = i32::from(number % 2 == 1);
            producer.send(BaseRecord::<(), str>::to(TOPIC).partition(partition).payload("x")).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        let consumer: BaseConsumer<Notes> = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("group.id", "intake")
            .create_with_context(Notes::default())
            .unwrap();
        let mut partitions = TopicPartitionList::new();
        for partition in 0..2 {
            partitions.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&partitions).unwrap();
        (cluster, consumer)
    }

    /// One that has all messages waiting.
    fn full(consumer: &BaseConsumer<Notes>) -> Intake<'_> {
        let mut intake = Intake::new(consumer);
        while intake.waiting.len() < 2 * EACH {
            intake.draw(PATIENCE);
            assert_eq!(intake.failed, None);
        }
        intake
    }

    /// The offsets of the next messages, by partition.
    fn taken(intake: &mut Intake<'_>, count: usize) -> [Vec<i64>; 2] {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let message = intake.next(PATIENCE).unwrap().unwrap();
            if message.partition() == 0 { &mut first } else { &mut second }.push(message.offset());
        }
        [first, second]
    }

    #[test]
    fn what_waits_of_a_partition_is_let_go_where_the_consumer_is_pointed_elsewhere_in_it() {
        let (_cluster, consumer) = consumer();
        let mut intake = full(&consumer);
        intake.seek(TOPIC, 0, Offset::Offset(1)).unwrap();
        assert_eq!(taken(&mut intake, 5), [vec![1, 2], vec![0, 1, 2]]);
        assert!(intake.is_empty());
    }

    #[test]
    fn what_waits_of_a_partition_that_goes_away_is_let_go() {
        let (_cluster, consumer) = consumer();
        let mut intake = full(&consumer);
        let mut gone = TopicPartitionList::new();
        gone.add_partition(TOPIC, 1);
        intake.forget(&gone);
        assert_eq!(taken(&mut intake, 3), [vec![0, 1, 2], vec![]]);
        assert!(intake.is_empty());
    }
}
