"""An answer of nothing because nothing was known yet is no answer about the shop, and says so."""

from datetime import UTC, datetime

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderCreated
from orders_es.replay import connect

RECORDED = datetime(2025, 6, 1, 9, tzinfo=UTC)
OCCURRED = datetime(2025, 3, 1, 9, tzinfo=UTC)


def test_each_clock_has_its_own_words():
    with open_log(":memory:", clock=lambda: RECORDED) as log, connect(log) as session:
        log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), occurred_at=OCCURRED)], expected=NO_STREAM)
        (note,) = session.sql("SELECT count(*) FROM orders", known_at="2025-05-31").notes
        assert note == (
            "nothing was known by the end of 2025-05-31: the first event became known 2025-06-01 09:00 UTC. Ask for "
            "a later known_at; or for at, which is about when things happened (from 2025-03-01 09:00 UTC on)"
        )
        (note,) = session.sql("SELECT count(*) FROM orders", at="2025-02-28").notes
        assert note.startswith(
            "nothing had happened by the end of 2025-02-28: the log's first event occurred 2025-03-01"
        )
        assert session.sql("SELECT count(*) FROM orders", known_at="2025-06-01").notes == ()
        assert session.sql("SELECT count(*) FROM orders WHERE false").notes == ()


def test_an_empty_log_says_that_it_is_empty():
    with open_log(":memory:") as log, connect(log) as session:
        assert session.sql("FROM orders", at="2025-02-28").notes == ("the log holds no events",)


def test_what_was_dated_back_before_the_first_event_is_something():
    with open_log(":memory:", clock=lambda: RECORDED) as log, connect(log) as session:
        log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), occurred_at=OCCURRED)], expected=NO_STREAM)
        assert session.sql("FROM orders", at="2025-03-01").notes == ()
        assert len(session.sql("FROM orders", at="2025-01-31").notes) == 1
        earlier = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2025, 1, 5, tzinfo=UTC))
        log.append("A-2", [earlier], expected=NO_STREAM)
        assert session.sql("FROM orders", at="2025-01-31").notes == ()
        assert session.sql("FROM orders", at="2025-01-31", known_at="2025-05-31").notes != ()
