"""A set-based table is never silently wrong: it stands before the event, says which, and goes on once it is understood."""

from dataclasses import dataclass

import duckdb
import pytest

from orders_es.errors import ProjectionStopped, QueryError
from orders_es.log import ANY, RawEvent, open_log, order_registry
from orders_es.projections import Projector, SetProjection, set_projections
from orders_es.projections.run import set_work


@pytest.mark.long
def test_the_table_is_what_the_events_before_it_give(shop):
    good = shop.order("A-9")
    bad = shop.log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY).last_position
    shop.order("A-10")
    with pytest.raises(ProjectionStopped, match=rf"stands before position {bad} of stream 'A-1'.*OrderBlessed") as told:
        shop.run()
    assert (told.value.position, told.value.stream_id) == (bad, "A-1")
    assert shop.checkpoint("orders") == good
    assert shop.table("orders") == shop.ought("orders", good)


@pytest.mark.long
def test_it_is_a_dead_letter_until_it_is_understood(shop):
    @dataclass(frozen=True)
    class OrderBlessed:
        pass

    shop.run()
    shop.log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    for _ in range(2):
        with pytest.raises(ProjectionStopped):
            shop.run()
    [letter] = shop.models.dead_letters()
    assert (letter.state, letter.attempts, letter.type) == ("open", 2, "OrderBlessed")
    assert "UnknownEventType" in letter.error
    assert "Traceback" in letter.traceback
    [state] = shop.models.status()
    assert (state.status, state.checkpoint) == ("stopped_by_error", 12)
    shop.log.registry.leave_out("OrderBlessed")
    shop.log.append("B-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    with pytest.raises(ProjectionStopped):
        shop.run()  # it stands in a stream of an order, whoever else it may concern

    registry = order_registry()
    registry.register(OrderBlessed)
    folder = shop.folder / "models"
    folder.mkdir()
    with open_log(shop.folder / "log", registry=registry) as log:
        (folder / "sizes.sql").write_text(
            "-- Sizes.\n-- Key: order_id.\n-- Stream: order_id.\nSELECT stream_id AS order_id, count(*) AS n "
            "FROM events GROUP BY ALL"
        )
        assert Projector(log, shop.path, set_projections(["sizes"], folder)).run()[0].position == 14


@pytest.mark.long
def test_others_are_not_held_up(shop):
    shop.log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    ran = {one.projection: one for one in shop.projector(names=["orders", "activity", "order_items"]).try_run()}
    assert isinstance(ran["orders"].error, ProjectionStopped)
    assert isinstance(ran["order_items"].error, ProjectionStopped)
    assert (ran["activity"].error, ran["activity"].position) == (None, 13)
    with pytest.raises(ExceptionGroup, match="2 projections failed"):
        shop.run(names=["orders", "activity", "order_items"])


def test_no_event_is_blamed_for_a_lack_of_memory(shop, monkeypatch):
    shop.run()
    shop.order("A-9")

    def too_much(*_):
        raise QueryError("Out of Memory Error", "orders") from duckdb.OutOfMemoryException("Out of Memory Error")

    with monkeypatch.context() as patch:
        patch.setattr(set_work.SetWork, "compute", too_much)
        with pytest.raises(QueryError, match="Out of Memory"):
            shop.run()
    assert (shop.checkpoint("orders"), shop.models.dead_letters()) == (12, [])


@pytest.fixture
def brittle(shop):
    """A read model that DuckDB cannot compute once somebody pays more than 12."""
    folder = shop.folder / "models"
    folder.mkdir()
    (folder / "brittle.sql").write_text(
        "-- Brittle.\n-- Key: order_id.\n-- Stream: order_id.\n"
        "SELECT stream_id AS order_id, sum(CASE WHEN amount > 12 THEN error('unlucky ' || amount) ELSE amount END) AS paid\n"
        "FROM events GROUP BY ALL"
    )
    return SetProjection.of("brittle", folder)


@pytest.mark.long_but_first
@pytest.mark.parametrize("when", ["at first", "later"])
def test_the_event_is_found_where_nothing_but_the_error_tells_of_it(shop, brittle, when):
    if when == "later":
        shop.run(brittle)
    good = shop.pay("A-1", "12")
    shop.pay("A-2", "13")
    shop.pay("A-2", "14")
    shop.pay("A-1", "15")
    with pytest.raises(ProjectionStopped, match=r"unlucky 13\.0000") as told:
        shop.run(brittle)
    assert (told.value.position, shop.checkpoint("brittle")) == (good + 1, good)
    assert shop.rows("SELECT paid FROM brittle WHERE order_id = 'A-1'")[0][0] == 12
