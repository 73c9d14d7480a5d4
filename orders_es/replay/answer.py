"""The answer to a question about a log: a table that knows which moment it is of. For notebooks and programs."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting
from orders_es.html_table import html_table
from orders_es.replay.cell_text import are_numbers, has_times, said_zone, shown_rows, values_of
from orders_es.replay.frames import check_forms, frame_of
from orders_es.text_table import printable
from orders_es.text_table import table as table_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from orders_es.log import Head
    from orders_es.orders import AsOf
    from orders_es.replay.frames import Money, Times

__all__ = ["Answer"]

_SHOWN_ROWS = 50
_SHOWN_COLUMNS = 30
_SHOWN_CELL = 80
_SHOWN_NAME = 60
_PRINTED_ROWS = 10
_PRINTED_CELL = 40
_PRINTED_WIDTH = 120


class Answer:
    """A table, with the question it answers. It never changes: ask again to see later events.

    Money is exact: `Decimal` in `rows`, decimals in Arrow and Polars; in pandas it is what `to_pandas` was asked for. Iterated, it gives
    its rows; `log_head` is the log's head that it shows.

    Args:
        question: The query, or the relation's name.
        as_of: The limits in time that were asked for.
        head: The log's head when it was computed; None if it has not been.
        compute: Gives the table and the head.
        tz: The zone in which its title says the moments; UTC if left out.
        notes: What has to be said beside it, lest it be misread: that it adds up money of several currencies, or that
            nothing was known by then.
    """

    def __init__(
        self,
        question: str,
        as_of: AsOf,
        head: Head | None,
        compute: Callable[[], tuple[pa.Table, Head]],
        *,
        tz: tzinfo | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.question = question
        self.query = question
        """SQL that gives it once more at the same moment, values of parameters written into it."""
        self.as_of = as_of
        self.log_head = head
        self.tz = tz
        self.notes = notes
        self.moments: tuple[AsOf, ...] = ()
        """Where it was asked at several moments, all of them, as asked for; `as_of` is the last one."""
        self._compute = compute
        self._table: pa.Table | None = None

    def computed(self) -> Answer:
        """Itself, once it is computed."""
        self.to_arrow()
        return self

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        if self._table is None:
            self._table, self.log_head = self._compute()
        return self._table

    def to_pandas(self, *, money: Money = "float", times: Times = "utc") -> pd.DataFrame:
        """The answer as a pandas DataFrame: no row or column is left out, no value is another one.

        Whole numbers are pandas' nullable integers (`Int64` for BIGINT, `UInt64` for UBIGINT and so on), truth values its
        `boolean`, times `datetime64[us, UTC]`, lengths of time `timedelta64[us]`, dates `datetime.date` (Arrow's dates where one of them lies
        outside Python's years).

        Args:
            money: What decimals are. `"float"`, with which all of pandas works (`nlargest`, `cumsum`, `describe`, `to_excel`): each is the
                float nearest to the amount, which shows the same digits, but sums of many may differ in the last ones.
                `"decimal"`: Python's `Decimal`, exact, in columns of objects. `"arrow"`: Arrow's decimals, exact and small, which some of
                pandas' methods refuse. Sums of whole numbers are `Int64` with `"float"`.
            times: `"utc"`, or `"local"`: as a clock in the session's zone shows them, without a zone, as Excel needs them.

        Raises:
            InvalidSetting: There is no such form, or a value has more digits than a float.

        Example:
            >>> from orders_es.log import open_log
            >>> from orders_es.replay import connect
            >>> answer = connect(open_log(":memory:")).sql("SELECT 0.1::DECIMAL(18, 4) AS a UNION ALL SELECT 0.2")
            >>> answer.to_pandas()["a"].cumsum().round(4).tolist(), answer.to_pandas(money="decimal")["a"].sum()
            ([0.1, 0.3], Decimal('0.3000'))
        """
        check_forms(money, times)
        return frame_of(self.to_arrow(), money, times, self.tz or UTC)

    def to_polars(self) -> pl.DataFrame:
        """The answer as a Polars DataFrame. Needs the extra `polars`."""
        try:
            import polars as pl  # an extra
        except ImportError as error:
            raise ImportError("to_polars() needs Polars: pip install 'orders_es[polars]'") from error
        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def rows(self) -> list[tuple[Any, ...]]:
        """The answer as tuples, in order."""
        table = self.to_arrow()
        if not table.num_columns:
            return []
        return list(zip(*map(values_of, table.columns), strict=True))

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        names: list[str] = self.to_arrow().column_names
        return names

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        count: int = self.to_arrow().num_rows
        return count

    def __iter__(self) -> Iterator[Any]:
        """The rows, in order, as named tuples: `row.status` or `row[1]`; a name that Python cannot have is `_1` and so on."""
        row = namedtuple("Row", self.columns, rename=True)  # type: ignore[misc]  # noqa: PYI024 - the names are the answer's
        return map(row._make, self.rows())

    def head(self, rows: int = 5) -> Answer:
        """The first rows, as an answer of its own.

        Args:
            rows: How many; all, if there are fewer.

        Raises:
            InvalidSetting: It is below zero, or no whole number.
        """
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
            raise InvalidSetting("rows", rows, "give a whole number from 0 on")
        table = self.to_arrow()
        first = table.slice(0, rows)
        assert self.log_head is not None
        known = self.log_head
        question = f"{self.question}, first {first.num_rows:,} of {table.num_rows:,} rows"
        answer = Answer(question, self.as_of, known, lambda: (first, known), tz=self.tz, notes=self.notes)
        answer.moments = self.moments
        return answer.computed()

    def __repr__(self) -> str:
        title = f"<{'; '.join([self._title(), *(f'note: {note}' for note in self.notes)])}>"
        if self._table is None or not self._table.num_columns:
            return title
        return f"{title}\n{self._text()}"

    def _text(self) -> str:
        """The first rows as aligned text, as wide as the terminal: columns that have no room there are named below it."""
        assert self._table is not None
        shown = self._table.slice(0, _PRINTED_ROWS)
        zone = self.tz or UTC
        rows = [[printable(cell, _PRINTED_CELL) for cell in row] for row in shown_rows(shown, zone)]
        heads = [printable(name, _PRINTED_CELL) for name in shown.column_names]
        width = shutil.get_terminal_size((_PRINTED_WIDTH, 24)).columns
        kept, used = 0, 0
        for place, head in enumerate(heads):
            used += 2 + max([len(head), *(len(row[place]) for row in rows)])
            if place and used > width + 2:
                break
            kept = place + 1
        right = "".join("r" if number else "l" for number in are_numbers(shown))
        text = table_text([row[:kept] for row in rows], heads=heads[:kept], right=right[:kept], indent=0)
        hidden = []
        if self._table.num_rows > shown.num_rows:
            hidden.append(count_of(self._table.num_rows - shown.num_rows, "more row"))
        if kept < len(heads):
            hidden.append(
                f"{count_of(len(heads) - kept, 'more column')}: {printable(', '.join(heads[kept:]), width - 20)}"
            )
        return f"{text}\n… and {' and '.join(hidden)}" if hidden else text

    def _title(self) -> str:
        question = " ".join(self.question.split())
        if len(question) > _SHOWN_NAME:
            question = question[: _SHOWN_NAME - 1] + "…"
        if self._table is None or self.log_head is None:
            return f"Answer {question}: {self.as_of.spoken(self.tz)}, not computed yet"
        shape = f"{count_of(self._table.num_rows, 'row')}, {count_of(self._table.num_columns, 'column')}"
        when = self.as_of.spoken(self.tz)
        if self.moments:
            when = f"at {len(self.moments)} moments, the first {self.moments[0].spoken(self.tz)}, the last {when}"
        zone = f", times in {said_zone(self.tz)}" if has_times(self._table) else ""
        return f"Answer {question}: {shape}, {when}{zone}, log up to position {self.log_head.position:,}"

    def _repr_html_(self) -> str:
        if self._table is None:
            return f"<p>{escape(self._title())}</p>"
        shown = self._table.slice(0, _SHOWN_ROWS).select(range(min(self._table.num_columns, _SHOWN_COLUMNS)))
        hidden = [
            count_of(more, f"more {what}")
            for more, what in (
                (self._table.num_rows - shown.num_rows, "row"),
                (self._table.num_columns - shown.num_columns, "column"),
            )
            if more > 0
        ]
        return html_table(
            [[_cut(cell) for cell in row] for row in shown_rows(shown, self.tz or UTC)],
            heads=shown.column_names,
            title=self._title(),
            right="".join("r" if number else "l" for number in are_numbers(shown)),
            notes=self.notes,
            more=" and ".join(hidden),
        )


def _cut(shown: str) -> str:
    return shown if len(shown) <= _SHOWN_CELL else shown[: _SHOWN_CELL - 1] + "…"


def count_of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
