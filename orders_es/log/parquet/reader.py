"""Reading data files: whole ones in position order, and the rows of a few streams out of many."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orders_es.errors import DamagedLog, LogError
from orders_es.log.columns import ARROW_TYPES, ENVELOPE_SCHEMA, TYPES, conform
from orders_es.log.envelope import SPARSE
from orders_es.log.parquet.footer import FORMATS, READING_FAILS, damaged, schema_of
from orders_es.log.parquet.small_reading import decode, table_of_files
from orders_es.log.relation import ENVELOPE_TYPES
from orders_es.log.scan import parquet_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.parquet.footer import Footer
    from orders_es.log.parquet.small_reading import Columns
    from orders_es.log.registry import EventRegistry

__all__ = ["Scanner", "Shifted", "columns_of_other_types", "encoded_file", "file_batches", "of_types", "small_file"]

_ENVELOPE_NAMES = ENVELOPE_SCHEMA.names
_KINDS = (
    lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind),
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_timestamp,
)
"""Types of one kind, as other programs may write them."""
_ENCODED_MOST = 64
"""Files of more events were written by pyarrow."""
_THREADS_FROM = 4_096
"""Events of a file from which on it is decoded by several threads."""


def file_batches(
    file: LogFile, checked: Checked, *, after: int, to: int, columns: Sequence[str], schema: pa.Schema, batch_size: int
) -> Iterator[pa.RecordBatch]:
    """A file's events with `after < position <= to`, checked: the file's digests, its footer, and positions without gaps.

    Args:
        checked: Holds the file to its digests.
        after: Begin after this position.
        to: End with this position.
        columns: The columns wanted; `position` is read as well.
        schema: The types of all columns; those the file lacks come as nulls.
        batch_size: At most so many events a batch.

    Raises:
        FileNotFoundError: It was superseded and vacuumed; list the log again.
        DamagedLog: It cannot be read, or does not hold what its name says.
    """
    encoded = encoded_file(file, checked)
    if encoded is not None:
        start, stop = max(after + 1 - file.first, 0), min(to, file.last) + 1 - file.first
        if start < stop:
            table = table_of_files([of_types(encoded[1], schema)], pa.schema([schema.field(name) for name in columns]))
            yield from table.slice(start, stop - start).to_batches(batch_size)
    else:
        yield from _batches(file, checked, after, to, columns, schema, batch_size)


def _batches(
    file: LogFile, checked: Checked, after: int, to: int, columns: Sequence[str], schema: pa.Schema, batch_size: int
) -> Iterator[pa.RecordBatch]:
    """As `file_batches`, through pyarrow."""
    try:
        footer = checked.sound(file.path)
        with pq.ParquetFile(file.path, page_checksum_verification=True) as parquet:
            if footer.first != file.first or parquet.metadata.num_rows != footer.last - footer.first + 1:
                raise DamagedLog(
                    file.path, "it does not hold the positions that its name says; restore it from a backup"
                )
            if footer.last != file.last:
                raise Shifted(file.path)
            names = parquet.schema_arrow.names
            needed = FORMATS[footer.format]
            lacking = [c for c in _ENVELOPE_NAMES if c not in names and (c not in SPARSE or c in needed)]
            if lacking:
                raise DamagedLog(file.path, f"it lacks the column {lacking[0]}; restore it from a backup")
            present = [c for c in columns if c in names]
            wanted = present if "position" in present else ["position", *present]
            groups, skipped = _row_groups(parquet, after - file.first + 1, to - file.first + 1)
            position = file.first + skipped
            # Threads cost a small file more than they save: it is read in half the time without.
            threads = file.count > _THREADS_FROM
            for batch in parquet.iter_batches(batch_size, row_groups=groups, columns=wanted, use_threads=threads):
                n = batch.num_rows
                values = batch.column("position")
                if values[0].as_py() != position or values[n - 1].as_py() != position + n - 1:
                    raise DamagedLog(
                        file.path, f"position {position} is not where it belongs; restore it from a backup"
                    )
                start = max(0, after + 1 - position)
                stop = min(n, to + 1 - position)
                position += n
                if start >= stop:
                    continue
                part = batch.slice(start, stop - start)
                yield _conformed(part, columns, schema)
    except (FileNotFoundError, LogError):
        raise
    except READING_FAILS as error:
        raise damaged(file.path, error) from error


class Shifted(DamagedLog):
    """A commit ends elsewhere than the next file begins: a file between them is missing, or the listing is stale."""

    def __init__(self, path: str, reason: str = "the file after it is missing; restore it from a backup") -> None:
        super().__init__(path, reason)


def _conformed(batch: pa.RecordBatch, columns: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
    # A column of another kind is one of an old version of its event; what it says today is for the payload to say.
    other = [
        f.name for f in batch.schema if f.name not in _ENVELOPE_NAMES and not _alike(f.type, schema.field(f.name).type)
    ]
    table = conform(pa.Table.from_batches([batch]).drop_columns(other), columns, schema)
    return table.combine_chunks().to_batches()[0]


def _alike(one: pa.DataType, other: pa.DataType) -> bool:
    return one == other or any(kind(one) and kind(other) for kind in _KINDS)


def _row_groups(parquet: pq.ParquetFile, after: int, to: int) -> tuple[list[int], int]:
    """The row groups that hold rows with `after <= index < to`, and how many rows lie before them."""
    groups, row, skipped = [], 0, 0
    for i in range(parquet.metadata.num_row_groups):
        n = parquet.metadata.row_group(i).num_rows
        if row + n <= after:
            skipped = row + n
        elif row < to:
            groups.append(i)
        row += n
    return groups, skipped


def encoded_file(file: LogFile, checked: Checked) -> tuple[Footer, Columns] | None:
    """The footer and all columns of a file that `small_encoding.encode` wrote, positions checked; None for any other.

    Raises:
        FileNotFoundError: It was superseded and vacuumed; list the log again.
        DamagedLog: Its bytes are not those that were written.
    """
    if file.kind != "commit" or file.count > _ENCODED_MOST:
        return None
    footer, data = checked.content(file.path)
    columns = decode(data) if footer.check else None  # held to its digest, it is as this package wrote it
    if columns is None or (footer.first, footer.last) != (file.first, file.last):
        return None
    positions = columns.get("position", ("", ()))[1]
    needed = FORMATS[footer.format]
    lacking = any(name not in columns for name in _ENVELOPE_NAMES if name not in SPARSE or name in needed)
    return None if lacking or list(positions) != list(range(file.first, file.last + 1)) else (footer, columns)


def of_types(columns: Columns, schema: pa.Schema) -> Columns:
    """The columns that are of the type that a schema gives them; any other is one of an old version of its event."""
    types = {field.name: field.type for field in schema}
    return {name: one for name, one in columns.items() if name in types and TYPES[one[0]] == types[name]}


def small_file(file: LogFile, checked: Checked) -> pa.Table:
    """The envelope of a small file's events, in memory. Raises as `file_batches` does."""
    batches = file_batches(
        file,
        checked,
        after=0,
        to=file.last,
        columns=_ENVELOPE_NAMES,
        schema=ENVELOPE_SCHEMA,
        batch_size=max(file.count, 1),
    )
    return pa.Table.from_batches(batches, schema=ENVELOPE_SCHEMA)


