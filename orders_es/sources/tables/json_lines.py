"""JSON lines as a table: a row for each object, a column for each key; for `orders_es.sources.tables.files`."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_text import as_utf8
from orders_es.sources.tables.source import BOOLEAN, NUMBER, TEXT, DamagedRow

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.sources.tables.options import TableOptions

__all__ = ["JsonLines", "parse_json_lines"]

_array: Any = pa.array
_DEEPEST = 8
_BLOCK = 65_536


class _Number(str):
    """A number as it is written, which no binary float could keep."""

    __slots__ = ()


class JsonLines:
    """The rows of a file of JSON lines, and what is no row (`damaged`)."""

    def __init__(self) -> None:
        self._columns: dict[str, list[str | None]] = {}
        self._kinds: dict[str, list[int]] = {}
        self._done: dict[str, list[Any]] = {}
        self._kinds_done: dict[str, list[npt.NDArray[np.int8]]] = {}
        self._rows = self._flushed = 0
        self._numbers: list[int] = []
        self._lines: list[int] = []
        self.damaged: tuple[DamagedRow, ...] = ()

    def read(self, text: bytes) -> JsonLines:
        """Read all of it."""
        number = 0
        damaged = []
        for line, raw in enumerate(io.BytesIO(text), 1):
            if not raw.strip():
                continue
            number += 1
            shown = raw.decode().rstrip("\r\n")
            try:
                found = json.loads(
                    shown, parse_float=_Number, parse_int=_Number, parse_constant=_refuse, object_pairs_hook=_once
                )
                if not isinstance(found, dict):
                    raise ValueError(f"a {type(found).__name__} where an object stands in each line")  # noqa: TRY004
                cells: dict[str, tuple[str, int]] = {}
                _flatten(found, "", cells, 1)
            except (ValueError, RecursionError) as error:
                reason = f"not one JSON object: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
                if isinstance(error, RecursionError):
                    reason = "nested too deeply to be read"
                damaged.append(DamagedRow(number, (), f"{reason}: {shown[:200]!r}", line))
                continue
            self._add(cells)
            self._numbers.append(number)
            self._lines.append(line)
            if self._rows - self._flushed >= _BLOCK:
                self._flush()
        self._flush()
        self.damaged = tuple(damaged)
        return self

    def _add(self, cells: dict[str, tuple[str, int]]) -> None:
        for name, (text, kind) in cells.items():
            column = self._columns.get(name)
            if column is None:
                column, self._kinds[name] = self._columns.setdefault(name, []), []
                self._done[name], self._kinds_done[name] = [], []
                if self._flushed:
                    self._done[name].append(pa.nulls(self._flushed, pa.string()))
                    self._kinds_done[name].append(np.zeros(self._flushed, dtype=np.int8))
            missing = self._rows - self._flushed - len(column)
            if missing:
                column += [None] * missing
                self._kinds[name] += [TEXT] * missing
            column.append(text)
            self._kinds[name].append(kind)
        self._rows += 1

    def _flush(self) -> None:
        held = self._rows - self._flushed
        for name, column in self._columns.items():
            missing = held - len(column)
            self._done[name].append(pa.array(column + [None] * missing, pa.string()))
            self._kinds_done[name].append(np.array(self._kinds[name] + [TEXT] * missing, dtype=np.int8))
            column.clear()
            self._kinds[name].clear()
        self._flushed = self._rows

    @property
    def table(self) -> pa.Table:
        """A column of text for each key; keys of objects within an object are joined by a point."""
        return pa.table({name: pa.chunked_array(done, pa.string()) for name, done in self._done.items()})

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Each row's number."""
        return np.array(self._numbers, dtype=np.int64)

    @property
    def lines(self) -> npt.NDArray[np.int64]:
        """The line on which each row stands."""
        return np.array(self._lines, dtype=np.int64)

    @property
    def kinds(self) -> dict[str, npt.NDArray[np.int8]]:
        """What each cell was, for columns in which not all are texts."""
        joined = {name: np.concatenate(done) for name, done in self._kinds_done.items()}
        return {name: kinds for name, kinds in joined.items() if kinds.any()}


def parse_json_lines(path: Path, data: bytes, options: TableOptions) -> JsonLines:
    """The rows of a file that has a JSON object on each line. Numbers keep their digits; null is an empty cell.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        options: What was said about its encoding; UTF-8 otherwise, as RFC 8259 has it.

    Raises:
        BadSource: It is not text, or none of its lines can be read.

    Example:
        >>> from pathlib import Path
        >>> from orders_es.sources.tables.options import TableOptions
        >>> rows = parse_json_lines(Path("x.jsonl"), b'{"no": "A-1", "price": 2.50}', TableOptions())
        >>> rows.table.to_pylist()
        [{'no': 'A-1', 'price': '2.50'}]
    """
    text, bad = as_utf8(path, data, options.encoding or "utf-8")
    if bad:
        line = text.count(b"\n", 0, bad[0].offset) + 1
        raise BadSource(
            str(path),
            None,
            f"line {line:,} has the byte 0x{bad[0].raw.hex()}, which is no UTF-8; say what the file is in with encoding= (--encoding)",
        )
    rows = JsonLines().read(text)
    if rows.damaged and not len(rows.numbers):
        first = rows.damaged[0]
        raise BadSource(str(path), None, f"no line can be read; line {first.line:,}: {first.reason}")
    return rows


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _flatten(found: dict[str, Any], prefix: str, cells: dict[str, tuple[str, int]], depth: int) -> None:
    for key, value in found.items():
        name = prefix + key
        if isinstance(value, dict) and depth < _DEEPEST:
            _flatten(value, f"{name}.", cells, depth + 1)
            continue
        if name in cells:
            raise ValueError(f"{name!r} is both a key and keys within keys")
        if value is None:
            continue
        if isinstance(value, bool):
            cells[name] = ("TRUE" if value else "FALSE", BOOLEAN)
        elif isinstance(value, _Number):
            # RFC 8259 allows 1E2; it is the number 1E2, and readers of numbers refuse it by name.
            cells[name] = (str(value), NUMBER)
        elif isinstance(value, str):
            cells[name] = (value, TEXT)
        else:
            # A list is kept as it is written, so that whoever names its column is told what it holds.
            cells[name] = (json.dumps(value, ensure_ascii=False), TEXT)
