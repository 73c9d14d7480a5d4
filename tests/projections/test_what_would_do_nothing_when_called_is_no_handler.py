"""Only a plain function is a handler: what would do nothing when it is called is refused when it is defined."""

from functools import partial, wraps
from typing import Any

import pytest

from orders_es.decider import Decider
from orders_es.errors import InvalidSetting
from orders_es.log import open_log
from orders_es.orders import CreateOrder, OrderPlaced
from orders_es.projections import Handlers, in_batches
from orders_es.projections.process_manager import Ask, ProcessManager
from orders_es.service import handle


async def waits(*_):
    pass


def yields(*_):
    yield


async def waits_and_yields(*_):
    yield


class Waits:
    async def __call__(self, *_):
        pass

    async def method(self, *_):
        pass


@wraps(waits)
def wrapped(*given):
    return waits(*given)


NOTHING_DONE = {
    "async def": waits,
    "async generator": waits_and_yields,
    "partial": partial(partial(waits, 1), 2),
    "callable object": Waits(),
    "method": Waits().method,
    "wrapped": wrapped,
    "no function": None,
    "text": "placed",
}
NO_ANSWER = {**NOTHING_DONE, "generator": yields, "partial of a generator": partial(yields, 1)}


@pytest.mark.parametrize("function", NO_ANSWER.values(), ids=NO_ANSWER)
def test_a_handler(function):
    with pytest.raises(InvalidSetting, match=r"handlers\['OrderPlaced'\]"):
        Handlers("placed", 1, {OrderPlaced: function})


def test_a_handler_in_batches():
    with pytest.raises(InvalidSetting, match="yield"):
        Handlers("placed", 1, {"OrderPlaced": in_batches(yields)})


@pytest.mark.parametrize("function", NOTHING_DONE.values(), ids=NOTHING_DONE)
def test_a_reaction_which_may_yield_its_commands(function):
    with pytest.raises(InvalidSetting, match=r"reactions\['OrderPlaced'\]"):
        ProcessManager("placed", 1, {OrderPlaced: function})
    ProcessManager("placed", 1, {OrderPlaced: yields})


@pytest.mark.parametrize("function", [waits, yields])
def test_a_condition_which_would_always_hold(function, tmp_path):
    with pytest.raises(InvalidSetting, match="provided"):
        Ask(CreateOrder(currency="GBP"), provided=function)
    with open_log(tmp_path / "log", create=True) as log:
        with pytest.raises(InvalidSetting, match="provided"):
            handle(log, "A-1", CreateOrder(currency="GBP"), provided=function)
        assert log.head().position == 0


@pytest.mark.parametrize("setting", ["decide", "evolve", "initial", "fold", "summarize"])
def test_a_rule_of_a_domain(setting):
    functions: dict[str, Any] = dict.fromkeys(["decide", "evolve", "initial"], len)
    with pytest.raises(InvalidSetting, match=setting):
        Decider(name="parcels", event_types=(), **{**functions, setting: waits})
    if setting != "decide":
        with pytest.raises(InvalidSetting, match=setting):
            Decider(name="parcels", event_types=(), **{**functions, setting: yields})


@pytest.mark.long_but_first
@pytest.mark.parametrize("function", [waits, yields, waits_and_yields])
def test_what_only_a_call_shows_is_a_dead_letter(function, shop):
    def hides(*given):
        return function(*given)

    hidden = Handlers("hidden", 1, {OrderPlaced: hides}, on_error="continue", attempts=1)
    shop.run(hidden)
    letters = shop.rows("SELECT error FROM orders_es.dead_letters")
    assert len(letters) == 4
    assert "did nothing yet" in letters[0][0]


@pytest.mark.parametrize(
    ("functions", "reason"),
    [
        ({7: print}, "class or its name"),
        ({OrderPlaced(): print}, "class or its name"),
        ({OrderPlaced: print, "OrderPlaced": print}, "by its class and by its name"),
    ],
)
def test_a_key_that_names_no_event_type_or_one_twice(functions, reason):
    with pytest.raises(InvalidSetting, match=f"handlers=.*{reason}"):
        Handlers("placed", 1, functions)
    with pytest.raises(InvalidSetting, match=f"reactions=.*{reason}"):
        ProcessManager("placed", 1, functions)
