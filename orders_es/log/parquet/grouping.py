"""Appends of several threads of one process as one commit, so that they share its two fsyncs.

Whoever's turn it is takes along what others wait with; while it waits for the disk, more come to wait. Nobody waits for company, so
a thread alone is as fast as without. See docs/decisions/0054.
"""

from __future__ import annotations

import copy
import os
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from orders_es.errors import (
    DuplicateEvent,
    LogBusy,
    ReadOnlyLog,
    StorageError,
    UnconfirmedWrite,
    VersionConflict,
)
from orders_es.log.batch import RowBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orders_es.log.batch import Part, PendingRow
    from orders_es.log.event import Appended

__all__ = ["ROWS_MOST", "GroupCommit"]

_NOTHING_IN_PLACE = (VersionConflict, DuplicateEvent, ReadOnlyLog, StorageError, LogBusy)
ROWS_MOST = 64
"""Up to so many events a commit is encoded row by row; from there on pyarrow is faster."""


class _Request:
    """An append that waits, and what came of it.

    Args:
        rows: What is to be appended. It has no event ids of the caller's: a retry would have to be looked for.
    """

    def __init__(self, rows: RowBatch) -> None:
        self.rows = rows
        self.streams = {part.stream_id for part in rows.parts}
        self.appended: Appended | None = None
        self.error: BaseException | None = None
        self.alone = False
        self.left = False

    def settled(self) -> bool:
        return self.appended is not None or self.error is not None or self.alone


class GroupCommit:
    """The appends that wait for their turn in one process.

    Args:
        folder: Where commits are, for errors.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._waiting: deque[_Request] = deque()

    def append(self, rows: RowBatch, commit: Callable[[RowBatch], Appended]) -> Appended:
        """What came of appending these rows, in a commit of their own or in one with those of other threads.

        Each stream's expected version is checked within that commit. Raises as an append alone does.

        Args:
            commit: Appends a batch in one commit, all or nothing.
        """
        if self._pid != os.getpid():  # a fork has the locks and the list of its parent, and none of its threads
            self._begin()
        request = _Request(rows)
        self._waiting.append(request)
        try:
            with self._turn:
                if not request.settled():
                    self._lead(request, commit)
        except BaseException:
            request.left = True  # whoever comes next must not append what somebody gave up
            raise
        if request.alone:
            return commit(rows)
        if request.error is not None:
            raise request.error
        assert request.appended is not None
        return request.appended

    def _lead(self, request: _Request, commit: Callable[[RowBatch], Appended]) -> None:
        group = self._take(request)
        if len(group) == 1:
            request.appended = commit(request.rows)
            return
        merged = _merged([each.rows for each in group])
        try:
            appended = commit(merged)
        except BaseException as error:
            if isinstance(error, _NOTHING_IN_PLACE) and not isinstance(error, UnconfirmedWrite):
                for each in group:  # each for itself: it may be about one of them alone
                    each.alone = True
                return
            others = error
            if not isinstance(error, Exception):
                others = UnconfirmedWrite(self._folder, "the thread that wrote it was interrupted")
            for each in group:
                each.error = copy.copy(others)  # each thread raises one of its own
            raise
        else:
            _share(group, merged, appended)

    def _take(self, request: _Request) -> list[_Request]:
        """The append whose turn it is, and with it those that wait, as far as no two are about one stream."""
        group, streams, count, later = [request], set(request.streams), request.rows.count, []
        while self._waiting:
            each = self._waiting.popleft()
            if each is request or each.left:
                continue
            if streams.isdisjoint(each.streams) and count + each.rows.count <= ROWS_MOST:
                group.append(each)
                streams |= each.streams
                count += each.rows.count
            else:
                later.append(each)
        self._waiting.extendleft(reversed(later))
        return group


def _merged(batches: Sequence[RowBatch]) -> RowBatch:
    parts: list[Part] = []
    rows: list[PendingRow] = []
    for batch in batches:
        rows += [replace(row, part=row.part + len(parts)) for row in batch.rows]
        parts += batch.parts
    return RowBatch(parts, rows, retryable=False)


def _share(group: Sequence[_Request], merged: RowBatch, appended: Appended) -> None:
    """Give each of a group its part of what came of the commit."""
    first = appended.first_position
    for each in group:
        last = first + each.rows.count - 1
        each.rows.happened_as(merged)
        each.appended = replace(
            appended,
            first_position=first,
            last_position=last,
            count=each.rows.count,
            versions={stream_id: appended.versions[stream_id] for stream_id in each.streams},
        )
        first = last + 1
