"""Derived files that say in their names which bytes they have: what was altered by accident is never read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_128

if TYPE_CHECKING:
    import os

__all__ = ["digest_of", "names_in", "sound_in"]

_PIECE = 1 << 22


def digest_of(path: str | os.PathLike[str]) -> str:
    """XXH3-128 of a file's bytes: for accidents, as the digests of data files are."""
    digest = xxh3_128()
    with Path(path).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def names_in(place: str | os.PathLike[str], stem: str = "", ending: str = ".parquet") -> list[str]:
    """The names of files in a folder that begin and end so, sorted; none where there is no such folder."""
    try:
        names = sorted(path.name for path in Path(place).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if name.startswith(stem) and name.endswith(ending)]


def sound_in(place: str, stem: str, *, mend: bool = True) -> str | None:
    """The file whose name begins so and ends with its digest, if there is one whose bytes are those that were written.

    Args:
        place: The folder.
        mend: Remove one that is not.
    """
    for name in names_in(place, stem):
        path = Path(place, name)
        with suppress(OSError):
            if name == f"{stem}{digest_of(path)}.parquet":
                return str(path)
            if mend:
                path.unlink()
    return None
