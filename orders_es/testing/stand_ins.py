"""Stand-ins for servers that no package index has: programs that speak the same protocol, for tests and for trying things out.

`osmem-server` for OpenSearch (in memory: stopped, it has forgotten everything); `noida-db` for Kafka and for Elasticsearch (kept on disk); `secantusdb` for MongoDB; a service of our own for KurrentDB. They are not the real thing: what the real servers
do under load, when they are replicated or full, is not shown by them. Each runs in a temporary folder on a free loopback port, and is stopped when done.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from orders_es.testing.private_server import PrivateServer

if TYPE_CHECKING:
    import socket

__all__ = [
    "ElasticsearchStandIn",
    "KafkaStandIn",
    "KurrentStandIn",
    "MongoStandIn",
    "OpenSearchStandIn",
    "noida",
    "osmem",
]


def osmem() -> str | None:
    """The program `osmem-server` of the wheel; None where it is not installed. Read-only."""
    return _beside("osmem_server", "bin/osmem-server")


def noida() -> str | None:
    """The program `noida-db` of the wheel; None where it is not installed. Read-only."""
    return _beside("noida_db", "noida-db")


def _beside(package: str, name: str) -> str | None:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).parent / name
    return str(program) if program.exists() else None


class OpenSearchStandIn(PrivateServer):
    """`osmem-server`, which speaks OpenSearch, as long as the block runs.

    Example::

        with OpenSearchStandIn() as server:
            outlet = SearchOutlet(f"{server.url}?index=shop")
    """

    kind = "opensearch"

    def __init__(self) -> None:
        super().__init__(osmem(), "there is no stand-in for OpenSearch here: pip install osmem-server")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"opensearch://127.0.0.1:{self.port}"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        del folder
        return ["-addr", f"127.0.0.1:{self.port}", "-no-stdin-watch", "-no-ja"]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return _speaks_http(asked)


class _Noida(PrivateServer):
    """One of the services of `noida-db`, as long as the block runs."""

    service: ClassVar[str]
    scheme: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(noida(), f"there is no stand-in for {self.kind} here: pip install noida-db")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        where = ["--data-dir", str(folder / "data")]
        return ["start", "--only", self.service, f"--{self.service}-port", str(self.port), *where]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return bool(asked)


class KafkaStandIn(_Noida):
    """`noida-db` as Kafka; `url` is that of an outlet, `broker` what clients are told.

    Example::

        with KafkaStandIn() as server:
            outlet = KafkaOutlet(f"{server.url}?topic=shop")
    """

    kind = service = scheme = "kafka"

    @property
    def broker(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"


class ElasticsearchStandIn(_Noida):
    """`noida-db` as Elasticsearch; it keeps on disk what it acknowledged."""

    kind = service = scheme = "elasticsearch"

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return _speaks_http(asked)


class MongoStandIn(PrivateServer):
    """`secantusdb` as MongoDB; it keeps on disk what it acknowledged.

    Example::

        with MongoStandIn() as server:
            source = EventHorizonCollection(f"{server.url}/shop")
    """

    kind = "mongodb"

    def __init__(self) -> None:
        there = importlib.util.find_spec("secantus") is not None
        super().__init__(
            sys.executable if there else None, "there is no stand-in for MongoDB here: pip install secantusdb"
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"mongodb://127.0.0.1:{self.port}"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        where = ["--port", str(self.port), "--storage-path", str(folder / "data")]
        return ["-m", "secantus", "--host", "127.0.0.1", *where]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return bool(asked)


class KurrentStandIn(PrivateServer):
    """`orders_es.testing.kurrentdb_service`, which speaks the part of KurrentDB's protocol that writes and reads events, as long as the block runs.

    Args:
        words: More of its command line, such as `--user`, with `--certificate` and `--key`.

    Example::

        with KurrentStandIn() as server:
            source = KurrentStream(server.url, stream="order-1")
    """

    kind = "kurrentdb"

    def __init__(self, *words: str) -> None:
        there = importlib.util.find_spec("kurrentdbclient") is not None
        super().__init__(
            sys.executable if there else None, "there is no stand-in for KurrentDB here: pip install kurrentdbclient"
        )
        self._more = words

    @property
    def url(self) -> str:
        """Where it is."""
        return f"kurrentdb://127.0.0.1:{self.port}?tls=false"

    def words(self, folder: Path) -> list[str]:
        """See `PrivateServer`."""
        where = ["--port", str(self.port), "--file", str(folder / "events")]
        return ["-m", "orders_es.testing.kurrentdb_service", *where, *self._more]

    def answers(self, asked: socket.socket) -> bool:
        """See `PrivateServer`."""
        return bool(asked)


def _speaks_http(asked: socket.socket) -> bool:
    asked.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return asked.recv(12).endswith(b" 200")
