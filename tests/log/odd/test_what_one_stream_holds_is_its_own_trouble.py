"""What today's door refuses may be in a log that another program wrote; then other streams are read as ever, and it is named."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from orders_es.errors import InvalidEvent, ProjectionStopped
from orders_es.log import NO_STREAM, NewEvent, StreamAppend, batch, describing, open_log
from orders_es.log.event import to_micros
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.plots import plot_sales
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.replay import connect, load_order, load_orders
from orders_es.report import write_report

MOMENT = datetime(2026, 6, 3, 15, tzinfo=UTC)
BEYOND = (
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))),
)


def life(at=MOMENT, quantity=1, price="2.50"):
    data = (
        OrderCreated(currency="EUR"),
        ItemAdded(item_id="mug", quantity=quantity, price=Decimal(price)),
        OrderPlaced(),
    )
    return [NewEvent(data=one, occurred_at=at) for one in data]


@pytest.fixture(params=["folder", "memory"])
def log(request, tmp_path):
    with open_log(":memory:" if request.param == "memory" else tmp_path / "log", create=True) as log:
        yield log


def append_unchecked(log, odd, monkeypatch):
    """Append an odd order among others, in one commit, as a program would that checks nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(batch, "check_moment", lambda moment, _, name: to_micros(moment, name))
        patch.setattr(describing, "check_fields", lambda *_: None)
        pieces = [
            StreamAppend(name, events, NO_STREAM) for name, events in (("A", life()), ("odd", odd), ("B", life()))
        ]
        with suppress(OverflowError):  # it is in the log by the time that this program cannot say what is
            log.append_batch(pieces)
    assert log.head().position == 9


@pytest.mark.long_but_first
@pytest.mark.parametrize("at", BEYOND, ids=["before the first year", "after the last"])
def test_a_time_that_no_calendar_holds(log, at, tmp_path, monkeypatch):
    append_unchecked(log, life(at), monkeypatch)
    assert [load_order(log, name).total for name in ("A", "B")] == [Decimal("2.5")] * 2
    for asked in (lambda: log.load("odd"), lambda: load_order(log, "odd"), lambda: load_orders(log)):
        with pytest.raises(InvalidEvent, match="position 4, stream 'odd'"):
            asked()
    with connect(log) as session:
        assert session.sql("SELECT sum(total), count(*) FROM orders").rows() == [(Decimal("7.5"), 3)]
        [(shown,)] = session.sql("SELECT placed_at FROM orders WHERE order_id = 'odd'").rows()
        assert isinstance(shown, str)
        with pytest.raises(InvalidEvent, match="position 4, stream 'odd'"):
            plot_sales(session)
        with pytest.raises(InvalidEvent, match="position 4, stream 'odd'"):
            write_report(session, tmp_path / "report")
        assert not (tmp_path / "report").exists()


def test_a_quantity_that_no_sum_holds(log, monkeypatch):
    append_unchecked(log, life(quantity=2**63 - 1, price="99999999999999.9999"), monkeypatch)
    assert load_order(log, "B").total == Decimal("2.5")
    assert load_order(log, "odd").total == Decimal("922337203685477579777662796314522.4193")
    with connect(log) as session:
        assert session.sql("SELECT total FROM orders WHERE order_id = 'B'").rows() == [(Decimal("2.5"),)]
        assert session.sql("SELECT sum(total) FROM orders WHERE order_id <> 'odd'").rows() == [(5,)]
        with pytest.raises(InvalidEvent, match=r"position 5, stream 'odd'.*order_id <> 'odd'"):
            session.sql("SELECT units FROM daily_sales")


def test_sums_of_the_largest_values_that_are_taken_do_not_overflow(log):
    for order_id in ("A", "B", "C"):
        log.append(order_id, life(quantity=999_999_999, price="99999999999999.9999"), expected=NO_STREAM)
        log.append(f"{order_id}-", life(quantity=-999_999_999, price="99999999999999.9999"), expected=NO_STREAM)
    with connect(log) as session:
        [(total, items)] = session.sql("SELECT sum(abs(total)), sum(abs(item_count)) FROM orders").rows()
        assert (total, items) == (6 * 999_999_999 * Decimal("99999999999999.9999"), 6 * 999_999_999)
        assert len(session.sql("FROM daily_sales")) == 1


@pytest.mark.long_but_first
@pytest.mark.parametrize("before", [0, 300], ids=["in the first run", "in a few events that came later"])
def test_a_projection_names_the_event_behind_an_overflow_as_queries_do(tmp_path, monkeypatch, before):
    models = tmp_path / "models.duckdb"
    with open_log(tmp_path / "log", create=True) as log:
        if before:
            log.append_batch([StreamAppend(f"A-{number}", life(), NO_STREAM) for number in range(before // 3)])
            Projector(log, models, set_projections(["orders"])).run()
        with monkeypatch.context() as patch:
            patch.setattr(describing, "check_fields", lambda *_: None)
            log.append_batch(
                [
                    StreamAppend("good", life(), NO_STREAM),
                    StreamAppend("odd", [*life()[:2], *life(quantity=2**63 - 1)[1:]], NO_STREAM),
                ]
            )
        with pytest.raises(
            ProjectionStopped, match=rf"before position {before + 6}.*position {before + 6}, stream 'odd'.*is more than"
        ):
            Projector(log, models, set_projections(["orders"])).run()
        assert ReadModels(models).query("SELECT total FROM orders WHERE order_id = 'good'").rows() == [
            (Decimal("2.5"),)
        ]
