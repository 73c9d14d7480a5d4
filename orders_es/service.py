"""Commands on a log: load, decide, append, and again if somebody else was first. For applications, on orders or any domain.

::

    from orders_es.log import open_log
    from orders_es.orders import AddItem, CreateOrder
    from orders_es.service import handle

    log = open_log("my-log", create=True)
    handle(log, "A-1", CreateOrder(currency="GBP"))
    handle(log, "A-1", AddItem(item_id="22423", quantity=1, price=Decimal("12.75")), command_id=request_id)
"""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, get_args, overload

from orders_es.decider import check_function
from orders_es.errors import (
    CommandRejected,
    DuplicateEvent,
    InvalidArgument,
    InvalidSetting,
    VersionConflict,
    WrongType,
)
from orders_es.errors.calls import check_count
from orders_es.log import NO_STREAM, NewEvent
from orders_es.log.limits import check_stream_id
from orders_es.log.log_argument import check_log
from orders_es.orders import ORDERS, AsOf
from orders_es.replay.moments import instant
from orders_es.replay.snapshots import EVERY, Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from orders_es.decider import Decider
    from orders_es.log import Appended, EventLog, RecordedEvent
    from orders_es.orders import Order

__all__ = ["Handled", "event_id_of", "handle"]

State = TypeVar("State")

COMMANDS: Final = uuid.UUID("6f0c5a0e-8f0b-5d5e-9d53-0d1c8a3f7b11")
"""The namespace that event ids of commands are derived in. It is storage format: another one would break retries."""

Once: TypeAlias = Literal["in_stream", "in_log"]
"""Where a command id stands for one command."""

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled(Generic[State]):
    """What came of a command.

    Args:
        state: The state right after the command: the order, in the domain of orders.
        events: The command's events, as the log holds them.
        appended: Where the log put them; None if they were there already, or the command came to nothing.
        duplicate: Whether the command had been handled before, so that nothing was appended now.
    """

    state: State
    events: tuple[RecordedEvent, ...]
    appended: Appended | None
    duplicate: bool


@overload
def handle(
    log: EventLog,
    stream_id: str,
    command: Any,
    *,
    occurred_at: datetime | None = ...,
    command_id: str | uuid.UUID | None = ...,
    once: Once = ...,
    actor: str | None = ...,
    correlation_id: str | None = ...,
    causation_id: str | None = ...,
    provided: Callable[[Order], bool] | None = ...,
    attempts: int = ...,
    snapshot_every: int | None = ...,
) -> Handled[Order]: ...


@overload
def handle(
    log: EventLog,
    stream_id: str,
    command: Any,
    *,
    decider: Decider[State],
    occurred_at: datetime | None = ...,
    command_id: str | uuid.UUID | None = ...,
    once: Once = ...,
    actor: str | None = ...,
    correlation_id: str | None = ...,
    causation_id: str | None = ...,
    provided: Callable[[State], bool] | None = ...,
    attempts: int = ...,
    snapshot_every: int | None = ...,
) -> Handled[State]: ...


def handle(
    log: EventLog,
    stream_id: str,
    command: Any,
    *,
    decider: Decider[Any] = ORDERS,
    occurred_at: datetime | None = None,
    command_id: str | uuid.UUID | None = None,
    once: Once = "in_stream",
    actor: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    provided: Callable[[Any], bool] | None = None,
    attempts: int = 5,
    snapshot_every: int | None = EVERY,
) -> Handled[Any]:
    """The state after a command, whose events are durably in the log; or the business rule that says no.

    Loads the stream, decides, and appends with the version decided on. If somebody else appended meanwhile, it does so
    again, since the command may mean something else now or not be allowed any more.

    Args:
        stream_id: The stream, such as that of an order.
        command: One of the domain's commands.
        decider: The domain; orders if left out.
        occurred_at: When it happened in the business, with time zone; now if left out.
        command_id: The caller's own id of this request, such as that of a message. With it, a repeated command is
            harmless: it gives the first result again, marked `duplicate`, even where its rule would refuse by now.
        once: Where a command id stands for one command: in each stream, so that another one may have a command of the same id; or
            `"in_log"`, so that giving it to a command on another stream is refused as well.
        actor: Who asks.
        correlation_id: The conversation that it belongs to.
        causation_id: What caused it; `command_id` if left out.
        provided: Says of the state, just as the command would meet it, whether to go on; if not, nothing is appended. Nobody
            can change the stream between that look and the append.
        attempts: How many times to try in all, 1 or more.
        snapshot_every: After so many events a stream gets a snapshot, from which the next commands on it begin; None to
            take and use none. See `orders_es.replay.Snapshots`.

    Raises:
        CommandRejected: A business rule says no, or `command_id` belongs to another command (`one_command_per_id`).
        VersionConflict: Somebody else was first at every attempt.
        NaiveTime: `occurred_at` has no time zone.
        TypeError: The stream's id is no text, or the command's neither text nor a UUID.
        ValueError: An id is text that no log can hold, or `provided` is no plain function (`InvalidSetting`).

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import CreateOrder
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> handle(log, "A-1", CreateOrder(currency="GBP"), command_id="request 7").duplicate
        False
        >>> handle(log, "A-1", CreateOrder(currency="GBP"), command_id="request 7").duplicate
        True
    """
    check_log(log)
    _check_settings(attempts, provided, once)
    occurred_at = instant("occurred_at", occurred_at)
    check_stream_id(stream_id)
    key = None if command_id is None else _checked_command_id(command_id)
    where = stream_id if once == "in_stream" else ""  # which is no stream's id
    first_event = None if key is None else event_id_of(where, key)
    snapshots = None if snapshot_every is None else Snapshots(log, decider=decider, every=snapshot_every)
    for attempt in range(1, attempts + 1):
        start, version_before, history = _history(log, decider, stream_id, first_event, snapshots)
        if key is not None:
            before = _handled_before(decider, command, key, stream_id, where, start, version_before, history)
            if before is not None:
                return before
        state = decider.after(history, start)
        decided = decider.decide(command, state) if provided is None or provided(state) else []
        events = [
            NewEvent(
                data=data,
                occurred_at=occurred_at,
                event_id=None if key is None else event_id_of(where, key, index),
                actor=actor,
                correlation_id=correlation_id,
                causation_id=key if causation_id is None else causation_id,
            )
            for index, data in enumerate(decided)
        ]
        if not events:
            return Handled(state=state, events=(), appended=None, duplicate=False)
        version = history[-1].version if history else version_before
        try:
            appended = log.append(stream_id, events, expected=version or NO_STREAM)
        except (VersionConflict, DuplicateEvent) as error:  # the next look says whether it was this very command
            if key is not None and once == "in_log" and isinstance(error, DuplicateEvent):
                _refuse_if_elsewhere(log, stream_id, key, error)
            if attempt == attempts:
                raise
            _pause(attempt)
            continue
        if appended.duplicate and key is not None:  # another process handled this id since we looked
            again = _history(log, decider, stream_id, first_event, None)
            before = _handled_before(decider, command, key, stream_id, where, *again)
            assert before is not None, "the log has just said that these events are there"
            return before
        done = Handled(
            state=decider.after(appended.events, state), events=appended.events, appended=appended, duplicate=False
        )
        if snapshots is not None:
            snapshots.after_append(stream_id, version + len(appended.events), version)
        return done
    raise AssertionError("unreachable: the last attempt returns or raises")


