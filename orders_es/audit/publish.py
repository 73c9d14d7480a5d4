"""Putting a signed checkpoint where the log's keeper cannot take it back: a file, a folder, a git repository."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.audit.checkpoint import SignedCheckpoint, newest_checkpoint, read_checkpoint, united, write_whole
from orders_es.audit.tree import LogTree
from orders_es.errors import BadCheckpoint, CannotPublish
from orders_es.log.log_argument import check_log
from orders_es.log.target import check_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventLog

__all__ = ["Published", "publish"]

_GIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Published:
    """Where a checkpoint was put.

    Args:
        place: The place that was named.
        kind: `file`, `folder` or `git`.
        path: The file that holds the checkpoint now.
        before: How many events the last checkpoint counted that was there before; None if there was none.
        commit: The git commit; None elsewhere, or where nothing had changed.
    """

    place: str
    kind: str
    path: Path
    before: int | None
    commit: str | None = None


def publish(
    log: EventLog,
    places: Sequence[str | os.PathLike[str]],
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
    push: bool = False,
) -> list[Published]:
    """Put a signed checkpoint into each of some places, and hold the log to what was published there before.

    A folder gets a file for each checkpoint, `<size>.checkpoint`. A folder that is the top of a git repository gets a commit
    as well. Anything else is a file, which the next checkpoint replaces.

    Args:
        places: Where to.
        checkpoint: The signed checkpoint, or its file; the newest one kept beside the log if left out.
        push: Push the commits to where the repository pushes to.

    Raises:
        NoCheckpoint: There is no signed checkpoint.
        NotAnExtension: The log is not what was signed, or not what was published there before with events added.
        BadCheckpoint: Something else is in that place, or a checkpoint of another log.
        TargetInLog: A place lies in the log, where a checkpoint proves nothing.
        CannotPublish: It cannot be written; what stands in `places` before it was published.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key
        >>> from orders_es.log import open_log
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = checkpoint(log, generate_key("example.com/shop"))
        >>> [(done.kind, done.before) for done in publish(log, [tempfile.mkdtemp()])]
        [('folder', None)]
    """
    check_log(log)
    if checkpoint is None:
        signed = newest_checkpoint(log)
    else:
        signed = checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)
    for place in places:
        check_target(log, place)  # in the log itself it would prove nothing
    tree, head = LogTree(log), log.head()
    tree.checked_consistency(signed.size, signed.root, head.position, head.root)
    earlier = {os.fspath(place): _earlier(Path(place), signed) for place in places}
    for known in earlier.values():
        if known is not None and known.size <= signed.size:
            tree.checked_consistency(known.size, known.root, signed.size, signed.root)
        elif known is not None:
            tree.checked_consistency(known.size, known.root, head.position, head.root)
    return [_put(Path(place), signed, known, push=push) for place, known in earlier.items()]


def _earlier(place: Path, signed: SignedCheckpoint) -> SignedCheckpoint | None:
    """The largest checkpoint of this log in a place."""
    if place.is_dir():
        known = [read_checkpoint(path) for path in sorted(place.glob("*.checkpoint"))]
        own = [one for one in known if one.origin == signed.origin]
        if known and not own:
            reason = f"it holds checkpoints of {known[0].origin!r}, and this one is of {signed.origin!r}; name another folder"
            raise BadCheckpoint(str(place), reason)
        return max(own, key=lambda one: one.size, default=None)
    if not place.exists():
        return None
    found = read_checkpoint(place)
    if found.origin != signed.origin:
        raise BadCheckpoint(
            str(place), f"it is of {found.origin!r}, and this one of {signed.origin!r}; name another file"
        )
    return found


def _put(place: Path, signed: SignedCheckpoint, known: SignedCheckpoint | None, *, push: bool) -> Published:
    before = None if known is None else known.size
    if not place.is_dir():
        if known is not None and known.size > signed.size:
            reason = f"a checkpoint of {known.size:,} events is there already, and this one is of {signed.size:,}"
            raise CannotPublish(str(place), f"{reason}; publish a newer one")
        same = known is not None and known.size == signed.size
        write_whole(place, united(known, signed) if same and known is not None else signed.note)
        return Published(str(place), "file", place, before)
    path = place / f"{signed.size:020d}.checkpoint"
    write_whole(path, united(read_checkpoint(path), signed) if path.exists() else signed.note)
    if not (place / ".git").exists():
        return Published(str(place), "folder", path, before)
    return Published(str(place), "git", path, before, _commit(place, path, signed, push=push))


def _commit(repository: Path, path: Path, signed: SignedCheckpoint, *, push: bool) -> str | None:
    """Commit one file, and nothing else that may be under way there; None if it was committed before."""
    _git(repository, "add", "--", path.name)
    if not _git(repository, "status", "--porcelain", "--", path.name):
        return None
    subject = f"Checkpoint of {signed.origin} at {signed.size} events"
    _git(
        repository,
        "commit",
        "--quiet",
        "--only",
        "--message",
        f"{subject}\n\nroot {signed.root.hex()}",
        "--",
        path.name,
    )
    if push:
        _git(repository, "push", "--quiet")
    return _git(repository, "rev-parse", "HEAD")


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the program by its name, and no shell
            ["git", "-C", str(repository), *arguments],  # noqa: S607 - wherever it is installed
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise CannotPublish(str(repository), "git is not installed; install it, or publish into a folder") from None
    except subprocess.TimeoutExpired:
        raise CannotPublish(str(repository), f"git {arguments[0]} did not end; is it waiting for a password?") from None
    if done.returncode:
        why = " ".join((done.stderr or done.stdout).split())[:300]
        raise CannotPublish(str(repository), f"git {arguments[0]} refused: {why}")
    return done.stdout.strip()
