"""The tables of the read-model file that are the runner's own, and the row that it keeps of each projection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

__all__ = [
    "SCHEMA",
    "State",
    "all_states",
    "erase",
    "forget",
    "generations",
    "keep",
    "note",
    "place",
    "save",
    "state_of",
]

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS orders_es;
CREATE TABLE IF NOT EXISTS orders_es.projections (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    generation BIGINT NOT NULL,
    checkpoint BIGINT NOT NULL,
    log_id UUID NOT NULL,
    log_origin TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    updated_at TIMESTAMPTZ NOT NULL,
    checkpoint_recorded_at TIMESTAMPTZ,
    checkpoint_occurred_at TIMESTAMPTZ,
    checkpoint_event_id UUID,
    tables TEXT[] NOT NULL
);
CREATE TABLE IF NOT EXISTS orders_es.generations (
    projection TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL,
    replaced_at TIMESTAMPTZ,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    checkpoint BIGINT NOT NULL,
    checkpoint_recorded_at TIMESTAMPTZ,
    checkpoint_occurred_at TIMESTAMPTZ,
    checkpoint_event_id UUID,
    tables TEXT[] NOT NULL
);
CREATE TABLE IF NOT EXISTS orders_es.batches (
    projection TEXT NOT NULL,
    generation BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    events BIGINT NOT NULL,
    streams BIGINT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL
);
CREATE SEQUENCE IF NOT EXISTS orders_es.dead_letter_numbers;
CREATE TABLE IF NOT EXISTS orders_es.dead_letters (
    id BIGINT NOT NULL DEFAULT nextval('orders_es.dead_letter_numbers'),
    projection TEXT NOT NULL,
    generation BIGINT NOT NULL,
    "position" BIGINT NOT NULL,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    event_id UUID NOT NULL,
    type TEXT NOT NULL,
    error TEXT NOT NULL,
    traceback TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    blocked BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    first_failed_at TIMESTAMPTZ NOT NULL,
    last_failed_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE IF NOT EXISTS orders_es.freshness (
    projection TEXT NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    events BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS orders_es.lag_samples (
    projection TEXT NOT NULL,
    sampled_at TIMESTAMPTZ NOT NULL,
    head_position BIGINT NOT NULL,
    head_recorded_at TIMESTAMPTZ,
    "position" BIGINT NOT NULL,
    events_behind BIGINT,
    seconds_behind DOUBLE,
    definition_seconds DOUBLE,
    throughput DOUBLE,
    state TEXT NOT NULL,
    dead_letters BIGINT NOT NULL
);
"""
_BATCHES_KEPT = 10_000
_COLUMNS = (
    "name",
    "version",
    "kind",
    "fingerprint",
    "generation",
    "checkpoint",
    "log_id",
    "log_origin",
    "status",
    "error",
    "updated_at",
    "checkpoint_recorded_at",
    "checkpoint_occurred_at",
    "checkpoint_event_id",
    "tables",
)
_KEPT = (
    "projection",
    "state",
    "replaced_at",
    "generation",
    "version",
    "kind",
    "fingerprint",
    "checkpoint",
    "checkpoint_recorded_at",
    "checkpoint_occurred_at",
    "checkpoint_event_id",
    "tables",
)


@dataclass(slots=True)
class State:
    """A projection's row: what it is, and how far its serving generation has come."""

    name: str
    version: int
    kind: str
    fingerprint: str
    generation: int
    checkpoint: int
    log_id: UUID
    log_origin: str
    status: str
    error: str | None
    updated_at: datetime
    checkpoint_recorded_at: datetime | None = None
    checkpoint_occurred_at: datetime | None = None
    checkpoint_event_id: UUID | None = None
    tables: list[str] = field(default_factory=list)


def place(name: str, generation: int) -> str:
    """The schema that holds a generation's tables, quoted.

    Example:
        >>> place("orders", 3)
        '"orders_es_orders_3"'
    """
    return quoted(f"orders_es_{name}_{generation}")


