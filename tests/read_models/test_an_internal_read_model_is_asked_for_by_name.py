"""`-- Internal:` models serve others: no list and no `project run` has them unless they are named (and no report: `tests/report`)."""

from decimal import Decimal

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import ItemAdded, OrderCreated, PaymentReceived
from orders_es.projections import Projector, ReadModels, SetProjection, set_projections
from orders_es.read_models import load_read_models
from orders_es.replay import connect

MODEL = "-- Money: one row.\nSELECT sum(paid) AS paid, sum(gross) AS gross FROM order_effects"


def shop(folder):
    log = open_log(folder / "log", create=True)
    mug = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
    log.append("A", [OrderCreated(currency="GBP"), mug, PaymentReceived(amount=Decimal(4))], expected=NO_STREAM)
    return log


def test_it_is_in_no_list(tmp_path):
    assert next(model for model in load_read_models() if model.name == "order_effects").internal
    assert "order_effects" not in [projection.name for projection in set_projections()]
    with shop(tmp_path) as log, connect(log) as session:
        assert "order_effects" not in session._repr_html_()


def test_a_session_and_a_projection_have_it_by_name(tmp_path):
    with shop(tmp_path) as log:
        with connect(log) as session:
            assert session.sql("SELECT sum(total) FROM order_effects").rows() == [(5,)]
            assert session.sql("SELECT count(*) FROM order_effects_at('2011-01-01')").rows() == [(0,)]
        Projector(log, tmp_path / "shop.duckdb", [SetProjection.of("order_effects")]).run()
        answer = ReadModels(tmp_path / "shop.duckdb").query("SELECT sum(total), max(step) FROM order_effects")
        assert answer.rows() == [(5, 3)]


def test_read_models_of_ones_own_are_sums_over_it(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "money.sql").write_text(MODEL)
    with shop(tmp_path) as log:
        with connect(log, read_models=tmp_path / "own") as session:
            assert session.sql("FROM money").rows() == [(4, 5)]
        Projector(log, tmp_path / "shop.duckdb", [SetProjection.of("money", tmp_path / "own")]).run()
        assert ReadModels(tmp_path / "shop.duckdb").query("FROM money").rows() == [(4, 5)]
