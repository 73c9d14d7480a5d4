"""Built beside the old tables, compared with them, swapped in one transaction, and back."""

import duckdb
import pytest

from orders_es.errors import (
    NothingToRollBackTo,
    ProjectionChanged,
    ProjectionError,
    UnknownEventType,
    UnknownProjection,
)
from orders_es.log import ANY, RawEvent
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers, RowDifference, SetProjection
from orders_es.read_models import ReadModel


def spoil(shop, *statements):
    """Change what a table holds behind the runner's back."""
    with duckdb.connect(str(shop.path)) as connection:
        for statement in statements:
            connection.execute(statement)


def counting(version=1, step=1):
    def count(event, tables):
        tables.execute(f"INSERT INTO places VALUES (?, {step})", [event.stream_id])

    tables = "CREATE TABLE places(order_id TEXT PRIMARY KEY, n INTEGER)"
    return Handlers("places", version, {OrderPlaced: count}, tables=tables, pause=0, attempts=1)


def test_a_sound_table_is_the_same(shop):
    shop.run()
    shop.order("A-9")
    done = shop.projector().rebuild("orders", dry_run=True)
    assert (done.same, done.promoted, done.position) == (True, False, 12)
    assert [(one.table, one.rows_before, one.rows_after) for one in done.differences] == [("orders", 4, 4)]


def test_differences_are_counted_and_shown(shop):
    shop.run()
    table = "orders_es_orders_1.orders"
    spoil(
        shop,
        f"UPDATE {table} SET total = 9 WHERE order_id = 'A-1'",
        f"INSERT INTO {table} SELECT * REPLACE ('Z-1' AS order_id) FROM {table} WHERE order_id = 'A-2'",
        f"DELETE FROM {table} WHERE order_id = 'A-3'",
    )
    done = shop.projector().rebuild("orders", dry_run=True)
    [found] = done.differences
    assert (found.only_before, found.only_after, found.changed, done.same) == (1, 1, 1, False)
    samples = {sample.kind: sample for sample in found.samples}
    changed = RowDifference("changed", {"order_id": "A-1", "total": 9}, {"order_id": "A-1", "total": 5})
    assert samples["changed"] == changed
    assert (samples["only_before"].before["order_id"], samples["only_before"].after) == ("Z-1", {})
    assert (samples["only_after"].after["order_id"], samples["only_after"].before) == ("A-3", {})
    assert shop.rows("SELECT total FROM orders WHERE order_id = 'A-1'") == [(9,)]


@pytest.mark.long
def test_the_new_one_serves_and_the_old_one_can_come_back(shop):
    shop.run()
    spoil(shop, "DELETE FROM orders_es_orders_1.orders")
    last = shop.order("A-9")
    projector = shop.projector()
    assert not projector.rebuild("orders").same
    assert (shop.table("orders"), shop.checkpoint("orders")) == (shop.ought("orders"), last)
    assert projector.rollback("orders").generation == 1
    assert (shop.table("orders"), shop.checkpoint("orders")) == ([], 12)
    projector.run()  # goes on from where it stood
    assert shop.rows("SELECT order_id FROM orders") == [("A-9",)]
    assert projector.rollback("orders").generation == 2
    assert shop.table("orders") == shop.ought("orders")
    projector.rebuild("orders")
    assert shop.rows(
        "SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'orders_es_orders_%' ORDER BY 1"
    ) == [
        ("orders_es_orders_2",),
        ("orders_es_orders_3",),
    ]


def test_handlers_are_rebuilt_as_well(shop):
    shop.run(counting())
    spoil(shop, "DELETE FROM orders_es_places_1.places WHERE order_id = 'A-1'")
    projector = shop.projector(counting())
    assert not projector.rebuild("places", dry_run=True).same
    assert shop.rows("SELECT count(*) FROM places") == [(3,)]
    [found] = projector.rebuild("places").differences
    assert (found.only_after, found.only_before, found.changed) == (1, 0, 0)
    assert shop.rows("SELECT count(*) FROM places") == [(4,)]


