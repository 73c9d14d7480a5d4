"""Merging small files into segments. docs/format.md has the protocol."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import DamagedLog, InvalidArgument, RegistrationClash, StorageError
from orders_es.log.columns import ENVELOPE_SCHEMA, TYPES, conform
from orders_es.log.envelope import ENVELOPE, SPARSE
from orders_es.log.leaf import leaf_hashes
from orders_es.log.maintenance import Compacted
from orders_es.log.merkle import CompactRange
from orders_es.log.parquet.chain import COMMITS, SEGMENTS, list_chain, segment_name
from orders_es.log.parquet.digests import seal
from orders_es.log.parquet.footer import KEY, READING_FAILS, Footer, damaged, format_of
from orders_es.log.parquet.reader import encoded_file, file_batches, of_types
from orders_es.log.parquet.same_folder import mark_of
from orders_es.log.parquet.small_reading import table_of_files
from orders_es.log.parquet.storage import publish, replace
from orders_es.log.parquet.writer import ROW_GROUP, await_writing, parquet_writer, pieces_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.parquet.same_folder import Mark
    from orders_es.log.parquet.small_reading import Columns

__all__ = ["compact", "merge", "plan"]

_DOMINANT = 0.8
"""A file that holds more of a run's events than this is left out, so that no event is rewritten again and again."""
_HASHED_AT_ONCE = 8_192
_KEPT_MOST = 8_192
"""So many small files are kept in memory between looking at their columns and merging them; others are read again."""


def plan(chain: list[LogFile], target_events: int) -> list[list[LogFile]]:
    """The runs of neighbouring files that are worth merging, each into one segment.

    Args:
        target_events: A segment's largest size; files of half of it or more stay as they are.

    Example:
        >>> from orders_es.log.event import LogFile
        >>> [len(run) for run in plan([LogFile("a", "commit", 1, 1), LogFile("b", "commit", 2, 2)], 1000)]
        [2]
    """
    runs: list[list[LogFile]] = []
    run: list[LogFile] = []
    events = 0
    for file in chain:
        fits = file.count * 2 < target_events
        if run and not (fits and events + file.count <= target_events):
            runs += _worthwhile(run)
            run, events = [], 0
        if fits:
            run.append(file)
            events += file.count
    return runs + _worthwhile(run)


def _worthwhile(run: list[LogFile]) -> list[list[LogFile]]:
    """The parts of a run that are worth merging; a file that holds most of it stays, and parts what is around it."""
    parts: list[list[LogFile]] = []
    open_ = [run]
    while open_:
        part = open_.pop()
        if len(part) < 2:  # noqa: PLR2004 - one file is merged already
            continue
        total = sum(file.count for file in part)
        largest = max(range(len(part)), key=lambda i: part[i].count)
        if len(part) > 2 and part[largest].count > _DOMINANT * total:  # noqa: PLR2004 - two files just merge
            open_ += [part[largest + 1 :], part[:largest]]
        else:
            parts.append(part)
    return parts


def compact(folder: str, checked: Checked, chain: list[LogFile], target_events: int) -> Compacted:
    """Merge every run that is worth it, and write anew each file that has no digests.

    Raises:
        ValueError: The target is too small.
        DamagedLog: A file does not hold what its footer says, or what was written does not read back the same.
        RegistrationClash: A field has two types in two files.
        ReadOnlyLog: The folder cannot be written.
        StorageError: The disk refused; the log is as it was.
    """
    if target_events < 2:  # noqa: PLR2004 - fewer than two events cannot be merged
        raise InvalidArgument(f"target_events={target_events}: give 2 or more")
    started = time.monotonic()
    runs = plan(chain, target_events)
    merged = {file.path for run in runs for file in run}
    runs += [[file] for file in chain if file.path not in merged and not checked.protects(file.path)]
    done = [run for run in runs if merge(folder, checked, run)]
    after = len(chain) - sum(len(run) - 1 for run in done)
    events = sum(file.count for run in done for file in run)
    return Compacted(len(chain), after, len(done), events, time.monotonic() - started)


