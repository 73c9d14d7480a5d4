"""Erasing personal data from a DuckDB log: first in its tables, then from its file, which is written anew.

DuckDB leaves what was changed in free blocks of the file. So the table `erasing` is made in the transaction that erases, and
stands until everything else was copied into a new file, which has no such table and takes the old one's place.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from orders_es.errors import ErasureUnfinished
from orders_es.files import sync
from orders_es.log.derived_lock import nobody_making
from orders_es.log.duckdb.failures import reading
from orders_es.log.envelope import ENVELOPE
from orders_es.log.erasing import live_rows, without_personal
from orders_es.log.relation import quoted, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

    from orders_es.log.duckdb.store import Store
    from orders_es.log.registry import EventRegistry

__all__ = ["MARKER", "changes", "copied_beside", "is_unfinished"]

MARKER = "erasing"
"""The table that is there from when an erasure is recorded until the file holds nothing of it."""
_GIVEN = "orders_es_erased"
_AT_ONCE = 16_384
_OWN = ("payload", "personal")


def is_unfinished(connection: DuckDBPyConnection) -> bool:
    """Whether something was erased, and the file still is the one that held it."""
    query = "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ?"
    return bool(connection.execute(query, [MARKER]).fetchall())


def changes(
    store: Store, registry: EventRegistry, positions: Sequence[int]
) -> list[Callable[[DuckDBPyConnection], None]]:
    """What takes the personal data of some events out of the tables, to be done in the transaction that records it."""
    made = []
    for start in range(0, len(positions), _AT_ONCE):
        some = sorted(positions)[start : start + _AT_ONCE]
        table = _events_at(store, some)
        rows = live_rows(table, frozenset(some))
        if rows:
            changed = without_personal(table, frozenset(some), registry).take(pa.array(rows))
            made.append(_change(changed, [*_OWN, *(name for name in table.column_names if name not in ENVELOPE)]))
    return [*made, _begin]


def _begin(connection: DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {MARKER} (position BIGINT)")


def _change(changed: pa.Table, names: Sequence[str]) -> Callable[[DuckDBPyConnection], None]:
    new = ", ".join(f"{quoted(name)} = given.{quoted(name)}" for name in names)

    def change(connection: DuckDBPyConnection) -> None:
        connection.register(_GIVEN, changed.select(["position", *names]))
        try:
            connection.execute(f"CREATE TEMP TABLE {_GIVEN}_rows AS SELECT * FROM {_GIVEN}")
            connection.execute(
                f"UPDATE events SET {new} FROM {_GIVEN}_rows AS given WHERE events.position = given.position"
            )
            connection.execute(f"DROP TABLE {_GIVEN}_rows")
        finally:
            connection.unregister(_GIVEN)

    return change


def _events_at(store: Store, positions: Sequence[int]) -> pa.Table:
    chosen = ", ".join("event_id::BLOB AS event_id" if name == "event_id" else quoted(name) for name in store.columns)
    with reading(store.path), store.cursor() as cursor:
        table = cursor.sql(
            f"SELECT {chosen} FROM events WHERE position IN (SELECT unnest(?::BIGINT[])) ORDER BY position",
            params=[list(positions)],
        ).to_arrow_table()
    ids = pa.ExtensionArray.from_storage(pa.uuid(), table.column("event_id").cast(pa.binary(16)).combine_chunks())
    return table.set_column(table.schema.get_field_index("event_id"), "event_id", ids)


def copied_beside(connection: DuckDBPyConnection, path: str) -> Path:
    """A new file beside the log's, with all that its tables hold now and nothing that they held. On disk when this returns.

    Raises:
        duckdb.Error, OSError: It could not be made; what there is of it is removed.
    """
    beside = Path(f"{path}.erasing")
    remove_beside(path)
    [(own,)] = connection.execute("SELECT current_database()").fetchall()
    try:
        connection.execute("CHECKPOINT")
        connection.execute(f"ATTACH {text(str(beside))} AS beside")
        try:
            connection.execute(f"COPY FROM DATABASE {quoted(own)} TO beside")
            connection.execute(f"DROP TABLE beside.main.{MARKER}")
            connection.execute("CHECKPOINT beside")
        finally:
            connection.execute("DETACH beside")
        shutil.copymode(path, beside)
        with suppress(PermissionError):
            status = Path(path).stat()
            os.chown(beside, status.st_uid, status.st_gid)
        sync(beside)
    except BaseException:
        remove_beside(path)
        raise
    return beside


def remove_beside(path: str) -> None:
    """Remove what somebody has left who died over such a copy."""
    for name in (f"{path}.erasing", f"{path}.erasing.wal"):
        Path(name).unlink(missing_ok=True)


def remove_derived(path: str, patience: float) -> None:
    """Remove whatever was made of the log's events beside it; all of it can be made again.

    Raises:
        ErasureUnfinished: Somebody makes something all the time, or the operating system refused.
    """
    derived = Path(f"{path}.derived")
    with nobody_making(derived, patience) as free:
        if not free:
            raise ErasureUnfinished(path, "somebody was making copies or snapshots of its events all the time")
        try:
            for place in derived.iterdir() if derived.is_dir() else ():
                shutil.rmtree(place)
        except OSError as error:
            raise ErasureUnfinished(path, error.strerror or str(error)) from error
