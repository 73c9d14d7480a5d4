"""A read model's changes go to an outlet: the right difference, once, in order, whatever dies in between."""

import contextlib
import random
import shutil
from decimal import Decimal

import pyarrow as pa
import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import (
    BadReadModel,
    InvalidSetting,
    LogReplaced,
    OutletMismatch,
    OutletUnavailable,
    ProjectionError,
    ProjectionStopped,
    RowsRefused,
)
from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCancelled, OrderCreated, PaymentReceived
from orders_es.projections import FolderOutlet, OutletProjection, Projector, SetProjection, measure_lag, open_outlet
from orders_es.replay import connect


class Dies(BaseException):
    """The program ends here, as far as the code in between is concerned."""


class Watched:
    """A folder outlet that notes what it was told, and fails when it is told to."""

    def __init__(self, path):
        self.folder = FolderOutlet(path)
        self.told = []
        self.fails = []

    @property
    def url(self):
        return self.folder.url

    def open(self, target):
        return self.folder.open(target)

    def deliver(self, removed, rows, position):
        before, after = self.fails.pop(0) if self.fails else (None, None)
        if before is not None:
            raise before
        self.folder.deliver(removed, rows, position)
        gone = None if removed is None else removed.num_rows
        self.told.append((gone, rows.num_rows, position))
        if after is not None:
            raise after

    def close(self):
        self.folder.close()


@pytest.fixture
def outlet(tmp_path):
    return Watched(tmp_path / "out")


def into(outlet, model="orders", **options):
    return OutletProjection.into(outlet, model, pause=0.001, **options)


def held(outlet, columns=("order_id", "status", "total", "paid")):
    table = outlet.folder.table()
    return sorted(tuple(row[name] for name in columns) for row in table.to_pylist())


def ought(shop, columns=("order_id", "status", "total", "paid")):
    with connect(shop.log) as session:
        return sorted(session.sql(f"SELECT {', '.join(columns)} FROM orders").rows())


@pytest.mark.long
def test_first_everything_then_only_what_changed(shop, outlet):
    shop.run(into(outlet))
    assert outlet.told == [(None, 4, 12)]
    shop.pay("A-1")
    shop.order("A-9")
    shop.run(into(outlet))
    assert outlet.told[1:] == [(0, 2, 16)]
    assert held(outlet) == ought(shop)


def test_rows_that_are_not_there_any_more_are_removed(shop, outlet, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "unpaid_orders.sql").write_text(
        "-- Unpaid orders.\n-- Key: order_id.\n-- Stream: order_id.\n-- Types: OrderCreated, ItemAdded, OrderPlaced, PaymentReceived\n"
        "SELECT stream_id AS order_id, count(*) AS events FROM events GROUP BY stream_id HAVING count(*) < 4"
    )
    projection = into(outlet, SetProjection.of("unpaid_orders", tmp_path / "models"))
    shop.run(projection)
    shop.pay("A-2")
    shop.run(projection)
    assert outlet.told == [(None, 4, 12), (1, 0, 13)]
    assert held(outlet, ("order_id",)) == [("A-0",), ("A-1",), ("A-3",)]


@pytest.mark.long
def test_a_program_that_dies_after_a_delivery_makes_it_once_more_and_no_other(shop, outlet):
    shop.run(into(outlet))
    shop.pay("A-1")
    outlet.fails = [(None, Dies())]
    with pytest.raises(Dies):
        shop.run(into(outlet))
    shop.log.append("A-1", [OrderCancelled(reason="late")], expected=ANY)
    shop.order("A-9")
    shop.run(into(outlet))
    assert outlet.told == [(None, 4, 12), (0, 1, 13), (0, 1, 13), (0, 2, 17)]
    assert held(outlet) == ought(shop)


def test_a_program_that_dies_before_a_delivery_makes_it_later(shop, outlet):
    outlet.fails = [(Dies(), None)]
    with pytest.raises(Dies):
        shop.run(into(outlet))
    shop.run(into(outlet))
    assert held(outlet) == ought(shop)


