"""The tables of a DuckDB log: what they are, how they come into being, and telling a log from any other database.

::

    log      one row: format, log_id, origin, created_at
    events   the envelope, the payload, and a nullable column for each shredded field; stream and version are its key
    commits  one row per commit: its positions, its identity, and the tree after it (size, root, compact range)
    writers  which package wrote which type, if a program that knew it has written (`duckdb/writers`); made with the first of these rows
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, NotALog, RegistrationClash
from orders_es.log.envelope import OPTIONAL, SPARSE
from orders_es.log.event import EPOCH, from_micros
from orders_es.log.merkle import EMPTY_RANGE, CompactRange, decompose
from orders_es.log.relation import COLUMN_TYPES, ENVELOPE_TYPES, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb import DuckDBPyConnection

__all__ = [
    "FORMAT",
    "INSERT_COMMIT",
    "Identity",
    "State",
    "add_columns",
    "create_tables",
    "read_columns",
    "read_identity",
    "read_state",
]

FORMAT = 1
FORMATS: dict[int, tuple[str, ...]] = {FORMAT: (), 2: ("entered_at",), 3: SPARSE}
"""The formats that this program reads, and the columns of the envelope that each may have beside those of the first."""
INSERT_COMMIT = "INSERT INTO commits VALUES (?, ?, ?, make_timestamptz(?::BIGINT), ?, ?, ?)"
_TABLES = {"log", "events", "commits"}
_HASH = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a log is.

    Args:
        origin: Its name, for people and for signed checkpoints.
    """

    log_id: uuid.UUID
    origin: str


@dataclass(frozen=True, slots=True)
class State:
    """The end of a log.

    Args:
        tree: Compact range of the whole tree.
        recorded_at: Microseconds: when the last event was recorded; None in an empty log.
        commit_id: The last commit; None in an empty log.
    """

    tree: CompactRange = EMPTY_RANGE
    recorded_at: int | None = None
    commit_id: uuid.UUID | None = None


def is_empty(connection: DuckDBPyConnection) -> bool:
    """Whether a database holds nothing at all, so that a log may be made in it."""
    return not connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
        "UNION ALL SELECT 1 FROM duckdb_views() WHERE database_name = current_database() AND NOT internal LIMIT 1"
    ).fetchall()


def create_tables(connection: DuckDBPyConnection, origin: str, columns: Mapping[str, str]) -> None:
    """Make an empty log in an empty database, in one transaction."""
    envelope = [
        f"{quoted(name)} {kind}{'' if name in OPTIONAL else ' NOT NULL'}"
        for name, kind in ENVELOPE_TYPES.items()
        if name not in SPARSE
    ]
    fields = [f"{quoted(name)} {COLUMN_TYPES[kind]}" for name, kind in columns.items()]
    connection.begin()
    connection.execute(
        f"""
        CREATE TABLE log (format INTEGER NOT NULL, log_id UUID NOT NULL, origin VARCHAR NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL);
        CREATE TABLE events ({", ".join(envelope + fields)}, PRIMARY KEY (stream_id, version), UNIQUE (position));
        CREATE INDEX events_of_a_stream ON events (stream_id);
        CREATE TABLE commits ("first" BIGINT PRIMARY KEY, "last" BIGINT NOT NULL, commit_id UUID NOT NULL,
            recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, tree_size BIGINT NOT NULL, tree_root BLOB NOT NULL,
            tree_range BLOB NOT NULL)
        """
    )
    created = int((datetime.now(UTC) - EPOCH).total_seconds() * 1_000_000)
    connection.execute(
        "INSERT INTO log VALUES (?, ?, ?, make_timestamptz(?::BIGINT))", [FORMAT, uuid.uuid4(), origin, created]
    )
    connection.commit()