def merge(
    folder: str,
    checked: Checked,
    run: list[LogFile],
    *,
    change: Callable[[pa.Table], pa.Table] | None = None,
) -> bool:
    """Whether one run is now one segment, put in place by this call; False where somebody else was first.

    Args:
        run: Neighbouring files.
        change: What is done to their events on the way, without a change to any leaf; whoever does that holds the lock of
            `commits` alone, so that nobody merges what was there before.

    Raises:
        DamagedLog, RegistrationClash, ReadOnlyLog, StorageError: As `compact` does.
    """
    first, last = run[0].first, run[-1].last
    log_id = checked.log_id
    marks = _marks(run)
    encoded: dict[str, tuple[Footer, Columns]] = {}
    try:
        schema = _schema_of(run, checked, encoded)
    except FileNotFoundError:  # merged by others, and vacuumed
        return False
    kind = format_of(schema.names)
    footers: list[Footer] = []
    gone: list[FileNotFoundError] = []

    def write(file: BinaryIO) -> None:
        with parquet_writer(file, schema, last - first + 1) as writer:
            groups = _row_groups(_verified(run, checked, schema, footers, encoded), schema)
            try:
                written = _written(writer, groups if change is None else map(change, groups))
            except FileNotFoundError as error:
                gone.append(error)
                raise
            merged = footers[0].range
            for footer in footers[1:]:
                merged = merged.merge(footer.range)
            end = footers[-1]
            known = [footer.types for footer in footers]
            types = None if None in known else sorted({one for some in known for one in some or ()})
            footer = Footer(
                log_id,
                "segment",
                first,
                last,
                end.commit_id,
                end.recorded_at,
                merged,
                end.tree,
                format=kind,
                types=types,
            )
            writer.add_key_value_metadata({KEY: footer.to_bytes(pieces_of(schema, last - first + 1))})
        seal(file, pieces_of(schema, last - first + 1))
        _read_back(file, written)

    place = os.path.join(folder, SEGMENTS)
    lock = os.path.join(folder, COMMITS) if change is None else None
    try:
        if run[0].path == os.path.join(place, segment_name(first, last)):
            replace(place, segment_name(first, last), write)
            return True
        return publish(
            place, segment_name(first, last), write, lock=lock, vouch=lambda _: _fits(folder, log_id, run, marks)
        )
    except StorageError:
        if gone:
            return False
        raise


def _written(writer: pq.ParquetWriter, groups: Iterable[pa.Table]) -> list[pa.Table]:
    """The row groups, all of them written: each while the next one is read."""
    written: list[pa.Table] = []
    writing: Future[None] | None = None
    with ThreadPoolExecutor(1) as pool:
        try:
            for group in groups:
                if writing is not None:
                    writing.result()
                writing = pool.submit(writer.write_table, group, ROW_GROUP)
                written.append(group)
        finally:
            if writing is not None:
                await_writing(writing)
        if writing is not None:
            writing.result()
    return written


def _fits(folder: str, log_id: uuid.UUID, run: list[LogFile], marks: list[Mark]) -> bool:
    """Whether a segment still begins and ends where files of the log do, and those that went in are what they were."""
    if not marks or _marks(run) != marks:  # somebody erased something in them
        return False
    chain = list_chain(folder, log_id).chain
    return any(file.first == run[0].first for file in chain) and any(file.last == run[-1].last for file in chain)


def _marks(run: list[LogFile]) -> list[Mark]:
    """What tells the files of a run from any others under their names; nothing where one of them is gone."""
    try:
        return [mark_of(os.stat(file.path)) for file in run]
    except OSError:
        return []


def _schema_of(run: list[LogFile], checked: Checked, encoded: dict[str, tuple[Footer, Columns]]) -> pa.Schema:
    """The columns of a merged file; the contents of small files, read on the way, are put into `encoded`."""
    fields: dict[str, pa.Field] = {field.name: field for field in ENVELOPE_SCHEMA if field.name not in SPARSE}
    clashing: set[str] = set()
    seen: set[tuple[tuple[str, str], ...]] = set()
    for file in run:
        small = encoded_file(file, checked)
        if small is None:
            found = _fields_of(file, checked)
        else:
            if len(encoded) < _KEPT_MOST:
                encoded[file.path] = small
            kinds = tuple((name, kind) for name, (kind, _) in small[1].items())
            found = [] if kinds in seen else [pa.field(name, TYPES[kind]) for name, kind in kinds]
            seen.add(kinds)
        for field in found:
            known = fields.setdefault(field.name, field.remove_metadata())
            if known.type != field.type:
                if field.name in ENVELOPE_SCHEMA.names:
                    raise RegistrationClash(
                        field.name, f"it is {known.type} in some files of the log and {field.type} in {file.path}"
                    )
                clashing.add(field.name)
    # A field that changed its type with a version of its event: the merged file leaves it to the payloads.
    order = {name: place for place, name in enumerate(ENVELOPE)}
    kept = [field for name, field in fields.items() if name not in clashing]
    return pa.schema(sorted(kept, key=lambda field: order.get(field.name, len(order))))


