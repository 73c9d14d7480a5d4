"""All private servers that can be started here, for trying things out: says where each is, and stops them on Ctrl-C.

python -m orders_es.testing.services
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.testing.nats_server import NatsServer
from orders_es.testing.postgres_server import PostgresServer
from orders_es.testing.redis_server import RedisServer
from orders_es.testing.stand_ins import (
    ElasticsearchStandIn,
    KafkaStandIn,
    KurrentStandIn,
    MongoStandIn,
    OpenSearchStandIn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []

_STARTED: tuple[Callable[[contextlib.ExitStack], str], ...] = (
    lambda started: started.enter_context(PostgresServer(settings={"fsync": "on"})).url("shop"),
    lambda started: started.enter_context(RedisServer()).url,
    lambda started: started.enter_context(NatsServer()).url,
    lambda started: f"{started.enter_context(OpenSearchStandIn()).url}    (a stand-in: osmem-server)",
    lambda started: f"{started.enter_context(ElasticsearchStandIn()).url}    (a stand-in: noida-db)",
    lambda started: f"{started.enter_context(KafkaStandIn()).url}    (a stand-in: noida-db)",
    lambda started: f"{started.enter_context(MongoStandIn()).url}    (a stand-in: secantusdb)",
    lambda started: f"{started.enter_context(KurrentStandIn()).url}    (a stand-in of our own)",
)


def main() -> None:
    """Start them, say where they are, and what cannot be started."""
    for ending in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # also where a shell started us in the background and had us ignore it
        signal.signal(ending, signal.default_int_handler)
    with contextlib.ExitStack() as started:
        for start in _STARTED:
            try:
                sys.stdout.write(f"{start(started)}\n")
            except InvalidSetting as error:  # its program is not here; the others are started all the same
                sys.stdout.write(f"{error}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
