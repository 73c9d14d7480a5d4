"""Event types by name: the dataclasses that were registered, the columns of their fields, and payloads made of their instances."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.errors import InvalidEvent, RegistrationClash, UnknownEventType
from orders_es.log.envelope import ENVELOPE
from orders_es.log.event_type import EventType, arranged, fields_of, version_of
from orders_es.log.exact import CHECKS
from orders_es.log.personal import end_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RegisteredTypes"]


class RegisteredTypes:
    """The event types that a program knows, each in today's version; `EventRegistry` says what older and unknown ones are."""

    def __init__(self) -> None:
        self._by_name: dict[str, EventType] = {}
        self._by_class: dict[type, EventType] = {}
        self._columns: dict[str, str] = {}
        self._owner: dict[str, str] = {}
        self._spelling: dict[str, str] = {}
        self.revision = 0

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

    @property
    def columns(self) -> dict[str, str]:
        """The shredded columns: each payload field's name and kind, in order of registration."""
        return {name: kind for name, kind in self._columns.items() if kind != "json"}

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
                if f.default is not None:  # left out, it would be read as that
                    payload[f.name] = None
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
