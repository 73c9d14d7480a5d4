"""A small shop whose every figure is known, and a way to call the command line on it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner

from orders_es import orders as o
from orders_es.cli import main
from orders_es.log import ANY, NO_STREAM, NewEvent, open_log


@dataclass
class Answer:
    """What a call printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch):
    """Call `orders-es` in this process."""
    monkeypatch.delenv("ORDERS_ES_LOG", raising=False)

    def call(*args, env=None, code=0):
        result = CliRunner().invoke(main, [str(arg) for arg in args], env=env, prog_name="orders-es")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert answer.code == code, f"exit code {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    return call


@dataclass
class Clock:
    """Record time, turned by hand."""

    now: datetime = field(default=datetime(2026, 6, 1, 10, 0, tzinfo=UTC))

    def __call__(self):
        return self.now


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    """A log with two orders.

    A-1: two lines, 35.10 with shipping; placed and paid on 1 June, shipped on 3 June. A discount of 2.50 had been granted
    on 2 June and was recorded on the 5th.  A-2: a guest's, opened and cancelled on 4 June.
    """
    folder = tmp_path / "shop"
    clock = Clock()

    def record(log, when, order, expected, *events):
        clock.now = moment(when)
        log.append(
            order, [NewEvent(data=data, occurred_at=moment(at), actor="web") for at, data in events], expected=expected
        )

    with open_log(str(folder), create=True, clock=clock) as log:
        record(
            log,
            "2026-06-01T10:00:05",
            "A-1",
            NO_STREAM,
            ("2026-06-01T10:00", o.OrderCreated(currency="EUR", customer_id="C-7", country="DE", channel="web")),
            ("2026-06-01T10:01", o.ItemAdded(item_id="R1", quantity=3, price=Decimal("9.90"), description="Rosé £")),
            ("2026-06-01T10:02", o.ItemAdded(item_id="F2", quantity=1, price=Decimal("0.5050"), description="Fern")),
            ("2026-06-01T10:03", o.ShippingCharged(amount=Decimal("4.895"), method="post")),
            ("2026-06-01T10:04", o.OrderPlaced()),
        )
        record(log, "2026-06-01T10:06", "A-1", 5, ("2026-06-01T10:05", o.PaymentReceived(amount=Decimal("35.10"))))
        record(log, "2026-06-03T08:30", "A-1", 6, ("2026-06-03T08:00", o.OrderShipped(carrier="Post")))
        record(
            log,
            "2026-06-04T09:00:01",
            "A-2",
            NO_STREAM,
            ("2026-06-04T09:00", o.OrderCreated(currency="EUR")),
            ("2026-06-04T09:30", o.OrderCancelled(reason="changed mind")),
        )
        late = o.DiscountApplied(amount=Decimal("2.50"), reason="goodwill")
        record(log, "2026-06-05T12:00", "A-1", 7, ("2026-06-02T09:00", late))
    return folder


@pytest.fixture
def empty_log(tmp_path):
    folder = tmp_path / "empty"
    open_log(str(folder), create=True).close()
    return folder


@pytest.fixture
def many_files(tmp_path):
    """A log with a file for each of 201 commits."""
    folder = tmp_path / "many"
    clock = Clock()
    with open_log(str(folder), create=True, clock=clock) as log:
        for number in range(201):
            clock.now += timedelta(seconds=1)
            log.append(f"B-{number % 7}", [o.OrderPlaced()], expected=ANY)
    return folder
