"""`copy_log`: the same events in another log, of whatever kind, with the same tree. For moving and for safekeeping."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.errors import LogNotEmpty
from orders_es.log.envelope import ENVELOPE
from orders_es.log.restoring import restoring
from orders_es.log.roots import root_at
from orders_es.log.target import check_target

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import pyarrow as pa

    from orders_es.log.protocol import EventLog

__all__ = ["Copied", "copy_log"]

_COMMIT = 262_144
"""Events a commit of the copy: few files, and memory stays flat."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to.

    Args:
        events: How many events the copy holds.
        root: The root of its tree, computed from its own events; the source's at the time is the same.
        resumed: How many of them an interrupted copy had brought over before.
        seconds: How long it took.
    """

    events: int
    root: bytes
    resumed: int
    seconds: float


def copy_log(source: EventLog, target: str | os.PathLike[str], *, progress: bool = False) -> Copied:
    """Copy a log as it is now to a new place, every event with its position, version, ids and both times.

    The copy has an identity of its own and the source's origin, so that signed checkpoints of the one speak of the other.
    It gets its name only once its tree, hashed anew, has the source's root. Until then it is at `TARGET.incomplete` (or
    `….incomplete.duckdb`; on a server, marked as unfinished, so that nobody opens it), and the next call goes on there. Boundaries of commits are not kept. Read-only on the source.

    Args:
        source: The log; others may append meanwhile, and what they append is not copied.
        target: A new folder, a new `.duckdb` file, or a URL whose backend takes copies, such as `postgresql://…`, where there is no
            log yet.
        progress: Show a progress bar.

    Raises:
        InvalidSetting: There is something at that place.
        TargetInLog: It is in the source.
        LogNotEmpty: There is an incomplete copy of something else.
        DamagedLog: The source cannot be read as it was written, or the copy's root is another one.
        StorageError, ReadOnlyLog: The disk refused; the next call goes on where this one ended.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> target = tempfile.mkdtemp()
        >>> copy_log(log, target).root == open_log(target).head().root
        True
    """
    started = time.monotonic()
    check_target(source, target)
    head = source.head()
    with restoring(target, registry=source.registry, origin=source.origin) as restoration:
        done = restoration.head()
        if done.position > head.position or (done.position and root_at(source, done.position) != done.root):
            raise LogNotEmpty(
                restoration.place,
                done.position,
                "it is the unfinished copy of another log; remove it, or copy elsewhere",
            )
        columns = [*ENVELOPE, *source.registry.columns]
        batches = source.read(after=done.position, to=head.position, columns=columns, as_recorded=True)
        for table in _commits(_shown(batches, head.position, done.position) if progress else batches):
            restoration.append(table)
        restoration.finish(head.root)
    return Copied(head.position, head.root, done.position, time.monotonic() - started)


def _commits(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches put together until a commit is full."""
    import pyarrow as pa

    gathered: list[pa.RecordBatch] = []
    for batch in batches:
        gathered.append(batch)
        if sum(one.num_rows for one in gathered) >= _COMMIT:
            yield pa.Table.from_batches(gathered)
            gathered = []
    if gathered:
        yield pa.Table.from_batches(gathered)


def _shown(batches: Iterator[pa.RecordBatch], events: int, done: int) -> Iterator[pa.RecordBatch]:
    from tqdm.auto import tqdm

    with tqdm(total=events, initial=done, unit=" events", unit_scale=True, desc="copying") as bar:
        for batch in batches:
            yield batch
            bar.update(batch.num_rows)
