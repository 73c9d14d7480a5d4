"""A first mapping of changes, written after a look at what changed; and what one would make of it. For `orders_es.sources`.

Nothing is decided here: each guess is a line that somebody reads, changes or deletes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.log import open_log
from orders_es.log.relation import text
from orders_es.orders import ORDERS
from orders_es.replay import load_order
from orders_es.sources.rows.landing import rows_registry
from orders_es.sources.rows.work_database import pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orders_es.log import EventLog
    from orders_es.orders import Order
    from orders_es.sources.rows.gaps import GapReport

__all__ = ["ChangesPreview", "preview_changes", "propose_changes"]

_MOST_VALUES = 15
"""A column with more values than this says nothing about a status."""
_STEPS = (
    ("OrderCancelled", ("cancel", "void", "storno", "abort", "reject")),
    ("OrderDelivered", ("deliver", "received", "arrived", "complete", "done", "closed")),
    ("OrderShipped", ("ship", "sent", "dispatch", "fulfil")),
    ("PaymentReceived", ("paid", "settled", "captured")),
    ("OrderPlaced", ("open", "placed", "new", "pending", "ordered", "submitted", "confirmed")),
)
"""Which event a status may be, by a part of its name; the last step first, so that `delivered` is not read as `red`."""
_STATUS = ("status", "state", "stage", "phase")
_AMOUNTS = ("total", "amount", "sum", "price", "gross", "betrag", "summe")
_CUSTOMERS = ("customer_id", "customer", "client_id", "client", "user_id", "account_id")


@dataclass(frozen=True, slots=True)
class ChangesPreview:
    """What an import of changes would do in a new log.

    Args:
        events: Events that there would be, of rows and of orders.
        orders: Orders that would come of them.
        first: The first of them, as they would be.
        gaps: What is odd about the history.
    """

    events: int
    orders: int
    first: tuple[Order, ...]
    gaps: GapReport


def preview_changes(bring: Callable[[EventLog], Any], orders: int = 3) -> ChangesPreview:
    """What an import would do, with the first orders as they would be: it is done in memory, and nothing is written.

    Args:
        bring: Imports into the log that it is given, and gives the result with its `gaps`.
        orders: How many orders to show.
    """
    with open_log(":memory:", registry=rows_registry()) as log:
        done = bring(log)
        names = [kind.__name__ for kind in ORDERS.event_types]
        found: list[str] = []
        for batch in log.read(columns=["stream_id", "version", "type"]):
            ours = zip(*(batch.column(name).to_pylist() for name in ("stream_id", "version", "type")), strict=True)
            found += [stream for stream, version, kind in ours if version == 1 and kind in names]
        first = tuple(load_order(log, name) for name in found[:orders])
        return ChangesPreview(log.head().position, len(found), first, done.gaps)


def propose_changes(bring: Callable[[EventLog], Any], keys: Sequence[str]) -> str:
    """A mapping in TOML, with comments: what was guessed, what has to be looked at, and what could not be known.

    Args:
        bring: Imports the changes of rows, without a mapping, into the log that it is given.
        keys: The columns that name a row.
    """
    import duckdb

    with open_log(":memory:", registry=rows_registry()) as log, duckdb.connect() as connection:
        bring(log)
        log.bind(connection)
        connection.execute(
            "CREATE TABLE said AS SELECT source_table, row_after FROM events WHERE row_after IS NOT NULL"
        )
        tables = [row[0] for row in connection.execute("SELECT DISTINCT source_table FROM said ORDER BY 1").fetchall()]
        lines = [
            "# What changes of rows mean for orders; docs/import-history.md has all keys. Guesses are marked: look at each.",
            "# Then: the same command with --map FILE --dry-run, and without --dry-run into a new log.",
        ]
        for table in tables:
            lines += ["", f"# ---- table {table}", *_of_table(connection, table, keys, alone=len(tables) == 1)]
    return "\n".join(lines) + "\n"


def _of_table(connection: Any, table: str, keys: Sequence[str], *, alone: bool) -> Iterator[str]:
    names = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT unnest(json_keys(row_after)) FROM said WHERE source_table = ? ORDER BY 1", [table]
        ).fetchall()
    ]
    yield f"# its columns: {', '.join(names)}"
    values = {name: _values(connection, table, name) for name in names}
    amount = _named(names, _AMOUNTS)
    customer = _named(names, _CUSTOMERS)
    currency = next((name for name in names if "currency" in name.lower()), None)
    stream = [key for key in keys if key in names] or names[:1]
    own = [] if alone else [f"table = {_toml(table)}"]
    own.append(
        f"stream = {_toml(stream[0]) if len(stream) == 1 else json.dumps(stream)}      # guessed: the order's id"
    )
    yield from ("", "[[event]]", 'type = "OrderCreated"', *own, 'on = "inserted"')
    yield (
        f"currency = {_toml(currency)}"
        if currency
        else 'currency = { value = "EUR" }      # no column says it: which one is it?'
    )
    if customer:
        yield f"customer_id = {_toml(customer)}      # guessed"
    if amount:
        yield from (
            "",
            "[[event]]",
            'type = "AdjustmentRecorded"      # guessed: what the order comes to, as no table of lines says it',
        )
        yield from (
            *own,
            'on = ["inserted", "changed"]',
            f"changed = {_toml(amount)}",
            f"amount = {{ difference = {_toml(amount)} }}",
        )
    statuses = [name for name in names if any(part in name.lower() for part in _STATUS) and values[name]]
    if not statuses:
        yield from (
            "",
            "# no column looks like a status, with a few values: what tells that an order was paid, or shipped?",
        )
    for status in statuses:
        yield from _steps(status, values[status], own, amount)


def _steps(status: str, said: Sequence[str], own: Sequence[str], amount: str | None) -> Iterator[str]:
    """An event for each value of a status whose name says what it is; the others are asked about."""
    yield from ("", f"# {status} has the values {', '.join(said)}")
    left = list(said)
    for kind, parts in _STEPS[::-1]:
        mine = [value for value in left if any(part in value.lower() for part in parts)]
        mine = [v for v in mine if next(k for k, some in _STEPS if any(part in v.lower() for part in some)) == kind]
        if not mine:
            continue
        left = [value for value in left if value not in mine]
        yield from ("", "[[event]]", f"type = {_toml(kind)}      # guessed", *own)
        yield f"becomes = {{ {_key(status)} = {json.dumps(mine, ensure_ascii=False)} }}"
        if kind == "PaymentReceived":
            yield f"amount = {_toml(amount)}" if amount else 'amount = "…"      # which column says how much?'
    for value in left:
        yield f"# {status} = {value!r}: which event is it, if any?"


def _values(connection: Any, table: str, name: str) -> list[str]:
    """The values of a column where there are a few; none where there are many."""
    path = text(pointer(name))
    found = connection.execute(
        f"SELECT DISTINCT row_after->>{path} AS v FROM said WHERE source_table = ? AND row_after->>{path} IS NOT NULL "
        f"ORDER BY v LIMIT {_MOST_VALUES + 1}",
        [table],
    ).fetchall()
    return [row[0] for row in found] if len(found) <= _MOST_VALUES else []


def _named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    lowered = {name.lower(): name for name in names}
    exact = next((lowered[one] for one in wanted if one in lowered), None)
    return exact or next((name for one in wanted for name in names if one in name.lower()), None)


def _toml(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _toml(name)
