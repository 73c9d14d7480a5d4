"""Files that are there whole or as they were before: making things durable, and putting a new file in an old one's place.

All but `asked_for` raise plain `OSError`; whoever calls knows what it means there. The folder log alone has its own way
(`log/parquet/storage`), by names relative to an open folder and by `link`.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import CannotWriteFile, OrdersEsError
from orders_es.errors.system import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["asked_for", "replacing", "sync", "write_whole"]


def sync(path: str | os.PathLike[str]) -> None:
    """Make a file's content, or a folder's names, outlast a power cut.

    Args:
        path: The file or folder.

    Raises:
        OSError: The disk refused.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def asked_for(path: str | os.PathLike[str]) -> Iterator[None]:
    """A block that writes a file which somebody asked for, as an answer, and nothing else.

    Args:
        path: The file, as it was asked for.

    Raises:
        CannotWriteFile: The system refused.
        FileExistsError: As it was raised: whether that is a refusal, the caller knows.
        BrokenPipeError: As it was raised: the reader of a pipe left.

    Example:
        >>> try:
        ...     with asked_for("nowhere/answer.txt"):
        ...         open("nowhere/answer.txt", "w")
        ... except CannotWriteFile as error:
        ...     print(error.path, "-", error.reason)
        nowhere/answer.txt - No such file or directory
    """
    try:
        yield
    except (OrdersEsError, FileExistsError, BrokenPipeError):
        raise
    except OSError as error:
        raise CannotWriteFile(os.fspath(path), words_of(error)) from error


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = True, follow_links: bool = True) -> Iterator[Path]:
    """A place for a new file, which takes the place of `path` when the block ends well; nobody ever sees half of it.

    Who may read and write a file that is replaced stays as it was. A symbolic link stays one, and the file that it leads to is
    replaced. What is no file, such as /dev/null or a named pipe, stays what it is, and all of the new file is written to it.

    Args:
        path: The file; its folder is there.
        durable: Whether it outlasts a power cut, too. Without that it is quicker, and what can be derived again needs no more.
        follow_links: Without it a link is replaced: for files of our own in folders that others may write to.

    Raises:
        OSError: The disk refused, and the file is as it was.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp(), "answer.txt")
        >>> with replacing(place) as fresh:
        ...     _ = fresh.write_text("42")
        ...     place.exists()
        False
        >>> place.read_text()
        '42'
    """
    path = Path(os.path.realpath(path)) if follow_links else Path(path)
    try:
        mode = path.stat(follow_symlinks=follow_links).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        with _carried_to(path) as fresh:
            yield fresh
        return
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    fresh.touch(exist_ok=False)
    try:
        if stat.S_ISREG(mode) and stat.S_IMODE(mode):
            fresh.chmod(stat.S_IMODE(mode))
        yield fresh
        if durable:
            sync(fresh)
        fresh.replace(path)
        if durable:
            sync(path.parent)
    finally:
        with suppress(OSError):
            fresh.unlink()


@contextmanager
def _carried_to(path: Path) -> Iterator[Path]:
    """A place for a new file, which is written to what is no file."""
    with tempfile.TemporaryDirectory(prefix="orders_es-") as folder:
        fresh = Path(folder, path.name)
        fresh.touch()
        yield fresh
        with fresh.open("rb") as made, path.open("wb") as there:
            shutil.copyfileobj(made, there)


def write_whole(
    path: str | os.PathLike[str],
    content: bytes,
    *,
    durable: bool = True,
    mode: int | None = None,
    follow_links: bool = True,
) -> None:
    """Write a file, and the folders above it, so that it is there whole or as it was before.

    Args:
        path: The file.
        content: What it is to hold.
        durable: As in `replacing`.
        mode: Who may read and write it, whatever the umask is. If left out, as before, or as the umask has it where it is new.
        follow_links: As in `replacing`.

    Raises:
        OSError: The disk refused, and the file is as it was.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=durable, follow_links=follow_links) as fresh:
        fresh.write_bytes(content)
        if mode is not None:
            fresh.chmod(mode)
