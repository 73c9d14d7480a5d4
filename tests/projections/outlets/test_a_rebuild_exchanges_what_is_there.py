"""`project rebuild --to`: all rows are built beside and take the place of those before in one step, also where the read model is defined otherwise now."""

import json
import os
import threading
from contextlib import ExitStack, suppress

import pytest

from orders_es.errors import OutletMismatch, ProjectionChanged
from orders_es.log import open_log
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.projections import (
    FolderOutlet,
    OutletProjection,
    PostgresOutlet,
    Projector,
    RedisOutlet,
    SetProjection,
    open_outlet,
)
from orders_es.testing import nats_server, redis_server, stand_ins
from orders_es.testing.outlet_contract import _TARGET, _gone, _row, _rows

MODEL = """-- Counted.
-- Key: order_id.
-- Stream: order_id.
-- Types: *
SELECT stream_id AS order_id, {columns} FROM events GROUP BY stream_id
"""


def needed(program, kind):
    if program is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(f"no server for {kind}")


def rows_in_postgres(url, table="counted"):
    import psycopg

    place, _, schema = url.partition("?schema=")
    with psycopg.connect(place, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(f"SELECT * FROM {schema}.{table}").fetchall()


def rows_in_redis(url, prefix="counted"):
    import redis

    with redis.Redis.from_url(url, decode_responses=True) as client:
        rows = [client.hgetall(f"{prefix}:row:{key}") for key in client.smembers(f"{prefix}:rows")]
    return [{name: value if name == "order_id" else int(value) for name, value in row.items()} for row in rows]


def rows_in_nats(url, bucket="counted"):
    import asyncio

    import nats

    async def read():
        client = await nats.connect(url)
        stream = client.jetstream()
        try:
            info = await stream.stream_info(f"KV_{bucket}", subjects_filter=f"$KV.{bucket}.row.>")
            found = [await stream.get_last_msg(f"KV_{bucket}", subject) for subject in info.state.subjects or {}]
        finally:
            await client.close()
        return [json.loads(message.data) for message in found if "KV-Operation" not in (message.headers or {})]

    return asyncio.run(read())


def rows_found(url):
    import opensearchpy

    client = opensearchpy.OpenSearch(url.replace("opensearch", "http"))
    return [hit["_source"] for hit in client.search(index="counted", body={"size": 100})["hits"]["hits"]]


def rows_in_topic(url):
    from confluent_kafka import Consumer

    reader = Consumer({"bootstrap.servers": url.removeprefix("kafka://"), "group.id": "x", "isolation.level": "read_committed", "auto.offset.reset": "earliest"})  # fmt: skip
    from confluent_kafka import TopicPartition

    reader.assign([TopicPartition("counted", 0, 0)])
    end = reader.get_watermark_offsets(TopicPartition("counted", 0), timeout=30)[1]
    found = {}
    while reader.position([TopicPartition("counted", 0)])[0].offset < end:
        message = reader.poll(1)
        if message is None:
            break
        if message.error() is None:
            found[message.key()] = message.value()
    reader.close()
    return [json.loads(row) for row in found.values() if row is not None]


@pytest.fixture(params=["folder", "postgresql", "redis", "nats", "search", "kafka"])
def place(request, tmp_path):
    """The URL of an outlet, and what reads it as anybody would."""
    with ExitStack() as opened:
        if request.param == "folder":
            yield (
                f"folder:{tmp_path / 'out'}",
                lambda url: FolderOutlet(url.removeprefix("folder:")).table().to_pylist(),
            )
        elif request.param == "postgresql":
            yield request.getfixturevalue("postgres_place")(), rows_in_postgres
        else:
            library, program, kind, read = {
                "redis": ("redis", redis_server.program, redis_server.RedisServer, rows_in_redis),
                "nats": ("nats", nats_server.program, nats_server.NatsServer, rows_in_nats),
                "search": ("opensearchpy", stand_ins.osmem, stand_ins.OpenSearchStandIn, rows_found),
                "kafka": ("confluent_kafka", stand_ins.noida, stand_ins.KafkaStandIn, rows_in_topic),
            }[request.param]
            pytest.importorskip(library)
            needed(program(), request.param)
            yield opened.enter_context(kind()).url, read


@pytest.mark.long
def test_a_read_model_that_is_defined_otherwise_now_is_built_anew_and_goes_on(tmp_path, place):
    url, read = place
    models = tmp_path / "models"
    models.mkdir()

    def projector(columns):
        (models / "counted.sql").write_text(MODEL.format(columns=columns))
        return Projector(
            log, tmp_path / "m.duckdb", [OutletProjection.into(open_outlet(url), SetProjection.of("counted", models))]
        )

    def held():
        return sorted(read(url), key=lambda row: row["order_id"])

    with open_log(tmp_path / "log", create=True) as log:
        for order in ("A-1", "A-2"):
            log.append(order, [OrderCreated(currency="GBP")], expected=0)
        projector("count(*) AS n").run()
        before = held()
        assert before == [{"order_id": "A-1", "n": 1}, {"order_id": "A-2", "n": 1}]
        with pytest.raises(ProjectionChanged):
            projector("count(*) AS n, 7 AS more").run()
        assert held() == before
        anew = projector("count(*) AS n, 7 AS more")
        done = anew.rebuild(anew.projections[0].name)
        assert (done.promoted, held()) == (True, [{**row, "more": 7} for row in before])
        log.append("A-2", [OrderPlaced()], expected=1)
        projector("count(*) AS n, 7 AS more").run()
        assert held() == [{**before[0], "more": 7}, {"order_id": "A-2", "n": 2, "more": 7}]


class Dies(BaseException):
    """The program ends here."""


@pytest.fixture
def redis_place():
    redis = pytest.importorskip("redis")
    needed(redis_server.program(), "redis")
    with redis_server.RedisServer() as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield f"{server.url}?prefix=shop", client


def test_readers_of_redis_see_all_old_rows_or_all_new_ones(redis_place, monkeypatch):
    url, client = redis_place
    monkeypatch.setattr("orders_es.projections.outlets.redis._AT_ONCE", 50)
    outlet = RedisOutlet(url)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(*(_row(f"r-{n}", 0) for n in range(400))), 1)
    seen, ended = [], threading.Event()

    def look():
        while not ended.is_set():
            with client.pipeline(transaction=True) as pipe:
                pipe.hget("shop:about", "position").scard("shop:rows")
                for n in range(0, 500, 7):
                    pipe.hget(f"shop:row:r-{n}|2026-06-03", "orders")
                seen.append(pipe.execute())

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(1, 8):
        rows = 500 if turn % 2 else 400
        outlet.deliver(None, _rows(*(_row(f"r-{n}", turn) for n in range(rows))), turn + 1)
    ended.set()
    reader.join()
    assert len({position for position, *_ in seen}) > 2, "it looked while rows were exchanged"
    for position, count, *orders in seen:
        turn = int(position) - 1
        there = 500 if turn % 2 else 400
        assert count == there
        assert orders == [str(turn) if n < there else None for n in range(0, 500, 7)]
    outlet.close()


