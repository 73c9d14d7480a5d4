"""A private Redis for tests and for trying things out: a temporary folder, a free loopback port, stopped when done.

It takes the program that is there: `apt install redis-server`. Every write is on disk before it is answered, so that one that is killed has all of it when it is started again.

    python -m orders_es.testing.redis_server     # starts one, says where, and stops it on Ctrl-C
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from orders_es.errors import InvalidSetting

__all__ = ["MISSING", "RedisServer", "program"]

MISSING = "there is no Redis here: apt install redis-server"
"""What to do where `program` finds nothing."""
_SECONDS = 60
_STARTS_MOST = 5


def program() -> str | None:
    """The program `redis-server`, or `valkey-server`, which speaks the same; None where there is none. Read-only."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A server that runs as long as the block.

    Args:
        *settings: More words of its command line, such as `"--maxmemory", "8mb"`.

    Example::

        with RedisServer() as server:
            outlet = RedisOutlet(f"{server.url}?prefix=shop")
    """

    def __init__(self, *settings: str) -> None:
        found = program()
        if found is None:
            raise InvalidSetting("redis", "not installed", MISSING)
        self._program = found
        self._settings = settings
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

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it; again, on the same port and data, after `stop`."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="orders-es-redis-"))
        for attempt in range(1, _STARTS_MOST + 1):
            fresh = not self.port
            self.port = self.port or _free_port()
            if self._begin():
                return
            if not fresh or attempt == _STARTS_MOST:
                said = (self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
                raise InvalidSetting("redis", str(self._folder), f"it did not start: {' '.join(said[-3:])}")
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

    def _begin(self) -> bool:
        assert self._folder is not None
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        given += ["--appendonly", "yes", "--appendfsync", "always", *self._settings]
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the program that was found
                [self._program, *given],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for whoever started it
            )
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.02)
        self.stop(signal.SIGKILL)
        return False

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as asked:
            asked.sendall(b"PING\r\n")
            return asked.recv(7) == b"+PONG\r\n"  # while it reads its file it says that it is loading
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def main() -> None:
    """Start one, say where it is, and stop it on Ctrl-C."""
    if program() is None:
        sys.exit(MISSING)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)
    with RedisServer() as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
