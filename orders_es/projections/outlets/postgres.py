"""`PostgresOutlet`: a read model's rows as a table in PostgreSQL, upserted and deleted in one transaction with the position.

The table has the read model's columns and its key as primary key. What is held there, and up to which position, stands in the table
`orders_es_outlets` of the same schema, one row per table.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable
from orders_es.log.relation import quoted
from orders_es.log.shown import without_password

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

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self._target = target
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
                return None
            for (name, value), held in zip(said.items(), rows[0], strict=False):
                if value != held:
                    raise OutletMismatch(
                        self.url,
                        f"its table {self.table!r} holds another {name.replace('_', ' ')} ({held}, not {value}); give each "
                        "projection a table of its own, or drop this one and its row in orders_es_outlets",
                    )
            if there:
                position: int | None = rows[0][4]
                return position
            self._make(connection)  # somebody dropped it: it is filled again
            connection.execute(f"UPDATE {self._about()} SET position = NULL WHERE table_name = %s", [self.table])
            return None

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        columns = ", ".join(map(quoted, target.columns.names))
        key = ", ".join(map(quoted, target.key))
        with self._transaction() as connection:
            connection.execute(
                f"LOCK TABLE {self._place()} IN SHARE ROW EXCLUSIVE MODE"
            )  # others read on, nobody else writes
            if removed is None:
                connection.execute(f"DELETE FROM {self._place()}")  # not TRUNCATE, which would empty it under readers
            elif removed.num_rows:
                self._land(connection, _WENT, removed)
                same = " AND ".join(f"held.{quoted(name)} = went.{quoted(name)}" for name in target.key)
                connection.execute(f"DELETE FROM {self._place()} AS held USING {_WENT} AS went WHERE {same}")
            if rows.num_rows:
                self._land(connection, _CAME, rows.select(target.columns.names))
                others = [quoted(name) for name in target.columns.names if name not in target.key]
                change = f"UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in others)}" if others else "NOTHING"
                connection.execute(
                    f"INSERT INTO {self._place()} ({columns}) SELECT {columns} FROM {_CAME} ON CONFLICT ({key}) DO {change}"
                )
            connection.execute(
                f"UPDATE {self._about()} SET position = %s, delivered_at = now() WHERE table_name = %s",
                [position, self.table],
            )

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

    def _make(self, connection: psycopg.Connection) -> None:
        target = self._opened()
        columns = [f"{quoted(field.name)} {_kind(self.url, field)}" for field in target.columns]
        key = ", ".join(map(quoted, target.key))
        connection.execute(f"CREATE TABLE {self._place()} ({', '.join(columns)}, PRIMARY KEY ({key}))")

    def _land(self, connection: psycopg.Connection, name: str, table: pa.Table) -> None:
        """Put rows into a temporary table, whose columns are those of the real one."""
        from pyarrow import csv

        listed = ", ".join(map(quoted, table.column_names))
        connection.execute(
            f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {listed} FROM {self._place()} WITH NO DATA"
        )
        sink = io.BytesIO()
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
        with connection.cursor() as cursor, cursor.copy(f"COPY {name} ({listed}) FROM STDIN (FORMAT csv)") as copy:
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
