"""Process managers: what reacts to events by asking for something. For applications; `orders_es.shop.Unpaid` runs one.

At most one effect per event and command, however often the runner dies: the id of every command is derived from the event
that caused it, and the service recognises a command that was carried out before. Whatever was due and not done is done
after a restart, because the checkpoint only moves afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from orders_es.decider import check_function
from orders_es.errors import CommandRejected
from orders_es.log.log_argument import check_log
from orders_es.log.relation import quoted
from orders_es.orders import ORDERS
from orders_es.projections.definitions import Handlers, check_event_types
from orders_es.projections.file.holding import CATALOG
from orders_es.service import handle

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.decider import Decider
    from orders_es.log import EventLog, RecordedEvent
    from orders_es.projections.handler_tables import Tables
    from orders_es.service import Handled

__all__ = ["Ask", "Case", "Cause", "ProcessManager", "command_id_of"]

COMMANDS: Final = uuid.UUID("0f3f7a52-6a3e-5f0a-8c55-4b8e0d1f6a97")
"""The namespace that command ids are derived in. It is storage format: another one would repeat every command."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A command that a process manager wants carried out.

    Args:
        command: One of the commands of a domain.
        stream_id: The stream; that of the event if left out.
        provided: Says of the state as the command meets it whether it is still wanted.
        decider: The domain, if it is another one than the process manager's.
    """

    command: Any
    stream_id: str | None = None
    provided: Callable[[Any], bool] | None = None
    decider: Decider[Any] | None = None

    def __post_init__(self) -> None:
        if self.provided is not None:
            check_function("provided", self.provided)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a command comes from.

    Args:
        correlation_id: The conversation that the event belongs to; if to none, it begins one.
    """

    event_id: uuid.UUID
    stream_id: str
    correlation_id: str | None


class Case:
    """An event that a process manager is to react to, and what it may look at. Its answer must come from nothing else.

    Args:
        tables: The process manager's tables.
        decider: The domain that the event's stream is of.
    """

    def __init__(self, log: EventLog, event: RecordedEvent, tables: Tables, decider: Decider[Any] = ORDERS) -> None:
        check_log(log)
        self._log = log
        self._decider = decider
        self._state: Any = None
        self._looked = False
        self.event = event
        self.tables = tables

    @property
    def state(self) -> Any:
        """The order, or another domain's state, right after the event, whatever has happened since: asked again, a reaction answers the same."""
        if not self._looked:
            event = self.event
            history = self._log.load(event.stream_id, to_version=event.version)
            self._state = self._decider.after(history, self._decider.initial(event.stream_id))
            self._looked = True
        return self._state


Reaction: TypeAlias = Callable[[Case], "Iterable[Any] | None"]
"""A function that answers an event with commands, or `Ask`s; or with nothing. It may write to `case.tables`."""


