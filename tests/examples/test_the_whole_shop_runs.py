"""The example `examples/whole_shop`: one command opens it, every system shows what the log says, also after its programs were killed, and one command ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orders_es import open_log
from orders_es.audit import verify
from orders_es.replay import connect
from orders_es.testing.postgres_server import programs

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.long


@pytest.fixture
def command(tmp_path):
    """Gives a command of the shop."""

    def say(*words):
        return subprocess.run(
            [sys.executable, "-m", "whole_shop", *words, "--folder", str(tmp_path / "shop")],
            cwd=EXAMPLES,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    yield say
    say("stop")


def looked_at(monkeypatch, folder):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from whole_shop.running import facts

    return facts(folder)


def processes_of(folder):
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(folder).encode() in word for word in (*words, environ(entry.parent))):
            found[int(entry.parent.name)] = b" ".join(words).decode()
    return found


def environ(process):
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def caught_up(shop):
    from whole_shop.looking import late

    until = time.monotonic() + 600
    while any(one["state"] != "caught_up" for one in late(shop)):
        assert time.monotonic() < until, late(shop)
        time.sleep(0.1)


def check(shop, log):
    """Each system shows what the log's read models say."""
    from whole_shop.looking import dashboard, found, packed

    caught_up(shop)
    with open_log(log) as opened, connect(opened) as session:
        orders = {
            row["order_id"]: row
            for row in session.sql("SELECT order_id, status, total::VARCHAR AS total FROM orders")
            .to_arrow()
            .to_pylist()
        }
        days = (
            session.sql("SELECT day::VARCHAR AS day, orders_placed, revenue::VARCHAR AS revenue FROM daily_sales")
            .to_arrow()
            .to_pylist()
        )
        assert verify(opened).ok
    if "redis" in shop["servers"]:
        shown = [
            {"day": row["day"], "orders_placed": int(row["orders_placed"]), "revenue": row["revenue"]}
            for row in dashboard(shop)
        ]
        assert shown == days
    if "search" in shop["servers"]:
        hits = {row["order_id"]: (row["status"], row["total"]) for row in found(shop, "*")}
        assert hits == {key: (row["status"], row["total"]) for key, row in orders.items()}
    if "nats" in shop["servers"]:
        due = {key for key, row in orders.items() if row["status"] == "paid"}
        until = time.monotonic() + 600
        while not due <= {row["order_id"] for row in packed(shop)}:
            assert time.monotonic() < until
            time.sleep(0.1)
        noted = [row["order_id"] for row in packed(shop)]
        assert len(noted) == len(set(noted))
        assert set(noted) <= {key for key, row in orders.items() if row["status"] != "placed"}
    return orders


@pytest.mark.parametrize("kind", ["folder", "postgresql"])
def test_every_system_shows_what_the_log_says_whatever_is_killed(tmp_path, command, monkeypatch, kind):
    folder = tmp_path / "shop"
    from contextlib import ExitStack

    with ExitStack() as opened:
        log, more = str(folder / "log"), []
        if kind == "postgresql":
            if programs() is None:
                (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)("no PostgreSQL here")
            from orders_es.testing.postgres_server import PostgresServer

            log = f"{opened.enter_context(PostgresServer(settings={'fsync': 'on'})).url('shop')}"
            more = ["--log", log]
        began = command("start", *more)
        assert began.returncode == 0, began.stderr
        assert "open in" in command("start").stderr, "there is one already"
        shop = looked_at(monkeypatch, folder)
        if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ:
            assert not shop["left_out"]
        assert command("buy", "--orders", "6").returncode == 0
        assert len(check(shop, log)) == 6
        followers = [pid for pid, words in processes_of(folder).items() if " follow " in words]
        assert len(followers) == 1 + len(shop["servers"])
        for pid in followers:
            os.kill(pid, signal.SIGKILL)
        from whole_shop.customers import buy

        assert buy(shop["door"], 6) == buy(shop["door"], 6), "the same requests open the same orders"
        buy(shop["door"], 5, seed=2)
        assert len(check(shop, log)) == 11
        assert "0 events behind" in command("status").stdout
        watched = Path(shop["watch"]).read_text()
        assert json.JSONDecoder().raw_decode(watched)[0]["sla_seconds"] == 10
        assert command("stop").returncode == 0
        assert not processes_of(folder)
        assert command("status").returncode == 1
        again = command("start", *more)
        assert again.returncode == 0, again.stderr
        assert len(check(looked_at(monkeypatch, folder), log)) == 11, "servers that came up empty are filled again"
