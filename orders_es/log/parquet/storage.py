"""Putting files in place so that they are there whole, durably, under a name that nobody else took.

The system calls are used directly: libraries on top of them either do not fsync or let two writers win one name.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from orders_es.errors import ReadOnlyLog, StorageError

__all__ = ["Content", "publish", "remove", "sync_folder"]

Content: TypeAlias = bytes | Callable[[BinaryIO], None]
"""A file's bytes, or a function that writes them."""

_UNNAMED_UNSUPPORTED = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
_no_unnamed: set[int] = set()
"""Devices that know no unnamed temporary files; found out by asking."""


def publish(folder: str, name: str, content: Content, *, vouch: Callable[[], bool] = lambda: True) -> bool:
    """Whether `folder/name` is now in place, whole and durable, put there by this call.

    A temporary file in the folder is written and fsynced, linked to its final name, and the folder fsynced. On Linux the
    temporary file has no name (`O_TMPFILE`), so a writer that dies leaves nothing behind.

    Args:
        folder: An existing folder.
        name: The final name in it.
        content: The bytes, or a function that writes them to a binary file.
        vouch: Asked after linking and before the folder is synced; False takes the name back.

    Returns:
        False where somebody else holds the name, or `vouch` said no.

    Raises:
        ReadOnlyLog: The folder cannot be written.
        StorageError: The operating system refused for another reason; nothing is in place.
    """
    directory = -1
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        placed = _link_unnamed(directory, name, content)
        if placed is None:
            placed = _link_named(directory, name, content)
        if not placed:
            return False
        if not vouch():
            os.unlink(name, dir_fd=directory)
            return False
        os.fsync(directory)
    except OSError as error:
        raise _explained(error, folder) from error
    finally:
        if directory >= 0:
            os.close(directory)
    return True


def _link_unnamed(directory: int, name: str, content: Content) -> bool | None:
    """As `publish`, with a temporary file that has no name; None where the file system has no such thing."""
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or (_no_unnamed and os.fstat(directory).st_dev in _no_unnamed):
        return None
    try:
        fd = os.open(".", os.O_RDWR | flag, 0o644, dir_fd=directory)
    except OSError as error:
        if error.errno not in _UNNAMED_UNSUPPORTED:
            raise
        _no_unnamed.add(os.fstat(directory).st_dev)
        return None
    try:
        _fill(fd, content)
        if _taken(directory, name):  # spare the fsync of a race that is lost already
            return False
        os.fsync(fd)
        source = f"/proc/self/fd/{fd}"
        try:
            os.link(source, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=True)
        except FileExistsError:
            return False
        except FileNotFoundError:
            if os.path.exists(source):
                raise
            _no_unnamed.add(os.fstat(directory).st_dev)  # no /proc here
            return None
        return True
    finally:
        os.close(fd)


def _taken(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def _link_named(directory: int, name: str, content: Content) -> bool:
    temporary = f"{uuid.uuid4().hex}.tmp"
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory)
    try:
        try:
            _fill(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except FileExistsError:
            return False
        return True
    finally:
        os.unlink(temporary, dir_fd=directory)


def _fill(fd: int, content: Content) -> None:
    if isinstance(content, bytes):
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        return
    with os.fdopen(fd, "wb", buffering=1 << 20, closefd=False) as file:
        content(file)


def sync_folder(folder: str) -> None:
    """Make the folder's entries durable."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def remove(path: str) -> bool:
    """Whether the file was there and is gone now by this call.

    Raises:
        ReadOnlyLog: The folder cannot be written.
        StorageError: The operating system refused for another reason.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _explained(error, os.path.dirname(path)) from error
    return True


def _explained(error: OSError, folder: str) -> Exception:
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return ReadOnlyLog(folder)
    return StorageError(folder, error.strerror or str(error))
