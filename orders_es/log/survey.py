"""A log as it lies on disk, for whoever verifies it: read without believing it, and without stopping at the first damage."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from orders_es.errors import InvalidEvent, LogError
from orders_es.log.event import Head, from_micros
from orders_es.log.merkle import EMPTY_RANGE

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import pyarrow as pa

    from orders_es.log.core import LogCore
    from orders_es.log.merkle import CompactRange

    Wanted: TypeAlias = Callable[[int, int], bool]

__all__ = [
    "CommitsSurvey",
    "Finding",
    "Stated",
    "Stretch",
    "Survey",
    "WholeSurvey",
    "everything",
    "nothing",
    "paged_stretches",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Args:
        where: The file, with positions where they are known.
        what: What is wrong with it, and what to do.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What the log says of a stretch of itself.

    Args:
        first: Position of its first event.
        last: Position of its last event.
        recorded_at: Microseconds: when its last event was recorded.
        tree: Compact range of the whole tree up to its last event.
        commit_id: Identity of its last commit.
        range: Compact range of its leaves; None where it is not stated.
        streams: Each stream of it and its version after it; None where it is not stated.
    """

    first: int
    last: int
    recorded_at: int
    tree: CompactRange
    commit_id: uuid.UUID
    range: CompactRange | None = None
    streams: Mapping[str, int] | None = None


@dataclass(slots=True)
class Stretch:
    """Events that lie together: a data file, or a commit in a table.

    Args:
        where: What it is called in a report.
        first: Position of its first event.
        last: Position of its last event, as far as that can be told.
        read: Gives its events, as many as can be read, with all columns that they have.
        stated: What is said of it; None where that cannot be read.
        found: What is wrong with it; grows while it is read.
        protected: Whether it has digests, so that a changed byte is noticed before anything is answered from it.
        nulls: The event types whose payloads views read where a typed column is null, so that a null hides nothing.
        left_out: Whether it was not to be read, so that it gives no events.
    """

    where: str
    first: int
    last: int
    read: Callable[[], Iterator[pa.RecordBatch]]
    stated: Stated | None
    found: list[Finding] = field(default_factory=list)
    protected: bool = True
    nulls: frozenset[str] = frozenset()
    left_out: bool = False


def everything(_first: int, _last: int) -> bool:
    """Every stretch is to be read."""
    return True


def nothing() -> Iterator[pa.RecordBatch]:
    """No events: of a stretch that is not to be read."""
    return iter(())


def paged_stretches(
    commits: Iterable[Stated],
    page_from: Callable[[int], pa.Table],
    wanted: Wanted,
    *,
    protected: bool = True,
    nulls: frozenset[str] = frozenset(),
) -> Iterator[Stretch]:
    """The commits of a log that lies in a table, in order of position; the table is read in pages, each once.

    Args:
        commits: What the log says of each commit, in order.
        page_from: Gives the events from a position on, as many as one query gives, in order.
        wanted: Which of them are to be read.
        protected: As a `Stretch` has it.
        nulls: As a `Stretch` has it.
    """
    import pyarrow as pa

    page: pa.Table | None = None
    for stated in commits:
        found: list[Finding] = []
        where = f"commit of positions {stated.first} to {stated.last}"
        if not wanted(stated.first, stated.last):
            yield Stretch(where, stated.first, stated.last, nothing, stated, found, protected, nulls, left_out=True)
            continue
        batches: list[pa.RecordBatch] = []
        at = stated.first
        while at <= stated.last:
            if page is None or not page.num_rows or page.column("position")[-1].as_py() < at:
                try:
                    page = page_from(at)
                except LogError as error:
                    found.append(Finding(where, str(error)))
                    page = None
                    break
            positions = page.column("position").to_numpy()
            part = page.filter(pa.array((positions >= at) & (positions <= stated.last)))
            batches += part.combine_chunks().to_batches()
            if not len(positions) or int(positions[-1]) >= stated.last:
                break
            at = int(positions[-1]) + 1
        yield Stretch(where, stated.first, stated.last, partial(iter, batches), stated, found, protected, nulls)


class Survey(Protocol):
    """A log's stretches, in order of position, and what else is wrong with it."""

    def head(self) -> Head:
        """The end of the log, as the last readable thing that states it has it."""
        ...

    def found(self) -> list[Finding]:
        """What is wrong beside the events: names, gaps, the log's own description."""
        ...

    def stretches(self, wanted: Wanted = everything) -> Iterator[Stretch]:
        """The stretches, in order of position.

        Args:
            wanted: Whether the one from a position to another is to be read; of the others, only what is said of them is given.
        """
        ...

    def copies(self) -> Iterator[Finding]:
        """What is wrong with what was derived from the data files and is answered from."""
        ...


class CommitsSurvey:
    """A log whose commits stand in a table, each with what it says of itself. See `Survey`.

    Args:
        kept: Gives the files that are not what the log's events give, and why.
    """

    _commits: Sequence[Stated]

    def __init__(self, kept: Callable[[], Iterator[tuple[str, str]]]) -> None:
        self._kept = kept
        self._found: list[Finding] = []

    def found(self) -> list[Finding]:
        """What is wrong beside the events."""
        return self._found

    def head(self) -> Head:
        """The end of the log as its last commit states it."""
        if not self._commits:
            return Head(0, None, EMPTY_RANGE.root())
        end = self._commits[-1]
        return Head(end.last, from_micros(end.recorded_at), end.tree.root())

    def copies(self) -> Iterator[Finding]:
        """What is wrong with what is kept of events as they are today."""
        try:
            for path, what in self._kept():
                yield Finding(path, f"{what}; remove it, and it is made anew")
        except (LogError, InvalidEvent):
            return  # what is wrong with the events themselves is found where these are looked at


class WholeSurvey:
    """A log of which nothing is known but what it gives: one stretch, with the head that it states. See `Survey`.

    Args:
        stated: What it says of itself as a whole.
    """

    def __init__(self, log: LogCore, stated: Stated | None) -> None:
        self._log = log
        self._head = log.head()
        self._stated = stated

    def head(self) -> Head:
        """The end of the log."""
        return self._head

    def found(self) -> list[Finding]:
        """Nothing beside the events."""
        return []

    def stretches(self, wanted: Wanted = everything) -> Iterator[Stretch]:
        """All events, as one."""
        if self._head.position:
            end = self._head.position
            if not wanted(1, end):
                yield Stretch(self._log.url, 1, end, nothing, self._stated, left_out=True)
                return
            yield Stretch(self._log.url, 1, end, lambda: self._log.read(to=end, as_recorded=True), self._stated)

    def copies(self) -> Iterator[Finding]:
        """Nothing was derived."""
        return iter(())