def _fields_of(file: LogFile, checked: Checked) -> list[pa.Field]:
    checked.whole([file.path])
    try:
        return list(pq.read_schema(file.path))
    except FileNotFoundError:
        raise
    except READING_FAILS as error:
        raise damaged(file.path, error) from error


def _verified(
    run: list[LogFile],
    checked: Checked,
    schema: pa.Schema,
    footers: list[Footer],
    encoded: dict[str, tuple[Footer, Columns]],
) -> Iterator[pa.RecordBatch]:
    """The run's events. Each file is held to its digests, and what is small or has none to the hashes in its footer.

    The footers are put into `footers`. Many small files are hashed at once: one by one, that takes longer than reading them.
    """
    gathered: list[tuple[LogFile, Footer, Columns]] = []
    rows = 0
    for file in run:
        small = encoded.pop(file.path, None) or encoded_file(file, checked)
        footer = checked.footer(file.path) if small is None else small[0]
        footers.append(footer)
        if small is not None:
            gathered.append((file, footer, of_types(small[1], schema)))
            rows += file.count
        if rows and (small is None or rows >= _HASHED_AT_ONCE):
            yield from _hashed(gathered, schema)
            gathered, rows = [], 0
        if small is not None:
            continue
        found = CompactRange(file.first - 1, file.first - 1, ())
        hashed = file.count <= _HASHED_AT_ONCE or not footer.check
        for batch in file_batches(
            file, checked, after=0, to=file.last, columns=schema.names, schema=schema, batch_size=ROW_GROUP
        ):
            if hashed:
                found = found.merge(CompactRange.of_leaves(found.end, leaf_hashes(batch)))
            yield batch
        if hashed:
            _hold(file, footer, found)
    yield from _hashed(gathered, schema)


def _hashed(gathered: list[tuple[LogFile, Footer, Columns]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The events of some small files, in one batch, once each file's hashes are those in its footer."""
    if not gathered:
        return
    table = table_of_files([columns for _, _, columns in gathered], schema)
    leaves = leaf_hashes(table)
    start = 0
    for file, footer, _ in gathered:
        _hold(file, footer, CompactRange.of_leaves(file.first - 1, leaves[start : start + file.count]))
        start += file.count
    yield from table.to_batches()


def _hold(file: LogFile, footer: Footer, found: CompactRange) -> None:
    if found != footer.range:
        raise DamagedLog(file.path, "its events do not have the hashes in its footer; restore it from a backup")


def _row_groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    gathered: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        gathered.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP:
            table = pa.Table.from_batches(gathered, schema)
            yield table.slice(0, ROW_GROUP)
            gathered = table.slice(ROW_GROUP).combine_chunks().to_batches()
            rows -= ROW_GROUP
    if rows:
        yield pa.Table.from_batches(gathered, schema)


def _read_back(file: Any, written: list[pa.Table]) -> None:
    """Hold what lies on disk now to what was to be written, value by value."""
    expected = iter(written)
    with os.fdopen(os.dup(file.fileno()), "rb") as again:
        again.seek(0)
        with pq.ParquetFile(again, page_checksum_verification=True) as parquet:
            same = parquet.metadata.num_row_groups == len(written)
            for group in range(parquet.metadata.num_row_groups):
                wanted = next(expected, None)
                found = parquet.read_row_group(group)
                same = same and wanted is not None and conform(found, wanted.schema.names, wanted.schema).equals(wanted)
    if not same:
        raise DamagedLog(
            str(getattr(file, "name", "")), "the merged file does not read back as it was written; it was dropped"
        )
