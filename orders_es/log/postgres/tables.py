"""The tables of a log in PostgreSQL: what they are, how they come into being, and telling a log from anything else.

::

    log      one row: format, identity, and the end of the log (position, time, tree); whoever appends locks it first
    events   the envelope, the payload as recorded, and the same as jsonb for SQL; nothing in it is ever changed
    commits  one row per commit: its positions, its identity, and the tree after it

The row of `log` is what makes positions gapless and puts them in commit order: they are counted in the transaction that
uses them, and nobody counts on before that has ended. A sequence counts outside of transactions, so a reader that has seen 7
may find 6 later, or never.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog, LogError, NotALog
from orders_es.log.envelope import FIELDS
from orders_es.log.merkle import CompactRange, decompose
from orders_es.log.postgres.failures import cannot_write
from orders_es.log.postgres.writers import writers_table
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    import psycopg

    from orders_es.log.postgres.address import Address
    from orders_es.log.postgres.connections import Connections

__all__ = [
    "FORMAT",
    "JSONB",
    "KINDS",
    "Identity",
    "State",
    "create_log",
    "identity_of",
    "micros",
    "state_of",
    "state_query",
]

FORMAT = 1
KINDS = {
    "int64": "bigint",
    "int32": "integer",
    "string": 'text COLLATE "C"',
    "uuid": "uuid",
    "timestamp": "timestamptz",
}
"""The PostgreSQL type of each kind of column; texts compare by code points, as everywhere in this package."""
JSONB = "payload_jsonb"
"""The payload once more, for SQL. Null where jsonb cannot hold what JSON can."""
_UNSAMPLED = ("payload", JSONB, "personal")
"""The planner keeps no samples of these: they would be values that were to be erased."""
_TABLES = ("log", "events", "commits")
_HASH = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a log is.

    Args:
        origin: Its name, for people and for signed checkpoints.
        complete: Whether it may be used: a copy is not, until its tree is the source's.
        columns: The columns of `events`.
        is_erasing: Whether something was erased, and the server's files may still hold it.
    """

    log_id: uuid.UUID
    origin: str
    complete: bool
    columns: frozenset[str]
    is_erasing: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The end of a log.

    Args:
        log_id: Whose.
        tree: Compact range of the whole tree.
        recorded_at: Microseconds: when the last event was recorded; None in an empty log.
    """

    log_id: uuid.UUID
    tree: CompactRange
    recorded_at: int | None


def micros(column: str) -> str:
    """SQL for a time as microseconds since 1970-01-01 UTC, exact."""
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


def _made(address: Address) -> str:
    name = address.name
    columns = [
        f"{quoted(field.name)} {KINDS[field.kind]}{' NOT NULL' if field.required else ''}"
        for field in FIELDS
        if field.name != "payload"
    ]
    return f"""
