"""Whoever gives a function something of another kind reads what it was and what to give instead, not what broke inside."""

from __future__ import annotations

from typing import Any

import pytest

import orders_es
from orders_es import audit, connect, errors, export, handle, open_log, orders, plots, replay
from orders_es.errors import OrdersEsError
from orders_es.orders import CreateOrder
from orders_es.sources.tables.options import TableOptions

MISTAKES = [
    ("open_log(7)", "WrongType", "give where the log is"),
    (r"open_log('a\udcff', create=True)", "InvalidSetting", "not UTF-8"),
    (
        "handle(log, 'A-1', PlaceOrder(), attempts='3')",
        "WrongType",
        "attempts='3' is str; give a whole number, 1 or more",
    ),
    ("handle(log, 'A-1', PlaceOrder(), attempts=0)", "InvalidSetting", "give 1 or more"),
    ("handle(log, 'A-1', PlaceOrder(), decider='orders')", "WrongType", "give a Decider"),
    ("examine(log, giant=10**30)", "InvalidSetting", "9,223,372,036,854,775,807 at most"),
    ("list(log.read(batch_size=1.5))", "WrongType", "a whole number"),
    ("fold_streams(log, max, str, types=OrderPlaced)", "WrongType", "a list of event classes"),
    ("fold_streams(log, max, str, executor=2)", "WrongType", "concurrent.futures"),
    ("connect(log, memory_limit=4)", "WrongType", "such as '4GB'"),
    ("connect(log, read_models=2)", "WrongType", "a folder with .sql files"),
    ("session.sql(b'SELECT 1')", "WrongType", "give SQL as text"),
    (r"session.sql('SELECT 1\0 + 1')", "QueryError", "a NUL at character 9"),
    (r"session.sql('SELECT \udcff')", "QueryError", "half of a character at 8"),
    ("export(session, None, 'out.csv')", "WrongType", "give SQL as text"),
    ("verify(session)", "WrongType", "it is session.log"),
    ("verify(log, positions=3)", "InvalidSetting", "give two"),
    ("verify(log, sample='all')", "WrongType", "a whole number"),
    ("closed(log, 6)", "WrongType", "is text, such as '2026-06'"),
    ("plot_order_timeline('A-1')", "WrongType", "history(log, order_id)"),
    ("plot_order_timeline(history(log, 'A-1'), late_after=60)", "WrongType", "give a datetime.timedelta"),
    ("plot_total_waterfall('A-1')", "WrongType", "give explain(log, order_id)"),
    (r"TableOptions(encoding='\udcff')", "InvalidSetting", "such as utf-8"),
]


@pytest.fixture(scope="module")
def names() -> Any:
    with open_log(":memory:") as log, connect(log) as session:
        handle(log, "A-1", CreateOrder(currency="EUR"))
        modules = (orders, plots, replay, audit, export, orders_es)
        known = {name: getattr(module, name) for module in modules for name in module.__all__}
        yield known | {"log": log, "session": session, "TableOptions": TableOptions}


@pytest.mark.parametrize(("call", "kind", "said"), MISTAKES, ids=[call for call, _, _ in MISTAKES])
def test_it_says_what_was_given_and_what_to_give(names, call, kind, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(getattr(errors, kind)) as caught:
        eval(call, dict(names))  # a checker of types would not let such a call stand
    assert isinstance(caught.value, OrdersEsError)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
