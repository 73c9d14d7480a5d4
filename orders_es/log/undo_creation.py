"""Taking back a log to which nothing was ever appended, so that a failed or interrupted beginning leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.log.backends import elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["has_something", "remove_if_empty", "removed_if_empty"]


@contextmanager
def removed_if_empty(place: str | os.PathLike[str]) -> Iterator[None]:
    """A block that may make a log at a place; if it ends before there are events, nothing stays.

    Args:
        place: Where the log is made.
    """
    was_there = has_something(place)
    try:
        yield
    finally:
        if not was_there and has_something(place):
            remove_if_empty(place)


def remove_if_empty(place: str | os.PathLike[str]) -> None:
    """Remove a log that nothing was ever appended to.

    It is moved away first, so that a writer who came in meanwhile finds its place gone; if there are events after all, it
    comes back.

    Args:
        place: The log, closed.
    """
    backend = elsewhere(place)
    if backend is not None:
        backend.remove_if_empty(os.fspath(place))
        return
    place = Path(place)
    aside = place.with_name(f".{place.name}.{uuid.uuid4().hex}" + (".duckdb" if place.suffix == ".duckdb" else ""))
    try:
        place.rename(aside)
    except OSError:
        return  # gone, or not ours to move
    from orders_es.log.open import open_log  # which loads the backend of this kind of place

    with open_log(aside) as log:
        events = log.head().position
    if events:
        aside.rename(place)
    elif aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink()
        Path(f"{aside}.wal").unlink(missing_ok=True)


def has_something(place: str | os.PathLike[str]) -> bool:
    """Whether there is anything at a place but, perhaps, an empty folder; on a server, whether there is a log."""
    backend = elsewhere(place)
    if backend is not None:
        return backend.exists(os.fspath(place))
    place = Path(place)
    return place.is_symlink() or place.is_file() or (place.is_dir() and any(place.iterdir()))
