from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import CommandRejected
from orders_es.orders import AddItem, Happened, ItemAdded, OrderCreated, OrderPlaced, PlaceOrder
from orders_es.testing import given

CREATED = OrderCreated(currency="GBP")
MUG = ItemAdded(item_id="mug", quantity=1, price=Decimal("2.5"))
ADD = AddItem(item_id="mug", quantity=1, price=Decimal("2.5"))


def test_a_sentence_that_holds_passes():
    given(CREATED).when(ADD).then(MUG)
    given([CREATED, MUG]).when(PlaceOrder()).then([OrderPlaced()])
    given(CREATED).when(ADD).and_when(PlaceOrder()).then(OrderPlaced())


def test_events_with_their_own_moments_and_versions_are_taken_as_they_are():
    moment = datetime(2011, 6, 3, tzinfo=UTC)
    state = given(Happened(CREATED, moment, 7), MUG).state
    assert (state.created_at, state.version) == (moment, 8)


def test_another_event_than_expected_fails_and_shows_the_field():
    with pytest.raises(AssertionError) as failure:
        given(CREATED).when(ADD).then(ItemAdded(item_id="mug", quantity=2, price=Decimal("2.5")))
    assert "-     quantity = 2" in str(failure.value)
    assert "+     quantity = 1" in str(failure.value)
    assert "-     item_id" not in str(failure.value)


def test_nothing_expected_but_something_decided_fails():
    with pytest.raises(AssertionError, match="ItemAdded"):
        given(CREATED).when(ADD).then()


def test_a_refusal_instead_of_events_fails_and_shows_the_rule():
    with pytest.raises(AssertionError, match=r"CommandRejected by rule 'placed_with_items'"):
        given(CREATED).when(PlaceOrder()).then(OrderPlaced())


def test_a_refusal_by_another_rule_fails():
    with pytest.raises(AssertionError, match=r"'placed_with_items'(.|\n)*'placed_once' was expected"):
        given(CREATED).when(PlaceOrder()).then_raises(CommandRejected, rule="placed_once")


def test_a_refusal_of_another_class_fails():
    with pytest.raises(AssertionError, match="KeyError was expected"):
        given(CREATED).when(PlaceOrder()).then_raises(KeyError)


def test_a_refusal_in_other_words_fails():
    with pytest.raises(AssertionError, match="'gone' in its text was expected"):
        given(CREATED).when(PlaceOrder()).then_raises(CommandRejected, match="gone")


def test_acceptance_instead_of_a_refusal_fails_and_shows_the_events():
    with pytest.raises(AssertionError, match=r"was accepted with(.|\n)*ItemAdded"):
        given(CREATED).when(ADD).then_raises(CommandRejected)


@dataclass(frozen=True)
class Added:
    amount: int


def test_any_decider_can_be_specified():
    def decide(command, state):
        if state + command > 10:
            raise OverflowError("full")
        return [Added(command)]

    jar: dict[str, Any] = {"decide": decide, "evolve": lambda state, event: state + event.data.amount, "initial": int}
    given(Added(4), Added(5), **jar).when(1).then(Added(1))
    given(Added(4), Added(5), **jar).when(2).then_raises(OverflowError, match="full")
