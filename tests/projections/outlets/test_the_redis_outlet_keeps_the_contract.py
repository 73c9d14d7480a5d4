"""The contract, on the outlet to Redis, against a real server; and what only Redis has."""

import multiprocessing
import os
import random
import signal
import socket
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable
from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder
from orders_es.projections import OutletProjection, Projector, RedisOutlet, open_outlet
from orders_es.replay import connect
from orders_es.service import handle
from orders_es.testing import OutletContract
from orders_es.testing.outlet_contract import _COLUMNS, _TARGET, _gone, _row, _rows
from orders_es.testing.redis_server import MISSING, RedisServer, program

from .between import Between

redis = pytest.importorskip("redis")


@pytest.fixture(scope="module")
def server():
    if program() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(MISSING)
    with RedisServer() as server:
        yield server


@pytest.fixture
def client(server):
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def place(server, client):
    del client  # which has emptied it
    return f"{server.url}?prefix=shop"


READ: dict[str, Any] = {
    "int64": int,
    "decimal128(18, 4)": Decimal,
    "bool": {"true": True, "false": False}.get,
    "date32[day]": date.fromisoformat,
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
}


def rows_in(client, prefix, columns):
    keys = client.smembers(f"{prefix}:rows")
    hashes = [client.hgetall(f"{prefix}:row:{key}") for key in keys]
    return [
        {f.name: None if f.name not in row else READ.get(str(f.type), str)(row[f.name]) for f in columns}
        for row in hashes
    ]


class TestRedisOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, place):
        made = []

        def make():
            made.append(RedisOutlet(place))
            return made[-1]

        yield make
        for outlet in made:
            outlet.close()

    def contents(self, outlet):
        with redis.Redis.from_url(outlet._server, decode_responses=True) as client:
            return rows_in(client, "shop", _COLUMNS)


@pytest.fixture
def outlet(place):
    outlet = RedisOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    yield outlet
    outlet.close()


def changes(client):
    return [(entry, fields["change"], fields["row"]) for entry, fields in client.xrange("shop:changes")]


def test_the_stream_says_each_change_once_by_the_position_of_the_log(outlet, client):
    for _ in range(3):
        outlet.deliver(_gone("south"), _rows(_row("north", 5)), 20)
    outlet.deliver(_gone(), _rows(_row("a|b")), 20)  # as when a dead letter is repeated
    assert changes(client) == [
        ("10-1", "everything", ""),
        ("20-1", "removed", r"south|2026-06-03"),
        ("20-2", "row", r"north|2026-06-03"),
        ("20-3", "row", r"a\|b|2026-06-03"),
    ]


@pytest.mark.usefixtures("outlet")
def test_an_answer_that_was_lost_leads_to_the_same_and_nothing_twice(server, client):
    with Severed(server.port) as severed:
        other = RedisOutlet(f"redis://127.0.0.1:{severed.port}/0?prefix=shop")
        assert other.open(_TARGET) == 10
        severed.drops = b"EXEC"
        with pytest.raises(OutletUnavailable):
            other.deliver(_gone("south"), _rows(_row("west")), 20)
        assert client.hget("shop:about", "position") == "20", "it had arrived"
        severed.drops = b""
        other.deliver(_gone("south"), _rows(_row("west")), 20)
        other.close()
    assert [change for _, change, _ in changes(client)] == ["everything", "removed", "row"]


class Severed(Between):
    """Between a client and a server; the connection breaks when the answer to what it drops comes back."""

    def __init__(self, port):
        self._server = port
        self.drops = b""

    def _carry(self, client):
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._server)) as server:
            while asked := client.recv(1 << 20):
                server.sendall(asked)
                answer = server.recv(1 << 20)
                if self.drops and self.drops in asked:
                    return
                client.sendall(answer)


def test_what_was_emptied_in_whole_or_in_part_is_filled_again(outlet, client):
    assert outlet.open(_TARGET) == 10
    client.srem("shop:rows", "north|2026-06-03")
    assert outlet.open(_TARGET) is None
    client.flushall()
    with pytest.raises(OutletMismatch, match="removed or exchanged"):
        outlet.deliver(_gone(), _rows(_row("west")), 20)
    assert outlet.open(_TARGET) is None


