"""SIGKILL, for real, in another process: right between an effect and its checkpoint, and anywhere."""

import random
import signal
import subprocess
import sys
import time
from decimal import Decimal

import pytest

from orders_es.projections import ReadModels
from orders_es.replay import load_order

RUN = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from orders_es.log import open_log
from orders_es.projections import process_manager
from orders_es.shop import Unpaid

url, models, deadly, clock = sys.argv[1:]
handle = process_manager.handle

def handle_and_die(log, order_id, command, **options):
    handled = handle(log, order_id, command, **options)
    if type(command).__name__ == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return handled

process_manager.handle = handle_and_die
now = datetime.fromisoformat(clock)
with open_log(url) as log:
    unpaid = Unpaid(log, models, timedelta(days=3), clock=lambda: now)
    if deadly == "anything":
        unpaid.follow(tick=0.01)
    else:
        unpaid.run()
"""


@pytest.fixture
def start(shop):
    """Start a runner of its own; those that still live are ended after the test."""
    started = []

    def start(deadly):
        args = [sys.executable, "-c", RUN, shop.url, str(shop.models), deadly, shop.clock.now.isoformat()]
        started.append(subprocess.Popen(args))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_between_the_cancellation_and_what_follows(shop, start):
    shop.place("A-1", paid=4)
    shop.clock.forward(days=3)
    assert start("CancelOrder").wait() == -signal.SIGKILL
    assert shop.types("A-1")[-1] == "OrderCancelled", "the effect was there when it was killed"
    assert shop.cancelled() == [], "it is cancelled already"
    assert shop.types("A-1")[-2:] == ["OrderCancelled", "RefundIssued"]
    assert shop.types("A-1").count("OrderCancelled") == 1


@pytest.mark.long
def test_between_the_refund_and_its_checkpoint_twice(shop, start):
    shop.place("A-1", paid=4)
    shop.clock.forward(days=3)
    for _ in range(2):
        assert start("IssueRefund").wait() == -signal.SIGKILL
        assert shop.types("A-1")[-2:] == ["OrderCancelled", "RefundIssued"]
        assert len(ReadModels(shop.models).query("FROM unpaid_commands")) == 0, "and the checkpoint was not"
    shop.unpaid().run()
    shop.unpaid().run()
    assert shop.types("A-1")[-2:] == ["OrderCancelled", "RefundIssued"]
    assert shop.types("A-1").count("RefundIssued") == 1
    outcomes = ReadModels(shop.models).query("SELECT stream_id, command, outcome FROM unpaid_commands").rows()
    assert outcomes == [("A-1", "IssueRefund", "done")]


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.long)])
def test_at_random_moments_while_it_follows(shop, start, kills):
    orders = [f"A-{number}" for number in range(6 * kills + 10)]
    for number, order in enumerate(orders):
        shop.place(order, paid=number % 3)
    shop.clock.forward(days=3)
    chance = random.Random(7)
    for _ in range(kills):
        runner = start("anything")
        # Wait for its first deed, so that it is not killed while Python still starts.
        end = shop.log.head().position
        while shop.log.head().position == end and runner.poll() is None:
            if all(shop.status(order) == "cancelled" for order in orders):
                break
            time.sleep(0.005)
        time.sleep(chance.random() * 0.05)
        runner.kill()
        assert runner.wait() == -signal.SIGKILL
    shop.unpaid().run()
    shop.unpaid().run()
    for number, order in enumerate(orders):
        paid = number % 3
        refunds = ["RefundIssued"] if paid else []
        assert shop.types(order)[-1 - len(refunds) :] == ["OrderCancelled", *refunds], order
        assert shop.types(order).count("OrderCancelled") == 1, order
        assert load_order(shop.log, order).refunded == Decimal(paid), order
    assert len(ReadModels(shop.models).query("FROM unpaid_deadlines")) == 0
