from __future__ import annotations

import json
from hashlib import sha256

import pytest

from orders_es.sources.simulator import SimulatorSettings


def test_the_same_arguments_give_the_same_tables(shop):
    first, second = shop.tables(), shop.tables()
    assert [table.schema for table in first] == [table.schema for table in second]
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"orders": 301}, {"days": 61}],
    ids=lambda other: next(iter(other)),
)
def test_other_arguments_give_other_events(shop, other):
    ids = set(shop.table().column("event_id").to_pylist())
    assert ids.isdisjoint(shop.table(**other).column("event_id").to_pylist())


def test_other_settings_give_other_events(shop):
    ids = set(shop.table().column("event_id").to_pylist())
    assert ids.isdisjoint(shop.table(SimulatorSettings(late_share=0.06)).column("event_id").to_pylist())


def test_the_history_of_a_seed_is_the_same_on_every_machine(shop):
    """Computed once and written down: it may change with the rates and the form of ids, and never with machine, numpy or pyarrow."""
    settings = SimulatorSettings(long_order_lines=40)
    rows = shop.table(settings, orders=200, seed=42, days=30).to_pylist()
    text = json.dumps(rows, default=str, sort_keys=True)
    assert sha256(text.encode()).hexdigest() == "272e4f5b93b98fc7304d42fe678dfa4658a6501cb40d5a8175d3049730de6566"


@pytest.mark.long
def test_where_tables_end_does_not_change_what_is_in_them(shop):
    from datetime import timedelta

    # More orders than are generated at a time, so that lives reach from one portion into the next.
    arguments = {"orders": 40_000, "seed": 3, "days": 20}
    whole = shop.table(window=timedelta(days=1_000), **arguments)
    for window in (timedelta(minutes=20), timedelta(hours=7), timedelta(days=6)):
        assert shop.table(window=window, **arguments).equals(whole)
