"""Putting a table of events into a log, a commit at a time, so that it can be interrupted and repeated; for importers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from orders_es.errors import SourceConflict, VersionConflict
from orders_es.log import NO_STREAM
from orders_es.sources.known_streams import SET_ASIDE, cut_batches, difference, find_known, whole_streams

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.log import Appended, EventLog
    from orders_es.sources.known_streams import Known
    from orders_es.sources.target import Target

__all__ = ["Loaded", "StreamTable", "append_new", "append_streams", "cut_batches"]


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
        last_position: The last position of any; None if there are none.
        skipped: Streams that were there already, from another file.
    """

    events: int = 0
    streams: int = 0
    duplicates: int = 0
    commits: int = 0
    first_position: int | None = None
    last_position: int | None = None
    skipped: int = 0

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


def append_streams(
    log: EventLog,
    new: StreamTable,
    *,
    batch_events: int,
    progress: bool = False,
    skip_known: bool = False,
    run: str | None = None,
) -> Loaded:
    """What was appended, and what was there already. Each batch is one commit, whole or not at all.

    Streams that the log has already are looked at first, event by event: if one of them is not the same, nothing at all is
    appended. So an import that was interrupted is completed by running it again, with batches of any size; one that set
    orders aside, by importing the corrected file.

    Args:
        log: Where to append.
        new: The streams.
        batch_events: How many events a commit may hold; a stream is never cut.
        progress: Whether to show a bar, on a terminal.
        skip_known: Whether streams that are there and the same may come from another file.
        run: What the events' `correlation_id` says about the import.

    Raises:
        SourceConflict: The log has one of the streams, and it is another or comes from another file.
    """
    done = np.zeros(len(new.stream_ids), dtype=np.bool_)
    loaded = Loaded()
    with tqdm(
        total=new.events.num_rows,
        desc=new.path.name,
        unit=" events",
        unit_scale=True,
        disable=None if progress else True,
    ) as bar:
        while True:
            known = find_known(log, new, batch_events=batch_events)
            _refuse_others(log, new, known, loaded, skip_known=skip_known)
            before = known.there & ~done
            bar.update(int(np.diff(new.starts)[before].sum()))
            try:
                _append_unknown(log, new, known, loaded, bar, batch_events, run)
            except VersionConflict as error:
                # It was not there a moment ago: somebody else is importing too, perhaps this very file.
                stream = pc.index(new.stream_ids, error.stream_id).as_py()
                if known.there[stream]:
                    raise
                done |= before
                loaded.duplicates += int(np.diff(new.starts)[before].sum())
            else:
                loaded.duplicates += int(np.diff(new.starts)[before].sum())
                loaded.skipped = int((known.there & ~known.same).sum())
                positions = (known.first_position, known.last_position, loaded.first_position, loaded.last_position)
                given = [position for position in positions if position is not None]
                loaded.first_position, loaded.last_position = min(given, default=None), max(given, default=None)
                return loaded


def append_new(
    target: Target,
    new: StreamTable,
    digest: str,
    *,
    set_aside: bool,
    batch_events: int,
    progress: bool,
    skip_known: bool,
) -> Loaded:
    """As `append_streams`, into a log that is not made where there is nothing to append.

    Args:
        digest: Of the source, as hexadecimal digits: the events' `correlation_id` begins with it.
        set_aside: Whether some of its orders were set aside; the corrected file may bring them later.
    """
    if not new.events.num_rows:
        return Loaded()
    run = f"import:{digest[:16]}{SET_ASIDE if set_aside else ''}"
    return append_streams(
        target.log(), new, batch_events=batch_events, progress=progress, skip_known=skip_known, run=run
    )


def _append_unknown(
    log: EventLog, new: StreamTable, known: Known, loaded: Loaded, bar: Any, batch_events: int, run: str | None
) -> None:
    wanted = [
        (first, end, streams)
        for first, end in cut_batches(new.starts, batch_events)
        if (streams := ~known.there[first:end]).any()
    ]

    def made(which: int) -> pa.Table:
        table = whole_streams(new, *wanted[which])
        return (
            table if run is None else table.append_column("correlation_id", pa.repeat(pa.scalar(run), table.num_rows))
        )

    # The next commit's events are made while this one's are hashed and written.
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(made, 0) if wanted else None
        for i, (first, end, streams) in enumerate(wanted):
            assert following is not None
            table = following.result()
            following = pool.submit(made, i + 1) if i + 1 < len(wanted) else None
            appended = log.append_table(table, expected=NO_STREAM)
            # The pool would keep what each batch needed at its worst, of batch after batch.
            pa.default_memory_pool().release_unused()
            loaded.count(appended, int(streams.sum()))
            known.there[first:end] |= streams
            known.same[first:end] |= streams
            bar.update(appended.count)


def _refuse_others(log: EventLog, new: StreamTable, known: Known, loaded: Loaded, *, skip_known: bool) -> None:
    differ = np.flatnonzero(known.there & ~known.equal)
    if len(differ):
        names = ", ".join(repr(name) for name in new.stream_ids.take(pa.array(differ[:5])).to_pylist())
        more = f" and {len(differ) - 5:,} more" if len(differ) > 5 else ""  # noqa: PLR2004 - named above
        which = f" (all that differ: {names}{more})" if len(differ) > 1 else ""
        raise _conflict(
            log,
            new,
            int(differ[0]),
            known,
            f"another history: {difference(log, new, int(differ[0]))}{which}. Import with the same options as before, "
            "correct the file, or give it a log of its own",
            loaded,
        )
    others = np.flatnonzero(known.there & ~known.same & ~known.partial)
    if len(others) and not skip_known:
        raise _conflict(
            log,
            new,
            int(others[0]),
            known,
            "the same history, but not from this very file. Leave such orders out with skip_known=True (--skip-known), or "
            "give the file a log of its own",
            loaded,
        )


def _conflict(log: EventLog, new: StreamTable, stream: int, known: Known, why: str, loaded: Loaded) -> SourceConflict:
    name = new.stream_ids[stream].as_py()
    there = log.load(name, to_version=1)
    since = f", since {there[0].recorded_at:%Y-%m-%d %H:%M} UTC, by {there[0].actor or 'nobody named'}" if there else ""
    done = (
        f"{loaded.events:,} events of other streams were appended before" if loaded.events else "Nothing was appended"
    )
    actual = log.stream_version(name)
    return SourceConflict(
        str(new.path),
        int(new.rows[stream]),
        name,
        actual,
        f"version {actual}{since}, with {why} (the log has {int(known.there.sum()):,} of the file's "
        f"{len(new.stream_ids):,} streams). {done}",
    )
