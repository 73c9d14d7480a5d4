"""Whether a place to write to is a log's own: what is written beside a log never lands in it. Read-only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import TargetInLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log.protocol import EventLog

__all__ = ["check_target", "places_of"]


def places_of(log: EventLog | str | os.PathLike[str]) -> list[Path]:
    """The files and folders that are a log's own and are there; none where it lies in no file system."""
    url = _url(log)
    own = [Path(url), Path(f"{url}.wal"), Path(f"{url}.derived")]
    return [place for place in own if place.exists()]


def check_target(log: EventLog | str | os.PathLike[str], path: str | os.PathLike[str], *, around: bool = False) -> None:
    """Refuse to write to a log's own folder or file, by whatever name it comes: the file system says what is the same.

    Args:
        log: The log, or where it is or will be.
        path: What would be written, there or not: a file, or a folder.
        around: Refuse a folder that holds the log as well, for what may empty a folder.

    Raises:
        TargetInLog: It is the log's own, in it, or a hard link to one of its files.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> check_target(log, tempfile.mkdtemp() + "/orders.parquet")
        >>> check_target(log, log.url + "/orders.parquet")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        orders_es.errors.logs.TargetInLog: '...orders.parquet' is in the log ...: nothing else is ever written there; ...
    """
    own = places_of(log)
    if not own:
        return
    target = _spelt(path)
    identities = {_identity(place) for place in own}
    # As its links lead, and as it reads: a link in the log that leads out of it is the log's as well.
    ways = {Path(os.path.realpath(target)), Path(os.path.abspath(target))}  # noqa: PTH100 - pathlib keeps `..`
    if any(_identity(place) in identities for way in ways for place in (way, *way.parents)):
        raise TargetInLog(os.fspath(path), _url(log))
    if around and any(_identity(parent) == _identity(Path(os.path.realpath(target))) for parent in _around(own)):
        raise TargetInLog(os.fspath(path), _url(log))
    if _links(target) > 1 and _identity(target) in {_identity(file) for place in own for file in _files(place)}:
        raise TargetInLog(os.fspath(path), _url(log))


def _url(log: EventLog | str | os.PathLike[str]) -> str:
    return os.fspath(log) if isinstance(log, str | os.PathLike) else log.url


def _spelt(path: str | os.PathLike[str]) -> Path:
    said = os.fspath(path)
    for prefix in ("file://localhost/", "file:///", "file:/"):
        if said.startswith(prefix):
            said = "/" + said.removeprefix(prefix)
    return Path(said).expanduser() if said.startswith("~") else Path(said)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _links(path: Path) -> int:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0
    return status.st_nlink if stat.S_ISREG(status.st_mode) else 0


def _around(own: list[Path]) -> Iterator[Path]:
    for place in own:
        yield from Path(os.path.realpath(place)).parents


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, _, names in os.walk(place):
        for name in names:
            yield Path(folder) / name