def columns_of_other_types(files: Sequence[LogFile], registry: EventRegistry) -> dict[str, tuple[pa.DataType, str]]:
    """The registry's columns that some files hold with another type: that type, and the first of those files.

    Args:
        files: Files of a chain, whose footers were looked at already.
        registry: What says which type they are to have.

    Raises:
        FileNotFoundError: A file was superseded and vacuumed; list the log again.
        DamagedLog: One cannot be read.
    """
    found: dict[str, tuple[pa.DataType, str]] = {}
    wanted = {name: ARROW_TYPES[kind] for name, kind in registry.columns.items()}
    for file in files:
        for field in schema_of(file.path):
            if field.name in wanted and not _alike(field.type, wanted[field.name]):
                found.setdefault(field.name, (field.type, file.path))
    return found


class _Shared:
    """The DuckDB that all scanners of a process ask, each question on a cursor of its own.

    It holds nothing: no table, no view, no cached bytes. To start one takes some 20 ms, which is more than most questions take.
    """

    def __init__(self) -> None:
        self._connection: Any = None
        self._pid = 0
        self._of_parents: list[Any] = []

    def cursor(self) -> Any:
        connection, pid = self._connection, self._pid
        if connection is None or pid != os.getpid():  # a connection does not survive a fork
            import duckdb

            if connection is not None and pid != os.getpid():
                self._of_parents.append(connection)  # its threads are the parent's, and so is its end
            connection = duckdb.connect()
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET enable_external_file_cache = false")
            # Without a lock, which a fork could inherit shut: the worst is that two threads start one each.
            self._connection, self._pid = connection, os.getpid()
        return connection.cursor()

    def forget(self) -> None:
        """Start anew at the next question: DuckDB answers none after a failure of its own."""
        self._connection = None


