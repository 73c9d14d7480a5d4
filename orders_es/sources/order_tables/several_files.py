"""Several files that are read as one table; for `orders_es.sources.order_tables.inputs`."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.tables.cells import as_texts
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.source import TEXT, Part, SourceTable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["files_of", "joined", "last_number"]


def files_of(source: Any) -> list[Any]:
    """The sources that are meant: of a list each, of a pattern all files that it matches, in the order of their names.

    Raises:
        BadSource: A pattern matches nothing, or a file is given twice.
    """
    found: list[Any] = []
    for given in source if isinstance(source, list | tuple) else [source]:
        name = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
        if "://" in name or not glob.has_magic(name) or Path(name).exists():
            found.append(given)
            continue
        matched = sorted(file for file in glob.glob(name, recursive=True) if Path(file).is_file())  # noqa: PTH207 - it may be absolute
        if not matched:
            raise BadSource(name, None, "no file is called like that; check the pattern and the folder")
        found += map(Path, matched)
    if not found:
        raise BadSource("", None, "no source was given; give at least one")
    seen: set[str] = set()
    for given in found:
        if isinstance(given, str | os.PathLike):
            real = os.path.realpath(given)
            if real in seen:
                raise BadSource(os.fspath(given), None, "it was given twice, and would be imported twice; give it once")
            seen.add(real)
    return found


def joined(sources: Sequence[SourceTable]) -> SourceTable:
    """The rows of several files, one after the other, under the first one's column names.

    Each row keeps the identity that it has in its own file, so it does not matter which others come with it.

    Raises:
        BadSource: Two files hold the very same bytes.
    """
    if len(sources) == 1:
        return sources[0]
    digests: dict[bytes, Path] = {}
    for source in sources:
        if source.digest in digests:
            raise BadSource(
                str(source.path), None, f"it holds the same as {digests[source.digest]}, and would be imported twice"
            )
        digests[source.digest] = source.path
    first = sources[0]
    names: dict[str, str] = {}
    for source in sources:
        for name in source.table.column_names:
            names.setdefault(_key(source, name), name)
    columns, kinds = {}, {}
    for key, name in names.items():
        pieces, marks = [], []
        for source in sources:
            own = next((other for other in source.table.column_names if _key(source, other) == key), None)
            length = source.table.num_rows
            pieces.append(pa.nulls(length) if own is None else source.table.column(own))
            none = np.full(length, TEXT, dtype=np.int8)
            marks.append(none if own is None else source.kinds.get(own, none))
        columns[name] = _chunks(pieces)
        mark = np.concatenate(marks)
        if mark.any():
            kinds[name] = mark
    parts, numbers, damaged, lines = [], [], [], []
    before = start = 0
    for source in sources:
        parts += [
            Part(part.source, before + part.before, start + part.start)
            for part in source.parts or (Part(source.without_cells(), 0, 0),)
        ]
        numbers.append(source.numbers + before)
        damaged += [dataclasses.replace(row, number=row.number + before) for row in source.damaged]
        lines.append(np.zeros(source.table.num_rows, dtype=np.int64) if source.lines is None else source.lines)
        start += source.table.num_rows
        before += last_number(source)
    label = first.path.with_name(f"{first.path.name} and {len(sources) - 1} more")
    return SourceTable(
        label,
        hashlib.sha256(b"".join(digests)).digest(),
        pa.table(columns),
        dict(first.columns),
        np.concatenate(numbers),
        tuple(damaged),
        lines=np.concatenate(lines),
        kinds=kinds,
        parts=tuple(parts),
    )


def last_number(source: SourceTable) -> int:
    """The highest number that a row of a source has, good or damaged."""
    last = [int(source.numbers[-1])] if len(source.numbers) else []
    return max([*last, *(row.number for row in source.damaged)], default=0)


def _key(source: SourceTable, name: str) -> str:
    """What tells a column: what was asked for, or its name."""
    return next((plain(asked) for asked, own in source.columns.items() if own == name), plain(name) or name)


def _chunks(pieces: list[Any]) -> Any:
    kinds = {piece.type for piece in pieces} - {pa.null()}
    if len(kinds) > 1:
        # One file has numbers and another texts: all are what they look like.
        pieces, kinds = [as_texts(piece) for piece in pieces], {pa.string()}
    kind = kinds.pop() if kinds else pa.string()
    chunks: list[Any] = []
    for piece in pieces:
        cast = piece.cast(kind)
        chunks += cast.chunks if isinstance(cast, pa.ChunkedArray) else [cast]
    return pa.chunked_array(chunks, kind)
