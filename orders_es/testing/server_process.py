"""What all servers that run for a block have in common: a folder, a free loopback port, a start that may find it taken, an end."""

from __future__ import annotations

import shutil
import signal
import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

__all__ = ["SECONDS", "ServerProcess"]

SECONDS = 60
"""How long a server may take to start, and to stop."""
_STARTS_MOST = 5


class ServerProcess(ABC):
    """A server that runs as long as the block: stopped and removed when done."""

    kind: ClassVar[str]
    in_order: ClassVar[signal.Signals] = signal.SIGTERM
    """The signal at which it stops in order."""
    port = 0
    _folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it; again, on the same port and data, after `stop`."""
        if self._folder is None:
            self._folder = self._made()
        for attempt in range(1, _STARTS_MOST + 1):
            fresh = not self.port
            self.port = self.port or _free_port()
            if self._begin(self._folder):
                return
            if not fresh or attempt == _STARTS_MOST:
                said = (self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
                raise InvalidSetting(self.kind, str(self._folder), f"it did not start: {' '.join(said[-3:])}")
            self.port = 0  # somebody took the port between looking for a free one and using it

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stop it: in order if nothing else is said, with another signal as a power cut would."""
        if self._process is not None:
            self._process.send_signal(how or self.in_order)
            self._process.wait(SECONDS)
            self._process = None

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @abstractmethod
    def _made(self) -> Path:
        """A new folder for it, with all that it needs before its first start."""

    @abstractmethod
    def _begin(self, folder: Path) -> bool:
        """Start its process on `port`, which writes to the file `log` in the folder; whether it answers."""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
