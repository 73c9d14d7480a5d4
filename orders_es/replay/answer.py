"""The answer to a question about a log: a table that knows which moment it is of. For notebooks and programs."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.orders import format_money

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from orders_es.log import Head
    from orders_es.orders import AsOf

__all__ = ["Answer", "values_of"]

_SHOWN_ROWS = 50
_SHOWN_COLUMNS = 30
_SHOWN_CELL = 80
_SHOWN_NAME = 60
_INFINITE = (2**31 - 1, 2**63 - 1)
"""What DuckDB has for a date, and a time, that is infinite, as a number without sign."""


class Answer:
    """A table, with the question it answers. It never changes: ask again to see later events.

    Money is exact wherever it goes: `Decimal` in `rows`, decimals in Arrow, Polars and pandas.

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
        self.as_of = as_of
        self.head = head
        self.tz = tz
        self.notes = notes
        self._compute = compute
        self._table: pa.Table | None = None

    def computed(self) -> Answer:
        """Itself, once it is computed."""
        self.to_arrow()
        return self

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        if self._table is None:
            self._table, self.head = self._compute()
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """The answer as a pandas DataFrame, every value as it is, whether there are nulls beside it or not.

        Whole numbers are pandas' nullable integers (`Int64` for BIGINT, `UInt64` for UBIGINT and so on), truth values its
        `boolean`; decimals, and sums of integers, are Arrow decimals; times are `datetime64[us, UTC]`, dates `datetime.date`
        (Arrow's dates where one of them lies outside Python's years).
        """
        import pandas as pd
        import pyarrow as pa

        def exact(kind: Any) -> Any:
            if pa.types.is_decimal(kind):
                return pd.ArrowDtype(kind)
            if pa.types.is_integer(kind):  # int64 is Int64 to pandas, uint8 UInt8
                return pd.api.types.pandas_dtype(str(kind).replace("uint", "UInt").replace("int", "Int"))
            return pd.BooleanDtype() if pa.types.is_boolean(kind) else None

        table = self.to_arrow()
        # Arrow finds a column's type by its name, and two columns may have one name.
        numbered = table.rename_columns(list(map(str, range(table.num_columns))))
        try:
            frame: pd.DataFrame = numbered.to_pandas(types_mapper=exact)
        except (OverflowError, ValueError):  # a date that Python has not, which Arrow has
            frame = numbered.to_pandas(
                types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_date(kind) else exact(kind)
            )
        frame.columns = pd.Index(table.column_names)
        return frame

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

    def __repr__(self) -> str:
        return f"<{'; '.join([self._title(), *(f'note: {note}' for note in self.notes)])}>"

    def _title(self) -> str:
        question = " ".join(self.question.split())
        if len(question) > _SHOWN_NAME:
            question = question[: _SHOWN_NAME - 1] + "…"
        if self._table is None or self.head is None:
            return f"Answer {question}: {self.as_of.spoken(self.tz)}, not computed yet"
        shape = f"{self._table.num_rows:,} rows, {self._table.num_columns} columns"
        return f"Answer {question}: {shape}, {self.as_of.spoken(self.tz)}, log up to position {self.head.position:,}"

    def _repr_html_(self) -> str:
        if self._table is None:
            return f"<p>{escape(self._title())}</p>"
        shown = self._table.slice(0, _SHOWN_ROWS).select(range(min(self._table.num_columns, _SHOWN_COLUMNS)))
        heads = "".join(f"<th>{escape(name)}</th>" for name in shown.column_names)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row)}</tr>"
            for row in zip(*map(values_of, shown.columns), strict=True)
        )
        hidden = [
            f"{more:,} more {what}"
            for more, what in (
                (self._table.num_rows - shown.num_rows, "rows"),
                (self._table.num_columns - shown.num_columns, "columns"),
            )
            if more > 0
        ]
        if hidden:
            body += f"<tr><td colspan='{shown.num_columns}'>… and {' and '.join(hidden)}</td></tr>"
        return (
            f"{''.join(f'<p><b>Note</b>: {escape(note)}</p>' for note in self.notes)}"
            f"<table><caption style='text-align:left'>{escape(self._title())}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )


def values_of(column: Any) -> list[Any]:
    """The values of an Arrow column as Python has them; a time or a date that Python has not, as text."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        return [_value_of(scalar) for scalar in column]
    return values


def _value_of(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        number = abs(scalar.value)
        if number in _INFINITE:
            return "infinity" if scalar.value > 0 else "-infinity"
        return str(scalar.cast("string"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format_money(value)
    shown = str(value)
    return shown if len(shown) <= _SHOWN_CELL else shown[: _SHOWN_CELL - 1] + "…"
