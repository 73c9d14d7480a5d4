"""Events of Event Horizon come into a log: of its collection in MongoDB (a stand-in, secantusdb) and of its table in PostgreSQL, laid out as looplab/eventhorizon's own code does."""

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.sources.streams import Follower

pymongo = pytest.importorskip("pymongo")
bson = pytest.importorskip("bson")

from orders_es.sources.streams.event_horizon import EventHorizonCollection, line_of  # noqa: E402
from orders_es.testing.stand_ins import MongoStandIn  # noqa: E402

MAPPING = """
envelope = "event-horizon"
[types.Placed]
to = "OrderCreated"
currency = "currency"
[types.Paid]
to = "PaymentReceived"
amount = "amount"
"""
AT = datetime(2026, 6, 1, 10, tzinfo=UTC)


def an_id(number):
    return str(uuid.UUID(int=number))


@pytest.fixture(scope="module")
def server():
    with MongoStandIn() as server:
        yield server


@pytest.fixture
def theirs(server):
    client = pymongo.MongoClient(server.url, uuidRepresentation="standard")
    database = client[f"shop{uuid.uuid4().hex[:8]}"]
    database.create_collection("events")
    yield database
    client.close()


@pytest.fixture
def reading(server, theirs):
    opened = []

    def read(**more):
        opened.append(EventHorizonCollection(f"{server.url}/{theirs.name}", **more))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


def event(position, aggregate, version=1, kind="Placed", **data):
    """A document as `newEvt` and `Save` make it."""
    return {
        "_id": position,
        "event_type": kind,
        "timestamp": AT,
        "aggregate_type": "Order",
        "aggregate_id": uuid.UUID(int=aggregate),
        "version": version,
        "data": data or {"currency": "EUR"},
        "metadata": {"position": position},
    }


def test_events_become_ours_by_the_envelope_that_is_shipped(theirs, reading, mapping, log):
    theirs.events.insert_many([event(1, 7), event(2, 7, 2, "Paid", amount=bson.Decimal128("12.50")), event(3, 8)])
    assert Follower(log, reading(), mapping=mapping, batch_events=2).catch_up().place == "3"
    created, paid = log.load(an_id(7))
    assert (created.type, created.occurred_at) == ("OrderCreated", AT)
    assert paid.data.amount == Decimal("12.5000")
    assert created.event_id.version == 5
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 3


def test_what_comes_late_into_a_gap_is_taken_then_and_what_never_comes_keeps_nobody_waiting(
    theirs, reading, mapping, log
):
    source = reading()
    follower = Follower(log, source, mapping=mapping)
    theirs.events.insert_many([event(2, 2), event(5, 5)])
    assert follower.catch_up().place == "5 without 1,3-4"
    assert not source.wait(0)
    theirs.events.insert_many([event(4, 4), event(9, 4, 2, "Paid", amount=1)])
    assert source.wait(0)
    assert Follower(log, reading(), mapping=mapping, batch_events=1).catch_up().place == "9 without 1,3,6-8"
    theirs.events.insert_one(event(1, 1))
    theirs.events.insert_one(event(7, 9))
    assert Follower(log, reading(), mapping=mapping).catch_up().place == "9 without 3,6,8"
    assert all(len(log.load(an_id(n))) == 1 for n in (1, 2, 5, 9))
    assert [each.type for each in log.load(an_id(4))] == ["OrderCreated", "PaymentReceived"]


def test_gaps_that_are_given_up_are_the_oldest(theirs, reading, mapping, log, monkeypatch):
    monkeypatch.setattr("orders_es.sources.streams.event_horizon._GAPS", 2)
    theirs.events.insert_many([event(2 * n, n) for n in range(1, 6)])
    assert Follower(log, reading(), mapping=mapping).catch_up().place == "10 without 7,9"


