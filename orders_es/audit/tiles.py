"""A log as tiles (c2sp.org/tlog-tiles): static files that any web server hands out and any standard monitor can watch.

Entries are the leaves' bytes, so events' envelopes are published and payloads are not: of those there is the hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.audit.checkpoint import SignedCheckpoint, newest_checkpoint, read_checkpoint, write_whole
from orders_es.audit.tree import BLOCK, LogTree
from orders_es.errors import BadCheckpoint, CannotPublish, NotAnExtension
from orders_es.files import write_whole as put
from orders_es.log.envelope import ENVELOPE
from orders_es.log.leaf import leaves_of
from orders_es.log.log_argument import check_log
from orders_es.log.merkle import leaf_hash
from orders_es.log.target import check_target

if TYPE_CHECKING:
    import os

    from orders_es.log import EventLog

__all__ = ["PublishedTiles", "publish_tiles", "tile_path"]

_HEIGHT = 8
_ENTRY_MOST = 0xFFFF


@dataclass(frozen=True, slots=True)
class PublishedTiles:
    """What was written.

    Args:
        folder: Where.
        size: How many events the published checkpoint counts.
        before: How many the one that was there before counted; 0 if there was none.
        files: How many files were written.
    """

    folder: Path
    size: int
    before: int
    files: int


def tile_path(level: int | str, number: int, width: int = BLOCK) -> str:
    """The path of a tile below the log's address.

    Args:
        level: The tile's level, or `entries`.
        number: Its index at that level.
        width: How many hashes or entries it holds; fewer than 256 make a partial tile.

    Example:
        >>> tile_path(0, 1234067), tile_path("entries", 5, 17)
        ('tile/0/x001/x234/067', 'tile/entries/005.p/17')
    """
    digits = f"{number % 1000:03d}"
    while number >= 1000:  # noqa: PLR2004 - three digits per element
        number //= 1000
        digits = f"x{number % 1000:03d}/{digits}"
    return f"tile/{level}/{digits}" + ("" if width == BLOCK else f".p/{width}")


def publish_tiles(
    log: EventLog,
    folder: str | os.PathLike[str],
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> PublishedTiles:
    """Write a log, up to a signed checkpoint, as tiles. What is there already is added to, and nothing is written twice.

    The checkpoint comes last, when all that it speaks of is there: readers never meet one that they cannot follow.

    Args:
        folder: Where to; a folder of its own for each log.
        checkpoint: The signed checkpoint, or its file; the newest one kept beside the log if left out.
        progress: Show a progress bar.

    Raises:
        NoCheckpoint: There is no signed checkpoint.
        NotAnExtension: The log is not what was signed, or not what was published there before with events added.
        BadCheckpoint: What was published there is of another log.
        TargetInLog: The folder lies in the log.
        CannotPublish: It cannot be written, or an event is too large for the format.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderPlaced()], expected=0)
        >>> _ = checkpoint(log, generate_key("example.com/shop"))
        >>> done = publish_tiles(log, tempfile.mkdtemp())
        >>> done.before, done.size
        (0, 1)
    """
    check_log(log)
    if checkpoint is None:
        signed = newest_checkpoint(log)
    else:
        signed = checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)
    check_target(log, folder)
    place = Path(folder)
    tree = LogTree(log, progress=progress)
    head = log.head()
    tree.checked_consistency(signed.size, signed.root, head.position, head.root)
    before = _before(place, tree, signed)
    files = 0
    try:
        # A monitor that follows the checkpoint hashes exactly these bytes, so they are the events' own, and not kept hashes.
        anew = tree.hashed_anew(signed.size, after=before)
        if anew.root() != signed.root:
            raise NotAnExtension(log.url, signed.size, f"its events give the root {anew.root().hex()}")
        files += _leaves(place, log, before, signed.size)
        files += _above(place, tree, before, signed.size)
    except OSError as error:
        raise CannotPublish(error.filename or str(place), error.strerror or str(error)) from error
    write_whole(place / "checkpoint", signed.note)
    return PublishedTiles(place, signed.size, before, files + 1)


def _before(place: Path, tree: LogTree, signed: SignedCheckpoint) -> int:
    """How many events are published there already; they are the beginning of what is to be published."""
    if not (place / "checkpoint").exists():
        if place.is_dir() and any(place.iterdir()):
            raise CannotPublish(str(place), "there are other things; name a new or an empty folder, or one with tiles")
        return 0
    earlier = read_checkpoint(place / "checkpoint")
    if earlier.origin != signed.origin:
        reason = f"the tiles there are of the log {earlier.origin!r}, not of {signed.origin!r}; name another folder"
        raise BadCheckpoint(str(place), reason)
    tree.checked_consistency(earlier.size, earlier.root, signed.size, signed.root)
    return earlier.size


def _leaves(place: Path, log: EventLog, before: int, size: int) -> int:
    """Write tiles of level 0 and the entries beside them."""
    files, number = 0, before // BLOCK
    waiting: list[bytes] = []
    for batch in log.read(after=number * BLOCK, to=size, columns=ENVELOPE):
        waiting += leaves_of(batch)
        reached = number * BLOCK + len(waiting) == size
        at = 0
        while len(waiting) - at >= BLOCK or (reached and at < len(waiting)):
            block = waiting[at : at + BLOCK]
            put(
                place / tile_path("entries", number, len(block)),
                b"".join(_entry(place, leaf) for leaf in block),
                durable=False,
            )
            put(place / tile_path(0, number, len(block)), b"".join(map(leaf_hash, block)), durable=False)
            at += len(block)
            number += 1
            files += 2
        del waiting[:at]
    return files


def _entry(place: Path, leaf: bytes) -> bytes:
    if len(leaf) > _ENTRY_MOST:
        position = int.from_bytes(leaf[1:9], "big")
        reason = (
            f"the event at position {position} has {len(leaf):,} bytes of envelope, and an entry of a tile holds 65,535"
        )
        raise CannotPublish(str(place), reason)
    return len(leaf).to_bytes(2, "big") + leaf


def _above(place: Path, tree: LogTree, before: int, size: int) -> int:
    """Write the tiles of the levels above the leaves."""
    files, level = 0, 1
    while size >> (_HEIGHT * level):
        count = size >> (_HEIGHT * level)
        for number in range((before >> (_HEIGHT * level)) // BLOCK, -(-count // BLOCK)):
            width = min(count - number * BLOCK, BLOCK)
            nodes = range(number * BLOCK, number * BLOCK + width)
            put(
                place / tile_path(level, number, width),
                b"".join(tree.node(_HEIGHT * level, i) for i in nodes),
                durable=False,
            )
            files += 1
        level += 1
    return files
