"""What the operating system's refusals mean, in one place: whose trouble it is, and what to do about it.

DuckDB and Arrow pass on the system's words without its number, so both are known here.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import ClassVar

__all__ = ["Cause", "advice", "cause_of", "no_file", "words_of"]


class Cause:
    """Whose trouble a refusal is. A class of a few constants, since the checker of receipts, too, is to load next to nothing.

    Args:
        value: What to do.
    """

    FULL: ClassVar[Cause]
    FORBIDDEN: ClassVar[Cause]
    EXHAUSTED: ClassVar[Cause]
    DEVICE: ClassVar[Cause]
    UNSUPPORTED: ClassVar[Cause]
    NAME: ClassVar[Cause]
    ELSEWHERE: ClassVar[Cause]

    def __init__(self, value: str) -> None:
        self.value = value


Cause.FULL = Cause("Make room, and try again")
Cause.FORBIDDEN = Cause("Ask for the permission, or act as a user who has it, and try again")
Cause.EXHAUSTED = Cause("Close files or programs, or raise the limit (ulimit -n), and try again")
Cause.DEVICE = Cause(
    "The disk or the network behind it did not answer as it should: look into the system's messages (dmesg), and try again"
)
Cause.UNSUPPORTED = Cause(
    "Keep it on a local file system that has hard links, locks and fsync (ext4, XFS, Btrfs, APFS), or keep the log in one "
    ".duckdb file"
)
Cause.NAME = Cause("Use another place, or a shorter name")
Cause.ELSEWHERE = Cause("See whether it was moved or removed, and try again")


_MEANING = {
    Cause.FULL: (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    Cause.FORBIDDEN: (errno.EACCES, errno.EPERM, errno.EROFS),
    Cause.EXHAUSTED: (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK, errno.EBUSY),
    Cause.DEVICE: (
        errno.EIO,
        errno.ENXIO,
        errno.ENODEV,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.ENOTCONN,
        errno.EREMOTEIO,
    )
    if hasattr(errno, "EREMOTEIO")
    else (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN),
    Cause.UNSUPPORTED: (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV),
    Cause.NAME: (errno.ENAMETOOLONG, errno.ELOOP),
    Cause.ELSEWHERE: (errno.ENOENT, errno.ENOTDIR, errno.EISDIR),
}
_BY_NUMBER = {number: cause for cause, numbers in _MEANING.items() for number in numbers}
_BY_WORDS = {os.strerror(number): cause for number, cause in _BY_NUMBER.items()}
_OWN_WORDS = {"knows no hard links": Cause.UNSUPPORTED, "knows no locks": Cause.UNSUPPORTED}


def cause_of(error: BaseException | str) -> Cause | None:
    """Whose trouble an error is, if it is a refusal of the operating system; None where it says something else.

    Args:
        error: An `OSError`, an error of DuckDB or Arrow that passes the system's words on, or such words.

    Example:
        >>> cause_of(OSError(28, "No space left on device")) is cause_of("IO Error: No space left on device") is Cause.FULL
        True
    """
    number = getattr(error, "errno", None)
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    text = str(error)
    for words, cause in (*_OWN_WORDS.items(), *_BY_WORDS.items()):
        if words in text:
            return cause
    return None


def advice(reason: str, otherwise: str) -> str:
    """What to do about a refusal.

    Args:
        reason: The system's words.
        otherwise: What to do where they are not known.
    """
    cause = cause_of(reason)
    return otherwise if cause is None else cause.value


def words_of(error: BaseException) -> str:
    """An error's own words on one line, without the path that an `OSError` adds."""
    strerror = getattr(error, "strerror", None)
    return " ".join(str(strerror or error).split()) or type(error).__name__


def no_file(mode: int) -> str | None:
    """What something is that is no file to be read, in words; None if it is a file.

    Args:
        mode: Its `st_mode`.

    Example:
        >>> import stat
        >>> no_file(stat.S_IFIFO | 0o644)
        'it is a named pipe'
    """
    kinds = (
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((f"it is {kind}" for is_one, kind in kinds if is_one(mode)), None)
