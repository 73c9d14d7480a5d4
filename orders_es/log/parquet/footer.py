"""What a data file says of itself in its Parquet key-value metadata, under the key `orders_es`. See docs/format.md."""

from __future__ import annotations

import errno
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import DamagedLog, ForeignFile, LogError, UnreadableLog
from orders_es.log.merkle import CompactRange, subtrees

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "KEY", "Footer", "metadata_of", "parse_footer", "read_footer"]

FORMAT = 1
KEY = b"orders_es"
_HASH = 32
_REFUSALS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM)
_END = 16_384
_MARK = b"\x18\x09orders_es\x18"


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

    def to_bytes(self) -> bytes:
        """The JSON text that goes into the file."""
        hashes = b"".join(self.range.hashes).hex()
        peaks = b"".join(self.tree.hashes).hex()
        streams = "" if self.streams is None else f',"streams":{msgspec.json.encode(self.streams).decode()}'
        return (
            f'{{"format":{FORMAT},"log_id":"{self.log_id}","kind":"{self.kind}","first":{self.first},"last":{self.last},'
            f'"commit_id":"{self.commit_id}","recorded_at":{self.recorded_at},"range":"{hashes}",'
            f'"tree_size":{self.tree.end},"tree_root":"{self.tree.root().hex()}","tree_range":"{peaks}"{streams}}}'
        ).encode()


def _hashes(text: str, begin: int, end: int) -> CompactRange:
    raw = bytes.fromhex(text)
    if len(raw) != _HASH * subtrees(begin, end):
        raise ValueError(f"{len(raw)} bytes of hashes do not cover [{begin}, {end})")
    return CompactRange(begin, end, tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH)))


def parse_footer(path: str, metadata: Mapping[bytes, bytes] | None, log_id: uuid.UUID) -> Footer:
    """The footer in a file's key-value metadata.

    Raises:
        ForeignFile: It is no data file of this log.
        DamagedLog: The footer contradicts itself.
    """
    text = (metadata or {}).get(KEY)
    if text is None:
        raise ForeignFile(path, "it carries no orders_es footer; move it out of the log's folder")
    try:
        raw: dict[str, Any] = msgspec.json.decode(text)
        if raw["format"] != FORMAT:
            raise ForeignFile(
                path, f"it has format {raw['format']}, this program reads {FORMAT}; use a newer orders_es"
            )
        footer = Footer(
            uuid.UUID(raw["log_id"]),
            raw["kind"],
            raw["first"],
            raw["last"],
            uuid.UUID(raw["commit_id"]),
            raw["recorded_at"],
            _hashes(raw["range"], raw["first"] - 1, raw["last"]),
            _hashes(raw["tree_range"], 0, raw["tree_size"]),
            raw.get("streams"),
        )
        if footer.tree.end != footer.last or footer.tree.root().hex() != raw["tree_root"]:
            raise ValueError("its tree head does not fit its hashes")
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise DamagedLog(path, f"its footer is not readable ({error}); restore the file from a backup") from error
    if footer.log_id != log_id:
        raise ForeignFile(path, f"it belongs to the log {footer.log_id}; move it back there")
    return footer


def metadata_of(path: str) -> dict[bytes, bytes] | None:
    """The key-value metadata of a Parquet file.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedLog: It is not a Parquet file, or cut short.
    """
    try:
        metadata: dict[bytes, bytes] | None = pq.read_metadata(path).metadata
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error
    return metadata


def read_footer(path: str, log_id: uuid.UUID) -> Footer:
    """The footer of one file; see `parse_footer` and `metadata_of` for what it raises."""
    try:
        text = _find(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise damaged(path, error) from error
    return parse_footer(path, metadata_of(path) if text is None else {KEY: text}, log_id)


def _find(path: str) -> bytes | None:
    """The footer's JSON text, found at the end of the file by how Thrift writes a key and its value; None if not there.

    A writer that lost a race reads footers and nothing else, so this is worth a few lines: 20 µs instead of 100.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        end = os.pread(fd, _END, max(size - _END, 0))
        length = int.from_bytes(end[-8:-4], "little") + 8
        if end[-4:] != b"PAR1" or length > size:
            return None
        if length > len(end):
            end = os.pread(fd, length, size - length)
    finally:
        os.close(fd)
    at = end.rfind(_MARK, len(end) - length)
    if at < 0:
        return None
    at += len(_MARK)
    count = shift = 0
    while True:
        if at >= len(end):
            return None
        byte = end[at]
        at += 1
        count |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the varint's last byte
            return end[at : at + count]
        shift += 7


def damaged(path: str, error: Exception) -> LogError:
    """The error for a file or folder that could not be read: damaged, or refused by the operating system."""
    why = str(error).splitlines()[0].rstrip(".")
    if getattr(error, "errno", None) in _REFUSALS or any(os.strerror(code) in why for code in _REFUSALS):
        return UnreadableLog(path, why)  # DuckDB gives the system's words only
    return DamagedLog(path, f"it cannot be read ({why}); restore the file from a backup, the rest of the log is intact")
