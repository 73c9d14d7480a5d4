"""Checked lines into a log, in file order, whatever of them is there already; for `orders_es.sources.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from tqdm.auto import tqdm

from orders_es.errors import SourceConflict, VersionConflict
from orders_es.log import NO_STREAM
from orders_es.log.leaf import uuid_bytes
from orders_es.sources.batches import Loaded
from orders_es.sources.jsonl.sequence import places_in_streams

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.log import EventLog
    from orders_es.sources.jsonl.spool import Spool

__all__ = ["Wanted", "append_lines", "event_table"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
array: Any = pa.array
_COLUMNS = ("position", "stream_id", "version", "event_id", "type", "schema_version", "occurred_at", "payload")
_OTHER_EVENT = (
    "is another event than this line's. Lines can be imported again at any time, which adds nothing; another history of the "
    "same streams belongs in a log of its own"
)
_OTHER_CONTENT = (
    "has the id of this line and says something else: was it imported with another mapping, time zone or currency? Import with "
    "the same ones, or into a log of its own"
)
_INSTANTS = pa.timestamp("us", tz="UTC")


class Wanted:
    """The lines that are to be in the log.

    Args:
        path: Their file, for the errors.
        spool: All lines.
        rows: Which of them become events.
        ids: The event id of each line, sixteen bytes a row.
    """

    def __init__(self, path: Path, spool: Spool, rows: npt.NDArray[np.bool_], ids: npt.NDArray[np.uint8]) -> None:
        self.path, self.spool, self.rows, self.ids = path, spool, rows, ids
        self.which = np.flatnonzero(rows)
        codes = spool.codes[self.which]
        self.versions = np.zeros(len(rows), dtype=np.int64)
        self.versions[self.which] = places_in_streams(codes)
        counts = np.bincount(codes, minlength=len(spool.names))
        self._starts = np.cumsum(counts) - counts
        self._counts = counts
        self._by_stream = self.which[np.argsort(codes, kind="stable")]
        self._names = spool.names

    @property
    def streams(self) -> int:
        """How many streams there are lines of."""
        return int((self._counts > 0).sum())

    def find(self, log: EventLog) -> tuple[npt.NDArray[np.bool_], int | None, int | None]:
        """Which lines the log has already, and the first and last position of those.

        Raises:
            SourceConflict: It has one of the streams, and not from these lines.
        """
        there = np.zeros(len(self.rows), dtype=np.bool_)
        first, last = None, None
        if not log.head().position:
            return there, first, last
        for batch in log.read(columns=_COLUMNS):
            codes = pc.index_in(batch.column("stream_id"), value_set=self._names)
            of_ours = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
            if not len(of_ours):
                continue
            code = codes.take(array(of_ours)).to_numpy(zero_copy_only=False)
            place = batch.column("version").to_numpy(zero_copy_only=False)[of_ours].astype(np.int64) - 1
            inside = place < self._counts[code]
            rows = self._by_stream[(self._starts[code] + place)[inside]]
            raw: Any = uuid_bytes(batch.column("event_id"))
            theirs = raw.view(np.uint8).reshape(-1, 16)[of_ours[inside]]
            other = np.flatnonzero((theirs != self.ids[rows]).any(axis=1))
            if len(other):
                raise self._conflict(log, int(rows[other[0]]), _OTHER_EVENT)
            said = _said(batch, of_ours[inside])
            changed = np.flatnonzero(said != self.spool.said[rows])
            if len(changed):
                raise self._conflict(log, int(rows[changed[0]]), _OTHER_CONTENT)
            there[rows] = True
            if len(rows):
                positions = batch.column("position").to_numpy(zero_copy_only=False)[of_ours[inside]]
                first = int(positions[0]) if first is None else first
                last = int(positions[-1])
        return there, first, last

    def _conflict(self, log: EventLog, row: int, what: str) -> SourceConflict:
        stream = self._names[int(self.spool.codes[row])].as_py()
        actual = log.stream_version(stream)
        return SourceConflict(
            str(self.path),
            int(self.spool.numbers[row]),
            stream,
            actual,
            f"version {self.versions[row]} of its {actual:,} there {what}. Nothing was appended",
        )

    def expected(self, rows: npt.NDArray[Any]) -> dict[str, Any]:
        """What each stream of these lines must be at before them."""
        codes, at = np.unique(self.spool.codes[rows], return_index=True)
        before = self.versions[rows[at]] - 1
        names = self._names.take(array(codes)).to_pylist()
        return {name: int(version) or NO_STREAM for name, version in zip(names, before, strict=True)}


def _said(batch: pa.RecordBatch, rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """What recorded events say, as `Spool.said` has it."""
    taken = batch.select(["type", "schema_version", "occurred_at", "payload"]).take(array(rows))
    occurred = taken.column("occurred_at").cast(pa.int64()).to_pylist()
    types, versions, payloads = (taken.column(i).to_pylist() for i in (0, 1, 3))
    said = map(hash, zip(types, versions, occurred, payloads, strict=True))
    return np.fromiter(said, dtype=np.int64, count=len(rows))


def event_table(wanted: Wanted, batch: pa.Table, rows: npt.NDArray[Any], *, restored: bool = False) -> pa.Table:
    """Lines as `append_table` takes them.

    What another log recorded, it says that it knew then: that is when the line was entered, where the line says nothing else.

    Args:
        wanted: All lines.
        batch: These lines, as the spool keeps them.
        rows: Their places among all lines.
        restored: Whether they keep the times at which they were recorded, so that those are nobody's claim.
    """
    batch = batch.drop_columns(["personal"])  # salts are each log's own, but where one is restored
    entered = batch.column("entered_at").combine_chunks()
    if not restored:
        recorded_at = wanted.spool.recorded_at[rows]
        entered = pc.coalesce(entered, pa.array(recorded_at, mask=recorded_at < 0))
    ids = pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(wanted.ids[rows].tobytes())])
    occurred = batch.column("occurred_at").combine_chunks().cast(_INSTANTS)
    table = batch.set_column(batch.schema.get_field_index("occurred_at"), "occurred_at", occurred)
    table = table.set_column(table.schema.get_field_index("entered_at"), "entered_at", entered.cast(_INSTANTS))
    return table.append_column("event_id", pa.ExtensionArray.from_storage(pa.uuid(), ids))


def append_lines(log: EventLog, wanted: Wanted, *, batch_events: int, progress: bool = False) -> Loaded:
    """What was appended, in file order, and what was there already. Each batch is one commit, whole or not at all.

    Args:
        log: Where to append.
        wanted: The lines.
        batch_events: How many events a commit may hold.
        progress: Whether to show a bar, on a terminal.

    Raises:
        SourceConflict: The log has one of the streams, and not from these lines.
    """
    loaded = Loaded()
    with tqdm(
        total=len(wanted.which), desc="append", unit=" events", unit_scale=True, disable=None if progress else True
    ) as bar:
        mine = np.zeros(len(wanted.rows), dtype=np.bool_)
        while True:
            there, first, last = wanted.find(log)
            before = int(there.sum())
            bar.update(before - bar.n)
            try:
                _append_rest(log, wanted, there, mine, loaded, batch_events, bar)
            except VersionConflict as error:
                # Somebody else imports too: perhaps these lines, and then some more of them are there now. If not, the
                # next look at the log finds the other event.
                if int(wanted.find(log)[0].sum()) <= before and log.stream_version(error.stream_id) == error.actual:
                    raise
            else:
                loaded.duplicates = before - int((there & mine).sum())
                positions = [p for p in (first, last, loaded.first_position, loaded.last_position) if p is not None]
                loaded.first_position, loaded.last_position = min(positions, default=None), max(positions, default=None)
                return loaded


def _append_rest(
    log: EventLog,
    wanted: Wanted,
    there: npt.NDArray[np.bool_],
    mine: npt.NDArray[np.bool_],
    loaded: Loaded,
    batch_events: int,
    bar: Any,
) -> None:
    held: list[pa.Table] = []
    held_rows: list[npt.NDArray[Any]] = []

    def commit() -> None:
        rows = np.concatenate(held_rows)
        table = pa.concat_tables(held)
        appended = log.append_table(event_table(wanted, table, rows), expected=wanted.expected(rows))
        new = int((wanted.versions[rows] == 1).sum())
        if not appended.duplicate:
            mine[rows] = True
        loaded.count(appended, new)
        bar.update(len(rows))
        held.clear()
        held_rows.clear()

    for place, batch in wanted.spool.batches():
        rows = np.arange(place, place + batch.num_rows)
        rows = rows[wanted.rows[rows] & ~there[rows]]
        taken = batch.take(array(rows - place))
        while len(rows):
            room = batch_events - sum(map(len, held_rows))
            held.append(taken.slice(0, room))
            held_rows.append(rows[:room])
            taken, rows = taken.slice(room), rows[room:]
            if sum(map(len, held_rows)) == batch_events:
                commit()
    if held_rows:
        commit()
