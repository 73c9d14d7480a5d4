"""Another log, a copy that went its own way, a projection under another name."""

import shutil

import pytest

from orders_es.errors import LogReplaced, TableTaken, UnknownProjection
from orders_es.log import open_log
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers, Projector, set_projections


def against(shop, folder):
    with open_log(folder) as log:
        return Projector(log, shop.path, set_projections(["orders"])).run()


def test_another_log_is_refused(shop, tmp_path):
    shop.run()
    with open_log(tmp_path / "other", create=True) as other:
        other.append("A-1", [OrderPlaced()] * 20, expected=0)
    before = shop.table("orders")
    with pytest.raises(LogReplaced, match=r"made from another log: from 'log' \(.*this is 'other'"):
        against(shop, tmp_path / "other")
    assert shop.table("orders") == before


def test_a_copy_that_is_shorter_is_refused(shop, tmp_path):
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    shop.order("A-9")
    shop.run()
    with pytest.raises(LogReplaced, match="this one ends at position 12, and the table goes up to 15"):
        against(shop, tmp_path / "copy")


def test_a_copy_that_went_its_own_way_is_refused(shop, tmp_path):
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    shop.order("A-9")
    shop.run()
    with open_log(tmp_path / "copy") as copy:
        copy.append("B-1", [OrderPlaced()] * 20, expected=0)
    with pytest.raises(LogReplaced, match="another event at position 15"):
        against(shop, tmp_path / "copy")


def test_a_copy_that_only_went_on_is_the_same_log(shop, tmp_path):
    shop.run()
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    with open_log(tmp_path / "copy") as copy:
        copy.append("B-1", [OrderPlaced()], expected=0)
    assert against(shop, tmp_path / "copy")[0].position == 13


def letters_to_customers(name):
    def send(event, tables):
        tables.execute("INSERT INTO sent VALUES (?)", [event.position])

    return Handlers(name, 1, {OrderPlaced: send}, tables="CREATE TABLE sent(position BIGINT)")


def test_a_renamed_one_does_not_take_the_table_of_its_former_self(shop):
    shop.run(letters_to_customers("mails"))
    renamed = shop.projector(letters_to_customers("letters"))
    with pytest.raises(
        TableTaken, match=r"wants a table 'sent', which is that of projection 'mails'.*project drop mails"
    ):
        renamed.run()
    assert len(shop.table("sent")) == 4
    renamed.drop("mails")
    renamed.run()
    assert len(shop.table("sent")) == 4
    assert [state.name for state in shop.models.status()] == ["letters"]


@pytest.mark.long
def test_one_that_is_dropped_leaves_nothing(shop):
    shop.run()
    shop.projector().drop("orders")
    assert shop.models.tables() == []
    left = shop.rows("SELECT count(*) FROM duckdb_tables() WHERE schema_name LIKE 'orders_es_orders_%'")
    assert left == [(0,)]
    with pytest.raises(UnknownProjection, match="there are none"):
        shop.projector().drop("orders")
    shop.run()
    assert shop.table("orders") == shop.ought("orders")
