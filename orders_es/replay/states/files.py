"""States on disk: partial results of read models for spans of a log, beside it, derived and deletable. docs/format.md has the layout.

A span is told by its positions and by the root of the log's tree at its end, so that states of another log, or of this one before it
was exchanged, are as good as not there. Every byte stands under a digest: the small file that describes a span carries its own in its
name, and those of the other files inside. Nothing is believed that does not have its digest.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orders_es.log import EventLog

__all__ = ["CLOCKS", "FOLDER", "Found", "Span", "States", "digest_of", "key_of", "part_name"]

FOLDER = "states"
CLOCKS = ("occurred", "known", "recorded")
_FORMAT = 1
_PIECE = 1 << 22


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What describes one span, as JSON.

    Args:
        first: Position of its first event.
        last: Position of its last event.
        between: Of each clock, in microseconds, the first and the last time in those of its events that the states are made of.
        files: Of each file, its digest: `late`, the events that these leave out, and each part of a read model.
        types: Of each part, name and type of the columns as SQL has them.
    """

    first: int
    last: int
    between: dict[str, tuple[int, int]]
    files: dict[str, str]
    types: dict[str, dict[str, str]]


class Found(msgspec.Struct, frozen=True):
    """A span whose files are as they were written.

    Args:
        span: What describes it.
        paths: The path of each of its files.
    """

    span: Span
    paths: dict[str, str]


def part_name(model: str, number: int) -> str:
    """What a part of a read model is called."""
    return f"{model}.{number}"


def key_of(texts: Mapping[str, str], registry: str) -> str:
    """The name of the folder for states that were made by these definitions.

    Args:
        texts: Name and SQL of every part, and of every relation that one reads.
        registry: The fingerprint of the registry.
    """
    said = msgspec.json.encode([_FORMAT, registry, sorted(texts.items())])
    return sha256(said).hexdigest()[:32]


class States:
    """The states of one log for one set of definitions.

    Args:
        folder: Where the log's derived files lie.
        key: What `key_of` gives.
    """

    def __init__(self, log: EventLog, folder: Path, key: str) -> None:
        self._log = log
        self.place = folder / FOLDER / key
        self._identities: dict[str, tuple[int, ...]] = {}

    def spans(self, ends: Mapping[int, str]) -> list[Found]:
        """The spans to use: neighbours from the log's beginning on, or from wherever the first one begins, as wide as there are.

        Args:
            ends: What `end_of` says of each position at which a data file of the log ends.
        """
        widest: dict[int, Found] = {}
        for found in self._sound(ends):
            known = widest.get(found.span.first)
            if known is None or known.span.last < found.span.last:
                widest[found.span.first] = found
        chosen: list[Found] = []
        for first in sorted(widest):
            if not chosen or first > chosen[-1].span.last:
                chosen.append(widest[first])
        self._identities = {path: _identity(path) for found in chosen for path in found.paths.values()}
        return chosen

    def unchanged(self) -> bool:
        """Whether every file of the spans that were given is still the one whose digest was looked at."""
        try:
            return all(_identity(path) == known for path, known in self._identities.items())
        except OSError:
            return False

    def _sound(self, ends: Mapping[int, str]) -> Iterator[Found]:
        try:
            names = sorted(os.listdir(self.place))  # noqa: PTH208 - names are enough
        except OSError:
            return
        for name in names:
            first, _, rest = name.removesuffix(".json").partition("-")
            last, _, rest = rest.partition("-")
            end, _, digest = rest.partition("-")
            if not (name.endswith(".json") and first.isdigit() and last.isdigit() and ends.get(int(last)) == end):
                continue
            found = self._read(self.place / name, digest)
            if found is not None and (found.span.first, found.span.last) == (int(first), int(last)):
                yield found

    def _read(self, path: Path, digest: str) -> Found | None:
        from xxhash import xxh3_128

        try:
            data = path.read_bytes()
            if xxh3_128(data).hexdigest() != digest:
                return None
            span = msgspec.json.decode(data, type=Span)
            paths = {name: str(self.place / f"{path.stem}.{name}.parquet") for name in span.files}
            if any(digest_of(paths[name]) != wanted for name, wanted in span.files.items()):
                return None
        except (OSError, msgspec.DecodeError, ValueError):
            return None
        return Found(span, paths)

    def put(self, span: Span, end: str, files: Mapping[str, Path]) -> None:
        """Put a span in place: its files first, and then what describes it.

        Args:
            end: What `end_of` says of its last position.
            files: Its files, which are moved.
        """
        from xxhash import xxh3_128

        data = msgspec.json.encode(span)
        stem = f"{span.first:020d}-{span.last:020d}-{end}-{xxh3_128(data).hexdigest()}"
        for name, path in files.items():
            path.replace(self.place / f"{stem}.{name}.parquet")
        temporary = self.place / f".{uuid.uuid4().hex}.tmp"
        temporary.write_bytes(data)  # no fsync: what a power cut takes was derived
        temporary.replace(self.place / f"{stem}.json")

    def drop(self, keep: Sequence[Found] = ()) -> int:
        """Remove all states of this key but those of some spans; how many files went."""
        kept = {path for found in keep for path in found.paths.values()}
        kept |= {str(Path(path).parent / f"{Path(path).name.split('.')[0]}.json") for path in kept}
        count = 0
        with suppress(FileNotFoundError):
            for path in self.place.iterdir():
                if str(path) not in kept:
                    with suppress(FileNotFoundError):
                        path.unlink()
                        count += 1
        return count


def digest_of(path: str | os.PathLike[str]) -> str:
    """The XXH3-128 of a file's bytes, in hex."""
    from xxhash import xxh3_128

    state = xxh3_128()
    with Path(path).open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            state.update(piece)
    return state.hexdigest()


def _identity(path: str) -> tuple[int, ...]:
    status = os.stat(path)  # noqa: PTH116 - as everywhere else
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
