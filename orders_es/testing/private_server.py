"""A server that runs for a block: a temporary folder, a free loopback port, stopped and removed when done. Each kind says how it is called and when it answers."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from orders_es.errors import InvalidSetting

__all__ = ["PrivateServer"]

_SECONDS = 60
_STARTS_MOST = 5


class PrivateServer(ABC):
    """A server that runs as long as the block.

    Args:
        program: The program; None where it is not installed.
        missing: What to do then.
    """

    kind: ClassVar[str]

    def __init__(self, program: str | None, missing: str) -> None:
        if program is None:
            raise InvalidSetting(self.kind, "not installed", missing)
        self._program = program
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def words(self, folder: Path) -> list[str]:
        """Its command line, for what it keeps in a folder."""

    @abstractmethod
    def answers(self, asked: socket.socket) -> bool:
        """Whether it is ready, asked over a fresh connection."""

    def start(self) -> None:
        """Start it; again, on the same port and data, after `stop`."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"orders-es-{self.kind}-"))
        for attempt in range(1, _STARTS_MOST + 1):
            fresh = not self.port
            self.port = self.port or _free_port()
            if self._begin(self._folder):
                return
            if not fresh or attempt == _STARTS_MOST:
                said = (self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
                raise InvalidSetting(self.kind, str(self._folder), f"it did not start: {' '.join(said[-3:])}")
            self.port = 0  # somebody took the port between looking for a free one and using it

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it: with SIGTERM in order, with SIGKILL as a power cut would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_SECONDS)
            self._process = None

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _begin(self, folder: Path) -> bool:
        with (folder / "log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the program that was found
                [self._program, *self.words(folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for whoever started it
            )
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as asked:
                if self.answers(asked):
                    return True
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
