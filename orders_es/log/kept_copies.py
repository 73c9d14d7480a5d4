"""Events of logs in databases as they are today, kept in files beside the log: so that no session makes them once more.

A session over such a log copies its events into its own DuckDB. Where upcasters read some of them, that is dear; so what came out
stays in `<place>/<fingerprint of the registry>/<first>-<last>-<root>-<digest>.parquet`: the events of these positions as they are
today, the root of the log's tree after the last of them, and the digest of the file's own bytes. Each file begins and ends where a
commit does, and is read only where the log states that very root there. All of it is derived and may be deleted at any time.
"""

from __future__ import annotations

import re
import shutil
import uuid
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.errors import StorageError
from orders_es.log.copy_files import digest_of, names_in
from orders_es.log.derived_lock import making
from orders_es.log.maintenance import Reshredded
from orders_es.log.reshredding import todays
from orders_es.log.upcast_tables import old_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeAlias

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry

    Read: TypeAlias = Callable[[int, int], Iterator[pa.RecordBatch]]
    """Gives the events after a position up to another as recorded, with all columns."""

__all__ = ["KeptCopies"]

_LEAST = 16_384
"""Fewer events than this are made today's again by each session: that takes a fraction of a second."""
_PIECE = 1_000_000
"""A file ends with the first commit that ends beyond so many events."""
_BATCH = 65_536
_NAME = re.compile(r"(\d{20})-(\d{20})-([0-9a-f]{32})-([0-9a-f]{32})\.parquet")


class _Block(NamedTuple):
    """A file, and what its name says."""

    path: Path
    first: int
    last: int
    root: str
    digest: str


class KeptCopies:
    """What is kept for one log and one registry.

    Args:
        folder: Where; None keeps nothing.
        registry: What says how events are read.
        boundary: Gives the first commit that ends at a position or after it: its last position, and the tree's root there.
        read_only: Leave the folder as it is.
        erased: How often something was erased from the log, or held: what was kept before is not used, and is removed.
    """

    def __init__(
        self,
        folder: Path | None,
        registry: EventRegistry,
        boundary: Callable[[int], tuple[int, bytes] | None],
        *,
        read_only: bool = False,
        erased: int = 0,
    ) -> None:
        self._all = folder
        self._erased = erased
        self._folder = folder if registry.evolves and not registry.tolerates else None
        self._registry = registry
        self._boundary = boundary
        self._read_only = read_only

    @property
    def place(self) -> Path | None:
        """Where the files for the registry as it is now lie."""
        if self._folder is None:
            return None
        return self._folder / (self._registry.fingerprint[:32] + (f"-{self._erased}" if self._erased else ""))

    def remove(self) -> None:
        """Remove all that is kept, for whatever registry: something was erased from the log."""
        if self._all is not None:
            shutil.rmtree(self._all, ignore_errors=True)

    def _remove_older(self) -> None:
        """Remove what was kept before something was erased, by whoever did not hear of it."""
        place = self.place
        if place is None or not self._erased or self._read_only:
            return
        for other in self.others():
            count = other.name.partition("-")[2]
            if not count or (count.isdigit() and int(count) < self._erased):
                shutil.rmtree(other, ignore_errors=True)

    def others(self) -> list[Path]:
        """The folders of files that were made for other registries."""
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(place for place in self._folder.iterdir() if place != self.place)

    def todays(self, read: Read, after: int, to: int) -> Iterator[pa.RecordBatch]:
        """The events after a position up to another as they are today, with all columns; what it takes long to make is kept.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish.
        """
        at = after
        for block in self._blocks(after, to):
            if block.first - 1 > at:
                yield from self._made(read, at, block.first - 1)
            yield from _batches(block.path, at)
            at = block.last
        if at < to:
            yield from self._made(read, at, to)

    def reshred(self, read: Read, to: int) -> Iterator[Reshredded]:
        """Make what is not there yet, one file after the other. Raises as `todays` does, and StorageError."""
        if self._folder is None:
            return
        spans: list[_Block | tuple[int, int]] = []
        at = 0
        for block in self._blocks(0, to):
            spans += [*self._pieces(at, block.first - 1), block]
            at = block.last
        spans += self._pieces(at, to)
        for span in spans:
            if isinstance(span, _Block):
                yield Reshredded(span.path, span.first, span.last, made=False, copies=len(spans))
                continue
            kept = _Keeping(self.place, self._registry, strict=True)
            for _ in self._written(read, *span, kept):
                pass
            if kept.path is not None:
                yield Reshredded(kept.path, span[0] + 1, span[1], made=True, copies=len(spans))

    def wrong(self, read: Read) -> Iterator[tuple[str, str]]:
        """The files that are not what the log's events give, recomputed whole, and why: for `verify`. Read-only. Raises as `todays` does."""
        for block in self._named():
            if not _is_whole(block):
                yield str(block.path), "its bytes are not those that its name says, and it is not used"
            elif not self._fits(block):
                yield str(block.path), "the log has no commit with the tree that its name says, and it is not used"
            elif not _same(todays(self._registry, read, block.first - 1, block.last), block.path):
                yield (
                    str(block.path),
                    "its events are not those of the log: it is forged, or was made from events that were",
                )

    def _named(self) -> Iterator[_Block]:
        place = self.place
        for name in names_in(place) if place is not None else ():
            found = _NAME.fullmatch(name)
            if found is not None and place is not None:
                yield _Block(place / name, int(found[1]), int(found[2]), found[3], found[4])

    def _blocks(self, after: int, to: int) -> list[_Block]:
        """The files that can be read and stand for positions between two, in order; no position is in two of them."""
        self._remove_older()
        found: list[_Block] = []
        for block in self._named():
            if block.last <= after or block.last > to or (found and block.first <= found[-1].last):
                continue
            if _is_whole(block) and self._fits(block):
                found.append(block)
            elif not self._read_only:
                with suppress(OSError):
                    block.path.unlink()
        return found

    def _fits(self, block: _Block) -> bool:
        end = self._boundary(block.last)
        return end is not None and end[0] == block.last and end[1].hex()[:32] == block.root

    def _pieces(self, after: int, to: int) -> list[tuple[int, int]]:
        """Neighbouring spans, each of which ends where a commit does, of about as many events as one file has."""
        pieces: list[tuple[int, int]] = []
        while after < to:
            end = self._boundary(min(after + _PIECE, to))
            last = to if end is None else min(end[0], to)
            pieces.append((after, last))
            after = last
        return pieces

    def _made(self, read: Read, after: int, to: int) -> Iterator[pa.RecordBatch]:
        for start, end in self._pieces(after, to):
            if self._folder is None or self._read_only or end - start < _LEAST:
                yield from todays(self._registry, read, start, end)
            else:
                yield from self._written(read, start, end, _Keeping(self.place, self._registry))

    def _written(self, read: Read, after: int, to: int, kept: _Keeping) -> Iterator[pa.RecordBatch]:
        """The events as they are today, which are kept once all of them have come and some were old."""
        end = self._boundary(to)
        if end is None or end[0] != to:
            yield from todays(self._registry, read, after, to)
            return
        with kept, kept.making():
            for batch in todays(self._registry, kept.watched(read), after, to):
                kept.put(batch)
                yield batch
            kept.end(f"{after + 1:020d}-{to:020d}-{end[1].hex()[:32]}")


