"""Lines of a whole log into an empty one, with the times at which they were recorded; for `orders_es.sources.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from orders_es.errors import InvalidSetting
from orders_es.log.bulk import table_batch
from orders_es.log.restoring import Restorable
from orders_es.sources.batches import Loaded
from orders_es.sources.jsonl.append import event_table

if TYPE_CHECKING:
    from orders_es.log import EventLog
    from orders_es.sources.jsonl.append import Wanted

__all__ = ["restore_lines"]

array: Any = pa.array  # the type stubs take every NumPy array for one of booleans


def restore_lines(log: EventLog, wanted: Wanted, *, batch_events: int, progress: bool = False) -> Loaded:
    """What was appended to an empty log: every line, at the position, version and times that it has.

    Args:
        log: An empty log.
        wanted: The lines of a whole log, checked.
        batch_events: How many events a commit may hold, give or take.
        progress: Whether to show a bar, on a terminal.

    Raises:
        InvalidSetting: The log's backend cannot restore.
        InvalidEvent: Somebody else appended meanwhile.
    """
    if not isinstance(log, Restorable):
        raise InvalidSetting("as_recorded", True, f"{type(log).__name__} takes no times of recording from elsewhere")
    loaded = Loaded()
    held: list[pa.Table] = []
    first = 0

    def commit() -> None:
        nonlocal first
        table = pa.concat_tables(held)
        rows = np.arange(first, first + table.num_rows)
        appended = log.append_restored(_with_times(log, wanted, table, rows))
        loaded.count(appended, int((wanted.versions[rows] == 1).sum()))
        bar.update(len(rows))
        first += table.num_rows
        held.clear()

    with tqdm(
        total=len(wanted.which), desc="restore", unit=" events", unit_scale=True, disable=None if progress else True
    ) as bar:
        for _, batch in wanted.spool.batches():
            held.append(batch)
            if sum(table.num_rows for table in held) >= batch_events:
                commit()
        if held:
            commit()
    return loaded


def _with_times(log: EventLog, wanted: Wanted, table: pa.Table, rows: Any) -> pa.Table:
    """The lines as the log keeps them, shredded columns included."""
    expected = wanted.expected(rows)
    batch = table_batch(log.registry, event_table(wanted, table, rows, restored=True), expected)
    bases = [
        version if isinstance(version, int) else 0 for version in (expected[part.stream_id] for part in batch.parts)
    ]
    placed = batch.place(int(rows[0]) + 1, 0, bases)
    recorded_at = array(wanted.spool.recorded_at[rows]).cast(pa.timestamp("us", tz="UTC"))
    placed = placed.set_column(placed.schema.get_field_index("recorded_at"), "recorded_at", recorded_at)
    placed = placed.set_column(placed.schema.get_field_index("payload"), "payload", table.column("payload"))
    if "personal" in placed.column_names:
        placed = placed.drop_columns(["personal"])
    return placed.append_column(
        "personal", table.column("personal")
    )  # those of the log that recorded them, to the byte
