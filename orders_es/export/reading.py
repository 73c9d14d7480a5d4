"""What an exported file says of itself, and its rows: for auditors, and for `check_export`."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import NotAnExport
from orders_es.export.provenance import KEY, Provenance

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["cover_and_rows", "read_provenance"]

_NO_WORD = (
    "it does not say which log it comes from; only files that `export` wrote do, as long as nobody saved them anew"
)


def read_provenance(path: str | os.PathLike[str]) -> Provenance:
    """From which log, moment and definition an exported file was computed, as the file says. Read-only.

    Args:
        path: A `.parquet`, `.xlsx` or `.csv` file that `export` wrote; the last with its `.csv.json` beside it.

    Raises:
        NotAnExport: The file does not say so, or a CSV file is not the one that the file beside it speaks of.
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
    file = Path(path)
    reader = {".parquet": _of_parquet, ".csv": _of_csv, ".xlsx": _of_workbook}.get(file.suffix.lower())
    if reader is None:
        raise NotAnExport(str(path), "its name ends in none of .parquet, .csv and .xlsx")
    with file.open("rb"):  # the system's own words where it cannot be read
        pass
    facts = reader(file)
    try:
        return Provenance.from_dict(json.loads(facts))
    except ValueError as error:
        raise NotAnExport(str(path), str(error)) from error


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


def _of_csv(file: Path) -> str:
    beside = file.with_name(file.name + ".json")
    try:
        text = beside.read_text(encoding="utf-8")
        said = json.loads(text)["file_sha256"]
    except FileNotFoundError:
        raise NotAnExport(str(file), f"{beside.name!r} should be beside it and say where it comes from") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnExport(str(file), f"{beside.name!r} beside it is not as `export` writes it ({error})") from error
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != said:
        raise NotAnExport(
            str(file), f"it was changed after the export: {beside.name!r} speaks of a file of another SHA-256"
        )
    return text


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
