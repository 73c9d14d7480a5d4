"""What logs in databases have in common that keep events as they are today in files; `kept_copies` has the files."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from orders_es.log.core import LogCore, schema_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from orders_es.log.kept_copies import KeptCopies
    from orders_es.log.maintenance import Reshredded

__all__ = ["KeepingLog"]

_PAGE = 65_536


class KeepingLog(LogCore):
    """A log that says where files for it may lie and at which positions its commits end. See `HasUpcastCopies`."""

    @abstractmethod
    def _copies_folder(self) -> Path | None:
        """Where files may lie; None where nothing is kept."""

    @abstractmethod
    def _commit_end(self, position: int) -> tuple[int, bytes] | None:
        """Where the first commit ends that ends at a position or after it, and the tree's root there."""

    @property
    def _kept(self) -> KeptCopies:
        from orders_es.log.kept_copies import KeptCopies

        return KeptCopies(
            self._copies_folder(), self._registry, self._commit_end, read_only=self._read_only, erased=self._erasures()
        )

    def _as_recorded(self, after: int, to: int) -> Iterator[pa.RecordBatch]:
        return self._pages(after, to, _PAGE, schema_columns(None, self._registry))

    def _todays(self, after: int, to: int) -> Iterator[pa.RecordBatch]:
        """The events after a position up to another as they are today, with all columns."""
        if self._registry.evolves:
            return self._kept.todays(self._as_recorded, after, to)
        return self._as_recorded(after, to)

    def _wrong_copies(self) -> Iterator[tuple[str, str]]:
        """The files that are not what the log's events give, and why."""
        return self._kept.wrong(self._as_recorded)

    def reshred(self) -> Iterator[Reshredded]:
        """Make the files that sessions would make, those that are not there yet. See `HasUpcastCopies`."""
        self._check_writable()
        yield from self._kept.reshred(self._as_recorded, self.head().position)

    @property
    def stale_copies(self) -> list[Path]:
        """The folders of files that were made for other registries."""
        return self._kept.others()

    @property
    def passing_copies(self) -> Path | None:
        """None: sessions read no files of such a log."""
        return None
