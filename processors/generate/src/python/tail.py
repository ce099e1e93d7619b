# SPDX-License-Identifier: Apache-2.0


class Record(Protocol):
    """A record of an output topic."""

    TOPIC: ClassVar[str]

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the record's JSON object."""


R = TypeVar("R", bound=Record)


def to_json(value: Any) -> Any:
    """What a record was read of: its JSON object, without fields that this module does not know."""
    if is_dataclass(value):
        return {_json_name(field.name): to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def _json_name(name: str) -> str:
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """What one record of a topic has changed in its table."""

    key: str
    """The record's key."""
    before: R | None
    """The record of this key before, if there was one."""
    after: R | None
    """The record of this key now; None if it was deleted."""


class Table(Mapping[str, R]):
    """The newest record of each key of a topic."""

    def __init__(self, record: type[R]) -> None:
        self._record = record
        self._rows: dict[str, R] = {}

    def apply(self, key: bytes, value: bytes | None) -> Change[R]:
        """Takes a record of the topic: an upsert, or, without a value, a tombstone, which deletes the row.

        An erasure comes as tombstones: delete the row in every other place where you keep it, too.
        """
        name = key.decode()
        before = self._rows.pop(name, None)
        if value is None:
            return Change(name, before, None)
        after = self._record.from_json(json.loads(value))
        self._rows[name] = after
        return Change(name, before, after)

    def __getitem__(self, key: str) -> R:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


SETTINGS: Mapping[str, Any] = {
    # Records of aborted transactions are not read.
    "isolation.level": "read_committed",
    # The table is in memory, so the topic is read from its beginning, and no offset is committed. The client wants a name of a
    # group all the same.
    "group.id": "cx-timelines-kit",
    "enable.auto.commit": False,
    # Reports the end of a partition.
    "enable.partition.eof": True,
}
"""The settings of the client that a table needs."""


def read(record: type[R], settings: Mapping[str, Any]) -> Table[R]:
    """Reads a topic to its end: the current records."""
    table = Table(record)
    for change in _changes(table, record.TOPIC, settings):
        if change is None:
            break
    return table


def follow(record: type[R], settings: Mapping[str, Any], table: Table[R] | None = None) -> Iterator[Change[R]]:
    """Reads a topic from its beginning, and goes on: each change, applied to the table that is given."""
    rows = Table(record) if table is None else table
    return (change for change in _changes(rows, record.TOPIC, settings) if change is not None)


def _changes(table: Table[R], topic: str, settings: Mapping[str, Any]) -> Iterator[Change[R] | None]:
    """The changes; None each time that all partitions have been read to their ends."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

    consumer = Consumer({**settings, **SETTINGS})
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        if not partitions:
            raise LookupError(f"topic {topic} does not exist, or may not be read: create it, or grant the right to read it")
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        behind = set(partitions)
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                behind.add(message.partition())
                yield table.apply(message.key(), message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                behind.discard(message.partition())
                if not behind:
                    yield None
            elif error.fatal():
                # After any other error the client connects again by itself.
                raise KafkaException(error)
    finally:
        consumer.close()
