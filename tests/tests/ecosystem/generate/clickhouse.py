# SPDX-License-Identifier: Apache-2.0

"""ClickHouse within this process: runs the statements of a file, then each line of standard input as a query: clickhouse.py FILE

The answer to a query is one line: a JSON list of its rows. A statement that fails ends it, with the statement on standard error.
"""

import json
import sys

from chdb import session

clickhouse = session.Session()
clickhouse.query("SET output_format_json_quote_64bit_integers = 0")
with open(sys.argv[1], encoding="utf-8") as file:
    text = "".join(line for line in file if not line.startswith("--"))
for statement in filter(None, (part.strip() for part in text.split(";\n"))):
    try:
        clickhouse.query(statement)
    except RuntimeError as error:
        sys.exit(f"{error}\n{statement}")
print("ready", flush=True)
for line in sys.stdin:
    rows = str(clickhouse.query(line, "JSONEachRow")).splitlines()
    print(json.dumps([json.loads(row) for row in rows]), flush=True)
