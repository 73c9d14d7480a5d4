"""The bytes of a CSV file as UTF-8 text whose quotes are as they should be; for `orders_es.sources.tables.csv_files`."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orders_es.errors import BadSource

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["BadBytes", "Rows", "as_utf8", "find_rows", "line_ends", "packed_as"]

_BLOCK = 16 << 20
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-zip",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_ESCAPED = re.compile(rb"\xed[\xb2\xb3][\x80-\xbf]")
_NO_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[A-Za-z][\x82-\x84\x88\x8b\x98]|[a-z][\x8a\x8c\x8e\x9f]")
_SEVERAL = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_REPLACEMENT = "\ufffd".encode()
_QUOTE, _CR, _LF = b'"\r\n'
_FEWEST_COLUMNS = 4
"""In a narrower table a line of text may well have as many separators as a row."""


@dataclass(frozen=True, slots=True)
class BadBytes:
    """Bytes that are no UTF-8 in a file that otherwise is.

    Args:
        offset: Where they stand in the text that `as_utf8` gives, in which a U+FFFD stands for each of them.
        raw: The bytes.
    """

    offset: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of a text begin.

    Args:
        starts: The offset of each row that has anything in it, the header's first.
        lines: The line on which each of them begins.
    """

    starts: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]


def packed_as(data: bytes) -> str | None:
    """What a file is packed with, by its first bytes; None if it is not."""
    return next((name for mark, name in _PACKED.items() if data.startswith(mark)), None)


def as_utf8(path: Path, data: bytes, encoding: str | None = None) -> tuple[bytes, list[BadBytes]]:
    """The text in UTF-8 without a byte-order mark, and what was no text in it.

    With a byte-order mark, what that says. Otherwise UTF-8, if the file has any character of more than one byte that is
    UTF-8; what is not, is bad then. A file without one is Windows-1252, which is what `£` comes in.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        encoding: What it is in, if somebody says so.

    Raises:
        BadSource: It is not text, or not in that encoding.
    """
    text, bad = _decoded(path, data, encoding)
    zero = text.find(b"\0")
    if zero >= 0:
        raise BadSource(str(path), None, _zero_bytes(data, text.count(b"\n", 0, zero) + 1))
    return text, bad


