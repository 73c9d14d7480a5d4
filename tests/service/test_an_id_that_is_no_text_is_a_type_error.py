"""A number is no id: where order 117 is meant, "117" is to be given, and the error says so before anything is looked up."""

from collections.abc import Callable
from typing import Any

import pytest

from orders_es import diff, explain, handle, history, load_order
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated, PlaceOrder

CALLS: dict[str, Callable[[Any, Any], object]] = {
    "load_order": load_order,
    "history": history,
    "explain": explain,
    "handle": lambda log, order_id: handle(log, order_id, PlaceOrder()),
    "diff": lambda log, order_id: diff(log, None, order_id=order_id),
}


@pytest.fixture(scope="module")
def log():
    with open_log(":memory:") as log:
        log.append("117", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        yield log


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("order_id", [117, b"117", 117.0, ["117"]])
def test_as_an_order_id(log, call, order_id):
    with pytest.raises(TypeError, match="an id is text"):
        CALLS[call](log, order_id)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("order_id", "reason"),
    [("", "is empty"), ("a\ud800", "UTF-8"), ("x" * 1025, "bytes long")],
    ids=["empty", "half", "long"],
)
def test_text_that_no_log_can_hold_is_a_value_error(log, call, order_id, reason):
    with pytest.raises(ValueError, match=reason):
        CALLS[call](log, order_id)


@pytest.mark.parametrize(("command_id", "error"), [(7, TypeError), (b"7", TypeError), ("a\ud800", ValueError)])
def test_as_a_command_id(log, command_id, error):
    with pytest.raises(error, match="command_id"):
        handle(log, "117", PlaceOrder(), command_id=command_id)
