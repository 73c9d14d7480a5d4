"""CSV files that are too large to be held, a piece at a time; for `orders_es.sources.tables.files`.

Of such a file only the columns that somebody asked for are kept. Its rows come out as if it had been read as a whole.
"""

from __future__ import annotations

import codecs
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_files import find_header, parse_rows
from orders_es.sources.tables.csv_text import line_ends
from orders_es.sources.tables.guards import unguarded
from orders_es.sources.tables.headers import distinct, match_columns
from orders_es.sources.tables.source import SourceTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.sources.tables.csv_files import ParsedRows
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import DamagedRow

__all__ = ["read_in_pieces"]

PIECE = 32 << 20
"""How many bytes of a file are looked at together; a file that is no larger than two of them is read as a whole."""
_LONGEST_FIELD = 8
"""So many pieces a quoted field may span before its quote counts as one that is never closed."""


def read_in_pieces(
    path: Path,
    at: Path,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    *,
    optional: Sequence[str] = (),
    only_wanted: bool = False,
) -> SourceTable | None:
    """The rows of a large CSV file in UTF-8; None if it is small, or in another encoding, and has to be read as a whole.

    Args:
        path: The file, for the errors.
        at: Where its bytes lie.
        columns: The columns that are wanted.
        options: What was said about how to read it.
        optional: Those of `columns` that may be missing.
        only_wanted: Whether to leave out all other columns, if all that are wanted are there.

    Raises:
        BadSource: It is no CSV, or has something above its header.
    """
    if at.stat().st_size <= 2 * PIECE or not _is_plain_utf8(at, options.encoding):
        return None
    reader = _Reader(path, at, columns, options, optional)
    tables, numbers, lines = [], [], []
    damaged: list[DamagedRow] = []
    for piece in reader.pieces(only_wanted=only_wanted):
        tables.append(unguarded(piece.table))
        numbers.append(piece.numbers)
        lines.append(piece.lines)
        damaged += piece.damaged
    whole = pa.concat_tables(tables)
    names = tuple(distinct(reader.names))

    def fetch(wanted: npt.NDArray[np.int64]) -> pa.Table:
        again = _Reader(path, at, columns, options, optional)
        found = [
            unguarded(piece.table.filter(_array(np.isin(piece.numbers, wanted))))
            for piece in again.pieces(only_wanted=False)
        ]
        if again.digest != reader.digest:
            raise BadSource(str(path), None, "it was changed while it was read; import it again. Nothing was appended")
        return pa.concat_tables(found)

    return SourceTable(
        path,
        reader.digest,
        whole,
        {},
        np.concatenate(numbers),
        tuple(damaged),
        lines=np.concatenate(lines),
        header=names,
        fetch=None if tuple(whole.column_names) == names else fetch,
    )


_array: Any = pa.array


def _is_plain_utf8(at: Path, encoding: str | None) -> bool:
    """Whether a file is UTF-8 to its last byte, with lines that end in a line feed."""
    if encoding is not None and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    last = b""
    try:
        with at.open("rb") as file:
            while block := file.read(PIECE):
                # A carriage return that ends a line alone: pieces are cut at line feeds.
                alone = (last + block).count(b"\r") - (last + block).count(b"\r\n") - block.endswith(b"\r")
                if b"\0" in block or alone:
                    return False
                decoder.decode(block)
                last = block[-1:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class _Reader:
    """One reading of a file, from its first byte to its last."""

    def __init__(
        self,
        path: Path,
        at: Path,
        columns: Mapping[str, Sequence[str]],
        options: TableOptions,
        optional: Sequence[str],
    ) -> None:
        self._path, self._at, self._columns, self._options, self._optional = path, at, columns, options, optional
        self.names: list[str] = []
        self.digest = b""

    def pieces(self, *, only_wanted: bool) -> Iterator[ParsedRows]:
        digest, held, row = hashlib.sha256(), b"", 0
        header, only, title, titles, line = None, None, b"", 0, 0
        tries = 0
        with self._at.open("rb") as file:
            while True:
                block = file.read(PIECE)
                digest.update(block)
                held += block
                if header is None:
                    held = held.removeprefix(codecs.BOM_UTF8)
                    header = find_header(self._path, held, self._columns, self._options, self._optional)
                    self.names = header.names
                    found = list(match_columns(self._path, header.names, self._columns).values())
                    only = found if only_wanted and len(found) == len(self._columns) else None
                    held, line = held[header.offset :], header.line
                cut = held.rfind(b"\n") + 1 if block else len(held)
                if not cut and block:
                    continue
                text = title + held[:cut]
                try:
                    # The header stands above each piece, so that each is a small file of its own.
                    parsed = parse_rows(self._path, text, dataclasses.replace(header, line=line - titles), only, [])
                except BadSource:
                    tries += 1
                    if not block or tries > _LONGEST_FIELD:
                        raise
                    continue  # perhaps a quoted field goes on behind the cut
                tries = 0
                yield dataclasses.replace(
                    parsed,
                    numbers=parsed.numbers + row,
                    damaged=tuple(dataclasses.replace(bad, number=bad.number + row) for bad in parsed.damaged),
                )
                row += parsed.count
                if not block:
                    break
                line += line_ends(held[:cut])
                if not title:
                    title, titles = _title(held)
                held = held[cut:]
        self.digest = digest.digest()


def _title(text: bytes) -> tuple[bytes, int]:
    """The header at the beginning of a text, and how many lines it takes."""
    at = lines = 0
    while True:
        at = text.index(b"\n", at) + 1
        lines += 1
        if text.count(b'"', 0, at) % 2 == 0:
            return text[:at], line_ends(text[:at])
