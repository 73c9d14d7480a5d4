"""A folder of data files, looked at without believing it: for `verify`. Read-only."""

from __future__ import annotations

import os
import re
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import DamagedLog, InvalidEvent, LogError, NotALog
from orders_es.log.columns import ARROW_TYPES, ENVELOPE_SCHEMA
from orders_es.log.envelope import SPARSE
from orders_es.log.event import Head, LogFile, from_micros
from orders_es.log.merkle import EMPTY_RANGE
from orders_es.log.parquet.binding import Contents
from orders_es.log.parquet.by_stream import FOLDER, block_name
from orders_es.log.parquet.by_stream_check import wrong_with_copy
from orders_es.log.parquet.chain import COMMITS, SEGMENTS
from orders_es.log.parquet.digest_check import Checked
from orders_es.log.parquet.digests import altered_pieces, piece_ends
from orders_es.log.parquet.footer import READING_FAILS, Footer, damaged, stated_footer
from orders_es.log.parquet.identity import has_events, read_identity
from orders_es.log.parquet.reader import Scanner
from orders_es.log.parquet.sql_form_files import DirectReads
from orders_es.log.parquet.statistics import wrong_statistics
from orders_es.log.parquet.upcast_copies import UpcastCopies
from orders_es.log.survey import Finding, Stated, Stretch, everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log.registry import EventRegistry
    from orders_es.log.survey import Wanted

__all__ = ["FolderSurvey"]

_NAME = re.compile(r"(\d{20})(?:-(\d{20}))?\.parquet")
_RESTORE = "restore the file from a backup"


