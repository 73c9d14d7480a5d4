"""One dump as a DuckDB table of texts, its key in a column of its own; for `orders_es.sources.dumps`.

Plain files go straight into DuckDB. A file that is anything else (another encoding, a workbook, rows that cannot be cut into
cells) goes the way of all tables, `orders_es.sources.tables`, which is slower and can say what is wrong where.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import BadSource
from orders_es.log.limits import LONGEST_ID
from orders_es.log.relation import quoted, text
from orders_es.sources.bad_rows import BadRows
from orders_es.sources.dumps.spelling import spell_keys
from orders_es.sources.rows.work_database import value
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.headers import match_columns, plain
from orders_es.sources.tables.source import SourceTable
from orders_es.sources.tables.special_files import refuse_special
from orders_es.sources.tables.times import read_times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import DamagedRow

__all__ = ["SEPARATOR", "LoadedDump", "digest_of", "load_dump"]

SEPARATOR = "-"
"""What stands between the parts of a key of several columns."""

_HEAD = 1 << 20
_DELIMITERS = ",;\t|"
_PLAIN = (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".txt")


@dataclass(slots=True)
class LoadedDump:
    """A dump that stands in DuckDB now: columns `row`, `k` (the key), and `d0`, `d1`, … .

    Args:
        path: The file.
        columns: The names of its columns, in their order.
        rows: How many rows it has, good and bad.
        bad: Those that cannot be imported, with reasons; None if there are none.
        nameless: Whether there are bad rows whose key cannot be read, so that no row that seems to be gone certainly is.
    """

    path: Path
    columns: list[str]
    rows: int
    bad: BadRows | None = None
    nameless: bool = False

    def column(self, wanted: str) -> str | None:
        """The name under which the dump has a column; case, blanks and punctuation do not count."""
        return next((name for name in self.columns if plain(name) == plain(wanted)), None)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        BadSource: It cannot be read.
    """
    refuse_special(path, pipes=False)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error


def load_dump(
    work: duckdb.DuckDBPyConnection,
    path: Path,
    key: Sequence[str],
    occurred: str | None,
    options: TableOptions,
    *,
    room: int = LONGEST_ID,
) -> LoadedDump:
    """Read a dump into DuckDB, where the view `good` shows its good rows and the table `own_time` their own times, if any.

    Args:
        key: The columns that name a row.
        occurred: The column of the rows' own times.
        options: How the file is read.
        room: How many bytes a key may have.

    Raises:
        BadSource: It cannot be read, lacks a column, or one has two readings.
    """
    damaged: tuple[DamagedRow, ...] = ()
    numbers: Any = None
    columns = _straight(work, path, key, options)
    if columns is None:
        columns, numbers, damaged = _with_care(work, path, key, options)
    loaded = LoadedDump(path, columns, int(value(work, "SELECT count(*) FROM dump")) + len(damaged))
    _require(path, columns, [*key, *([] if occurred is None else [occurred])])
    failures = _own_times(work, loaded, occurred, options, numbers)
    unread = spell_keys(work, path, {name: f"d{columns.index(loaded.column(name) or '')}" for name in key}, options)
    failures |= unread
    _note_bad(work, loaded, key, numbers, damaged, failures, room)
    loaded.nameless |= bool(unread)
    return loaded


def _own_times(
    work: duckdb.DuckDBPyConnection, loaded: LoadedDump, occurred: str | None, options: TableOptions, numbers: Any
) -> dict[int, str]:
    """Fill `own_time`, and give the reason, by row, where that cannot be done."""
    work.execute("CREATE OR REPLACE TABLE own_time (row BIGINT, t TIMESTAMPTZ)")
    if occurred is None:
        return {}
    name = loaded.column(occurred) or ""
    cells = work.sql(
        f"SELECT d{loaded.columns.index(name)} AS {quoted(name)} FROM dump ORDER BY rowid"
    ).to_arrow_table()
    places = np.arange(1, cells.num_rows + 1) if numbers is None else numbers
    parsed = read_times(SourceTable(loaded.path, b"", cells, {name: name}, places), name, options)
    work.register("parsed", pa.table({"row": pa.array(np.arange(cells.num_rows)), "t": parsed.values}))
    work.execute("INSERT INTO own_time SELECT row, t FROM parsed")
    work.unregister("parsed")
    return parsed.failures


