# SPDX-License-Identifier: Apache-2.0

"""Prints the current records of an output topic as one JSON object, by key: current.py TOPIC"""

import json
import os
import sys

from cx_timelines import RECORDS, read, to_json

topic = sys.argv[1] if len(sys.argv) > 1 else "cx.conversations"
table = read(RECORDS[topic], {"bootstrap.servers": os.environ.get("CX_BOOTSTRAP", "127.0.0.1:9092")})
json.dump({key: to_json(record) for key, record in sorted(table.items())}, sys.stdout, indent=2, ensure_ascii=False)
print()
