import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.audit import check_close, checkpoint, close, closed, closes, generate_key, read_checkpoint, verify
from orders_es.errors import DamagedLog, InvalidSetting, NaiveTime, NoSuchClose
from orders_es.log import ANY, NewEvent, RawEvent, open_log
from orders_es.orders import AdjustmentRecorded, DiscountApplied, ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect, load_orders


def june(day, hour=12):
    return datetime(2026, 6, day, hour, tzinfo=UTC)


JULY = datetime(2026, 7, 3, tzinfo=UTC)
END = "2026-06-30"


class Shop:
    """Two orders of June, in two currencies, known by the end of the month."""

    def __init__(self, place):
        self.now = june(1)
        self.log = open_log(place, create=True, clock=lambda: self.now)
        for order, currency, price in (("A-1", "EUR", 100), ("A-2", "GBP", 10)):
            lines = [
                OrderCreated(currency=currency),
                ItemAdded(item_id="x", quantity=2, price=Decimal(price)),
                OrderPlaced(),
            ]
            self.record(june(2), june(2), order, *lines)
        self.record(june(3), june(3), "A-1", PaymentReceived(amount=Decimal(200)))

    def record(self, recorded, occurred, order, *events, actor="web"):
        self.now = recorded
        self.log.append(
            order, [NewEvent(data=data, occurred_at=occurred, actor=actor) for data in events], expected=ANY
        )

    def late(self, amount=2, actor="clerk"):
        self.record(JULY, june(20), "A-1", DiscountApplied(amount=Decimal(amount)), actor=actor)


ELSEWHERE = [pytest.param(kind, marks=pytest.mark.long) for kind in ("log.duckdb", "memory:", "postgres")]


@pytest.fixture(params=["log", *ELSEWHERE])
def shop(request, tmp_path):
    kind = request.param
    place = request.getfixturevalue("postgres_place")() if kind == "postgres" else kind
    shop = Shop(place if kind in ("postgres", "memory:") else tmp_path / kind)
    yield shop
    shop.log.close()


def test_it_is_an_event_of_the_log_with_its_figures_and_root(shop):
    head = shop.log.head()
    shop.now = JULY
    done = close(shop.log, "2026-06", at=END, closed_by="Zoë")
    assert done.at == datetime(2026, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)
    assert (done.known_at, done.position, done.root) == (head.recorded_at, head.position, head.root)
    assert done.figures == (
        {"currency": "EUR", "orders": 1, "total": Decimal(200), "paid": Decimal(200)},
        {"currency": "GBP", "orders": 1, "total": Decimal(20), "paid": Decimal(0)},
    )
    assert (done.closed_by, done.closed_at, done.checkpoint) == ("Zoë", JULY, None)
    (event,) = shop.log.load("close:2026-06")
    assert (event.type, event.actor) == ("PeriodClosed", "Zoë")
    assert closes(shop.log) == [done] == [closed(shop.log, "2026-06")]
    assert verify(shop.log).ok


def test_no_total_and_no_order_comes_of_it(shop):
    close(shop.log, "2026-06", at=END)
    assert sorted(load_orders(shop.log)) == ["A-1", "A-2"]
    with connect(shop.log) as session:
        assert session.sql("SELECT count(*) FROM orders").rows() == [(2,)]
        assert session.sql("SELECT count(*) FROM events WHERE type = 'PeriodClosed'").rows() == [(1,)]


def test_what_was_closed_stays_whatever_comes_in(shop):
    done = close(shop.log, "2026-06", at=END)
    shop.late(amount=30)
    with connect(shop.log) as session:
        asked = "SELECT sum(total) FROM orders WHERE currency = 'EUR'"
        assert session.sql(asked, at=done.at, known_at=done.known_at).rows() == [(Decimal(200),)]
        assert session.sql(asked, at=done.at).rows() == [(Decimal(170),)]