class FolderSurvey:
    """The files of a log's folder, damaged or not; see `Survey`.

    Args:
        registry: The event types that this program knows.
    """

    def __init__(self, folder: str, registry: EventRegistry) -> None:
        self._folder = folder
        self._registry = registry
        self._found: list[Finding] = []
        self._log_id = self._identity()
        self._files = self._chain()
        self._checked = Checked(self._log_id or self._said_by_files())

    def found(self) -> list[Finding]:
        """What is wrong beside the files themselves."""
        return self._found

    def head(self) -> Head:
        """The end of the log as its last readable footer states it."""
        for file in reversed(self._files):
            footer = stated_footer(file.path)
            if footer is not None:
                try:
                    recorded_at = from_micros(footer.recorded_at)
                except OverflowError:  # no time that there is
                    continue
                return Head(footer.last, recorded_at, footer.tree.root())
        return Head(0, None, EMPTY_RANGE.root())

    def stretches(self, wanted: Wanted = everything) -> Iterator[Stretch]:
        """The files, in order of position."""
        scanner = Scanner(self._checked)
        for file in self._files:
            yield self._stretch(file, scanner, read=wanted(file.first, file.last))

    def copies(self) -> Iterator[Finding]:
        """What is wrong with the copies sorted by stream, and with those of old events in today's columns."""
        yield from self._upcast_copies()
        for file in self._files:
            path = os.path.join(self._folder, FOLDER, block_name(file))
            footer = stated_footer(file.path)
            if os.path.exists(path) and footer is not None:
                what = wrong_with_copy(path, footer.log_id, file, footer, sound=self._is_sound(file))
                if what is not None:
                    yield Finding(path, f"{what}; remove it, and `orders-es compact` makes it anew")

    def _is_sound(self, file: LogFile) -> bool:
        try:
            return bool(self._checked.sound(file.path).check)
        except (LogError, OSError):
            return False

    def _upcast_copies(self) -> Iterator[Finding]:
        scanner, contents = Scanner(self._checked), Contents(self._registry)
        copies = UpcastCopies(self._folder, self._checked, self._registry)
        if not os.path.isdir(copies.place):
            return
        try:
            held = contents.up_to_date(self._files, scanner)
            direct = DirectReads(copies, self._checked, self._registry, scanner, read_only=True)
            for run in copies.runs(self._files, contents.old(self._files)):
                for path, what in (*copies.wrong(run), *direct.wrong(run, held)):
                    yield Finding(path, f"{what}; remove it, and it is made anew")
        except (LogError, InvalidEvent, FileNotFoundError):
            return  # what is wrong with the data files themselves is found where these are looked at

    # -- which files there are

    def _identity(self) -> uuid.UUID | None:
        try:
            return read_identity(self._folder).log_id
        except NotALog:
            if not has_events(Path(self._folder)):
                raise
            self._found.append(Finding(os.path.join(self._folder, "log.json"), f"it is of no log; {_RESTORE}"))
            return None
        except LogError as error:
            self._found.append(_finding(os.path.join(self._folder, "log.json"), error))
            return None

    def _said_by_files(self) -> uuid.UUID:
        """The log's identity as most files have it, where log.json does not say."""
        said = Counter(footer.log_id for file in self._files if (footer := stated_footer(file.path)) is not None)
        return said.most_common(1)[0][0] if said else uuid.UUID(int=0)

    def _names(self, part: str) -> list[tuple[int, int | None]]:
        folder = os.path.join(self._folder, part)
        found = []
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self._found.append(Finding(folder, f"it cannot be listed ({error.strerror}); restore it from a backup"))
            return []
        for name in names:
            match = _NAME.fullmatch(name)
            if match and (match[2] is not None) == (part == SEGMENTS):
                found.append((int(match[1]), None if match[2] is None else int(match[2])))
            elif name.endswith(".parquet") and not name.startswith("."):
                self._found.append(
                    Finding(os.path.join(folder, name), "no data file of a log has such a name; move it elsewhere")
                )
        return found

    def _chain(self) -> list[LogFile]:
        """The files that count: as `list_chain` has it, but past gaps and files that cannot be read."""
        commits = [first for first, _ in self._names(COMMITS)]
        widest: dict[int, int] = {}
        for first, last in self._names(SEGMENTS):
            widest[first] = max(last or 0, widest.get(first, 0))
        starts = sorted({*commits, *widest})
        chain: list[LogFile] = []
        position = 1
        for i, start in enumerate(starts):
            if start < position:
                continue
            if start > position:
                self._found.append(
                    Finding(
                        f"positions {position} to {start - 1}",
                        "their events are missing, though there are later ones; restore their files from a backup",
                    )
                )
            if start in widest:
                path = os.path.join(self._folder, SEGMENTS, f"{start:020d}-{widest[start]:020d}.parquet")
                file = LogFile(path, "segment", start, widest[start])
            else:
                path = os.path.join(self._folder, COMMITS, f"{start:020d}.parquet")
                later = next((other for other in starts[i + 1 :]), None)
                footer = stated_footer(path)
                last = later - 1 if later is not None else start if footer is None else footer.last
                if footer is not None and later is not None and start <= footer.last < later - 1:
                    last = footer.last  # what lies between is missing, and said to be
                file = LogFile(path, "commit", start, last)
            chain.append(file)
            position = file.last + 1
        return chain

    # -- one file

    def _stretch(self, file: LogFile, scanner: Scanner, *, read: bool) -> Stretch:
        found: list[Finding] = []
        altered: set[int] | None = None
        try:
            sound = self._checked.footer(file.path)
            altered = self._altered_groups(file, sound, found)
        except FileNotFoundError:
            if not os.path.lexists(file.path):  # merged by somebody else, and vacuumed: whoever asks begins again
                raise
            found.append(_in(file, f"it leads nowhere; {_RESTORE}"))
        except LogError as error:
            found.append(Finding(_positions(file), str(error)))
        except READING_FAILS as error:
            found.append(Finding(_positions(file), str(damaged(file.path, error))))
        footer = stated_footer(file.path)
        stated = None
        if footer is not None:
            stated = Stated(
                footer.first,
                footer.last,
                footer.recorded_at,
                footer.tree,
                footer.commit_id,
                footer.range,
                footer.streams,
            )
            found += _names_differ(file, footer)
        protected = footer is None or bool(footer.check)
        return Stretch(
            file.path,
            file.first,
            file.last,
            lambda: iter(()) if altered is None or not read else self._read_and_told(file, found, altered, footer),
            stated,
            found,
            protected=protected,
            nulls=frozenset() if found or not read else self._read_from_payload(file, scanner),
            left_out=not read,
        )

    def _altered_groups(self, file: LogFile, footer: Footer, found: list[Finding]) -> set[int]:
        """The row groups of a file with a sound footer in which bytes are not those that were written."""
        if not footer.pieces:
            return set()
        fd = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            altered = altered_pieces(fd, piece_ends(footer.pieces))
        finally:
            os.close(fd)
        if not altered:
            return set()
        with pq.ParquetFile(file.path) as parquet:
            metadata = parquet.metadata
            names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
            rows = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
        for number in altered:
            group, column = divmod(number, len(names))
            if group < len(rows):
                first = file.first + sum(rows[:group])
                place = f"positions {first} to {first + rows[group] - 1}"
                whose = f"column {names[column]}"
            else:
                place, whose = _positions(file), "its indexes"
            found.append(
                Finding(place, f"{file.path}: the bytes of {whose} are not those that were written; {_RESTORE}")
            )
        return {number // len(names) for number in altered}

    def _read_from_payload(self, file: LogFile, scanner: Scanner) -> frozenset[str]:
        """The event types whose values views take from the payload where a column of the file has none."""
        contents = Contents(self._registry)
        try:
            contents.up_to_date([file], scanner)
        except (LogError, FileNotFoundError):
            return frozenset()
        from_payload = contents.from_payload([file]) or contents.old([file])
        return frozenset(t.name for t in self._registry) if from_payload else frozenset()

    def _read_and_told(
        self, file: LogFile, found: list[Finding], altered: set[int], footer: Footer | None
    ) -> Iterator[pa.RecordBatch]:
        """As `_read`; and what the footer says of the types in the file is held to its events."""
        before = len(found)
        held: set[tuple[str, int]] = set()
        for batch in self._read(file, found, altered, protected=footer is None or bool(footer.check)):
            pairs = pa.Table.from_batches([batch.select(["type", "schema_version"])])
            rows = pairs.group_by(["type", "schema_version"]).aggregate([]).to_pydict()
            held |= set(zip(rows["type"], rows["schema_version"], strict=True))
            yield batch
        if footer is not None and footer.types is not None and not altered and len(found) == before:
            wrong = {(one.type, one.schema_version) for one in footer.types} ^ held
            if wrong:
                named = ", ".join(f"{name} v{version}" for name, version in sorted(wrong))
                found.append(
                    _in(file, f"its footer and its events differ in the types that are in it ({named}); {_RESTORE}")
                )

    def _read(
        self, file: LogFile, found: list[Finding], altered: set[int], *, protected: bool
    ) -> Iterator[pa.RecordBatch]:
        """The file's events, row group by row group; what cannot be read is noted and left out.

        Row groups that are known to be altered are not looked into, and statistics only where a digest says that they are
        those that were written: pyarrow ends the process over some that are not.
        """
        try:
            with pq.ParquetFile(file.path, page_checksum_verification=True) as parquet:
                metadata = parquet.metadata
                if metadata.num_rows != file.last - file.first + 1:
                    found.append(_in(file, f"it has {metadata.num_rows} rows and not {file.count}; {_RESTORE}"))
                found += _schema_differs(file, parquet.schema_arrow, self._registry)
                position = file.first
                for g in range(metadata.num_row_groups):
                    rows = metadata.row_group(g).num_rows
                    where = f"positions {position} to {position + rows - 1}"
                    position += rows
                    if g in altered:
                        continue
                    try:
                        table = parquet.read_row_group(g)
                        wrong = wrong_statistics(file.path, metadata.row_group(g), table) if protected else ()
                        found += [Finding(where, f"{file.path}: {what}; {_RESTORE}") for what in wrong]
                    except READING_FAILS as error:
                        found.append(Finding(where, str(damaged(file.path, error))))
                        continue
                    for batch in table.to_batches(65_536):
                        usable = _usable(batch)
                        if isinstance(usable, str):
                            found.append(Finding(where, f"{file.path}: {usable}; {_RESTORE}"))
                        else:
                            yield usable
        except LogError as error:
            found.append(Finding(_positions(file), str(error)))
        except READING_FAILS as error:
            if not found:
                found.append(Finding(_positions(file), str(damaged(file.path, error))))


def _positions(file: LogFile) -> str:
    return f"positions {file.first} to {file.last}"


def _in(file: LogFile, what: str) -> Finding:
    return Finding(_positions(file), f"{file.path}: {what}")


def _finding(where: str, error: Exception) -> Finding:
    return Finding(where, error.reason if isinstance(error, DamagedLog) else str(error))


def _names_differ(file: LogFile, footer: Footer) -> list[Finding]:
    found = []
    if (footer.first, footer.last) != (file.first, file.last):
        said = f"its footer says positions {footer.first} to {footer.last}"
        found.append(_in(file, f"{said}, and its name and place {file.first} to {file.last}; {_RESTORE}"))
    if footer.kind != file.kind:
        found.append(_in(file, f"its footer says that it is a {footer.kind}; {_RESTORE}"))
    return found


def _schema_differs(file: LogFile, schema: pa.Schema, registry: EventRegistry) -> list[Finding]:
    """Columns that are missing, twice there, of another type, or of no event type that the program knows."""
    names = schema.names
    lacking = [name for name in ENVELOPE_SCHEMA.names if name not in names and name not in SPARSE]
    found = [_in(file, f"it lacks the column {name}; {_RESTORE}") for name in lacking]
    wanted = {field.name: field.type for field in ENVELOPE_SCHEMA}
    wanted |= {name: ARROW_TYPES[kind] for name, kind in registry.columns.items()}
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            found.append(_in(file, f"it has the column {name} {names.count(name)} times; {_RESTORE}"))
        elif (
            name in wanted
            and schema.field(name).type != wanted[name]
            and not (
                registry.evolves and name in registry.columns  # of an old version, of which nobody reads the columns
            )
        ):
            kinds = f"{schema.field(name).type} and not {wanted[name]}"
            found.append(_in(file, f"its column {name} is {kinds}; {_RESTORE}"))
    return found


def _usable(batch: pa.RecordBatch) -> pa.RecordBatch | str:
    """A batch with the envelope as it should be, or why it is of no use."""
    columns: list[Any] = []
    fields: list[pa.Field] = []
    for field in ENVELOPE_SCHEMA:
        index = batch.schema.get_field_index(field.name)
        if index < 0 and field.name in SPARSE:
            continue
        if index < 0:
            return f"the column {field.name} is missing"
        values = batch.column(index)
        try:
            if values.type != field.type:
                values = values.cast(field.type)
            values.validate(full=True)  # text that is no UTF-8, for one
        except (pa.ArrowException, ValueError) as error:
            return f"the column {field.name} cannot be read ({str(error).splitlines()[0]})"
        if not field.nullable and values.null_count:
            return f"the column {field.name} has nulls"
        columns.append(values)
        fields.append(field)
    for name in dict.fromkeys(batch.schema.names):
        if name not in ENVELOPE_SCHEMA.names and batch.schema.names.count(name) == 1:
            fields.append(batch.schema.field(name))
            columns.append(batch.column(name))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
