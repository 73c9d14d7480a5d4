"""Event types by name: what a payload means, for everybody who brings a domain of their own.

The log itself needs no registry to record, read, compact or verify. A registry turns payloads into dataclasses and says
which shredded columns stand beside them. Each type is registered in today's version; upcasters lead there from older ones.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import weakref
from contextlib import suppress
from hashlib import sha256
from itertools import starmap
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from orders_es.errors import (
    EventError,
    InvalidEvent,
    InvalidSetting,
    LogError,
    RegistrationClash,
    UnknownEventType,
    UpcastFailed,
)
from orders_es.log.envelope import ENVELOPE
from orders_es.log.event_type import EventType, arranged, check_values, fields_of, version_of
from orders_es.log.exact import CHECKS
from orders_es.log.personal import end_of
from orders_es.log.shredding import misfit
from orders_es.log.upcasting import Part, Today, Upcasters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from orders_es.upcaster import Upcaster

__all__ = ["EventRegistry", "mark_by_environment"]

_FEW = 64

PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED = (
    "PersonalDataErased",
    "LegalHoldPlaced",
    "LegalHoldReleased",
)
PRIVACY = (PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED)
"""The events by which `orders_es.audit` records what was erased, and what must not be. Storage format, and no domain's concern."""

PERIOD_CLOSED = "PeriodClosed"
"""The event that gives a moment a name (`orders_es.audit.close`). Storage format, and no domain's concern: read models pass over it."""

SOURCE_FOLLOWED = "SourceFollowed"
"""How far a source has been followed (`orders_es.sources.streams`), recorded with the events it led to. Storage format; read models pass over it."""

LINE_REFUSED = "SourceLineRefused"
"""What a source said and no event could be made of. Storage format; read models pass over it."""


