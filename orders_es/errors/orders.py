"""What the domain answers instead of an event or an order."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError

__all__ = ["CommandRejected", "OrderNotFound"]


class CommandRejected(OrdersEsError, ValueError):
    """A business rule says no to a command; nothing was decided.

    Args:
        rule: A short stable name of the rule, for programs.
        message: The rule in words, with the figures of this case, for people.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(rule, message)
        self.rule = rule
        self.message = message

    def __str__(self) -> str:
        return self.message


class OrderNotFound(OrdersEsError, LookupError):
    """There is no such order, or there was none at the moment asked about.

    Args:
        order_id: What was asked for.
        reason: Whether it never was, or not yet at that moment.
        suggestions: Ids that look like it.
    """

    def __init__(self, order_id: str, reason: str = "", suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(order_id, reason, suggestions)
        self.order_id = order_id
        self.reason = reason
        self.suggestions = suggestions

    def __str__(self) -> str:
        text = f"no order {self.order_id!r}"
        if self.reason:
            text += f": {self.reason}"
        if self.suggestions:
            text += f"; did you mean {', '.join(self.suggestions)}?"
        return text
