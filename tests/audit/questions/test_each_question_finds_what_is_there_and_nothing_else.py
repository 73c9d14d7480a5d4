from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from orders_es import orders as o
from orders_es.audit import close, questions
from orders_es.errors import InvalidSetting, NoSuchClose, OrderNotFound, QueryError


def june(day, hour=12, minute=0):
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


def column(answer, name):
    return answer.to_arrow()[name].to_pylist()


def opened(customer="C-1", currency="EUR", price="50", quantity=2, item="x"):
    return (
        o.OrderCreated(currency=currency, customer_id=customer),
        o.ItemAdded(item_id=item, quantity=quantity, price=Decimal(price)),
        o.OrderPlaced(),
    )


def paid(amount):
    return o.PaymentReceived(amount=Decimal(amount))


def refund(amount):
    return o.RefundIssued(amount=Decimal(amount))


@pytest.fixture
def plain(book):
    """One order about which there is nothing to ask."""
    book.record("A-1", *opened(price="49.95"), at=june(1))
    book.record("A-1", paid("99.90"), at=june(1, 13), actor="bank")
    book.record("A-1", o.OrderShipped(), at=june(1, 14), actor="warehouse")
    book.record("A-1", o.OrderDelivered(), at=june(1, 20), actor="carrier")
    return book


def test_of_a_plain_log_nothing_is_found_in_a_session_or_the_log_itself(plain):
    asked: list[Any] = [
        questions.late_entries,
        questions.backdated,
        questions.after_delivery,
        questions.gaps,
        questions.unexplained_totals,
        questions.double_entries,
        questions.round_amounts,
        questions.one_hand,
        lambda source: questions.below_limit(source, 1000),
        lambda source: questions.rule_violations(source, "paid = total"),
    ]
    for ask in asked:
        answer = ask(plain.session)
        assert (len(answer), answer.notes) == (0, ()), answer.question
    assert len(questions.round_amounts(plain.log)) == 0


def test_the_changes_of_an_order_stand_under_what_caused_them_also_in_other_streams(book):
    book.record("A-1", *opened(), at=june(1), correlation_id="cart")
    placed = book.log.load("A-1")[-1].event_id
    book.record("B-1", o.OrderCreated(currency="EUR"), at=june(2), causation_id=str(placed), actor="shop")
    elsewhere = book.log.load("B-1")[0].event_id
    book.record("A-1", paid(100), at=june(3), actor="bank", causation_id=str(elsewhere), correlation_id="cart")
    book.record("C-1", *opened(), at=june(3))
    answer = questions.order_changes(book.session, "A-1")
    assert column(answer, "event") == [
        "OrderCreated",
        "ItemAdded",
        "OrderPlaced",
        "└ OrderCreated",
        "  └ PaymentReceived",
    ]
    assert column(answer, "stream_id") == ["A-1", "A-1", "A-1", "B-1", "A-1"]
    assert column(answer, "caused_by")[3:] == [3, 4]
    assert column(answer, "actor") == ["web", "web", "web", "shop", "bank"]
    assert len(questions.order_changes(book.session, "A-1", at=june(2))) == 3


def test_events_that_cause_each_other_in_a_circle_or_themselves_are_all_shown_once(book):
    first, second, third = uuid4(), uuid4(), uuid4()
    for own, cause in ((first, second), (second, first), (third, third)):
        book.record("A-1", paid(1), at=june(1), event_id=own, causation_id=str(cause))
    book.record("A-1", paid(1), at=june(1), causation_id="a command, not an event")
    answer = questions.order_changes(book.session, "A-1")
    assert sorted(column(answer, "position")) == [1, 2, 3, 4]
    assert column(answer, "event") == ["PaymentReceived"] * 4


def test_an_order_that_is_not_there_or_not_yet_is_an_error(plain):
    with pytest.raises(OrderNotFound, match="did you mean A-1"):
        questions.order_changes(plain.session, "a-1")
    with pytest.raises(OrderNotFound, match="nothing of it was known at that moment"):
        questions.order_changes(plain.session, "A-1", at="2026-05-01")


