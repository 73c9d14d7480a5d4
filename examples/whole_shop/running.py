"""One command starts the shop, one stops it: private servers, and a program each for the door, every projection, the warehouse and the watch.

`run` is the parent of all of them. One that ends is started again; what it was at is finished then, because each checkpoint is kept with what it stands for. Servers are private ones in
temporary folders, and what they hold is gone when they stop; they are filled again from the log at the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from orders_es import open_log
from orders_es.errors import InvalidSetting
from orders_es.log.redacting import without_password
from orders_es.testing.nats_server import NatsServer
from orders_es.testing.redis_server import RedisServer
from orders_es.testing.stand_ins import OpenSearchStandIn

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

__all__ = ["NotRunning", "facts", "run", "start", "stop"]

HERE = Path(__file__).parent
FACTS = "shop.json"
SECONDS = 120.0
CURRENCY = "GBP"
_READY = ("caught_up", "writer_silent")
"""States of a projection that has processed all there is, and whose rows are where they belong."""


class NotRunning(Exception):
    """No shop is open in that folder, or none came to be."""


def start(folder: Path, log: str | None = None) -> None:
    """Open the shop in the background, and come back when it is open.

    Args:
        folder: Where it keeps its log and its tables.
        log: A log elsewhere.

    Raises:
        NotRunning: It did not come to be; `shop.log` in the folder says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _is_open(folder):
        raise NotRunning(f"a shop is open in {folder} already; python -m whole_shop stop ends it")
    (folder / FACTS).unlink(missing_ok=True)
    words = [sys.executable, "-m", "whole_shop", "run", "--folder", str(folder), *(["--log", log] if log else [])]
    with (folder / "shop.log").open("ab") as output:
        began = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(), start_new_session=True)  # fmt: skip
    until = time.monotonic() + SECONDS
    while not (folder / FACTS).exists():
        if began.poll() is not None or time.monotonic() > until:
            began.terminate()
            raise NotRunning(f"the shop did not open: {(folder / 'shop.log').read_text(encoding='utf-8')[-1_000:]}")
        time.sleep(0.05)


def stop(folder: Path) -> None:
    """Close the shop: every program finishes what it is at, the servers end, the log stays.

    Raises:
        NotRunning: None is open there.
    """
    pid = facts(folder)["pid"]
    os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):  # it is our own child where this very program opened it
        os.waitpid(pid, 0)
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            time.sleep(0.05)


def facts(folder: Path) -> dict[str, Any]:
    """Where everything of an open shop is: its door, its servers, its files, and what was left out.

    Raises:
        NotRunning: None is open there.
    """
    if not _is_open(folder) or not (folder / FACTS).exists():
        raise NotRunning(f"no shop is open in {folder}; python -m whole_shop start opens one")
    found: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return found


def run(folder: Path, log: str | None = None) -> None:
    """Be the shop, until SIGTERM or Ctrl-C."""
    folder.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, lambda *_: ended.set())
    with (folder / "open").open("w") as held, contextlib.ExitStack() as opened:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        place = log or str(folder / "log")
        open_log(place, create=True).close()
        servers, left_out = _servers(opened)
        models = str(folder / "shop.duckdb")
        door = _Program(folder, "door", _ours("serve", "--port", "0", "--currency", CURRENCY, "--json"))
        programs = [door, *_followers(folder, servers), *_warehouse(folder, servers)]
        programs.append(_Program(folder, "watch", _ours("lag", "--watch", "--every", "1s", "--sla", "10s", "--json")))
        environment = {**_environment(), "ORDERS_ES_LOG": place, "ORDERS_ES_MODELS": models}
        try:
            for program in programs[:-1]:
                program.begin(environment)
            url = _url_of(door)
            _wait_for(url, 2 + len(servers))
            programs[-1].begin(environment)
            told = {
                "pid": os.getpid(),
                "log": without_password(place),
                "models": models,
                "door": url,
                "servers": servers,
                "left_out": left_out,
                "packed": str(folder / "packed.jsonl"),
                "watch": str(folder / "watch.log"),
            }
            unfinished = folder / f"{FACTS}.new"
            unfinished.write_text(json.dumps(told, indent=2), encoding="utf-8")
            unfinished.replace(folder / FACTS)
            while not ended.wait(0.5):
                for program in programs:
                    program.mind(environment)
        finally:
            (folder / FACTS).unlink(missing_ok=True)
            for program in reversed(programs):
                program.end()