@pytest.mark.long
@pytest.mark.parametrize("steps", [8, pytest.param(60, marks=pytest.mark.long)])
def test_dying_anywhere_ends_with_the_same_contents(shop, outlet, steps):
    rng = random.Random(5)
    for step in range(steps):
        order = f"A-{rng.randint(0, 9)}"
        new = rng.choice(
            [OrderCreated(currency="GBP"), PaymentReceived(amount=Decimal(step + 1)), OrderCancelled(reason="x")]
        )
        shop.log.append(order, [new], expected=ANY)
        if rng.random() < 0.6:
            outlet.fails = [rng.choice([(Dies(), None), (None, Dies()), (None, None)])]
            with contextlib.suppress(Dies):
                shop.run(into(outlet))
    outlet.fails = []
    shop.run(into(outlet))
    assert held(outlet) == ought(shop)


def test_one_that_does_not_answer_is_tried_again(shop, outlet):
    outlet.fails = [(OutletUnavailable("x", "down"), None)] * 3
    shop.run(into(outlet))
    assert held(outlet) == ought(shop)


def test_one_that_never_answers_is_an_error_and_loses_nothing(shop, outlet):
    outlet.fails = [(OutletUnavailable("x", "down"), None)] * 3
    with pytest.raises(OutletUnavailable, match="down"):
        shop.run(into(outlet, attempts=3))
    shop.run(into(outlet))
    assert outlet.told == [(None, 4, 12)]


def test_an_emptied_place_is_filled_again(shop, outlet):
    shop.run(into(outlet))
    for path in outlet.folder.path.glob("0*"):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    shop.run(into(outlet))
    assert outlet.told == [(None, 4, 12), (None, 4, 12)]
    assert held(outlet) == ought(shop)


@pytest.mark.long
def test_a_place_put_back_from_a_copy_is_filled_again(shop, outlet, tmp_path):
    shop.run(into(outlet))
    shutil.copytree(outlet.folder.path, tmp_path / "backup")
    shop.pay("A-1")
    shop.run(into(outlet))
    shutil.rmtree(outlet.folder.path)
    (tmp_path / "backup").rename(outlet.folder.path)
    shop.run(into(outlet))
    assert outlet.told[-1] == (None, 4, 13)
    assert held(outlet) == ought(shop)


def test_a_read_model_file_that_was_deleted_fills_it_anew(shop, outlet):
    shop.run(into(outlet))
    shop.path.unlink()
    shop.pay("A-1")
    shop.run(into(outlet))
    assert outlet.told[-1] == (None, 4, 13)
    assert held(outlet) == ought(shop)


def test_a_place_that_is_ahead_of_the_log_is_refused(shop, outlet):
    shop.run(into(outlet))
    outlet.folder.deliver(outlet.folder.table().select(["order_id"]).slice(0, 0), outlet.folder.table().slice(0, 0), 99)
    with pytest.raises(LogReplaced, match="filled up to 99"):
        shop.run(into(outlet))


def test_another_logs_place_is_refused(shop, outlet, tmp_path):
    shop.run(into(outlet))
    with open_log(tmp_path / "other", create=True) as other:
        other.append("B-1", [OrderCreated(currency="EUR")], expected=ANY)
        with pytest.raises(OutletMismatch, match="another log id"):
            Projector(other, tmp_path / "other.duckdb", [into(outlet)]).run()
    assert held(outlet) == ought(shop)


class Fussy(Watched):
    """It never takes an order over 10."""

    limit = Decimal(10)

    def deliver(self, removed, rows, position):
        totals = rows.column("total").to_pylist()
        bad = {index: f"{total} is too much" for index, total in enumerate(totals) if total > self.limit}
        keep = [index for index in range(rows.num_rows) if index not in bad]
        super().deliver(removed, rows.take(pa.array(keep, pa.int64())), position)
        if bad:
            raise RowsRefused(self.url, bad)


@pytest.fixture
def fussy(shop, tmp_path):
    outlet = Fussy(tmp_path / "out")
    shop.run(into(outlet))
    shop.log.append("A-2", [ItemAdded(item_id="pot", quantity=1, price=Decimal(9))], expected=ANY)
    shop.pay("A-1")
    return outlet


@pytest.mark.long
def test_rows_refused_stop_it_before_the_event_that_led_to_them(shop, fussy):
    with pytest.raises(ProjectionStopped, match=r"stands before position 13 of stream 'A-2': 14\.0000 is too much"):
        shop.run(into(fussy))
    assert shop.checkpoint("orders_to_folder") == 12
    Fussy.limit, before = Decimal(99), Fussy.limit
    try:
        shop.run(into(fussy))
    finally:
        Fussy.limit = before
    assert held(fussy) == ought(shop)
    assert shop.rows("SELECT state FROM orders_es.dead_letters") == [("retried",)]


