"""Putting a table of events into a log, a commit at a time, so that it can be interrupted and repeated; for importers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from orders_es.errors import SourceConflict, VersionConflict
from orders_es.log import NO_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.log import Appended, EventLog

__all__ = ["Loaded", "StreamTable", "append_streams", "cut_batches"]


@dataclass(frozen=True, slots=True)
class StreamTable:
    """New streams, whole: the events of one stand together, and no stream comes twice.

    Args:
        path: The file they come from, for the errors.
        events: What `append_table` takes, with event ids that are the same at every import; or whatever has `num_rows`,
            and a `slice` that makes the events of whole streams when they are asked for.
        stream_ids: The id of each stream, in the order of `events`.
        starts: Where in `events` each stream starts, and at the end the number of events.
        rows: The number of the first row that each stream comes from, for the errors.
    """

    path: Path
    events: pa.Table
    stream_ids: Any
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


@dataclass(slots=True)
class Loaded:
    """What came of appending a `StreamTable`.

    Args:
        events: Events appended.
        streams: Streams appended.
        duplicates: Events that were there already.
        commits: Commits made.
        first_position: The first position of any of the events; None if there are none.
        last_position: The last one.
    """

    events: int = 0
    streams: int = 0
    duplicates: int = 0
    commits: int = 0
    first_position: int | None = None
    last_position: int | None = None

    def count(self, appended: Appended, streams: int) -> None:
        """Add one append."""
        if appended.duplicate:
            self.duplicates += appended.count
        else:
            self.events += appended.count
            self.streams += streams
            self.commits += 1
        first, last = appended.first_position, appended.last_position
        self.first_position = first if self.first_position is None else min(first, self.first_position)
        self.last_position = last if self.last_position is None else max(last, self.last_position)


def cut_batches(starts: npt.NDArray[np.int64], batch_events: int) -> Iterator[tuple[int, int]]:
    """Runs of streams (from, up to but not including) of at most so many events, or of one stream that is longer.

    The same streams are always cut the same way.

    Args:
        starts: Where each stream starts, and at the end the number of events.
        batch_events: How many events a batch may hold.

    Example:
        >>> list(cut_batches(np.array([0, 3, 5, 9]), 5))
        [(0, 2), (2, 3)]
    """
    first = 0
    while first < len(starts) - 1:
        end = int(np.searchsorted(starts, starts[first] + batch_events, side="right")) - 1
        end = max(end, first + 1)
        yield first, end
        first = end


def append_streams(log: EventLog, new: StreamTable, *, batch_events: int, progress: bool = False) -> Loaded:
    """What was appended, and what was there already. Each batch is one commit, whole or not at all.

    Streams that the log has already are looked at first: if they are these very ones, they count as duplicates, and if
    not, nothing at all is appended. So an import that was interrupted is completed by running it again, with batches of
    any size.

    Args:
        log: Where to append.
        new: The streams.
        batch_events: How many events a commit may hold; a stream is never cut.
        progress: Whether to show a bar, on a terminal.

    Raises:
        SourceConflict: The log has one of the streams from somewhere else.
    """
    known = _known(log, new.stream_ids)
    done = np.zeros(len(known), dtype=np.bool_)
    loaded = Loaded()
    with tqdm(
        total=new.events.num_rows,
        desc=new.path.name,
        unit=" events",
        unit_scale=True,
        disable=None if progress else True,
    ) as bar:
        while True:
            try:
                _append_known_first(log, new, known, done, loaded, bar, batch_events)
            except VersionConflict as error:
                stream = pc.index(new.stream_ids, error.stream_id).as_py()
                if known[stream]:
                    raise _conflict(log, new, error, stream, int(known.sum()), loaded) from error
                # It was not there a moment ago: somebody else is importing too, perhaps this very file.
                known = _known(log, new.stream_ids)
            else:
                return loaded


def _append_known_first(
    log: EventLog,
    new: StreamTable,
    known: npt.NDArray[np.bool_],
    done: npt.NDArray[np.bool_],
    loaded: Loaded,
    bar: Any,
    batch_events: int,
) -> None:
    for wanted in (True, False):
        for first, end in cut_batches(new.starts, batch_events):
            streams = (known[first:end] == wanted) & ~done[first:end]
            if streams.any():
                appended = log.append_table(_rows_of(new, first, end, streams), expected=NO_STREAM)
                done[first:end] |= streams
                loaded.count(appended, int(streams.sum()))
                bar.update(appended.count)


def _known(log: EventLog, stream_ids: Any) -> npt.NDArray[np.bool_]:
    if log.head().position == 0:
        return np.zeros(len(stream_ids), dtype=np.bool_)
    there = pa.array(log.stream_ids(), pa.string())
    known: npt.NDArray[np.bool_] = pc.is_in(stream_ids, value_set=there).to_numpy(zero_copy_only=False)
    return known


def _rows_of(new: StreamTable, first: int, end: int, streams: npt.NDArray[np.bool_]) -> pa.Table:
    start, stop = int(new.starts[first]), int(new.starts[end])
    batch = new.events.slice(start, stop - start)
    if streams.all():
        return batch
    return batch.filter(pa.array(np.repeat(streams, np.diff(new.starts[first : end + 1]))))


def _conflict(
    log: EventLog, new: StreamTable, error: VersionConflict, stream: int, known: int, loaded: Loaded
) -> SourceConflict:
    there = log.load(error.stream_id, to_version=1)
    since = f", since {there[0].recorded_at:%Y-%m-%d %H:%M} UTC, by {there[0].actor or 'nobody named'}" if there else ""
    done = (
        f"{loaded.events:,} events of other streams were appended before" if loaded.events else "Nothing was appended"
    )
    return SourceConflict(
        str(new.path),
        int(new.rows[stream]),
        error.stream_id,
        error.actual,
        f"version {error.actual}{since}, and not from this very file (the log has {known:,} of the file's "
        f"{len(new.stream_ids):,} streams). A file can be imported again at any time, which adds nothing; another file "
        f"with the same ids belongs in a log of its own. {done}",
    )
