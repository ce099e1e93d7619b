# SPDX-License-Identifier: Apache-2.0

"""Keeps the newest record of each key of an output topic in a dictionary: consumer.py [TOPIC] [--follow]

Prints all of them once it has read the topic to its end; with --follow then each change. A line has the key, a tab, and the record,
or null for one that was deleted.
"""

import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

arguments = [argument for argument in sys.argv[1:] if argument != "--follow"]
topic = arguments[0] if arguments else "cx.conversations"
follow = "--follow" in sys.argv


def show(key, record):
    print(key, record if record is not None else "null", sep="\t", flush=True)


consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("CX_BOOTSTRAP", "127.0.0.1:9092"),
        # Records of aborted transactions are not read. Every consumer of cx-timelines needs this.
        "isolation.level": "read_committed",
        # The dictionary is in memory, so each start reads the topic from its beginning: the partitions are assigned here, and no
        # offset is committed. The client wants a name of a group all the same.
        "group.id": "examples",
        "enable.auto.commit": False,
        # Reports the end of a partition, to know when the dictionary is complete.
        "enable.partition.eof": True,
    }
)
partitions = consumer.list_topics(topic, 30).topics[topic].partitions
if not partitions:
    sys.exit(f"there is no topic {topic}: does the pipeline run?")
consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])

table = {}
behind = set(partitions)
while behind or follow:
    record = consumer.poll(1)
    if record is None:
        continue
    error = record.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        # The client connects again by itself, unless the error is fatal.
        print(error, file=sys.stderr)
        if error.fatal():
            sys.exit(1)
    elif error is not None:
        if behind == {record.partition()}:
            for key in sorted(table):
                show(key, table[key])
        behind.discard(record.partition())
    else:
        key = record.key().decode()
        if record.value() is None:
            # A tombstone: the record of this key is deleted, for example because the conversation was erased.
            table.pop(key, None)
        else:
            # An upsert: the newest record of a key replaces the older ones.
            table[key] = record.value().decode()
        if not behind:
            show(key, table.get(key))
consumer.close()