@pytest.mark.long
def test_rows_refused_can_be_put_aside_and_tried_again(shop, fussy):
    going_on = into(fussy, on_error="continue")
    shop.run(going_on)
    assert shop.checkpoint("orders_to_folder") == 14
    assert [row[0] for row in held(fussy, ("order_id",))] == ["A-0", "A-1", "A-2", "A-3"]
    assert dict(held(fussy, ("order_id", "total")))["A-2"] == 5, "as it was delivered before"
    [letter] = shop.models.dead_letters()
    assert (letter.position, letter.stream_id, letter.state) == (13, "A-2", "open")
    [letter] = shop.projector(going_on).retry("orders_to_folder")
    assert (letter.state, letter.attempts) == ("open", 2)
    Fussy.limit, before = Decimal(99), Fussy.limit
    try:
        [letter] = shop.projector(going_on).retry("orders_to_folder")
    finally:
        Fussy.limit = before
    assert letter.state == "retried"
    assert held(fussy) == ought(shop)


@pytest.mark.long
def test_a_rebuild_delivers_everything_anew(shop, outlet):
    shop.run(into(outlet))
    done = shop.projector(into(outlet)).rebuild("orders_to_folder")
    assert (done.same, done.promoted) == (True, True)
    assert outlet.told[-1] == (None, 4, 12)
    shop.pay("A-1")
    shop.run(into(outlet))
    assert outlet.told[-1] == (0, 1, 13)
    with pytest.raises(ProjectionError, match="build it anew"):
        shop.projector(into(outlet)).rollback("orders_to_folder")


def test_it_has_a_state_and_a_lag_as_any_projection(shop, outlet):
    shop.run(into(outlet), SetProjection.of("orders"))
    shop.pay("A-1")
    states = {state.name: (state.kind, state.checkpoint) for state in shop.models.status()}
    assert states == {"orders": ("set", 12), "orders_to_folder": ("outlet", 12)}
    assert {lag.projection: lag.events_behind for lag in measure_lag(shop.log, shop.path)}["orders_to_folder"] == 1


def test_a_read_model_without_a_key_is_refused(outlet, tmp_path):
    (tmp_path / "keyless.sql").write_text("-- Nothing to go by.\n-- Types: *\nSELECT type FROM events")
    with pytest.raises(BadReadModel, match="Key"):
        into(outlet, SetProjection.of("keyless", tmp_path))


def test_a_key_that_does_not_tell_rows_apart_is_an_error(shop, outlet, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "twins.sql").write_text(
        "-- Twins.\n-- Key: type.\n-- Types: *\nSELECT type, position FROM events"
    )
    with pytest.raises(BadReadModel, match="of its rows have the key of another one"):
        shop.run(into(outlet, SetProjection.of("twins", tmp_path / "m")))


@pytest.mark.parametrize("url", ["folder:", "ftp:x", "out", ""])
def test_a_url_of_no_known_scheme_is_refused(url):
    with pytest.raises(InvalidSetting, match="folder:"):
        open_outlet(url)


@pytest.mark.long
def test_the_command_line_carries_read_models_into_places(shop, tmp_path):
    def run(*words):
        result = CliRunner().invoke(
            main, ["project", *map(str, words), "--models", str(shop.path), "--log", shop.log.url]
        )
        assert result.exit_code == 0, result.output
        return result.output

    run("run", "orders", "--to", f"folder:{tmp_path / 'one'}")
    assert FolderOutlet(tmp_path / "one").table().num_rows == 4
    run("run", "orders", "order_items", "--to", f"folder:{tmp_path / 'two'}")
    assert FolderOutlet(tmp_path / "two" / "order_items").table().num_rows == 4
    assert "the same 4 rows" in run("rebuild", "orders", "--to", f"folder:{tmp_path / 'one'}")


def test_the_command_line_asks_which_read_models(shop):
    result = CliRunner().invoke(main, ["project", "run", "--to", "folder:x", "--models", "m", "--log", shop.log.url])
    assert result.exit_code == 2
    assert "name the read models" in result.output
