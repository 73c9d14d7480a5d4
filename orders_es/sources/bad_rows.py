"""Rows that cannot be imported: collecting them, stopping at them, or putting them aside; for whoever writes an importer.

Nothing here touches the log. An importer decides about its bad rows before it appends anything.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

    from orders_es.sources.tables.files import SourceTable

__all__ = ["BadRows", "OnError"]

OnError: TypeAlias = Literal["stop", "quarantine"]

_ROW = "quarantine_row"
_REASON = "quarantine_reason"


class BadRows:
    """The rows of a source that cannot be imported, with every reason found.

    Args:
        source: The file.
    """

    def __init__(self, source: SourceTable) -> None:
        self._source = source
        self._reasons: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._reasons) + len(self._source.damaged)

    def add(self, failures: Mapping[int, str]) -> None:
        """Note a reason for each of these rows, counted from 0 as in the source's table."""
        for row, reason in failures.items():
            self._reasons.setdefault(row, []).append(reason)

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
        reasons = {int(self._source.numbers[row]): "; ".join(why) for row, why in self._reasons.items()}
        reasons |= {row.number: row.reason for row in self._source.damaged}
        first = min(reasons)
        others = len(reasons) - 1
        more = f" ({others:,} more {'row is' if others == 1 else 'rows are'} bad)" if others else ""
        raise BadSource(
            str(self._source.path),
            first,
            f"{reasons[first]}{more}. Nothing was appended; correct the file, or set the bad rows aside with "
            "on_error='quarantine' (--on-error quarantine)",
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
        table = self._source.table
        # A quarantine file that comes back corrected, but not entirely, brings these two columns along.
        names = [name for name in table.column_names if name not in (_ROW, _REASON)]
        rows = sorted(self._reasons)
        taken = table.select(names).take(pa.array(rows, pa.int64()))
        columns = [column.to_pylist() for column in taken.columns]
        lines: list[tuple[int, list[str]]] = []
        for i, row in enumerate(rows):
            cells = [as_text(column[i]) or "" for column in columns]
            lines.append((int(self._source.numbers[row]), ["; ".join(self._reasons[row]), *cells]))
        for damaged in self._source.damaged:
            cells = [*damaged.fields, *[""] * len(names)][: len(names)]
            lines.append((damaged.number, [damaged.reason, *cells]))
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([_ROW, _REASON, *names])
        writer.writerows([number, *cells] for number, cells in sorted(lines))
        return text.getvalue().encode()


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            # Half a quarantine file would stand in the way of the next try.
            path.unlink()
            raise
