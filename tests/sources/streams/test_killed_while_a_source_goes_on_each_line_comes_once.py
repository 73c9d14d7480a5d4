"""A follower is killed again and again while its source goes on; in the end the log has each line once, in its order."""

import multiprocessing
import os
import random
import threading
import time
from typing import Any

import pytest

from orders_es.log import open_log
from orders_es.sources.streams import Follower
from orders_es.testing.redis_server import RedisServer
from tests.projections.outlets.test_faults_lose_nothing_and_repeat_nothing import KafkaProxy, Proxy

from .test_a_stream_of_a_broker_is_followed import OfKafka, OfKurrent, OfNats, OfRedis, line, server  # noqa: F401 - a fixture

KILLS = int(os.environ.get("ORDERS_ES_KILLS", "6"))


def _follow(log, kind, url, name, mapping, once):
    source: Any
    if kind == "redis":
        from orders_es.sources.streams.redis_stream import RedisStream

        source = RedisStream(url, name)
    elif kind == "nats":
        from orders_es.sources.streams.nats_stream import NatsStream

        source = NatsStream(url, name)
    elif kind == "kurrentdb":
        from orders_es.sources.streams.kurrentdb import KurrentStream

        source = KurrentStream(url, stream=name)
    elif kind == "postgresql-slot":
        from orders_es.sources.streams.postgres_slot import PostgresSlot

        source = PostgresSlot(url, f"s_{name}", f"p_{name}")
    elif kind == "kafka":
        from orders_es.sources.streams.kafka_topic import KafkaTopic

        source = KafkaTopic(url, name)
    else:
        from orders_es.sources.streams.postgres_table import PostgresTable

        source = PostgresTable(url, name, position="id", transaction="tx")
    with open_log(log) as opened:
        follower: Follower = (
            Follower(opened, source, mapping=mapping, batch_events=7) if mapping else _of_debezium(opened, source)
        )
        if once:
            follower.catch_up()
        else:
            follower.follow(threading.Event(), poll=0.01)
    source.close()


def _of_debezium(log, source):
    from orders_es.sources.streams.change_follower import ChangeFollower

    meaning = {"stream": "id", "event": [{"type": "OrderCreated", "on": "inserted", "currency": {"value": "EUR"}}]}
    return ChangeFollower(log, source, key="id", mapping=meaning, batch_events=7)


class Writing:
    """Numbered lines, written for as long as the block, in a thread."""

    def __init__(self, write):
        self._write, self.written = write, []
        self._ended = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._go)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _go(self):
        while not self._ended.is_set():
            orders = [f"O-{len(self.written) + n}" for n in range(5)]
            self._write(orders)
            self.written += orders
            time.sleep(0.02)


def kill_again_and_again(tmp_path, mapping, write, kind, url, name, settled=lambda: None):
    draw = random.Random(3)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["orders_es.sources.streams.follower", "orders_es.log.parquet.log"])
    log = tmp_path / "log"
    open_log(log, create=True).close()
    with Writing(write) as writing:
        for _ in range(KILLS):
            runner = processes.Process(target=_follow, args=(log, kind, url, name, mapping, False))
            runner.start()
            time.sleep(draw.uniform(0.2, 1.2))
            assert runner.is_alive()
            runner.kill()
            runner.join()
    settled()
    _follow(log, kind, url, name, mapping, True)
    with open_log(log) as opened:
        events = [event for order in opened.stream_ids() for event in opened.load(order)]
        found = [event.stream_id for event in events if event.type == "OrderCreated"]
        assert sorted(found) == sorted(writing.written), "nothing lost, nothing twice"
        positions = [opened.load(order)[0].position for order in writing.written]
        assert positions == sorted(positions)


@pytest.mark.long
def test_from_a_stream_of_a_broker(tmp_path, server):  # noqa: F811 - the fixture
    broker, running = server
    theirs = broker(running)
    mapping = tmp_path / "shop.toml"
    mapping.write_text(broker.mapping)
    kill_again_and_again(
        tmp_path,
        mapping,
        lambda orders: theirs.write(*map(line, orders)),
        {OfRedis: "redis", OfNats: "nats", OfKurrent: "kurrentdb", OfKafka: "kafka"}[broker],
        theirs.url,
        theirs.stream,
    )
    theirs.close()


@pytest.mark.long
def test_from_changes_in_a_stream(tmp_path):
    """Some of them twice, as Debezium sends them again after a crash of its own."""
    pytest.importorskip("redis")
    with RedisServer() as running:
        theirs = OfRedis(running)

        def write(orders):
            said = [
                {
                    "op": op,
                    "before": None,
                    "after": {"id": order, "status": op},
                    "source": {
                        "table": "orders",
                        "ts_ms": 1780300800000 + number(order),
                        "lsn": 2 * number(order) + (op == "u"),
                    },
                }
                for order in orders
                for op in "cu"
            ]
            theirs.write(*said, *said[-3:])

        def number(order):
            return int(order.partition("-")[2])

        kill_again_and_again(tmp_path, None, write, "redis", theirs.url, theirs.stream)
        with open_log(tmp_path / "log") as log:
            rows = [log.load(stream) for stream in log.stream_ids(prefix="orders/")]
            assert all([event.type for event in row] == ["RowInserted", "RowChanged"] for row in rows)
        theirs.close()


@pytest.mark.long
def test_from_a_table_in_postgresql(tmp_path, theirs, mapping):
    with theirs.connect() as connection:

        def write(orders):
            with connection.transaction():
                for order in orders:
                    theirs.write(connection, order)

        kill_again_and_again(tmp_path, mapping, write, "postgresql", theirs.url, theirs.name, settled=theirs.settled)


@pytest.mark.long
def test_behind_a_network_that_drops_answers_each_line_comes_once(tmp_path, server):  # noqa: F811 - the fixture
    broker, running = server
    theirs = broker(running)
    mapping = tmp_path / "shop.toml"
    mapping.write_text(broker.mapping)
    stop, told = threading.Event(), []
    with (
        (KafkaProxy if broker is OfKafka else Proxy)("127.0.0.1", running.port, random.Random(4)) as proxy,
        open_log(tmp_path / "log", create=True) as log,
    ):
        theirs.url, direct = theirs.url.replace(f":{running.port}", f":{proxy.port}"), theirs.url
        source = theirs.open()
        theirs.url = direct
        follower = Follower(log, source, mapping=mapping, batch_events=7)
        runner = threading.Thread(target=follower.follow, args=(stop,), kwargs={"poll": 0.01, "notify": told.append})
        with Writing(lambda orders: theirs.write(*map(line, orders))) as writing:
            runner.start()
            until = time.monotonic() + 600
            while proxy.cuts < 4 and time.monotonic() < until:
                time.sleep(0.05)
            proxy.whole = True
        until = time.monotonic() + 600
        while follower.state.events < len(writing.written) and time.monotonic() < until:
            time.sleep(0.05)
        stop.set()
        runner.join()
        assert proxy.cuts >= 4
        assert told or broker is OfKafka  # whose client asks again by itself, and may have nothing to say
        assert sorted(order for order in log.stream_ids() if order.startswith("O-")) == sorted(writing.written)
        assert all(len(log.load(order)) == 1 for order in writing.written)
    source.close()
    theirs.close()