def test_an_actor_did_what_is_recorded_of_him_and_an_unknown_one_is_an_error(plain):
    assert column(questions.actor_events(plain.session, "bank"), "type") == ["PaymentReceived"]
    assert len(questions.actor_events(plain.session, "bank", at="2026-05-01")) == 0
    with pytest.raises(InvalidSetting, match="did you mean bank"):
        questions.actor_events(plain.session, "bnak")
    with pytest.raises(InvalidSetting, match="it names bank, carrier, warehouse, web"):
        questions.actor_events(plain.session, "nobody' OR true --")
    plain.record("A-1", refund(1), at=june(2), actor=None)
    assert column(questions.actor_events(plain.session, None), "type") == ["RefundIssued"]


def test_late_is_later_than_the_limit_and_a_guess_is_neither(plain):
    plain.record("A-2", *opened(), at=june(1, 12), recorded=june(2, 12))
    plain.record("A-3", o.OrderCreated(currency="EUR", time_estimated=True), at=june(1), recorded=june(4))
    plain.record("A-4", o.OrderCreated(currency="EUR"), at=june(2), recorded=june(4))
    answer = questions.late_entries(plain.session)
    assert (column(answer, "stream_id"), column(answer, "hours_late")) == (["A-4"], [48.0])
    assert "1 event with an estimated time" in answer.notes[0]
    assert len(questions.late_entries(plain.session, longer_than=timedelta(hours=23))) == 4
    assert len(questions.late_entries(plain.session, known_at=june(3))) == 0
    plain.record("A-5", *opened(), at=june(1), recorded=june(9), actor="import:table")
    assert "of 3 of them, imported, the source does not say" in questions.late_entries(plain.session).notes[1]
    with pytest.raises(InvalidSetting, match="length of time"):
        questions.late_entries(plain.session, longer_than=timedelta(-1))


@pytest.mark.long
def test_back_dated_events_add_up_to_what_the_restatements_say(plain):
    plain.record("A-2", *opened(currency="GBP", price="10"), at=june(1), recorded=june(1, 21))
    plain.record("A-2", *opened(currency="GBP", price="10")[1:2], at=june(1), recorded=june(3), actor="clerk")
    discount = o.DiscountApplied(amount=Decimal("2.50"))
    plain.record("A-1", discount, paid(7), refund(4), at=june(1), recorded=june(4), actor="clerk")
    answer = questions.backdated(plain.session)
    large = questions.backdated(plain.session, at_least=7)
    assert column(large, "moved_by") == [7, 20, 20]
    assert large.notes == ("3 moves that are smaller left out; together they may come to more",)
    assert column(questions.backdated(plain.log, at_least="2.50", currency="GBP"), "figure") == ["gross", "net"]
    names = ("month", "currency", "actor", "events", "orders", "gross", "discounts", "net", "payments")
    assert questions.backdated_by_month(answer).select(names).to_pylist() == [
        dict(zip(names, row, strict=True))
        for row in (
            ("2026-06", "EUR", "clerk", 3, 1, 0, Decimal("2.50"), Decimal("-2.50"), 7),
            ("2026-06", "GBP", "clerk", 1, 1, 20, 0, 20, 0),
        )
    ]
    found = list(zip(*(column(answer, name) for name in ("currency", "figure", "moved_by", "actor")), strict=True))
    assert found == [
        ("EUR", "payments", Decimal(7), "clerk"),
        ("EUR", "refunds", Decimal(4), "clerk"),
        ("EUR", "discounts", Decimal("2.50"), "clerk"),
        ("EUR", "net", Decimal("-2.50"), "clerk"),
        ("GBP", "gross", Decimal(20), "clerk"),
        ("GBP", "net", Decimal(20), "clerk"),
    ]
    stated = plain.session.sql(
        "SELECT currency, figure, moved FROM (UNPIVOT (SELECT currency, gross_change AS gross, discounts_change AS discounts, "
        "returns_change AS returns, net_change AS net, payments_change AS payments, refunds_change AS refunds FROM restatements) "
        "ON gross, discounts, returns, net, payments, refunds INTO NAME figure VALUE moved) WHERE moved <> 0 ORDER BY ALL"
    ).rows()
    assert sorted(row[:3] for row in found) == stated
    assert len(questions.backdated(plain.session, known_at=june(2))) == 0


