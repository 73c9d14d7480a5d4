"""The command `show`: one order, now or at any moment."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.answers import evidence_of
from orders_es.cli.options import (
    as_json,
    domains,
    evidence_option,
    existing_log,
    log_option,
    moments,
    order_argument,
)
from orders_es.cli.order_lookup import check_version, order_lookup
from orders_es.cli.order_text import claim_of, order_text, plain_state, question_text, state_text
from orders_es.cli.output import print_json, print_text

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from orders_es.decider import Decider
    from orders_es.log import EventLog

__all__ = ["domain_of_stream", "show"]


@click.command(short_help="One order, now or at any moment.")
@order_argument
@moments
@click.option(
    "--version", metavar="N", type=click.IntRange(min=1), help="Only the order's first N events, as they were recorded."
)
@evidence_option
@log_option()
@as_json
def show(
    order: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    version: int | None,
    evidence: str | None,
    log: str,
    as_json: bool,
) -> None:
    """One order: its status, lines, money and moments, now or at any moment.

    --at asks what had happened by then, as we know it today. --known-at asks what was known by then: entered, as its source
    says, or recorded where no source says. --recorded-by asks what this log itself had recorded by then. --at and --known-at
    together ask what somebody who looked at that moment would have seen. Both include the moment itself.

    Where its source says when it learned of the order's events, that is shown as what it is, a claim of the source.

    A stream of another domain, which an installed package offers or --domain names, is shown with the fields of its state.

    --evidence writes the order's row of `orders`, or of another domain the events, as query, moments, root and control totals,
    for orders-es export check.

    A time such as '2026-06-03 15:00' is read in --tz; a bare date means the END of that day; an offset or Z always
    counts. The answer repeats the instant.

    \b
    Example:
      orders-es show 536365 --log my-log
      orders-es show S-000201 --at 2025-07-03 --known-at '2025-07-03 15:00' --tz Europe/London --log tour
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.orders import ORDERS, AsOf
    from orders_es.replay import load_order, load_state

    asked: dict[str, Any] = {"at": at, "known_at": known_at, "recorded_by": recorded_by, "version": version}
    with existing_log(log) as opened, order_lookup(opened, order):
        check_version(opened, order, version)
        domain = domain_of_stream(opened, order)
        position = (
            None if evidence is None else evidence_of(opened, order, evidence, tz=tz, state=domain is ORDERS, **asked)
        )
        if domain is not ORDERS:
            state = load_state(opened, order, domain, position=position, **asked)
            if as_json:
                print_json({"as_of": asked, "domain": domain.name, "stream_id": order, "state": plain_state(state)})
            else:
                print_text(state_text(order, domain.name, state, question_text(**asked, zone=tz)))
            return
        found = load_order(opened, order, position=position, **asked)
        limits = AsOf(position=position, **asked)
        claim = claim_of(opened.load(order, to_version=version), limits) if opened.may_have_entered else None
    if as_json:
        entered = None if claim is None else asdict(claim)
        print_json({"as_of": asked, "order": found.as_dict(), "entered": entered})
    else:
        print_text(order_text(found, question_text(**asked, zone=tz), tz, claim=claim))


def domain_of_stream(log: EventLog, stream_id: str) -> Decider[Any]:
    """The domain of a stream, by its first event; that of orders where it is nobody's."""
    from orders_es.domains import domain_of
    from orders_es.orders import ORDERS

    first = log.load(stream_id, to_version=1)
    return (domain_of(domains(), first[0]) if first else None) or ORDERS
