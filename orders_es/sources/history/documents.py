"""Documents of JSON out of a file, whether one stands on each line or an API's pages hold many; for `orders_es.sources.history`."""

from __future__ import annotations

import gzip
import json
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

from orders_es.errors import BadSource
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["documents", "keys_of"]

_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()
_CHUNK = 1 << 20


def documents(path: Path, digest: Any, pages: Sequence[str]) -> Iterator[str]:
    """The text of each document, as it stands in the file, digit for digit.

    A line is a document, or a page of an API that has them in a list. A file that is one document over several lines is held as a whole.

    Args:
        path: The file, gzipped or not, or `-` for standard input.
        digest: Is given all that is read.
        pages: Under which keys a page has its list of documents; a page's newest comes first where `data` is the key.

    Raises:
        BadSource: It cannot be read.
    """
    try:
        if str(path) == "-":
            yield from _texts(sys.stdin.buffer, digest, pages)
        else:
            refuse_special(path, pipes=True)
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                yield from _texts(file, digest, pages)  # type: ignore[arg-type]
    except OSError as error:
        raise BadSource(os.fspath(path), None, f"it cannot be read: {error.strerror or error}") from error


def keys_of(text: str) -> frozenset[str]:
    """The keys of a document; none where it is no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(found) if isinstance(found, dict) else frozenset()


def _texts(file: BinaryIO, digest: Any, pages: Sequence[str]) -> Iterator[str]:
    first = b""
    while not first.strip():
        first = file.readline()
        digest.update(first)
        if not first:
            return
    if _is_json(first):
        yield from _unfolded(_text(first), pages)
        for line in file:
            digest.update(line)
            yield from _unfolded(_text(line), pages)
        return
    parts = [first]
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        parts.append(chunk)
    whole = b"".join(parts)
    if _is_json(whole):
        yield from _unfolded(_text(whole), pages)
        return
    for line in whole.splitlines(keepends=True):  # lines, of which the first is damaged
        yield from _unfolded(_text(line), pages)


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "replace").strip(_BLANKS)


def _unfolded(text: str, pages: Sequence[str]) -> Iterator[str]:
    """The documents in the list of a page, or the document itself."""
    if not any(f'"{key}"' in text[:_CHUNK] for key in pages) and not text.startswith("["):
        yield text
        return
    try:
        found = list(_listed(text, 0)) if text.startswith("[") else _in_page(text, pages)
    except (ValueError, RecursionError):
        found = None
    if not found and (found is None or text.startswith("[")):
        yield text
    else:
        yield from found


def _in_page(text: str, pages: Sequence[str]) -> list[str] | None:
    """The texts of a page's documents, oldest first; None where the text is no page."""
    at = _skip(text, 0)
    if not text.startswith("{", at):
        return None
    at = _skip(text, at + 1)
    while not text.startswith("}", at):
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key in pages and text.startswith("[", at):
            found = list(_listed(text, at))
            return found[::-1] if key == "data" else found
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
    return None


def _listed(text: str, at: int) -> Iterator[str]:
    at = _skip(text, at + 1)
    while not text.startswith("]", at):
        _, end = _DECODER.raw_decode(text, at)
        yield text[at:end]
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    if at >= len(text):
        raise ValueError("the text ends in the middle")
    return at