def test_after_delivery_is_what_happened_or_was_entered_later(plain):
    plain.record("A-1", o.DiscountApplied(amount=Decimal(1)), at=june(1, 15), recorded=june(2))
    plain.record("A-1", refund(1), at=june(3))
    plain.record("A-1", o.AdjustmentRecorded(amount=Decimal(1), reason="?", time_estimated=True), at=june(3))
    answer = questions.after_delivery(plain.session)
    assert column(answer, "type") == ["DiscountApplied", "RefundIssued", "AdjustmentRecorded"]
    assert column(answer, "happened_after") == [False, True, None]
    assert column(answer, "entered_after") == [True, True, True]


def test_after_a_close_is_what_came_in_for_the_closed_time(plain):
    plain.now = june(10)
    close(plain.log, "early", at=june(5))
    assert len(questions.after_close(plain.session, "early")) == 0
    plain.record("A-1", refund(1), at=june(4), recorded=june(11), actor="clerk")
    plain.record("A-1", refund(2), at=june(11))
    answer = questions.after_close(plain.session, "early")
    assert (column(answer, "amount"), column(answer, "actor")) == ([Decimal(1)], ["clerk"])
    with pytest.raises(NoSuchClose):
        questions.after_close(plain.session, "late")


def test_a_gap_is_a_silence_on_one_of_the_clocks_and_goes_on_until_the_moment_asked_for(plain):
    plain.record("A-2", *opened(), at=june(1, 22), recorded=june(5))
    plain.record("A-3", o.OrderCreated(currency="EUR", time_estimated=True), at=june(20), recorded=june(5))
    assert len(questions.gaps(plain.session)) == 0
    recorded = questions.gaps(plain.session, clock="recorded")
    assert (column(recorded, "hours"), column(recorded, "silent_until")) == ([88.0], [june(5)])
    going_on = questions.gaps(plain.session, at=june(4))
    assert (column(going_on, "hours"), column(going_on, "position_after")) == ([62.0], [None])
    with pytest.raises(InvalidSetting, match="occurred or recorded"):
        questions.gaps(plain.session, clock="both")  # type: ignore[arg-type]


@pytest.mark.long
def test_a_rule_that_is_broken_or_unknown_is_found(plain):
    plain.record("A-2", o.OrderCreated(currency="EUR"), at=june(1, 21))
    answer = questions.rule_violations(plain.session, "customer_id = 'C-2' -- mine")
    assert (column(answer, "order_id"), column(answer, "rule")) == (["A-1", "A-2"], ["broken", "unknown"])
    answer = questions.rule_violations(plain.session, "-- those\nSELECT order_id FROM orders WHERE paid < 1;")
    assert answer.rows() == [("A-2",)]
    with pytest.raises(InvalidSetting, match="true or false"):
        questions.rule_violations(plain.session, "total")
    for rule in ("nonsense > 1", "(SELECT", "SELECT 1; DROP TABLE events", "exists(FROM read_csv('/etc/passwd'))"):
        with pytest.raises(QueryError):
            questions.rule_violations(plain.session, rule)


def test_a_total_is_unexplained_by_too_little_or_too_much(plain):
    plain.record("A-2", *opened(currency="GBP"), paid("99.96"), at=june(1, 21))
    plain.record("A-3", *opened(), paid("150"), refund(20), at=june(1, 21))
    plain.record("A-4", *opened(), o.OrderCancelled(reason="?"), at=june(1, 21))
    answer = questions.unexplained_totals(plain.session)
    assert (column(answer, "order_id"), column(answer, "balance")) == (["A-3", "A-2"], [Decimal(-30), Decimal("0.04")])
    assert column(questions.unexplained_totals(plain.session, more_than="0.04"), "order_id") == ["A-3"]
    assert answer.notes == ()
    assert "no payments by then" in questions.unexplained_totals(plain.session, at=june(1)).notes[0]
    for wrong in (-1, 0.5, "much", "NaN", "0.00001"):
        with pytest.raises(InvalidSetting):
            questions.unexplained_totals(plain.session, more_than=wrong)  # type: ignore[arg-type]