def test_a_new_version_asks_for_one_and_the_old_table_serves_until_then(shop):
    shop.run(counting())
    shop.order("A-9")
    changed = shop.projector(counting(version=2, step=2))
    with pytest.raises(ProjectionChanged, match=r"is of version 2.*by version 1.*project rebuild places"):
        changed.run()
    assert shop.rows("SELECT sum(n) FROM places") == [(4,)]
    assert changed.rebuild("places").differences[0].changed == 4
    assert shop.rows("SELECT sum(n) FROM places") == [(10,)]


def test_so_does_a_changed_select_and_columns_that_came_or_went_are_named(shop):
    one = ReadModel("counts", "SELECT stream_id, count(*) AS n FROM events GROUP BY ALL", stream="stream_id")
    two = ReadModel("counts", "SELECT stream_id, max(version) AS v FROM events GROUP BY ALL", stream="stream_id")
    shop.run(SetProjection(one))
    projector = shop.projector(SetProjection(two))
    with pytest.raises(ProjectionChanged, match="is defined otherwise"):
        projector.run()
    [found] = projector.rebuild("counts").differences
    assert (found.columns_removed, found.columns_added) == (("n",), ("v",))
    projector.rollback("counts")
    with pytest.raises(ProjectionChanged):
        projector.run()
    shop.run(SetProjection(one))


def test_another_comment_is_no_other_definition(shop):
    sql = "SELECT stream_id, count(*) AS n FROM events GROUP BY ALL"
    shop.run(SetProjection(ReadModel("counts", f"-- Counts.\n{sql}", stream="stream_id")))
    shop.run(SetProjection(ReadModel("counts", f"-- How many.\n-- Of each.\n{sql}", stream="stream_id")))


@pytest.mark.long_but_first
@pytest.mark.parametrize("when", ["compare", "promote"])
def test_one_that_is_interrupted_leaves_the_old_one_serving(shop, monkeypatch, when):
    shop.run(counting())
    before = shop.table("places")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"orders_es.projections.run.rebuilding.{'compare' if when == 'compare' else 'show'}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shop.projector(counting()).rebuild("places")
    assert (shop.table("places"), shop.models.status()[0].generation) == (before, 1)
    shop.order("A-9")
    shop.run(counting())
    assert shop.projector(counting()).rebuild("places").generation == 2
    assert shop.rows("SELECT count(*) FROM orders_es.generations WHERE state = 'building'") == [(0,)]


def test_one_that_meets_what_it_does_not_understand_changes_nothing(shop):
    shop.log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    shop.run(names=["activity"])
    spoil(shop, "UPDATE orders_es.projections SET name = 'orders'", "CREATE SCHEMA orders_es_orders_1")
    spoil(shop, "CREATE TABLE orders_es_orders_1.orders(order_id TEXT)")
    with pytest.raises(UnknownEventType):
        shop.projector().rebuild("orders")
    assert shop.rows("SELECT count(*) FROM orders_es.generations") == [(0,)]


def test_one_without_tables_is_refused(shop):
    calls = []
    outside = Handlers("outside", 1, {OrderPlaced: lambda event, _: calls.append(event.position)})
    shop.run(outside)
    with pytest.raises(ProjectionError, match="would repeat what it does elsewhere"):
        shop.projector(outside).rebuild("outside")
    assert len(calls) == 4


def test_without_a_rebuild_there_is_nothing_to_go_back_to(shop):
    shop.run()
    with pytest.raises(NothingToRollBackTo):
        shop.projector().rollback("orders")
    with pytest.raises(UnknownProjection, match="there is no projection 'order'; there are orders"):
        shop.projector().rollback("order")


def test_the_first_one_is_a_first_run(shop):
    assert shop.projector().rebuild("orders").differences == ()
    assert shop.table("orders") == shop.ought("orders")
