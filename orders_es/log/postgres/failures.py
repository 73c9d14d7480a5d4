"""PostgreSQL's refusals in the words of `orders_es.errors`, told apart by their SQLSTATE: what happened, where, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, LogBusy, LogError, LogUnavailable, ReadOnlyLog, StorageError, UnreadableLog

if TYPE_CHECKING:
    import psycopg

    from orders_es.log.postgres.address import Address

__all__ = ["LOCK_SECONDS", "cannot_connect", "cannot_read", "cannot_write", "is_lost", "words"]

LOCK_SECONDS = 30
"""How long anything waits for its turn; then whoever holds it is not coming back soon."""
_FORBIDDEN = ("42501", "25006")
"""Insufficient privilege; a read-only transaction, as on a standby."""
_TAKEN = ("23505",)
_BUSY = ("55P03",)
_CORRUPTED = ("XX001", "XX002")
_GONE = ("3F000", "42P01", "42703")
"""No such schema, table, column."""
_CONNECTION = ("08", "57P")
"""Classes: the connection broke; the server shuts down, or ends the session."""


def words(error: BaseException) -> str:
    """What PostgreSQL said, on one line."""
    diagnosis = getattr(error, "diag", None)
    said = (diagnosis.message_primary if diagnosis is not None else None) or str(error)
    return " ".join(said.split()).rstrip(".")


def is_lost(error: psycopg.Error, connection: psycopg.Connection | None) -> bool:
    """Whether the connection went with the error, so that the server's answer is not known."""
    return connection is None or connection.closed or (error.sqlstate or "").startswith(_CONNECTION)


def cannot_connect(address: Address, error: psycopg.Error) -> LogUnavailable:
    """The error for a server that did not let us in."""
    return LogUnavailable(
        address.shown,
        words(error),
        "See that the server runs, and that host, port, database, user and password are right (a password may also come from "
        "PGPASSWORD or ~/.pgpass)",
    )


def lost(address: Address, error: psycopg.Error) -> LogUnavailable:
    """The error for a connection that broke before anything was changed."""
    return LogUnavailable(address.shown, words(error), "Try again once the server runs")


def cannot_write(address: Address, error: psycopg.Error, connection: psycopg.Connection | None = None) -> LogError:
    """The error for an append that PostgreSQL certainly did not commit."""
    state = error.sqlstate or ""
    if state in _FORBIDDEN:
        return ReadOnlyLog(address.shown)
    if state in _BUSY:
        return LogBusy(address.shown, 1, LOCK_SECONDS)
    if state in _TAKEN:
        return DamagedLog(
            address.shown,
            f"its tables hold what no commit tells of ({words(error)}); has another program written into them?",
        )
    if state in (*_CORRUPTED, *_GONE):
        return DamagedLog(address.shown, f"{words(error)}; restore the database from a backup")
    if is_lost(error, connection) and connection is not None:
        return lost(address, error)
    return StorageError(address.shown, words(error))


def cannot_read(address: Address, error: psycopg.Error, connection: psycopg.Connection | None = None) -> LogError:
    """The error for a query that PostgreSQL did not answer."""
    state = error.sqlstate or ""
    if state in (*_CORRUPTED, *_GONE):
        return DamagedLog(address.shown, f"{words(error)}; restore the database from a backup")
    if state in _BUSY:
        return LogBusy(address.shown, 1, LOCK_SECONDS)
    if is_lost(error, connection) and connection is not None:
        return lost(address, error)
    return UnreadableLog(address.shown, words(error))