def _straight(
    work: duckdb.DuckDBPyConnection, path: Path, key: Sequence[str], options: TableOptions
) -> list[str] | None:
    """Names of the columns of a file that DuckDB reads alone; None for one that takes more."""
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            names = list(pq.read_schema(path).names)
            _require(path, names, key)
            twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
            if twice is not None:
                raise BadSource(
                    str(path), None, f"two columns are called {twice!r}; rename or remove one. Nothing was appended"
                )
            cells = ", ".join(f"{quoted(column)}::VARCHAR AS d{i}" for i, column in enumerate(names))
            work.execute(f"CREATE OR REPLACE TABLE dump AS SELECT {cells} FROM read_parquet({text(str(path))})")
            return names
        if not name.endswith(_PLAIN) or (options.encoding or "utf-8").lower().replace("_", "-") not in (
            "utf-8",
            "utf8",
        ):
            return None
        header = _header(work, path, key, options)
        if header is None:
            return None
        names, delimiter = header
        cells = ", ".join(f"{text(f'd{i}')}: 'VARCHAR'" for i in range(len(names)))
        work.execute("DROP TABLE IF EXISTS reject_errors")
        work.execute("DROP TABLE IF EXISTS reject_scans")
        work.execute(
            f"CREATE OR REPLACE TABLE dump AS FROM read_csv({text(str(path))}, auto_detect = false, header = true, "
            f"skip = {(options.header_row or 1) - 1}, columns = {{{cells}}}, delim = {text(delimiter)}, quote = '\"', escape = '\"', "
            "nullstr = '', store_rejects = true)"
        )
        return None if value(work, "SELECT count(*) FROM reject_errors") else names
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError):
        # The other way reads it, or says what is wrong with it.
        return None
    except OSError as error:
        raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error


def _header(
    work: duckdb.DuckDBPyConnection, path: Path, key: Sequence[str], options: TableOptions
) -> tuple[list[str], str] | None:
    if path.name.lower().endswith((".gz", ".zst")):
        # The file's first line only, through the same reader.
        found = work.execute(
            f"SELECT line FROM read_csv({text(str(path))}, auto_detect = false, header = false, columns = {{'line': 'VARCHAR'}}, "
            f"delim = chr(1), quote = '', escape = '') LIMIT {options.header_row or 1}"
        ).fetchall()
        lines = [(line or "") + "\n" for (line,) in found]
    else:
        with path.open("rb") as file:
            lines = io.StringIO(file.read(_HEAD).decode("utf-8-sig", "replace"), newline="").readlines()
    lines = lines[(options.header_row or 1) - 1 :]
    if not lines:
        return None
    best: tuple[int, list[str], str] = (0, [], ",")
    for delimiter in options.separator or _DELIMITERS:
        names = [name.strip() for name in next(csv.reader(lines, delimiter=delimiter), [])]
        there = {plain(name) for name in names}
        score = sum(plain(name) in there for name in key)
        if score > best[0]:
            best = (score, names, delimiter)
    score, names, delimiter = best
    if score < len(key) or len(set(names)) < len(names) or not all(names) or "\ufffd" in "".join(names):
        return None
    return names, delimiter


def _with_care(
    work: duckdb.DuckDBPyConnection, path: Path, key: Sequence[str], options: TableOptions
) -> tuple[list[str], Any, tuple[DamagedRow, ...]]:
    if path.name.lower().endswith((".gz", ".zst")):
        raise BadSource(
            str(path),
            None,
            "there is something wrong in it; unpack it, and import it again to hear what. Nothing was appended",
        )
    source = read_source(path, {name: (name,) for name in key}, options=options, rows_required=False)
    names = source.table.column_names
    spelt = pa.table([_spelt(column) for column in source.table.columns], names=[f"d{i}" for i in range(len(names))])
    work.register("spelt", spelt)
    cells = ", ".join(f"nullif(d{i}, '') AS d{i}" for i in range(len(names)))
    work.execute(f"CREATE OR REPLACE TABLE dump AS SELECT {cells} FROM spelt")
    work.unregister("spelt")
    return names, source.numbers, source.damaged


