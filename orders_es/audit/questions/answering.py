"""How a question of an auditor is put to a log: its SELECT, the moment, what it is called, and what it leaves out."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.audit.questions.caveats import caveats
from orders_es.errors import InvalidSetting
from orders_es.read_models.questions import question_sql, with_values
from orders_es.replay import Session, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer

__all__ = ["amount", "ask", "micros", "of_currency", "session_on", "words"]


@contextmanager
def session_on(source: EventLog | Session) -> Iterator[Session]:
    """The session that was given, or one on the log that was given, closed afterwards."""
    if isinstance(source, Session):
        yield source
    else:
        with connect(source) as session:
            yield session


def ask(
    source: EventLog | Session,
    name: str,
    question: str,
    parameters: dict[str, Any] | None = None,
    *,
    at: Moment | None,
    known_at: Moment | None,
    recorded_by: Moment | None,
    says_more: bool = False,
) -> Answer:
    """The answer to the question in a file, under a name that says in words what was asked.

    Args:
        source: A log, or a session.
        name: The file's name without its ending.
        question: What the rows are, in words.
        parameters: The values of its parameters.
        at: As in `Session.sql`.
        known_at: As in `Session.sql`.
        recorded_by: As in `Session.sql`.
        says_more: Whether there may be something to be said beside it; see `caveats`.
    """
    with session_on(source) as session:
        answer = session.sql(question_sql(name), parameters, at=at, known_at=known_at, recorded_by=recorded_by)
        answer.question = question
        answer.query = with_values(name, parameters or {})
        if says_more:
            answer.notes += caveats(session, name, answer.query, at=at, known_at=known_at, recorded_by=recorded_by)
        return answer


def micros(field: str, length: timedelta) -> int:
    """A length of time in microseconds.

    Raises:
        InvalidSetting: It is none, or below zero.
    """
    if not isinstance(length, timedelta) or length < timedelta(0):
        raise InvalidSetting(field, str(length), "give a length of time, such as timedelta(hours=1)")
    return length // timedelta(microseconds=1)


def amount(field: str, value: Decimal | int | str, *, zero: bool = False) -> Decimal:
    """An amount of money, exactly.

    Args:
        field: The setting's name, for the error.
        value: Digits, in a text, or a number that is exact.
        zero: Whether it may be nothing.

    Raises:
        InvalidSetting: It is none, or not above zero.
    """
    try:
        exact = None if isinstance(value, float | bool) else Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        exact = None
    if exact is None or not exact.is_finite() or exact < 0 or (not exact and not zero):
        raise InvalidSetting(
            field, str(value), f"give an amount {'of zero or more' if zero else 'above zero'}, such as 100"
        )
    if exact >= 10**14 or exact != round(exact, 4):  # what is larger cannot be rounded
        raise InvalidSetting(field, str(value), "an amount has at most fourteen digits and four decimals")
    return round(exact, 4)


def words(length: timedelta) -> str:
    """A length of time in words, in the largest unit that it is whole in.

    Example:
        >>> words(timedelta(hours=36)), words(timedelta(days=1))
        ('36 hours', '1 day')
    """
    seconds = length.total_seconds()
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % unit == 0:
            number = int(seconds // unit)
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    return f"{seconds:,g} seconds"


def of_currency(currency: str | None) -> str:
    """How a question says that it is about one currency only.

    Example:
        >>> of_currency("EUR"), of_currency(None)
        (' in EUR', '')
    """
    return "" if currency is None else f" in {currency}"
