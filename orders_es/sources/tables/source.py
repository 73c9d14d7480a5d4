"""A table as it stands in its file, with the place of every row; what the readers of files give to the readers of columns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["BOOLEAN", "CLOCK", "DATE", "ERROR", "NUMBER", "TEXT", "DamagedRow", "Part", "SourceTable"]

_array: Any = pa.array  # the type stubs take every NumPy array for one of booleans

TEXT, NUMBER, DATE, BOOLEAN, ERROR, CLOCK = range(6)
"""What a spreadsheet says that a cell is."""


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that could not be cut into one cell for each column, or whose bytes are no text.

    Args:
        number: Its number in the file; the first row of data is 1.
        fields: The fields it has.
        reason: What is wrong with it.
        line: The line of the file on which it begins; 0 if that is not known.
    """

    number: int
    fields: tuple[str, ...]
    reason: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One of several files that are read as one table.

    Args:
        source: The file, without its cells.
        before: By how much the numbers of its rows are higher than in the file itself.
        start: Where in the table its rows begin.
    """

    source: SourceTable
    before: int
    start: int


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source file's rows, as they stand in it.

    Args:
        path: The file, as it was named.
        digest: SHA-256 of its bytes.
        table: Its rows under the file's own column names.
        columns: Which of those names holds what the importer asked for.
        numbers: Each row's number in the file; the first row of data is 1.
        damaged: Rows that could not even be cut into columns; they are not in `table`.
        sheets: Name and number of rows of each sheet of a workbook; empty for other files.
        lines: The line of a text file, or the row of a sheet, as a person counts them; None for other files.
        kinds: What a spreadsheet says of each cell (`TEXT`, `NUMBER`, …), by the file's column name.
        parts: Where several files are read as one: each of them without its cells. Their rows follow each other, and so do
            their numbers.
        header: All column names, where `table` holds only the columns that were asked for.
        fetch: What gives rows of these numbers with all columns, in that case.
    """

    path: Path
    digest: bytes
    table: pa.Table
    columns: dict[str, str]
    numbers: npt.NDArray[np.int64]
    damaged: tuple[DamagedRow, ...] = ()
    sheets: tuple[tuple[str, int], ...] = ()
    lines: npt.NDArray[np.int64] | None = None
    kinds: dict[str, npt.NDArray[np.int8]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    header: tuple[str, ...] = ()
    fetch: Callable[[npt.NDArray[np.int64]], pa.Table] | None = None

    @property
    def names(self) -> list[str]:
        """The names of all columns of the source, also of those that are not in `table`."""
        return list(self.header) or self.table.column_names

    def whole(self, rows: list[int]) -> pa.Table:
        """Some rows of the table with all columns of the source, in its order.

        Args:
            rows: Their places in the table, ascending.
        """
        if self.fetch is not None:
            return self.fetch(self.numbers[rows])
        return self.table.take(pa.array(rows, pa.int64()))

    def column(self, name: str) -> Any:
        """The column that the importer calls `name`, as one Arrow array of whatever type the file gives it."""
        values = self.table.column(self.columns[name])
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)

    def origin(self, number: int) -> tuple[Path, int]:
        """The file that a row of this number stands in, and its number there."""
        part = self._part(number)
        return (self.path, number) if part is None else (part.source.path, number - part.before)

    def where(self, row: int) -> tuple[str, int]:
        """The file and the number of a row of the table, for an error."""
        path, number = self.origin(int(self.numbers[row]))
        return str(path), number

    def named(self, number: int) -> str:
        """What to call a row of this number: `row 5`, and the file where there are several."""
        path, own = self.origin(number)
        return f"row {own:,} of {path.name}" if self.parts else f"row {own:,}"

    def digests(self, numbers: npt.NDArray[np.int64]) -> list[tuple[bytes, int, npt.NDArray[np.bool_]]]:
        """For each file: its digest, what to take off a row's number to have that of the file, and which rows are its own."""
        if not self.parts:
            return [(self.digest, 0, np.ones(len(numbers), dtype=np.bool_))]
        ends = np.array([part.before for part in self.parts[1:]])
        which = np.searchsorted(ends, numbers, side="left")
        return [(part.source.digest, part.before, which == i) for i, part in enumerate(self.parts)]

    def _part(self, number: int) -> Part | None:
        return next((part for part in reversed(self.parts) if number > part.before), None)

    def place(self, row: int) -> str:
        """Where a row of the table stands, in words; empty where its number says it all."""
        if self.parts:
            part = next(part for part in reversed(self.parts) if row >= part.start)
            return part.source.place(row - part.start)
        if self.lines is None:
            return ""
        if not self.sheets:
            return f"line {self.lines[row]:,} of the file"
        ends = np.cumsum([rows for _, rows in self.sheets])
        title = self.sheets[int(np.searchsorted(ends, row, side="right"))][0]
        return f"row {self.lines[row]:,} of the sheet {title!r}"

    def without_cells(self) -> SourceTable:
        """The same file without what stands in its rows; for whoever has read them and needs to know only how many."""
        return dataclasses.replace(self, table=self.table.select([]), kinds={})

    def select(self, keep: npt.NDArray[np.bool_]) -> SourceTable:
        """The same file with only the rows where `keep` is true; their numbers stay what they were."""
        titles = np.repeat(np.arange(len(self.sheets)), [rows for _, rows in self.sheets])
        left: list[int] = np.bincount(titles[keep], minlength=len(self.sheets)).tolist() if self.sheets else []
        return dataclasses.replace(
            self,
            table=self.table.filter(_array(keep)),
            numbers=self.numbers[keep],
            sheets=tuple((title, rows) for (title, _), rows in zip(self.sheets, left, strict=True)),
            lines=None if self.lines is None else self.lines[keep],
            kinds={name: kinds[keep] for name, kinds in self.kinds.items()},
        )

    def take(self, order: npt.NDArray[np.int64]) -> SourceTable:
        """The same rows in another order. Not for workbooks of several sheets."""
        return dataclasses.replace(
            self,
            table=self.table.take(_array(order)),
            numbers=self.numbers[order],
            lines=None if self.lines is None else self.lines[order],
            kinds={name: kinds[order] for name, kinds in self.kinds.items()},
        )
