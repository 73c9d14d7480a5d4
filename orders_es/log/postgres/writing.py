"""Events into PostgreSQL: a few as parameters of the statement that commits them, many by COPY before it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from orders_es.log.envelope import ENVELOPE, FIELDS
from orders_es.log.event import from_micros
from orders_es.log.postgres.tables import KINDS
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    import psycopg
    import pyarrow as pa

    from orders_es.log.merkle import CompactRange
    from orders_es.log.postgres.address import Address

__all__ = ["channel_of", "copy_table", "end_statement", "event_arrays"]

_PIECE = 65_536


def channel_of(log_id: uuid.UUID) -> str:
    """The channel on which a log's commits are announced."""
    return f"orders_es_{log_id.hex}"


def event_arrays(columns: Mapping[str, tuple[str, list[Any]]]) -> dict[str, list[Any]]:
    """Placed rows as parameters, one list per column of the envelope: times as datetimes, ids as texts."""
    return {name: _parameters(*columns[name]) for name in ENVELOPE if name in columns}


def _parameters(kind: str, values: list[Any]) -> list[Any]:
    if kind == "uuid":
        return [value.hex() for value in values]
    if kind == "timestamp":
        return [from_micros(value) if isinstance(value, int) else value for value in values]
    return values


def end_statement(address: Address, names: Sequence[str]) -> str:
    """SQL that moves the log's end, writes the commit's row, the events if they come as parameters, and announces it all.

    Args:
        address: Where.
        names: The columns of the events that come as arrays; none where they are there already.
    """
    kinds = {field.name: KINDS[field.kind].split()[0] for field in FIELDS}
    events = ""
    if names:
        arrays = ", ".join(f"%s::{kinds[name]}[]" for name in names)
        listed = ", ".join(map(quoted, names))
        events = f"events AS (INSERT INTO {address.name('events')} ({listed}) SELECT * FROM unnest({arrays})), "
    return (
        f"WITH {events}made AS (INSERT INTO {address.name('commits')} "
        '("first", "last", commit_id, recorded_at, tree_root, tree) VALUES (%s, %s, %s, %s, %s, %s)) '
        f'UPDATE {address.name("log")} SET "position" = %s, recorded_at = %s, tree = %s WHERE "position" = %s '
        "RETURNING pg_notify(%s, %s)"
    )


def end_parameters(
    log_id: uuid.UUID, commit_id: uuid.UUID, first: int, recorded_at: int, tree: CompactRange
) -> list[Any]:
    """What `end_statement` takes after the events.

    Args:
        log_id: Whose end moves.
        first: Position of the commit's first event.
        recorded_at: Microseconds: when its last event is recorded.
        tree: The whole tree after it.
    """
    at, raw = from_micros(recorded_at), b"".join(tree.hashes)
    commit = [first, tree.end, commit_id, at, tree.root(), raw]
    return [*commit, tree.end, at, raw, first - 1, channel_of(log_id), str(tree.end)]


def copy_table(connection: psycopg.Connection, address: Address, table: pa.Table) -> None:
    """Put placed events into the table, in their order."""
    from pyarrow import csv

    names = [name for name in ENVELOPE if name in table.column_names]
    listed = ", ".join(map(quoted, names))
    query = f"COPY {address.name('events')} ({listed}) FROM STDIN (FORMAT csv)"
    options = csv.WriteOptions(include_header=False)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for start in range(0, table.num_rows, _PIECE):
            piece = table.slice(start, _PIECE).select(names)
            place = names.index("event_id")
            piece = piece.set_column(place, "event_id", _digits(piece.column("event_id")))
            sink = io.BytesIO()
            csv.write_csv(piece, sink, options)
            copy.write(sink.getbuffer())


def _digits(ids: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    from orders_es.log.leaf import uuid_bytes

    raw: Any = uuid_bytes(ids.combine_chunks())
    digits = raw.tobytes().hex().encode()
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(ids), [None, pa.py_buffer(digits)]).cast(pa.string())
