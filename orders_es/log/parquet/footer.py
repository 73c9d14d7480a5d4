"""What a data file says of itself in its Parquet key-value metadata, under the key `orders_es`. See docs/format.md."""

from __future__ import annotations

import os
import uuid  # noqa: TC003 - msgspec looks at it
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import DamagedLog, ForeignFile, LogError, UnreadableLog
from orders_es.errors.system import Cause, cause_of
from orders_es.log.merkle import CompactRange, subtrees
from orders_es.log.packages import TypeWritten  # noqa: TC001 - msgspec looks at it
from orders_es.log.parquet.digests import CHECK, DIGITS, check_of, find_text, piece_ends, pieces_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "FORMAT",
    "FORMATS",
    "KEY",
    "READING_FAILS",
    "Footer",
    "damaged",
    "footer_of",
    "format_of",
    "opened",
    "read_footer",
    "schema_of",
    "stated_footer",
]

FORMAT = 1
WITH_ENTERED, WITH_PERSONAL = 2, 3
"""The formats of files that have the columns `entered_at`, and `personal`: who does not know them would compute other hashes."""
FORMATS: Final[Mapping[int, tuple[str, ...]]] = {
    FORMAT: (),
    WITH_ENTERED: ("entered_at",),
    WITH_PERSONAL: ("personal",),
}
"""The sparse columns that a file of each format must have; one of the last may have the other as well."""
KEY = b"orders_es"
READING_FAILS = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)
"""What pyarrow raises over a file that is not what it should be: also over names that are no UTF-8 and absurd lengths."""
_HASH = 32
_REFUSALS = (Cause.FORBIDDEN, Cause.EXHAUSTED, Cause.DEVICE, Cause.UNSUPPORTED, Cause.FULL)


@dataclass(frozen=True, slots=True)
class Footer:
    """A data file's own account of what it holds.

    Args:
        log_id: The log it belongs to.
        kind: `commit` or `segment`.
        first: Position of its first event.
        last: Position of its last event.
        commit_id: Identity of the commit; of the last one, in a segment.
        recorded_at: Microseconds: when its last event was recorded.
        range: Compact range of its leaves.
        tree: Compact range of the whole tree up to its last event; its root is the tree head after that commit.
        streams: Each stream of a small commit and its version after it, so that whoever lost a race to it need not read
            its rows; None where the file does not say.
        pieces: The digests of the file's pieces, as they stand in it; none in a small file.
        check: The digest of what no piece covers; none in a file from before there were any.
        format: 1; 2 where the file has the column `entered_at`, and 3 where it has `personal`.
        types: The event types in the file with their schema versions, and what the writer knew of each; None in a file from
            before that was recorded.
    """

    log_id: uuid.UUID
    kind: str
    first: int
    last: int
    commit_id: uuid.UUID
    recorded_at: int
    range: CompactRange
    tree: CompactRange
    streams: Mapping[str, int] | None = None
    pieces: str = ""
    check: str = ""
    format: int = FORMAT
    types: Sequence[TypeWritten] | None = None

    def to_bytes(self, pieces: int = 0) -> bytes:
        """The JSON text that goes into the file, with zeros for the digests, which `digests` then puts in place.

        Args:
            pieces: How many pieces of the file are to have a digest of their own.
        """
        hashes = b"".join(self.range.hashes).hex()
        peaks = b"".join(self.tree.hashes).hex()
        streams = "" if self.streams is None else f',"streams":{msgspec.json.encode(self.streams).decode()}'
        types = "" if self.types is None else f',"types":{msgspec.json.encode(self.types).decode()}'
        listed = f',"pieces":"{pieces_field(pieces)}"' if pieces else ""
        return (
            f'{{"format":{self.format},"log_id":"{self.log_id}","kind":"{self.kind}","first":{self.first},"last":{self.last},'
            f'"commit_id":"{self.commit_id}","recorded_at":{self.recorded_at},"range":"{hashes}",'
            f'"tree_size":{self.tree.end},"tree_root":"{self.tree.root().hex()}","tree_range":"{peaks}"{streams}{types}{listed}'
        ).encode() + CHECK


class _Format(msgspec.Struct):
    format: int


class _Raw(msgspec.Struct, forbid_unknown_fields=True):  # what hides a digest by a flip in its name is an unknown field
    format: int
    log_id: uuid.UUID
    kind: Literal["commit", "segment"]
    first: int
    last: int
    commit_id: uuid.UUID
    recorded_at: int
    range: str
    tree_size: int
    tree_root: str
    tree_range: str
    streams: dict[str, int] | None = None
    types: list[TypeWritten] | None = None
    pieces: str | None = None
    check: str | None = None


_format = msgspec.json.Decoder(_Format)
_raw = msgspec.json.Decoder(_Raw)


