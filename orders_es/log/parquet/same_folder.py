"""Whether the folder at a log's path is still the one that a handle knows, told by what the file system says of it.

A folder can be put back from a backup, exchanged behind a symbolic link, or lose its last commit, while a handle is open. A
handle that goes on then would acknowledge commits that nobody else ever sees. So whoever looks or commits compares three
marks first, for some microseconds: `log.json`, the folder `commits`, and the last file that it knows. Where a mark differs,
the files themselves are asked (`KnownChain`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from orders_es.log.event import LogFile

__all__ = ["Mark", "Standing", "mark_of"]

Mark: TypeAlias = tuple[int, int, int, int]
"""What tells a file from any other one that takes its name: device, inode, size and time of change."""

_PINNED_EVENTS = 1024


def mark_of(status: os.stat_result) -> Mark:
    """A file's mark."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Standing:
    """The marks of one log, as of the last time that they were found good.

    Args:
        identity: The path of `log.json`.
        commits: The path of the folder `commits`.
    """

    def __init__(self, identity: str, commits: str) -> None:
        self._paths = identity, commits
        self._identity: Mark | None = None
        self._commits: tuple[int, int] | None = None
        self._last: tuple[str, Mark] | None = None
        self._sure = False
        self._pin = -1

    def settle(self) -> None:
        """Take `log.json` and the folder as they are now for those of the log; where one is missing, no mark holds."""
        identity, commits = self._paths
        self._identity = self._commits = None
        with suppress(OSError):
            self._identity = mark_of(os.stat(identity))
            status = os.stat(commits)
            self._commits = status.st_dev, status.st_ino

    def doubt(self) -> None:
        """Know nothing of the last file until it is noted."""
        self._sure = False

    def note(self, last: LogFile | None, mark: Mark | None = None, descriptor: int = -1) -> None:
        """Take a file for the last one of the log.

        Args:
            last: The file; None where the log is empty.
            mark: Its mark from before it was read.
            descriptor: The file, open; it is closed in time.
        """
        if self._pin >= 0:
            os.close(self._pin)
            self._pin = -1
        self._sure = last is None
        self._last = None
        if last is None:
            return
        try:
            # While a file is open, no other one can get its inode, even if it is removed: then its mark tells for sure.
            if descriptor < 0 and last.count < _PINNED_EVENTS:
                descriptor = os.open(last.path, os.O_RDONLY | os.O_NONBLOCK)
            found = mark_of(os.stat(last.path) if descriptor < 0 else os.fstat(descriptor))
        except OSError:  # gone, or no descriptors left: in doubt, then
            return
        finally:
            self._pin = descriptor
        self._last = last.path, found
        self._sure = mark is None or mark == found

    def holds(self, directory: int = -1) -> bool:
        """Whether every mark is as it was.

        Args:
            directory: The folder `commits`, open, as it must be at its path still.
        """
        identity, commits = self._paths
        try:
            status = os.stat(commits)
            if not self._sure or (status.st_dev, status.st_ino) != self._commits:
                return False
            if directory >= 0 and not os.path.samestat(status, os.fstat(directory)):
                return False
            if mark_of(os.stat(identity)) != self._identity:
                return False
            return self._last is None or mark_of(os.stat(self._last[0])) == self._last[1]
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the last file; its mark stays."""
        if self._pin >= 0:
            os.close(self._pin)
        self._pin = -1

    def __del__(self) -> None:
        self.close()
