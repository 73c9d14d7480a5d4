"""What a projection is: a read model kept up to date as a set, or Python functions called event by event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from orders_es.decider import check_function
from orders_es.errors import InvalidSetting, UnknownProjection
from orders_es.errors.calls import check_count
from orders_es.read_models import load_read_models, needed_by
from orders_es.read_models.header import without_header

if TYPE_CHECKING:
    from orders_es.log import RecordedEvent
    from orders_es.read_models import Folders, ReadModel

__all__ = ["BatchHandler", "Handler", "Handlers", "Policy", "SetProjection", "in_batches", "set_projections"]

Handler = Callable[["RecordedEvent", Any], object]
"""A function that is called with one event and with the `Tables` of its projection; None where that has none."""
BatchHandler = Callable[[Sequence["RecordedEvent"], Any], object]
"""The same with a list of events, where `in_batches` marks the function."""
Policy = Literal["stop", "continue"]
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class SetProjection:
    """A read model as a table that a runner keeps up to date: recomputed for the streams that a batch touches, and merged.

    A read model whose rows belong to no stream is recomputed as a whole, once a catch-up.

    Args:
        model: The read model; its name is the projection's and the table's.
        version: Raise it to ask for a rebuild where the definition's text does not show the change.
        reads: The read models that it needs, each after those that it reads itself.

    Example:
        >>> SetProjection.of("orders").name
        'orders'
    """

    model: ReadModel
    version: int = 1
    reads: tuple[ReadModel, ...] = field(default=(), repr=False)

    kind = "set"
    on_error: Policy = field(default="stop", init=False, repr=False)

    @classmethod
    def of(cls, name: str, folder: Folders = None, *, version: int = 1) -> SetProjection:
        """The projection of a read model, by its name.

        Args:
            folder: A folder with `.sql` files of one's own, or several, beside the package's.
            version: As above.

        Raises:
            UnknownProjection: There is no such read model.
            BadReadModel: A file in the folder defines none.
        """
        models = load_read_models(folder)
        model = next((model for model in models if model.name == name), None)
        if model is None:
            raise UnknownProjection(name, tuple(model.name for model in models))
        return cls(model, version, needed_by(model, models))

    @property
    def name(self) -> str:
        """The read model's name."""
        return self.model.name

    def fingerprint(self, tz: str) -> str:
        """A hash of all that decides which rows the table has, for the same events.

        Args:
            tz: The time zone in which days begin.
        """
        texts = [without_header(model.sql) for model in (self.model, *self.reads)]
        return _hash([self.model.stream, tz, *texts])


def set_projections(names: list[str] | None = None, folder: Folders = None) -> list[SetProjection]:
    """Projections of several read models, or of all that there are but internal ones.

    Args:
        names: Of these; of all that are not internal if left out.
        folder: A folder with `.sql` files of one's own, or several, beside the package's.

    Raises:
        UnknownProjection: There is no such read model.
        BadReadModel: A file in the folder defines none.

    Example:
        >>> [projection.name for projection in set_projections(["orders", "order_items"])]
        ['orders', 'order_items']
    """
    wanted = [model.name for model in load_read_models(folder) if not model.internal] if names is None else names
    return [SetProjection.of(name, folder) for name in wanted]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Python functions by event type, called with each such event in the log's order: for side tables and outside effects.

    A function is called with one event, or with many where `in_batches` marks it. What they do to their tables, and that they have done it, is committed together: each event counts exactly once there,
    whenever the runner dies. Effects elsewhere happen at least once; make them harmless to repeat, by the event's id.

    Args:
        name: Small letters, digits, `_` and `-`.
        version: Raise it to ask for a rebuild: the functions' code is not looked at.
        handlers: For each event class, or type name, its function: `def placed(event, tables): …`. A plain one: an `async def`,
            or one with `yield`, would do nothing.
        tables: SQL that creates the tables: `CREATE TABLE …; …`. Empty if there are none.
        on_error: What follows when a function has failed `attempts` times on an event: `"stop"` before that event, or put it
            aside as a dead letter and `"continue"`.
        attempts: How often to try an event.
        pause: Seconds between the first two tries; twice that between the next two, and so on.
        block_streams: With `"continue"`, let later events of the same stream wait behind the failed one.

    Raises:
        InvalidSetting: A name, number or policy is none, or a handler is no plain function.

    Example:
        >>> from orders_es.orders import OrderPlaced
        >>> def count(event, tables):
        ...     tables.execute("UPDATE placed SET n = n + 1")
        >>> Handlers("placed", 1, {OrderPlaced: count}, tables="CREATE TABLE placed AS SELECT 0 AS n").types
        frozenset({'OrderPlaced'})
    """

    name: str
    version: int
    # By class or by name. A Mapping is invariant in its keys: nothing narrower takes a dict of classes and one of names.
    handlers: Mapping[Any, Handler] = field(repr=False)
    tables: str = field(default="", repr=False)
    on_error: Policy = "stop"
    attempts: int = 3
    pause: float = 0.1
    block_streams: bool = False

    kind = "handlers"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSetting("name", self.name, "give small letters, digits, _ and -, a letter first")
        if self.on_error not in ("stop", "continue"):
            raise InvalidSetting("on_error", self.on_error, "give 'stop' or 'continue'")
        check_count("attempts", self.attempts)
        if self.pause < 0:
            raise InvalidSetting("pause", self.pause, "give 0 or more seconds")
        check_event_types("handlers", self.handlers)
        for event_type, handler in self.by_type.items():
            check_function(f"handlers[{event_type!r}]", handler)

    @property
    def types(self) -> frozenset[str]:
        """The names of the event types that have a function."""
        return frozenset(self.by_type)

    @property
    def by_type(self) -> dict[str, Handler]:
        """Each function by the name of its event type."""
        return {key if isinstance(key, str) else key.__name__: handler for key, handler in self.handlers.items()}

    def fingerprint(self, tz: str) -> str:
        """A hash of the tables' definition and the event types.

        Args:
            tz: Has no say in it.
        """
        del tz
        return _hash([self.tables, *sorted(self.types)])


def in_batches(function: BatchHandler) -> Handler:
    """A decorator: let a handler be called with a list of events, in order, instead of one: for rows in bulk.

    A list has events that follow each other and are all this function's, whatever their types. Where it fails, it is called
    again with shorter lists, down to the event that is to blame.

    Args:
        function: The handler.

    Example:
        >>> @in_batches
        ... def placed(events, tables):
        ...     tables.execute("UPDATE placed SET n = n + ?", [len(events)])
    """
    function.in_batches = True  # type: ignore[attr-defined]
    return function  # type: ignore[return-value]


def check_event_types(setting: str, functions: Mapping[Any, object]) -> None:
    """Refuse keys that name no event type, and two that name the same one.

    Args:
        setting: What the functions were given as, for the error.
        functions: The functions, by class or name.

    Raises:
        InvalidSetting: A key is neither a class nor a name, or a class and its name are both there.

    Example:
        >>> check_event_types("handlers", {7: print})
        Traceback (most recent call last):
        orders_es.errors.calls.InvalidSetting: handlers=7: give an event type's class or its name for each function
    """
    names: set[str] = set()
    for key in functions:
        if not isinstance(key, str | type):
            raise InvalidSetting(setting, key, "give an event type's class or its name for each function")
        name = key if isinstance(key, str) else key.__name__
        if name in names:
            raise InvalidSetting(setting, name, "it is there by its class and by its name; give one function for it")
        names.add(name)


def _hash(parts: list[str | None]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
