"""What runs were asked for, noted before they begin: what a run that was killed leaves undone is known to the next one.

Each run has a file beside the runner files, which it holds locked while it lives and removes once every projection that it
was asked for has been caught up. A file that nobody holds is what a run left that ended otherwise.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from orders_es.errors import CannotWriteReadModels
from orders_es.files import write_whole
from orders_es.projections.file.runner_file import runners_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["finish", "requested", "unfinished"]

_PATTERN = "*.asked"


@contextmanager
def requested(models: Path, names: Sequence[str]) -> Iterator[Callable[[Iterable[str]], None]]:
    """A block in which projections are worked on that somebody asked for; gives a function that is told which are done.

    Args:
        models: The read-model file.
        names: The projections.

    Raises:
        CannotWriteReadModels: It cannot be noted.
    """
    if not names:
        yield lambda _done: None
        return
    folder = runners_folder(models)
    path = folder / _PATTERN.replace("*", uuid.uuid4().hex)
    new = path.with_suffix(".new")
    left, size = list(names), len(_text(names))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.pwrite(fd, _text(names), 0)
        new.rename(path)  # whoever sees it sees it locked and whole
    except OSError as error:
        raise CannotWriteReadModels(str(path), error.strerror or str(error)) from error
    finish(models, names)  # what earlier runs left of these is this one's now

    def done(finished: Iterable[str]) -> None:
        gone = set(finished)
        left[:] = [name for name in left if name not in gone]
        with suppress(OSError):  # then they are asked for once more, which finds them done
            os.pwrite(fd, _text(left).ljust(size), 0)

    try:
        yield done
    finally:
        if not left:
            path.unlink(missing_ok=True)
        os.close(fd)


def unfinished(models: Path) -> list[str]:
    """The projections that runs were asked for which ended before these were done, in the order in which they were named.

    Args:
        models: The read-model file.
    """
    names: dict[str, None] = {}
    for _, left in _abandoned(models):
        names |= dict.fromkeys(left)
    return list(names)


def finish(models: Path, done: Iterable[str]) -> None:
    """Note that projections are done, or given up, which runs were asked for that have ended.

    Args:
        models: The read-model file.
        done: The projections.
    """
    gone = set(done)
    for path, left in _abandoned(models):
        still = [name for name in left if name not in gone]
        with suppress(OSError):  # another run has just done the same
            if not still:
                path.unlink(missing_ok=True)
            elif still != left:
                write_whole(path, _text(still), durable=False, follow_links=False)


def _abandoned(models: Path) -> Iterator[tuple[Path, list[str]]]:
    """The files that no run holds, oldest first, and the projections that each names."""
    found = []
    for path in runners_folder(models).glob(_PATTERN):
        with suppress(OSError):
            found.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(found):
        with suppress(OSError, ValueError):  # it is gone by now, or its run died before it had written a word
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                asked = json.loads(os.pread(fd, 1 << 20, 0))["asked"]
            finally:
                os.close(fd)
            yield path, [str(name) for name in asked]


def _text(names: Iterable[str]) -> bytes:
    return json.dumps({"asked": list(names)}).encode()
