"""Which backend a log's URL names: by its scheme, its ending, or a folder. For whoever adds one; docs/backends.md.

A package offers a backend as an entry point of `orders_es.log_backends`, named after the scheme of its URLs::

    [project.entry-points."orders_es.log_backends"]
    mystore = "my_package:BACKEND"

`open_log("mystore://…")` then works, in Python, in notebooks and on the command line.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from orders_es.log.protocol import EventLog
    from orders_es.log.registry import EventRegistry
    from orders_es.log.restoration import Restoration
    from orders_es.log.survey import Survey

__all__ = ["GROUP", "Backend", "TakesCopies", "backend_of", "elsewhere", "register_backend"]

GROUP = "orders_es.log_backends"
"""The entry-point group in which packages offer backends."""


class Backend(Protocol):
    """How logs of one kind are opened."""

    def open(
        self,
        url: str,
        *,
        create: bool,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None,
        origin: str | None,
        read_only: bool = False,
    ) -> EventLog:
        """The log at a place; see `open_log`."""
        ...

    def survey(self, url: str, registry: EventRegistry) -> Survey:
        """The log as it lies there, read without believing it, also where it is too damaged to be opened."""
        ...


@runtime_checkable
class TakesCopies(Protocol):
    """What a backend of logs that lie in no file system gives besides, so that logs there can be copies and imports can begin one."""

    def exists(self, url: str) -> bool:
        """Whether there is a log at a place, whole; an unfinished copy is none."""
        ...

    def remove_if_empty(self, url: str) -> None:
        """Remove a log that nothing was ever appended to."""
        ...

    def restoring(
        self, url: str, *, registry: EventRegistry, origin: str | None
    ) -> AbstractContextManager[Restoration]:
        """See `orders_es.log.restoring.restoring`."""
        ...


class _Folder:
    def open(
        self,
        url: str,
        *,
        create: bool,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None,
        origin: str | None,
        read_only: bool = False,
    ) -> EventLog:
        from orders_es.log.parquet import ParquetLog
        from orders_es.log.parquet.identity import create_identity

        if create:
            create_identity(str(Path(url).absolute()), origin)
        return ParquetLog(url, registry=registry, clock=clock, read_only=read_only)

    def survey(self, url: str, registry: EventRegistry) -> Survey:
        from orders_es.log.parquet.survey import FolderSurvey

        return FolderSurvey(str(Path(url).absolute()), registry)


class _DuckDB:
    def open(self, url: str, **options: Any) -> EventLog:
        from orders_es.log.duckdb import DuckDBLog

        return DuckDBLog(url, **options)

    def survey(self, url: str, registry: EventRegistry) -> Survey:
        return self.open(url, registry=registry).survey()


class _Memory:
    def open(
        self,
        url: str,
        *,
        create: bool = True,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        origin: str | None = None,
        read_only: bool = False,
    ) -> EventLog:
        from orders_es.log.core import nothing_to_read
        from orders_es.log.memory import MemoryLog

        if read_only:
            raise nothing_to_read()

        del create  # each one is new
        return MemoryLog(url, registry=registry, clock=clock, origin=origin)

    def survey(self, url: str, registry: EventRegistry) -> Survey:
        return self.open(url, registry=registry).survey()


class _Postgres:
    def open(self, url: str, **options: Any) -> EventLog:
        try:
            import psycopg  # noqa: F401 - before anything else, so that what is missing is said
        except ImportError as error:
            raise ImportError(
                f"a log in PostgreSQL needs psycopg: pip install 'orders_es[postgres]' ({error})"
            ) from error
        from orders_es.log.postgres import PostgresLog

        return PostgresLog(url, **options)

    def survey(self, url: str, registry: EventRegistry) -> Survey:
        return self.open(url, registry=registry).survey()

    def exists(self, url: str) -> bool:
        from orders_es.log.postgres.restoring import exists

        return exists(url)

    def remove_if_empty(self, url: str) -> None:
        from orders_es.log.postgres.restoring import remove_if_empty

        remove_if_empty(url)

    def restoring(
        self, url: str, *, registry: EventRegistry, origin: str | None
    ) -> AbstractContextManager[Restoration]:
        from orders_es.log.postgres.restoring import restoring

        return restoring(url, registry=registry, origin=origin)


_registered: dict[str, Backend] = {
    "memory": _Memory(),
    "duckdb": _DuckDB(),
    "postgresql": _Postgres(),
    "postgres": _Postgres(),
}


def register_backend(scheme: str, backend: Backend) -> None:
    """Let `open_log` open URLs of a scheme with a backend, in this process. Packages offer theirs as entry points instead.

    Args:
        scheme: What stands before `://`, in small letters.

    Raises:
        InvalidSetting: The scheme is taken, or no scheme.

    Example:
        >>> register_backend("memory", None)
        Traceback (most recent call last):
        ...
        orders_es.errors.calls.InvalidSetting: scheme='memory': there is a backend for it already
    """
    if not scheme.isidentifier() or scheme != scheme.lower():
        raise InvalidSetting("scheme", scheme, "give small letters, digits and _, beginning with a letter")
    if scheme in _registered:
        raise InvalidSetting("scheme", scheme, "there is a backend for it already")
    _registered[scheme] = backend


def backend_of(url: str) -> Backend:
    """The backend that a URL names: by its scheme; a file that ends in `.duckdb`, or `:memory:`; else a folder.

    Args:
        url: The URL, or path.

    Raises:
        InvalidSetting: It has a scheme that nobody offers.
    """
    if url == "memory:":
        return _registered["memory"]
    if url == ":memory:" or (url.endswith(".duckdb") and not os.path.isdir(url)):  # noqa: PTH112 - as it was given
        return _registered["duckdb"]
    scheme, found, _ = url.partition("://")
    if not found or not scheme.isidentifier():
        return _Folder()
    if scheme in _registered:
        return _registered[scheme]
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if scheme in offered:
        backend: Backend = offered[scheme].load()
        _registered[scheme] = backend
        return backend
    known = ", ".join(f"{name}://" for name in sorted({*_registered, *offered} - {"duckdb", "memory"}))
    raise InvalidSetting(
        "url",
        url,
        f"no installed package opens {scheme}:// logs{f' (known: {known})' if known else ''}; give a folder, or a file that "
        "ends in .duckdb",
    )


def elsewhere(place: str | os.PathLike[str]) -> TakesCopies | None:
    """The backend of a log that lies in no file system; None where its place is a path.

    Args:
        place: A path or a URL.

    Raises:
        InvalidSetting: It has a scheme that nobody offers, or whose logs cannot be copies.

    Example:
        >>> elsewhere("my-log") is None, elsewhere("postgresql://db.example/shop") is None
        (True, False)
    """
    url = os.fspath(place)
    scheme, found, _ = url.partition("://")
    if not found or not scheme.isidentifier():
        return None
    backend = backend_of(url)
    if isinstance(backend, TakesCopies):
        return backend
    raise InvalidSetting(
        "url", url, f"{scheme}:// logs can neither be copies nor be begun by an import; create one first"
    )