CREATE TABLE {name("log")} (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    format integer NOT NULL,
    log_id uuid NOT NULL,
    origin text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    complete boolean NOT NULL,
    "position" bigint NOT NULL,
    recorded_at timestamptz,
    tree bytea NOT NULL
) WITH (fillfactor = 20);
CREATE FUNCTION {name("payload_as_jsonb")}(payload text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$BEGIN RETURN payload::jsonb; EXCEPTION WHEN OTHERS THEN RETURN NULL; END$$;
CREATE FUNCTION {name("nothing_is_changed")}() RETURNS trigger LANGUAGE plpgsql
AS $$BEGIN RAISE EXCEPTION 'events of a log are never changed or removed' USING ERRCODE = 'insufficient_privilege'; END$$;
CREATE TABLE {name("events")} (
    {", ".join(columns)}, payload text COLLATE "C" NOT NULL,
    {quoted(JSONB)} jsonb GENERATED ALWAYS AS ({name("payload_as_jsonb")}(payload)) STORED,
    PRIMARY KEY ("position"), UNIQUE (stream_id, version), UNIQUE (event_id)
);
CREATE INDEX ON {name("events")} (stream_id) WHERE version = 1;
CREATE TABLE {name("commits")} (
    "first" bigint PRIMARY KEY, "last" bigint NOT NULL, commit_id uuid NOT NULL UNIQUE, recorded_at timestamptz NOT NULL,
    tree_root bytea NOT NULL, tree bytea NOT NULL
);
ALTER TABLE {name("events")} {", ".join(f"ALTER {quoted(column)} SET STATISTICS 0" for column in _UNSAMPLED)};
CREATE TRIGGER nothing_is_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {name("events")}
    FOR EACH STATEMENT EXECUTE FUNCTION {name("nothing_is_changed")}();
CREATE TRIGGER nothing_is_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {name("commits")}
    FOR EACH STATEMENT EXECUTE FUNCTION {name("nothing_is_changed")}();
{writers_table(address)}"""


def create_log(connections: Connections, address: Address, origin: str | None, *, complete: bool = True) -> bool:
    """Make an empty log, unless there is one; whether it was made. All or nothing, also where two do it at a time.

    Args:
        origin: Its name; that of the database and schema if left out.
        complete: Whether it may be used at once.

    Raises:
        NotALog: Tables of these names are there, and not a log's; or the database does not hold every text.
        ReadOnlyLog, StorageError, LogUnavailable: It cannot be made.
    """
    import psycopg

    with connections.one() as connection:
        try:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 18))", [address.schema])
                if "log" in _relations(connection, address):
                    return False
                _require_room(connection, address)
                if not connection.execute("SELECT to_regnamespace(%s)", [quoted(address.schema)]).fetchall()[0][0]:
                    connection.execute(f"CREATE SCHEMA {quoted(address.schema)}")
                connection.execute(_made(address))
                name = connection.info.dbname if address.schema == "public" else address.schema
                connection.execute(
                    f'INSERT INTO {address.name("log")} (format, log_id, origin, complete, "position", tree) '
                    "VALUES (%s, %s, %s, %s, 0, '')",
                    [FORMAT, uuid.uuid4(), origin or name, complete],
                )
        except psycopg.Error as error:
            raise cannot_write(address, error, connection) from error
    return True


def _relations(connection: psycopg.Connection, address: Address) -> set[str]:
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    return {name for (name,) in connection.execute(query, [quoted(address.schema)]).fetchall()}


def _require_room(connection: psycopg.Connection, address: Address) -> None:
    taken = sorted(_relations(connection, address) & set(_TABLES))
    if taken:
        raise NotALog(address.shown, _foreign(address, taken[0]))
    [(encoding,)] = connection.execute("SELECT current_setting('server_encoding')").fetchall()
    if encoding != "UTF8":
        raise NotALog(
            address.shown,
            f"the database's encoding is {encoding}, which does not hold every text; create one with ENCODING 'UTF8'",
        )


def _foreign(address: Address, table: str) -> str:
    return (
        f"the schema {address.schema!r} has a table {table!r} that is no log's; name a schema of the log's own in the URL: "
        "?schema=NAME"
    )


def identity_of(connections: Connections, address: Address) -> Identity:
    """The identity of the log in a schema. Read-only.

    Raises:
        NotALog: There is none, or one of another format.
        DamagedLog: Some of a log's tables are missing.
        LogUnavailable, UnreadableLog: PostgreSQL did not answer.
    """

    def look(connection: psycopg.Connection) -> Identity | LogError:
        here = _relations(connection, address)
        if not here & set(_TABLES):
            return NotALog(
                address.shown,
                f"the schema {address.schema!r} holds none; create a log there with open_log(url, create=True)",
            )
        query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
        has = {
            table: frozenset(name for (name,) in connection.execute(query, [address.name(table)]).fetchall())
            for table in _TABLES
        }
        if not {"format", "log_id", "origin", "complete", "position", "tree"} <= has["log"]:
            return NotALog(address.shown, _foreign(address, "log" if "log" in here else min(here & set(_TABLES))))
        rows: list[Any] = connection.execute(
            f"SELECT format, log_id, origin, complete FROM {address.name('log')}"
        ).fetchall()
        if len(rows) != 1:
            return DamagedLog(address.shown, "its table `log` has no row; restore the database from a backup")
        if rows[0][0] != FORMAT:
            return NotALog(
                address.shown, f"its format is {rows[0][0]}, this program reads {FORMAT}; use another orders_es"
            )
        missing = sorted(set(_TABLES) - here)
        if missing:
            return DamagedLog(address.shown, f"its table `{missing[0]}` is missing; restore the database from a backup")
        _, log_id, origin, complete = rows[0]
        return Identity(log_id, origin, complete, has["events"], "erasing" in here)

    found = connections.asked(look)
    if isinstance(found, LogError):
        raise found
    return found


def drop_if_empty(connections: Connections, address: Address, *, only_incomplete: bool) -> None:
    """Remove a log that nothing was ever appended to, and its schema if nothing else is in it.

    Args:
        only_incomplete: Leave it where it is complete, for somebody may have opened it.
    """
    import psycopg

    name = address.name
    with connections.one() as connection:
        try:
            with connection.transaction():
                rows = connection.execute(f'SELECT "position", complete FROM {name("log")} FOR UPDATE').fetchall()
                if not rows or rows[0][0] or (only_incomplete and rows[0][1]):
                    return
                connection.execute(f"DROP TABLE IF EXISTS {name('writers')}")
                connection.execute(f"DROP TABLE {name('events')}, {name('commits')}, {name('log')}")
                connection.execute(f"DROP FUNCTION {name('payload_as_jsonb')}, {name('nothing_is_changed')}")
                empty = (
                    "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid) AND "
                    "NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = n.oid) FROM pg_namespace AS n WHERE nspname = %s"
                )
                if address.schema != "public" and connection.execute(empty, [address.schema]).fetchall() == [(True,)]:
                    connection.execute(f"DROP SCHEMA {quoted(address.schema)}")
        except psycopg.Error as error:
            raise cannot_write(address, error, connection) from error


def state_query(address: Address) -> str:
    """SQL for the row that `state_of` reads."""
    return f'SELECT log_id, "position", {micros("recorded_at")}, tree FROM {address.name("log")}'


def state_of(address: Address, rows: list[Any]) -> State:
    """The end of a log as its row tells it.

    Raises:
        DamagedLog: The row is missing, or contradicts itself.
    """
    if len(rows) != 1:
        raise DamagedLog(address.shown, "its table `log` has no row; restore the database from a backup")
    log_id, position, recorded_at, raw = rows[0]
    return State(log_id, tree_of(address, position, bytes(raw)), recorded_at)


def tree_of(address: Address, size: int, raw: bytes) -> CompactRange:
    """A compact range from its hashes.

    Raises:
        DamagedLog: They are not as many as it takes.
    """
    if size < 0 or len(raw) != _HASH * len(decompose(0, size)):
        raise DamagedLog(address.shown, f"its tree is not that of {size} events; restore the database from a backup")
    return CompactRange(0, size, tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH)))


def add_columns(connections: Connections, address: Address, there: frozenset[str]) -> frozenset[str]:
    """The columns of `events` after those of the envelope that came to it later were added, which every event may lack."""
    import psycopg

    lacking = [field for field in FIELDS if field.name not in there]
    with connections.one() as connection:
        try:
            for field in lacking:
                connection.execute(
                    f"ALTER TABLE {address.name('events')} ADD COLUMN IF NOT EXISTS {quoted(field.name)} {KINDS[field.kind]}"
                )
        except psycopg.Error as error:
            raise cannot_write(address, error, connection) from error
    return there | {field.name for field in lacking}
