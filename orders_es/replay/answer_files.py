"""Answers into files: streamed out of a session that itself may write none."""

from __future__ import annotations

import os
import select
import stat
import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orders_es import files
from orders_es.log.relation import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["copy_out", "replacing"]

_PIECE = 1 << 20
_PAUSE = 0.05


def copy_out(cursor: Any, query: str, options: str, scratch: Path, target: Path) -> int:
    """How many rows a query has, after DuckDB wrote them to a file that it may not open itself.

    DuckDB writes into a pipe in the folder that it may use, and a thread carries on into the file: no second copy on the disk,
    and no path outside that SQL could name.

    Args:
        cursor: A cursor of the session.
        query: One SELECT.
        options: What stands in the brackets of COPY.
        scratch: A folder that the session may use; it is made where it is not there.
        target: The file. It is written from its beginning.

    Raises:
        duckdb.Error: DuckDB refuses the query.
        OSError: The disk refuses.
    """
    scratch.mkdir(mode=0o700, exist_ok=True)
    pipe = scratch / uuid.uuid4().hex
    os.mkfifo(pipe, 0o600)
    failed: list[OSError] = []
    over = threading.Event()

    def carry() -> None:
        try:
            with pipe.open("rb", buffering=0) as source, target.open("wb") as file:
                while not over.is_set():
                    if not select.select([source], [], [], _PAUSE)[0]:
                        continue
                    piece = source.read(_PIECE)
                    if not piece:
                        return
                    file.write(piece)
        except OSError as error:
            failed.append(error)

    carrier = threading.Thread(target=carry, name="orders_es-export", daemon=True)
    carrier.start()
    try:
        copy = f"COPY (\n{query}\n) TO {text(str(pipe))} ({options})"
        rows: int = cursor.execute(copy).fetchall()[0][0]
    except BaseException:
        # An interrupted query may keep its end open, so the carrier does not wait for it.
        over.set()
        _end(pipe, carrier)
        if failed:
            raise failed[0] from None
        raise
    _end(pipe, carrier)
    if failed:
        raise failed[0]
    return rows


def _end(pipe: Path, carrier: threading.Thread) -> None:
    """Let the carrier end, which waits for a writer as long as there was none, and take the pipe away."""
    while carrier.is_alive():
        with suppress(OSError):  # nobody reads any more
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        carrier.join(_PAUSE)
    pipe.unlink(missing_ok=True)
    with suppress(OSError):  # another export is at work there
        pipe.parent.rmdir()


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A place for a new file in the target's folder, which takes the target's place, synced, when the block ends well.

    What is no ordinary file, such as a pipe or /dev/stdout, is written to itself.

    Raises:
        CannotWriteFile: The system refused.
    """
    with files.asked_for(target):
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            yield target
            return
        with files.replacing(target) as fresh:
            yield fresh
