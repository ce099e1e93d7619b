// SPDX-License-Identifier: Apache-2.0

//! Producer actions.

use driver::{Answer, Failure, Now, Position, Remedy};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::Worker;
use crate::errors::{EdgeError, Error, failure};
use crate::letters;
use crate::producer::TransactionalProducer;

impl Worker {
    /// Creates a producer, if none is being created, and tries once to initialize it. The old one is dropped when the new one
    /// has fenced it.
    pub(super) fn init_producer(&mut self) -> Answer<'static, Error> {
        let made = match self.next_producer.take() {
            Some(made) => Ok(made),
            None => {
                let topics = (self.shared.outputs.clone(), &*self.shared.topology);
                TransactionalProducer::new(&self.shared.settings, &self.name, topics)
            }
        };
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                let error = Box::new(EdgeError::Settings(error));
                return Answer::Producer(Err(Failure {
                    remedy: Remedy::Stop,
                    error,
                    letters_too_large: false,
                }));
            }
        };
        Answer::Producer(match made.init_transactions() {
            Ok(()) => {
                let batch_bytes = made.batch_bytes();
                self.producer = Some(made);
                Ok(batch_bytes)
            }
            Err(failed) => {
                self.next_producer = Some(made);
                Err(failed)
            }
        })
    }

    /// Calls the producer, which exists once the first one is created.
    pub(super) fn in_producer<T>(
        &mut self,
        call: impl FnOnce(&mut TransactionalProducer) -> Result<T, Failure<Error>>,
    ) -> Result<T, Failure<Error>> {
        match &mut self.producer {
            Some(producer) => call(producer),
            None => Err(failure("there is no producer yet", KafkaError::Canceled)),
        }
    }

    pub(super) fn send(&mut self) -> Now {
        let Self { driver, producer, .. } = self;
        let sent = match producer {
            Some(producer) => {
                driver.send_to(producer);
                producer.take_send_failure().map_or(Ok(()), Err)
            }
            None => Err(failure("there is no producer yet", KafkaError::Canceled)),
        };
        let now = self.clock.read();
        self.driver.respond(Answer::Sent(sent), now);
        now
    }

    /// Reads the membership after every poll: the client clears member id and generation only when it notices that its
    /// partitions are lost.
    pub(super) fn membership(&mut self) -> Answer<'static, Error> {
        self.member = self.consumer.group_metadata();
        Answer::Membership { is_known: self.member.is_some(), is_lost: self.consumer.assignment_lost() }
    }

    pub(super) fn send_offsets(&mut self, offsets: &[Position], metadata: &str) -> Answer<'static, Error> {
        let what = "cannot add the offsets to the transaction";
        let Some(member) = &self.member else {
            return Answer::Transaction(Err(failure(what, KafkaError::Canceled)));
        };
        let sent = match (&self.producer, with_metadata(offsets, metadata)) {
            (Some(producer), Ok(offsets)) => producer.send_offsets(&offsets, member),
            (None, _) => Err(KafkaError::Canceled),
            (_, Err(error)) => Err(error),
        };
        Answer::Transaction(sent.map_err(|error| failure(what, error)))
    }

    pub(super) fn commit_transaction(&mut self) -> Answer<'static, Error> {
        let result = self.in_producer(|producer| producer.commit());
        self.ended(result)
    }

    pub(super) fn abort_transaction(&mut self) -> Answer<'static, Error> {
        let result = self.in_producer(|producer| producer.abort());
        self.ended(result)
    }

    /// The client reports a broken connection to the coordinator among its events.
    fn ended(&self, result: Result<(), Failure<Error>>) -> Answer<'static, Error> {
        let is_broken = self.producer.as_ref().is_some_and(TransactionalProducer::is_broken);
        Answer::Ended { result, is_broken }
    }

    pub(super) fn record_limit(&self) -> Answer<'static, Error> {
        let topology = &self.shared.topology;
        let topic = topology.name(topology.dead_letters());
        Answer::RecordLimit(letters::taken_by(&self.shared.settings, topic))
    }
}

fn with_metadata(offsets: &[Position], metadata: &str) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, next) in offsets {
        let mut element = list.add_partition(&partition.topic, partition.partition);
        element.set_offset(Offset::Offset(*next))?;
        element.set_metadata(metadata);
    }
    Ok(list)
}