def state_of(connection: Any, name: str) -> State | None:
    """A projection's row, or None if it has none yet.

    Args:
        connection: A connection that holds the file.
        name: The projection.
    """
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM orders_es.projections WHERE name = ?", [name]
    ).fetchall()
    return State(*rows[0]) if rows else None


def all_states(connection: Any) -> list[State]:
    """The rows of all projections in the file, by name."""
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM orders_es.projections ORDER BY name").fetchall()
    return [State(*row) for row in rows]


def save(connection: Any, state: State) -> None:
    """Put a projection's row into the file, within the caller's transaction.

    Args:
        connection: A connection that holds the file.
        state: The row.
    """
    marks = ", ".join("?" * len(_COLUMNS))
    connection.execute(
        f"INSERT OR REPLACE INTO orders_es.projections ({', '.join(_COLUMNS)}) VALUES ({marks})",
        [getattr(state, column) for column in _COLUMNS],
    )


def keep(connection: Any, state: State, what: str, replaced_at: datetime | None = None) -> None:
    """Note a generation that does not serve, within the caller's transaction.

    Args:
        connection: A connection that holds the file.
        state: The row that it has, or had.
        what: `building` or `previous`.
        replaced_at: When another one took its place.
    """
    connection.execute(
        "DELETE FROM orders_es.generations WHERE projection = ? AND generation = ?", [state.name, state.generation]
    )
    columns = [column for column in _KEPT if column not in ("projection", "state", "replaced_at")]
    connection.execute(
        f"INSERT INTO orders_es.generations ({', '.join(_KEPT)}) VALUES ({', '.join('?' * len(_KEPT))})",
        [state.name, what, replaced_at, *(getattr(state, column) for column in columns)],
    )


def forget(connection: Any, name: str, generation: int) -> None:
    """Remove the note of a generation that does not serve, within the caller's transaction.

    Args:
        connection: A connection that holds the file.
        name: The projection.
    """
    connection.execute("DELETE FROM orders_es.generations WHERE projection = ? AND generation = ?", [name, generation])


def erase(connection: Any, name: str) -> None:
    """Remove all that is noted of a projection, within the caller's transaction.

    Args:
        connection: A connection that holds the file.
        name: The projection.
    """
    connection.execute("DELETE FROM orders_es.projections WHERE name = ?", [name])
    for table in ("generations", "batches", "dead_letters", "freshness", "lag_samples"):
        connection.execute(f"DELETE FROM orders_es.{table} WHERE projection = ?", [name])


def generations(connection: Any, state: State) -> list[tuple[str, State]]:
    """The generations of a projection that do not serve, each as `building` or `previous`, the newest first.

    Args:
        connection: A connection that holds the file.
        state: The row of the one that serves.
    """
    columns = _KEPT[3:]
    rows = connection.execute(
        f"SELECT state, {', '.join(columns)} FROM orders_es.generations WHERE projection = ? ORDER BY generation DESC",
        [state.name],
    ).fetchall()
    return [
        (what, replace(state, status="running", error=None, **dict(zip(columns, row, strict=True))))
        for what, *row in rows
    ]


def note(connection: Any, state: State, first: int, events: int, streams: int, started: datetime) -> None:
    """Note a batch, within its own transaction; only the last ones of each projection are kept.

    Args:
        connection: A connection that holds the file.
        state: The projection as it is after the batch.
        first: Position of the batch's first event.
        events: How many events it had.
        streams: Of how many streams.
        started: When it began.
    """
    connection.execute(
        "INSERT INTO orders_es.batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [state.name, state.generation, first, state.checkpoint, events, streams, started, state.updated_at],
    )
    [(count,)] = connection.execute(
        "SELECT count(*) FROM orders_es.batches WHERE projection = ?", [state.name]
    ).fetchall()
    if count > 2 * _BATCHES_KEPT:
        connection.execute(
            "DELETE FROM orders_es.batches WHERE projection = $name AND last_position < (SELECT last_position FROM "
            "orders_es.batches WHERE projection = $name ORDER BY last_position DESC LIMIT 1 OFFSET $kept)",
            {"name": state.name, "kept": _BATCHES_KEPT},
        )