class KnowsWriters(Protocol):
    """A log that can say which packages wrote into it."""

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew."""
        ...


SWITCH = "ORDERS_ES_PERSONAL"
"""The environment variable that names fields of shipped types which are personal: `OrderCreated.customer_id`, with blanks between them."""


def mark_by_environment(registry: EventRegistry) -> EventRegistry:
    """The same registry, with the fields marked as personal that `ORDERS_ES_PERSONAL` names, as far as it has their types.

    Raises:
        InvalidSetting: The variable cannot be read.
        RegistrationClash: A type has no such field.
    """
    for said in os.environ.get(SWITCH, "").replace(",", " ").split():
        name, _, field = said.rpartition(".")
        if not name or not field:
            raise InvalidSetting(SWITCH, said, "name each field with its type, such as OrderCreated.customer_id")
        if name in registry:
            registry.mark_personal(name, field)
    return registry


class EventRegistry:
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
        self._by_name: dict[str, EventType] = {}
        self._by_class: dict[type, EventType] = {}
        self._columns: dict[str, str] = {}
        self._owner: dict[str, str] = {}
        self._spelling: dict[str, str] = {}
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._left_out: frozenset[str] = frozenset({PERIOD_CLOSED, SOURCE_FOLLOWED, LINE_REFUSED, *PRIVACY})
        self._tolerates = False
        self._canonical: tuple[int, str] | None = None
        self._fingerprint: tuple[int, str] | None = None
        self._upcasters = Upcasters(self)
        self._writers: weakref.WeakSet[KnowsWriters] = weakref.WeakSet()
        self.revision = 0
        for cls in event_types:
            self.register(cls)
        self.upcast(*upcasters)
        self.check()

    def register(self, cls: type, *, name: str | None = None, schema_version: int | None = None) -> type:
        """`cls` itself, after adding it as an event type; so it also serves as a class decorator.

        Args:
            cls: A dataclass. Its field names and types are storage format. A field's metadata may limit what is recorded:
                `field(metadata={"largest": 999})` for a whole number, `field(metadata={"identifier": True})` for a text
                that is never empty, `field(metadata={"pattern": ("[A-Z]{3}", "three capital letters")})` for one of a form,
                `field(metadata={"personal": True})` for what can be erased one day.
            name: The type's name in storage; the class name if left out.
            schema_version: The version of its payload's shape, 1 or more; if left out, what the class says in
                `__schema_version__`, or 1.

        Raises:
            RegistrationClash: The name is taken, a field is named like an envelope column, or a field of that name has
                another type elsewhere in the registry.
        """
        name, schema_version = name or cls.__name__, version_of(cls) if schema_version is None else schema_version
        if not dataclasses.is_dataclass(cls):
            raise RegistrationClash(name, "it is not a dataclass; put @dataclass(frozen=True) above it")
        if schema_version < 1:
            raise RegistrationClash(name, f"schema_version={schema_version}: versions start at 1")
        known = self._by_name.get(name)
        if known is not None:
            if known.cls is cls and known.schema_version == schema_version:
                return cls
            raise RegistrationClash(name, f"an event type of that name is registered already: {known.cls.__qualname__}")
        fields = fields_of(cls)
        for f in fields:
            if f.name.casefold() in ENVELOPE:
                raise RegistrationClash(f"{name}.{f.name}", "that is the name of an envelope column; rename the field")
            spelt = self._spelling.get(f.name.casefold(), f.name)
            if spelt != f.name:
                raise RegistrationClash(
                    f"{name}.{f.name}",
                    f"SQL cannot tell it from the column {spelt!r}; spell both the same or rename one",
                )
            if self._columns.get(f.name, f.kind) != f.kind:
                raise RegistrationClash(
                    f"{name}.{f.name}",
                    f"it is {f.kind} here and {self._columns[f.name]} in {self._owner[f.name]}; "
                    "a field name has one type in the whole registry, so rename one of them",
                )
        for f in fields:
            self._columns.setdefault(f.name, f.kind)
            self._spelling.setdefault(f.name.casefold(), f.name)
            self._owner.setdefault(f.name, name)
        event_type = EventType(name, schema_version, cls, arranged(name, fields))
        self._by_name[name] = event_type
        self._by_class[cls] = event_type
        self.revision += 1
        return cls

    def mark_personal(self, name: str, *fields: str) -> None:
        """Say of fields of a registered type that they can be erased one day, as its class could say of them itself.

        From then on they are recorded at the end of payloads, under a salted hash of their own. Events that are in the log
        already stay as they are, and theirs cannot be erased.

        Args:
            name: The event type's name.
            fields: Those of its fields.

        Raises:
            UnknownEventType: There is no such type.
            RegistrationClash: It has no such field, or one of another kind than text that cannot be None.

        Example:
            >>> from orders_es.log import order_registry
            >>> registry = order_registry()
            >>> registry.mark_personal("OrderCreated", "customer_id")
            >>> sorted(registry["OrderCreated"].personal)
            ['customer_id']
        """
        event_type = self[name]
        for field in fields:
            if field not in {known.name for known in event_type.fields}:
                raise RegistrationClash(f"{name}.{field}", "the type has no such field")
        wanted = {*fields, *event_type.personal}
        given = {field.name: field for field in event_type.fields}
        order = [given[field.name] for field in fields_of(event_type.cls)]
        changed = [dataclasses.replace(field, personal=field.name in wanted) for field in order]
        marked = dataclasses.replace(event_type, fields=arranged(name, changed))
        self._by_name[name] = self._by_class[event_type.cls] = marked
        self.revision += 1

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
        return self._tolerates or len(self._upcasters) > 0

    def upcasts(self, name: str, schema_version: int) -> bool:
        """Whether events of a type and version are read through upcasters, or passed over."""
        return (name, schema_version) in self._upcasters or self._passes_over(name, schema_version)

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
        self._tolerates = True
        self.revision += 1

    @property
    def tolerates(self) -> bool:
        """Whether `tolerate_unknown` was called."""
        return self._tolerates

    def passed_over(self, held: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of some types and versions whose events are passed over, sorted.

        Args:
            held: Types and schema versions, as `EventLog.event_types` gives them.
        """
        return sorted(pair for pair in held if self._passes_over(*pair))

    def _passes_over(self, name: str, schema_version: int) -> bool:
        if not self._tolerates or (name, schema_version) in self._upcasters:
            return False
        known = self._by_name.get(name)
        return name not in self._left_out if known is None else schema_version > known.schema_version

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
            return None if self._passes_over(name, schema_version) else Today(name, schema_version, payload)
        self._upcasters.check()
        return self._upcasters.today(name, schema_version, payload, position, stream_id)

    def todays(self, rows: Iterable[tuple[str, int, str, int, str]]) -> list[Today | None]:
        """As `today`, for many events that upcasters read: type, schema version, payload, position and stream of each."""
        self._upcasters.check()
        return list(starmap(self.today if self._tolerates else self._upcasters.today, rows))

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
        decode = self._decoder(name, event_type.schema_version, 0, "").decode
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

    @property
    def fingerprint(self) -> str:
        """A hash of what decides how events are read: types, versions, fields, and the upcasters with their code."""
        if self._fingerprint is None or self._fingerprint[0] != self.revision:
            types = sorted((t.name, t.schema_version, [dataclasses.astuple(f) for f in t.fields]) for t in self)
            said = repr(
                (types, sorted(step.fingerprint for step in self._upcasters)) + (("tolerates",) * self._tolerates)
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
        steps += ["tolerates"] * self._tolerates
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
        self._left_out |= set(names)

    def foreign(self, name: str) -> bool:
        """Whether a type is known to be no concern of whoever has no use for it: registered, or expressly left out.

        Args:
            name: The type's name.
        """
        return name in self._by_name or name in self._left_out

    def ask_writers(self, log: KnowsWriters) -> None:
        """Ask a log, as long as it is there, who wrote events that are not known here.

        Args:
            log: What knows which packages wrote into it.
        """
        self._writers.add(log)

    def not_known(self, name: str, schema_version: int, position: int = 0, stream_id: str = "") -> EventError:
        """The error for a recorded event whose type or version is not known here; it says who wrote it, as far as a log knows.

        Args:
            position: Where it stands.
            stream_id: Where the event stands, for the error.
        """
        packages: set[str] = set()
        for log in self._writers:
            with suppress(LogError, OSError):
                packages |= log.written_by(name, schema_version)
        writer = " and ".join(sorted(packages))
        event_type = self._by_name.get(name)
        if event_type is None or event_type.schema_version == schema_version:  # or it is not of what is asked about
            return UnknownEventType(name, position, stream_id, "" if event_type else writer)
        known = event_type.schema_version
        if schema_version < known:
            advice = f"register an upcaster that reads v{schema_version}"
        elif writer:
            advice = f"{writer} wrote it; upgrade to that or a later version"
        else:
            advice = "a newer program wrote it; upgrade the package that has this type"
        return InvalidEvent(
            name,
            "",
            f"position {position} holds schema version {schema_version}, the registry knows {known}"
            + (f" (stream {stream_id!r})" if stream_id else "")
            + f"; {advice}",
        )

    def __getitem__(self, name: str) -> EventType:
        """The event type of that name, or `UnknownEventType`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownEventType(name) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"EventRegistry({', '.join(self._by_name)})"

    @property
    def columns(self) -> dict[str, str]:
        """The shredded columns: each payload field's name and kind, in order of registration."""
        return {name: kind for name, kind in self._columns.items() if kind != "json"}

    @property
    def canonical(self) -> str:
        """The pattern of payloads that are just as `encode` writes them; see `orders_es.log.canonical`."""
        if self._canonical is None or self._canonical[0] != self.revision:
            from orders_es.log.canonical import canonical_pattern

            self._canonical = (self.revision, canonical_pattern(self))
        return self._canonical[1]

    def type_of(self, data: object) -> EventType:
        """The event type that `data` is an instance of, or `UnknownEventType`."""
        try:
            return self._by_class[type(data)]
        except KeyError:
            raise UnknownEventType(type(data).__name__) from None

    def encode(self, data: object) -> tuple[EventType, str, dict[str, Any]]:
        """The event type, the payload's JSON text, and the values of the shredded columns (None left out).

        Args:
            data: An instance of a registered dataclass.

        Raises:
            UnknownEventType: Its class is not registered.
            InvalidEvent: A value cannot be recorded exactly: a float for money, more than four decimals, a naive time.
        """
        event_type, payload, shredded, _ = self.sealed(data)
        return event_type, payload, shredded

    def sealed(self, data: object) -> tuple[EventType, str, dict[str, Any], int | None]:
        """As `encode`, and at which byte of the payload what is personal begins; None where nothing is."""
        event_type = self.type_of(data)
        payload: dict[str, Any] = {}
        shredded: dict[str, Any] = {}
        for f in event_type.fields:
            value = getattr(data, f.name)
            if value is None:
                if not f.optional:
                    raise InvalidEvent(event_type.name, f.name, "it is None, and the type does not allow that")
                continue
            if f.kind == "json":
                payload[f.name] = value
                continue
            value = CHECKS[f.kind](event_type.name, f.name, value)
            shredded[f.name] = value
            payload[f.name] = str(value) if f.kind == "decimal" else value
        try:
            if event_type.fields and event_type.fields[-1].personal:
                names = event_type.personal
                personal = msgspec.json.encode({name: payload.pop(name) for name in list(payload) if name in names})
                joined = end_of(msgspec.json.encode(payload), personal)
                if joined is not None:
                    return event_type, joined[0].decode(), shredded, joined[1]
            return event_type, msgspec.json.encode(payload).decode(), shredded, None
        except (TypeError, ValueError) as error:
            raise InvalidEvent(event_type.name, "", f"it cannot be written as JSON: {error}") from error

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
        if self.upcasts(name, schema_version):
            return self._decode_old(name, schema_version, payload, position, stream_id)
        decoder = self._decoder(name, schema_version, position, stream_id)
        try:
            event = decoder.decode(payload)
            check_values(self._by_name[name], event)
        except InvalidEvent as error:
            raise misfit(name, error.field, error.reason, position, stream_id) from error
        except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
            raise misfit(name, "", str(error), position, stream_id) from error
        return event

    def _decode_old(self, name: str, schema_version: int, payload: str, position: int, stream_id: str) -> Any:
        today = self.today(name, schema_version, payload, position, stream_id)
        if today is None:
            return None
        if today.payload is payload:  # what it lacks, it lacked when it was recorded
            return self.decode(*today, position, stream_id)
        try:
            return self.decode(*today)
        except InvalidEvent as error:
            reason = f"what its upcasters gave is no {today.type} v{today.schema_version} ({error.reason})"
            facts = (name, error.field, reason, schema_version, position, stream_id, payload)
            raise UpcastFailed(*facts) from error

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
        pairs = set(zip(names, schema_versions, strict=True))
        if self.evolves and any(self.upcasts(*pair) for pair in pairs):
            return list(map(self.decode, names, schema_versions, payloads, positions, stream_ids))
        try:
            decode = {name: self._decoder(name, v, 0, "").decode for name, v in pairs}
            events = [decode[name](payload) for name, payload in zip(names, payloads, strict=True)]
            for row in self._others(payloads, texts):
                check_values(self._by_name[names[row]], events[row])
        except (UnknownEventType, InvalidEvent, msgspec.DecodeError, ValueError, TypeError, RecursionError):
            # One by one, so that the error says which it is.
            return list(map(self.decode, names, schema_versions, payloads, positions, stream_ids))
        return events

    def _others(self, payloads: Sequence[str], texts: Any) -> Iterable[int]:
        """The rows of payloads that are not as `encode` writes them; of a few, all."""
        if len(payloads) <= _FEW:
            return range(len(payloads))
        import pyarrow as pa

        from orders_es.log.canonical import others

        rows: list[int] = others(self, pa.array(payloads, pa.string()) if texts is None else texts).tolist()
        return rows

    def _decoder(self, name: str, schema_version: int, position: int, stream_id: str) -> msgspec.json.Decoder[Any]:
        event_type = self._by_name.get(name)
        if event_type is None or schema_version != event_type.schema_version:
            raise self.not_known(name, schema_version, position, stream_id)
        decoder = self._decoders.get(name)
        if decoder is None:
            decoder = self._decoders[name] = _decoder(event_type.cls)
        return decoder

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            tuple((t.cls, t.name, t.schema_version) for t in self),
            self._left_out,
            tuple(self._upcasters),
            self._tolerates,
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


@functools.lru_cache(maxsize=1_000)
def _decoder(cls: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)
