"""Event types by name: what a payload means, for everybody who brings a domain of their own.

The log itself needs no registry to record, read, compact or verify. A registry turns payloads into dataclasses and says
which shredded columns stand beside them. Each type is registered in today's version; upcasters lead there from older ones.
"""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from itertools import starmap
from typing import TYPE_CHECKING, Any

from orders_es.log.decoding import PayloadDecoder
from orders_es.log.event_type import check_values
from orders_es.log.payload_shape import has_nested_amounts
from orders_es.log.registered_types import RegisteredTypes
from orders_es.log.unknown_types import UnknownTypes
from orders_es.log.upcasting import Part, Today, Upcasters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from orders_es.errors import EventError
    from orders_es.log.unknown_types import KnowsWriters
    from orders_es.upcaster import Upcaster

__all__ = ["EventRegistry"]


class EventRegistry(RegisteredTypes):
    """The event types that a program knows.

    Args:
        event_types: Dataclasses to register, each under its class name.
        upcasters: What leads from older versions to today's.

    Raises:
        RegistrationClash: A name is taken, a field has another type elsewhere in the registry, or a chain of upcasters does not
            lead to a version of today.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class ParcelLost:
        ...     parcel: str
        >>> registry = EventRegistry([ParcelLost])
        >>> registry["ParcelLost"].schema_version
        1
    """

    def __init__(self, event_types: Iterable[type] = (), upcasters: Iterable[Upcaster] = ()) -> None:
        super().__init__()
        self._canonical: tuple[int, str] | None = None
        self._fingerprint: tuple[int, str] | None = None
        self._defaults: tuple[int, dict[str, frozenset[str]]] | None = None
        self._upcasters = Upcasters(self)
        self._unknown = UnknownTypes(self._by_name)
        self._decoder = PayloadDecoder(self)
        for cls in event_types:
            self.register(cls)
        self.upcast(*upcasters)
        self.check()

    def upcast(self, *upcasters: Upcaster) -> None:
        """Let older versions of event types be read, each by the steps that lead from it to today's.

        Args:
            upcasters: What `orders_es.upcaster.upcaster` and `retired` make.

        Raises:
            RegistrationClash: Another upcaster reads the same type and version.

        Example:
            >>> from orders_es.upcaster import upcaster
            >>> @dataclasses.dataclass(frozen=True)
            ... class Weighed:
            ...     grams: int
            ...     __schema_version__ = 2
            >>> @upcaster("Weighed", 1)
            ... def in_grams(payload):
            ...     return {"grams": payload["kilos"] * 1000}
            >>> registry = EventRegistry([Weighed], [in_grams])
            >>> registry.decode("Weighed", 1, '{"kilos":3}')
            Weighed(grams=3000)
        """
        for step in upcasters:
            self._upcasters.add(step)
            self.revision += 1

    def check(self) -> None:
        """Make sure that every chain of upcasters leads to a version of today; `open_log` does, too.

        Raises:
            RegistrationClash: One goes in a circle, lacks a step, or begins at a version that is no older one.
        """
        self._upcasters.check()

    @property
    def upcasters(self) -> tuple[Upcaster, ...]:
        """The upcasters, in the order in which they were given."""
        return tuple(self._upcasters)

    @property
    def evolves(self) -> bool:
        """Whether events may be read otherwise than they were recorded: there are upcasters, or unknown ones are passed over."""
        return self._unknown.tolerated or len(self._upcasters) > 0

    def upcasts(self, name: str, schema_version: int) -> bool:
        """Whether events of a type and version are read through upcasters, or passed over."""
        return (name, schema_version) in self._upcasters or self._unknown.passes_over(name, schema_version)

    def step(self, key: tuple[str, int]) -> Upcaster | None:
        """The upcaster that reads a type and version, if there is one."""
        return self._upcasters.step(key)

    def tolerate_unknown(self) -> None:
        """Pass over events of types and versions that are newer than this program, instead of raising: for looking.

        They are read as if they were retired. A log with such a registry takes no events, and answers say what was passed over.

        Example:
            >>> registry = EventRegistry()
            >>> registry.tolerate_unknown()
            >>> registry.passed_over({("OrderBlessed", 1)})
            [('OrderBlessed', 1)]
        """
        self._unknown.tolerated = True
        self.revision += 1

    @property
    def tolerates(self) -> bool:
        """Whether `tolerate_unknown` was called."""
        return self._unknown.tolerated

    def passed_over(self, held: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of some types and versions whose events are passed over, sorted.

        Args:
            held: Types and schema versions, as `EventLog.event_types` gives them.
        """
        return sorted(pair for pair in held if self._passes_over(*pair))

    def _passes_over(self, name: str, schema_version: int) -> bool:
        return (name, schema_version) not in self._upcasters and self._unknown.passes_over(name, schema_version)

    def is_today(self, name: str, schema_version: int) -> bool:
        """Whether a type and version are today's."""
        known = self._by_name.get(name)
        return known is not None and known.schema_version == schema_version

    def today(
        self, name: str, schema_version: int, payload: str, position: int = 0, stream_id: str = ""
    ) -> Today | None:
        """What a recorded event is in today's schema; None if it is retired. Its fit to the type is not looked at.

        An event of a type or version that nobody knows comes back as it is.

        Args:
            payload: JSON text, as recorded.
            position: Where it stands, for the error.
            stream_id: Its stream, for the error.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish.
        """
        if (name, schema_version) not in self._upcasters:
            return None if self._unknown.passes_over(name, schema_version) else Today(name, schema_version, payload)
        self._upcasters.check()
        return self._upcasters.today(name, schema_version, payload, position, stream_id)

    def todays(self, rows: Iterable[tuple[str, int, str, int, str]]) -> list[Today | None]:
        """As `today`, for many events that upcasters read: type, schema version, payload, position and stream of each."""
        self._upcasters.check()
        return list(starmap(self.today if self._unknown.tolerated else self._upcasters.today, rows))

    def upcast_many(self, key: tuple[str, int], payloads: pa.Array) -> list[Part]:
        """What many events of one old type and version are today; of those that upcasters changed, the fit to their types is looked at.

        Args:
            key: Type and schema version, as recorded.
            payloads: JSON texts, an Arrow array.

        Raises:
            Exception: Something is wrong with one of them, or they are not plain enough; `todays` says of each what it is.
        """
        if self._passes_over(*key):
            return [Part(list(range(len(payloads))), None, None)]
        self._upcasters.check()
        parts = self._upcasters.many(key, payloads)
        for part in parts:
            if part.key is not None and part.lines is not None:
                self._check_lines(part.key[0], part.lines)
        return parts

    def _check_lines(self, name: str, lines: bytes) -> None:
        import pyarrow as pa

        from orders_es.log.canonical import misfits

        event_type, texts = self._by_name[name], lines.split(b"\n")[:-1]
        decode = self._decoder.of(name, event_type.schema_version).decode
        for row in misfits(event_type, pa.array(texts, pa.string())).tolist():
            check_values(event_type, decode(texts[row]))

    def of_today(self, held: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """The types and versions that events are of as they are read, for those of which they were recorded.

        Args:
            held: Types and schema versions, as `EventLog.event_types` gives them.
        """
        held = frozenset(held)
        old = {pair for pair in held if pair in self._upcasters}
        return (held - old - set(self.passed_over(held))).union(*(self._upcasters.ends(pair) for pair in old))

    def changed(self, held: Iterable[tuple[str, int]]) -> frozenset[str]:
        """The fields that may have been of another type in a log's older events, since upcasters lead to types that have them.

        Args:
            held: The types and schema versions in the log, as recorded.
        """
        ends = {end for pair in held if pair in self._upcasters for end in self._upcasters.ends(pair)}
        return frozenset(field.name for name, _ in ends for field in self._by_name[name].fields)

    def defaults(self, names: AbstractSet[str]) -> dict[str, frozenset[str]]:
        """Those of some fields that have a default which is a column's value, each with the types in which it does.

        Args:
            names: The fields.
        """
        if self._defaults is None or self._defaults[0] != self.revision:
            found: dict[str, set[str]] = {}
            for event_type in self:
                for field in event_type.fields:
                    if field.default is not None:
                        found.setdefault(field.name, set()).add(event_type.name)
            self._defaults = self.revision, {name: frozenset(types) for name, types in found.items()}
        return {name: types for name, types in self._defaults[1].items() if name in names}

    @property
    def fingerprint(self) -> str:
        """A hash of what decides how events are read: types, versions, fields, and the upcasters with their code."""
        if self._fingerprint is None or self._fingerprint[0] != self.revision:
            types = sorted((t.name, t.schema_version, [dataclasses.astuple(f) for f in t.fields]) for t in self)
            said = repr(
                (types, sorted(step.fingerprint for step in self._upcasters))
                + (("tolerates",) * self._unknown.tolerated)
                + tuple(f"amounts in {t.name}" for t in self if self._upcasters and has_nested_amounts(t))
            )
            self._fingerprint = self.revision, sha256(said.encode()).hexdigest()
        return self._fingerprint[1]

    def upcasters_of(self, types: Iterable[str]) -> str:
        """A hash of the upcasters that have to do with some types: they read them, or may lead to them. Empty if there are none.

        Args:
            types: Names of event types; none for all.
        """
        names = set(types)
        steps = [
            step.fingerprint
            for step in self._upcasters
            if not names
            or step.type in names
            or any(name in names for name, _ in self._upcasters.ends((step.type, step.schema_version)))
        ]
        steps += ["tolerates"] * self._unknown.tolerated
        return sha256(repr(sorted(steps)).encode()).hexdigest() if steps else ""

    def leave_out(self, *names: str) -> None:
        """Say of event types that nobody registers here that they are another domain's, and no concern of this program.

        Read models and folds then pass over streams that hold nothing else. Without it, an event of an unregistered type is
        an error wherever it stands, for it might be one that a total lacks.

        Example:
            >>> registry = EventRegistry()
            >>> registry.leave_out("ParcelLost", "ParcelFound")
            >>> registry.foreign("ParcelLost"), registry.foreign("OrderBlessed")
            (True, False)
        """
        self._unknown.left_out |= set(names)

    def foreign(self, name: str) -> bool:
        """Whether a type is known to be no concern of whoever has no use for it: registered, or expressly left out.

        Args:
            name: The type's name.
        """
        return self._unknown.foreign(name)

    def ask_writers(self, log: KnowsWriters) -> None:
        """Ask a log, as long as it is there, who wrote events that are not known here.

        Args:
            log: What knows which packages wrote into it.
        """
        self._unknown.ask(log)

    def not_known(self, name: str, schema_version: int, position: int = 0, stream_id: str = "") -> EventError:
        """The error for a recorded event whose type or version is not known here; it says who wrote it, as far as a log knows.

        Args:
            position: Where it stands.
            stream_id: Where the event stands, for the error.
        """
        return self._unknown.error(name, schema_version, position, stream_id)

    def decode(self, name: str, schema_version: int, payload: str, position: int = 0, stream_id: str = "") -> Any:
        """The payload as an instance of its dataclass of today; None if the event is retired.

        Args:
            name: The event type's name, as recorded.
            schema_version: The version it was recorded with.
            payload: JSON text.
            position: Where it stands, for the error.
            stream_id: Its stream, for the error.

        Raises:
            UnknownEventType: The type is not registered.
            InvalidEvent: The payload does not fit, or has a schema version that the registry does not know.
            UpcastFailed: An upcaster raised, or what it gave does not fit.
        """
        return self._decoder.one(name, schema_version, payload, position, stream_id)

    def decode_many(
        self,
        names: Sequence[str],
        schema_versions: Sequence[int],
        payloads: Sequence[str],
        positions: Iterable[int],
        stream_ids: Iterable[str],
        texts: Any = None,
    ) -> list[Any]:
        """As `decode`, for many events at once, in half the time.

        Args:
            schema_versions: The versions they were recorded with.
            payloads: JSON texts.
            positions: Where they stand; looked at for an error only.
            stream_ids: Their streams; looked at for an error only.
            texts: The payloads once more, as an Arrow array, if there is one.

        Raises:
            UnknownEventType: A type is not registered.
            InvalidEvent: A payload does not fit, or has a schema version that the registry does not know.
        """
        return self._decoder.many(names, schema_versions, payloads, positions, stream_ids, texts)

    @property
    def canonical(self) -> str:
        """The pattern of payloads that are just as `encode` writes them; see `orders_es.log.canonical`."""
        if self._canonical is None or self._canonical[0] != self.revision:
            from orders_es.log.canonical import canonical_pattern

            self._canonical = (self.revision, canonical_pattern(self))
        return self._canonical[1]

    def __repr__(self) -> str:
        return f"EventRegistry({', '.join(self._by_name)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            tuple((t.cls, t.name, t.schema_version) for t in self),
            self._unknown.left_out,
            tuple(self._upcasters),
            self._unknown.tolerated,
        )


def _rebuild(
    event_types: tuple[tuple[type, str, int], ...],
    left_out: frozenset[str] = frozenset(),
    upcasters: tuple[Upcaster, ...] = (),
    tolerates: bool = False,  # noqa: FBT001, FBT002 - pickle gives arguments by place
) -> EventRegistry:
    registry = EventRegistry()
    if tolerates:
        registry.tolerate_unknown()
    registry.leave_out(*left_out)
    for cls, name, schema_version in event_types:
        registry.register(cls, name=name, schema_version=schema_version)
    registry.upcast(*upcasters)
    return registry
