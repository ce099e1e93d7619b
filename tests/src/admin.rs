// SPDX-License-Identifier: Apache-2.0

//! What an operator does to topics.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::wait_until;

const SETTINGS_TIMEOUT: Duration = Duration::from_secs(30);

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap()
}

/// Creates a topic with these settings.
pub fn create_topic(bootstrap: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
    let created = block_on(admin(bootstrap).create_topics([&new], &AdminOptions::new())).unwrap();
    assert_eq!(created, [Ok(topic.to_owned())]);
    // The controller answers before the brokers know of it.
    wait_until("the topic has its leaders", SETTINGS_TIMEOUT, || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
        let metadata = consumer.fetch_metadata(None, SETTINGS_TIMEOUT).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        let led = found.partitions().iter().filter(|partition| partition.leader() >= 0).count();
        (found.error().is_none() && i32::try_from(led) == Ok(partitions)).then_some(())
    });
}

/// Deletes a topic.
pub fn delete_topic(bootstrap: &str, topic: &str) {
    let deleted = block_on(admin(bootstrap).delete_topics(&[topic], &AdminOptions::new())).unwrap();
    assert_eq!(deleted, [Ok(topic.to_owned())]);
}

/// Removes all records of a partition that are there now, read or not; gives the offset at which it begins now.
pub fn remove_all(bootstrap: &str, topic: &str, partition: i32) -> i64 {
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(topic, partition, Offset::End).unwrap();
    let removed = block_on(admin(bootstrap).delete_records(&places, &AdminOptions::new())).unwrap();
    let place = removed.find_partition(topic, partition).unwrap();
    place.error().unwrap();
    place.offset().to_raw().unwrap()
}

/// Adds partitions to a topic, until it has so many.
pub fn add_partitions(bootstrap: &str, topic: &str, count: usize) {
    let wanted = NewPartitions::new(topic, count);
    let added = block_on(admin(bootstrap).create_partitions([&wanted], &AdminOptions::new())).unwrap();
    assert_eq!(added, [Ok(topic.to_owned())]);
}

/// Gives a topic these settings, and the brokers' defaults for all others.
pub fn set_topic(bootstrap: &str, topic: &str, settings: &[(&str, &str)]) {
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic));
    let change = settings.iter().fold(change, |change, (name, value)| change.set(name, value));
    let admin = admin(bootstrap);
    let altered = block_on(admin.alter_configs([&change], &AdminOptions::new())).unwrap();
    assert!(altered.iter().all(Result::is_ok), "{altered:?}");
    // The controller answers before the brokers know of it.
    wait_until("the topic is set", SETTINGS_TIMEOUT, || {
        let asked = [ResourceSpecifier::Topic(topic)];
        let found = block_on(admin.describe_configs(&asked, &AdminOptions::new())).ok()?;
        let found = found.into_iter().flatten().next()?;
        let is_set = |(name, value): &(&str, &str)| {
            found.get(name).and_then(|entry| entry.value.as_deref()) == Some(*value)
        };
        settings.iter().all(is_set).then_some(())
    });
}

/// Deletes the records of a topic before these offsets, by partition.
pub fn cut_off(bootstrap: &str, topic: &str, offsets: &[(i32, i64)]) {
    let mut places = TopicPartitionList::new();
    for (partition, offset) in offsets {
        places.add_partition_offset(topic, *partition, Offset::Offset(*offset)).unwrap();
    }
    let deleted = block_on(admin(bootstrap).delete_records(&places, &AdminOptions::new())).unwrap();
    assert!(deleted.elements().iter().all(|element| element.error().is_ok()), "{deleted:?}");
}

/// Waits for a future that another thread completes.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