def _hashes(text: str, begin: int, end: int) -> CompactRange:
    raw = bytes.fromhex(text)
    if not 0 <= begin < end or len(raw) != _HASH * subtrees(begin, end):
        raise ValueError(f"{len(raw)} bytes of hashes do not cover [{begin}, {end})")
    return CompactRange(begin, end, tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH)))


def read_footer(path: str, log_id: uuid.UUID) -> Footer:
    """The footer of one file, held to its digest; a small file is held to it whole.

    Raises:
        FileNotFoundError: There is no such file.
        ForeignFile: It is no data file of this log.
        DamagedLog: It is not a Parquet file, cut short, altered, or contradicts itself.
        UnreadableLog: The operating system refused.
    """
    fd = opened(path)
    try:
        return footer_of(fd, path, log_id)
    finally:
        os.close(fd)


def footer_of(fd: int, path: str, log_id: uuid.UUID) -> Footer:
    """As `read_footer`, of an open file."""
    try:
        text = find_text(fd, os.fstat(fd).st_size)
    except OSError as error:
        raise damaged(path, error) from error
    if text is None:
        raise _no_text(path)
    try:
        footer = parsed_text(path, text.value)
        if footer.check:
            ends = piece_ends(footer.pieces)
            if ends and ends[-1][0] > text.footer:
                raise ValueError("its pieces reach into it")
            if check_of(fd, text, ends[-1][0] if ends else 0) != footer.check:
                raise DamagedLog(
                    path,
                    "its bytes are not those that were written, so nothing says any more whose events are in it, and whatever "
                    "may need one of them is refused; restore the file from a backup",
                )
    except (ValueError, msgspec.DecodeError) as error:
        raise DamagedLog(path, f"its footer is not sound ({error}); restore the file from a backup") from error
    except OSError as error:
        raise damaged(path, error) from error
    if footer.log_id != log_id:
        raise ForeignFile(path, f"it belongs to the log {footer.log_id}; move it back there")
    return footer


def format_of(columns: Iterable[str]) -> int:
    """The format of a data file with these columns."""
    named = set(columns)
    return WITH_PERSONAL if "personal" in named else WITH_ENTERED if "entered_at" in named else FORMAT


def stated_footer(path: str) -> Footer | None:
    """What a file's footer says, sound or not; None where it cannot be read. For `verify`, and for nothing to be answered from."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            text = find_text(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
        return None if text is None else parsed_text(path, text.value)
    except (OSError, ValueError, LogError, msgspec.DecodeError):
        return None


def parsed_text(path: str, text: bytes) -> Footer:
    found: int = _format.decode(text).format
    if found not in FORMATS:
        raise ForeignFile(path, f"it has format {found}, this program reads 1 to 3; use a newer orders_es")
    raw = _raw.decode(text)
    footer = Footer(
        raw.log_id,
        raw.kind,
        raw.first,
        raw.last,
        raw.commit_id,
        raw.recorded_at,
        _hashes(raw.range, raw.first - 1, raw.last),
        _hashes(raw.tree_range, 0, raw.tree_size),
        raw.streams,
        raw.pieces or "",
        raw.check or "",
        raw.format,
        raw.types,
    )
    if footer.tree.end != footer.last or footer.tree.root().hex() != raw.tree_root:
        raise ValueError("its tree head does not fit its hashes")
    if raw.check is None and raw.pieces is not None:
        raise ValueError("it has pieces and no check")
    if raw.check is not None and len(raw.check) != DIGITS:
        raise ValueError("its check is no digest")
    return footer


def _no_text(path: str) -> LogError:
    """The error for a file in whose end no footer of ours is to be found."""
    try:
        pq.read_metadata(path)
    except FileNotFoundError:
        raise
    except READING_FAILS as error:
        return damaged(path, error)
    return ForeignFile(path, "it carries no orders_es footer; move it out of the log's folder")


def opened(path: str) -> int:
    """A data file, opened to be read; never one that waits, such as a pipe in its place.

    Raises:
        FileNotFoundError: It is gone.
        UnreadableLog: The operating system refuses.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise damaged(path, error) from error


def schema_of(path: str) -> pa.Schema:
    """The columns of a data file.

    Raises:
        FileNotFoundError: It is gone.
        UnreadableLog: It is damaged.
    """
    try:
        return pq.read_schema(path)
    except FileNotFoundError:
        raise
    except READING_FAILS as error:
        raise damaged(path, error) from error


def damaged(path: str, error: Exception) -> LogError:
    """The error for a file or folder that could not be read: damaged, or refused by the operating system."""
    why = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
    if cause_of(error) in _REFUSALS:
        return UnreadableLog(path, why)  # DuckDB gives the system's words only
    return DamagedLog(path, f"it cannot be read ({why}); restore the file from a backup, the rest of the log is intact")
