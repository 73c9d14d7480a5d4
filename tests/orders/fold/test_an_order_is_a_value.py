import copy
import dataclasses
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.errors import NaiveTime, UnknownEventType
from orders_es.orders import (
    AsOf,
    Happened,
    ItemAdded,
    ItemReturned,
    OrderCreated,
    OrderPlaced,
    PaymentFailed,
    PaymentReceived,
    RefundIssued,
    fold,
    initial_state,
)

NOON = datetime(2011, 6, 3, 12, tzinfo=UTC)


def order_of(*events, order_id="A-1"):
    return fold([Happened(event, NOON, n, n) for n, event in enumerate(events, 1)], initial_state(order_id))


CREATED = OrderCreated(currency="GBP")
MUGS = ItemAdded(item_id="mug", quantity=3, price=Decimal("2.55"), description="A mug")


def test_an_order_survives_pickle_and_copy():
    order = order_of(CREATED, MUGS, OrderPlaced())
    assert pickle.loads(pickle.dumps(order)) == order
    assert copy.deepcopy(order) == order
    assert hash(pickle.loads(pickle.dumps(order))) == hash(order)


def test_an_order_cannot_be_changed():
    order = order_of(CREATED, MUGS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        order.paid = Decimal(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        order.lines[0].added = 1


def test_folding_on_leaves_the_earlier_order_as_it_was():
    before = order_of(CREATED, MUGS)
    kept = pickle.dumps(before)
    fold([Happened(MUGS, NOON, 3)], before)
    assert pickle.loads(kept) == before


def test_the_question_asked_takes_no_part_in_comparisons_but_shows():
    order = order_of(CREATED)
    asked = dataclasses.replace(order, as_of=AsOf(at=NOON, known_at=NOON))
    assert asked == order
    assert repr(asked).endswith("(at 2011-06-03 12:00 UTC, as known at 2011-06-03 12:00 UTC)>")


def test_repr_is_one_line():
    order = order_of(CREATED, MUGS, OrderPlaced(), order_id="two\nlines")
    assert "\n" not in repr(order)
    assert "total 7.65 GBP" in repr(order)


def test_html_is_escaped_and_capped():
    many = [ItemAdded(item_id=f"<b>{n}", quantity=1, price=Decimal(1), description="<script>") for n in range(60)]
    html = order_of(CREATED, *many, order_id="<script>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert html.count("<tr>") == 1 + 50
    assert "and 10 more lines" in html


def test_html_says_nothing_of_further_lines_where_all_are_shown():
    html = order_of(*(ItemAdded(item_id=str(n), quantity=1, price=Decimal(1)) for n in range(50)))._repr_html_()
    assert html.count("<tr>") == 1 + 50


def test_as_dict_shows_computed_figures_and_nothing_private():
    shown = order_of(CREATED, MUGS).as_dict()
    assert (shown["total"], shown["status"], shown["item_count"], shown["line_count"]) == (
        Decimal("7.65"),
        "created",
        3,
        1,
    )
    assert shown["lines"][0]["amount"] == Decimal("7.65")
    assert not any(name.startswith("_") for name in (*shown, *shown["lines"][0]))


def test_an_event_of_another_domain_is_refused():
    with pytest.raises(UnknownEventType, match="'timedelta'"):
        order_of(CREATED, timedelta(1))


def test_a_naive_moment_is_refused():
    with pytest.raises(NaiveTime, match="occurred_at"):
        Happened(CREATED, datetime(2011, 6, 3), 1)  # noqa: DTZ001 - the point of the test


def test_an_item_only_returned_counts_below_zero():
    order = order_of(CREATED, ItemReturned(item_id="mug", quantity=5, price=Decimal("2.55")))
    assert (order.item_count, order.total, order.status) == (-5, Decimal("-12.75"), "created")


def test_sums_stay_exact_beyond_the_default_precision():
    huge = ItemAdded(item_id="mug", quantity=2**63 - 1, price=Decimal("99999999999999.9999"))
    order = order_of(CREATED, huge, huge, ItemAdded(item_id="cup", quantity=1, price=Decimal("0.0001")))
    digits = "".join(map(str, order.gross.as_tuple().digits))
    assert int(digits) == 2 * (2**63 - 1) * (10**18 - 1) + 1


def pay(amount):
    return PaymentReceived(amount=Decimal(amount))


def refund(amount):
    return RefundIssued(amount=Decimal(amount))


FAILED = PaymentFailed(amount=Decimal(1))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([CREATED], "nothing_due"),
        ([MUGS], "unpaid"),
        ([MUGS, FAILED], "failed"),
        ([MUGS, pay(1)], "part_paid"),
        ([MUGS, FAILED, pay("7.65")], "paid"),
        ([MUGS, pay(8)], "overpaid"),
        ([MUGS, pay(8), refund("0.35")], "paid"),
        ([MUGS, pay(8), refund(8)], "refunded"),
    ],
)
def test_payment_status(events, expected):
    assert order_of(*events).payment_status == expected
