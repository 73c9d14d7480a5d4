"""`PostgresOutlet`: a read model's rows as a table in PostgreSQL, upserted and deleted in one transaction with the position.

The table has the read model's columns and its key as primary key. What is held there, and up to which position, stands in the table
`orders_es_outlets` of the same schema, one row per table.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable
from orders_es.log.redacting import without_password
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    import pyarrow as pa

    from orders_es.log.postgres.address import Address
    from orders_es.log.postgres.connections import Connections
    from orders_es.projections.outlets.outlet import Target

__all__ = ["PostgresOutlet"]

_ABOUT = "orders_es_outlets"
_LONGEST_NAME = 63
_BESIDE = "orders_es_beside"
_SWAP_WAITS_MS = 2_000
_CAME, _WENT = "orders_es_came", "orders_es_went"


class PostgresOutlet:
    """A table in a PostgreSQL database that holds one read model's rows.

    Needs psycopg 3: pip install 'orders_es[postgres]'.

    Args:
        url: `postgresql://user@host/database?schema=NAME&table=NAME`: `public` if no schema is named, and the read model's name
            if no table is.

    Raises:
        InvalidSetting: It is no such URL.
        ImportError: psycopg is missing.

    Example:
        >>> PostgresOutlet("postgresql://ann:secret@db.example/shop?table=orders").url
        'postgresql://ann@db.example/shop?table=orders'
    """

    def __init__(self, url: str) -> None:
        self._given = url
        self.url = without_password(url)
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        named = [value for name, value in pairs if name == "table"]
        if len(named) > 1 or any(not 0 < len(name.encode()) <= _LONGEST_NAME or "\0" in name for name in named):
            raise InvalidSetting("outlet", self.url, f"table= names one table, by 1 to {_LONGEST_NAME} bytes")
        self._named = named[0] if named else None
        if self._named == _ABOUT:
            raise InvalidSetting(
                "outlet", self.url, f"{_ABOUT} is where outlets keep how far they are; name another table"
            )
        self._target: Target | None = None
        self._connections: Connections | None = None
        self._position: int | None = None
        """Up to where the table was filled when we last knew."""
        self._ought: dict[str, str] | None = None
        """The columns that it was made with."""

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self._target, self._ought = target, None
        with self._transaction() as connection:
            self._prepare(connection)
            rows: list[Any] = connection.execute(
                f"SELECT read_model, key, log_id::text, fingerprint, position FROM {self._about()} WHERE table_name = %s",
                [self.table],
            ).fetchall()
            said = target.facts()
            there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [self._place()]).fetchall() == [(True,)]
            if not rows:
                if there:
                    raise OutletMismatch(
                        self.url, f"there is a table {self.table!r} that no outlet made; name another one: table=NAME"
                    )
                self._make(connection)
                connection.execute(
                    f"INSERT INTO {self._about()} (table_name, read_model, key, log_id, fingerprint) VALUES (%s, %s, %s, %s, %s)",
                    [self.table, *said.values()],
                )
                self._position = None
                return None
            if (other := target.other(dict(zip(said, rows[0], strict=False)))) is not None:
                raise OutletMismatch(
                    self.url,
                    f"its table {self.table!r} holds another {other[0]} ({other[1]}, not {other[2]}); give each "
                    "projection a table of its own, or drop this one and its row in orders_es_outlets",
                )
            if there:
                if not target.anew:
                    self._check_columns(connection)
                self._position = rows[0][4]
                return self._position
            self._make(connection)  # somebody dropped it: it is filled again
            connection.execute(f"UPDATE {self._about()} SET position = NULL WHERE table_name = %s", [self.table])
            self._position = None
            return None

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        rows = rows.select(target.columns.names)
        with self._transaction() as connection:
            # Others read on, nobody else writes.
            connection.execute(f"LOCK TABLE {self._place()} IN SHARE ROW EXCLUSIVE MODE")
            if removed is None and target.anew:
                self._exchange(connection, rows)
            else:
                self._check_columns(connection)
                self._change(connection, removed, rows)
            self._note(connection, position, everything=removed is None)
        self._position = position

    def _note(self, connection: psycopg.Connection, position: int, *, everything: bool) -> None:
        """Note the position; where rows were added to what is there, it has to be what we know, or this very delivery's."""
        said = self._opened().facts()
        known = "TRUE" if everything else "position IS NOT DISTINCT FROM %(known)s OR position = %(position)s"
        done = connection.execute(
            f"UPDATE {self._about()} SET position = %(position)s, delivered_at = now(), key = %(key)s, fingerprint = %(fingerprint)s "
            f"WHERE table_name = %(table)s AND ({known})",
            {"position": position, "known": self._position, "table": self.table, **said},
        )
        if done.rowcount != 1:
            raise OutletUnavailable(
                self.url,
                f"its table {self.table!r} is not at position {self._position} any more; it has to be opened again",
            )

    def _change(self, connection: psycopg.Connection, removed: pa.Table | None, rows: pa.Table) -> None:
        """Rows that went and rows that came; of all rows, in the place of what is there."""
        target, place = self._opened(), self._place()
        if removed is None:
            connection.execute(f"DELETE FROM {place}")  # not TRUNCATE, which would empty it under readers
            self._copy(connection, place, rows)
            return
        key = ", ".join(map(quoted, target.key))
        if removed.num_rows:
            self._land(connection, _WENT, removed)
            same = " AND ".join(f"held.{quoted(name)} = went.{quoted(name)}" for name in target.key)
            connection.execute(f"DELETE FROM {place} AS held USING {_WENT} AS went WHERE {same}")
        if rows.num_rows:
            self._land(connection, _CAME, rows)
            columns = ", ".join(map(quoted, target.columns.names))
            others = [quoted(name) for name in target.columns.names if name not in target.key]
            change = f"UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in others)}" if others else "NOTHING"
            connection.execute(
                f"INSERT INTO {place} ({columns}) SELECT {columns} FROM {_CAME} ON CONFLICT ({key}) DO {change}"
            )

    def _exchange(self, connection: psycopg.Connection, rows: pa.Table) -> None:
        """All rows in a table beside, which takes the place of the one before, in this one transaction.

        Where that has the same columns it stays, with its indices, permissions and views, and its rows are exchanged.
        """
        beside = self._beside()
        connection.execute(f"DROP TABLE IF EXISTS {beside}")
        self._make(connection, beside)
        if self._columns(connection, beside) == self._columns(connection, self._place()):
            connection.execute(f"DROP TABLE {beside}")
            self._change(connection, None, rows)
            return
        # Frozen rows are seen by readers whose moment lies before this transaction: they find the new table, and would find it empty.
        self._copy(connection, beside, rows, "FREEZE true, ")
        grants = connection.execute(
            "SELECT acl.privilege_type, acl.grantee::regrole::text, acl.grantee = 0 FROM pg_class, aclexplode(relacl) AS acl "
            "WHERE oid = %s::regclass AND acl.grantee <> relowner",
            [self._place()],
        ).fetchall()
        for right, role, everybody in grants:
            connection.execute(f"GRANT {right} ON {beside} TO {'PUBLIC' if everybody else role}")
        connection.execute(
            f"SET LOCAL lock_timeout = {_SWAP_WAITS_MS}"
        )  # who reads for longer keeps others waiting no longer
        self._drop(connection)
        connection.execute(f"ALTER TABLE {beside} RENAME TO {quoted(self.table)}")

    def _drop(self, connection: psycopg.Connection) -> None:
        import psycopg

        try:
            connection.execute(f"DROP TABLE {self._place()}")
        except psycopg.errors.DependentObjectsStillExist as error:
            raise OutletMismatch(
                self.url,
                f"the columns of its table {self.table!r} are others now, and views are built on it; drop those, and build it anew again",
            ) from error

    def _check_columns(self, connection: psycopg.Connection) -> None:
        """Refuse a table whose columns somebody changed: a narrower one would round what is put into it.

        Raises:
            OutletMismatch: It has other columns than those that were made.
        """
        if self._ought is None:
            connection.execute("SAVEPOINT made")
            beside = self._beside()
            self._make(connection, beside)
            self._ought = self._columns(connection, beside)
            connection.execute("ROLLBACK TO made")
        held = self._columns(connection, self._place())
        for name, kind in self._ought.items():
            if held.get(name) != kind:
                raise OutletMismatch(
                    self.url,
                    f"the column {name!r} of its table {self.table!r} is {held.get(name, 'gone')}, and was made as {kind}; put it back, "
                    "or build the table anew: orders-es project rebuild",
                )

    def _columns(self, connection: psycopg.Connection, table: str) -> dict[str, str]:
        """Each column's type; that of what tells rows apart says so."""
        rows = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnum = ANY (coalesce(indkey::int2[], '{}')) THEN ' KEY' ELSE '' END "
            "FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        ).fetchall()
        return dict(rows)

    def close(self) -> None:
        """Let go of the connection; the next call makes one."""
        if self._connections is not None:
            self._connections.forget()

    @property
    def table(self) -> str:
        """The table's name: as the URL has it, or the read model's."""
        return self._named or self._opened().read_model

    def _opened(self) -> Target:
        if self._target is None:
            raise InvalidSetting("outlet", self.url, "open it for a target first")
        return self._target

    def _address(self) -> Address:
        from orders_es.log.postgres.address import address_of

        return address_of(self._given)

    def _place(self) -> str:
        return self._address().name(self.table)

    def _beside(self) -> str:
        """The name of a table that is built beside: each table has one of its own."""
        return self._address().name(f"{_BESIDE}_{hashlib.sha256(self.table.encode()).hexdigest()[:16]}")

    def _about(self) -> str:
        return self._address().name(_ABOUT)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        """A block that is there whole or not at all; a connection that broke is made anew by the next one."""
        try:
            import psycopg
        except ImportError as error:
            missing = f"an outlet to PostgreSQL needs psycopg: pip install 'orders_es[postgres]' ({error})"
            raise ImportError(missing) from error
        from orders_es.errors import LogError
        from orders_es.log.postgres.connections import Connections
        from orders_es.log.postgres.failures import words

        try:
            if self._connections is None:
                self._connections = Connections(self._address())
            with self._connections.one() as connection, connection.transaction():
                yield connection
        except LogError as error:
            raise OutletUnavailable(self.url, getattr(error, "reason", str(error))) from error
        except psycopg.errors.UndefinedTable as error:
            raise OutletMismatch(
                self.url, f"its table was dropped meanwhile ({words(error)}); open it again"
            ) from error
        except psycopg.Error as error:
            self.close()
            raise OutletUnavailable(self.url, words(error)) from error

    def _prepare(self, connection: psycopg.Connection) -> None:
        schema = self._address().schema
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 24))", [schema])
        if connection.execute("SELECT to_regnamespace(%s) IS NULL", [quoted(schema)]).fetchall() == [(True,)]:
            connection.execute(f"CREATE SCHEMA {quoted(schema)}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._about()} (table_name text PRIMARY KEY, read_model text NOT NULL, "
            "key text[] NOT NULL, log_id uuid NOT NULL, fingerprint text NOT NULL, position bigint, delivered_at timestamptz)"
        )

    def _make(self, connection: psycopg.Connection, place: str | None = None) -> None:
        target = self._opened()
        columns = [f"{quoted(field.name)} {_kind(self.url, field)}" for field in target.columns]
        key = ", ".join(map(quoted, target.key))
        connection.execute(f"CREATE TABLE {place or self._place()} ({', '.join(columns)}, PRIMARY KEY ({key}))")

    def _land(self, connection: psycopg.Connection, name: str, table: pa.Table) -> None:
        """Put rows into a temporary table, whose columns are those of the real one."""
        listed = ", ".join(map(quoted, table.column_names))
        connection.execute(
            f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {listed} FROM {self._place()} WITH NO DATA"
        )
        self._copy(connection, name, table)

    def _copy(self, connection: psycopg.Connection, place: str, table: pa.Table, how: str = "") -> None:
        from pyarrow import csv

        listed = ", ".join(map(quoted, table.column_names))
        sink = io.BytesIO()
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {place} ({listed}) FROM STDIN ({how}FORMAT csv)") as copy,
        ):
            copy.write(sink.getbuffer())


def _kind(url: str, field: pa.Field) -> str:
    """The PostgreSQL type that holds a column exactly.

    Raises:
        InvalidSetting: There is none.
    """
    import pyarrow as pa

    kind = field.type
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    kinds = {
        "string": 'text COLLATE "C"',
        "large_string": 'text COLLATE "C"',
        "bool": "boolean",
        "int8": "smallint",
        "int16": "smallint",
        "int32": "integer",
        "int64": "bigint",
        "uint8": "smallint",
        "uint16": "integer",
        "uint32": "bigint",
        "uint64": "numeric(20)",
        "float": "real",
        "double": "double precision",
        "date32[day]": "date",
    }
    found = kinds.get(str(kind))
    if found is None:
        raise InvalidSetting(
            "outlet",
            url,
            f"the column {field.name!r} is of type {kind}, which no PostgreSQL column holds; cast it in the read model",
        )
    return found
