"""Putting files in place so that they are there whole, durably, under a name that nobody else took.

The system calls are used directly: libraries on top of them either do not fsync or let two writers win one name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TypeAlias

from orders_es.errors import OrdersEsError, ReadOnlyLog, StorageError, UnconfirmedWrite
from orders_es.errors.system import Cause, cause_of, words_of
from orders_es.files import sync

__all__ = ["Content", "alone", "explained", "publish", "remove", "replace", "sync_folder"]

Content: TypeAlias = bytes | Callable[[BinaryIO], None]
"""A file's bytes, or a function that writes them."""

_UNNAMED_UNSUPPORTED = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
_no_unnamed: set[int] = set()
"""Devices that know no unnamed temporary files; found out by asking."""


def publish(
    folder: str,
    name: str,
    content: Content,
    *,
    lock: str | None = None,
    vouch: Callable[[int], bool] = lambda _: True,
    keep: Callable[[int], None] | None = None,
) -> bool:
    """Whether `folder/name` is now in place, whole and durable, put there by this call.

    A temporary file in the folder is written and fsynced, linked to its final name, and the folder fsynced. On Linux the
    temporary file has no name (`O_TMPFILE`), so a writer that dies leaves nothing behind.

    Args:
        folder: An existing folder.
        name: The final name in it.
        content: The bytes, or a function that writes them to a binary file.
        lock: A folder that is locked, shared, from before `vouch` until after the link: whoever is `alone` in it waits.
        vouch: Asked right before linking, with the open folder's descriptor; False leaves it at that.
        keep: Gets the descriptor of the file in place, still open, where there is one; whoever takes it closes it.

    Returns:
        False where somebody else holds the name, or `vouch` said no.

    Raises:
        ReadOnlyLog: The folder cannot be written.
        StorageError: The operating system refused for another reason; nothing is in place.
        UnconfirmedWrite: The file is in place, but it could not be made sure that it stays there after a power cut.
    """
    with _open(folder) as directory:
        place = _Place(directory, name, lock, vouch, lock_is_here=lock == folder)
        placed = _link_unnamed(directory, place, content, keep)
        if placed is None:
            placed = _link_named(directory, place, content)
        if placed:
            _confirm(directory, folder, name)
        return placed


def replace(folder: str, name: str, content: Content) -> None:
    """Put another file with the same events in the place of `folder/name`, whole and durable.

    Whoever has the old file open goes on reading it.

    Raises:
        ReadOnlyLog, StorageError, UnconfirmedWrite: As `publish` does.
    """
    with _open(folder) as directory:
        with _temporary(directory, content) as temporary:
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        _confirm(directory, folder, name)


@contextmanager
def _open(folder: str) -> Iterator[int]:
    """A folder's descriptor; what the operating system refuses in the block is an error that says so of the folder."""
    directory = -1
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        yield directory
    except OrdersEsError:
        raise
    except OSError as error:
        raise explained(error, folder) from error
    finally:
        if directory >= 0:
            os.close(directory)


def _confirm(directory: int, folder: str, name: str) -> None:
    """Make sure that a file stays in place after a power cut."""
    try:
        os.fsync(directory)
    except OSError as error:
        raise UnconfirmedWrite(os.path.join(folder, name), error.strerror or str(error)) from error


