"""A delivery is broken off when some of its rows are there; the log goes on, and a row of it is gone again. It must not stay in the other system."""

import json
import os
import uuid
from typing import Any

import pytest

from orders_es.errors import OutletUnavailable
from orders_es.projections import KafkaOutlet, NatsOutlet, OutletProjection, SearchOutlet, SetProjection
from orders_es.testing import nats_server, stand_ins

PLACES: dict[str, Any] = {
    "nats": ("nats", NatsOutlet, "_commit", nats_server.NatsServer, nats_server.program, "bucket"),
    "search": ("opensearchpy", SearchOutlet, "_count", stand_ins.OpenSearchStandIn, stand_ins.osmem, "index"),
    "kafka": ("confluent_kafka", KafkaOutlet, "_send", stand_ins.KafkaStandIn, stand_ins.noida, "topic"),
}


@pytest.fixture(scope="module", params=list(PLACES))
def place(request):
    library, outlet, step, server, program, named = PLACES[request.param]
    pytest.importorskip(library)
    if program() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(f"no server for {request.param}")
    with server() as running:
        yield outlet, step, lambda: f"{running.url}?{named}=t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def unpaid(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "unpaid_orders.sql").write_text(
        "-- Unpaid orders.\n-- Key: order_id.\n-- Stream: order_id.\n-- Types: OrderCreated, ItemAdded, OrderPlaced, PaymentReceived\n"
        "SELECT stream_id AS order_id, count(*) AS events FROM events GROUP BY stream_id HAVING count(*) < 4"
    )
    return SetProjection.of("unpaid_orders", tmp_path / "models")


def breaking(outlet_class, step):
    """The method of an outlet that comes after its rows, broken; and after the rows of Kafka, which are then not committed."""
    real = getattr(outlet_class, step)

    def last(self, *given):
        if step == "_commit" and given[2] == "going":
            return real(self, *given)
        if step == "_send":
            producer, _, messages, *_ = given
            producer.begin_transaction()
            for key, row in messages:
                producer.produce(self.topic, key=key, value=row)
            producer.flush(60)
        raise OutletUnavailable(self.url, "cut off")

    return last


@pytest.mark.long_but_first
def test_it_is_gone(shop, unpaid, place, monkeypatch):
    outlet_class, step, fresh = place
    url = fresh()
    outlet = outlet_class(url)
    projection = OutletProjection.into(outlet, unpaid, attempts=1)
    shop.run(projection)
    shop.order("B-1")
    with monkeypatch.context() as patched:
        patched.setattr(outlet_class, step, breaking(outlet_class, step))
        with pytest.raises(OutletUnavailable, match="cut off"):
            shop.run(projection)
    outlet.close()
    shop.pay("B-1")
    shop.run(projection)
    outlet.close()
    assert keys_held(outlet_class, url) == {"A-0", "A-1", "A-2", "A-3"}


def keys_held(outlet_class, url):
    """Which rows whoever reads the place finds."""
    outlet = outlet_class(url)
    server, _, name = url.partition("?")
    name = name.partition("=")[2]
    if outlet_class is KafkaOutlet:
        from orders_es.projections.outlets.kafka_topics import Topics

        return Topics(url, url, name).keys()
    if outlet_class is SearchOutlet:
        import opensearchpy

        client = opensearchpy.OpenSearch(server.replace("opensearch", "http"))
        return {hit["_source"]["order_id"] for hit in client.search(index=name)["hits"]["hits"]}

    async def read():
        import nats

        client = await nats.connect(server)
        reading = await client.jetstream().subscribe(f"$KV.{name}.row.>", ordered_consumer=True)
        found, left = {}, 1
        while left:
            message = await reading.next_msg(timeout=600)
            left = message.metadata.num_pending
            found[message.subject] = message
        await client.close()
        return {json.loads(m.data)["order_id"] for m in found.values() if "KV-Operation" not in (m.headers or {})}

    import asyncio

    del outlet
    return asyncio.run(read())
