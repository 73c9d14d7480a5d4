"""Lines that cannot be imported: stopping at the first, or putting their streams aside; for `orders_es.sources.jsonl`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import BadSource
from orders_es.sources.tables.guards import guarded

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy.typing as npt

    from orders_es.sources.jsonl.sequence import Reasons
    from orders_es.sources.jsonl.spool import Spool
    from orders_es.sources.jsonl.text import TextLines

__all__ = ["BadLines"]

_COMPANION = (
    "nothing is wrong with this line, but its stream has a bad one, and a stream is imported whole or not at all"
)


class BadLines:
    """What is wrong with a file.

    Args:
        text: The file.
        spool: Its good lines.
        own: Whether they ought to be of our own shape.
        keep_all: Whether every reason is needed, or only the first.
    """

    def __init__(self, text: TextLines, spool: Spool, *, own: bool, keep_all: bool) -> None:
        self._text, self._spool, self._own, self._keep_all = text, spool, own, keep_all
        self._unread: dict[int, str] = {}
        self._count = 0
        self._streams: set[str] = set()
        self._sequence: Reasons = {}
        self.good: npt.NDArray[np.bool_] = np.ones(0, dtype=np.bool_)
        """Which of the lines that could be read are imported."""

    def __len__(self) -> int:
        """How many lines are set aside."""
        return self._count + int((~self.good).sum())

    def add(self, number: int, reason: str, stream_id: str | None) -> None:
        """Note a line that could not be read.

        Args:
            reason: Why.
            stream_id: The stream that it names, if that much could be read.
        """
        self._count += 1
        if self._keep_all or not self._unread:
            self._unread[number] = reason
        if self._keep_all and stream_id is not None:
            self._streams.add(stream_id)

    def add_sequence(self, reasons: Reasons) -> None:
        """Note lines that stand where they cannot."""
        for row, reason in reasons.items():
            self._sequence.setdefault(row, reason)
        self.good = np.ones(len(self._spool), dtype=np.bool_)
        found: Any = pc.index_in(pa.array(sorted(self._streams), pa.string()), value_set=self._spool.names)
        codes = set(found.drop_null().to_pylist())
        codes |= {int(self._spool.codes[row]) for row in self._sequence}
        if codes:
            self.good &= ~np.isin(self._spool.codes, list(codes))

    def stop(self) -> None:
        """Do nothing if there are none.

        Raises:
            BadSource: There are; it names the first in the file and counts the others.
        """
        total = self._count + len(self._sequence)
        if not total:
            return
        first = {number: reason for number, reason in self._unread.items() if number == min(self._unread)}
        if self._sequence:
            row = min(self._sequence)
            first.setdefault(int(self._spool.numbers[row]), self._sequence[row]())
        number = min(first)
        others = f" ({total - 1:,} more {'line is' if total == 2 else 'lines are'} bad)" if total > 1 else ""  # noqa: PLR2004
        hint = ""
        if self._own and not len(self._spool):
            hint = (
                " If these are not lines of our own export, say what they are with mapping= (--mapping order-service)."
            )
        raise BadSource(
            str(self._text.path),
            number,
            f"line {number}: {first[number]}{others}.{hint} Nothing was appended; correct the file, or set the bad lines' "
            "streams aside with on_error='quarantine' (--on-error quarantine)",
        )

    def quarantine(self, target: str | os.PathLike[str] | None) -> Path | None:
        """Where the lines set aside were written, with their numbers and reasons, as CSV; None if there are none.

        Args:
            target: The file to write; `<name of the source>.quarantine.csv` in the current folder if None.

        Raises:
            BadSource: The file holds something else, or cannot be written.
        """
        if not len(self):
            return None
        path = Path(f"{self._text.path.stem}.quarantine.csv") if target is None else Path(target)
        try:
            if path.exists():
                if not path.is_file() or not self._is_there(path):
                    raise self._refusal(path, "that file exists already and holds something else; name another")
                return path
            with path.open("xb") as file:
                try:
                    file.writelines(self._as_csv())
                except OSError:
                    # Half a quarantine file would stand in the way of the next try.
                    path.unlink()
                    raise
        except OSError as error:
            raise self._refusal(path, f"{error.strerror or error}; name a file that can be written") from error
        return path

    def _is_there(self, path: Path) -> bool:
        with path.open("rb") as file:
            return all(file.read(len(piece)) == piece for piece in self._as_csv()) and not file.read(1)

    def _refusal(self, path: Path, why: str) -> BadSource:
        return BadSource(
            str(self._text.path),
            None,
            f"its {len(self):,} bad lines cannot be written to {str(path)!r}: {why}, with quarantine= (--quarantine). "
            "Nothing was appended",
        )

    def _as_csv(self) -> Iterator[bytes]:
        rows = np.flatnonzero(~self.good)
        reasons = {int(self._spool.numbers[row]): row for row in rows}
        yield b"quarantine_line,quarantine_reason,line\n"
        for number, line in self._text:
            reason = self._unread.get(number)
            if reason is None and number in reasons:
                row = int(reasons[number])
                reason = self._sequence[row]() if row in self._sequence else _COMPANION
            if reason is not None:
                text = io.StringIO(newline="")
                csv.writer(text, lineterminator="\n").writerow(
                    [number, guarded(reason), guarded(line.decode(errors="replace"))]
                )
                yield text.getvalue().encode()
