"""A row at a moment, and the domain as a `Decider`: what `show`, `history` and SQL use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from orders_es.decider import Decider, StateCodec
from orders_es.errors import WrongType
from orders_es.rows.events import EVENT_TYPES, RowChanged, RowDeleted, RowInserted, TableDumped

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """A row as it stood.

    Args:
        stream_id: The stream of its events, which its table and its key make.
        source_table: The table that it is of; an empty text before its first event.
        row_key: The values that tell it from the other rows of its table.
        there: Whether the table had it.
        values: Its values, by column.
        dumps: Of a table's own stream: how many dumps of it are recorded.

    Example:
        >>> Row("orders/1001").there
        False
    """

    stream_id: str
    source_table: str = ""
    row_key: str = ""
    there: bool = False
    values: dict[str, str | None] = field(default_factory=dict)
    dumps: int = 0


def _decide(command: Any, _row: Row) -> NoReturn:
    raise WrongType(f"{command!r}: rows come from imports, and nobody commands them")


def _evolve(row: Row, event: Any) -> Row:
    match event.data:
        case RowInserted(source_table=table, row_key=key, row_after=after):
            return replace(row, source_table=table, row_key=key, there=True, values=_values(after))
        case RowChanged(source_table=table, row_key=key, row_after=after):
            return replace(row, source_table=table, row_key=key, there=True, values=row.values | _values(after))
        case RowDeleted(source_table=table, row_key=key):
            return replace(row, source_table=table, row_key=key, there=False, values={})
        case TableDumped(source_table=table):
            return replace(row, source_table=table, dumps=row.dumps + 1)
    return row


def _values(text: str) -> dict[str, str | None]:
    """What a text says of columns; nothing where it is odd, because what is recorded is never an error here."""
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _summarize(data: Any) -> str:
    match data:
        case RowInserted(row_after=after):
            return f"row inserted: {_told(after)}"
        case RowChanged(row_after=after, row_before=before):
            old = {} if before is None else _values(before)
            return "row changed: " + ", ".join(
                f"{name} {f'{_shown(old[name])} → ' if name in old else ''}{_shown(value)}"
                for name, value in _values(after).items()
            )
        case RowDeleted():
            return "row deleted"
        case TableDumped(dump_name=name, dump_rows=rows):
            return f"dump {name}: {rows:,} rows"
    return repr(data)


def _told(text: str) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in _values(text).items() if value is not None)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


ROWS: Decider[Row] = Decider(
    name="rows",
    event_types=EVENT_TYPES,
    decide=_decide,
    evolve=_evolve,
    initial=Row,
    snapshots=StateCodec.of(Row),
    summarize=_summarize,
    read_models=Path(__file__).parent / "read_models",
)
"""The domain of rows."""
