"""Each outlet behind a network that breaks, and before a server that is stopped, forgets or is full: it ends as the read model, and says meanwhile what happened."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from orders_es.errors import OutletUnavailable
from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.projections import OutletProjection, Projector, RedisOutlet, SetProjection, open_outlet
from orders_es.replay import connect
from orders_es.testing import nats_server, postgres_server, redis_server, stand_ins
from orders_es.testing.outlet_contract import _TARGET, _row, _rows

from .between import Between
from .test_a_rebuild_exchanges_what_is_there import needed, rows_found, rows_in_nats, rows_in_postgres, rows_in_redis

MODEL = """-- Orders that are not paid. Rows come, change and go.
-- Key: order_id.
-- Stream: order_id.
-- Types: OrderCreated, ItemAdded, OrderPlaced, PaymentReceived
SELECT stream_id AS order_id, count(*) AS n FROM events GROUP BY stream_id HAVING count(*) % 4 <> 0
"""
CUTS = int(os.environ.get("ORDERS_ES_KILLS", "8"))


class Proxy(Between):
    """Between a client and a server. Each connection breaks after so many bytes of answers: what was asked has been done, and the answer is lost."""

    def __init__(self, host, port, draw):
        self._server, self._draw = (host, port), draw
        self.cuts = 0
        self.whole = False

    def _carry(self, client):
        left = self._draw.randrange(200, 9_000)
        with suppress(OSError), client, socket.create_connection(self._server) as server:
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            while answer := server.recv(1 << 16):
                left -= len(answer)
                if left < 0 and not self.whole:
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(self._as_seen(answer))

    def _as_seen(self, answer):
        return answer

    @staticmethod
    def _ask(client, server):
        with suppress(OSError):
            while asked := client.recv(1 << 16):
                server.sendall(asked)
            server.shutdown(socket.SHUT_WR)


class KafkaProxy(Proxy):
    """The same before a broker of Kafka, which says in its answers where it is: there it says where we are."""

    def _as_seen(self, answer):
        host, port = self._server
        return answer.replace(host.encode() + struct.pack(">i", port), host.encode() + struct.pack(">i", self.port))


@pytest.fixture(
    params=["redis", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("postgresql", "nats", "search"))]
)
def place(request):
    """The URL of an outlet, and what reads it as anybody would."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_place")(), rows_in_postgres, None
        return
    library, program, kind, read = {
        "redis": ("redis", redis_server.program, redis_server.RedisServer, rows_in_redis),
        "nats": ("nats", nats_server.program, nats_server.NatsServer, rows_in_nats),
        "search": ("opensearchpy", stand_ins.osmem, stand_ins.OpenSearchStandIn, rows_found),
    }[request.param]
    pytest.importorskip(library)
    needed(program(), request.param)
    with kind() as server:
        yield server.url, read, server


def behind(url, port):
    """The same place, reached by way of a proxy."""
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    query = f"{parts.query}&sslmode=disable&gssencmode=disable" if parts.scheme == "postgresql" else parts.query
    return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}", query=query))