@pytest.mark.parametrize("dies", ["while it builds", "before it is exchanged"])
def test_one_that_dies_in_the_middle_leaves_redis_as_it_was(redis_place, monkeypatch, dies):
    url, client = redis_place
    monkeypatch.setattr("orders_es.projections.outlets.redis._AT_ONCE", 2)
    outlet = RedisOutlet(url)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    before = {key: client.hgetall(key) for key in client.keys("shop:row:*")}

    def die(*_, **__):
        raise Dies

    if dies == "while it builds":
        kept, parts = RedisOutlet._put, []

        def put(self, *given):
            parts.append(given)
            if len(parts) == 2:
                raise Dies
            kept(self, *given)

        monkeypatch.setattr(RedisOutlet, "_put", put)
    else:
        monkeypatch.setattr(RedisOutlet, "_commit", die)
    with pytest.raises(Dies):
        outlet.deliver(None, _rows(*(_row(f"r-{n}") for n in range(5))), 20)
    monkeypatch.undo()
    assert {key: client.hgetall(key) for key in client.keys("shop:row:*")} == before
    assert client.keys("shop:beside*"), "something was built"
    again = RedisOutlet(url)
    assert again.open(_TARGET) == 10
    assert not client.keys("shop:beside*")
    again.close()
    outlet.close()


@pytest.fixture
def asked(postgres_place):
    psycopg = pytest.importorskip("psycopg")
    place = postgres_place()
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {place.partition('schema=')[2]}")
        connection.execute(f"SET search_path = {place.partition('schema=')[2]}")
        yield place, connection