def _decoded(path: Path, data: bytes, encoding: str | None) -> tuple[bytes, list[BadBytes]]:
    if encoding is None:
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        try:
            return data.decode(encoding).removeprefix("\ufeff").encode(), []
        except (UnicodeError, ValueError) as error:
            at = error.start if isinstance(error, UnicodeDecodeError) else 0
            line = data[:at].decode(encoding, errors="replace").count("\n") + 1
            raise BadSource(
                str(path),
                None,
                f"it is not in the encoding {encoding}: line {line:,} has bytes that mean nothing in it",
            ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    if _is_utf8(data):
        return data, []
    text, bad = _with_bad_marked(data)
    if encoding is None:
        several = sum(1 for _ in _SEVERAL.finditer(text)) - len(bad)
        if not several:
            return _as_windows(path, data).encode(), []
        if several < len(bad):
            raise BadSource(
                str(path),
                None,
                f"it is partly UTF-8 and mostly not: {several:,} characters are, {len(bad):,} bytes are not; say which it "
                "is with encoding= (--encoding), such as utf-8 or cp1252",
            )
    return text, bad


def _as_windows(path: Path, data: bytes) -> str:
    """The text as Windows-1252, unless there are signs that it is something else.

    Five byte values have no character there, and a quote that opens below the line, a florin or a capital with a caron does not follow a
    small letter: those are letters of DOS, of old Macintoshes, or halves of letters of Asian encodings.
    """
    odd = _NO_WINDOWS.search(data)
    if odd is None:
        return data.decode("cp1252")
    at = odd.end() - 1
    line = data.count(b"\n", 0, at) + 1
    before = data[: at + 1].rsplit(b"\n", 1)[-1][-20:].decode("cp1252", "replace")
    raise BadSource(
        str(path),
        None,
        f"it is not UTF-8, and line {line:,} has a byte (0x{data[at]:02X} in {before!r}) that Windows-1252 would not have there; say which "
        "encoding it is with encoding= (--encoding), such as cp850, mac_roman, shift_jis or cp1252",
    )


def _is_utf8(data: bytes) -> bool:
    """In pieces, because the text as a whole is not needed."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _BLOCK):
            decoder.decode(data[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _with_bad_marked(data: bytes) -> tuple[bytes, list[BadBytes]]:
    # A byte that is no UTF-8 becomes a lone surrogate, which takes three bytes, as U+FFFD does: offsets stay.
    text = data.decode(errors="surrogateescape").encode(errors="surrogatepass")
    bad = [
        BadBytes(m.start(), m[0].decode(errors="surrogatepass").encode(errors="surrogateescape"))
        for m in _ESCAPED.finditer(text)
    ]
    return _ESCAPED.sub(_REPLACEMENT, text), bad


def _zero_bytes(data: bytes, line: int) -> str:
    even, odd = data[0:4096:2].count(0), data[1:4096:2].count(0)
    few = min(len(data), 4096) // 4
    if odd > few > even or even > few > odd:
        name = "utf-16-le" if odd > even else "utf-16-be"
        return f"it holds zero bytes as UTF-16 does, but no byte-order mark; if it is, say encoding={name!r} (--encoding {name})"
    return f"it holds zero bytes (the first on line {line:,}), so it is not a text file; was it renamed to .csv, or damaged?"


def find_rows(path: Path, text: bytes, delimiter: str, columns: int, first_line: int) -> Rows:
    """Where each row begins. A quoted field may hold line breaks.

    Args:
        path: The file, for the errors.
        text: From the header on, in UTF-8.
        delimiter: What stands between fields.
        columns: How many the header has.
        first_line: The line on which `text` begins.

    Raises:
        BadSource: A quote that opens a field is not closed as it should be, so it is not sure where rows end.
    """
    data = np.frombuffer(text, dtype=np.uint8)
    breaks = _breaks(data)
    quotes = _positions(data, _QUOTE)
    inside = _quoted(data, quotes, delimiter)
    if inside is None:
        inside = _Scanner(path, text, delimiter, breaks, first_line).scan(quotes)
    opened, closed = inside
    first, last = np.searchsorted(breaks, opened), np.searchsorted(breaks, closed)
    kept = np.ones(len(breaks), dtype=np.bool_)
    for which in np.flatnonzero(first != last).tolist():
        start, end = int(opened[which]), int(closed[which])
        for line in re.split(rb"\r\n|\r|\n", text[start + 1 : end])[1:-1]:
            if columns >= _FEWEST_COLUMNS and line.count(delimiter.encode()) == columns - 1:
                raise BadSource(
                    str(path),
                    None,
                    f"the quote that opens on line {first_line + int(first[which]):,} closes only on line "
                    f"{first_line + int(last[which]):,} and swallows whole rows; close it where the field ends",
                )
        kept[first[which] : last[which]] = False
    starts = np.concatenate([[0], breaks[kept] + 1])
    lines = np.concatenate([[0], np.flatnonzero(kept) + 1]) + first_line
    # A row's end is the next one's start; nothing but its line end (one byte, or two) between them is an empty line.
    ends = np.concatenate([breaks[kept], [len(text)]])
    length = ends - starts
    empty = length <= 0
    if len(text):
        empty |= (length == 1) & (data[np.minimum(starts, len(text) - 1)] == _CR)
    return Rows(starts[~empty], lines[~empty])


def _positions(data: npt.NDArray[np.uint8], byte: int) -> npt.NDArray[np.int64]:
    parts = [
        np.flatnonzero(data[start : start + _BLOCK] == byte) + start for start in range(0, max(len(data), 1), _BLOCK)
    ]
    return np.concatenate(parts)


def _breaks(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The last byte of every line end: a line feed, with or without a carriage return before it, or a return alone."""
    feeds, returns = _positions(data, _LF), _positions(data, _CR)
    if not len(returns):
        return feeds
    alone = returns[(returns + 1 >= len(data)) | (data[np.minimum(returns + 1, len(data) - 1)] != _LF)]
    return np.sort(np.concatenate([feeds, alone])) if len(alone) else feeds


def line_ends(text: bytes) -> int:
    """How many lines end in a text, whatever they end with."""
    if b"\r" not in text:
        return text.count(b"\n")
    return len(_breaks(np.frombuffer(text, dtype=np.uint8)))


def _quoted(
    data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Where quoted fields begin and end, if every quote of the file is as RFC 4180 has it; None if one is not."""
    if len(quotes) % 2:
        return None
    opening, closing = quotes[0::2], quotes[1::2]
    if not len(opening):
        return opening, closing
    borders = np.zeros(256, dtype=np.bool_)
    borders[[ord(delimiter), _CR, _LF]] = True
    doubled = np.zeros(len(opening), dtype=np.bool_)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    starts = (opening == 0) | borders[data[np.maximum(opening - 1, 0)]]
    ends = (closing == len(data) - 1) | borders[data[np.minimum(closing + 1, len(data) - 1)]]
    ends[:-1] |= doubled[1:]
    if not (starts | doubled).all() or not ends.all():
        return None
    last = np.ones(len(opening), dtype=np.bool_)
    last[:-1] = ~doubled[1:]
    return opening[~doubled], closing[last]


class _Scanner:
    """Goes through the lines that have quotes, field by field: for files in which a quote stands within a field."""

    def __init__(self, path: Path, text: bytes, delimiter: str, breaks: npt.NDArray[np.int64], first_line: int) -> None:
        self._path, self._text, self._breaks, self._first_line = path, text, breaks, first_line
        self._delimiter = delimiter.encode()
        self._border = re.compile(b"[\r\n" + re.escape(self._delimiter) + b"]")

    def scan(self, quotes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        opened: list[int] = []
        closed: list[int] = []
        text, done = self._text, 0
        for line in np.unique(np.searchsorted(self._breaks, quotes)).tolist():
            at = int(self._breaks[line - 1]) + 1 if line else 0
            if at < done:
                continue
            while at < len(text):
                if text[at] == _QUOTE:
                    end = self._closing(at)
                    opened.append(at)
                    closed.append(end)
                    at = end + 1
                border = self._border.search(text, at)
                at = len(text) if border is None else border.end()
                if border is None or border[0] != self._delimiter:
                    break
            done = at
        return np.array(opened, dtype=np.int64), np.array(closed, dtype=np.int64)

    def _closing(self, start: int) -> int:
        text, at = self._text, start + 1
        while (end := text.find(b'"', at)) >= 0:
            after = text[end + 1 : end + 2]
            if after == b'"':
                at = end + 2
                continue
            if after and not self._border.match(after):
                raise self._refusal(start, end)
            return end
        raise BadSource(
            str(self._path),
            None,
            f"the quote that opens on line {self._line(start):,} is never closed, so all that follows would be one field; "
            "close it where the field ends",
        )

    def _refusal(self, start: int, end: int) -> BadSource:
        opens, ends = self._line(start), self._line(end)
        if self._text[end - 1 : end] == b"\\":
            why = 'a backslash stands before a quote within it; in CSV a quote within a field is doubled (""), so correct that'
        else:
            after = self._text[end + 1 : end + 11].decode(errors="replace")
            on = "" if opens == ends else f" on line {ends:,}"
            why = (
                f"at its next quote{on} the field does not end: {after!r} follows. Close it where the field ends, and double "
                "the quotes within fields"
            )
        return BadSource(str(self._path), None, f"the quote that opens on line {opens:,} is wrong: {why}")

    def _line(self, offset: int) -> int:
        return self._first_line + int(np.searchsorted(self._breaks, offset))
