"""Whether a file for process mining is what its log gives: it is made again, and the two are compared."""

from __future__ import annotations

import filecmp
import gzip
import sqlite3
import tempfile
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.evidence import OCEL
from orders_es.export.finding import SHOWN, Finding, other_package
from orders_es.export.process.ocel import export_ocel
from orders_es.export.process.xes import export_xes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.evidence import Provenance
    from orders_es.replay import Session

__all__ = ["same_process"]


def same_process(known: Provenance, path: Path, session: Session) -> Iterator[Finding]:
    """Whether the same export, made again, is the same file; they have no time in them, so every byte counts."""
    write = export_ocel if known.name == OCEL else export_xes
    yield from other_package(known)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / f"again{''.join(path.suffixes[-2:] if path.suffix == '.gz' else [path.suffix])}"
        write(
            session,
            again,
            at=known.asked_at,
            known_at=known.asked_known_at,
            recorded_by=known.asked_recorded_by,
            position=known.position,
        )
        if filecmp.cmp(again, path, shallow=False):
            yield Finding(
                "rows", True, f"all {known.rows or 0:,} events and their objects are what the log gives, byte for byte"
            )
            return
        differs = next((pair for pair in zip_longest(_lines_of(again), _lines_of(path)) if pair[0] != pair[1]), None)
    if differs is None:
        yield Finding("rows", True, "all it holds is what the log gives, packed in another way")
        return
    ours, theirs = ("nothing" if line is None else line[:SHOWN] for line in differs)
    yield Finding("rows", False, f"it is not what the log gives; first, it has {theirs} where the log gives {ours}")


def _lines_of(path: Path) -> Iterator[str]:
    """The content, a line at a time: what tells where two files differ."""
    if path.suffix.lower() in (".sqlite", ".db"):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            try:
                yield from connection.iterdump()
            except sqlite3.Error as error:
                yield f"what cannot be read: {error}"
        return
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as file:
            yield from (line.rstrip("\n") for line in file)
    except (OSError, EOFError) as error:
        yield f"what cannot be read: {error}"