def test_an_order_entered_twice_has_the_customer_and_the_lines_or_the_total_of_the_other(plain):
    plain.record("A-2", *opened(price="49.95"), at=june(1, 21))
    plain.record("A-3", *opened(price="99.90", quantity=1, item="y"), at=june(1, 22))
    plain.record("A-4", *opened(price="49.95", customer="C-2"), at=june(1, 22))
    plain.record("A-5", *opened(price="49.95", currency="GBP"), at=june(1, 22))
    plain.record("A-6", *opened(price="49.95"), at=june(4))
    answer = questions.double_entries(plain.session)
    found = list(zip(*(column(answer, name) for name in ("order_id", "again_as", "same", "hours_apart")), strict=True))
    assert found == [("A-1", "A-2", "lines and total", 9.0), ("A-2", "A-3", "total", 1.0)]
    assert column(questions.double_entries(plain.session, within=timedelta(hours=2)), "again_as") == ["A-3"]
    assert answer.notes == ()
    guessed = (*opened(price="49.95")[:2], o.OrderPlaced(time_estimated=True))
    plain.record("A-7", *guessed, at=june(4, 13))
    answer = questions.double_entries(plain.session)
    assert "A-7" not in column(answer, "again_as")
    assert answer.notes == ("1 order with an estimated time left out: a guess is in no length of time",)
    plain.record("A-8", *opened(customer=None), at=june(4, 13))
    assert "1 order that names no customer left out" in questions.double_entries(plain.session).notes[1]


def test_amounts_are_round_or_just_below_a_limit_each_in_its_currency(plain):
    plain.record("A-2", *opened(currency="GBP"), paid(300), at=june(1, 21))
    plain.record("A-1", refund(200), paid("1000"), at=june(1, 21))
    assert column(questions.round_amounts(plain.session), "amount") == [Decimal(1000), Decimal(200), Decimal(300)]
    assert column(questions.round_amounts(plain.session, currency="GBP"), "stream_id") == ["A-2"]
    below = questions.below_limit(plain.session, 1000, within="70%")
    assert column(below, "amount") == [Decimal(300)]
    assert column(questions.below_limit(plain.session, "100"), "amount") == [Decimal("99.90")]
    with pytest.raises(InvalidSetting, match="share"):
        questions.below_limit(plain.session, 100, within="NaN")
    with pytest.raises(InvalidSetting, match="share"):
        questions.below_limit(plain.session, 100, within="0.12345678901")
    with pytest.raises(InvalidSetting, match="above zero"):
        questions.round_amounts(plain.session, multiple_of=0)


def test_one_hand_did_every_step(plain):
    plain.record("A-2", *opened(), o.OrderShipped(), at=june(1, 21), actor="clerk")
    plain.record("A-2", refund(5), at=june(2), actor="clerk")
    plain.record("A-3", *opened(), o.OrderShipped(), at=june(1, 21), actor="clerk")
    plain.record("A-3", refund(5), at=june(2), actor="other")
    answer = questions.one_hand(plain.session)
    assert [row[:3] for row in answer.rows()] == [
        ("A-2", "clerk", "OrderCreated, OrderPlaced, OrderShipped, RefundIssued"),
    ]
    two = questions.one_hand(plain.session, steps=["OrderPlaced", "OrderShipped"])
    assert column(two, "order_id") == ["A-2", "A-3"]
    with pytest.raises(InvalidSetting, match="RefundIssued"):
        questions.one_hand(plain.session, steps=["OrderPlaced", "RefundIssue"])
    with pytest.raises(InvalidSetting, match="two steps"):
        questions.one_hand(plain.session, steps=["OrderPlaced"])