_SHARED = _Shared()


class Scanner:
    """DuckDB over a log's data files, for questions that concern a few rows of many.

    Args:
        checked: Holds the files to their digests before DuckDB reads them.
    """

    def __init__(self, checked: Checked) -> None:
        self._checked = checked

    @staticmethod
    def connection() -> Any:
        """A DuckDB that reads nothing of the log, for questions about SQL itself."""
        return _SHARED.cursor()

    def query(self, files: Iterable[LogFile], select: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The answer to a SELECT in which `{events}` stands for the files' envelope columns.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
            DamagedLog: A file cannot be read.
        """
        import duckdb

        paths = [file.path for file in files]
        self._checked.whole(paths)
        cursor: Any = None
        try:
            cursor = _SHARED.cursor()
            return cursor.sql(select.format(events=parquet_files(paths)), params=list(parameters)).to_arrow_table()
        except duckdb.Error as error:
            if isinstance(error, duckdb.FatalException):
                _SHARED.forget()
            gone = [path for path in paths if not os.path.exists(path)]
            if gone:
                raise FileNotFoundError(gone[0]) from error
            named = next((path for path in paths if path in str(error)), os.path.dirname(paths[0]))
            raise damaged(named, error) from error
        finally:
            if cursor is not None:
                cursor.close()

    def stream_rows(self, files: Sequence[LogFile], stream_ids: Sequence[str]) -> pa.Table:
        """The envelope of every event of some streams in these files, in position order."""
        if not files:
            return ENVELOPE_SCHEMA.empty_table()
        names = ", ".join(n if n != "event_id" else "event_id::VARCHAR AS event_id" for n in _ENVELOPE_NAMES)
        if len(stream_ids) == 1:
            condition: str = "stream_id = ?"
            parameter: Any = stream_ids[0]
        else:
            condition, parameter = "stream_id IN (SELECT unnest(?::VARCHAR[]))", list(stream_ids)
        events = (
            parquet_files([file.path for file in files], schema=ENVELOPE_TYPES).replace("{", "{{").replace("}", "}}")
        )
        table = self.query(files, f"SELECT {names} FROM {events} WHERE {condition} ORDER BY position", [parameter])
        texts = table.column("event_id").to_pylist()
        ids = pa.array([UUID(text).bytes for text in texts], pa.binary(16))
        table = table.set_column(3, "event_id", pa.ExtensionArray.from_storage(pa.uuid(), ids))
        return conform(table, _ENVELOPE_NAMES, ENVELOPE_SCHEMA)

    def stream_versions(self, files: Sequence[LogFile]) -> tuple[bytes, Any]:
        """Of every stream in these files the 16-byte key, joined, and the highest version."""
        table = self.query(
            files, "SELECT sha256(stream_id)[:32] AS key, max(version) AS version FROM {events} GROUP BY stream_id"
        )
        keys = bytes.fromhex("".join(table.column("key").to_pylist()))
        return keys, pc.cast(table.column("version"), pa.int32()).to_numpy()
