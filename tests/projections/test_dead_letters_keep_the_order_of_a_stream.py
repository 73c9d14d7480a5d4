"""Events put aside, those that wait behind them, and how both come back."""

from typing import Any

import pytest

from orders_es.errors import NoSuchDeadLetter, ProjectionError
from orders_es.orders import OrderPlaced, PaymentReceived
from orders_es.projections import Handlers


class Book:
    """Keeps a book of what happened, and cannot write some orders' names."""

    def __init__(self, *broken):
        self.broken = set(broken)

    def write(self, event, tables):
        tables.execute("INSERT INTO book VALUES (?, ?)", [event.stream_id, event.version])
        if event.stream_id in self.broken and event.type == "OrderPlaced":
            raise ValueError(event.stream_id)

    def projection(self, **options):
        given: dict[str, Any] = {"on_error": "continue", "block_streams": True} | options
        handlers = {OrderPlaced: self.write, PaymentReceived: self.write}
        tables = "CREATE TABLE book(order_id TEXT, version INTEGER)"
        return Handlers("book", 1, handlers, tables=tables, pause=0, attempts=2, **given)


def book(shop, order_id):
    rows = shop.rows("SELECT version FROM orders_es_book_1.book WHERE order_id = ? ORDER BY rowid", order_id)
    return [version for (version,) in rows]


def states(shop):
    return [(one.position, one.attempts, one.blocked, one.state) for one in shop.models.dead_letters()]


def test_later_events_of_the_stream_wait(shop):
    shop.pay("A-1")
    shop.pay("A-2")
    shop.run(Book("A-1").projection())
    shop.pay("A-1")
    shop.run(Book("A-1").projection())
    assert states(shop) == [(6, 2, False, "open"), (13, 0, True, "open"), (15, 0, True, "open")]
    assert (book(shop, "A-1"), book(shop, "A-2")) == ([], [3, 4])
    assert shop.checkpoint("book") == 15


def test_without_blocking_they_go_on(shop):
    shop.pay("A-1")
    shop.run(Book("A-1").projection(block_streams=False))
    assert states(shop) == [(6, 2, False, "open")]
    assert book(shop, "A-1") == [4]


@pytest.mark.long
def test_retrying_takes_them_in_order(shop):
    shop.pay("A-1")
    shop.pay("A-1")
    shop.run(Book("A-1").projection())
    first, *_, last = shop.models.dead_letters()
    failing = shop.projector(Book("A-1").projection()).retry("book", last.id)
    assert [(one.attempts, one.state) for one in failing] == [(4, "open"), (0, "open"), (0, "open")]
    assert book(shop, "A-1") == []
    mended = shop.projector(Book().projection()).retry("book", last.id)
    assert [one.state for one in mended] == ["retried"] * 3
    assert book(shop, "A-1") == [3, 4, 5]
    with pytest.raises(NoSuchDeadLetter):
        shop.projector(Book().projection()).retry("book", first.id)
    shop.pay("A-1")
    shop.run(Book().projection())
    assert book(shop, "A-1") == [3, 4, 5, 6]


@pytest.mark.long
def test_one_can_be_retried_without_those_behind_it(shop):
    shop.pay("A-1")
    shop.run(Book("A-1", "A-3").projection())
    first = shop.models.dead_letters()[0]
    shop.projector(Book("A-3").projection()).retry("book", first.id)
    assert [state for *_, state in states(shop)] == ["retried", "open", "open"]
    assert book(shop, "A-1") == [3]


def test_one_that_is_discarded_is_never_processed_and_those_behind_it_are(shop):
    shop.pay("A-1")
    shop.run(Book("A-1").projection())
    first = shop.models.dead_letters()[0]
    assert shop.projector().discard("book", first.id).state == "discarded"
    shop.projector(Book("A-1").projection()).retry("book")
    assert book(shop, "A-1") == [4]
    with pytest.raises(NoSuchDeadLetter):
        shop.projector().discard("book", first.id)


def test_a_table_made_as_a_set_puts_nothing_aside(shop):
    shop.run()
    with pytest.raises(ProjectionError, match="mend the cause and run it"):
        shop.projector().retry("orders")
