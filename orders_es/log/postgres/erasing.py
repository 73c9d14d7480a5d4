"""Erasing personal data from a PostgreSQL log: first in its table, then from the table's files, which the server writes anew.

PostgreSQL keeps the old version of a changed row until somebody vacuums. So the table `erasing` is made in the transaction that
erases, and stands until `VACUUM FULL` has written `events` anew with nobody left who may still see how it was. What the server's
write-ahead log keeps until it recycles it, and its archive for longer, nobody can reach from here; docs/audit.md says so.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotErase, DamagedLog, ErasureUnfinished
from orders_es.log.personal import erased, is_live, sealed_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from orders_es.log.postgres.address import Address
    from orders_es.log.registry import EventRegistry

__all__ = ["MARKER", "change", "finish"]

MARKER = "erasing"
"""The table that is there from when an erasure is recorded until the server's files hold nothing of it."""
PATIENCE_SECONDS = 30.0
_AT_ONCE = 10_000
_LOCK = 19
_SEEN_BY_SOMEBODY = """
SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (age(backend_xmin) >= age(%(xid)s::xid) OR age(backend_xid) >= age(%(xid)s::xid)))
    + (SELECT count(*) FROM pg_replication_slots WHERE age(xmin) >= age(%(xid)s::xid))
    + (SELECT count(*) FROM pg_prepared_xacts WHERE age(transaction) >= age(%(xid)s::xid))
    + (SELECT count(*) FROM pg_stat_replication WHERE age(backend_xmin) >= age(%(xid)s::xid))
"""


def change(writer: psycopg.Connection, address: Address, registry: EventRegistry, positions: Sequence[int]) -> None:
    """Take the personal data of some events out of the table, in the transaction that records it. The caller commits.

    Raises:
        CannotErase: The role does not own the log's tables.
        psycopg.Error: PostgreSQL refused.
    """
    import psycopg

    events = address.name("events")
    try:
        writer.execute(f"ALTER TABLE {events} DISABLE TRIGGER nothing_is_changed")
    except psycopg.errors.InsufficientPrivilege:
        raise CannotErase(
            address.shown, f"it takes the role that owns the table {events}; connect as that one"
        ) from None
    for start in range(0, len(positions), _AT_ONCE):
        _erase(writer, events, registry, positions[start : start + _AT_ONCE])
    writer.execute(f"ALTER TABLE {events} ENABLE TRIGGER nothing_is_changed")
    writer.execute(f"CREATE TABLE IF NOT EXISTS {address.name(MARKER)} (xid xid NOT NULL)")
    writer.execute(f"INSERT INTO {address.name(MARKER)} VALUES (pg_current_xact_id()::xid)")


def _erase(writer: psycopg.Connection, events: str, registry: EventRegistry, positions: Sequence[int]) -> None:
    rows: list[Any] = writer.execute(
        f'SELECT "position", type, schema_version, payload, personal FROM {events} WHERE "position" = ANY(%s)',
        [list(positions)],
    ).fetchall()
    changed: list[tuple[int, str, str]] = []
    for position, name, version, payload, personal in rows:
        if not is_live(personal):
            continue
        known = registry[name] if registry.is_today(name, version) else None
        texts = None if known is None else {field.name for field in known.fields if field.kind == "string"}
        new, mark = erased(payload, personal, texts)
        if sealed_hash(new.encode(), mark) != sealed_hash(payload.encode(), personal):
            raise DamagedLog(str(position), "an event would have another hash once it is erased; nothing was written")
        changed.append((position, new, mark))
    if changed:
        writer.execute(
            f"UPDATE {events} AS e SET payload = w.payload, personal = w.personal "
            'FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS w("position", payload, personal) WHERE e."position" = w."position"',
            [list(column) for column in zip(*changed, strict=True)],
        )


def finish(connection: psycopg.Connection, address: Address, *, patience: float = PATIENCE_SECONDS) -> None:
    """Have the server write the table anew, if something was erased from it and nobody else is at it.

    Args:
        connection: One that commits each statement by itself.
        patience: For how many seconds to wait for whoever may still see how it was.

    Raises:
        ErasureUnfinished: They did not end, or the role does not own the table.
        psycopg.Error: PostgreSQL refused.
    """
    asked = "SELECT to_regclass(%s) IS NOT NULL AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(%s))"
    [(to_do,)] = connection.execute(asked, [address.name(MARKER), address.name("events")]).fetchall()
    if not to_do:
        return
    key = [address.schema, _LOCK]
    [(mine,)] = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", key).fetchall()
    if not mine:
        if patience:
            raise ErasureUnfinished(address.shown, "somebody else is at it just now")
        return
    try:
        _rewrite(connection, address, patience)
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", key)


def _rewrite(connection: psycopg.Connection, address: Address, patience: float) -> None:
    import psycopg

    until = time.monotonic() + patience
    rows: list[Any] = connection.execute(f"SELECT xid::text FROM {address.name(MARKER)} ORDER BY age(xid)").fetchall()
    while rows and connection.execute(_SEEN_BY_SOMEBODY, {"xid": rows[0][0]}).fetchall() != [(0,)]:
        if time.monotonic() >= until:
            raise ErasureUnfinished(
                address.shown, "a transaction that began before it, or a replica's, still sees how it was; let it end"
            )
        time.sleep(0.1)
    try:
        connection.execute(f"VACUUM (FULL, ANALYZE) {address.name('events')}")
    except psycopg.errors.LockNotAvailable:
        raise ErasureUnfinished(address.shown, "others were using its table `events` all the time") from None
    with suppress(
        psycopg.Error
    ):  # the planner's samples of values, as they were; takes a superuser or the database's owner
        connection.execute("VACUUM FULL pg_catalog.pg_statistic")
    connection.execute(f"DROP TABLE {address.name(MARKER)}")
    with suppress(psycopg.Error):  # so that the write-ahead log can be recycled the sooner; takes pg_checkpoint
        connection.execute("CHECKPOINT")