def test_keys_of_somebody_elses_are_left_alone(client, place, outlet):
    client.set("theirs:rows", "x")
    client.sadd("mine:rows", "x")
    for prefix in ("theirs", "mine"):
        with pytest.raises(OutletMismatch, match="no outlet made"):
            RedisOutlet(place.replace("shop", prefix)).open(_TARGET)
    client.set("shop:row:west|2026-06-03", "in the way")
    outlet.deliver(_gone(), _rows(_row("west")), 20)
    assert client.hget("shop:row:west|2026-06-03", "revenue") == "12.7500"
    client.delete("shop:changes")
    client.set("shop:changes", "x")
    with pytest.raises(OutletMismatch, match="is a string"):
        outlet.deliver(_gone(), _rows(_row("east")), 30)
    assert client.hget("shop:about", "position") == "20"


@pytest.mark.usefixtures("server")
def test_a_server_that_is_full_or_throws_keys_away_is_refused_in_words():
    with RedisServer("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as small:
        outlet = RedisOutlet(f"{small.url}?prefix=shop")
        outlet.open(_TARGET)
        many = _rows(*(_row(f"{n}", note="x" * 2_000) for n in range(3_000)))
        with pytest.raises(OutletUnavailable, match="maxmemory"):
            outlet.deliver(_gone(), many, 10)
        assert outlet.open(_TARGET) is None
        with redis.Redis.from_url(small.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises((OutletMismatch, OutletUnavailable), match=r"throws keys away|maxmemory"):
            outlet.open(_TARGET)
        outlet.close()
    with pytest.raises(OutletUnavailable) as caught:
        open_outlet("redis://:secret@127.0.0.1:1/0").open(_TARGET)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://", "redis://h/0?keep=0", "redis://h/0?prefix=", "redis://h/0?prefix=a&prefix=b"]
)
def test_what_is_no_place_is_refused(url):
    with pytest.raises(InvalidSetting):
        RedisOutlet(url)


def test_more_than_is_shown_at_once_comes_in_parts(outlet, client, monkeypatch):
    monkeypatch.setattr("orders_es.projections.outlets.redis._AT_ONCE", 10)
    outlet.deliver(None, _rows(*(_row(f"r-{n}") for n in range(25))), 20)
    assert client.scard("shop:rows") == 25
    assert [change for _, change, _ in changes(client)] == ["everything", "everything"]
    assert outlet.open(_TARGET) == 20
    client.hset("shop:about", "filling", "1")  # as one that died on the way leaves it
    assert outlet.open(_TARGET) is None


@pytest.mark.long
def test_a_read_model_and_its_hashes_are_equal_after_every_run(shop, place, client):
    outlet = RedisOutlet(place)
    for change in (lambda: None, lambda: shop.pay("A-1"), lambda: shop.order("A-9")):
        change()
        shop.run(OutletProjection.into(outlet, "orders"))
        assert_equal(shop.log, client)
    outlet.close()


def assert_equal(log, client):
    columns = pa.schema([("order_id", pa.string()), ("status", pa.string()), ("total", pa.decimal128(18, 4))])
    with connect(log) as session:
        ought = session.sql("SELECT order_id, status, total FROM orders ORDER BY ALL").to_arrow().to_pylist()
    assert sorted(rows_in(client, "shop", columns), key=lambda row: row["order_id"]) == ought


def _run(log, models, url):
    with open_log(log) as opened:
        Projector(
            opened, models, [OutletProjection.into(RedisOutlet(url), "orders", attempts=100)], batch_size=40
        ).run()


@pytest.mark.long
def test_killed_again_and_again_it_ends_with_the_same_table(tmp_path, server, client, place):
    draw = random.Random(7)
    processes = multiprocessing.get_context("forkserver")
    with open_log(tmp_path / "log", create=True) as log:
        for turn in range(4):
            for n in range(40):
                order = f"O-{draw.randrange(300):03}"
                if not log.stream_version(order):
                    handle(log, order, CreateOrder(currency="GBP"))
                handle(log, order, AddItem(item_id=f"{turn}-{n}", quantity=1, price=1))
            runner = processes.Process(target=_run, args=(tmp_path / "log", tmp_path / "m.duckdb", place))
            runner.start()
            before = client.hget("shop:about", "position")
            while client.hget("shop:about", "position") == before and runner.is_alive():
                pass  # until it is at work
            if turn % 2 == 1:
                server.stop(signal.SIGKILL)
                server.start()
            runner.kill()
            runner.join()
        _run(tmp_path / "log", tmp_path / "m.duckdb", place)
        assert_equal(log, client)
        entries = client.xrange("shop:changes")
        assert len({entry for entry, _ in entries}) == len(entries)