class _Keeping:
    """One file that is being written; gone unless it was ended.

    Args:
        place: Its folder, made where it is missing.
        strict: Raise StorageError where the folder takes no more; otherwise nothing is kept then.
    """

    def __init__(self, place: Path | None, registry: EventRegistry, *, strict: bool = False) -> None:
        self._place = place
        self._registry = registry
        self._strict = strict
        self._temporary: Path | None = None
        self._writer: Any = None
        self._some_are_old = False
        self.path: Path | None = None

    def __enter__(self) -> None:
        import pyarrow.parquet as pq

        from orders_es.log.columns import event_schema

        if self._place is None:
            return
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            self._temporary = self._place / f".{uuid.uuid4().hex}.tmp"
            schema = event_schema(self._registry.columns)
            self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd", compression_level=1)
        except OSError as error:
            self._gave_up(error)

    def __exit__(self, *_: object) -> None:
        self._close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()

    def making(self) -> AbstractContextManager[None]:
        """A block in which nothing is erased from the log."""
        return nullcontext() if self._writer is None or self._place is None else making(self._place.parents[1])

    def watched(self, read: Read) -> Read:
        """The same, which tells this file of old events on their way."""
        import pyarrow as pa

        def reading(after: int, to: int) -> Iterator[pa.RecordBatch]:
            for batch in read(after, to):
                if not self._some_are_old:
                    self._some_are_old = old_rows(self._registry, pa.Table.from_batches([batch])) is not None
                yield batch

        return reading

    def put(self, batch: pa.RecordBatch) -> None:
        """Add some events."""
        import pyarrow as pa

        if self._writer is not None:
            try:
                self._writer.write_table(pa.Table.from_batches([batch]).cast(self._writer.schema), _BATCH)
            except OSError as error:
                self._gave_up(error)

    def end(self, stem: str) -> None:
        """Put the file in its place, unless no event was old."""
        if self._writer is None or self._place is None or self._temporary is None:
            return
        try:
            self._writer.close()
            self._writer = None
            if self._some_are_old:
                path = self._place / f"{stem}-{digest_of(self._temporary)}.parquet"
                self._temporary.replace(path)
                self.path = path
        except OSError as error:
            self._gave_up(error)

    def _gave_up(self, error: OSError) -> None:
        self._close()
        if self._strict:
            raise StorageError(str(self._place), error.strerror or str(error)) from error

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError, ValueError):
                writer.close()


def _is_whole(block: _Block) -> bool:
    try:
        return digest_of(block.path) == block.digest
    except OSError:
        return False


def _batches(path: Path, after: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            behind = batch.filter(pc.greater(batch.column("position"), after))
            if behind.num_rows:
                yield behind


def _same(made: Iterator[pa.RecordBatch], path: Path) -> bool:
    """Whether a file has just these events."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            there = file.iter_batches(_BATCH)
            rest = file.schema_arrow.empty_table()
            for batch in made:
                table = pa.Table.from_batches([batch])
                while rest.num_rows < table.num_rows:
                    more = next(there, None)
                    if more is None:
                        return False
                    rest = pa.concat_tables([rest, pa.Table.from_batches([more])])
                if not rest.slice(0, table.num_rows).cast(table.schema).combine_chunks().equals(table):
                    return False
                rest = rest.slice(table.num_rows)
            return not rest.num_rows and next(there, None) is None
    except (pa.ArrowException, ValueError, OSError):  # it is no such file
        return False
