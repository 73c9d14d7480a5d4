"""A log with two moments, awkward texts and exact money, in a folder and with a session on it."""

import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded, OrderCancelled, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect

FORMS = ("parquet", "csv", "xlsx")
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1+1", "\t=1", "\r=1", "＝1"]
HARMLESS = [
    "plain",
    "",
    " =1",
    "a=1",
    "'a",
    'quo"ted',
    "two\nlines",
    "a,b",
    "ü £ 漢",
    "x\x01y",
    "_x0041_",
    "<&>",
    "1.50",
]


def june(day, hour=12, **rest):
    return datetime(2011, 6, day, hour, tzinfo=UTC, **rest)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The log's folder, made once; every test gets a copy."""
    folder = tmp_path_factory.mktemp("shop") / "log"
    now = june(1)
    with open_log(folder, create=True, clock=lambda: now, origin="the shop") as log:
        assert isinstance(log, ParquetLog)
        for number, text in enumerate([*DANGEROUS, *HARMLESS]):
            now = june(1 + number, microsecond=number * 1001)
            events = [
                OrderCreated(currency="GBP", customer_id=text or None),
                ItemAdded(item_id="mug", quantity=3, price=Decimal("0.3333") + number, description=text),
                OrderPlaced(),
                PaymentReceived(amount=Decimal("12345.6789")),
            ]
            log.append(f"order {number:02}", [NewEvent(data=e, occurred_at=now) for e in events], expected=ANY)
        now = june(28)
        late = NewEvent(data=OrderCancelled(reason="=late"), occurred_at=june(2))
        log.append("order 03", [late], expected=ANY)
        log.compact()
    return folder


@pytest.fixture
def log(tmp_path, written):
    shutil.copytree(written, tmp_path / "log")
    with open_log(tmp_path / "log", clock=lambda: june(29)) as log:
        yield log


@pytest.fixture
def session(log):
    with connect(log) as session:
        yield session
