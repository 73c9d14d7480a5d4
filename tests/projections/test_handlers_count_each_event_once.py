"""Effects on tables and the checkpoint are committed together, whatever a handler does."""

from typing import Any

import pyarrow as pa
import pytest

from orders_es.errors import InvalidSetting, ProjectionError, ProjectionStopped, QueryError
from orders_es.orders import ItemAdded, OrderPlaced
from orders_es.projections import Handlers, in_batches

TABLES = "CREATE TABLE mails(position BIGINT, order_id TEXT); CREATE TABLE revenue AS SELECT 0::DECIMAL(18, 4) AS total"


class Mailer:
    """Sends a mail for every order placed, except those that it cannot."""

    def __init__(self, *broken):
        self.broken = set(broken)
        self.calls = []

    def placed(self, event, tables):
        self.calls.append(event.position)
        if tables is not None:
            tables.execute("INSERT INTO mails VALUES (?, ?)", [event.position, event.stream_id])
        if event.stream_id in self.broken:
            raise RuntimeError(f"no mail for {event.stream_id}")

    def added(self, event, tables):
        tables.execute("UPDATE revenue SET total = total + ?", [event.data.price * event.data.quantity])

    def projection(self, tables=TABLES, **options):
        handlers: dict[type | str, Any] = {OrderPlaced: self.placed, **({"ItemAdded": self.added} if tables else {})}
        return Handlers("mails", 1, handlers, tables=tables, pause=0, **options)


def mailed(shop):
    return [order_id for (order_id,) in shop.rows("SELECT order_id FROM mails ORDER BY position")]


def test_in_the_order_of_the_log(shop):
    shop.run(Mailer().projection())
    shop.order("A-4")
    shop.run(Mailer().projection())
    assert mailed(shop) == ["A-0", "A-1", "A-2", "A-3", "A-4"]
    assert shop.rows("FROM revenue") == [(25,)]


def test_a_failed_try_leaves_nothing_behind(shop):
    mailer = Mailer("A-2")
    with pytest.raises(ProjectionStopped, match="position 9 of stream 'A-2': RuntimeError: no mail for A-2"):
        shop.run(mailer.projection(attempts=3))
    assert mailer.calls.count(9) == 1 + 3  # with the others, then alone
    assert mailed(shop) == ["A-0", "A-1"]
    assert shop.rows("FROM revenue") == [(15,)]  # also what the order had before it was placed
    assert shop.checkpoint("mails") == 8


def test_it_goes_on_once_the_cause_is_mended(shop):
    with pytest.raises(ProjectionStopped):
        shop.run(Mailer("A-2").projection())
    [letter] = shop.models.dead_letters("mails")
    assert (letter.position, letter.attempts, letter.state) == (9, 3, "open")
    assert "in placed" in letter.traceback
    shop.run(Mailer().projection())
    assert mailed(shop) == ["A-0", "A-1", "A-2", "A-3"]
    assert [letter.state for letter in shop.models.dead_letters()] == ["retried"]
    assert shop.models.status()[0].status == "ok"


def test_without_tables_what_succeeded_before_a_failure_is_not_called_again(shop):
    mailer = Mailer("A-2")
    with pytest.raises(ProjectionStopped):
        shop.run(mailer.projection(tables="", attempts=2))
    assert mailer.calls == [3, 6, 9, 9, 9]
    mailer.broken.clear()
    shop.run(mailer.projection(tables="", attempts=2))
    assert mailer.calls == [3, 6, 9, 9, 9, 9, 12]


@pytest.mark.parametrize("statement", ["COMMIT", "COMMIT; BEGIN"])
def test_a_handler_must_not_end_the_transaction(shop, statement):
    projection = Handlers("rude", 1, {OrderPlaced: lambda _, tables: tables.execute(statement)}, tables=TABLES)
    with pytest.raises(ProjectionError, match="leave BEGIN, COMMIT and ROLLBACK to it"):
        shop.run(projection)
    assert shop.checkpoint("rude") == 0


def test_tables_that_cannot_be_made_are_told_of_and_hold_up_nobody(shop):
    wrong = Handlers("wrong", 1, {OrderPlaced: print}, tables="CREATE TALBE mails(a INTEGER)")
    ran = shop.projector(wrong, Mailer().projection()).try_run()
    assert [type(one.error) for one in ran] == [QueryError, type(None)]
    assert "TALBE" in str(ran[0].error)


@pytest.mark.long_but_first
@pytest.mark.parametrize("broken", [3, 9, 12])
def test_the_event_to_blame_is_found_where_they_are_handled_in_bulk(shop, broken):
    @in_batches
    def bulk(events, tables):
        rows = pa.table({"position": [event.position for event in events]})
        tables.insert("seen", rows)
        if any(event.position == broken for event in events):
            raise ValueError("that one")

    tables = "CREATE TABLE seen(position BIGINT)"
    handlers = dict.fromkeys(["OrderCreated", "ItemAdded", "OrderPlaced"], bulk)
    with pytest.raises(ProjectionStopped, match=f"stands before position {broken} "):
        shop.run(Handlers("bulk", 1, handlers, tables=tables, pause=0))
    assert shop.rows("SELECT position FROM seen ORDER BY 1") == [(position,) for position in range(1, broken)]
    shop.run(Handlers("bulk", 1, handlers, tables=tables, pause=0, on_error="continue"))
    assert shop.rows("SELECT count(*), count(DISTINCT position) FROM seen") == [(11, 11)]
    assert [letter.position for letter in shop.models.dead_letters()] == [broken]


def test_a_batch_is_cut_short_where_handlers_are_slow(shop, monkeypatch):
    monkeypatch.setattr("orders_es.projections.run.handler_work._HOLD_SECONDS", -1)
    [ran] = shop.run(Mailer().projection())
    assert (ran.position, ran.batches) == (12, 8)  # two events of each order have a handler
    assert mailed(shop) == ["A-0", "A-1", "A-2", "A-3"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "Ein Name"}, {"on_error": "ignore"}, {"attempts": 0}, {"pause": -1}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidSetting, match=next(iter(wrong))):
        Handlers(**{"name": "mails", "version": 1, "handlers": {ItemAdded: print}} | wrong)
