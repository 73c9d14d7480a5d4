"""The file by which a runner says that it lives: an exclusive lock for as long as it does, and a heartbeat in it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from orders_es.errors import CannotWriteReadModels, InvalidSetting, ProjectionRunning
from orders_es.orders.moments import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["OPENING", "RunnerFile", "SourceRunner", "runners_folder", "said_last", "sources_folder", "who_runs"]

BEAT_SECONDS = 1.0
OPENING = "opening"
"""What the runner of an outlet says until it knows that the other system holds what it delivered."""
_LOOKS_SECONDS = 0.2


def runners_folder(models: Path) -> Path:
    """Where the runner files of a read-model file are.

    Args:
        models: The read-model file, there or not.

    Raises:
        InvalidSetting: It is a folder.

    Example:
        >>> from pathlib import Path
        >>> runners_folder(Path("shop.duckdb")).name
        'shop.duckdb.runners'
    """
    if models.is_dir():
        raise InvalidSetting("models", str(models), "it is a folder; name a file")
    return Path(f"{models}.runners")


def sources_folder(models: Path) -> Path:
    """Where the runner files of the sources are that are followed and watched beside a read-model file.

    Args:
        models: The read-model file, there or not.
    """
    return runners_folder(models) / "sources"


def who_runs(models: Path, projection: str) -> dict[str, Any] | None:
    """What the runner of a projection says of itself; None if it has none that lives. Read-only.

    Args:
        models: The read-model file.
        projection: The projection's name.
    """
    try:
        fd = os.open(runners_folder(models) / f"{projection}.json", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)
    finally:
        os.close(fd)
    return None


def said_last(models: Path, projection: str) -> str | None:
    """The state that a projection's runner noted last: `ended` if it came to its end; None if there never was one.

    Args:
        models: The read-model file.
        projection: The projection's name.
    """
    try:
        text = (runners_folder(models) / f"{projection}.json").read_text(encoding="utf-8")
        state: str = json.loads(text)["state"]
    except (OSError, ValueError, KeyError):
        return None
    return state


class RunnerFile:
    """The right to run one projection, held until `close` or the process's end; a thread beats meanwhile.

    Args:
        models: The read-model file.
        projection: The projection's name.
        clock: Gives the current time, with time zone.

    Raises:
        ProjectionRunning: Another runner has it.
        CannotWriteReadModels: The file cannot be made.
    """

    def __init__(self, models: Path, projection: str, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        path = self._place(models, projection)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise CannotWriteReadModels(str(path), error.strerror or str(error)) from error
        if not _locked(self._fd):
            told = _read(self._fd)
            os.close(self._fd)
            raise ProjectionRunning(projection, told.get("pid"), str(told.get("host", "?")))
        self._write_lock = threading.Lock()
        self._facts: dict[str, Any] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started_at": format_instant(clock()),
            "beat_at": "",
            "projection": projection,
            "position": 0,
            "head_position": 0,
            "moved_at": None,
            "state": "starting",
            **self._more,
        }
        self._ended = threading.Event()
        try:
            self._write()
        except OSError as error:
            os.close(self._fd)
            raise CannotWriteReadModels(str(path), error.strerror or str(error)) from error
        self._thread = threading.Thread(target=self._beating, name=f"heartbeat of {projection}", daemon=True)
        self._thread.start()

    _more: ClassVar[dict[str, Any]] = {}

    def _place(self, models: Path, projection: str) -> Path:
        return runners_folder(models) / f"{projection}.json"

    def say(self, **facts: Any) -> None:
        """Change what the file says: `position`, `head_position`, `state`. It is written with the next beat, at once if new.

        Args:
            facts: The new values.
        """
        if facts.get("position", self._facts["position"]) != self._facts["position"]:
            facts["moved_at"] = format_instant(self._clock())
        if any(self._facts[name] != value for name, value in facts.items()):
            self._facts.update(facts)
            self._beat()

    def close(self) -> None:
        """Give the projection free for another runner."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        self._facts["state"] = "ended"
        self._beat()
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beating(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        # A sign of life that could not be given is given with the next beat; the work goes on.
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        with self._write_lock:
            self._facts["beat_at"] = format_instant(self._clock())
            # Padded with blanks to the length that it once had, so that a reader never meets the rest of an older text.
            text = json.dumps(self._facts).ljust(2_048)
            os.pwrite(self._fd, text.encode(), 0)


class SourceRunner(RunnerFile):
    """The same for a source that is followed, by which lag is told without asking the source: the follower says what it saw.

    `position` is how many events came of it, `waiting` how many lines it saw that are not recorded yet (`at_least` so many), `next_at` the time of the first of
    them, `refused` how many were set aside, `error` what keeps it from reading.
    """

    _more: ClassVar[dict[str, Any]] = {
        "waiting": None,
        "at_least": False,
        "next_at": None,
        "refused": 0,
        "error": None,
    }

    def _place(self, models: Path, projection: str) -> Path:
        return sources_folder(models) / f"{sha256(projection.encode()).hexdigest()[:24]}.json"


def _locked(fd: int) -> bool:
    """Whether the lock is ours now. Who only looks whether a runner lives takes it for a moment, so one try proves nothing."""
    until = time.monotonic() + _LOOKS_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        else:
            return True


def _read(fd: int) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(os.pread(fd, 4096, 0))
    except ValueError:  # its runner has not written yet
        return {}
    return told
