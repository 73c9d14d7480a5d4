"""Digests over a data file's own bytes, kept in its footer: what every read is held to. See docs/format.md.

They are XXH3-128: at memory speed, and for accidents alone. Whoever forges a file can forge them, too; forgeries are what
`verify` is for, which recomputes what a file says from the events.

`pieces` covers the file from its first byte on, piece by piece, and `check` covers the rest to the last byte, itself read
as zeros. A small file has no pieces, so one digest covers it whole.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow.parquet as pq
from xxhash import xxh3_128, xxh3_128_digest, xxh3_128_hexdigest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "CHECK",
    "DIGITS",
    "Text",
    "altered_pieces",
    "check_of",
    "find_text",
    "piece_ends",
    "pieces_field",
    "seal",
    "sealed",
]

DIGITS = 32
"""Hexadecimal digits of a digest."""
CHECK = b',"check":"' + b"0" * DIGITS + b'"}'
"""How the footer's JSON text ends, as long as its digest is not known."""
_BLANK = b"0" * DIGITS
_AFTER = len(b'"}')
_OFFSET_DIGITS = 16
_ENTRY = _OFFSET_DIGITS + DIGITS
_BLOCK = 1 << 19
_TASK = 1 << 24
_END = 16_384
_MARK = b"\x18\x09orders_es\x18"


class Text:
    """Where the JSON text of a file's footer stands, and the end of the file around it.

    Args:
        size: The file's size.
        at: Where in the file `data` begins.
        data: The file from there to its end.
        begin: Where in `data` the text begins.
        end: Where it ends.
        footer: Where in the file the Parquet footer begins.
    """

    __slots__ = ("at", "begin", "data", "end", "footer", "size")

    def __init__(self, size: int, at: int, data: bytes, begin: int, end: int, footer: int) -> None:
        self.size, self.at, self.data, self.begin, self.end, self.footer = size, at, data, begin, end, footer

    @property
    def value(self) -> bytes:
        """The text."""
        return self.data[self.begin : self.end]


def find_text(fd: int, size: int) -> Text | None:
    """The footer's JSON text, found at the end of an open file by how Thrift writes a key and its value; None if not there.

    A writer that lost a race reads footers and nothing else, so this is worth a few lines: 20 µs instead of 100.
    """
    at = max(size - _END, 0)
    data = os.pread(fd, _END, at)
    length = int.from_bytes(data[-8:-4], "little") + 8
    if data[-4:] != b"PAR1" or length > size:
        return None
    if length > len(data):
        at = size - length
        data = os.pread(fd, length, at)
    begin = data.rfind(_MARK, len(data) - length)
    if begin < 0:
        return None
    begin += len(_MARK)
    count = shift = 0
    while begin < len(data):
        byte = data[begin]
        begin += 1
        count |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the varint's last byte
            return Text(size, at, data, begin, begin + count, size - length)
        shift += 7
    return None


def check_of(fd: int, text: Text, start: int) -> str:
    """What `check` has to be: the digest of a file from `start` to its end, with the digits of `check` as zeros."""
    digest = xxh3_128()
    _update(digest, fd, start, text.at)
    begin = max(start - text.at, 0)
    digits = text.end - _AFTER - DIGITS
    digest.update(memoryview(text.data)[begin:digits])
    digest.update(_BLANK)
    digest.update(memoryview(text.data)[digits + DIGITS :])
    return digest.hexdigest()


def sealed(data: bytes) -> bytes:
    """A small file with its digest in place of the zeros that its footer's text ends with."""
    at = data.rindex(CHECK) + len(CHECK) - _AFTER - DIGITS
    return b"".join((data[:at], xxh3_128_hexdigest(data).encode(), data[at + DIGITS :]))


def pieces_field(count: int) -> str:
    """Room for the digests of so many pieces."""
    return "0" * (_ENTRY * count)


