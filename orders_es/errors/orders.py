"""What a domain answers instead of an event or a state."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError, stated

__all__ = ["BadDomain", "CommandRejected", "OrderNotFound", "StreamNotFound"]


@stated("{message}")
class CommandRejected(OrdersEsError, ValueError):
    """A business rule says no to a command; nothing was decided.

    Args:
        rule: A short stable name of the rule, for programs.
        message: The rule in words, with the figures of this case, for people.
    """

    rule: str
    message: str


@stated()
class StreamNotFound(OrdersEsError, LookupError):
    """There is no such stream, or nothing of it at the moment asked about.

    Args:
        stream_id: What was asked for.
        reason: Whether it never was, or not yet at that moment.
        suggestions: Ids that look like it.
    """

    what = "stream"

    stream_id: str
    reason: str = ""
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"no {self.what} {self.stream_id!r}"
        if self.reason:
            text += f": {self.reason}"
        if self.suggestions:
            text += f"; did you mean {', '.join(self.suggestions)}?"
        return text


class OrderNotFound(StreamNotFound):
    """There is no such order, or there was none at the moment asked about. See `StreamNotFound`."""

    what = "order"


@stated("domain {name!r}: {reason}")
class BadDomain(OrdersEsError, ValueError):
    """A domain that was named, or that an installed package offers, cannot be used.

    Args:
        name: How it was named: `module:name`, or the entry point.
        reason: What is wrong, and what would be right.
    """

    name: str
    reason: str
