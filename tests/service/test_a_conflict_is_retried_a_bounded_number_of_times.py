import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

import pytest

from orders_es.errors import CommandRejected, VersionConflict
from orders_es.log import open_log
from orders_es.orders import AddItem, CancelOrder, CreateOrder, PlaceOrder
from orders_es.replay import load_order
from orders_es.service import handle

MUG = AddItem(item_id="mug", quantity=1, price=Decimal("2.50"))


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        handle(log, "A-1", CreateOrder(currency="GBP"))
        yield log


class Overtaken:
    """A log on which somebody else appends first, so many times, between the service's load and its append."""

    def __init__(self, log, times, command=MUG):
        self.log, self.times, self.command, self.appends = log, times, command, 0

    def __getattr__(self, name):
        return getattr(self.log, name)

    def append(self, stream_id, events, *, expected):
        self.appends += 1
        if self.appends <= self.times:
            handle(self.log, stream_id, self.command)
        return self.log.append(stream_id, events, expected=expected)


def test_a_conflict_is_retried_on_the_new_state(log):
    handled = handle(Overtaken(log, 4), "A-1", MUG)
    assert (handled.state.item_count, handled.state.version) == (5, 6)


def test_the_last_conflict_is_raised_and_nothing_of_the_command_is_there(log):
    overtaken = Overtaken(log, 99)
    with pytest.raises(VersionConflict):
        handle(overtaken, "A-1", MUG, attempts=3)
    assert overtaken.appends == 3
    assert load_order(log, "A-1").item_count == 3, "the others', and none of ours"


def test_a_retried_command_is_decided_again_and_may_be_refused(log):
    with pytest.raises(CommandRejected) as refusal:
        handle(Overtaken(log, 1, CancelOrder()), "A-1", MUG)
    assert refusal.value.rule == "not_cancelled"


def test_a_retried_command_is_looked_at_again_whether_it_is_still_wanted(log):
    seen = []

    def wanted(order):
        seen.append(order.item_count)
        return order.item_count == 0

    handled = handle(Overtaken(log, 1), "A-1", CancelOrder(), provided=wanted)
    assert seen == [0, 1], "first as it stood, then as the other left it"
    assert (handled.events, handled.appended, load_order(log, "A-1").status) == ((), None, "created")


def test_threads_with_one_log_all_get_their_items_in(log):
    def add():
        for _ in range(5):
            handle(log, "A-1", MUG, attempts=100)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    order = load_order(log, "A-1")
    assert (order.item_count, order.version) == (40, 41)


@dataclass(frozen=True)
class Work:
    url: str
    count: int


def add_items(work):
    with open_log(work.url) as log:
        return [handle(log, "A-1", MUG, attempts=100).events[0].version for _ in range(work.count)]


def place(work):
    with open_log(work.url) as log:
        try:
            return handle(log, "A-1", PlaceOrder(), attempts=100).state.version
        except CommandRejected as refusal:
            return refusal.rule


@pytest.fixture
def pool():
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield pool


@pytest.mark.long
def test_processes_all_get_their_items_in(log, pool):
    versions = [version for part in pool.map(add_items, [Work(log.url, 5)] * 4) for version in part]
    assert sorted(versions) == list(range(2, 22))
    assert load_order(log, "A-1").item_count == 20


@pytest.mark.long
def test_of_processes_that_place_one_order_exactly_one_does(log, pool):
    handle(log, "A-1", MUG)
    answers = list(pool.map(place, [Work(log.url, 1)] * 4))
    assert sorted(map(str, answers)) == ["3", "placed_once", "placed_once", "placed_once"]
