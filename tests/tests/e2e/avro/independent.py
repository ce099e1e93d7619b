# SPDX-License-Identifier: Apache-2.0

"""What an independent implementation makes of our Avro, and gives us to read: fastavro, with the schemas of the registry.

Usage: independent.py REGISTRY_URL; one JSON object a line comes in, its answer goes out on a line.

  {"decode": HEX}                          a value in the wire format    -> its record, bodies as objects, times as numbers
  {"encode": RECORD, "id": ID}             a record                      -> {"value": HEX}, in the wire format
  {"record": RECORD, "writer": SCHEMA, "reader": SCHEMA}                 -> the record, as the reader sees it
"""

import datetime
import io
import json
import struct
import sys
import urllib.request

import fastavro

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)
schemas = {}


def schema(registry, number):
    if number not in schemas:
        with urllib.request.urlopen(f"{registry}/schemas/ids/{number}", timeout=30) as answer:
            schemas[number] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return schemas[number]


def plain(field, value):
    if isinstance(value, dict):
        return {name: plain(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain("", item) for item in value]
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MILLISECOND
    if field == "body" and isinstance(value, str):
        return json.loads(value)
    return value


def read(data, writer, reader=None):
    stream = io.BytesIO(data)
    record = fastavro.schemaless_reader(stream, writer, reader)
    assert not stream.read(), "data is left over"
    return plain("", record)


def written(record, writer):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, writer, record, strict_allow_default=True)
    return stream.getvalue()


def answer(registry, asked):
    if "decode" in asked:
        value = bytes.fromhex(asked["decode"])
        magic, number = struct.unpack(">bI", value[:5])
        assert magic == 0, "not in the wire format"
        return read(value[5:], schema(registry, number))
    if "encode" in asked:
        number = asked["id"]
        data = written(asked["encode"], schema(registry, number))
        return {"value": (struct.pack(">bI", 0, number) + data).hex()}
    writer, reader = (fastavro.parse_schema(json.loads(asked[name])) for name in ("writer", "reader"))
    return read(written(asked["record"], writer), writer, reader)


for line in sys.stdin:
    print(json.dumps(answer(sys.argv[1], json.loads(line))))
