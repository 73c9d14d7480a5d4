"""`FolderOutlet`: a read model's changes as files, for whatever reads Parquet or JSON lines.

A delivery is a folder of its own, there whole or not at all::

    out/outlet.json                          what is held here: read model, key, log
    out/0000000007-00000000000000001234/     the seventh delivery, true as of position 1234
        delivery.json                        position, whether everything before it goes, counts
        removed.parquet, rows.parquet        the keys that went; the rows that are new or changed
        changes.jsonl                        the same as JSON lines: {"removed": …} and {"row": …}, money as digits in text

Read in the order of their names they give the table; `FolderOutlet.table` does so. A delivery may stand there twice, where the
program was killed before it noted the first one; read twice it changes nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from orders_es.errors import OutletMismatch, OutletUnavailable
from orders_es.files import sync
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["FolderOutlet"]

_NAME = re.compile(r"(\d{10})-(\d{20})")
_ABOUT = "outlet.json"
_LINES = 10_000


class _Delivery(NamedTuple):
    number: int
    position: int
    path: Path


class FolderOutlet:
    """Deliveries of one read model, as folders in a folder.

    Args:
        path: The folder; made when the first delivery comes.

    Example:
        >>> import tempfile
        >>> FolderOutlet(tempfile.mkdtemp()).table() is None
        True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._target: Target | None = None

    @property
    def url(self) -> str:
        """`folder:` and the path as it was given."""
        return f"folder:{self.path}"

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for left in self.path.glob(".*.tmp"):
                shutil.rmtree(left, ignore_errors=True)
            place = self.path / _ABOUT
            if place.exists():
                held = json.loads(place.read_text(encoding="utf-8"))
                if (other := target.other(held)) is not None:
                    raise OutletMismatch(
                        self.url,
                        f"it holds another {other[0]} ({other[1]}, not {other[2]}); give each projection a folder of its "
                        "own, or empty this one",
                    )
            else:
                self._say(target)
        except (OSError, ValueError) as error:
            if isinstance(error, OutletMismatch):
                raise
            raise _unavailable(self.url, error) from error
        self._target = target
        found = self._deliveries()
        return found[-1].position if found else None

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        import pyarrow.parquet as pq

        found = self._deliveries()
        number = found[-1].number + 1 if found else 1
        name = f"{number:010d}-{position:020d}"
        temporary = self.path / f".{uuid.uuid4().hex}.tmp"
        said = {
            "position": position,
            "everything": removed is None,
            "removed": 0 if removed is None else removed.num_rows,
            "rows": rows.num_rows,
        }
        try:
            temporary.mkdir()
            gone = rows.schema.empty_table().select(self._key()) if removed is None else removed
            for file, table in (("removed.parquet", gone), ("rows.parquet", rows)):
                pq.write_table(table, temporary / file)
                sync(temporary / file)
            _write(temporary / "changes.jsonl", b"".join(_lines(gone, rows)))
            _write(temporary / "delivery.json", json.dumps(said).encode())
            sync(temporary)
            temporary.rename(self.path / name)
            sync(self.path)
            if removed is None and self._target is not None:
                self._say(self._target)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise _unavailable(self.url, error) from error

    def close(self) -> None:
        """Nothing is held open."""

    def table(self) -> pa.Table | None:
        """The rows as they are after the last delivery, in no certain order; None where nothing was delivered.

        Raises:
            OutletUnavailable: The files cannot be read.
        """
        import duckdb
        import pyarrow.parquet as pq

        found = list(self._since_everything())
        if not found:
            return None
        same = " AND ".join(f"held.{quoted(name)} IS NOT DISTINCT FROM gone.{quoted(name)}" for name in self._key())
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for number, delivery in enumerate(found):
                rows = pq.read_table(delivery.path / "rows.parquet")
                connection.register("given", rows)  # landed in a table first: filters then are the engine's own
                connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE {'came' if number else 'held'} AS SELECT * FROM given"
                )
                connection.unregister("given")
                if number:
                    removed = pq.read_table(delivery.path / "removed.parquet")
                    for keys in (removed, rows.select(removed.column_names)):
                        connection.register("given", keys)
                        connection.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT * FROM given")
                        connection.unregister("given")
                        connection.execute(f"DELETE FROM held USING gone WHERE {same}")
                    connection.execute("INSERT INTO held BY NAME SELECT * FROM came")
            listed = ", ".join(map(quoted, self._key()))
            return connection.sql(f"SELECT * FROM held ORDER BY {listed}").to_arrow_table()

    def _say(self, target: Target) -> None:
        """Note whose rows they are, if that is not said there yet."""
        place, said = self.path / _ABOUT, json.dumps(target.facts(), indent=1).encode()
        if place.exists() and place.read_bytes() == said:
            return
        unfinished = self.path / f".{uuid.uuid4().hex}.about"
        _write(unfinished, said)
        unfinished.replace(place)
        sync(self.path)

    def _key(self) -> list[str]:
        if self._target is not None:
            return list(self._target.key)
        key: list[str] = json.loads((self.path / _ABOUT).read_text(encoding="utf-8"))["key"]
        return key

    def _since_everything(self) -> Iterator[_Delivery]:
        """The deliveries from the last one on that replaced everything."""
        found = self._deliveries()
        start = 0
        for index, delivery in enumerate(found):
            if json.loads((delivery.path / "delivery.json").read_text(encoding="utf-8"))["everything"]:
                start = index
        yield from found[start:]

    def _deliveries(self) -> list[_Delivery]:
        try:
            names = sorted(place.name for place in self.path.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unavailable(self.url, error) from error
        return [_Delivery(int(m[1]), int(m[2]), self.path / m[0]) for name in names if (m := _NAME.fullmatch(name))]


def _lines(removed: pa.Table, rows: pa.Table) -> Iterator[bytes]:
    for what, table in (("removed", removed), ("row", rows)):
        for batch in table.to_batches(max_chunksize=_LINES):
            for row in batch.to_pylist():
                yield msgspec.json.encode({what: row}) + b"\n"


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    sync(path)


def _unavailable(url: str, error: Exception) -> OutletUnavailable:
    return OutletUnavailable(url, getattr(error, "strerror", None) or str(error))