@pytest.fixture
def shop(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    (models / "counted.sql").write_text(MODEL)
    with open_log(tmp_path / "log", create=True) as log:
        yield Shop(log, tmp_path / "m.duckdb", models)


class Shop:
    def __init__(self, log, file, models):
        self.log, self._file, self._models = log, file, models
        self._draw = random.Random(5)

    def sell(self, times=8):
        for _ in range(times):
            event = self._draw.choice([OrderCreated(currency="GBP"), OrderPlaced(), PaymentReceived(amount=Decimal(1))])
            items = [ItemAdded(item_id="i", quantity=1, price=Decimal(1))] * self._draw.randrange(3)
            self.log.append(f"O-{self._draw.randrange(30):03}", [event, *items], expected=ANY)

    def projector(self, url, **settings):
        projection = OutletProjection.into(open_outlet(url), SetProjection.of("counted", self._models), **settings)
        return Projector(self.log, self._file, [projection], batch_size=20)

    def ought(self):
        with connect(self.log) as session:
            asked = "SELECT stream_id, count(*) AS n FROM events GROUP BY ALL HAVING n % 4 <> 0 ORDER BY ALL"
            return session.sql(asked).rows()


def held(read, url):
    return sorted((row["order_id"], row["n"]) for row in read(url))


@contextmanager
def following(projector):
    """A runner that follows in a thread, for a block; gives what it was told."""
    stop, told = threading.Event(), []

    def note(_, error, ended):
        told.append((error, ended))

    runner = threading.Thread(target=projector.try_follow, args=(stop,), kwargs={"notify": note, "poll": 0.01})
    runner.start()
    try:
        yield told
    finally:
        stop.set()
        runner.join(60)
        assert not runner.is_alive()


def settled(ask, ought, seconds=600):
    until = time.monotonic() + seconds
    while (found := asked(ask)) != (wanted := ought()):
        assert time.monotonic() < until, (found, wanted)
        time.sleep(0.05)


def asked(ask):
    try:
        return ask()
    except Exception:  # noqa: BLE001 - it is just away
        return None


@pytest.mark.long
@pytest.mark.parametrize("cuts", [3, pytest.param(CUTS * 5, marks=pytest.mark.long)])
def test_a_network_that_drops_answers_after_the_write_loses_nothing(shop, place, cuts):
    url, read, _ = place
    parts = urlsplit(url)
    with Proxy(parts.hostname, parts.port, random.Random(3)) as proxy:
        with following(shop.projector(behind(url, proxy.port), attempts=1)) as told:
            until = time.monotonic() + 600
            while proxy.cuts < cuts and time.monotonic() < until:
                shop.sell(2)
                time.sleep(0.02)
            proxy.whole = True
            assert proxy.cuts >= cuts
            settled(lambda: held(read, url), shop.ought)
        assert told
        assert all(isinstance(error, OutletUnavailable) and not ended for error, ended in told), told


@pytest.mark.long
def test_a_server_that_is_killed_and_started_again_is_filled_to_the_end(shop, place):
    url, read, server = place
    if server is None:
        pytest.skip("the PostgreSQL of the tests is everybody's; terminated connections are tried elsewhere")
    shop.sell()
    with following(shop.projector(url, attempts=1)) as told:
        settled(lambda: held(read, url), shop.ought)
        for _ in range(2):
            server.stop(signal.SIGKILL)
            shop.sell()
            until = time.monotonic() + 600
            seen = len(told)
            while len(told) == seen:
                assert time.monotonic() < until, "it says that nobody answers"
                time.sleep(0.05)
            server.start()  # the stand-in for OpenSearch has forgotten everything
            settled(lambda: held(read, url), shop.ought)
    assert not any(ended for _, ended in told)


@pytest.mark.long
def test_a_redis_that_comes_back_with_less_is_filled_again_while_a_runner_follows(shop):
    redis = pytest.importorskip("redis")
    needed(redis_server.program(), "redis")
    with redis_server.RedisServer("--appendonly", "no") as server, redis.Redis.from_url(server.url) as client:
        shop.sell()
        with following(shop.projector(server.url)) as told:
            settled(lambda: held(rows_in_redis, server.url), shop.ought)
            client.save()
            for _ in range(4):
                shop.sell()
                settled(lambda: held(rows_in_redis, server.url), shop.ought)
            server.stop(signal.SIGKILL)
            server.start()  # with what it had saved
            shop.sell()
            settled(lambda: held(rows_in_redis, server.url), shop.ought)
        assert any("lost" in str(error) for error, _ in told), told


def test_a_delivery_of_differences_to_a_redis_that_lost_some_is_refused():
    redis = pytest.importorskip("redis")
    needed(redis_server.program(), "redis")
    with redis_server.RedisServer() as server, redis.Redis.from_url(server.url) as client:
        outlet = RedisOutlet(f"{server.url}?prefix=shop")
        outlet.open(_TARGET)
        outlet.deliver(None, _rows(_row("north")), 10)
        outlet.deliver(_rows().select(["region", "day"]), _rows(_row("south")), 20)
        client.hset("shop:about", "position", 10)
        with pytest.raises(OutletUnavailable, match="at position 10, not 20"):
            outlet.deliver(_rows().select(["region", "day"]), _rows(_row("west")), 30)
        outlet.close()


WRONG = [
    ("postgresql", "password"),
    ("redis", "invalid username-password|WRONGPASS|password"),
    ("nats", "[Aa]uthorization"),
]


@pytest.mark.parametrize(("kind", "words"), WRONG)
def test_wrong_credentials_are_said_without_showing_them(kind, words, request):
    if kind == "postgresql":
        parts = urlsplit(request.getfixturevalue("postgres_place")())
        url = urlunsplit(parts._replace(netloc=f"nobody:secret@{parts.hostname}:{parts.port}"))
        _refused(url, words)
    elif kind == "redis":
        redis = pytest.importorskip("redis")
        needed(redis_server.program(), kind)
        with redis_server.RedisServer() as server, redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", "right")
            _refused(server.url.replace("//", "//:secret@"), words)
    else:
        pytest.importorskip("nats")
        needed(nats_server.program(), kind)

        class Guarded(nats_server.NatsServer):
            def words(self, folder):
                words = super().words(folder)
                with Path(words[1]).open("a") as file:
                    file.write("authorization { user: ann, password: right }\n")
                return words

        with Guarded() as guarded:
            _refused(guarded.url.replace("//", "//ann:secret@"), words)


def _refused(url, words):
    outlet = open_outlet(url)
    with pytest.raises(OutletUnavailable, match=words) as caught:
        outlet.open(_TARGET)
    assert "secret" not in str(caught.value)
    outlet.close()


def take_away(url):
    """What an outlet keeps is removed, as somebody might by mistake."""
    kind = urlsplit(url).scheme
    if kind == "redis":
        import redis

        with redis.Redis.from_url(url) as client:
            client.flushall()
    elif kind == "nats":
        import asyncio

        import nats

        async def delete():
            client = await nats.connect(url)
            await client.jetstream().delete_stream("KV_counted")
            await client.close()

        asyncio.run(delete())
    elif kind == "opensearch":
        import opensearchpy

        client = opensearchpy.OpenSearch(url.replace("opensearch", "http"))
        client.indices.delete(index=",".join(client.indices.get_alias(name="counted")))
        client.close()
    else:
        import psycopg

        place, _, schema = url.partition("?schema=")
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(f"DROP TABLE {schema}.counted")


@pytest.mark.long
def test_what_somebody_removed_is_filled_again_while_a_runner_follows(shop, place):
    url, read, _ = place
    shop.sell()
    with following(shop.projector(url, attempts=1)) as told:
        settled(lambda: held(read, url), shop.ought)
        take_away(url)
        shop.sell()
        settled(lambda: held(read, url), shop.ought)
    assert told, "it said what had happened"
    assert not any(ended for _, ended in told), told


def test_a_nats_server_that_is_full_is_said_and_holds_what_it_held():
    pytest.importorskip("nats")
    needed(nats_server.program(), "nats")

    class Small(nats_server.NatsServer):
        def words(self, folder):
            words = super().words(folder)
            file = Path(words[1])
            file.write_text(file.read_text().replace("jetstream {", "jetstream { max_file: 300000, "))
            return words

    with Small() as server:
        outlet = open_outlet(f"{server.url}?bucket=shop")
        outlet.open(_TARGET)
        outlet.deliver(None, _rows(_row("north")), 10)
        many = _rows(*(_row(f"r-{n}", note="x" * 2_000) for n in range(400)))
        with pytest.raises(OutletUnavailable, match="insufficient resources"):
            outlet.deliver(_rows().select(["region", "day"]), many, 20)
        assert outlet.open(_TARGET) in (10, 20), "it goes on exactly as far as it was going"
        assert "north" in {row["region"] for row in rows_in_nats(server.url, "shop")}
        outlet.close()


@pytest.mark.long
def test_a_network_that_drops_answers_of_a_broker_loses_nothing(shop):
    confluent_kafka = pytest.importorskip("confluent_kafka")
    needed(stand_ins.noida(), "kafka")
    with (
        stand_ins.KafkaStandIn() as server,
        KafkaProxy("127.0.0.1", server.port, random.Random(3)) as proxy,
    ):

        def rows():
            consumer = confluent_kafka.Consumer(
                {"bootstrap.servers": server.broker, "group.id": "x", "isolation.level": "read_committed"}
                | {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
            )
            consumer.assign([confluent_kafka.TopicPartition("shop", 0, 0)])
            last = {}
            while (message := consumer.poll(30)) is not None and message.error() is None:
                last[message.key()] = message.value()
            consumer.close()
            found = (json.loads(value) for value in last.values() if value is not None)
            return sorted((row["order_id"], row["n"]) for row in found)

        with following(shop.projector(f"kafka://127.0.0.1:{proxy.port}?topic=shop", attempts=1)) as told:
            until = time.monotonic() + 600
            while proxy.cuts < 6 and time.monotonic() < until:
                shop.sell(2)
                time.sleep(0.05)
            proxy.whole = True
            assert proxy.cuts >= 6
            settled(rows, shop.ought, seconds=120)
        assert all(isinstance(error, OutletUnavailable) and not ended for error, ended in told), told


@pytest.mark.long
def test_a_postgresql_whose_disk_is_full_is_said_and_holds_what_it_held(monkeypatch, postgres):
    import psycopg

    del postgres  # where none can be started, this is left out for the same reason
    small = Path(tempfile.mkdtemp(prefix="orders-es-small-"))  # where the server's own user may go
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", small], check=False).returncode:
        small.rmdir()
        pytest.skip("a small disk can be mounted by root alone")
    monkeypatch.setattr("tempfile.tempdir", str(small))
    try:
        wal = {"max_wal_size": "32MB", "min_wal_size": "32MB", "wal_level": "minimal", "max_wal_senders": "0"}
        with postgres_server.PostgresServer(settings=wal) as server:
            outlet = open_outlet(f"{server.url()}?table=filled")
            outlet.open(_TARGET)
            outlet.deliver(None, _rows(_row("north")), 10)
            disk = os.statvfs(small)
            with (small / "filler").open("wb") as filler:
                filler.write(b"x" * (disk.f_bavail * disk.f_frsize - 1_000_000))
            many = _rows(*(_row(f"r-{n}", note="x" * 2_000) for n in range(8_000)))
            with pytest.raises(OutletUnavailable, match="No space left on device"):
                outlet.deliver(_rows().select(["region", "day"]), many, 20)
            (small / "filler").unlink()
            assert outlet.open(_TARGET) == 10
            with psycopg.connect(server.url()) as asked_of:
                assert asked_of.execute("SELECT region FROM filled").fetchall() == [("north",)]
            outlet.deliver(_rows().select(["region", "day"]), _rows(_row("south")), 20)
            assert outlet.open(_TARGET) == 20
            outlet.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)
        small.rmdir()
