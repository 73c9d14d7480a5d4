"""Questions about money: totals that payments do not explain, orders entered twice, and amounts that look made up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from orders_es.audit.questions.answering import amount, ask, micros, of_currency, words
from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer, Session

__all__ = ["below_limit", "double_entries", "round_amounts", "unexplained_totals"]

_DAY = timedelta(days=1)


def unexplained_totals(
    source: EventLog | Session,
    *,
    more_than: Decimal | int | str = 0,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Orders, placed or paid for, whose payments less refunds do not come to what they cost: too little, too much, or nothing.

    Args:
        source: A log, or a session.
        more_than: By how much, in each order's own currency.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The amount is none.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> mug = ItemAdded(item_id="mug", quantity=1, price=Decimal(9))
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), mug, OrderPlaced()], expected=NO_STREAM)
        >>> len(unexplained_totals(log))
        1
    """
    least = amount("more_than", more_than, zero=True)
    beyond = f" by more than {least.normalize():f}" if least else ""
    question = f"orders whose total is not explained by payments{beyond}"
    return ask(
        source,
        "unexplained_totals",
        question,
        {"more_than": least},
        at=at,
        known_at=known_at,
        recorded_by=recorded_by,
        says_more=True,
    )


def double_entries(
    source: EventLog | Session,
    *,
    within: timedelta = _DAY,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Orders that look like the same customer's one before, entered again: the same lines, or the same total in one currency.

    Args:
        source: A log, or a session.
        within: How soon after the other.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The length is none.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> mug = ItemAdded(item_id="mug", quantity=1, price=Decimal(9))
        >>> twice = [OrderCreated(currency="EUR", customer_id="C-1"), mug, OrderPlaced()]
        >>> for order in ("A-1", "A-2"):
        ...     _ = log.append(order, twice, expected=NO_STREAM)
        >>> len(double_entries(log))
        1
    """
    asked = {"within": micros("within", within)}
    question = f"orders like the same customer's one before, within {words(within)}"
    return ask(
        source,
        "double_entries",
        question,
        asked,
        at=at,
        known_at=known_at,
        recorded_by=recorded_by,
        says_more=True,
    )


def round_amounts(
    source: EventLog | Session,
    *,
    multiple_of: Decimal | int | str = 100,
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Payments, refunds, discounts and adjustments of a round amount.

    Args:
        source: A log, or a session.
        multiple_of: What counts as round: multiples of this.
        currency: Only orders in this currency; those of all if left out.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The amount is none.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced, PaymentReceived
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced(), PaymentReceived(amount=Decimal(4900))], expected=NO_STREAM)
        >>> round_amounts(log).to_arrow()["amount"].to_pylist()
        [Decimal('4900.0000')]
    """
    step = amount("multiple_of", multiple_of)
    question = f"amounts that are multiples of {step.normalize():f}{of_currency(currency)}"
    return _amounts(source, question, {"multiple_of": step}, currency, at, known_at, recorded_by)


def below_limit(
    source: EventLog | Session,
    limit: Decimal | int | str,
    *,
    within: Decimal | str = "5%",
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Payments, refunds, discounts and adjustments that stay just below a limit, such as one above which somebody has to sign.

    Args:
        source: A log, or a session.
        limit: The limit. An amount that reaches it is not below it.
        within: How near is near, as a share of the limit: `5%` or `0.05`.
        currency: Only orders in this currency, as a limit is in one; those of all if left out.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The limit or the share is none.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced, PaymentReceived
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced(), PaymentReceived(amount=Decimal(4900))], expected=NO_STREAM)
        >>> below_limit(log, 5000).to_arrow()["amount"].to_pylist()
        [Decimal('4900.0000')]
    """
    most = amount("limit", limit)
    text = str(within).strip()
    try:
        share = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        near = Decimal(0) < share <= 1 and share == round(share, 6)
    except ArithmeticError:
        near = False
    if not near:
        raise InvalidSetting("within", text, "give a share of the limit of at most six decimals, such as 5% or 0.05")
    least = most - most * share
    question = f"amounts from {least.normalize():f} to just below {most.normalize():f}{of_currency(currency)}"
    return _amounts(source, question, {"most": most, "least": least}, currency, at, known_at, recorded_by)


def _amounts(
    source: EventLog | Session,
    question: str,
    which: dict[str, Decimal],
    currency: str | None,
    at: Moment | None,
    known_at: Moment | None,
    recorded_by: Moment | None,
) -> Answer:
    asked = {"multiple_of": None, "least": None, "most": None, **which, "currency": currency}
    return ask(source, "amounts", question, asked, at=at, known_at=known_at, recorded_by=recorded_by)