@pytest.mark.long
def test_the_check_says_what_moved_by_which_events_and_whose(shop):
    close(shop.log, "2026-06", at=END)
    assert check_close(shop.log, "2026-06").ok
    shop.late(amount=2)
    shop.record(JULY, JULY, "A-2", PaymentReceived(amount=Decimal(20)))
    found = check_close(shop.log, "2026-06")
    assert not found.ok
    euro, pound = found.currencies
    assert (euro["closed_total"], euro["total"], euro["difference"], euro["share"]) == (200, 198, -2, Decimal("-0.01"))
    assert (pound["difference"], pound["share"]) == (0, 0)
    assert [(row["order_id"], row["total_difference"]) for row in found.orders] == [("A-1", Decimal(-2))]
    assert [(event["type"], event["actor"]) for event in found.events] == [("DiscountApplied", "clerk")]
    assert found.actors == {"clerk": 1}


@pytest.mark.long
def test_the_tolerance_is_a_share_of_the_closed_total(shop):
    close(shop.log, "2026-06", at=END)
    shop.late(amount=2)
    for tolerance, ok in {"0": False, "0.99%": False, "1%": True, "0.01": True, "5 %": True}.items():
        assert check_close(shop.log, "2026-06", tolerance=tolerance).ok is ok, tolerance


@pytest.mark.long
def test_a_currency_that_was_not_there_moves_whatever_the_tolerance(shop):
    close(shop.log, "2026-06", at=END)
    shop.record(JULY, june(9), "A-3", OrderCreated(currency="CHF"), AdjustmentRecorded(amount=Decimal(1), reason="x"))
    found = check_close(shop.log, "2026-06", tolerance="99%")
    assert not found.ok
    assert [row["currency"] for row in found.currencies] == ["CHF", "EUR", "GBP"]


@pytest.mark.long
def test_movements_that_cancel_out_across_currencies_do_not_hide(shop):
    close(shop.log, "2026-06", at=END)
    shop.late(amount=2)
    shop.record(JULY, june(20), "A-2", AdjustmentRecorded(amount=Decimal(2), reason="x"))
    assert not check_close(shop.log, "2026-06", tolerance="0.5%").ok


def test_a_payment_that_came_in_late_moves_what_was_closed(shop):
    close(shop.log, "2026-06", at=END)
    shop.record(JULY, june(20), "A-1", PaymentReceived(amount=Decimal(2)))
    shop.record(JULY, june(20), "A-2", PaymentReceived(amount=Decimal(3)))
    found = check_close(shop.log, "2026-06", tolerance="99%")
    euro, pound = found.currencies
    assert not found.ok  # no pound had been paid
    assert (euro["difference"], euro["closed_paid"], euro["paid"], euro["paid_difference"]) == (0, 200, 202, 2)
    assert (euro["paid_share"], pound["paid_share"]) == (Decimal("0.01"), None)
    moved = [(row["order_id"], row["total_difference"], row["paid_difference"]) for row in found.orders]
    assert moved == [("A-2", 0, 3), ("A-1", 0, 2)]


@pytest.mark.long
def test_sums_of_nothing_and_below_zero_have_a_tolerance_as_well(shop):
    lines = [OrderCreated(currency="EUR"), AdjustmentRecorded(amount=Decimal(-500), reason="credit")]
    shop.record(june(4), june(4), "C-1", *lines)  # euros: 200 - 500
    shop.record(june(4), june(4), "C-2", OrderCreated(currency="USD"))  # nothing
    close(shop.log, "2026-06", at=END)
    shop.late(amount=3)
    euro = check_close(shop.log, "2026-06").currencies[0]
    assert (euro["closed_total"], euro["total"], euro["share"]) == (-300, -303, Decimal("-0.01"))
    assert not check_close(shop.log, "2026-06", tolerance="0.99%").ok
    assert check_close(shop.log, "2026-06", tolerance="1%").ok
    shop.record(JULY, june(20), "A-1", PaymentReceived(amount=Decimal(2)))
    assert check_close(shop.log, "2026-06", tolerance="1%").ok
    assert not check_close(shop.log, "2026-06", tolerance="0.99%").ok
    shop.record(JULY, june(20), "C-2", AdjustmentRecorded(amount=Decimal("0.01"), reason="x"))
    assert not check_close(shop.log, "2026-06", tolerance="999%").ok
    close(shop.log, "2020", at="2020-12-31")  # nothing had happened
    assert check_close(shop.log, "2020").ok


