"""The commands `ask …`: what auditors ask of a log, one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.answers import json_rows, print_csv, print_rows, print_table, write_evidence, write_parquet
from orders_es.cli.options import (
    as_json,
    duration,
    evidence_option,
    existing_log,
    log_option,
    moments,
    order_argument,
    read_model_folders,
)
from orders_es.cli.order_text import question_text
from orders_es.cli.output import count, print_json, print_text, printable, tell_notes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    import pyarrow as pa

    from orders_es.replay import Answer

__all__ = ["ask"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@click.group(short_help="What auditors ask: who did what, what came late, what does not add up.")
def ask() -> None:
    """Questions of auditors, one call each, at any moment.

    `order` and `actor` look something up. The others look for what needs an explanation: exit code 0 if there is nothing of
    the kind, 1 if there is.
    """


def _options(command: _Command) -> _Command:
    """What every question takes: the moment, the log, and the forms of the answer."""
    for option in (
        as_json,
        log_option(),
        click.option(
            "--parquet", metavar="OUT", type=click.Path(dir_okay=False), help="Write the rows to this Parquet file."
        ),
        evidence_option,
        click.option(
            "--plain", is_flag=True, help="In CSV, leave text as it is that a spreadsheet would take for a formula."
        ),
        click.option("--csv", "as_csv", is_flag=True, help="Print CSV in UTF-8: money as digits, times in UTC with Z."),
        moments,
    ):
        command = option(command)
    return command


_currency = click.option("--currency", metavar="CODE", help="Only orders in this currency.")


def _tell(
    question: Callable[..., Answer],
    form: dict[str, Any],
    *parameters: Any,
    looks_up: bool = False,
    sums: Callable[[Answer], pa.Table] | None = None,
    **more: Any,
) -> None:
    """Put a question and print what it found.

    Args:
        question: A function of `orders_es.audit.questions`.
        form: What `_options` took.
        parameters: What the question takes beside the session.
        looks_up: Whether to find something is no bad news.
        sums: What sums up the rows, shown before them.
        more: The same, by name.
    """
    from orders_es.replay import connect

    at, known_at, recorded_by, tz = form["at"], form["known_at"], form["recorded_by"], form["tz"]
    if form["plain"] and not form["as_csv"]:
        raise click.UsageError("--plain is about CSV; add --csv")
    if form["as_csv"] + form["as_json"] + (form["parquet"] is not None) > 1:
        raise click.UsageError("--csv, --json and --parquet are three forms of one answer; give one of them")
    for given in (*parameters, *more.values()):
        _check_text(given)
    with (
        existing_log(form["log"]) as opened,
        connect(opened, read_models=read_model_folders(None), tz=tz, recorded_by=recorded_by) as session,
    ):
        answer = question(session, *parameters, at=at, known_at=known_at, **more)
        if form["evidence"] is not None:
            write_evidence(session, answer, form["evidence"], as_csv=form["as_csv"], plain=form["plain"])
        if form["parquet"] is not None:
            write_parquet(session, answer.query, form["parquet"], at=at, known_at=known_at)
    tell_notes(answer.notes)
    _print(answer, form, sums)
    if len(answer) and not looks_up:
        click.get_current_context().exit(1)


def _print(answer: Answer, form: dict[str, Any], sums: Callable[[Answer], pa.Table] | None) -> None:
    """The answer in the form that was asked for."""
    at, known_at, recorded_by, tz = form["at"], form["known_at"], form["recorded_by"], form["tz"]
    found = f"{len(answer):,} found" if len(answer) else "nothing found"
    if form["as_csv"]:
        print_csv(answer, guard=not form["plain"])
    elif form["as_json"]:
        names, rows = json_rows(answer)
        asked = {
            "question": answer.question,
            "as_of": {"at": at, "known_at": known_at, "recorded_by": recorded_by},
            "found": len(answer),
        }
        summed = {} if sums is None else {"by_month": sums(answer).to_pylist()}
        print_json({**asked, "notes": list(answer.notes), **summed, "columns": names, "rows": rows})
    elif form["parquet"] is not None:
        print_text(
            f"{found}: {printable(answer.question)}; {count(len(answer), 'row')} in {printable(form['parquet'])}"
        )
    else:
        print_text(f"{found}: {printable(answer.question)}")
        if len(answer):
            if sums is not None:
                print_table(sums(answer), tz)
                print_text("")
            print_rows(answer, question_text(at=at, known_at=known_at, recorded_by=recorded_by, zone=tz), tz)


def _check_text(given: Any) -> None:
    """Refuse what a shell handed over that is no text."""
    try:
        "".join(given if isinstance(given, tuple) else [given] if isinstance(given, str) else []).encode()
    except UnicodeEncodeError:
        raise click.UsageError(f"{given!r} is not text in UTF-8") from None


@ask.command("order", short_help="Who changed an order and when, with what led to what.")
@order_argument
@_options
def order(order: str, **form: Any) -> None:
    """Who changed ORDER and when: its events, each under the one that caused it, with causes in other streams.

    \b
    Example:
      orders-es ask order S-000201 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.order_changes, form, order, looks_up=True)


