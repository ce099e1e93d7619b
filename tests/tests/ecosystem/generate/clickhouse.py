# SPDX-License-Identifier: Apache-2.0

"""ClickHouse within this process: runs the statements of a file, then each line of standard input as a query: clickhouse.py FILE

The answer to a query is one line: a JSON list of its rows. A statement that fails ends it, with the statement on standard error.
The engine that reads Kafka does not run within a process. So a queue's statement is only parsed, and a table takes its place that
passes on what is inserted, with the columns that a queue has besides its own.
"""

import json
import re
import sys

from chdb import session

clickhouse = session.Session()


def run(statement):
    try:
        clickhouse.query(statement)
    except RuntimeError as error:
        sys.exit(f"{error}\n{statement}")


run("SET output_format_json_quote_64bit_integers = 0")
with open(sys.argv[1], encoding="utf-8") as file:
    text = "".join(line for line in file if not line.startswith("--"))
for statement in filter(None, (part.strip() for part in text.split(";\n"))):
    queue = re.match(r"CREATE TABLE (`\w+_queue`) \(`value` String\)\nENGINE = Kafka\nSETTINGS ", statement)
    if queue is None:
        run(statement)
    else:
        run(f"EXPLAIN AST {statement}")
        run(f"CREATE TABLE {queue[1]} (`value` String, `_key` String, `_offset` UInt64) ENGINE = Null")
print("ready", flush=True)
for line in sys.stdin:
    rows = str(clickhouse.query(line, "JSONEachRow")).splitlines()
    print(json.dumps([json.loads(row) for row in rows]), flush=True)
