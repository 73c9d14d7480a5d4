"""Events out of PostgreSQL: a stream, pages of the whole by COPY, and their typed columns out of the payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from orders_es.errors import DamagedLog, InvalidEvent
from orders_es.log.canonical import others
from orders_es.log.columns import ARROW_TYPES, ENVELOPE_SCHEMA, conform, event_schema
from orders_es.log.envelope import ENVELOPE, FIELDS
from orders_es.log.event import RecordedEvent, beyond_calendar, from_micros
from orders_es.log.ids import Holder
from orders_es.log.postgres.tables import KINDS, micros
from orders_es.log.relation import COLUMN_TYPES, quoted, text
from orders_es.log.retry import EventPlace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from orders_es.log.postgres.address import Address
    from orders_es.log.postgres.connections import Connections
    from orders_es.log.registry import EventRegistry

__all__ = ["id_holder", "pages", "retry_rows", "stream_events", "table_page"]

_PAGE = 16_384
"""Events a query: small batches are cut from such pages, large ones are pages of their own."""
_FEW = 100
"""Up to so many payloads are read one by one; DuckDB takes some milliseconds to begin."""
_MOST_BYTES = 2**31 - 1
_TIMES = [i for i, field in enumerate(FIELDS) if field.kind == "timestamp"]


def _chosen(names: Sequence[str], there: frozenset[str]) -> str:
    """SQL for columns of the envelope, each in the form in which it is read; null where an older log has none."""
    kinds = {field.name: field.kind for field in FIELDS}
    forms = {
        name: f"NULL::{KINDS[kinds[name]].split()[0]}"
        if name not in there
        else micros(quoted(name))
        if kinds[name] == "timestamp"
        else quoted(name)
        for name in names
    }
    return ", ".join(forms.values())


def stream_events(
    connections: Connections,
    address: Address,
    there: frozenset[str],
    registry: EventRegistry,
    stream_id: str,
    after: int,
    to: int | None,
) -> list[RecordedEvent]:
    """A stream's events with `after < version <= to`, in version order."""
    if "\0" in stream_id:  # no log holds such a stream, and PostgreSQL does not take the question
        return []
    query = f"SELECT {_chosen(ENVELOPE, there)} FROM {address.name('events')} WHERE stream_id = %s AND version > %s"
    parameters: list[Any] = [stream_id, after]
    if to is not None:
        query += " AND version <= %s"
        parameters.append(to)
    return [_event(row, registry) for row in connections.rows(f"{query} ORDER BY version", parameters)]


def _event(row: tuple[Any, ...], registry: EventRegistry) -> RecordedEvent:
    values: list[Any] = list(row)
    for i in _TIMES:
        try:
            values[i] = None if values[i] is None else from_micros(values[i])
        except OverflowError as error:
            raise beyond_calendar(values[0], values[1], values[i]) from error
    values.append(registry)
    return RecordedEvent(*values)


def retry_rows(
    connections: Connections, address: Address, wanted: Mapping[str, tuple[int, int | None]]
) -> list[EventPlace]:
    """The recorded events of some streams, with `after < version <= to` for each."""
    rows = connections.rows(
        f'SELECT e.stream_id, e.event_id, e.version, e."position", {micros("e.recorded_at")} '
        f"FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS w(stream_id, after, until) "
        f"JOIN {address.name('events')} AS e "
        "ON e.stream_id = w.stream_id AND e.version > w.after AND (w.until IS NULL OR e.version <= w.until)",
        [list(wanted), [after for after, _ in wanted.values()], [to for _, to in wanted.values()]],
    )
    return [EventPlace(row[0], row[1].bytes, *row[2:]) for row in rows]


def id_holder(connections: Connections, address: Address, ids: bytes) -> Holder | None:
    """An event that has one of some ids."""
    rows: list[Any] = connections.rows(
        f'SELECT event_id, stream_id, version, "position" FROM {address.name("events")} '
        'WHERE event_id = ANY(%s::uuid[]) ORDER BY "position" LIMIT 1',
        [[ids[i : i + 16].hex() for i in range(0, len(ids), 16)]],
    )
    return Holder(*rows[0]) if rows else None