@ask.command("actor", short_help="Everything that one actor did.")
@click.argument("actor", metavar="ACTOR")
@_options
def actor(actor: str, **form: Any) -> None:
    """Everything that ACTOR did, in the order in which it was recorded.

    \b
    Example:
      orders-es ask actor "service desk" --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.actor_events, form, actor, looks_up=True)


@ask.command("late", short_help="What was entered long after it happened.")
@click.option(
    "--longer-than",
    metavar="LENGTH",
    default="1d",
    show_default=True,
    callback=duration,
    help="How long after: 90s, 15m, 1h, 7d.",
)
@_options
def late(longer_than: timedelta, **form: Any) -> None:
    """Events that were recorded later than so long after they happened. Estimated times are left out.

    \b
    Example:
      orders-es ask late --longer-than 2d --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.late_entries, form, longer_than=longer_than)


@ask.command("backdated", short_help="What moved figures that had been reported.")
@click.option(
    "--at-least",
    metavar="AMOUNT",
    default="0",
    show_default=True,
    help="Only events that moved a figure by so much, up or down.",
)
@_currency
@_options
def backdated(at_least: str, currency: str | None, **form: Any) -> None:
    """Events that moved a figure of a day after it was first known: which, by how much, and by whom, the largest first.

    Before them, one line for each month, currency and actor. Days begin where --tz says.

    \b
    Example:
      orders-es ask backdated --at-least 500 --tz Europe/London --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    sums = questions.backdated_by_month
    _tell(questions.backdated, form, sums=sums, at_least=at_least, currency=currency)


@ask.command("after-delivery", short_help="What changed after an order was delivered.")
@_options
def after_delivery(**form: Any) -> None:
    """Events of an order that happened, or were entered, after its first delivery.

    \b
    Example:
      orders-es ask after-delivery --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.after_delivery, form)


@ask.command("after-close", short_help="What came in for a time that had been closed.")
@click.argument("name", metavar="NAME")
@_options
def after_close(name: str, **form: Any) -> None:
    """Events that belong to the time closed as NAME and were recorded after that.

    \b
    Example:
      orders-es ask after-close 2026-06 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.after_close, form, name)


@ask.command("gaps", short_help="When nothing happened for long.")
@click.option(
    "--longer-than",
    metavar="LENGTH",
    default="1d",
    show_default=True,
    callback=duration,
    help="How long: 90s, 15m, 1h, 7d.",
)
@click.option(
    "--clock",
    type=click.Choice(["occurred", "recorded"]),
    default="occurred",
    show_default=True,
    help="Nothing happened, or nothing was recorded.",
)
@_options
def gaps(longer_than: timedelta, clock: str, **form: Any) -> None:
    """Silences longer than so long, the longest first. One that goes on counts up to the moment asked for.

    \b
    Example:
      orders-es ask gaps --longer-than 12h --clock recorded --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.gaps, form, longer_than=longer_than, clock=clock)


@ask.command("rule", short_help="What breaks a rule of yours, given as SQL.")
@click.argument("rule_", metavar="RULE")
@_options
def rule(rule_: str, **form: Any) -> None:
    """Orders that break RULE, a condition over the columns of `orders`; or the rows of RULE, one SELECT of what breaks it.

    \b
    Example:
      orders-es ask rule "discounts <= gross / 2" --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.rule_violations, form, rule_)


@ask.command("unexplained", short_help="Orders whose total is not explained by payments.")
@click.option(
    "--more-than", metavar="AMOUNT", default="0", show_default=True, help="By how much, in the order's currency."
)
@_options
def unexplained(more_than: str, **form: Any) -> None:
    """Orders, placed or paid for, whose payments less refunds do not come to what they cost.

    \b
    Example:
      orders-es ask unexplained --more-than 0.05 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.unexplained_totals, form, more_than=more_than)


@ask.command("twice", short_help="Orders that look as if they were entered twice.")
@click.option(
    "--within",
    metavar="LENGTH",
    default="1d",
    show_default=True,
    callback=duration,
    help="How soon after the other: 90s, 15m, 1h, 7d.",
)
@_options
def twice(within: timedelta, **form: Any) -> None:
    """Orders that look like the same customer's one before, entered again: the same lines, or the same total.

    \b
    Example:
      orders-es ask twice --within 2h --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.double_entries, form, within=within)


@ask.command("round", short_help="Round amounts.")
@click.option("--multiple-of", metavar="AMOUNT", default="100", show_default=True, help="What counts as round.")
@_currency
@_options
def round_(multiple_of: str, currency: str | None, **form: Any) -> None:
    """Payments, refunds, discounts and adjustments that are a multiple of so much.

    \b
    Example:
      orders-es ask round --multiple-of 50 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.round_amounts, form, multiple_of=multiple_of, currency=currency)


@ask.command("below", short_help="Amounts just below a limit.")
@click.argument("limit", metavar="LIMIT")
@click.option("--within", metavar="SHARE", default="5%", show_default=True, help="How near, as a share of the limit.")
@_currency
@_options
def below(limit: str, within: str, currency: str | None, **form: Any) -> None:
    """Payments, refunds, discounts and adjustments just below LIMIT. One that reaches it is not below.

    \b
    Example:
      orders-es ask below 100 --within 10% --currency GBP --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.below_limit, form, limit, within=within, currency=currency)


@ask.command("one-hand", short_help="Orders of which one actor did what several should do.")
@click.option(
    "--step",
    "steps",
    metavar="TYPES",
    multiple=True,
    help="An event type, or several with commas of which one is enough; give two steps or more. Entered, shipped and refunded if left out.",
)
@_options
def one_hand(steps: tuple[str, ...], **form: Any) -> None:
    """Orders of which one actor did every step: entered, shipped and refunded it, or the steps you name.

    \b
    Example:
      orders-es ask one-hand --step OrderPlaced --step RefundIssued --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import questions

    _tell(questions.one_hand, form, steps=steps or questions.STEPS)
