"""How an answer's rows look: as a table for people, as CSV, and as JSON. For every command that gives rows."""

from __future__ import annotations

import math
import re
import sys
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from orders_es.cli.output import Verbatim as Digits
from orders_es.cli.output import count, print_text, printable, table
from orders_es.errors import UnknownEventType
from orders_es.orders.moments import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.replay import Answer, Session

__all__ = ["evidence_of", "json_rows", "print_csv", "print_rows", "print_table", "write_evidence", "write_parquet"]

_SHOWN_ROWS = 100
_CELL_WIDTH = 40
_SIGNS = re.compile(r"""[",;\x00-\x1f\x7f-\x9f\u2028\u2029]|^\s|\s$""")


def write_parquet(session: Session, query: str, path: str, *, at: datetime | None, known_at: datetime | None) -> int:
    """How many rows the answer to a query has, after writing it to a Parquet file that says where it comes from.

    A file of another name than `.parquet`, such as a pipe, gets the rows alone.
    """
    from orders_es.export import export

    if not path.lower().endswith(".parquet") or re.fullmatch(r"\s*\w+\s*;?\s*", query):
        return session.write(query, path, at=at, known_at=known_at, form="parquet")
    return export(session, query, path, at=at, known_at=known_at).rows


def json_rows(answer: Answer) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of an answer's columns, each once, and its rows under those names, as JSON has them."""
    names = _each_once(answer.columns)
    return names, [dict(zip(names, map(_plain, row), strict=True)) for row in answer.rows()]


def print_rows(answer: Answer, question: str, zone: tzinfo) -> None:
    """Print the first hundred rows as a table, and how many there are; `question` says of which moment."""
    from orders_es.replay.cell_text import has_times, said_zone

    rows = answer.to_arrow().slice(0, _SHOWN_ROWS)
    if answer.columns:
        print_table(rows, zone)
    hidden = len(answer) - rows.num_rows
    more = f"; {hidden:,} more not shown, --csv, --json and --parquet give all" if hidden else ""
    times = f", times in {said_zone(zone)}" if has_times(rows) else ""
    print_text(f"({count(len(answer), 'row')}, {question}{times}{more})")


def print_table(rows: pa.Table, zone: tzinfo) -> None:
    """Print rows as a table."""
    from orders_es.replay.cell_text import are_numbers, shown_rows

    cells = [[printable(cell, _CELL_WIDTH) for cell in row] for row in shown_rows(rows, zone)]
    numbers = "".join("r" if number else "l" for number in are_numbers(rows))
    print_text(table(cells, heads=[printable(name) for name in rows.column_names], right=numbers, indent=0))


def print_csv(answer: Answer, *, guard: bool) -> None:
    """In UTF-8 whatever the terminal's encoding is; on a terminal, without what would move its cursor."""
    for text in _csv_texts(answer, guard=guard, shown=sys.stdout.isatty()):
        print_text(text.encode())


def write_evidence(session: Session, answer: Answer, path: str, *, as_csv: bool = False, plain: bool = False) -> None:
    """Write where an answer comes from to a file; of CSV, also what its bytes hash to."""
    from orders_es.export.answer_evidence import write_answer_evidence

    digest = _csv_digest(answer, guard=not plain) if as_csv else None
    write_answer_evidence(session, answer, path, digest=digest, guarded=as_csv and not plain)


def evidence_of(
    log: EventLog, order: str, path: str, *, tz: tzinfo, state: bool = False, totals: bool = False, **asked: Any
) -> int:
    """Write where the state of an order, or the events of a stream, come from; up to which position that was looked at.

    Args:
        state: Whether it is of the order's row, and not of its events.
        totals: Whether the events have totals.
        asked: The moments that were asked for.
    """
    from orders_es.export import history_rows, order_row
    from orders_es.replay import connect

    with connect(log, tz=tz) as session:
        try:
            answer = (
                order_row(session, order, **asked) if state else history_rows(session, order, totals=totals, **asked)
            )
        except UnknownEventType:  # nobody knows what it does to a total
            if state:
                raise
            answer = history_rows(session, order, totals=False, **asked)
        if not len(answer):
            return log.head().position  # whoever asked is going to say what there is instead
        write_evidence(session, answer, path)
    assert answer.log_head is not None
    return answer.log_head.position


def _csv_digest(answer: Answer, *, guard: bool) -> str:
    """The SHA-256 of what `print_csv` writes to a file, in hexadecimal."""
    digest = sha256()
    for text in _csv_texts(answer, guard=guard, shown=False):
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def _csv_texts(answer: Answer, *, guard: bool, shown: bool) -> Iterator[str]:
    from orders_es.replay.cell_text import values_of

    def line(values: Sequence[Any]) -> str:
        return ",".join(_csv_field(value, guard=guard, shown=shown) for value in values)

    yield line(answer.columns)
    for batch in answer.to_arrow().to_batches(max_chunksize=10_000):
        columns = [values_of(column) for column in batch.columns]
        lines = [line(row) for row in zip(*columns, strict=True)]
        yield "\n".join(lines)


def _csv_field(value: Any, *, guard: bool, shown: bool) -> str:
    """A cell; an empty text has quotes, and nothing has none. So has all that a reader could take for the file's own signs."""
    from orders_es.export.text_form import guard_text

    if value is None:
        return ""
    text = value if isinstance(value, str) else _csv_text(value)
    if guard and not isinstance(value, bool | int | float | Decimal | date):
        text = guard_text(text)
    if not text or _SIGNS.search(text):
        if shown:
            text = "\n".join(map(printable, text.split("\n")))
        escaped = text.replace('"', '""')
        return f'"{escaped}"'
    return text


def _csv_text(value: Any) -> str:
    if isinstance(value, datetime):
        return format_instant(value) if value.tzinfo is not None else str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _each_once(names: Sequence[str]) -> list[str]:
    """The names, the second of two equal ones with a number, as DuckDB numbers them in a subquery."""
    given: list[str] = []
    for name in names:
        number, each = 0, name
        while each in given or (number and each in names):
            number += 1
            each = f"{name}_{number}"
        given.append(each)
    return given


def _plain(value: Any) -> Any:
    """A value that JSON has a form for; what it has none for, as text: NaN, the infinities, and amounts, whose digits count."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value if isinstance(value, datetime) and value.tzinfo is not None else value.isoformat()
    if isinstance(value, Decimal):
        return Digits(f"{value:f}") if value.as_tuple().exponent == 0 else f"{value:f}"
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value if value is None or isinstance(value, bool | int | float | str | bytes) else str(value)
