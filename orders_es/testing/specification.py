"""Business rules as sentences, for everybody who tests a domain: given this history, when that is asked, then so.

::

    given(OrderCreated(currency="GBP")).when(PlaceOrder()).then_raises(CommandRejected, rule="placed_with_items")

The order domain is the default; any other domain brings its three functions: `given(…, decide=…, evolve=…, initial=…)`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final, TypeVar

from orders_es import orders
from orders_es.orders import Happened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Outcome", "Specification", "given"]

Error = TypeVar("Error", bound=BaseException)

BEGINNING: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""When the first bare event of a history occurred; each next one a second later."""


def given(
    *history: Any,
    decide: Callable[[Any, Any], Iterable[Any]] = orders.decide,
    evolve: Callable[[Any, Any], Any] = orders.evolve,
    initial: Callable[[], Any] = orders.initial_state,
) -> Specification:
    """What has happened so far: the first third of a sentence.

    Args:
        history: Events, or one iterable of them: bare dataclasses, which get versions 1, 2, 3 … and moments a second
            apart, or anything with `data`, `occurred_at`, `version` and `position`, which is taken as it is.
        decide: The domain's `decide(command, state) -> events`.
        evolve: The domain's `evolve(state, event) -> state`; it is given `Happened` values.
        initial: The domain's state before the first event.

    Example:
        >>> from orders_es.orders import CreateOrder, OrderCreated
        >>> given().when(CreateOrder(currency="GBP")).then(OrderCreated(currency="GBP"))
    """
    return Specification(history=_listed(history), decide=decide, evolve=evolve, initial=initial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """A history, waiting for the command to come. `given` makes one."""

    history: tuple[Any, ...]
    decide: Callable[[Any, Any], Iterable[Any]]
    evolve: Callable[[Any, Any], Any]
    initial: Callable[[], Any]

    @property
    def state(self) -> Any:
        """The state that the history comes to."""
        state = self.initial()
        for event in self._happened():
            state = self.evolve(state, event)
        return state

    def when(self, command: Any) -> Outcome:
        """What the domain says to a command: the second third of a sentence.

        Example:
            >>> from orders_es.orders import CreateOrder
            >>> [event.currency for event in given().when(CreateOrder(currency="GBP")).events]
            ['GBP']
        """
        state = self.state
        try:
            events = tuple(self.decide(command, state))
        except Exception as error:  # noqa: BLE001 - kept for then_raises, and raised again by everything else
            return Outcome(specification=self, command=command, decided=(), error=error)
        return Outcome(specification=self, command=command, decided=events, error=None)

    def _happened(self) -> Iterable[Any]:
        version = 0
        for event in self.history:
            if _is_recorded(event):
                version = max(version, event.version)
                yield event
            else:
                version += 1
                yield Happened(event, BEGINNING + timedelta(seconds=version - 1), version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a command. `Specification.when` makes one; `then` and `then_raises` judge it."""

    specification: Specification
    command: Any
    decided: tuple[Any, ...]
    error: Exception | None

    @property
    def events(self) -> tuple[Any, ...]:
        """The events decided; where the command was refused, the refusal is raised."""
        if self.error is not None:
            raise self.error
        return self.decided

    def and_when(self, command: Any) -> Outcome:
        """What the domain says to a further command, once the events of this one are history."""
        return replace(self.specification, history=self.specification.history + self.events).when(command)

    def then(self, *expected: Any) -> None:
        """Nothing, if the command came to exactly these events.

        Args:
            expected: The events, or one iterable of them; none if nothing is to happen.

        Raises:
            AssertionError: It came to something else; the message shows the difference.
        """
        __tracebackhide__ = True
        wanted = _listed(expected)
        if self.error is not None:
            raise AssertionError(
                f"{self.command!r} was refused: {_named(self.error)}\nbut these events were expected:\n{_lines(wanted)}"
            ) from self.error
        if self.decided != wanted:
            raise AssertionError(
                f"{self.command!r} did not come to the expected events:\n{_difference(wanted, self.decided)}"
            )

    def then_raises(self, kind: type[Error], *, rule: str | None = None, match: str | None = None) -> Error:
        """The error, if the command was refused with one of this kind.

        Args:
            kind: The class of the error.
            rule: The name of the business rule: the error's `rule` must equal it.
            match: Words that the error's text must contain.

        Raises:
            AssertionError: The command was accepted, or refused for another reason.

        Example:
            >>> from orders_es.errors import CommandRejected
            >>> from orders_es.orders import PlaceOrder
            >>> given().when(PlaceOrder()).then_raises(CommandRejected, rule="created_first").rule
            'created_first'
        """
        __tracebackhide__ = True
        wanted = (
            kind.__name__ + (f" by rule {rule!r}" if rule else "") + (f" with {match!r} in its text" if match else "")
        )
        if self.error is None:
            raise AssertionError(
                f"{self.command!r} was accepted with\n{_lines(self.decided)}\nbut {wanted} was expected"
            )
        if (
            not isinstance(self.error, kind)
            or (rule is not None and getattr(self.error, "rule", None) != rule)
            or (match is not None and match not in str(self.error))
        ):
            raise AssertionError(
                f"{self.command!r} was refused: {_named(self.error)}\nbut {wanted} was expected"
            ) from self.error
        return self.error


def _is_recorded(event: Any) -> bool:
    return all(hasattr(event, name) for name in ("data", "occurred_at", "version"))


def _listed(events: Sequence[Any]) -> tuple[Any, ...]:
    if len(events) == 1 and isinstance(events[0], list | tuple):
        return tuple(events[0])
    return tuple(events)


def _named(error: Exception) -> str:
    rule = getattr(error, "rule", None)
    return f"{type(error).__name__}{f' by rule {rule!r}' if rule else ''}: {error}"


def _lines(events: Sequence[Any]) -> str:
    return (
        "\n".join(f"  {line}" for event in events for line in pformat(event, width=100).splitlines()) or "  (no events)"
    )


def _difference(expected: Sequence[Any], actual: Sequence[Any]) -> str:
    return (
        "\n".join(line for line in difflib.ndiff(_fields(expected), _fields(actual)) if not line.startswith("?"))
        + "\n(- expected, + decided)"
    )


def _fields(events: Sequence[Any]) -> list[str]:
    """Each event's type and, below it, one field per line, so that a difference points at the field."""
    lines: list[str] = []
    for event in events:
        fields = getattr(type(event), "__dataclass_fields__", None)
        if fields is None:
            lines.append(repr(event))
            continue
        lines.append(type(event).__name__)
        lines.extend(f"    {name} = {getattr(event, name)!r}" for name in fields)
    return lines or ["(no events)"]
