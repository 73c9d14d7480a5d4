"""The table macros `ask_…` give, at any moment, the rows of the functions of the same names."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner

from orders_es import orders as o
from orders_es.audit import close, questions
from orders_es.audit.questions.rules import rule_query
from orders_es.cli import main
from orders_es.errors import QueryError
from orders_es.read_models.questions import QUESTIONS
from orders_es.replay import Answer, connect
from orders_es.replay.catalog import write_catalog
from tests.audit.questions.conftest import june

DUTIES = "ask_one_hand(duties := [['OrderPlaced'], ['OrderShipped', 'RefundIssued']])"
PAIRS: dict[str, Callable[..., Answer]] = {
    "ask_order_changes('A-1')": lambda s, **k: questions.order_changes(s, "A-1", **k),
    "ask_actor_events('clerk')": lambda s, **k: questions.actor_events(s, "clerk", **k),
    "ask_actor_events(NULL)": lambda s, **k: questions.actor_events(s, None, **k),
    "ask_late_entries()": questions.late_entries,
    "ask_late_entries(longer_than := INTERVAL 36 HOUR)": lambda s, **k: questions.late_entries(
        s, longer_than=timedelta(hours=36), **k
    ),
    "ask_backdated()": questions.backdated,
    "ask_backdated(at_least := 5, in_currency := 'EUR')": lambda s, **k: questions.backdated(
        s, at_least=5, currency="EUR", **k
    ),
    "ask_after_delivery()": questions.after_delivery,
    "ask_gaps()": questions.gaps,
    "ask_gaps(longer_than := INTERVAL 1 HOUR, clock := 'recorded')": lambda s, **k: questions.gaps(
        s, longer_than=timedelta(hours=1), clock="recorded", **k
    ),
    "ask_unexplained_totals()": questions.unexplained_totals,
    "ask_unexplained_totals(more_than := 4.5)": lambda s, **k: questions.unexplained_totals(s, more_than="4.5", **k),
    "ask_double_entries(within := INTERVAL 9 DAY)": lambda s, **k: questions.double_entries(
        s, within=timedelta(days=9), **k
    ),
    "ask_round_amounts()": questions.round_amounts,
    "ask_round_amounts(multiple_of := 5, in_currency := 'EUR')": lambda s, **k: questions.round_amounts(
        s, multiple_of=5, currency="EUR", **k
    ),
    "ask_below_limit(101)": lambda s, **k: questions.below_limit(s, 101, **k),
    "ask_below_limit(1000, within := 0.95, in_currency := 'GBP')": lambda s, **k: questions.below_limit(
        s, 1000, within="95%", currency="GBP", **k
    ),
    "ask_one_hand()": questions.one_hand,
    DUTIES: lambda s, **k: questions.one_hand(s, steps=["OrderPlaced", "OrderShipped,RefundIssued"], **k),
}


def opened(**more):
    return (
        o.OrderCreated(**{"currency": "EUR", "customer_id": "C-1", **more}),
        o.ItemAdded(item_id="x", quantity=2, price=Decimal(50)),
        o.OrderPlaced(),
    )


@pytest.fixture
def odd(book):
    """A log about which every question has an answer."""
    book.record("A-1", *opened(), at=june(1), actor="clerk")
    book.record("A-1", o.OrderShipped(), o.OrderDelivered(), at=june(2), actor="clerk")
    book.record("A-2", *opened(), at=june(3), actor=None)
    book.record("A-1", o.PaymentReceived(amount=Decimal(100)), at=june(2), recorded=june(5), actor="bank")
    book.record("A-1", o.RefundIssued(amount=Decimal(100)), at=june(6), actor="clerk")
    book.record("B-1", *opened(currency="GBP"), at=june(6))
    book.record("B-1", o.PaymentReceived(amount=Decimal(300)), at=june(4), recorded=june(9), actor="bank")
    book.record("A-1", o.AdjustmentRecorded(amount=Decimal(-5)), at=june(1), recorded=june(9), actor="clerk")
    return book


@pytest.mark.long
def test_a_macro_gives_the_rows_of_its_function_at_any_moment(odd):
    assert {sql.partition("(")[0] for sql in PAIRS} == QUESTIONS.keys() - {"ask_after_close"}
    for sql, ask in PAIRS.items():
        found = []
        for moment in ({}, {"at": june(5)}, {"known_at": june(7)}):
            said = odd.session.sql(f"FROM {sql}", **moment).to_arrow()
            assert said.equals(ask(odd.session, **moment).to_arrow()), (sql, moment)
            found.append(len(said))
        assert any(found), f"{sql} found nothing, so this shows nothing"


def test_what_came_in_after_a_close_is_found_once_the_close_is_known(odd):
    close(odd.log, "first week", at=june(7), known_at=june(7), closed_by="Zoë")
    said = odd.session.sql("FROM ask_after_close('first week')").to_arrow()
    assert len(said) == 2
    assert said.equals(questions.after_close(odd.session, "first week").to_arrow())
    for ask in (
        {"query": "FROM ask_after_close('week')"},
        {"query": "FROM ask_after_close('first week')", "at": june(7)},
    ):
        with pytest.raises(QueryError, match=r"there is no close '(first )?week' as of this moment"):
            odd.session.sql(**ask)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "wrong",
    [
        "ask_one_hand(duties := [['OrderPlaced'], ['RefundIssue']])",
        "ask_one_hand(duties := [['OrderPlaced']])",
        "ask_gaps(clock := 'both')",
        "ask_round_amounts(multiple_of := 0)",
        "ask_late_entries(longer_than := 5)",
    ],
)
def test_an_argument_that_is_none_is_an_error_and_no_empty_answer(odd, wrong):
    with pytest.raises(QueryError):
        odd.session.sql(f"FROM {wrong}")


@pytest.mark.long
def test_macros_can_be_joined_and_are_in_the_file_for_plain_clients(odd, tmp_path):
    import duckdb

    query = "SELECT count(*) FROM ask_actor_events('clerk') SEMI JOIN ask_after_delivery() USING (position)"
    write_catalog(odd.log, tmp_path / "orders.duckdb")
    with duckdb.connect(str(tmp_path / "orders.duckdb"), read_only=True) as plain, connect(odd.log) as session:
        assert session.sql(query).rows() == plain.execute(query).fetchall() == [(2,)]


SHELL = {
    "ask_order_changes('A-1')": ["order", "A-1"],
    "ask_actor_events('clerk')": ["actor", "clerk"],
    "ask_late_entries()": ["late"],
    "ask_late_entries(longer_than := INTERVAL 36 HOUR)": ["late", "--longer-than", "36h"],
    "ask_backdated()": ["backdated"],
    "ask_backdated(at_least := 5, in_currency := 'EUR')": ["backdated", "--at-least", "5", "--currency", "EUR"],
    "ask_after_delivery()": ["after-delivery"],
    "ask_gaps()": ["gaps"],
    "ask_unexplained_totals()": ["unexplained"],
    "ask_double_entries(within := INTERVAL 9 DAY)": ["twice", "--within", "9d"],
    "ask_round_amounts()": ["round"],
    "ask_below_limit(101)": ["below", "101"],
    "ask_one_hand()": ["one-hand"],
}


@pytest.mark.long
def test_the_shell_gives_the_same_rows_as_the_macro_and_the_function(odd):
    place = odd.log.url
    for sql, arguments in SHELL.items():
        for moment, options in (({}, []), ({"at": june(5)}, ["--at", june(5).isoformat()])):
            asked = CliRunner().invoke(main, ["ask", *arguments, *options, "--json", "--log", place])
            told = CliRunner().invoke(main, ["sql", f"FROM {sql}", *options, "--json", "--log", place])
            assert told.exit_code == 0, told.stderr
            assert json.loads(asked.stdout)["rows"] == json.loads(told.stdout)["rows"], (sql, moment)
            assert json.loads(asked.stdout)["found"] == len(PAIRS[sql](odd.session, **moment))
    assert {sql.partition("(")[0] for sql in SHELL} == QUESTIONS.keys() - {"ask_after_close"}


def three_ways(odd, arguments, sql, answer):
    """What the shell says to the question, once `sql` and the function are seen to say the same."""
    asked = json.loads(CliRunner().invoke(main, ["ask", *arguments, "--json", "--log", odd.log.url]).stdout)
    told = json.loads(CliRunner().invoke(main, ["sql", sql, "--json", "--log", odd.log.url]).stdout)
    assert asked["rows"] == told["rows"]
    assert odd.session.sql(sql).to_arrow().equals(answer.to_arrow())
    assert asked["found"] == len(answer)
    return asked["rows"]


@pytest.mark.long
def test_a_close_and_a_rule_are_asked_about_alike_in_all_three(odd):
    close(odd.log, "first week", at=june(7), known_at=june(7), closed_by="Zoë")
    after = questions.after_close(odd.session, "first week")
    found = three_ways(odd, ["after-close", "first week"], "FROM ask_after_close('first week')", after)
    assert [row["type"] for row in found] == ["PaymentReceived", "AdjustmentRecorded"]
    for rule in ("paid <= total", "SELECT order_id FROM orders WHERE paid > total ORDER BY order_id"):
        found = three_ways(
            odd, ["rule", rule], rule_query(odd.session, rule), questions.rule_violations(odd.session, rule)
        )
        assert [row["order_id"] for row in found] == ["A-1", "B-1"]
