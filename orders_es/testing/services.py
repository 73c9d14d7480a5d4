"""All private servers that can be started here, for trying things out: says where each is, and stops them on Ctrl-C.

python -m orders_es.testing.services
"""

from __future__ import annotations

import contextlib
import signal
import sys

from orders_es.testing import nats_server, postgres_server, redis_server

__all__: list[str] = []


def main() -> None:
    """Start them, say where they are, and what cannot be started."""
    for ending in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # also where a shell started us in the background and had us ignore it
        signal.signal(ending, signal.default_int_handler)
    with contextlib.ExitStack() as started:
        if postgres_server.programs() is None:
            sys.stdout.write(f"{postgres_server.MISSING}\n")
        else:
            postgres = started.enter_context(postgres_server.PostgresServer(settings={"fsync": "on"}))
            sys.stdout.write(f"{postgres.url('shop')}\n")
        if redis_server.program() is None:
            sys.stdout.write(f"{redis_server.MISSING}\n")
        else:
            sys.stdout.write(f"{started.enter_context(redis_server.RedisServer()).url}\n")
        if nats_server.program() is None:
            sys.stdout.write(f"{nats_server.MISSING}\n")
        else:
            sys.stdout.write(f"{started.enter_context(nats_server.NatsServer()).url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
