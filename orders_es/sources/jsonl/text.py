"""A file as numbered lines of bytes; for `orders_es.sources.jsonl`."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_text import packed_as
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["TextLines"]

_BOM = b"\xef\xbb\xbf"


class TextLines:
    """The lines of a file that have anything in them, each with its number; line 1 is the first of the file.

    It can be gone through more than once. The digest and the count are those of the last complete round.

    Raises:
        BadSource: It cannot be read, or is empty.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self.path = Path(source)
        self.digest = b""
        self.count = 0
        refuse_special(self.path, pipes=False)
        try:
            if self.path.is_dir():
                raise BadSource(str(self.path), None, "it is a folder; name the file in it")
            self._file: IO[bytes] = self.path.open("rb")
        except FileNotFoundError:
            raise BadSource(str(self.path), None, "there is no such file; check the name and the folder") from None
        except OSError as error:
            raise BadSource(str(self.path), None, f"it cannot be read: {error.strerror or error}") from error
        if not self._file.seekable():
            self._file.close()
            raise BadSource(str(self.path), None, "it is a pipe, and lines are read twice; save them to a file first")
        self._file.seek(0)
        start = self._file.read(8)
        why = "it is UTF-16; save it as UTF-8" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else None
        if packed := packed_as(start):
            why = f"it is packed with {packed}; unpack it first"
        if why is not None:
            self._file.close()
            raise BadSource(str(self.path), None, why)
        self.size = self._file.seek(0, 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        digest, count = sha256(), 0
        for number, raw in enumerate(self._file, 1):
            digest.update(raw)
            line = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
            if line:
                count += 1
                yield number, line
        self.digest, self.count = digest.digest(), count
        if not count:
            raise BadSource(str(self.path), None, "it has no lines; there is nothing to import")
