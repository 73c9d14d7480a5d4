"""Holding data files to their digests before anything is answered from them: each file once, as long as it stays that file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, LogError
from orders_es.log.parquet.digests import altered_pieces, piece_ends
from orders_es.log.parquet.footer import damaged, footer_of, opened

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from orders_es.log.parquet.footer import Footer

__all__ = ["Checked"]

_KEPT = 100_000
_Identity = tuple[int, int, int, int]


class Checked:
    """The files that this process has held to their digests.

    A file that is replaced or written to afterwards is another one, and is checked again. Files from before there
    were digests pass unless their footer is damaged.

    Args:
        log_id: The log to which the files have to belong.
    """

    def __init__(self, log_id: uuid.UUID) -> None:
        self.log_id = log_id
        self._whole: dict[str, _Identity] = {}
        self._protected: set[str] = set()

    def footer(self, path: str) -> Footer:
        """The footer of a file, sound. Raises as `read_footer` does."""
        return self._open(path, whole=False)

    def sound(self, path: str) -> Footer:
        """The footer of a file, every byte of which is as it was written. Raises as `whole` does."""
        known = self._whole.get(path)
        return self._open(path, whole=known is None or _identity(os.stat(path)) != known)

    def content(self, path: str) -> tuple[Footer, bytes]:
        """The footer of a small file and the whole of it, held to its digest. Raises as `whole` does."""
        footer = self.sound(path)
        try:
            with open(path, "rb", buffering=0) as file:
                return footer, file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise damaged(path, error) from error

    def protects(self, path: str) -> bool:
        """Whether a file has digests. Raises as `footer` does, and remembers the answer: a file does not lose them."""
        if path not in self._protected:
            if not self.footer(path).check:
                return False
            self._protected.add(path)
        return True

    def whole(self, paths: Iterable[str]) -> None:
        """Make sure that every byte of these files is as it was written.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
            DamagedLog, UnreadableLog: A file is not, or cannot be read.
        """
        for path in paths:
            known = self._whole.get(path)
            if known is not None:
                try:
                    if _identity(os.stat(path)) == known:
                        continue
                except FileNotFoundError:
                    raise
                except OSError as error:
                    raise damaged(path, error) from error
            self._open(path, whole=True)

    def _open(self, path: str, *, whole: bool) -> Footer:
        fd = opened(path)
        try:
            identity = _identity(os.fstat(fd))
            footer = footer_of(fd, path, self.log_id)
            if whole and footer.pieces:
                pieces = piece_ends(footer.pieces)
                if altered_pieces(fd, pieces):
                    raise DamagedLog(
                        path,
                        "its bytes are not those that were written; restore it from a backup "
                        "(`orders-es verify` says which of its events are concerned)",
                    )
        except LogError:
            raise
        except OSError as error:
            raise damaged(path, error) from error
        finally:
            os.close(fd)
        if whole or not footer.pieces:
            if len(self._whole) > _KEPT:
                self._whole.clear()
            self._whole[path] = identity
        return footer


def _identity(status: os.stat_result) -> _Identity:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
