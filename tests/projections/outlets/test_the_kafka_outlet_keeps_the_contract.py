"""The contract, on the outlet to a topic, against a stand-in for Kafka (`noida-db`, which is not Kafka); and what only a topic has."""

import json
import os
import signal
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.projections import KafkaOutlet, OutletProjection, open_outlet
from orders_es.replay import connect
from orders_es.testing import OutletContract
from orders_es.testing.outlet_contract import _COLUMNS, _TARGET, _gone, _row, _rows
from orders_es.testing.stand_ins import KafkaStandIn, noida

confluent_kafka = pytest.importorskip("confluent_kafka")
NUMBER = iter(range(1_000_000))


@pytest.fixture(scope="module")
def server():
    if noida() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)("no stand-in for Kafka")
    with KafkaStandIn() as server:
        yield server


@pytest.fixture
def topic():
    return f"shop-{next(NUMBER)}"


@pytest.fixture
def place(server, topic):
    return f"{server.url}?topic={topic}"


def records(server, topic, isolation="read_committed"):
    """Every record that a consumer sees, in order."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": server.broker,
            "group.id": "reader",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    found = []
    try:
        while (message := consumer.poll(30)) is not None and message.error() is None:
            found.append(message)
        return found
    finally:
        consumer.close()


def held_by(server, topic):
    """The last record of each key, as a table of the topic has it."""
    last = {message.key().decode(): message.value() for message in records(server, topic)}
    return {key: json.loads(value) for key, value in last.items() if value is not None}


READ: dict[str, Any] = {
    "decimal128(18, 4)": Decimal,
    "date32[day]": date.fromisoformat,
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
}


class TestKafkaOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, place):
        made = []

        def make():
            made.append(KafkaOutlet(place))
            return made[-1]

        yield make
        for outlet in made:
            outlet.close()

    @pytest.fixture(autouse=True)
    def _server(self, server, topic):
        self.server, self.topic = server, topic

    def contents(self, outlet):
        del outlet
        return [
            {f.name: None if row[f.name] is None else READ.get(str(f.type), lambda v: v)(row[f.name]) for f in _COLUMNS}
            for row in held_by(self.server, self.topic).values()
        ]


@pytest.fixture
def outlet(place):
    outlet = KafkaOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    yield outlet
    outlet.close()


def test_records_say_the_position_and_one_that_went_is_a_tombstone(outlet, server, topic):
    outlet.deliver(_gone("south"), _rows(_row("a/b ü")), 20)
    found = [(r.key().decode(), r.value() is None, dict(r.headers())["position"]) for r in records(server, topic)]
    assert found[2:] == [("south.2026-06-03", True, b"20"), ("a=2Fb=20=C3=BC.2026-06-03", False, b"20")]


def test_what_a_killed_one_began_is_never_seen(outlet, server, topic, place):
    outlet._producer.begin_transaction()
    outlet._producer.produce(topic, key=b"half", value=b"{}")
    outlet._producer.flush(30)  # it is killed here
    other = KafkaOutlet(place)
    assert other.open(_TARGET) == 10
    other.deliver(_gone("south"), _rows(_row("west")), 20)
    assert set(held_by(server, topic)) == {"north.2026-06-03", "west.2026-06-03"}
    other.close()


def test_of_two_that_write_the_older_one_is_fenced_off(outlet, server, topic, place):
    other = KafkaOutlet(place)
    assert other.open(_TARGET) == 10
    with pytest.raises(OutletUnavailable, match="somebody else writes"):
        outlet.deliver(_gone(), _rows(_row("east")), 30)
    assert set(held_by(server, topic)) == {"north.2026-06-03", "south.2026-06-03"}
    other.close()


def test_a_delivery_whose_answer_was_lost_is_not_told_twice(outlet, server, topic):
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    before = len(records(server, topic))
    outlet.close()  # as if the answer had broken the connection
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert len(records(server, topic)) == before


def test_a_server_that_was_killed_and_started_again_goes_on(outlet, server, topic):
    server.stop(signal.SIGKILL)
    server.start()
    if outlet.open(_TARGET) is None:  # this stand-in may have lost it
        outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert set(held_by(server, topic)) == {"north.2026-06-03", "west.2026-06-03"}


def test_a_row_that_is_too_long_is_refused_and_the_others_are_there(outlet, server, topic):
    with pytest.raises(RowsRefused) as caught:
        outlet.deliver(_gone(), _rows(_row("west"), _row("north", note="x" * 1_200_000), _row("east")), 20)
    assert list(caught.value.reasons) == [1]
    assert {key.split(".")[0] for key in held_by(server, topic)} == {"south", "west", "east"}
    assert outlet.open(_TARGET) == 20


def test_topics_that_forget_or_are_somebody_elses_are_refused(server, topic, place):
    kafka: Any = pytest.importorskip("confluent_kafka.admin")
    admin = kafka.AdminClient({"bootstrap.servers": server.broker})
    [made] = admin.create_topics([kafka.NewTopic(topic, 1, 1, config={"cleanup.policy": "delete"})]).values()
    made.result(30)
    with pytest.raises(OutletMismatch, match="forgets records"):
        KafkaOutlet(place).open(_TARGET)
    [made] = admin.create_topics([kafka.NewTopic(f"{topic}-2", 1, 1, config={"cleanup.policy": "compact"})]).values()
    made.result(30)
    producer = confluent_kafka.Producer({"bootstrap.servers": server.broker})
    producer.produce(f"{topic}-2", key=b"x", value=b"1")
    producer.flush(30)
    with pytest.raises(OutletMismatch, match="no outlet put there"):
        KafkaOutlet(f"{place}-2").open(_TARGET)


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://h?topic=", "kafka://h?topic=a/b", "kafka://h/x", "kafka://h?colour=red"]
)
def test_what_is_no_place_is_refused(url):
    with pytest.raises(InvalidSetting):
        KafkaOutlet(url)


@pytest.mark.long
def test_a_read_model_and_its_topic_are_equal_after_every_run(shop, place, server, topic):
    outlet = open_outlet(place)
    for change in (lambda: None, lambda: shop.pay("A-1"), lambda: shop.order("A-9")):
        change()
        shop.run(OutletProjection.into(outlet, "orders"))
        with connect(shop.log) as session:
            ought = sorted(
                (order, status, f"{total:.4f}")
                for order, status, total in session.sql("SELECT order_id, status, total FROM orders").rows()
            )
        rows = held_by(server, topic).values()
        assert sorted((row["order_id"], row["status"], row["total"]) for row in rows) == ought
    outlet.close()
