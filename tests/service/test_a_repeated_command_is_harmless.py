import threading
import uuid
from decimal import Decimal

import pytest

from orders_es.errors import CommandRejected, InvalidSetting
from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder, PlaceOrder, RecordPayment
from orders_es.replay import load_order
from orders_es.service import event_id_of, handle

MUGS = AddItem(item_id="mug", quantity=2, price=Decimal("2.50"))


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        handle(log, "A-1", CreateOrder(currency="GBP"), command_id="create")
        yield log


def test_a_repeated_command_appends_once_and_gives_the_first_result(log):
    first = handle(log, "A-1", MUGS, command_id="add")
    again = handle(log, "A-1", MUGS, command_id="add")

    assert (again.events, again.state) == (first.events, first.state)
    assert (again.duplicate, again.appended) == (True, None)
    assert load_order(log, "A-1").item_count == 2


def test_it_gives_the_first_result_even_where_its_rule_would_refuse_by_now(log):
    first = handle(log, "A-1", MUGS, command_id="add")
    handle(log, "A-1", PlaceOrder())
    again = handle(log, "A-1", MUGS, command_id="add")

    assert again.duplicate
    assert again.state == first.state, "the order as it was right after the command, not as it is now"
    assert handle(log, "A-1", CreateOrder(currency="GBP"), command_id="create").duplicate


def test_the_same_id_on_another_order_is_another_command(log):
    assert not handle(log, "A-2", CreateOrder(currency="GBP"), command_id="create").duplicate


def test_an_id_may_be_a_uuid(log):
    request = uuid.uuid4()
    handle(log, "A-1", MUGS, command_id=request)
    assert handle(log, "A-1", MUGS, command_id=str(request)).duplicate


@pytest.mark.parametrize("other", [AddItem(item_id="mug", quantity=3, price=Decimal("2.50")), RecordPayment(amount=5)])
def test_an_id_given_to_another_command_is_refused_and_not_taken_for_done(log, other):
    handle(log, "A-1", MUGS, command_id="add")
    with pytest.raises(CommandRejected, match="ItemAdded") as refusal:
        handle(log, "A-1", other, command_id="add")
    assert refusal.value.rule == "one_command_per_id"


def test_without_an_id_the_same_command_counts_again(log):
    handle(log, "A-1", MUGS)
    handle(log, "A-1", MUGS)
    assert load_order(log, "A-1").item_count == 4


def test_a_command_sent_by_many_threads_at_once_is_handled_once(log):
    barrier = threading.Barrier(8)
    results = []

    def send():
        with open_log(log.url) as own:
            barrier.wait()
            results.append(handle(own, "A-1", MUGS, command_id="add", attempts=50))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [result.duplicate for result in results].count(False) == 1
    assert len({result.events[0].position for result in results}) == 1
    assert {result.state for result in results} == {load_order(log, "A-1")}


def test_two_commands_racing_with_one_id_do_not_both_claim_to_be_done(log):
    """The second append finds its ids at its version and takes itself for a retry; the service looks again."""
    theirs = AddItem(item_id="cup", quantity=1, price=1)

    class Late:
        """The log as one sees it whose command is overtaken between loading and appending."""

        def __init__(self):
            self.overtaken = False

        def __getattr__(self, name):
            return getattr(log, name)

        def append(self, stream_id, events, *, expected):
            if not self.overtaken:
                self.overtaken = True
                handle(log, stream_id, theirs, command_id="add")
            return log.append(stream_id, events, expected=expected)

    with pytest.raises(CommandRejected) as refusal:
        handle(Late(), "A-1", MUGS, command_id="add")
    assert refusal.value.rule == "one_command_per_id"
    assert [event.data.item_id for event in log.load("A-1", after_version=1)] == ["cup"]


def test_event_ids_are_storage_format():
    assert event_id_of("A-1", "request 7") == uuid.UUID("a92d8bb7-45ca-5733-ae7a-34a550f2fb11")


def test_an_id_may_stand_for_one_command_in_the_whole_log(log):
    def add(order, command=MUGS):
        return handle(log, order, command, command_id="add", once="in_log")

    handle(log, "A-2", CreateOrder(currency="GBP"))
    first = add("A-1")
    assert (add("A-1").duplicate, add("A-1").state) == (True, first.state)
    for order, command in (("A-2", MUGS), ("A-1", RecordPayment(amount=5)), ("A-3", CreateOrder(currency="GBP"))):
        with pytest.raises(CommandRejected) as refusal:
            add(order, command)
        assert refusal.value.rule == "one_command_per_id"
    assert log.head().position == 3
    assert not handle(log, "A-2", MUGS, command_id="add").duplicate, "in its own stream it is another id"


def test_where_an_id_stands_for_a_command_is_one_of_two(log):
    with pytest.raises(InvalidSetting, match="in_stream, in_log"):
        handle(log, "A-1", MUGS, command_id="add", once="in_galaxy")  # type: ignore[call-overload]
