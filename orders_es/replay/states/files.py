"""States on disk: partial results of read models for spans of a log, beside it, derived and deletable. docs/format.md has the layout.

A span is told by its positions and by the root of the log's tree where the data file that holds its end ends, so that states of another log, or of this one before it
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
    from collections.abc import Iterable, Iterator, Mapping

    from orders_es.log import EventLog

__all__ = ["BEGUN", "CONTINUED", "FOLDER", "LATE", "Found", "Span", "States", "digest_of", "key_of", "part_name"]

FOLDER = "states"
LATE, CONTINUED, BEGUN = "late", "continued", "begun"
"""What the files of a span are called: its late events, the streams that began before it; and, of each part, the rows of these
streams and those of all others."""
_FORMAT = 3
_PIECE = 1 << 22


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What describes one span, as JSON.

    Args:
        first: Position of its first event.
        last: Position of its last event.
        between: Of each clock, in microseconds, the first and the last time in those of its events that the states are made of:
            `occurred`, `known`, `recorded`, and `entered`, which is None where no source said when it knew.
        files: Of each file, its digest.
        types: Of each part, name and type of the columns as SQL has them.
        stored: The same as the files have them, where numbers that are small enough take less room.
    """

    first: int
    last: int
    between: dict[str, tuple[int, int] | None]
    files: dict[str, str]
    types: dict[str, dict[str, str]]
    stored: dict[str, dict[str, str]]


class Found(msgspec.Struct, frozen=True):
    """A span that has states.

    Args:
        span: What describes it, as it was written.
        paths: The path of each of its files; under the empty name, of the one that describes it.
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
        self._sound: dict[str, bool] = {}

    def spans(self, ends: Mapping[int, str]) -> dict[int, list[Found]]:
        """The spans of which there are states, by their first position, the widest first.

        Args:
            ends: What `end_of` says of each position at which a data file of the log ends.
        """
        found: dict[int, list[Found]] = {}
        for each in self._described(ends):
            found.setdefault(each.span.first, []).append(each)
        for spans in found.values():
            spans.sort(key=lambda each: -each.span.last)
        return found

    def sound(self, found: Found) -> bool:
        """Whether the files of a span have their digests; looked at once, and watched for changes afterwards."""
        describing = found.paths[""]
        if describing not in self._sound:
            known: dict[str, tuple[int, ...]] = {}
            try:
                for name, wanted in found.span.files.items():
                    known[found.paths[name]] = _identity(found.paths[name])
                    if digest_of(found.paths[name]) != wanted:
                        break
                else:
                    self._identities |= known
                self._sound[describing] = (
                    len(known) == len(found.span.files) and known.items() <= self._identities.items()
                )
            except OSError:
                self._sound[describing] = False
        return self._sound[describing]

    def unchanged(self) -> bool:
        """Whether every file that was found to be sound is still the one whose digest was looked at."""
        try:
            return all(_identity(path) == known for path, known in self._identities.items())
        except OSError:
            return False

    def _described(self, ends: Mapping[int, str]) -> Iterator[Found]:
        try:
            names = sorted(os.listdir(self.place))  # noqa: PTH208 - names are enough
        except OSError:
            return
        for name in names:
            parts = name.removesuffix(".json").split("-")
            if not (name.endswith(".json") and len(parts) == 5 and all(part.isdigit() for part in parts[:3])):  # noqa: PLR2004
                continue
            first, last, at, end, digest = parts
            if not int(last) <= int(at) or ends.get(int(at)) != end:
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
        except (OSError, msgspec.DecodeError, ValueError):
            return None
        return Found(span, self._paths(path.stem, span))

    def put(self, span: Span, at: int, end: str, files: Mapping[str, Path]) -> Found:
        """Put a span in place, and give it: its files first, and then what describes it.

        Args:
            at: The position, the span's last or one after it, at which a data file ends.
            end: What `end_of` says of that position.
            files: Its files, which are moved.
        """
        from xxhash import xxh3_128

        data = msgspec.json.encode(span)
        stem = f"{span.first:020d}-{span.last:020d}-{at:020d}-{end}-{xxh3_128(data).hexdigest()}"
        for name, path in files.items():
            path.replace(self.place / f"{stem}.{name}.parquet")
        temporary = self.place / f".{uuid.uuid4().hex}.tmp"
        temporary.write_bytes(data)  # no fsync: what a power cut takes was derived
        temporary.replace(self.place / f"{stem}.json")
        return Found(span, self._paths(stem, span))

    def _paths(self, stem: str, span: Span) -> dict[str, str]:
        described = {"": str(self.place / f"{stem}.json")}
        return described | {name: str(self.place / f"{stem}.{name}.parquet") for name in span.files}

    def drop(self, keep: Iterable[Found] = ()) -> int:
        """Remove all states of this key but those of some spans; how many files went."""
        kept = {path for found in keep for path in found.paths.values()}
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
