"""Rows that cannot be imported: collecting them, stopping at them, or putting them aside; for whoever writes an importer.

Nothing here touches the log. An importer decides about its bad rows before it appends anything.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.guards import REASON, ROW, guarded
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

    from orders_es.sources.tables.files import SourceTable

__all__ = ["BadRows", "OnError", "set_aside_together"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

OnError: TypeAlias = Literal["stop", "quarantine"]

_COMPANION = "nothing is wrong with this row, but its order has a bad one, and an order is imported whole or not at all"


class BadRows:
    """The rows of a source that cannot be imported, with every reason found."""

    def __init__(self, source: SourceTable) -> None:
        self._source = source
        self._reasons: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._reasons) + len(self._source.damaged)

    def add(self, failures: Mapping[int, str]) -> None:
        """Note a reason for each of these rows, counted from 0 as in the source's table."""
        for row, reason in failures.items():
            self._reasons.setdefault(row, []).append(reason)

    def add_companions(self, ids: Any, column: str) -> None:
        """Note the good rows of every order that has a bad one: an order is imported whole or not at all.

        A bad row whose order cannot be read may be of the order above it or of the one below it; both are set aside.

        Args:
            ids: The order of each row of the source's table, null where it cannot be read.
            column: The column that they come from.
        """
        if not len(self):
            return
        names = self._source.names
        bad = np.array(sorted(self._reasons), dtype=np.int64)
        known = ids.is_valid().to_numpy(zero_copy_only=False)
        of_bad = ids.take(pa.array(bad[known[bad]])).to_pylist()
        unknown = [int(self._source.numbers[row]) for row in bad[~known[bad]]]
        named = sorted({field.strip() for row in self._source.damaged for field in row.fields})
        fields: Any = pc.index_in(pa.array(named, pa.string()), value_set=ids)
        there = set(ids.take(fields.drop_null()).to_pylist())
        for row in self._source.damaged:
            own = {field.strip() for field in row.fields} & there
            if len(row.fields) == len(names):
                # Cut as it should be, so that its order is known, perhaps one that has no other row.
                own = {row.fields[names.index(column)].strip()}
            of_bad += own
            unknown += [] if own - {""} else [row.number]
        where = np.searchsorted(self._source.numbers, unknown)
        beside = np.unique(np.concatenate([self._nearest(where - 1, -1, known), self._nearest(where, 1, known)]))
        of_bad += ids.take(pa.array(beside)).to_pylist()
        aside: Any = pc.is_in(ids, value_set=pa.array(sorted(set(of_bad)), pa.string()))
        rows = np.flatnonzero(aside.to_numpy(zero_copy_only=False) & self.good)
        self.add(dict.fromkeys(rows.tolist(), _COMPANION))

    def _nearest(self, rows: npt.NDArray[np.int64], step: int, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The nearest rows, from these on in one direction, whose order is known."""
        found = []
        for row in rows.tolist():
            at = row
            while 0 <= at < len(known) and not known[at]:
                at += step
            if 0 <= at < len(known):
                found.append(at)
        return np.array(found, dtype=np.int64)

    def orders(self, ids: Any) -> set[str]:
        """The orders of the rows that cannot be imported, as far as they are known.

        Args:
            ids: The order of each row of the source's table.
        """
        return set(ids.take(pa.array(sorted(self._reasons), pa.int64())).drop_null().to_pylist())

    def add_orders(self, ids: Any, orders: set[str]) -> None:
        """Note the good rows of these orders, because they have a bad row elsewhere."""
        aside: Any = pc.is_in(ids, value_set=pa.array(sorted(orders), pa.string()))
        rows = np.flatnonzero(aside.to_numpy(zero_copy_only=False) & self.good)
        self.add(dict.fromkeys(rows.tolist(), _COMPANION))

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which rows of the source's table have nothing against them."""
        good = np.ones(self._source.table.num_rows, dtype=np.bool_)
        good[list(self._reasons)] = False
        return good

    def stop(self) -> None:
        """Do nothing if there are none.

        Raises:
            BadSource: There are; it names the first in the file and counts the others.
        """
        if not len(self):
            return
        reasons = {
            int(self._source.numbers[row]): ("; ".join(why), self._source.place(row))
            for row, why in self._reasons.items()
        }
        reasons |= {
            row.number: (row.reason, f"line {row.line:,} of the file" if row.line else "")
            for row in self._source.damaged
        }
        first = min(reasons)
        reason, place = reasons[first]
        path, number = self._source.origin(first)
        others = len(reasons) - 1
        more = f" ({others:,} more {'row is' if others == 1 else 'rows are'} bad)" if others else ""
        raise BadSource(
            str(path),
            number,
            f"{reason}{more}.{f' It is {place}.' if place else ''} Nothing was appended; correct the file, or set the bad rows "
            "and their orders aside with on_error='quarantine' (--on-error quarantine)",
        )

    def quarantine(self, target: str | os.PathLike[str] | None, *, even_if_none: bool = False) -> Path | None:
        """Where the bad rows were written, all columns and the reasons, as CSV; None if there are none.

        A file that is there already is never overwritten; one that holds just these rows (the same import, run again)
        serves as it is.

        Args:
            target: The file to write; `<name of the source>.quarantine.csv` in the current folder if None.
            even_if_none: Whether to write the header where there are no bad rows.

        Raises:
            BadSource: The file holds something else, or cannot be written.
        """
        if not len(self) and not even_if_none:
            return None
        path = Path(f"{self._source.path.stem}.quarantine.csv") if target is None else Path(target)
        content = self._as_csv()
        try:
            try:
                if even_if_none:
                    path.parent.mkdir(exist_ok=True)
                _write_new(path, content)
            except FileExistsError:
                if not path.is_file() or path.read_bytes() != content:
                    raise self._refusal(
                        path, "that file exists already and holds something else; name another, or move it away"
                    ) from None
        except OSError as error:
            raise self._refusal(path, f"{error.strerror or error}; name a file that can be written") from error
        return path

    def _refusal(self, path: Path, why: str) -> BadSource:
        return BadSource(
            str(self._source.path),
            None,
            f"its {len(self):,} bad rows cannot be written to {str(path)!r}: {why}, with quarantine= (--quarantine). "
            "Nothing was appended",
        )

    def _as_csv(self) -> bytes:
        # A quarantine file that comes back corrected, but not entirely, brings these two columns along.
        names = [name for name in self._source.names if name not in (ROW, REASON)]
        rows = sorted(self._reasons)
        taken = self._source.whole(rows).select(names)
        columns = [column.to_pylist() for column in taken.columns]
        lines: list[tuple[int, list[str]]] = []
        several = bool(self._source.parts)
        for i, row in enumerate(rows):
            cells = [guarded(as_text(column[i]) or "") for column in columns]
            lines.append((int(self._source.numbers[row]), [guarded("; ".join(self._reasons[row])), *cells]))
        for damaged in self._source.damaged:
            cells = [*map(guarded, damaged.fields), *[""] * len(names)][: len(names)]
            lines.append((damaged.number, [guarded(damaged.reason), *cells]))
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([ROW, REASON, *names])
        writer.writerows([self._source.named(number) if several else number, *cells] for number, cells in sorted(lines))
        return text.getvalue().encode()


def set_aside_together(*tables: tuple[BadRows, Any]) -> None:
    """Set aside in all tables what is set aside in one: an order is imported whole or not at all.

    Args:
        tables: The bad rows of each table, and the order of each of its rows.
    """
    orders = set().union(*(bad.orders(ids) for bad, ids in tables))
    for bad, ids in tables:
        bad.add_orders(ids, orders)


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            # Half a quarantine file would stand in the way of the next try.
            path.unlink()
            raise
