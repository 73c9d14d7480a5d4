"""What somebody who looks after a log should know of: giant streams, small files, missing copies. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from orders_es.errors.calls import check_count
from orders_es.log.clock import ahead, in_words
from orders_es.log.log_argument import check_log
from orders_es.log.protocol import HasFiles, derived_folder
from orders_es.replay.snapshots import EVERY, Snapshots

if TYPE_CHECKING:
    from orders_es.log import EventLog

__all__ = ["GIANT", "Advice", "examine", "long_streams"]

GIANT = 1_000
"""An order of so many events is worth a look, unless told otherwise; most have some ten."""
_SMALL_FILES = 200
_SMALL_FILE = 1_024
_NAMED_MOST = 20


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do about a log.

    Args:
        about: The stream, or the part of the log.
        what: What was found.
        next: What to do.
        events: How many events it concerns, where that can be said.
    """

    about: str
    what: str
    next: str
    events: int | None = None


def examine(log: EventLog, *, giant: int = GIANT) -> list[Advice]:
    """What should be done about a log, the most urgent first; an empty list if nothing.

    Args:
        giant: A stream of so many events or more is a giant: each command and each load has to fold them all.

    Raises:
        InvalidSetting: `giant` is below 2.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderPlaced()] * 30, expected=NO_STREAM)
        >>> [(advice.about, advice.events) for advice in examine(log, giant=25)]
        [('A-1', 30)]
    """
    check_log(log)
    check_count("giant", giant, least=2)  # every stream has an event
    return [*_clock(log), *_giants(log, giant), *_files(log), *_stale_snapshots(log)]


def _clock(log: EventLog) -> list[Advice]:
    by = ahead(log.head())
    if by is None:
        return []
    return [
        Advice(
            "record clock",
            f"{in_words(by)} ahead of this machine's: recorded_at stands still until it has caught up",
            "set the clocks of the machines that append, and wait; when events occurred is not concerned",
        )
    ]


def _giants(log: EventLog, giant: int) -> list[Advice]:
    lengths = long_streams(log, giant)
    snapshots = Snapshots(log)
    advice = []
    for stream_id, events in sorted(lengths.items(), key=lambda item: (-item[1], item[0]))[:_NAMED_MOST]:
        newest = snapshots.newest_version(stream_id)
        if derived_folder(log) is None:
            what, then = "for snapshots of which this log has no place", "split it, if orders like it go on growing"
        elif newest is None:
            what, then = "no snapshot", f"orders-es snapshots take {quote(stream_id)}"
        elif events - newest >= 2 * EVERY:
            what, then = f"its newest snapshot is of version {newest:,}", f"orders-es snapshots take {quote(stream_id)}"
        else:
            what, then = f"a snapshot of version {newest:,}", "split it, if orders like it go on growing"
        advice.append(Advice(stream_id, f"a giant stream of {events:,} events, {what}", then, events))
    more = len(lengths) - len(advice)
    if more > 0:
        advice.append(Advice("streams", f"{more:,} more giant streams", "ask with a higher --giant for the largest"))
    return advice


def long_streams(log: EventLog, events: int) -> dict[str, int]:
    """The streams of so many events or more, with their number of events. Reads two columns of the whole log."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths: dict[str, int] = {}
    # A version that high gives a long stream away, so all other rows are passed over in Arrow.
    for batch in log.read(columns=["stream_id", "version"]):
        table = pa.Table.from_batches([batch])
        late = table.filter(pc.greater_equal(table.column("version"), events))
        for stream_id, version in zip(*(c.to_pylist() for c in late.columns), strict=True):
            lengths[stream_id] = max(version, lengths.get(stream_id, 0))
    return lengths


def _files(log: EventLog) -> list[Advice]:
    if not isinstance(log, HasFiles):
        return []
    files = log.files()
    advice = []
    small = [file for file in files if file.kind == "commit" and file.count < _SMALL_FILE]
    if len(small) > _SMALL_FILES:
        events = sum(file.count for file in small)
        advice.append(
            Advice("commits", f"{len(small):,} small files slow down every scan", "orders-es compact", events)
        )
    unsorted = log.unsorted_events()
    if unsorted:
        what = f"{unsorted:,} events lie in large files without a copy sorted by order, so loading one order scans them"
        advice.append(Advice("derived", what, "orders-es compact", unsorted))
    return advice


def _stale_snapshots(log: EventLog) -> list[Advice]:
    snapshots = Snapshots(log)
    stale = sum(map(snapshots.stale, snapshots.files()))
    if not stale:
        return []
    what = f"{stale:,} made by another version of the rules than this program's; unless that one still runs, they are in the way"
    return [Advice("snapshots", what, "orders-es snapshots drop")]
