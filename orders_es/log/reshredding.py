"""Typed columns made anew from payloads, for events that are read otherwise than they were recorded.

What the events are today comes from `upcasting`, what their payloads say from `shredding`: nothing here decides anything. Many
events at once, by DuckDB, which reads the JSON that is as this package writes it; the rule for payloads reads the rest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orders_es.log.collector import no_collector
from orders_es.log.envelope import ENVELOPE
from orders_es.log.shredding import REFUSES, Reading, columns_of, readings_of
from orders_es.log.upcast_tables import old_rows, upcast_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry

__all__ = ["Reshredder", "refusals_of", "refusals_text", "todays"]

_SAID = ("position", "stream_id", "type", "schema_version", "payload")


class Reshredder:
    """Makes events as they are today, with all typed columns. Holds a DuckDB connection; used by one thread at a time.

    Args:
        registry: What says how events are read.
    """

    def __init__(self, registry: EventRegistry) -> None:
        import duckdb

        self._registry = registry
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'; SET threads = 1")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def table(self, stored: pa.Table) -> tuple[pa.Table, dict[int, Reading]]:
        """Events as they are today, with the envelope and the registry's columns, and the refusal of those that do not fit.

        Args:
            stored: The envelope columns of some events, as recorded.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish.
        """
        import duckdb
        import pyarrow as pa

        from orders_es.log.canonical import others
        from orders_es.log.columns import event_schema

        with no_collector():
            today = upcast_table(self._registry, stored.select(ENVELOPE)).combine_chunks()
        schema = event_schema(self._registry.columns)
        rows = others(self._registry, today.column("payload"))
        readings = self._readings(today.take(pa.array(rows)))
        try:
            columns = self._columns(today, readings)
        except duckdb.Error:  # a payload looks right and is not; which one, the rule says
            readings = self._readings(today)
            columns = self._columns(today, readings)
        arrays = [today.column(name).cast(schema.field(name).type) for name in ENVELOPE]
        arrays += [columns.column(name).cast(schema.field(name).type) for name in self._registry.columns]
        refused = {at: reading for at, reading in readings.items() if reading.refusal is not None}
        return pa.Table.from_arrays(arrays, schema=schema), refused

    def _readings(self, odd: pa.Table) -> dict[int, Reading]:
        return readings_of(self._registry, zip(*(odd.column(name).to_pylist() for name in _SAID), strict=True))

    def _columns(self, today: pa.Table, readings: dict[int, Reading]) -> pa.Table:
        """The typed columns, row for row; nulls where the rule refuses a payload."""
        import pyarrow as pa

        positions = today.column("position").to_pylist()
        given = today.select(_SAID)
        if readings:
            texts, types = (given.column(name).to_pylist() for name in ("payload", "type"))
            for row, at in enumerate(positions):
                reading = readings.get(at)
                if reading is not None:
                    texts[row] = reading.text
                    types[row] = None if reading.refusal is not None else types[row]
            for name, values in (("payload", texts), ("type", types)):
                place = given.schema.get_field_index(name)
                given = given.set_column(place, name, pa.array(values, pa.string()))
        wanted = columns_of(self._registry, {}, lambda _name, _kind: None)[len(ENVELOPE) :]
        cursor = self._connection.cursor()
        try:
            cursor.register("orders_es_given", given)
            cursor.execute("CREATE OR REPLACE TEMP TABLE landed AS SELECT * FROM orders_es_given")
            cursor.unregister("orders_es_given")
            listed = ", ".join(('event."position" AS "position"', *wanted))
            found: pa.Table = cursor.sql(
                f'SELECT {listed} FROM landed AS event ORDER BY event."position"'
            ).to_arrow_table()
        finally:
            cursor.close()
        if found.column("position").to_pylist() != positions:
            raise AssertionError("events have to be given in the order of their positions")
        return found


def todays(
    registry: EventRegistry, read: Callable[[int, int], Iterator[pa.RecordBatch]], after: int, to: int
) -> Iterator[pa.RecordBatch]:
    """The events after a position up to another as they are today, with all columns: for copies within a connection.

    Args:
        read: Gives them as recorded, with all columns.
    """
    import pyarrow as pa

    if not registry.evolves:
        yield from read(after, to)
        return
    made: Reshredder | None = None
    try:
        for batch in read(after, to):
            stored = pa.Table.from_batches([batch])
            if old_rows(registry, stored) is None:
                yield batch
                continue
            made = made or Reshredder(registry)
            table, _ = made.table(stored)  # what is refused has null columns, and the view reads its payload
            yield from table.combine_chunks().to_batches()
    finally:
        if made is not None:
            made.close()


def refusals_text(readings: dict[int, Reading]) -> str:
    """The refusals of some payloads as JSON, to be kept beside a copy."""
    return json.dumps({str(at): (reading.refusal or "").removeprefix(REFUSES) for at, reading in readings.items()})


def refusals_of(text: str) -> dict[int, Reading]:
    """What `refusals_text` wrote."""
    found: dict[str, Any] = json.loads(text)
    return {int(at): Reading("{}", f"{REFUSES}{facts}") for at, facts in found.items()}
