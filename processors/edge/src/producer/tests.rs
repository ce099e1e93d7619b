// SPDX-License-Identifier: Apache-2.0

//! Whether the producer notices that the client repeated the request to end a transaction. The client's mock cluster can break
//! a connection just after a request, as often as needed.

use super::*;
use engine::InnerTopics;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaApiKey;

use crate::reading::ReadsToTheEnd;
use crate::settings::{Membership, Overrides, Queues};

const LATE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT;
const BUSY: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;

type Cluster = MockCluster<'static, rdkafka::producer::DefaultProducerContext>;

fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("out", 1, 1).unwrap();
    cluster
}

fn settings(cluster: &Cluster, overrides: &[(&str, &str)]) -> Settings {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Settings {
        bootstrap: cluster.bootstrap_servers(),
        group: "group".to_owned(),
        instance: "one".to_owned(),
        overrides: Overrides(overrides.iter().map(own).collect()),
        commit_interval: Duration::from_millis(100),
        commit_bytes_max: 1 << 20,
        queues: Queues::default(),
        transaction_timeout: Duration::from_secs(10),
        membership: Membership::Classic,
        advertised: None,
    }
}

fn producer(settings: &Settings) -> TransactionalProducer {
    let topology = Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    });
    let topics = OutputTopics::new(vec![("out".to_owned(), 1)]);
    let producer = TransactionalProducer::new(settings, "worker-0", (topics, &topology)).unwrap();
    while producer.init_transactions().is_err() {}
    producer
}

/// One transaction with a record in it.
fn begin(producer: &mut TransactionalProducer) {
    producer.begin().unwrap();
    producer
        .producer
        .send(BaseRecord::<[u8], [u8], usize>::with_opaque_to("out", NOTHING).payload(b"x"))
        .unwrap();
    producer.flush().unwrap();
}

/// Commits. Returns whether a request may have been sent twice.
fn commit(producer: &TransactionalProducer, settings: &Settings) -> bool {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap).set("group.id", "group");
    let consumer: BaseConsumer<ReadsToTheEnd> = config.create_with_context(ReadsToTheEnd).unwrap();
    consumer.subscribe(&["out"]).unwrap();
    let group = std::iter::repeat_with(|| {
        let _ = consumer.poll(Duration::from_millis(10));
        consumer.group_metadata()
    });
    let group = group.flatten().next().unwrap();
    producer.send_offsets(&TopicPartitionList::new(), &group).unwrap();
    producer.commit().unwrap();
    producer.is_broken()
}

#[test]
fn a_commit_that_is_answered_was_sent_once() {
    let cluster = cluster();
    let settings = settings(&cluster, &[]);
    let mut producer = producer(&settings);
    for _ in 0..3 {
        begin(&mut producer);
        assert!(!commit(&producer, &settings));
    }
}

#[test]
fn a_commit_that_the_client_sent_once_more_within_one_call_is_told() {
    for overrides in [&[][..], &[("log.connection.close", "false")][..]] {
        let cluster = cluster();
        let settings = settings(&cluster, overrides);
        let mut producer = producer(&settings);
        begin(&mut producer);
        cluster.request_errors(RDKafkaApiKey::EndTxn, &[LATE]);
        assert!(commit(&producer, &settings));
        // The client does not log the next break.
        begin(&mut producer);
        assert!(commit(&producer, &settings), "until there is a new producer");
    }
}

#[test]
fn a_commit_that_the_coordinator_refused_for_a_moment_was_answered() {
    let cluster = cluster();
    let settings = settings(&cluster, &[]);
    let mut producer = producer(&settings);
    begin(&mut producer);
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[BUSY]);
    assert!(!commit(&producer, &settings), "nothing is on its way");
}

#[test]
fn an_abort_that_the_client_sent_once_more_is_told() {
    let cluster = cluster();
    let settings = settings(&cluster, &[]);
    let mut producer = producer(&settings);
    begin(&mut producer);
    producer.abort().unwrap();
    assert!(!producer.is_broken());
    begin(&mut producer);
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[LATE]);
    producer.abort().unwrap();
    assert!(producer.is_broken());
}