def event_id_of(stream_id: str, command_id: str | uuid.UUID, index: int = 0) -> uuid.UUID:
    """The id of the event that a command comes to, so that it can be found again.

    Args:
        stream_id: The stream; an empty text where the command id stands for one command `"in_log"`.
        command_id: The caller's id of the request.
        index: Which of the command's events; 0 is the first.

    Example:
        >>> event_id_of("A-1", "request 7") == event_id_of("A-1", "request 7", 0)
        True
    """
    # With its length in front, no two pairs of ids can run together into the same name.
    return uuid.uuid5(COMMANDS, f"{len(stream_id)}:{stream_id}:{index}:{command_id}")


def _check_settings(attempts: int, provided: Callable[[Any], bool] | None, once: str) -> None:
    if once not in get_args(Once):
        raise InvalidSetting("once", once, f"give one of {', '.join(get_args(Once))}")
    check_count("attempts", attempts)
    if provided is not None:
        check_function("provided", provided)


def _checked_command_id(command_id: object) -> str:
    if not isinstance(command_id, str | uuid.UUID):
        raise WrongType(
            f"command_id={command_id!r} is {type(command_id).__name__}; a command id is text or a UUID, "
            f"such as command_id={str(command_id)!r}"
        )
    text = str(command_id)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"command_id={text!r} cannot be written as UTF-8") from error
    return text


def _history(
    log: EventLog,
    decider: Decider[State],
    stream_id: str,
    first_event: uuid.UUID | None,
    snapshots: Snapshots[State] | None,
) -> tuple[State, int, Sequence[RecordedEvent]]:
    """A state to begin with, its version, and the events since, among which is the first of this command if there is one."""
    if snapshots is not None:
        found = snapshots.best(stream_id, AsOf(), without=first_event)
        if found is not None:
            return found.state, found.version, found.events
    return decider.initial(stream_id), 0, log.load(stream_id)


def _handled_before(
    decider: Decider[State],
    command: Any,
    command_id: str,
    stream_id: str,
    where: str,
    start: State,
    version: int,
    history: Sequence[RecordedEvent],
) -> Handled[State] | None:
    """The first result of this command, if its events are in the stream's history since `start`, which was of `version`."""
    by_id = {event.event_id: event for event in history}
    events: list[RecordedEvent] = []
    while (event := by_id.get(event_id_of(where, command_id, len(events)))) is not None:
        events.append(event)
    if not events:
        return None
    before = decider.after(history[: events[0].version - 1 - version], start)
    # `decide` is pure, so the same command on the same state comes to the same events. If not, the id was given to
    # another command, and saying "done" would lose that one.
    try:
        same = list(decider.decide(command, before)) == [event.data for event in events]
    except CommandRejected:
        same = False
    if not same:
        raise CommandRejected(
            "one_command_per_id",
            f"command id {command_id!r} belongs to another command on {stream_id!r}, which came to "
            f"{', '.join(event.type for event in events)} (position {events[0].position}); give each command an id of its own",
        )
    return Handled(state=decider.after(events, before), events=tuple(events), appended=None, duplicate=True)


def _refuse_if_elsewhere(log: EventLog, stream_id: str, command_id: str, error: DuplicateEvent) -> None:
    """Refuse a command whose id was given to one on another stream, which is where its event is."""
    if any(str(event.event_id) == error.event_id for event in log.load(stream_id)):
        return  # it came in just now
    raise CommandRejected(
        "one_command_per_id",
        f"command id {command_id!r} belongs to another command, not on {stream_id!r}; give each command an id of its own",
    ) from error


def _pause(attempt: int) -> None:
    """Let the others finish: a little longer each time, and at random, so that losers do not meet again."""
    longest = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
    time.sleep(random.random() * longest)  # noqa: S311 - spreads losers, guards nothing
