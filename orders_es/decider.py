"""`Decider`: an aggregate's rules as functions, so that everything above the log works on any domain. Pure.

Orders are one of many (`orders_es.orders.ORDERS`). Whoever brings another aggregate writes the same three functions, names
its events, and has commands, snapshots, process managers, histories and the command line for it. Source of the shape: Jérémie
Chassaing, "Functional Event Sourcing Decider" (2021).
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, is_dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from orders_es.upcaster import Upcaster

__all__ = ["Decider", "StateCodec", "check_function"]

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class StateCodec(Generic[State]):
    """How a state goes into a snapshot and comes out again, equal to what went in.

    Args:
        encode: The bytes of a state.
        decode: The state of such bytes. It may raise on bytes that it did not write: the snapshot is then not used.
    """

    encode: Callable[[State], bytes]
    decode: Callable[[bytes], State]

    @classmethod
    def of(cls, state: type[State]) -> StateCodec[State]:
        """The codec of a dataclass or `msgspec.Struct`, as MessagePack.

        Args:
            state: The class. Its fields may be whatever msgspec reads: numbers, text, `Decimal`, times, tuples, other
                dataclasses, …

        Example:
            >>> @dataclass(frozen=True)
            ... class Parcel:
            ...     depot: str = ""
            >>> codec = StateCodec.of(Parcel)
            >>> codec.decode(codec.encode(Parcel("Leeds")))
            Parcel(depot='Leeds')
        """
        if not (is_dataclass(state) or issubclass(state, msgspec.Struct)):
            raise InvalidSetting(
                "state", state.__name__, "give a dataclass or a msgspec.Struct, or functions of your own"
            )
        return cls(msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(state).decode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[State]):
    """The rules of one kind of aggregate. None of the functions may look at a clock, at files or at anything but its arguments.

    Args:
        name: Small letters, digits, `_`; snapshots lie under it.
        event_types: The dataclasses of its events, in today's versions: `__schema_version__` in a class, or 1.
        decide: The events that a command leads to; it raises `CommandRejected` where a business rule says no.
        evolve: The state after one more event, a value with `data`, `occurred_at`, `version` and `position`. It never
            raises on what is recorded, however odd.
        initial: The state of a stream, by its id, before its first event.
        fold: The state after many events, where there is a faster way than `evolve` event by event to the same.
        version: What the fold is now. Raise it when the same events come to another state; snapshots of other versions are
            not used.
        snapshots: How a state is kept; without it there are no snapshots.
        summarize: An event's data in a few words, for histories; the fields are shown without it.
        read_models: A folder of `.sql` files with the domain's read models.
        upcasters: What leads from older versions of its events to today's; see `orders_es.upcaster`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Scanned:
        ...     depot: str
        >>> parcels = Decider(
        ...     name="parcels",
        ...     event_types=(Scanned,),
        ...     decide=lambda command, scans: [Scanned(command)],
        ...     evolve=lambda scans, event: scans + 1,
        ...     initial=lambda stream_id: 0,
        ... )
        >>> parcels.name, parcels.after([], 7)
        ('parcels', 7)
    """

    name: str
    event_types: tuple[type, ...]
    decide: Callable[[Any, State], Iterable[Any]]
    evolve: Callable[[State, Any], State]
    initial: Callable[[str], State]
    fold: Callable[[Iterable[Any], State], State] | None = None
    version: int = 1
    snapshots: StateCodec[State] | None = None
    summarize: Callable[[Any], str] | None = None
    read_models: Path | None = None
    upcasters: tuple[Upcaster, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise InvalidSetting("name", self.name, "give small letters, digits and _, beginning with a letter")
        if self.version < 1:
            raise InvalidSetting("version", self.version, "give 1 or more")
        check_function("decide", self.decide, may_yield=True)
        for setting in ("evolve", "initial", "fold", "summarize"):
            if (function := getattr(self, setting)) is not None:
                check_function(setting, function)

    def after(self, events: Iterable[Any], state: State) -> State:
        """The state after these events, in the order given; retired ones change nothing.

        Args:
            events: Values with `data`, `occurred_at`, `version` and `position`.
            state: The state before them.
        """
        events = [event for event in events if not getattr(event, "retired", False)]
        return reduce(self.evolve, events, state) if self.fold is None else self.fold(events, state)


def check_function(setting: str, function: object, *, may_yield: bool = False) -> None:
    """Refuse what does nothing when it is called as a function is: an `async def`, and a generator that nobody iterates.

    Args:
        setting: What the function was given as, for the error.
        function: The function, or another callable.
        may_yield: Whether what it returns is iterated, so that a generator does its work.

    Raises:
        InvalidSetting: It is one of those, or cannot be called at all.

    Example:
        >>> async def placed(event, tables): ...
        >>> check_function("handlers['OrderPlaced']", placed)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        orders_es.errors.calls.InvalidSetting: handlers['OrderPlaced']=<function placed at ...>: an `async def` does nothing ...
    """
    if not callable(function):
        raise InvalidSetting(setting, function, "give a function")
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    inner = inspect.unwrap(inner)
    for code in (inner, type(inner).__call__):
        if inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
            raise InvalidSetting(
                setting,
                function,
                "an `async def` does nothing when it is called, it only gives something to be awaited; give a plain "
                "function (asyncio.run(…) within it where it has to wait for others)",
            )
        if inspect.isgeneratorfunction(code) and not may_yield:
            raise InvalidSetting(
                setting, function, "a function with `yield` does nothing until somebody iterates it; give one without"
            )