def piece_ends(pieces: str) -> list[tuple[int, bytes]]:
    """Where each piece ends, and its digest.

    Raises:
        ValueError: This is no list of pieces.
    """
    raw = bytes.fromhex(pieces)
    width = _ENTRY // 2
    if len(raw) % width:
        raise ValueError("its list of digests is cut short")
    found = []
    before = 0
    for i in range(0, len(raw), width):
        end = int.from_bytes(raw[i : i + 8], "big")
        if end <= before:
            raise ValueError("its list of digests is out of order")
        found.append((end, raw[i + 8 : i + width]))
        before = end
    return found


def seal(file: BinaryIO, pieces: int) -> None:
    """Put the digests of a large file that has been written, but for them, in the room that its footer's text has for them.

    Args:
        file: The file, open for reading and writing.
        pieces: For how many pieces there is room: one for each column of each row group, and one for what comes after them.
    """
    file.flush()
    fd = file.fileno()
    size = os.fstat(fd).st_size
    text = find_text(fd, size)
    assert text is not None
    ends = [*_chunk_ends(fd), text.footer]
    assert len(ends) == pieces
    starts = [0, *ends[:-1]]
    digests = [_digest(fd, start, end) for start, end in zip(starts, ends, strict=True)]
    listed = b"".join(end.to_bytes(8, "big") + digest for end, digest in zip(ends, digests, strict=True)).hex().encode()
    room = text.data.index(b'"pieces":"' + pieces_field(pieces).encode(), text.begin) + len(b'"pieces":"')
    _put(fd, listed, text.at + room)
    text = find_text(fd, size)
    assert text is not None
    _put(fd, check_of(fd, text, text.footer).encode(), text.at + text.end - _AFTER - DIGITS)


def _put(fd: int, data: bytes, at: int) -> None:
    while data:
        done = os.pwrite(fd, data, at)
        data, at = data[done:], at + done


def _chunk_ends(fd: int) -> list[int]:
    """Where each column of each row group ends, in the order in which they stand in the file."""
    with os.fdopen(os.dup(fd), "rb") as file:
        metadata = pq.read_metadata(file)
    ends = []
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for c in range(group.num_columns):
            chunk = group.column(c)
            start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            ends.append(start + chunk.total_compressed_size)
    return sorted(ends)


def _digest(fd: int, start: int, end: int) -> bytes:
    if end - start <= _BLOCK:
        return xxh3_128_digest(os.pread(fd, end - start, start))
    digest = xxh3_128()
    _update(digest, fd, start, end)
    return digest.digest()


def _update(digest: xxh3_128, fd: int, start: int, end: int) -> None:
    """Take in the bytes of an open file from `start` to `end`, as far as there are any."""
    if start >= end:
        return
    view = memoryview(bytearray(min(_BLOCK, end - start)))
    while start < end:
        count = os.preadv(fd, [view[: min(_BLOCK, end - start)]], start)
        if not count:  # cut short meanwhile
            return
        digest.update(view[:count])
        start += count


def altered_pieces(fd: int, pieces: Sequence[tuple[int, bytes]]) -> list[int]:
    """The numbers of the pieces of an open file whose bytes are not those that were written; large files with all cores."""
    tasks = list(_tasks(pieces))

    def altered(task: tuple[int, int]) -> list[int]:
        first, last = task
        start = pieces[first - 1][0] if first else 0
        found = []
        for number in range(first, last):
            end, digest = pieces[number]
            if _digest(fd, start, end) != digest:
                found.append(number)
            start = end
        return found

    if len(tasks) == 1:
        return altered(tasks[0])
    with ThreadPoolExecutor(min(len(tasks), os.cpu_count() or 1)) as pool:
        found: list[Any] = list(pool.map(altered, tasks))
    return [number for part in found for number in part]


def _tasks(pieces: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """Runs of pieces that are worth a thread's turn."""
    first = start = 0
    for number, (end, _) in enumerate(pieces):
        if end - start >= _TASK:
            yield first, number + 1
            first, start = number + 1, end
    if first < len(pieces):
        yield first, len(pieces)