class _Program:
    """One of the shop's programs: begun, begun again when it ends, ended."""

    def __init__(self, folder: Path, name: str, words: list[str]) -> None:
        self.name, self._words = name, words
        self.output = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, environment: dict[str, str]) -> None:
        """Begin it."""
        output: IO[bytes]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the parent, which ends them in order
            )

    def mind(self, environment: dict[str, str]) -> None:
        """Begin it again if it ended."""
        if self._process is not None and self._process.poll() is not None:
            print(f"{self.name} ended with {self._process.returncode}; beginning it again", flush=True)
            self.begin(environment)

    def end(self) -> None:
        """Let it finish what it is at, and end."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _servers(opened: ExitStack) -> tuple[dict[str, str], dict[str, str]]:
    """The URLs of the private servers that could be started, and why the others could not."""
    ways: dict[str, tuple[str, Callable[[], Any]]] = {
        "redis": ("redis", RedisServer),
        "search": ("opensearchpy", OpenSearchStandIn),
        "nats": ("nats", NatsServer),
    }
    servers: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, (library, make) in ways.items():
        if importlib.util.find_spec(library) is None:
            left_out[name] = f"pip install 'orders_es[{name}]'"
            continue
        try:
            servers[name] = opened.enter_context(make()).url
        except InvalidSetting as error:
            left_out[name] = str(error)
    return servers, left_out


def _followers(folder: Path, servers: dict[str, str]) -> list[_Program]:
    """A program for each projection."""
    ways: dict[str, list[str]] = {"tables": ["orders", "daily_sales"]}
    if "redis" in servers:
        ways["dashboard"] = ["daily_sales", "--to", f"{servers['redis']}?prefix=dashboard"]
    if "search" in servers:
        ways["search"] = ["orders", "--to", f"{servers['search']}?index=orders"]
    if "nats" in servers:
        ways["hand-over"] = [
            "to_ship",
            "--read-models",
            str(HERE / "read_models"),
            "--to",
            f"{servers['nats']}?bucket=to_ship",
        ]
    return [_Program(folder, name, _ours("project", "follow", *words)) for name, words in ways.items()]


def _warehouse(folder: Path, servers: dict[str, str]) -> list[_Program]:
    if "nats" not in servers:
        return []
    words = [sys.executable, "-m", "whole_shop.warehouse", servers["nats"], str(folder / "packed.jsonl")]
    return [_Program(folder, "warehouse", words)]


def _ours(*words: str) -> list[str]:
    return [sys.executable, "-m", "orders_es", *words]


def _environment() -> dict[str, str]:
    path = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def _url_of(door: _Program) -> str:
    """Where the door is, as it says when it is open."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(json.JSONDecodeError):
            url: str = json.loads(door.output.read_text(encoding="utf-8"))["url"]
            return url
        time.sleep(0.05)
    raise NotRunning(f"the door did not open: {door.output.read_text(encoding='utf-8')[-500:]}")


def _wait_for(door: str, projections: int) -> None:
    """Wait until the door answers, and so many projections have processed all there is."""
    until = time.monotonic() + SECONDS
    known = 0
    while known < projections:
        if time.monotonic() > until:
            raise NotRunning(f"{known} of {projections} projections are ready; the .log files say why")
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{door}/lag", timeout=30) as answer:
            known = sum(one["state"] in _READY for one in json.loads(answer.read())["projections"])
        time.sleep(0.1)


def _is_open(folder: Path) -> bool:
    try:
        with (folder / "open").open("r") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
