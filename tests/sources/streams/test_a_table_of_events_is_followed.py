"""Somebody else's table in PostgreSQL comes into a log row by row: each once, none missed, in an order that never changes."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log import ANY
from orders_es.sources.streams import Follower, followed
from orders_es.sources.streams.postgres_table import PostgresTable
from orders_es.sources.streams.progress import refused_lines

MODES = pytest.mark.parametrize("transaction", ["tx", "xmin"])


@pytest.fixture
def reading(theirs):
    opened = []

    def read(transaction="tx", **more):
        opened.append(PostgresTable(theirs.url, theirs.name, transaction=transaction, **more))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


def orders(log):
    return [stream for stream in log.stream_ids() if not stream.startswith("follow:")]


@pytest.mark.parametrize("transaction", ["tx", "xmin", None])
def test_rows_become_events_once_with_their_times_and_ids(theirs, reading, mapping, log, transaction):
    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        theirs.write(connection, "A-1", "paid", '{"amount": 12.50, "note": "thanks"}')
    follower = Follower(log, reading(transaction), mapping=mapping)
    theirs.settled()
    assert follower.catch_up().events == 2
    created, paid = log.load("A-1")
    assert paid.data.amount == Decimal("12.5000")
    assert created.entered_at is not None
    with theirs.connect() as connection:
        ids = connection.execute(f"SELECT event_id FROM {theirs.name} ORDER BY id").fetchall()
        assert [(created.event_id,), (paid.event_id,)] == ids
        theirs.write(connection, "A-2")
    theirs.settled()
    assert Follower(log, reading(transaction), mapping=mapping).catch_up().events == 3
    theirs.settled()
    assert Follower(log, reading(transaction), mapping=mapping).catch_up().events == 3
    assert [len(log.load(order)) for order in ("A-1", "A-2")] == [2, 1]


@MODES
def test_a_row_that_is_committed_late_is_waited_for_and_never_missed(theirs, reading, mapping, log, transaction):
    follower = Follower(log, reading(transaction), mapping=mapping)
    with theirs.connect() as slow, theirs.connect() as quick:
        with slow.transaction():
            theirs.write(slow, "slow")
            theirs.write(quick, "quick")  # a higher number, and visible first
            assert follower.catch_up().events == 0, "what may still get something before it is not settled"
        theirs.settled()
        assert follower.catch_up().events == 2
    assert orders(log) == ["quick", "slow"]


def test_by_numbers_alone_a_late_row_is_missed_which_is_why_one_has_to_ask_for_it(theirs, reading, mapping, log):
    follower = Follower(log, reading(None), mapping=mapping)
    with theirs.connect() as slow, theirs.connect() as quick:
        with slow.transaction():
            theirs.write(slow, "slow")
            theirs.write(quick, "quick")
            follower.catch_up()
        theirs.settled()
        follower.catch_up()
    assert orders(log) == ["quick"]


@MODES
def test_rows_of_savepoints_and_rolled_back_ones_are_told_apart(theirs, reading, mapping, log, transaction):
    follower = Follower(log, reading(transaction), mapping=mapping)
    with theirs.connect() as connection:
        with connection.transaction():
            theirs.write(connection, "outer")
            with connection.transaction():
                theirs.write(connection, "inner")
            with connection.transaction(force_rollback=True):
                theirs.write(connection, "undone")
            theirs.write(connection, "outer-again")
        theirs.settled()
        assert follower.catch_up().events == 3
    assert orders(log) == ["inner", "outer", "outer-again"]


@MODES
def test_rows_of_one_transaction_keep_their_order_where_a_number_gets_a_digit_more(
    theirs, reading, mapping, log, transaction
):
    with theirs.connect() as connection, connection.transaction():
        for n in range(1, 13):
            theirs.write(connection, f"A-{n}")
    theirs.settled()
    Follower(log, reading(transaction), mapping=mapping, batch_events=5).catch_up()
    assert [log.load(f"A-{n}")[0].position for n in range(1, 13)] == [*range(1, 6), *range(7, 12), *range(13, 15)]


@pytest.mark.long_but_first
@MODES
def test_many_writers_and_a_follower_meet_and_nothing_is_missed(theirs, reading, mapping, log, transaction):
    stop = threading.Event()
    follower = Follower(log, reading(transaction), mapping=mapping, batch_events=7)
    following = threading.Thread(target=follower.follow, args=(stop,), kwargs={"poll": 0.01})
    following.start()

    def write(writer):
        with theirs.connect() as connection:
            for n in range(15):
                with connection.transaction(force_rollback=n % 5 == 4):
                    theirs.write(connection, f"{writer}-{n}")
                    theirs.write(connection, f"{writer}-{n}", "paid", '{"amount": 1}')

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    stop.set()
    following.join()
    theirs.settled()
    follower.catch_up()
    assert follower.state.events == 4 * 12 * 2
    assert all([e.type for e in log.load(order)] == ["OrderCreated", "PaymentReceived"] for order in orders(log))
    assert len(orders(log)) == 4 * 12


def test_of_two_followers_each_event_comes_once(theirs, reading, mapping, log):
    with theirs.connect() as connection:
        for n in range(20):
            theirs.write(connection, f"A-{n}")
    one, other = (Follower(log, reading(), mapping=mapping, batch_events=3) for _ in range(2))
    theirs.settled()
    for _ in range(4):
        one._step()
        other._step()
    theirs.settled()
    one.catch_up()
    theirs.settled()
    assert other.catch_up().events == 20
    assert sum(len(log.load(order)) for order in orders(log)) == 20


def test_a_crash_between_two_commits_neither_loses_nor_repeats(theirs, reading, mapping, log, crash):
    with theirs.connect() as connection:
        for n in range(10):
            theirs.write(connection, f"A-{n}")
    for _ in range(2):
        theirs.settled()
        crash(lambda: Follower(log, reading(), mapping=mapping, batch_events=2).catch_up())
    theirs.settled()
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 10
    assert sum(len(log.load(order)) for order in orders(log)) == 10


def test_what_came_in_by_an_import_is_not_taken_again(theirs, reading, mapping, log, tmp_path):
    from orders_es.sources.jsonl import import_jsonl

    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        [(line,)] = connection.execute(f"SELECT row_to_json(t)::text FROM {theirs.name} t").fetchall()
        (tmp_path / "a.jsonl").write_text(line + "\n", "utf-8")
        import_jsonl(log, tmp_path / "a.jsonl", mapping=mapping)
        theirs.write(connection, "A-1", "paid", '{"amount": 1}')
    theirs.settled()
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 1
    assert [event.type for event in log.load("A-1")] == ["OrderCreated", "PaymentReceived"]


def test_the_same_id_with_something_else_is_a_conflict(theirs, reading, mapping, log):
    from orders_es.log import NewEvent
    from orders_es.orders import OrderCreated

    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        [(event_id,)] = connection.execute(f"SELECT event_id FROM {theirs.name}").fetchall()
    log.append("A-1", [NewEvent(data=OrderCreated(currency="USD"), event_id=event_id)], expected=ANY)
    theirs.settled()
    with pytest.raises(BadSource, match="version 1 of the stream 'A-1' has this event's id"):
        Follower(log, reading(), mapping=mapping).catch_up()


def test_a_row_that_no_event_can_be_made_of_stops_it_after_what_stands_before(theirs, reading, mapping, log):
    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        theirs.write(connection, "A-2", "lost")
        theirs.write(connection, "A-3")
    theirs.settled()
    with pytest.raises(BadSource, match=r"no \[types\.lost\].*What stands before it is recorded"):
        Follower(log, reading(), mapping=mapping).catch_up()
    assert orders(log) == ["A-1"]
    theirs.settled()
    done = Follower(log, reading(), mapping=mapping, on_error="quarantine").catch_up()
    assert (done.events, done.refused) == (2, 1)
    [refused] = refused_lines(log)
    assert "lost" in refused["line"]
    assert "[types.lost]" in refused["reason"]
    assert orders(log) == ["A-1", "A-3"]


def test_the_log_says_how_far_each_source_was_followed(theirs, reading, mapping, log):
    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
    follower = Follower(log, reading(), mapping=mapping)
    theirs.settled()
    follower.catch_up()
    assert followed(log) == [follower.state]
    assert follower.state.name.endswith(f"public.{theirs.name}")
    assert "@" not in follower.state.name or ":" not in follower.state.name.partition("://")[2].partition("@")[0]


def test_its_own_events_trouble_no_question(theirs, reading, mapping, log):
    from orders_es.replay import connect

    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        theirs.write(connection, "A-2", "lost")
    theirs.settled()
    Follower(log, reading(), mapping=mapping, on_error="quarantine").catch_up()
    with connect(log) as session:
        assert session.sql("SELECT order_id, status FROM orders").rows() == [("A-1", "created")]


def test_a_notify_ends_the_wait(theirs, reading):
    source = reading(channel="shop")
    source.read(None, 1)
    with theirs.connect() as connection:
        connection.execute("NOTIFY shop")
    assert source.wait(600) is True


def test_a_source_that_does_not_answer_is_asked_again(theirs, reading, mapping, log, monkeypatch):
    source, stop, said = reading(), threading.Event(), []
    follower = Follower(log, source, mapping=mapping)
    with theirs.connect() as connection:
        theirs.write(connection, "A-1")
        source.read(None, 1)
        connection.execute("SELECT pg_terminate_backend(%s)", (source._connection.info.backend_pid,))
    monkeypatch.setattr("orders_es.sources.streams.follower._SOONEST", timedelta(milliseconds=1))
    monkeypatch.setattr(source, "committed", lambda _: stop.set())
    assert follower.follow(stop, notify=said.append).events == 1
    assert isinstance(said[0], SourceUnavailable)


WRONG = {
    "no such table": ({"table": "shop.nothing"}, BadSource, "there is no such table"),
    "no such column": ({"position": "number"}, BadSource, "it has no column 'number'; its columns are aggregate, body"),
    "no such transaction": ({"transaction": "txid"}, BadSource, "it has no column 'txid'"),
    "no transaction at all": ({"transaction": "id"}, BadSource, "a transaction is told by xid8: ALTER TABLE"),
    "no table named": ({"table": ""}, InvalidSetting, "name a table"),
}


@pytest.mark.parametrize(("options", "error", "says"), WRONG.values(), ids=WRONG)
def test_a_table_that_cannot_be_followed_is_refused_in_words(theirs, options, error, says):
    with pytest.raises(error, match=says):
        PostgresTable(theirs.url, **{"table": theirs.name, **options})


def test_a_server_that_is_not_there_is_said_so():
    with pytest.raises(SourceUnavailable, match="postgresql://127"):
        PostgresTable("postgresql://127.0.0.1:9/shop", "events")
