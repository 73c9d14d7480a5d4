"""What a log is, whatever it is stored in: for everybody who writes against one, and for whoever builds another.

`orders_es.testing.LogContract` holds an implementation to every promise made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from orders_es.errors import ReadOnlyLog

if TYPE_CHECKING:
    import threading
    import uuid
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa

    from orders_es.log.event import Appended, Head, LogFile, NewEvent, RecordedEvent, StreamAppend
    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.maintenance import Compacted, Reshredded, Vacuumed
    from orders_es.log.registry import EventRegistry
    from orders_es.log.survey import Survey

__all__ = [
    "CanErase",
    "EventLog",
    "HasDerivedFolder",
    "HasFiles",
    "HasUpcastCopies",
    "NeedsUpkeep",
    "check_writable",
    "derived_folder",
]


@runtime_checkable
class EventLog(Protocol):
    """An append-only log of events with version checks.

    Promises: positions run 1, 2, 3 … without gaps in commit order, and so do versions within a stream; `recorded_at`
    never decreases with position; an append is there whole or not at all, and durable once it has returned; any number
    of processes may read while any number append, as far as the backend says so.
    """

    @property
    def url(self) -> str:
        """What `open_log` was called with to get here."""
        ...

    @property
    def log_id(self) -> uuid.UUID:
        """The log's identity, given at its creation."""
        ...

    @property
    def origin(self) -> str:
        """The log's name, given at its creation."""
        ...

    @property
    def registry(self) -> EventRegistry:
        """The event types that this program knows."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether the log was opened to be read: this object writes nothing to it, and nobody should beside it."""
        ...

    @property
    def many_processes(self) -> bool:
        """Whether other processes can open the log while this one has it open."""
        ...

    @property
    def may_have_entered(self) -> bool:
        """Whether some event may have an `entered_at`: where none has, what is known later is recorded later."""
        ...

    def append(self, stream_id: str, events: Sequence[Any], *, expected: ExpectedVersion) -> Appended:
        """Append events to one stream, if it is at the expected version.

        Args:
            stream_id: The stream; any non-empty text of at most 1,024 bytes.
            events: `NewEvent`s, or instances of registered dataclasses (which then occur now); at least one.
            expected: The version the stream must be at: a number, `NO_STREAM`, `STREAM_EXISTS` or `ANY`.

        Returns:
            Where they are. If every event has an `event_id` of the caller's that is recorded already at the very place
            this append would have put it, nothing is written and the first result is returned, marked `duplicate`.

        Raises:
            VersionConflict: The stream is at another version.
            DuplicateEvent: An id is twice in this append; or, with `ANY` or `STREAM_EXISTS`, some of the ids are in the
                stream already, but not as a retry would have them.
            InvalidEvent: A value cannot be recorded exactly.
            UnknownEventType: An event's class is not registered.
            NaiveTime: An `occurred_at` has no time zone.
            ReadOnlyLog: The log cannot be written here, or was opened to be read.
            StorageError: The disk refused.
            LogBusy: Others committed first, again and again.
        """
        ...

    def append_batch(self, batch: Sequence[StreamAppend]) -> Appended:
        """Append to many streams in one commit: all of it or, on any error, nothing. Raises as `append` does."""
        ...

    def append_table(self, table: Any, *, expected: ExpectedVersion | Mapping[str, ExpectedVersion] = ...) -> Appended:
        """Append a table of events in one commit: all of it or nothing. For bulk loads.

        Args:
            table: Anything with `__arrow_c_stream__`, or a pandas DataFrame. Columns `stream_id`, `type`, `occurred_at`
                (with time zone); optional `entered_at` (with time zone), `event_id` (UUIDs), `actor`, `correlation_id`, `causation_id`,
                `schema_version`; and either `payload` (JSON text) or a column for each payload field, from which the
                payload is written. Row order is log order.
            expected: What every stream of the table must be at, or a mapping from each stream to what it must be at;
                `NO_STREAM` if left out. Versions are cheaper to check than `ANY`, which has to look for retries.
        """
        ...

    def load(self, stream_id: str, *, after_version: int = 0, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events in version order; an empty list if there is no such stream.

        Args:
            after_version: Leave out events up to and including this version.
            to_version: Leave out events after this version.
        """
        ...

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream."""
        ...

    def stream_ids(self, *, prefix: str = "", limit: int | None = None) -> list[str]:
        """The ids of the streams, sorted; those that begin with `prefix`, at most `limit`."""
        ...

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams, without a look at the others."""
        ...

    def read(
        self,
        *,
        after: int = 0,
        to: int | None = None,
        batch_size: int = 65_536,
        columns: Sequence[str] | None = None,
        as_recorded: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, as Arrow batches, up to its head at the time of the call.

        The envelope and the payload are as recorded. The shredded columns have what `load` gives as `data`: today's values, through upcasters,
        and defaults where the payload lacks a field; null in retired events and in those whose payload does not fit its type.

        Args:
            after: Begin with the event after this position.
            to: End with this position.
            batch_size: At most so many events a batch.
            columns: Only these columns; the envelope, the payload and the registry's shredded columns if left out. `current_type` is what the
                type is called today, null where the event is retired.
            as_recorded: Give in shredded columns what payloads of today's version say and nothing else: null where a field is not in the
                payload, and in events of old versions.
        """
        ...

    def subscribe(
        self,
        *,
        after: int = 0,
        batch_size: int = 65_536,
        poll_interval: float = 0.02,
        stop: threading.Event | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, then every new commit as any process makes it, until stopped.

        Args:
            after: Begin with the event after this position.
            batch_size: At most so many events a batch.
            poll_interval: Seconds between two looks for a new commit.
            stop: Set it, from any thread or signal handler, and the iteration ends after the batch at hand.
            columns: As in `read`; shredded ones have today's values.
        """
        ...

    def bind(self, connection: Any, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection; what was bound under that name is replaced.

        The view has the envelope, the payload and every shredded column of the registry, each of its type; it ends at the
        log's head as of this call, and later commits are not in it. It holds as long as the log's files stay: after a
        vacuum, bind again.

        Args:
            name: The view's name in the connection's current schema.

        Returns:
            The head up to which the view goes.
        """
        ...

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types that the log holds, each with its schema version, known to the registry or not."""
        ...

    def head(self) -> Head:
        """The end of the log now: its last position, when that was recorded, and the tree's root."""
        ...

    def survey(self) -> Survey:
        """The log as it lies on disk now, for whoever verifies it: read without believing it, damage and all."""
        ...

    def close(self) -> None:
        """Let go of what is held open. The log itself has nothing to close."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class HasFiles(Protocol):
    """A log that is a set of data files. Ask with `isinstance(log, HasFiles)`."""

    def files(self) -> list[LogFile]:
        """The data files that make up the log now, in order, without gaps; an empty list where there are none."""
        ...

    def heads(self) -> Iterator[Head]:
        """What the log states of itself on disk: the head after each of its data files, in order; at least the last one.

        Nothing for an empty log.
        """
        ...

    def unsorted_events(self) -> int:
        """How many events lie where loading one stream has to scan for them; `compact` may change that."""
        ...


@runtime_checkable
class NeedsUpkeep(Protocol):
    """A log that is to be tidied from time to time. Ask with `isinstance(log, NeedsUpkeep)`."""

    def compact(self) -> Compacted:
        """Merge runs of small files into larger ones, under the feet of readers and writers. No event changes."""
        ...

    def vacuum(self, *, grace: timedelta = ...) -> Vacuumed:
        """Remove files that compaction has superseded for at least the grace period, and leftovers of dead writers."""
        ...


@runtime_checkable
class HasUpcastCopies(Protocol):
    """A log whose events of old versions SQL reads from copies. Ask with `isinstance(log, HasUpcastCopies)`."""

    def reshred(self) -> Iterator[Reshredded]:
        """Make the copies that are not there yet, one after the other; each that is yielded is done for good."""
        ...

    @property
    def stale_copies(self) -> list[Path]:
        """The folders of copies that were made for other registries, and that this program has no use for."""
        ...

    @property
    def passing_copies(self) -> Path | None:
        """A folder of this process for copies that find no place beside the log, there only once it is needed; None where sessions read no files."""
        ...


@runtime_checkable
class CanErase(Protocol):
    """A log from which personal data can be removed for good. Ask with `isinstance(log, CanErase)`; `audit.erase` is the way to it."""

    def erase_personal(
        self,
        stream_id: str,
        event: NewEvent,
        *,
        expected: ExpectedVersion,
        positions: Sequence[int],
        streams: Sequence[str],
    ) -> Appended:
        """Record an erasure, and erase the personal data of some events: both or neither. No leaf changes.

        Args:
            stream_id: Where it is recorded.
            event: What records it, with an event id.
            expected: What that stream has to be at.
            positions: The events.
            streams: Their streams.
        """
        ...

    def finish_erasing(self) -> None:
        """Go on with what was recorded as erased and not carried through, by one who died or was in somebody's way.

        Raises:
            ErasureUnfinished: Somebody is in the way again.
        """
        ...


@runtime_checkable
class HasDerivedFolder(Protocol):
    """A log beside which there may be a folder for what can be made again. Ask with `derived_folder`."""

    @property
    def derived(self) -> Path | None:
        """A folder beside the log for what can be made again from it, and deleted at any time; it need not exist yet.

        None where there is no such place, as for a log in memory.
        """
        ...


def derived_folder(log: EventLog) -> Path | None:
    """Where what can be made again from a log may lie; None where there is no such place.

    Args:
        log: The log; of another kind than those that have such a folder, it has none.
    """
    # As `isinstance(log, HasDerivedFolder)` says it, without the 20 µs that a protocol takes to ask, for `handle` asks each time.
    derived: Path | None = getattr(log, "derived", None)
    return derived


def check_writable(log: EventLog) -> None:
    """Make sure that something may be written beside a log; whoever keeps files there asks first.

    Raises:
        ReadOnlyLog: It was opened to be read.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> place = tempfile.mkdtemp()
        >>> open_log(place, create=True).close()
        >>> check_writable(open_log(place))
        >>> check_writable(open_log(place, read_only=True))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        orders_es.errors.logs.ReadOnlyLog: cannot write to ...: it was opened with read_only=True; nothing was written. ...
    """
    if log.read_only:
        raise ReadOnlyLog(log.url, "it was opened with read_only=True")
