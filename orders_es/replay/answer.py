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

__all__ = ["Answer"]

_SHOWN_ROWS = 50
_SHOWN_COLUMNS = 30
_SHOWN_CELL = 80
_SHOWN_NAME = 60


class Answer:
    """A table, with the question it answers. It never changes: ask again to see later events.

    Money is exact wherever it goes: `Decimal` in `rows`, decimals in Arrow, Polars and pandas.

    Args:
        question: The query, or the relation's name.
        as_of: The limits in time that were asked for.
        head: The log's head when it was computed; None if it has not been.
        compute: Gives the table and the head.
        tz: The zone in which its title says the moments; UTC if left out.
    """

    def __init__(
        self,
        question: str,
        as_of: AsOf,
        head: Head | None,
        compute: Callable[[], tuple[pa.Table, Head]],
        *,
        tz: tzinfo | None = None,
    ) -> None:
        self.question = question
        self.as_of = as_of
        self.head = head
        self.tz = tz
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
        """The answer as a pandas DataFrame; money stays exact, as columns of Arrow decimals."""
        import pandas as pd  # noqa: PLC0415 - only who wants a frame needs it
        import pyarrow as pa  # noqa: PLC0415 - as above

        def exact(kind: Any) -> Any:
            return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None

        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper=exact)
        return frame

    def to_polars(self) -> pl.DataFrame:
        """The answer as a Polars DataFrame. Needs the extra `polars`."""
        try:
            import polars as pl  # noqa: PLC0415 - an extra
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
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

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
        return f"<{self._title()}>"

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
            for row in zip(*(column.to_pylist() for column in shown.columns), strict=True)
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
            f"<table><caption style='text-align:left'>{escape(self._title())}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format_money(value)
    shown = str(value)
    return shown if len(shown) <= _SHOWN_CELL else shown[: _SHOWN_CELL - 1] + "…"
