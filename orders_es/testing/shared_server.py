"""One private server for all workers of a test session: started by the first that needs it, stopped once the last has ended.

Each worker holds a shared lock on a file for as long as it lives; a keeper process waits for an exclusive one, which it gets when
the last worker is gone, however it went, and then stops the server.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from orders_es.testing.postgres_server import PostgresServer

__all__ = ["shared_postgres"]


def shared_postgres(folder: Path) -> str:
    """The URL of the session's server, which is started if nobody has yet. It runs as long as this process, or another worker.

    Args:
        folder: The same for all workers of a session, and for no other session.
    """
    with (folder / "postgres.starting").open("wb") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        using = os.open(folder / "postgres.using", os.O_WRONLY | os.O_CREAT)  # never closed: it goes with this process
        fcntl.flock(using, fcntl.LOCK_SH)  # waits for a keeper that is just stopping the server
        said = folder / "postgres.json"
        if not said.exists():
            keeper = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-m", __name__, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            assert keeper.stdout is not None
            with keeper.stdout as answer:
                started = answer.readline()
            keeper.returncode = 0  # it outlives us, and nobody is to wait for it
            if not started:
                raise RuntimeError("the PostgreSQL for the tests did not start; see above")
        url: str = json.loads(said.read_text(encoding="utf-8"))["url"]
        return url


def _keep(folder: Path) -> None:
    said = folder / "postgres.json"
    with PostgresServer() as server, (folder / "postgres.using").open("wb") as using:
        written = folder / "postgres.json.new"
        written.write_text(json.dumps({"url": server.url(), "pid": os.getpid()}), encoding="utf-8")
        written.rename(said)
        sys.stdout.write("started\n")
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            fcntl.flock(using, fcntl.LOCK_EX)
        finally:
            said.unlink(missing_ok=True)
            server.close()  # before the lock goes, so that whoever waits for it starts another one


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