def pages(
    connections: Connections,
    address: Address,
    there: frozenset[str],
    registry: EventRegistry,
    *,
    after: int,
    to: int,
    batch_size: int,
    names: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """The events with `after < position <= to`, in batches.

    Every page is a query of its own, by position: memory stays flat however long the log, no transaction stays open
    while the reader takes its time, and since no position ever changes its event the pages belong together.
    """
    size = max(batch_size, _PAGE - _PAGE % batch_size)
    while after < to:
        end = min(after + size, to)
        page = table_page(connections, address, there, registry, after, end, names)
        if page.num_rows != end - after:
            raise DamagedLog(
                address.shown,
                f"events between the positions {after + 1} and {end} are missing; restore the database from a backup",
            )
        yield from page.to_batches(batch_size)
        after = end


def table_page(
    connections: Connections,
    address: Address,
    there: frozenset[str],
    registry: EventRegistry,
    after: int,
    to: int,
    names: Sequence[str],
) -> pa.Table:
    """What there is of the events with `after < position <= to`, in order, as one table with these columns."""
    typed = [name for name in names if name not in ENVELOPE]
    wanted = [name for name in ENVELOPE if name in names]
    for name in ("position", *(("type", "schema_version", "payload") if typed else ())):
        if name not in wanted:
            wanted.append(name)
    copied = (
        f"COPY (SELECT {_chosen(wanted, there)} FROM {address.name('events')} "
        f'WHERE "position" > {after:d} AND "position" <= {to:d} ORDER BY "position") TO STDOUT (FORMAT csv)'
    )

    def fetch(connection: psycopg.Connection) -> bytes:
        with connection.cursor() as cursor, cursor.copy(copied) as copy:
            return b"".join(bytes(piece) for piece in copy)

    table = _parsed(connections.asked(fetch), wanted)
    schema = event_schema(registry.columns)
    if typed:
        for name, values in zip(typed, _shredded(table, registry, typed), strict=True):
            table = table.append_column(name, values)
    return conform(table, names, schema).combine_chunks()


def _parsed(data: bytes, names: Sequence[str]) -> pa.Table:
    """Rows of CSV as PostgreSQL writes them: a null is nothing, an empty text two quotes."""
    kinds = {field.name: field.kind for field in FIELDS}
    read = {
        "int64": pa.int64(),
        "int32": pa.int32(),
        "timestamp": pa.int64(),
        "string": pa.string(),
        "uuid": pa.string(),
    }
    types = {name: read[kinds[name]] for name in names}
    if not data:
        table = pa.table({name: pa.array([], kind) for name, kind in types.items()})
    else:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=list(names), block_size=min(len(data) + 1, _MOST_BYTES), use_threads=False),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    for name in names:
        column = table.column(name)
        if kinds[name] == "uuid":
            column = _uuids(column)
        elif kinds[name] == "timestamp":
            column = column.cast(ENVELOPE_SCHEMA.field(name).type)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _uuids(column: pa.ChunkedArray) -> pa.ExtensionArray:
    digits = "".join(pc.replace_substring(column, "-", "").to_pylist())
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(column), [None, pa.py_buffer(bytes.fromhex(digits))])
    return pa.ExtensionArray.from_storage(pa.uuid(), raw)


def _shredded(table: pa.Table, registry: EventRegistry, names: Sequence[str]) -> list[pa.Array]:
    """Typed columns made of payloads; nulls for events of types or shapes that nobody registered, or that do not fit theirs.

    Payloads that this package wrote are read by DuckDB all at once, all others by the registry's rule, one by one.
    """
    kinds = registry.columns
    one_by_one = np.arange(table.num_rows)
    made: dict[str, pa.Array] = {name: pa.nulls(table.num_rows, ARROW_TYPES[kinds[name]]) for name in names}
    if table.num_rows > _FEW:
        one_by_one = others(registry, table.column("payload"))
        given = table.select(["type", "schema_version", "payload"])
        made = _at_once(given, registry, names)
    if not len(one_by_one):
        return [made[name] for name in names]
    rows = table.take(pa.array(one_by_one)).select(["type", "schema_version", "payload", "position"]).to_pylist()
    values = [_by_the_rule(row, registry) for row in rows]
    chosen = np.zeros(table.num_rows, np.bool_)
    chosen[one_by_one] = True
    return [
        pc.replace_with_mask(
            made[name], pa.array(chosen), pa.array([value.get(name) for value in values], ARROW_TYPES[kinds[name]])
        )
        for name in names
    ]


def _by_the_rule(row: Mapping[str, Any], registry: EventRegistry) -> dict[str, Any]:
    name, version = row["type"], row["schema_version"]
    if name not in registry or registry[name].schema_version != version:
        return {}
    try:
        return registry.encode(registry.decode(name, version, row["payload"], row["position"], ""))[2]
    except InvalidEvent:  # whoever asks for its values hears of it: `bind`, `load`
        return {}


def _at_once(given: pa.Table, registry: EventRegistry, names: Sequence[str]) -> dict[str, pa.Array]:
    import duckdb

    columns = []
    for name in names:
        types = [t for t in registry if any(f.name == name for f in t.fields)]
        pairs = ", ".join(f"({text(t.name)}, {t.schema_version})" for t in types)
        kind = registry.columns[name]
        said = f"json_extract_string(payload, {text('$.' + quoted(name))})::{COLUMN_TYPES[kind]}"
        columns.append(f"CASE WHEN (type, schema_version) IN ({pairs}) AND plain THEN {said} END AS {quoted(name)}")
    plain = pc.match_substring_regex(given.column("payload"), registry.canonical)
    rows = given.append_column("plain", plain).append_column("row", pa.array(np.arange(given.num_rows)))
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        connection.register("given", rows)
        connection.execute("CREATE TABLE page AS SELECT * FROM given")  # no filter is pushed into a scan of Arrow data
        result = connection.sql(f'SELECT {", ".join(columns)} FROM page ORDER BY "row"').to_arrow_table()
    result = result.combine_chunks()
    return {
        name: pa.concat_arrays(result.column(name).chunks).cast(ARROW_TYPES[registry.columns[name]]) for name in names
    }