def read_identity(connection: DuckDBPyConnection, path: str) -> Identity:
    """The identity of the log in a database. Read-only.

    Raises:
        NotALog: It holds no log, or one of another format.
        DamagedLog: Some of a log's tables are missing.
    """
    here = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
        ).fetchall()
    }
    if "log" not in here:
        raise NotALog(
            path,
            "it is a DuckDB database that holds no log; name a new file, or export the events and import them into a log",
        )
    has = {name for name, _ in read_columns(connection, "log").items()}
    if not {"format", "log_id", "origin"} <= has:
        raise NotALog(path, "it is a DuckDB database whose table `log` is not a log's; name a new file")
    rows = connection.execute("SELECT format, log_id, origin FROM log").fetchall()
    if len(rows) != 1:
        raise DamagedLog(path, f"its table `log` has {len(rows)} rows and not one; restore the file from a backup")
    if rows[0][0] not in FORMATS:
        raise NotALog(path, f"its format is {rows[0][0]}, this program reads 1 to 3; use another orders_es")
    missing = sorted(_TABLES - here)
    if missing:
        raise DamagedLog(path, f"its table `{missing[0]}` is missing; restore the file from a backup")
    return Identity(rows[0][1], rows[0][2])


def read_columns(connection: DuckDBPyConnection, table: str = "events") -> dict[str, str]:
    """The columns of a table as they are now: name to DuckDB type."""
    return dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ?",
            [table],
        ).fetchall()
    )


def read_state(connection: DuckDBPyConnection, path: str) -> State:
    """The end of the log as its last commit tells it. Read-only.

    Raises:
        DamagedLog: The commits and the events do not agree about it.
    """
    rows = connection.execute(
        'SELECT "last", epoch_us(recorded_at), commit_id, tree_size, tree_root, tree_range '
        'FROM commits ORDER BY "first" DESC LIMIT 1'
    ).fetchall()
    [(end,)] = connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchall()
    last = rows[0][0] if rows else 0
    if last != end:
        raise DamagedLog(
            path, f"its commits end at position {last} and its events at {end}; restore the file from a backup"
        )
    if not rows:
        return State()
    _, recorded_at, commit_id, size, root, raw = rows[0]
    hashes = tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH))
    tree = CompactRange(0, size, hashes)
    if size != last or len(raw) != _HASH * len(decompose(0, size)) or tree.root() != root:
        raise DamagedLog(path, "the tree of its last commit does not fit itself; restore the file from a backup")
    return State(tree, recorded_at, commit_id)


def commit_row(state: State, first: int) -> list[object]:
    """The row of `commits` for the commit that led to a state."""
    tree = state.tree
    return [first, tree.end, state.commit_id, state.recorded_at, tree.end, tree.root(), b"".join(tree.hashes)]


def add_columns(
    connection: DuckDBPyConnection, there: dict[str, str], kinds: Mapping[str, str], wanted: Iterable[str]
) -> None:
    """Make sure that `events` has a column for each of some fields; `there` is brought up to date.

    With a sparse column of the envelope, the log gets the second format: a program that does not know the column would
    read events without it, and compute other hashes.

    Raises:
        RegistrationClash: It has one of that name already, of another type.
    """
    for name in wanted:
        kind = ENVELOPE_TYPES[name] if name in SPARSE else COLUMN_TYPES[kinds[name]]
        known = there.get(name)
        if known is None:
            spelt = next((other for other in there if other.casefold() == name.casefold()), None)
            if spelt is not None:
                raise RegistrationClash(
                    name, f"the log has a column {spelt!r}, which SQL cannot tell from it; spell the field like that"
                )
            connection.begin()
            connection.execute(f"ALTER TABLE events ADD COLUMN {quoted(name)} {kind}")
            if name in SPARSE:
                needed = min(number for number, columns in FORMATS.items() if name in columns)
                connection.execute("UPDATE log SET format = greatest(format, ?)", [needed])
            connection.commit()
            there[name] = kind
        elif known != kind:
            raise RegistrationClash(
                name,
                f"it is {kinds[name]} here, and the log holds it as {known}; rename the field, its type is storage format",
            )


def moment(state: State) -> datetime | None:
    """When the last event was recorded."""
    return None if state.recorded_at is None else from_micros(state.recorded_at)