@contextmanager
def _temporary(directory: int, content: Content) -> Iterator[str]:
    """The name of a temporary file, whole and durable, in an open folder; it is gone after the block, if it is still there."""
    temporary = f"{uuid.uuid4().hex}.tmp"
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory)
    try:
        try:
            _fill(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        yield temporary
    finally:
        with suppress(
            FileNotFoundError
        ):  # it has its name by now; or a vacuum took it for the leftover of a dead writer
            os.unlink(temporary, dir_fd=directory)


class _Place:
    """A name in an open folder, and under which condition it may be taken."""

    def __init__(
        self, directory: int, name: str, lock: str | None, vouch: Callable[[int], bool], *, lock_is_here: bool
    ) -> None:
        self._directory = directory
        self._name = name
        self._lock = lock
        self._vouch = vouch
        self._lock_is_here = lock_is_here

    def taken(self) -> bool:
        """Whether somebody holds the name already."""
        try:
            os.stat(self._name, dir_fd=self._directory)
        except FileNotFoundError:
            return False
        return True

    def link(self, source: str, **options: Any) -> bool:
        """Whether the source has this name now, too."""
        fd = -1
        if self._lock is not None:
            fd = self._directory if self._lock_is_here else os.open(self._lock, os.O_RDONLY | os.O_DIRECTORY)
        locked = False
        try:
            if fd >= 0:
                _lock(fd, fcntl.LOCK_SH)
                locked = True
            if not self._vouch(self._directory):
                return False
            try:
                os.link(source, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory, **options)
            except FileExistsError:
                return False
            except OSError as error:  # `EPERM` here is FAT's way of saying so, and no missing permission
                if error.errno == errno.EPERM or cause_of(error) is Cause.UNSUPPORTED:
                    raise OSError(
                        errno.EOPNOTSUPP, f"this file system knows no hard links (link: {error.strerror})"
                    ) from error
                raise
            return True
        finally:
            if locked:
                fcntl.flock(fd, fcntl.LOCK_UN)  # closing would not do where another thread has forked just now
            if fd >= 0 and not self._lock_is_here:
                os.close(fd)


@contextmanager
def alone(folder: str, patience: float) -> Iterator[bool]:
    """Hold a folder's lock alone; whether that came about within `patience` seconds.

    Raises:
        StorageError: The file system knows no locks, or the operating system refused for another reason.
    """
    deadline = time.monotonic() + patience
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise explained(error, folder) from error
    held = False
    try:
        while not held:
            try:
                _lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                if time.monotonic() > deadline:
                    break
                time.sleep(random.random() * 0.002)  # noqa: S311 - keeps out of step with writers, guards nothing
            except OSError as error:
                raise explained(error, folder) from error
        yield held
    finally:
        if held:
            fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _link_unnamed(directory: int, place: _Place, content: Content, keep: Callable[[int], None] | None) -> bool | None:
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
        if place.taken():  # spare the fsync of a race that is lost already
            return False
        os.fsync(fd)
        source = f"/proc/self/fd/{fd}"
        try:
            placed = place.link(source, follow_symlinks=True)
            if placed and keep is not None:
                keep(fd)
                fd = -1
        except FileNotFoundError:
            if os.path.exists(source):
                raise
            _no_unnamed.add(os.fstat(directory).st_dev)  # no /proc here
            return None
        return placed
    finally:
        if fd >= 0:
            os.close(fd)


def _link_named(directory: int, place: _Place, content: Content) -> bool:
    with _temporary(directory, content) as temporary:
        return place.link(temporary)


def _fill(fd: int, content: Content) -> None:
    if isinstance(content, bytes):
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        return
    with os.fdopen(fd, "wb", buffering=1 << 20, closefd=False) as file:
        content(file)


def sync_folder(folder: str) -> None:
    """Make the folder's entries durable.

    Raises:
        StorageError: The disk refused.
    """
    try:
        sync(folder)
    except OSError as error:
        raise StorageError(folder, words_of(error)) from error


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
        raise explained(error, os.path.dirname(path)) from error
    return True


def explained(error: OSError, folder: str) -> Exception:
    """The error of ours for a refusal of the operating system to write to a folder."""
    if cause_of(error) is Cause.FORBIDDEN:
        return ReadOnlyLog(folder)
    return StorageError(folder, words_of(error))


def _lock(fd: int, how: int) -> None:
    """Take a folder's lock.

    Raises:
        OSError: It is held otherwise (`BlockingIOError`); or the file system knows no locks, which the error then says.
    """
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        raise
    except OSError as error:
        if cause_of(error) is Cause.UNSUPPORTED:
            raise OSError(error.errno, f"this file system knows no locks (flock: {error.strerror})") from error
        raise
