"""Reads an export by one library and prints its types and its rows' declared columns as JSON."""

import datetime
import json
import sys

reader, path = sys.argv[1:]
system = {"sessionId", "tick", "seq", "position", "committedAt"}
epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def printed(name, value):
    if value is None:
        return None
    if isinstance(value, list):
        return [printed(name, part) for part in value]
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return round((moment - epoch) / datetime.timedelta(milliseconds=1))
    if name.startswith(("i64", "u64")):
        return str(value)
    return value


def by_pyarrow():
    import pyarrow
    import pyarrow.parquet

    if path.endswith(".parquet"):
        table = pyarrow.parquet.read_table(path)
    elif path.endswith(".arrow"):
        table = pyarrow.ipc.open_file(path).read_all()
    else:
        table = pyarrow.ipc.open_stream(path).read_all()
    table.validate(full=True)
    types = {field.name: str(field.type) for field in table.schema}
    return types, table.column_names, [list(row.values()) for row in table.to_pylist()]


def by_polars():
    import polars

    if path.endswith(".parquet"):
        frame = polars.read_parquet(path)
    elif path.endswith(".arrow"):
        frame = polars.read_ipc(path)
    else:
        frame = polars.read_ipc_stream(path)
    types = {name: str(kind) for name, kind in frame.schema.items()}
    return types, frame.columns, [list(row) for row in frame.rows()]


def by_duckdb():
    import duckdb

    duckdb.sql("SET TimeZone = 'UTC'")
    answer = duckdb.sql(f"SELECT * FROM '{path}'")
    types = dict(zip(answer.columns, [str(kind) for kind in answer.types]))
    return types, answer.columns, [list(row) for row in answer.fetchall()]


types, names, rows = {"pyarrow": by_pyarrow, "polars": by_polars, "duckdb": by_duckdb}[reader]()
shown = [
    [printed(name, value) for name, value in zip(names, row) if name not in system] for row in rows
]
print(json.dumps({"types": types, "rows": shown}))