def anew(place, **columns):
    """An outlet that is to be built anew, some of its columns of another type."""
    import dataclasses

    import pyarrow as pa

    fields = [pa.field(f.name, columns.get(f.name, f.type)) for f in _TARGET.columns]
    target = dataclasses.replace(_TARGET, columns=pa.schema(fields), fingerprint="e" * 16, anew=True)
    outlet = PostgresOutlet(place)
    assert outlet.open(target) == 10
    return outlet, target.columns


def filled(place):
    outlet = PostgresOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    outlet.close()


def test_a_reader_whose_moment_lies_before_finds_the_new_table_whole(asked):
    import pyarrow as pa

    place, reader = asked
    filled(place)
    reader.execute("CREATE ROLE looks_at_sales; GRANT SELECT ON sales TO looks_at_sales, PUBLIC")
    try:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM pg_class")  # its moment is now
        outlet, columns = anew(place, orders=pa.string())
        outlet.deliver(None, _rows(*(_row(f"r-{n}") for n in range(7))).cast(columns), 20)
        assert reader.execute("SELECT count(*) FROM sales").fetchall() == [(7,)]
        reader.execute("COMMIT")
        assert reader.execute("SELECT pg_typeof(orders)::text FROM sales LIMIT 1").fetchall() == [("text",)]
        for role in ("looks_at_sales", "public"):
            assert reader.execute("SELECT has_table_privilege(%s, 'sales', 'SELECT')", [role]).fetchall() == [(True,)]
        outlet.deliver(_gone("r-0"), _rows(_row("r-9")).cast(columns), 30)
        assert reader.execute("SELECT count(*), max(region) FROM sales").fetchall() == [(7, "r-9")]
        outlet.close()
    finally:
        with suppress(Exception):
            reader.execute("ROLLBACK")
        reader.execute("DROP OWNED BY looks_at_sales; DROP ROLE looks_at_sales")


def test_a_table_of_the_same_columns_keeps_its_indices_and_views_when_it_is_built_anew(asked):
    place, reader = asked
    filled(place)
    reader.execute("CREATE INDEX mine ON sales (orders); CREATE VIEW seen AS SELECT region FROM sales")
    outlet, _ = anew(place)
    outlet.deliver(None, _rows(_row("east")), 20)
    assert reader.execute("SELECT region FROM seen").fetchall() == [("east",)]
    assert reader.execute("SELECT to_regclass('mine') IS NOT NULL").fetchall() == [(True,)]
    outlet.close()


def test_what_cannot_be_exchanged_stays_as_it_was(asked, monkeypatch):
    import pyarrow as pa

    place, reader = asked
    filled(place)
    outlet, columns = anew(place, orders=pa.string())

    def die(*_, **__):
        raise Dies

    rows = _rows(_row("east")).cast(columns)
    with monkeypatch.context() as patched:
        patched.setattr(PostgresOutlet, "_note", die)
        with pytest.raises(Dies):
            outlet.deliver(None, rows, 20)
    assert reader.execute("SELECT region FROM sales ORDER BY 1").fetchall() == [("north",), ("south",)]
    reader.execute("CREATE VIEW seen AS SELECT orders FROM sales")
    with pytest.raises(OutletMismatch, match="views are built on it"):
        outlet.deliver(None, rows, 20)
    reader.execute("DROP VIEW seen")
    outlet.deliver(None, rows, 20)
    assert reader.execute("SELECT region FROM sales").fetchall() == [("east",)]
    outlet.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE sales ALTER COLUMN revenue TYPE numeric(10,2)",
        "ALTER TABLE sales DROP COLUMN note",
        "ALTER TABLE sales RENAME COLUMN note TO remark",
        "ALTER TABLE sales DROP CONSTRAINT sales_pkey",
    ],
)
def test_a_table_whose_columns_somebody_changed_is_refused_and_a_rebuild_mends_it(asked, change):
    place, reader = asked
    filled(place)
    outlet = PostgresOutlet(place)
    outlet.open(_TARGET)
    reader.execute(change)
    with pytest.raises(OutletMismatch, match="orders-es project rebuild"):
        outlet.deliver(_gone(), _rows(_row("west")), 20)
    with pytest.raises(OutletMismatch, match="orders-es project rebuild"):
        PostgresOutlet(place).open(_TARGET)
    outlet.close()
    mended, _ = anew(place)
    mended.deliver(None, _rows(_row("west")), 20)
    assert reader.execute("SELECT region, revenue::text, note FROM sales").fetchall() == [("west", "12.7500", None)]
    mended.close()