def said_of(shop, **other):
    """What a close of the log as it is says, but for this."""
    real = closed(shop.log, "real") if shop.log.stream_version("close:real") else close(shop.log, "real", at=END)
    event = shop.log.load("close:real")[0]
    return json.dumps({**json.loads(event.payload), "name": "forged", "position": real.position, **other})


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            {"figures": [{"currency": "EUR", "orders": 9, "total": "1.0000", "paid": "0.0000"}]},
            "does not give the figures",
        ),
        ({"root": "00" * 32}, "does not have the root"),
    ],
)
def test_what_the_log_does_not_say_any_more_is_said(shop, other, reason):
    shop.log.append("close:forged", [RawEvent("PeriodClosed", said_of(shop, **other))], expected=ANY)
    found = check_close(shop.log, "forged", tolerance="100%")
    assert not found.ok
    assert reason in found.reason


def test_a_close_of_another_name_or_of_what_comes_later_is_none(shop):
    for name, said in (("other", said_of(shop)), ("forged", said_of(shop, position=99))):
        shop.log.append(f"close:{name}", [RawEvent("PeriodClosed", said)], expected=ANY)
        for ask in (closed, check_close):
            with pytest.raises(DamagedLog, match="speaks of"):
                ask(shop.log, name)


def test_a_stream_of_somebody_elses_is_no_close(shop):
    shop.log.append("close:theirs", [OrderCreated(currency="EUR")], expected=ANY)
    shop.log.append("close:Ünï!", [OrderCreated(currency="EUR")], expected=ANY)
    assert closes(shop.log) == []
    with pytest.raises(InvalidSetting, match="of something else"):
        close(shop.log, "theirs", at=END)


def test_it_is_signed_if_a_key_is_given(shop):
    key = generate_key("example.com/shop")
    done = close(shop.log, "2026-06", at=END, key=key)
    signed = read_checkpoint(done.checkpoint.encode())
    assert (signed.size, signed.root) == (done.position, done.root)
    assert checkpoint(shop.log, key).size == done.position + 1


def test_a_name_is_given_once(shop):
    close(shop.log, "2026-06", at=END)
    with pytest.raises(InvalidSetting, match="closed already"):
        close(shop.log, "2026-06", at="2026-06-15")
    assert len(closes(shop.log)) == 1


@pytest.mark.parametrize("name", ["", " ", "-x", "x ", "a\nb", "x" * 300, None, 7])
def test_what_is_no_name_is_refused(shop, name):
    with pytest.raises(InvalidSetting, match="short text"):
        close(shop.log, name, at=END)


def test_a_time_that_has_not_passed_is_not_closed(shop):
    with pytest.raises(InvalidSetting, match="not passed"):
        close(shop.log, "2026-06", at=END, known_at=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(NaiveTime):
        close(shop.log, "2026-06", at=datetime(2026, 6, 30))  # noqa: DTZ001 - that is the point


def test_an_empty_log_and_a_missing_close_are_said(shop, tmp_path):
    with open_log(tmp_path / "empty", create=True) as empty, pytest.raises(InvalidSetting, match="empty"):
        close(empty, "2026-06", at=END)
    with pytest.raises(NoSuchClose, match="nothing was closed yet"):
        closed(shop.log, "2026-06")
    close(shop.log, "2026-06", at=END)
    with pytest.raises(NoSuchClose, match="'2026-06'"):
        check_close(shop.log, "2026-07")
    for wrong in ("much", "-1%", "1e3", ""):
        with pytest.raises(InvalidSetting, match="tolerance"):
            check_close(shop.log, "2026-06", tolerance=wrong)