@dataclass(frozen=True, slots=True)
class ProcessManager:
    """Reactions to events by commands, run by a `Projector` as any projection: `Projector(log, file, [manager])`.

    What came of each command is in the table `<name>_commands`: `done`, `refused` with the rule that said no (which is an
    answer, and holds up nothing), or `not wanted`. Anything else that goes wrong is tried again, and then stops the process
    manager before that event.

    A rebuild makes its tables again and repeats no command. A new process manager on an old log reacts to all of it; with
    `react_after` only to what comes after that.

    Args:
        name: Small letters, digits, `_`. Command ids come from it: under another name it would do everything again.
        version: Raise it to have its tables made anew.
        reactions: For each event class, or type name, its function.
        tables: SQL that creates its tables.
        actor: Who its events say asked for them; the name if left out.
        react_after: Ask for nothing on events up to this position.
        attempts: How often to try an event, where something else than a business rule is in the way.
        pause: Seconds between the first two tries; twice that between the next two, and so on.
        decider: The domain of the events and commands; orders if left out.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import CancelOrder, OrderCreated, PaymentFailed
        >>> from orders_es.projections import Projector
        >>> def failed(case):
        ...     yield CancelOrder(reason="card declined")
        >>> manager = ProcessManager("declined", 1, {PaymentFailed: failed})
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), PaymentFailed(amount=5)], expected=NO_STREAM)
        >>> _ = Projector(log, tempfile.mkdtemp() + "/shop.duckdb", [manager]).run()
        >>> cancelled = log.load("A-1")[-1]
        >>> cancelled.type, cancelled.actor, cancelled.causation_id == str(log.load("A-1")[1].event_id)
        ('OrderCancelled', 'declined', True)
    """

    name: str
    version: int
    # By class or by name, as the functions of `Handlers`.
    reactions: Mapping[Any, Reaction] = field(repr=False)
    tables: str = field(default="", repr=False)
    actor: str | None = None
    react_after: int = 0
    attempts: int = 5
    pause: float = 0.2
    decider: Decider[Any] = field(default=ORDERS, repr=False)

    def __post_init__(self) -> None:
        check_event_types("reactions", self.reactions)
        for event_type, reaction in self.reactions.items():
            name = event_type if isinstance(event_type, str) else event_type.__name__
            check_function(f"reactions[{name!r}]", reaction, may_yield=True)

    @property
    def commands_table(self) -> str:
        """The name of the table that says what came of each command."""
        return f"{self.name.replace('-', '_')}_commands"

    def handlers(self, log: EventLog) -> Handlers:
        """The projection that a `Projector` makes of it.

        Args:
            log: The log, for looking at states and carrying out commands; the projector's.
        """
        commands = f"""
        CREATE TABLE {quoted(self.commands_table)} (
            event_id UUID NOT NULL, event_position BIGINT NOT NULL, stream_id TEXT NOT NULL, command TEXT NOT NULL,
            command_id UUID NOT NULL, outcome TEXT NOT NULL, reason TEXT
        );
        """
        past = _Past(self.name)
        return Handlers(
            self.name,
            self.version,
            {key: self._handler(log, reaction, past) for key, reaction in self.reactions.items()},
            tables=commands + self.tables,
            attempts=self.attempts,
            pause=self.pause,
        )

    def issue(
        self, log: EventLog, cause: Cause, ask: Ask, *, index: int = 0, occurred_at: datetime | None = None
    ) -> Handled[Any]:
        """Carry a command out, once; asked again, what came of it then.

        Args:
            cause: The event that it comes from.
            ask: The command.
            index: Which of the commands of that name that the event causes.
            occurred_at: When it happened in the business; now if left out.

        Raises:
            CommandRejected: A business rule says no.
            VersionConflict: Others changed the stream at every attempt.
        """
        return handle(
            log,
            ask.stream_id or cause.stream_id,
            ask.command,
            decider=ask.decider or self.decider,
            command_id=command_id_of(cause.event_id, self.name, type(ask.command).__name__, index),
            occurred_at=occurred_at,
            actor=self.actor or self.name,
            correlation_id=cause.correlation_id or str(cause.event_id),
            causation_id=str(cause.event_id),
            provided=ask.provided,
        )

    def _handler(self, log: EventLog, reaction: Reaction, past: _Past) -> Callable[[RecordedEvent, Tables], None]:
        def react(event: RecordedEvent, tables: Tables) -> None:
            case = Case(log, event, tables, self.decider)
            asks = [ask if isinstance(ask, Ask) else Ask(ask) for ask in reaction(case) or ()]
            if event.position <= past.end(tables):
                self._copy_outcomes(event, tables)
                return
            if event.position <= self.react_after:
                return
            cause = Cause(event.event_id, event.stream_id, event.correlation_id)
            counts: dict[str, int] = {}
            for ask in asks:
                command = type(ask.command).__name__
                index = counts[command] = counts.get(command, -1) + 1
                outcome, reason = "done", None
                try:
                    handled = self.issue(log, cause, ask, index=index)
                except CommandRejected as error:
                    outcome, reason = "refused", str(error)
                else:
                    if not handled.events:
                        outcome = "not wanted"
                tables.execute(
                    f"INSERT INTO {quoted(self.commands_table)} VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        event.event_id,
                        event.position,
                        ask.stream_id or event.stream_id,
                        command,
                        command_id_of(event.event_id, self.name, command, index),
                        outcome,
                        reason,
                    ],
                )

        return react

    def _copy_outcomes(self, event: RecordedEvent, tables: Tables) -> None:
        table = quoted(self.commands_table)
        tables.execute(f"INSERT INTO {table} SELECT * FROM {CATALOG}.main.{table} WHERE event_id = ?", [event.event_id])


class _Past:
    """Up to which position a rebuild goes through events with which the tables that serve have dealt."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tables: Tables | None = None
        self._end = 0

    def end(self, tables: Tables) -> int:
        """That position; 0 where these are the tables that serve."""
        if tables is not self._tables:  # they are a transaction's, and nothing of this changes within one
            rows = tables.execute(
                f"SELECT checkpoint FROM {CATALOG}.orders_es.projections "
                "WHERE name = ? AND current_schema() <> format('orders_es_{}_{}', name, generation)",
                [self._name],
            )
            self._tables, self._end = tables, rows[0][0] if rows else 0
        return self._end


def command_id_of(event_id: uuid.UUID, manager: str, command: str, index: int = 0) -> uuid.UUID:
    """The id of the command by which a process manager reacts to an event.

    Args:
        manager: The process manager's name.
        command: The command's name.
        index: Which of the commands of that name.

    Example:
        >>> cause = uuid.UUID(int=7)
        >>> command_id_of(cause, "unpaid", "CancelOrder") == command_id_of(cause, "unpaid", "CancelOrder")
        True
        >>> command_id_of(cause, "unpaid", "CancelOrder") == command_id_of(cause, "unpaid", "IssueRefund")
        False
    """
    return uuid.uuid5(COMMANDS, f"{event_id}:{command}:{index}:{manager}")
