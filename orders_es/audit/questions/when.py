"""Questions about time: what was entered late, back-dated, or after it should have been settled, and when nothing happened."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from orders_es.audit.closes import closed
from orders_es.audit.questions.answering import amount, ask, micros, of_currency, session_on, words
from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer, Session

__all__ = ["after_close", "after_delivery", "backdated", "backdated_by_month", "gaps", "late_entries"]

_DAY = timedelta(days=1)
_FIGURES = ("gross", "discounts", "returns", "net", "payments", "refunds")
_SMALLER = "SELECT count(*) FROM ask_backdated(in_currency := $currency) WHERE abs(moved_by) < $least"


def late_entries(
    source: EventLog | Session,
    *,
    longer_than: timedelta = _DAY,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Events that were entered, or where their source gives no such time recorded, later than so long after they happened. Those with an estimated time are left out, and counted.

    Args:
        source: A log, or a session.
        longer_than: How long is too long.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The length is none.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> late = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 3, tzinfo=UTC))
        >>> _ = log.append("A-1", [late], expected=NO_STREAM)
        >>> late_entries(log).to_arrow()["stream_id"].to_pylist()
        ['A-1']
    """
    limit = {"longer_than": micros("longer_than", longer_than)}
    question = f"events entered more than {words(longer_than)} after they happened"
    return ask(
        source,
        "late_entries",
        question,
        limit,
        at=at,
        known_at=known_at,
        recorded_by=recorded_by,
        says_more=True,
    )


def backdated(
    source: EventLog | Session,
    *,
    at_least: Decimal | int | str = 0,
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Which events moved figures of a day after those were first known, by how much, and whose: the rows behind `restatements`, the largest first.

    Over a day, currency and figure, `moved_by` adds up to what the read model `restatements` says has changed. Days begin where
    the session's zone says. `backdated_by_month` sums it up.

    Args:
        source: A log, or a session.
        at_least: Only events that moved a figure by so much, up or down; how many moves were smaller is noted.
        currency: Only figures in this currency; those of all if left out.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The amount is none.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> late = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 3, tzinfo=UTC))
        >>> _ = log.append("A-1", [late], expected=NO_STREAM)
        >>> len(backdated(log, at_least=100))
        0
    """
    least = amount("at_least", at_least, zero=True)
    by = f" by {least.normalize():f} or more" if least else ""
    question = f"figures moved{by} after they were first known{of_currency(currency)}"
    asked = {"at_least": least, "currency": currency}
    limits: dict[str, Any] = {"at": at, "known_at": known_at, "recorded_by": recorded_by}
    with session_on(source) as session:
        answer = ask(session, "backdated", question, asked, **limits)
        if least:
            smaller = session.sql(_SMALLER, {"least": least, "currency": currency}, **limits).rows()[0][0]
            if smaller:
                moves = "1 move that is smaller" if smaller == 1 else f"{smaller:,} moves that are smaller"
                answer.notes += (f"{moves} left out; together they may come to more",)
        return answer


def backdated_by_month(answer: Answer) -> pa.Table:
    """What `backdated` found, summed up: one row per month, currency and actor, the one with the most moved first.

    The columns: `month`, `currency`, `actor`, `events`, `orders`, and by how much they moved `gross`, `discounts`, `returns`, `net`, `payments` and
    `refunds` of that month's days, up and down netted.

    Args:
        answer: What `backdated` gave.

    Example:
        >>> from orders_es.log import open_log
        >>> backdated_by_month(backdated(open_log(":memory:"))).num_rows
        0
    """
    import duckdb

    sums = ", ".join(
        f"coalesce(sum(moved_by) FILTER (figure = '{name}'), 0)::DECIMAL(38, 4) AS {name}" for name in _FIGURES
    )
    with duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        plain.register("given", answer.to_arrow())
        plain.execute(
            "CREATE TABLE moves AS SELECT day, currency, actor, figure, moved_by, position, stream_id FROM given"
        )
        return plain.sql(
            "SELECT strftime(day, '%Y-%m') AS month, currency, actor, count(DISTINCT position) AS events, "
            f"count(DISTINCT stream_id) AS orders, {sums} FROM moves GROUP BY ALL "
            "ORDER BY currency, sum(abs(moved_by)) DESC, month, actor"
        ).to_arrow_table()


def after_delivery(
    source: EventLog | Session,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Events of orders that happened, or were entered, after the order's first delivery.

    Args:
        source: A log, or a session.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> late = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 3, tzinfo=UTC))
        >>> _ = log.append("A-1", [late], expected=NO_STREAM)
        >>> len(after_delivery(log))
        0
    """
    return ask(
        source,
        "after_delivery",
        "events that came after the order's delivery",
        at=at,
        known_at=known_at,
        recorded_by=recorded_by,
    )


def after_close(
    source: EventLog | Session,
    name: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Events that belong to a closed time and were recorded after it had been closed.

    Args:
        source: A log, or a session.
        name: The close's name.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        NoSuchClose: There is none of that name.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.audit import close
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-0", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        >>> _ = close(log, "2026-06", at="2026-06-30")
        >>> late = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 3, tzinfo=UTC))
        >>> _ = log.append("A-1", [late], expected=NO_STREAM)
        >>> [row.stream_id for row in after_close(log, "2026-06")]
        ['A-1']
    """
    with session_on(source) as session:
        done = closed(session.log, name)
        limits = {"closed_at": done.at, "closed_known_at": done.known_at, "closed_position": done.position}
        question = f"events of the time that was closed as {name}, recorded since"
        return ask(session, "after_close", question, limits, at=at, known_at=known_at, recorded_by=recorded_by)


def gaps(
    source: EventLog | Session,
    *,
    longer_than: timedelta = _DAY,
    clock: Literal["occurred", "recorded"] = "occurred",
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """The times in which nothing happened, or nothing was recorded, for longer than so long; longest first.

    Args:
        source: A log, or a session.
        longer_than: How long is too long.
        clock: Whether nothing happened, as far as the times are known, or nothing was recorded.
        at: Only what had happened by then; a silence that goes on at that moment counts up to it.
        known_at: Only what had been recorded by then; the same on that clock.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The length or the clock is none.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> late = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 3, tzinfo=UTC))
        >>> _ = log.append("A-1", [late], expected=NO_STREAM)
        >>> len(gaps(log))
        0
    """
    if clock not in ("occurred", "recorded"):
        raise InvalidSetting("clock", clock, "it is occurred or recorded")
    by_log = clock == "recorded"
    limit = known_at if by_log else at
    asked = {"longer_than": micros("longer_than", longer_than), "by_log": by_log, "goes_on": limit is not None}
    question = f"silences of more than {words(longer_than)} in which nothing {'was recorded' if by_log else 'happened'}"
    return ask(
        source,
        "gaps",
        question,
        asked,
        at=at,
        known_at=known_at,
        recorded_by=recorded_by,
        says_more=not by_log,
    )
