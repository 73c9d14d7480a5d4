"""Copies of data files with old event versions, in today's columns: what SQL reads in their place. Derived; docs/format.md.

`derived/upcast/<fingerprint of the registry>/` holds, for each run of data files with events that upcasters read, one Parquet file
with all their events as they are today. Its name carries the positions, a hash of the events' leaves, and the digest of its own
bytes, so that nothing else has to be believed. It is made once, by the upcasters, and may be deleted at any time. Where the log's
folder takes no more files, copies lie in a temporary folder and are gone with the process.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import uuid
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import ReadOnlyLog, StorageError
from orders_es.log.columns import ENVELOPE_SCHEMA, event_schema
from orders_es.log.copy_files import digest_of, names_in, sound_in
from orders_es.log.derived_lock import making
from orders_es.log.event import LogFile
from orders_es.log.parquet.reader import file_batches
from orders_es.log.parquet.writer import ROW_GROUP, parquet_writer
from orders_es.log.reshredding import Reshredder, refusals_of, refusals_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from orders_es.log.merkle import CompactRange
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.registry import EventRegistry
    from orders_es.log.shredding import Reading

__all__ = ["FOLDER", "Copy", "UpcastCopies"]

FOLDER = os.path.join("derived", "upcast")
_RUN = 4_096
"""A run of small files ends once it has so many events, so that one more commit makes no more than these be copied again."""
_REFUSALS = b"orders_es.refusals"
_Identity = tuple[int, int, int, int]


class Copy(NamedTuple):
    """A copy that can be read.

    Args:
        file: The copy's path, and the positions that it stands for.
        refusals: What the rule for payloads refuses, by position.
    """

    file: LogFile
    refusals: dict[int, Reading]


class UpcastCopies:
    """The copies of one log's files for one registry. Nothing is written until one is asked for that is not there.

    Args:
        folder: The log's folder.
        checked: Holds data files to their digests.
        registry: What says how events are read.
        read_only: Leave the log's folder as it is, whether it takes files or not.
    """

    def __init__(self, folder: str, checked: Checked, registry: EventRegistry, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        self._checked = checked
        self._registry = registry
        self._ranges: dict[tuple[int, int], CompactRange] = {}
        self._known: dict[tuple[str, int, int], tuple[Copy, _Identity]] = {}

    @property
    def place(self) -> str:
        """Where the copies for the registry as it is now lie."""
        return os.path.join(self._folder, FOLDER, self._registry.fingerprint[:32])

    @property
    def elsewhere(self) -> str:
        """Where copies lie that find no place in the log's folder: in a folder of this process."""
        return os.path.join(_passing(os.getpid()), str(self._checked.log_id))

    def runs(self, files: Sequence[LogFile], old: Collection[str]) -> Iterator[list[LogFile]]:
        """The data files that need a copy, those that share one together.

        Args:
            files: The chain of files.
            old: The paths of those with events that upcasters read.
        """
        run: list[LogFile] = []
        for file in files:
            if file.path in old:
                run.append(file)
            if run and (file.path not in old or file.last - run[0].first + 1 >= _RUN):
                yield run
                run = []
        if run:
            yield run

    def found(self, run: Sequence[LogFile]) -> Copy | None:
        """The copy of some neighbouring files, if it is there already. Raises `FileNotFoundError` and `DamagedLog` as `copy_of` does."""
        first, last, place = run[0].first, run[-1].last, self.place
        known = self._known.get((place, first, last))
        if known is not None and _identity(known[0].file.path) == known[1]:
            return known[0]
        stem = f"{first:020d}-{last:020d}-{self._events(run)}-"
        path = sound_in(place, stem, mend=not self._read_only)
        return None if path is None else self._read(path, first, last)

    def copy_of(self, run: Sequence[LogFile], *, lasting: bool = False) -> tuple[Copy, bool]:
        """The copy of some neighbouring files, and whether it was made just now.

        Args:
            lasting: Whether it has to be in the log's folder; one in a temporary folder, where that takes none, is refused then.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish.
            FileNotFoundError: A data file was superseded and vacuumed; list the log again.
            DamagedLog: One cannot be read.
            ReadOnlyLog, StorageError: The copy cannot be written, neither there nor in a temporary folder.
        """
        first, last, place = run[0].first, run[-1].last, self.place
        known = self._known.get((place, first, last))
        if (
            known is not None
            and _identity(known[0].file.path) == known[1]
            and not (lasting and not known[0].file.path.startswith(place))
        ):
            return known[0], False
        stem = f"{first:020d}-{last:020d}-{self._events(run)}-"
        path = sound_in(place, stem, mend=not self._read_only)
        made = path is None
        if path is None:
            path = self._make(run, place, stem) if lasting else self._made_somewhere(run, place, stem)
        return self._read(path, first, last), made

    def _read(self, path: str, first: int, last: int) -> Copy:
        found = pq.read_metadata(path).metadata or {}
        copy = Copy(LogFile(path, "segment", first, last), refusals_of(found.get(_REFUSALS, b"{}").decode()))
        identity = _identity(path)
        assert identity is not None
        self._known[self.place, first, last] = copy, identity
        return copy

    def _made_somewhere(self, run: Sequence[LogFile], place: str, stem: str) -> str:
        """A new copy in the log's folder or, where that takes none, one in this process's temporary folder."""
        if not self._read_only and not self._registry.tolerates:  # what lacks events is for a look, and is left nowhere
            with suppress(ReadOnlyLog, StorageError):
                return self._make(run, place, stem)
        with suppress(FileExistsError):
            os.mkdir(_passing(os.getpid()), 0o700)
        elsewhere = os.path.join(self.elsewhere, os.path.basename(place))
        return sound_in(elsewhere, stem) or self._make(run, elsewhere, stem)

    def wrong(self, run: Sequence[LogFile]) -> Iterator[tuple[str, str]]:
        """The copies of some neighbouring files that are not what these give, recomputed whole, and why: for `verify`. Read-only.

        Raises:
            UpcastFailed, FileNotFoundError, DamagedLog: As `copy_of` does.
        """
        stem = f"{run[0].first:020d}-{run[-1].last:020d}-{self._events(run)}-"
        for name in names_in(self.place, stem):
            path = os.path.join(self.place, name)
            if name != f"{stem}{digest_of(path)}.parquet":
                yield path, "its bytes are not those that its name says, and it is not used"
            elif not self._is_what_it_should_be(path, run):
                yield path, "its events are not those of its data files: it is forged, or was made from files that were"

    def _is_what_it_should_be(self, path: str, run: Sequence[LogFile]) -> bool:
        made = Reshredder(self._registry)
        refusals: dict[int, Reading] = {}
        try:
            with pq.ParquetFile(path) as parquet:
                groups = (parquet.read_row_group(i) for i in range(parquet.num_row_groups))
                filled = (group for group in groups if group.num_rows)
                for stored in self._stored(run):
                    table, refused = made.table(stored)
                    refusals |= refused
                    if table.num_rows and not _equal(table, next(filled, None)):
                        return False
                said = (parquet.metadata.metadata or {}).get(_REFUSALS, b"{}").decode()
                return next(filled, None) is None and refusals_of(said) == refusals
        except (pa.ArrowException, ValueError):  # it is no such file
            return False
        finally:
            made.close()

    def others(self) -> list[str]:
        """The folders of copies that were made for other registries: by older programs, or for newer ones."""
        place = os.path.join(self._folder, FOLDER)
        with suppress(FileNotFoundError, NotADirectoryError):
            return sorted(
                os.path.join(place, name) for name in os.listdir(place) if name != os.path.basename(self.place)
            )
        return []

    def _events(self, run: Sequence[LogFile]) -> str:
        """A hash of the events in some neighbouring files, wherever they lie."""
        merged: CompactRange | None = None
        for file in run:
            key = (file.first, file.last)
            if key not in self._ranges:
                self._ranges[key] = self._checked.footer(file.path).range
            merged = self._ranges[key] if merged is None else merged.merge(self._ranges[key])
        assert merged is not None
        return sha256(b"".join((self._checked.log_id.bytes, *merged.hashes))).hexdigest()[:32]

    def _make(self, run: Sequence[LogFile], place: str, stem: str) -> str:
        temporary = os.path.join(place, f".{uuid.uuid4().hex}.tmp")
        try:
            os.makedirs(place, exist_ok=True)
            with making(os.path.dirname(os.path.dirname(place))):
                return self._made_under_lock(run, place, stem, temporary)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise ReadOnlyLog(place) from error
        except OSError as error:
            raise StorageError(place, error.strerror or str(error)) from error

    def _made_under_lock(self, run: Sequence[LogFile], place: str, stem: str, temporary: str) -> str:
        schema = event_schema(self._registry.columns)
        refusals: dict[int, Reading] = {}
        made = Reshredder(self._registry)
        try:
            rows = sum(file.count for file in run)
            with parquet_writer(temporary, schema, rows) as writer:
                for stored in self._stored(run):
                    table, refused = made.table(stored)
                    refusals |= refused
                    writer.write_table(table, ROW_GROUP)
                writer.add_key_value_metadata({_REFUSALS.decode(): refusals_text(refusals)})
            path = os.path.join(place, f"{stem}{digest_of(temporary)}.parquet")
            os.replace(temporary, path)
        finally:
            made.close()
            with suppress(OSError):
                os.unlink(temporary)
        return path

    def _stored(self, run: Sequence[LogFile]) -> Iterator[pa.Table]:
        """The events of some files, in tables of about a row group."""
        gathered: list[pa.RecordBatch] = []
        rows = 0
        for file in run:
            for batch in file_batches(
                file,
                self._checked,
                after=0,
                to=file.last,
                columns=ENVELOPE_SCHEMA.names,
                schema=ENVELOPE_SCHEMA,
                batch_size=ROW_GROUP,
            ):
                if rows and rows + batch.num_rows > ROW_GROUP:
                    yield pa.Table.from_batches(gathered, ENVELOPE_SCHEMA)
                    gathered, rows = [], 0
                gathered.append(batch)
                rows += batch.num_rows
        if gathered:
            yield pa.Table.from_batches(gathered, ENVELOPE_SCHEMA)


@functools.cache
def _passing(process: int) -> str:
    """The name of a folder that goes with the process: views that are bound to files in it may outlive a log's handle."""
    place = os.path.join(tempfile.gettempdir(), f"orders_es-upcast-{process}-{uuid.uuid4().hex}")

    def remove() -> None:
        if os.getpid() == process:  # a child by fork runs this, too
            shutil.rmtree(place, ignore_errors=True)

    atexit.register(remove)
    return place


def _equal(table: pa.Table, found: pa.Table | None) -> bool:
    return found is not None and found.column_names == table.column_names and found.cast(table.schema).equals(table)


def _identity(path: str) -> _Identity | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
