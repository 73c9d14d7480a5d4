"""`open_log`: from a URL to a log, whatever it is stored in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting, WrongType
from orders_es.log.backends import backend_of
from orders_es.log.personal import mark_by_environment
from orders_es.log.registry import EventRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orders_es.log.protocol import EventLog
    from orders_es.log.survey import Survey

__all__ = ["open_log", "order_registry", "survey_of"]


def order_registry() -> EventRegistry:
    """A fresh registry with the event types of the order domain and the upcasters of their earlier versions; register your own beside them.

    Example:
        >>> order_registry()["OrderPlaced"].schema_version
        1
    """
    from orders_es.orders import EVENT_TYPES, UPCASTERS

    return mark_by_environment(EventRegistry(EVENT_TYPES, UPCASTERS))


def open_log(
    url: str | os.PathLike[str],
    *,
    create: bool = False,
    registry: EventRegistry | None = None,
    clock: Callable[[], datetime] | None = None,
    origin: str | None = None,
    read_only: bool = False,
) -> EventLog:
    """The log at a place.

    Args:
        url: A folder; a name that ends in `.duckdb`, for a log of one process in one file; `:memory:`, for one in memory;
            `postgresql://host/database?schema=NAME`, for one on a server; or the URL of a backend that a package offers.
        create: Create the log if there is none yet; without it, a mistyped name is an error and not an empty log.
        registry: The event types that this program knows; those of the order domain if left out.
        clock: Gives the current time, with time zone, for `recorded_at`; the system's clock if left out. For simulations.
        origin: The log's name, if it is created now; the folder's or file's name if left out.
        read_only: Open it to be read: whatever would write to it or beside it (appends, compaction, vacuum, copies, snapshots,
            checkpoints, closes) is refused. Needs no permission to write. For auditors, and for whoever only asks.

    Raises:
        NotALog: There is no log there and `create` is False, or the folder or file holds other things.
        DamagedLog: There is one, and files of it are missing or unreadable.
        LogInUse: It is one file, and another process holds it.
        LogUnavailable: Its server does not answer, or does not let this user in.
        InvalidSetting: The URL has a scheme that nobody offers, or a log that would be created is to be read only.

    Example:
        >>> import tempfile
        >>> with open_log(tempfile.mkdtemp(), create=True) as log:
        ...     log.head().position
        0
    """
    if create and read_only:
        raise InvalidSetting("read_only", value=True, reason="creating a log is writing; leave out one of the two")
    known = order_registry() if registry is None else registry
    if not isinstance(url, str | os.PathLike):
        raise WrongType(f"url={url!r} is {type(url).__name__}; give where the log is, such as 'shop', or ':memory:'")
    place = os.fspath(url)
    return backend_of(place).open(place, create=create, registry=known, clock=clock, origin=origin, read_only=read_only)


def survey_of(url: str | os.PathLike[str], registry: EventRegistry | None = None) -> Survey:
    """A log as it lies on disk, read without believing it: also one that is too damaged to be opened.

    Args:
        url: As for `open_log`.
        registry: As for `open_log`.

    Raises:
        NotALog: There is no log there.
        DamagedLog: It is one file, and nothing of it can be read.

    Example:
        >>> import tempfile
        >>> place = tempfile.mkdtemp()
        >>> open_log(place, create=True).close()
        >>> survey_of(place).found()
        []
    """
    known = order_registry() if registry is None else registry
    place = os.fspath(url)
    return backend_of(place).survey(place, known)
