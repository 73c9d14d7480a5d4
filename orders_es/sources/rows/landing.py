"""Changes of rows into a log: batch by batch, each row's events at the versions that it must have. For `orders_es.sources`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.domains import known_domains, registry_of
from orders_es.log import NO_STREAM
from orders_es.log.bulk import check_columns
from orders_es.log.column_payloads import payloads_of
from orders_es.log.table_columns import field_values, texts
from orders_es.rows import ROWS
from orders_es.sources.rows.work_database import event_id_of, value

if TYPE_CHECKING:
    import duckdb

    from orders_es.log import EventLog, EventRegistry
    from orders_es.sources.rows.meaning import Meanings

__all__ = ["Landed", "land", "rows_registry", "start_changes", "take_domain"]

_CHANGES = """
CREATE OR REPLACE TABLE change (
    seq BIGINT, source_table VARCHAR, row_key VARCHAR, version INTEGER, type VARCHAR, row_before VARCHAR, row_after VARCHAR,
    occurred_at TIMESTAMPTZ, entered_at TIMESTAMPTZ, changed_after TIMESTAMPTZ, opening BOOLEAN, reason VARCHAR, actor VARCHAR,
    correlation_id VARCHAR, identity VARCHAR, image_before VARCHAR, image_after VARCHAR
)
"""
_FIELDS = ("source_table", "row_key", "row_before", "row_after", "changed_after", "opening", "reason")


def start_changes(work: duckdb.DuckDBPyConnection) -> None:
    """Make an empty table `change`: one row for each event of a row, numbered by `seq` from 1 without gaps.

    `image_before` and `image_after` are the whole row, where a mapping asks for it. `version` is the one that the event will have in its stream. `identity` is what its id derives from.
    """
    work.execute(_CHANGES)


def rows_registry() -> EventRegistry:
    """The event types of all known domains, rows among them."""
    return registry_of(known_domains())


def take_domain(log: EventLog) -> None:
    """Let a log that somebody opened for orders know rows, too."""
    for cls in ROWS.event_types:
        log.registry.register(cls)


@dataclass(slots=True)
class Landed:
    """What was appended.

    Args:
        first_position: Of the first event; None if there was none.
    """

    events: int = 0
    commits: int = 0
    first_position: int | None = None
    last_position: int | None = None


def land(
    work: duckdb.DuckDBPyConnection,
    log: EventLog,
    landed: Landed,
    *,
    batch_events: int,
    last: pa.Table | None = None,
    meanings: Meanings | None = None,
) -> None:
    """Append the events that stand in the table `change`, in its order.

    A batch is one commit. Each stream is expected to be where the versions say, so that two imports at once cannot mix.

    Args:
        batch_events: How many events a commit holds.
        meanings: What the changes mean, which goes into the commits of their rows.
        last: What goes into the last commit beside them, with `version`; with columns of fields, or with `payload`.
    """
    count = int(value(work, "SELECT count(*) FROM change"))
    columns = ", ".join(("type", "occurred_at", "entered_at", "actor", "correlation_id", *_FIELDS))
    for start in range(0, max(count, 1), batch_events):
        parts = []
        if count:
            parts.append(
                _events(
                    work.sql(
                        f"SELECT source_table || '/' || row_key AS stream_id, version, {event_id_of('identity')} AS event_id, "
                        f"{columns} FROM change WHERE seq > {start} AND seq <= {start + batch_events} ORDER BY seq"
                    ).to_arrow_table()
                )
            )
        if meanings is not None:
            parts += meanings.between(start, start + batch_events)
        if last is not None and start + batch_events >= count:
            if "payload" in last.column_names:  # of events that no domain has
                parts = [_with_payloads(log.registry, part) for part in parts]
            parts.append(last)
        if parts:
            _append(log, pa.concat_tables(parts, promote_options="default"), landed)


def _append(log: EventLog, events: pa.Table, landed: Landed) -> None:
    expected: dict[str, Any] = {}
    for stream, version in zip(
        events.column("stream_id").to_pylist(), events.column("version").to_pylist(), strict=True
    ):
        expected.setdefault(stream, version - 1 or NO_STREAM)
    done = log.append_table(events.drop_columns(["version"]), expected=expected)
    landed.events += done.count
    landed.commits += 1
    landed.first_position = landed.first_position or done.first_position
    landed.last_position = done.last_position


def _with_payloads(registry: EventRegistry, events: pa.Table) -> pa.Table:
    """Events with their payloads in place of the columns of their fields."""
    fields = [name for name in events.column_names if name in registry.columns]
    types = texts(events, "type", required=True)
    values = {name: field_values(events, name, registry.columns[name]) for name in fields}
    check_columns(registry, types, values)
    payloads, _ = payloads_of(registry, types, values)
    versions = pa.array([registry[name].schema_version for name in types.to_pylist()], pa.int32())
    return events.drop_columns(fields).append_column("payload", payloads).append_column("schema_version", versions)


def _events(table: pa.Table) -> pa.Table:
    at = table.column_names.index("event_id")
    raw = table.column("event_id").cast(pa.binary(16)).combine_chunks()
    raw = raw.chunk(0) if isinstance(raw, pa.ChunkedArray) else raw
    return table.set_column(at, "event_id", pa.ExtensionArray.from_storage(pa.uuid(), raw))
