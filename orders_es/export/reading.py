"""What an exported file says of itself, and its rows: for auditors, and for `check_export`."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import NotAnExport
from orders_es.evidence import KEY, Provenance, facts_beside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["cover_and_rows", "read_facts", "read_provenance"]

_NO_WORD = (
    "it does not say which log it comes from; only files that `export` wrote do, as long as nobody saved them anew"
)


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """From which log, moment and definition an exported file was computed, as the file says. Read-only.

    Args:
        path: A file that `export`, `export_jsonl`, `export_ocel` or `export_xes` wrote; all but `.parquet` and `.xlsx` with the
            `.json` beside them.

    Raises:
        NotAnExport: The file does not say so, or is not the one that the file beside it speaks of.
        FileNotFoundError: There is no such file.

    Example:
        >>> import tempfile
        >>> from orders_es.export import export
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> done = export(connect(open_log(":memory:")), "orders", tempfile.mkdtemp() + "/orders.csv")
        >>> read_provenance(done.path) == done.provenance
        True
    """
    known, wrong = read_facts(Path(path))
    if wrong is not None:
        raise NotAnExport(str(path), wrong)
    return known


def read_facts(file: Path) -> tuple[Provenance, str | None]:
    """What a file says of itself, and how it is seen at once not to be what was written; None if it is not.

    Raises:
        NotAnExport: It does not say where it comes from.
        FileNotFoundError: There is no such file.
    """
    with file.open("rb"):  # the system's own words where it cannot be read
        pass
    within = {".parquet": _of_parquet, ".xlsx": _of_workbook}.get(file.suffix.lower())
    facts, wrong = (within(file), None) if within is not None else facts_beside(file)
    try:
        return Provenance.from_dict(json.loads(facts)), wrong
    except ValueError as error:
        raise NotAnExport(str(file), str(error)) from error


def _of_parquet(file: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(file).metadata or {}
    except pa.ArrowInvalid as error:
        raise NotAnExport(str(file), f"it is no Parquet file ({error})") from error
    facts: bytes | None = metadata.get(KEY.encode())
    if facts is None:
        raise NotAnExport(str(file), _NO_WORD)
    return facts.decode()


def _of_workbook(file: Path) -> str:
    with cover_and_rows(file) as (cover, _):
        facts = dict(cover).get(KEY)
    if not isinstance(facts, str):
        raise NotAnExport(str(file), _NO_WORD)
    return facts


class cover_and_rows:  # noqa: N801 - a context manager, called like a function
    """The cover sheet's rows, and the data sheet's, of a workbook; heads included. Needs the extra `excel`.

    Args:
        file: The workbook.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> tuple[list[tuple[Any, Any]], Iterator[tuple[Any, ...]]]:
        try:
            import openpyxl  # an extra
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError as error:
            raise ImportError("reading .xlsx needs openpyxl: pip install 'orders_es[excel]'") from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about styles, which are no data
            try:
                self._book = openpyxl.load_workbook(self._file, read_only=True, data_only=True)
            except (InvalidFileException, zipfile.BadZipFile, KeyError) as error:
                raise NotAnExport(str(self._file), f"it is no Excel workbook ({error})") from error
        sheets = self._book.worksheets
        if len(sheets) < 2:  # noqa: PLR2004 - the cover and the data
            self._book.close()
            raise NotAnExport(str(self._file), _NO_WORD)
        cover = [(row[0], row[1]) for row in map(_unescaped, sheets[0].iter_rows(values_only=True)) if len(row) > 1]
        return cover, map(_unescaped, sheets[1].iter_rows(values_only=True))

    def __exit__(self, *_: object) -> None:
        self._book.close()


def _unescaped(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cells with the characters that XML cannot have; openpyxl leaves them as the file spells them."""
    from openpyxl.utils.escape import unescape

    return tuple(unescape(value) if isinstance(value, str) and "_x" in value else value for value in row)