def test_a_crash_between_two_commits_neither_loses_nor_repeats(theirs, reading, mapping, log, crash):
    theirs.events.insert_many([event(2 * n, n) for n in range(1, 8)])
    crash(lambda: Follower(log, reading(), mapping=mapping, batch_events=2).catch_up())
    theirs.events.insert_one(event(1, 99))
    assert Follower(log, reading(), mapping=mapping, batch_events=2).catch_up().events == 8
    assert all(len(log.load(an_id(n))) == 1 for n in (*range(1, 8), 99))


def test_what_is_no_such_collection_is_said_so(theirs, reading, mapping, log):
    with pytest.raises(BadSource, match="there is no such collection; it has events"):
        reading(collection="none")
    theirs.old.insert_one({"_id": uuid.UUID(int=1), "version": 1, "events": []})
    with pytest.raises(BadSource, match="first store keeps them, which has no order to follow"):
        reading(collection="old")
    theirs.other.insert_one({"_id": 1})
    with pytest.raises(BadSource, match="no events of Event Horizon's"):
        reading(collection="other")
    theirs.events.insert_one(event(3, 3))
    for place, said in (("9", "it is another database or collection"), ("C:4", "is no place there")):
        with pytest.raises(BadSource, match=said):
            Follower(log, reading(), mapping=mapping, after=place).catch_up()
    for url in ("mongodb://127.0.0.1", "http://127.0.0.1/shop", "mongodb://ann:secret@127.0.0.1:x/shop"):
        with pytest.raises(InvalidSetting) as caught:
            EventHorizonCollection(url)
        assert "secret" not in str(caught.value)


@pytest.mark.long  # the driver looks for five seconds
def test_a_server_that_does_not_answer_is_said_so():
    with pytest.raises(SourceUnavailable, match="read when it answers again"):
        EventHorizonCollection("mongodb://127.0.0.1:9/shop")


def test_a_line_keeps_every_digit():
    said = json.loads(
        line_of(
            event(1, 7, n=bson.Int64(2**60), d=bson.Decimal128("1E+2"), b=b"\xff", o=bson.ObjectId("0" * 24), l=[AT])
        ),
        parse_float=str,
    )["data"]
    assert said == {"n": 2**60, "d": 100, "b": "/w==", "o": "0" * 24, "l": ["2026-06-01T10:00:00+00:00"]}


def test_its_table_in_postgresql_is_followed_with_an_envelope_of_its_own(postgres, tmp_path, log):
    mapping = tmp_path / "shop.toml"
    mapping.write_text(MAPPING.replace('"event-horizon"', '"event-horizon-postgresql"'))
    import psycopg

    from orders_es.sources.streams.postgres_table import PostgresTable

    table = f"events_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {table} (position bigserial NOT NULL, event_type varchar NOT NULL, timestamp timestamptz NOT NULL, "
            "aggregate_type varchar NOT NULL, aggregate_id uuid NOT NULL, version integer NOT NULL, raw_data jsonb, "
            "metadata jsonb, PRIMARY KEY (position))"
        )
        with connection.transaction():  # as Save does: the metadata is written a second time
            for version, (kind, data) in enumerate((("Placed", {"currency": "EUR"}), ("Paid", {"amount": 12.5})), 1):
                connection.execute(
                    f"INSERT INTO {table} (event_type, timestamp, aggregate_type, aggregate_id, version, raw_data, metadata) "
                    "VALUES (%s, %s, 'Order', %s, %s, %s, '{}')",
                    (kind, AT, an_id(7), version, json.dumps(data)),
                )
            connection.execute(f"""UPDATE {table} SET metadata = jsonb_build_object('position', position)""")
        while not connection.execute(
            f"SELECT bool_and(age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)) FROM {table}"
        ).fetchone()[0]:
            connection.execute("SELECT pg_sleep(0.01)")
    source = PostgresTable(postgres, table, position="position")
    try:
        assert Follower(log, source, mapping=mapping).catch_up().events == 2
    finally:
        source.close()
    assert [each.type for each in log.load(an_id(7))] == ["OrderCreated", "PaymentReceived"]
