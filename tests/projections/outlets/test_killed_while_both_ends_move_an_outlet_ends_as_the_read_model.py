"""A runner is killed again and again while the log grows; in the end the place holds what the read model gives, removed rows not among it."""

import multiprocessing
import os
import random
import time
from decimal import Decimal

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.projections import OutletProjection, Projector, SetProjection, open_outlet
from orders_es.replay import connect
from orders_es.testing import nats_server, redis_server, stand_ins

from .test_a_rebuild_exchanges_what_is_there import rows_in_nats, rows_in_postgres, rows_in_redis

KILLS = int(os.environ.get("ORDERS_ES_KILLS", "8"))
MODEL = """-- Unpaid orders.
-- Key: order_id.
-- Stream: order_id.
-- Types: OrderCreated, ItemAdded, OrderPlaced, PaymentReceived
SELECT stream_id AS order_id, count(*) AS events FROM events GROUP BY stream_id HAVING count(*) % 4 <> 0
"""


def _run(log, models, sql, url):
    with open_log(log) as opened:
        outlet = open_outlet(url)
        projection = OutletProjection.into(outlet, SetProjection.of("unpaid_orders", sql), attempts=100)
        Projector(opened, models, [projection], batch_size=7).run()
        outlet.close()


def _run_until_killed(*place):
    while True:
        _run(*place)


def found_in_topic(url):
    from orders_es.projections.outlets.kafka_topics import Topics

    return Topics(url, url, "unpaid_orders").keys()


def found_by_search(url):
    import opensearchpy

    client = opensearchpy.OpenSearch(url.replace("opensearch", "http"))
    client.indices.refresh(index="unpaid_orders")
    return {hit["_id"] for hit in client.search(index="unpaid_orders", body={"size": 1_000})["hits"]["hits"]}


def found_in_redis(url):
    return {row["order_id"] for row in rows_in_redis(url, "unpaid_orders")}


def found_in_nats(url):
    return {row["order_id"] for row in rows_in_nats(url, "unpaid_orders")}


def found_in_postgres(url):
    return {row["order_id"] for row in rows_in_postgres(url, "unpaid_orders")}


class SharedPostgres:
    """The server of the tests, and a schema of its own in it."""

    kind = "postgres"

    def __init__(self, place):
        self.url = place

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """It is everybody's."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("library", "program", "kind", "found"),
    [
        ("redis", redis_server.program, redis_server.RedisServer, found_in_redis),
        ("nats", nats_server.program, nats_server.NatsServer, found_in_nats),
        ("psycopg", lambda: "asked for by the fixture", SharedPostgres, found_in_postgres),
        ("confluent_kafka", stand_ins.noida, stand_ins.KafkaStandIn, found_in_topic),
        ("opensearchpy", stand_ins.osmem, stand_ins.OpenSearchStandIn, found_by_search),
    ],
    ids=["redis", "nats", "postgresql", "kafka", "search"],
)
def test_it_holds_what_the_read_model_gives(request, tmp_path, library, program, kind, found):
    pytest.importorskip(library)
    if program() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(f"no server for {kind.kind}")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "unpaid_orders.sql").write_text(MODEL)
    draw = random.Random(11)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["orders_es.projections.run.outlet_work", "orders_es.projections", library])
    given = [request.getfixturevalue("postgres_place")()] if kind is SharedPostgres else []
    with kind(*given) as server, open_log(tmp_path / "log", create=True) as log:
        place = (tmp_path / "log", tmp_path / "m.duckdb", tmp_path / "models", server.url)
        for _ in range(KILLS):
            runner = processes.Process(target=_run_until_killed, args=place)
            runner.start()
            until = time.monotonic() + draw.uniform(0.3, 2.0)  # anywhere between its start and its end
            while time.monotonic() < until:
                order = f"O-{draw.randrange(60):03}"
                event = draw.choice([OrderCreated(currency="GBP"), OrderPlaced(), PaymentReceived(amount=Decimal(1))])
                items = [ItemAdded(item_id=f"i{draw.random()}", quantity=1, price=Decimal(1))] * draw.randrange(3)
                log.append(order, [event, *items], expected=ANY)
            assert runner.is_alive()
            runner.kill()
            runner.join()
        _run(*place)
        with connect(log) as session:
            rows = session.sql(
                "SELECT stream_id, count(*) AS n FROM events GROUP BY stream_id HAVING n % 4 <> 0"
            ).rows()
        assert found(server.url) == {order for order, _ in rows}
