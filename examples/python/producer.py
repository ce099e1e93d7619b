# SPDX-License-Identifier: Apache-2.0

"""Sends the events of a short web chat to cx.events: producer.py CONVERSATION [START_MS]"""

import json
import os
import sys
import time

from confluent_kafka import Producer

conversation = sys.argv[1]
start = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time() * 1000) - 60_000


def event(number, seconds, name, data, **more):
    return {
        # An id belongs to one event, for ever. So an event may be sent again: the same id with the same content is a duplicate, and
        # changes nothing.
        "id": f"{conversation}-{number}",
        "name": name,
        "timestamp": start + seconds * 1000,
        "conversationId": conversation,
        "data": data,
        **more,
    }


def message(number, kind, person, text):
    sender = {"type": kind, "id": person.lower(), "senderName": person}
    return {
        "id": f"{conversation}-message-{number}",
        "header": {"sender": sender},
        "body": {"type": "PLAIN", "markdownText": text},
    }


def correction(number, person, text):
    sender = {"type": "AGENT", "id": person.lower(), "senderName": person}
    return {
        "header": {"sender": sender, "originalMessageId": f"{conversation}-message-{number}"},
        "body": {"action": "EDIT", "body": {"type": "PLAIN", "markdownText": text}},
    }


session = {
    "id": f"{conversation}-session",
    "channel": {"channelType": {"name": "WEB"}},
    "customer": {"_id": f"{conversation}-customer", "firstName": "Cy"},
}
ann = {"role": "PRIMARY", "participant": {"id": "ann", "displayName": "Ann"}}
events = [
    event(1, 0, "CHANNEL_SESSION_STARTED", {}, channelSession=session),
    event(2, 5, "CUSTOMER_MESSAGE", message(1, "CUSTOMER", "Cy", "Where is my parcel?")),
    event(3, 9, "AGENT_SUBSCRIBED", {"agentParticipant": ann}),
    event(4, 20, "AGENT_MESSAGE", message(2, "AGENT", "Ann", "It comes tomorow.")),
    event(5, 24, "MODIFY_ACTIVITY", correction(2, "Ann", "It comes tomorrow.")),
    event(6, 40, "CONVERSATION_CLOSED", {}),
]

producer = Producer(
    {
        "bootstrap.servers": os.environ.get("CX_BOOTSTRAP", "127.0.0.1:9092"),
        # Retries write a record once, and keep the order in its partition. It includes acks=all.
        "enable.idempotence": True,
        # Java's partitioner, which the pipeline expects. librdkafka's own default is another one: then every record would have to
        # be sent on to its partition first.
        "partitioner": "murmur2_random",
    }
)

failures = []


def delivered(error, record):
    if error is not None:
        failures.append(error)


for one in events:
    producer.produce(
        "cx.events",
        # All events of a conversation have its id as their key, and so lie in one partition, in order.
        key=conversation,
        value=json.dumps(one),
        on_delivery=delivered,
    )
    # Calls `delivered` for the records that were acknowledged meanwhile.
    producer.poll(0)

# Only an acknowledged record is sent. `flush` waits for the acknowledgements, and returns how many are still missing.
missing = producer.flush(30)
if failures or missing:
    sys.exit(f"{len(failures)} events were not delivered ({failures[:1]}), {missing} without an answer: send them again")
print(f"sent {len(events)} events of {conversation}")