def _spelt(column: Any) -> Any:
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return (values.dictionary_decode() if pa.types.is_dictionary(values.type) else values).cast(pa.string())


def _require(path: Path, names: Sequence[str], key: Sequence[str]) -> None:
    there = {plain(name) for name in names}
    missing = [name for name in key if plain(name) not in there]
    if missing:
        raise BadSource(
            str(path),
            None,
            f"it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} of the key; it has "
            f"{', '.join(map(repr, names)) or 'none'}. Nothing was appended",
        )
    match_columns(path, names, {name: (name,) for name in key})


def _note_bad(
    work: duckdb.DuckDBPyConnection,
    loaded: LoadedDump,
    key: Sequence[str],
    numbers: Any,
    damaged: tuple[DamagedRow, ...],
    failures: dict[int, str],
    room: int,
) -> None:
    """Find the rows that say nothing certain of any row of the table, and leave them out of `good`."""
    cells = [f"d{loaded.columns.index(loaded.column(name) or '')}" for name in key]
    parts = f" || '{SEPARATOR}' || ".join(f"nullif(trim({cell}), '')" for cell in cells)
    names = " and ".join(key)
    long = f"strlen(k) > {room:d}"
    within = " OR ".join(f"contains({cell}, '{SEPARATOR}')" for cell in cells) if len(cells) > 1 else "false"
    work.execute(
        f"CREATE OR REPLACE TEMP VIEW every AS SELECT rowid AS row, {parts} AS k, {within} AS joined, * FROM dump"
    )
    work.execute(
        f"CREATE OR REPLACE TEMP TABLE bad AS SELECT row, k, joined FROM every WHERE k IS NULL OR joined OR {long} "
        "OR k IN (SELECT k FROM every GROUP BY k HAVING count(*) > 1) OR row IN (SELECT unnest(?::BIGINT[]))",
        [list(failures)],
    )
    rows = work.execute("SELECT row, k, joined FROM bad ORDER BY row").fetchall()
    sound = "WHERE row NOT IN (SELECT row FROM bad)" if rows else ""
    work.execute(f"CREATE OR REPLACE TEMP VIEW good AS SELECT * FROM every {sound}")
    if not rows and not damaged:
        return
    cut = ", ".join(f"d{i} AS {quoted(name)}" for i, name in enumerate(loaded.columns))
    table = work.sql(f"SELECT {cut} FROM every WHERE row IN (SELECT row FROM bad) ORDER BY row").to_arrow_table()
    places = [row for row, _, _ in rows]
    where = np.array(places, dtype=np.int64) + 1 if numbers is None else numbers[places]
    bad = BadRows(SourceTable(loaded.path, b"", table, {}, where, damaged))
    first: dict[str, int] = {}
    for i, (row, k, joined) in enumerate(rows):
        if row in failures:
            bad.add({i: failures[row]})
        if k is None:
            bad.add({i: f"{names} is empty, and names the row"})
        elif len(k.encode()) > room:
            bad.add({i: f"{names} {k[:60] + '…'!r} is longer than {room:,} bytes"})
        elif joined:
            bad.add({i: f"a part of the key {k!r} holds {SEPARATOR!r}, which stands between the parts of a key"})
        elif k in first:
            bad.add({i: f"{names} {k!r} stands in row {where[first[k]]:,} already, and names one row"})
        else:
            first[k] = i
            if row not in failures:
                bad.add({i: f"{names} {k!r} stands in another row too, and names one row"})
    loaded.bad = bad
    loaded.nameless = bool(damaged) or any(k is None for _, k, _ in rows)
