import duckdb
import pytest

from orders_es.audit import verify
from orders_es.errors import InvalidEvent
from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.log.envelope import ENVELOPE
from orders_es.orders import ItemAdded, OrderPlaced
from orders_es.projections import Projector, ReadModels, measure_lag, set_projections
from orders_es.replay import connect, load_order
from orders_es.testing.log_contract.basis import MOMENT, event, events, rows

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def place(postgres_place):
    return postgres_place()


@pytest.fixture
def log(place):
    with open_log(place, create=True) as opened:
        yield opened


@pytest.fixture
def sql(place):
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        connection.execute(f"SET search_path = {place.partition('schema=')[2]}")
        yield lambda query: connection.execute(query).fetchall() if query[0] == "S" else connection.execute(query)


def test_events_have_columns_and_their_payload_as_jsonb(log, sql):
    log.append("A", events(3), expected=NO_STREAM)
    log.append("B", [RawEvent("Odd", '{"b": 2,  "n": 1.10}')], expected=NO_STREAM)
    columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'events'"
    assert {name for (name,) in sql(columns)} == {*ENVELOPE, "payload_jsonb"}
    assert sql("SELECT stream_id, payload_jsonb->>'price' FROM events WHERE type = 'ItemAdded'") == [("A", "0.0001")]
    odd = "SELECT payload, payload_jsonb::text FROM events WHERE stream_id = 'B'"
    assert sql(odd) == [('{"b": 2,  "n": 1.10}', '{"b": 2, "n": 1.10}')]
    assert sql("""SELECT payload_as_jsonb('{"what jsonb cannot hold":"\\u0000"}')""") == [(None,)]


@pytest.mark.parametrize("change", ["UPDATE events SET actor = 'x'", "DELETE FROM commits", "TRUNCATE events"])
def test_nobody_changes_a_recorded_event_by_accident(log, sql, change):
    log.append("A", events(3), expected=NO_STREAM)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        sql(change)


def test_a_change_on_purpose_is_found_by_verify(log, sql):
    log.append("A", events(3), expected=NO_STREAM)
    log.append("B", events(90), expected=NO_STREAM)
    assert verify(log).ok
    sql("ALTER TABLE events DISABLE TRIGGER USER")
    sql("UPDATE events SET actor = 'somebody else' WHERE position = 50")
    assert "position 93" in str(verify(log).problems)
    sql("DELETE FROM events WHERE position = 50")
    assert not verify(log).ok


def test_sessions_and_orders_are_those_of_any_log(log):
    log.append("A", [*events(2), OrderPlaced()], expected=NO_STREAM)
    reference = open_log("memory:")
    reference.append("A", [*events(2), OrderPlaced()], expected=NO_STREAM)
    assert load_order(log, "A").total == load_order(reference, "A").total
    question = "SELECT order_id, status, total FROM orders"
    with connect(log) as ours, connect(reference) as theirs:
        assert ours.sql(question).to_arrow() == theirs.sql(question).to_arrow()
        log.append("B", [*events(2), OrderPlaced()], expected=NO_STREAM)
        assert ours.sql("SELECT count(*) AS n FROM orders").to_arrow().to_pylist() == [{"n": 2}]


@pytest.mark.long
def test_projections_follow_it_and_know_how_far_behind_they_are(log, tmp_path):
    file = tmp_path / "models.duckdb"
    question = "SELECT order_id, status, total FROM orders ORDER BY ALL"

    def caught_up():
        Projector(log, file, set_projections(["orders"])).run()
        with connect(log) as session:
            return ReadModels(file).query(question).rows() == session.sql(question).rows()

    log.append("A", [*events(2), OrderPlaced()], expected=NO_STREAM)
    assert caught_up()
    log.append("B", [*events(2), OrderPlaced()], expected=NO_STREAM)
    [lag] = measure_lag(log, file)
    assert lag.events_behind == 3
    assert caught_up()
    assert [one.events_behind for one in measure_lag(log, file)] == [0]


def test_a_payload_that_does_not_fit_its_type_is_one_streams_trouble(place, log):
    with open_log(place, registry=EventRegistry()) as stranger:
        stranger.append(
            "A", [RawEvent("OrderPlaced", "{}"), RawEvent("ItemAdded", '{"price": []}')], expected=NO_STREAM
        )
        stranger.append("B", [RawEvent("ItemAdded", '{"item_id":"I","quantity":2,"price":"1.5"}')], expected=ANY)
    assert next(log.read(columns=["price"])).to_pylist()[0] == {"price": None}
    with pytest.raises(InvalidEvent, match="position 2"):
        assert log.load("A")[1].data
    with duckdb.connect() as connection:
        log.bind(connection)
        one = "SELECT price, quantity FROM events WHERE stream_id = 'B'"
        assert [(str(p), q) for p, q in connection.execute(one).fetchall()] == [("1.5000", 2)]
        assert connection.execute("SELECT count(*) FROM events").fetchall() == [(3,)]
        with pytest.raises(duckdb.Error, match="orders_es cannot read"):
            connection.execute("SELECT sum(price) FROM events").fetchall()


@pytest.mark.long
def test_typed_columns_are_the_same_however_many_are_read_at_once(log):
    log.append("A", [e for e in events(300) if isinstance(e.data, ItemAdded)], expected=NO_STREAM)
    log.append("B", [RawEvent("ItemAdded", '{ "item_id":"\\u00e9","quantity":2,"price":"1.5"}')], expected=NO_STREAM)
    [whole] = [batch.to_pylist() for batch in log.read()]
    single = [row for p in range(101) for b in log.read(after=p, to=p + 1) for row in b.to_pylist()]
    assert whole == single
    assert (whole[-1]["item_id"], str(whole[-1]["price"])) == ("é", "1.5000")


def test_a_log_from_before_a_column_of_the_envelope_is_read_and_gets_it_with_the_next_append(place, log, sql):
    log.append("A", events(3), expected=NO_STREAM)
    before = rows(log)
    sql("ALTER TABLE events DROP COLUMN entered_at")
    with open_log(place) as old, open_log(place) as other:
        assert rows(old) == rows(other) == before
        assert verify(old).ok
        new = event(entered_at=MOMENT)
        old.append("A", [new], expected=3)
        assert [one.entered_at for one in other.load("A")] == [None, None, None, MOMENT]
        assert old.append("A", [new], expected=3).duplicate
        assert verify(other).ok
