"""A server that runs for a block: a temporary folder, a free loopback port, stopped and removed when done. Each kind says how it is called and when it answers."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
import time
from abc import abstractmethod
from pathlib import Path

from orders_es.errors import InvalidSetting
from orders_es.testing.server_process import SECONDS, ServerProcess

__all__ = ["PrivateServer"]


class PrivateServer(ServerProcess):
    """A server that runs as long as the block.

    Args:
        program: The program; None where it is not installed.
        missing: What to do then.
    """

    def __init__(self, program: str | None, missing: str) -> None:
        if program is None:
            raise InvalidSetting(self.kind, "not installed", missing)
        self._program = program

    @abstractmethod
    def words(self, folder: Path) -> list[str]:
        """Its command line, for what it keeps in a folder."""

    @abstractmethod
    def answers(self, asked: socket.socket) -> bool:
        """Whether it is ready, asked over a fresh connection."""

    def _made(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"orders-es-{self.kind}-"))

    def _begin(self, folder: Path) -> bool:
        with (folder / "log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the program that was found
                [self._program, *self.words(folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for whoever started it
            )
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as asked:
                if self.answers(asked):
                    return True
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        return False
