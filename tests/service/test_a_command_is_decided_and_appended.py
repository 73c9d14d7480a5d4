from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders_es.errors import CommandRejected, NaiveTime
from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder, ItemAdded, PlaceOrder
from orders_es.replay import load_order
from orders_es.service import handle

NOON = datetime(2011, 6, 3, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


def test_a_command_is_decided_and_appended(log):
    handle(log, "A-1", CreateOrder(currency="GBP"))
    handled = handle(
        log, "A-1", AddItem(item_id="mug", quantity=2, price=Decimal("2.5")), occurred_at=NOON, actor="web"
    )

    (event,) = handled.events
    assert event.data == ItemAdded(item_id="mug", quantity=2, price=Decimal("2.5"))
    assert (event.version, event.occurred_at, event.actor) == (2, NOON, "web")
    assert handled.appended.versions == {"A-1": 2}
    assert handled.state == load_order(log, "A-1")
    assert not handled.duplicate


def test_a_refused_command_appends_nothing(log):
    handle(log, "A-1", CreateOrder(currency="GBP"))
    with pytest.raises(CommandRejected) as refusal:
        handle(log, "A-1", PlaceOrder())
    assert refusal.value.rule == "placed_with_items"
    assert log.head().position == 1


def test_the_conversation_travels_with_the_events(log):
    plain = handle(log, "A-1", CreateOrder(currency="GBP"), command_id="c-1", correlation_id="session 9")
    given = handle(log, "A-2", CreateOrder(currency="GBP"), command_id="c-2", causation_id="message 3")
    assert (plain.events[0].correlation_id, plain.events[0].causation_id) == ("session 9", "c-1")
    assert given.events[0].causation_id == "message 3"


def test_a_naive_time_is_refused_before_anything_is_appended(log):
    with pytest.raises(NaiveTime, match="occurred_at"):
        handle(log, "A-1", CreateOrder(currency="GBP"), occurred_at=datetime(2011, 6, 3))  # noqa: DTZ001 - the point of the test
    assert log.head().position == 0


def test_one_attempt_is_enough_where_nobody_else_writes(log):
    assert handle(log, "A-1", CreateOrder(currency="GBP"), attempts=1).state.status == "created"


def test_no_attempts_is_a_wrong_call(log):
    with pytest.raises(ValueError, match="attempts=0"):
        handle(log, "A-1", CreateOrder(currency="GBP"), attempts=0)
