"""Mappings: TOML files that say which foreign type and field becomes which of ours; for `orders_es.sources.jsonl`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orders_es.errors import BadSource
from orders_es.sources.jsonl.strict_json import EPOCHS

if TYPE_CHECKING:
    import os
    from datetime import tzinfo

    from orders_es.log import EventRegistry

__all__ = ["ENVELOPE_KEYS", "FieldRule", "Mapping", "TypeRule", "load_mapping", "shipped_mappings"]

ENVELOPE_KEYS = (
    "event_id",
    "stream_id",
    "type",
    "payload",
    "schema_version",
    "occurred_at",
    "entered_at",
    "version",
    "actor",
    "correlation_id",
    "causation_id",
)
_REQUIRED = ("stream_id", "type", "occurred_at")
_TOP = frozenset(
    {
        "envelope",
        "types",
        "ignore_types",
        "ignore_fields",
        "minor_digits",
        "first_version",
        "tz",
        "time_format",
        "repeated_hour",
    }
)
_FORMS = frozenset({"text", "integer", "decimal", "minor", "boolean", "time", "upper"})
_FORM_OF = {"string": "text", "int64": "integer", "decimal": "decimal", "bool": "boolean", "timestamp": "time"}
_MOST_MINOR_DIGITS = 4
_NOT_NEGATIVE = {
    "DiscountApplied": ("amount",),
    "ShippingCharged": ("amount",),
    "PaymentReceived": ("amount",),
    "PaymentFailed": ("amount",),
    "RefundIssued": ("amount",),
    "ItemAdded": ("quantity", "price"),
    "ItemRemoved": ("quantity", "price"),
    "ItemReturned": ("quantity", "price"),
    "ItemQuantityChanged": ("price",),
}
"""Fields of ours whose sign is in the meaning of the event: a negative discount would make an order dearer."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where a field's value comes from.

    Args:
        sources: Paths in the foreign payload (`a.b` is `b` within `a`); the first that is there counts.
        form: How the value is written there: `text`, `integer`, `decimal`, `minor`, `boolean` or `time`.
        minus: A path whose number is taken off, if it is there.
        default: The value where none of the paths is there.
        required: Whether an event without it is none.
        negate: Whether the source writes the opposite of what we mean.
        not_negative: Whether a negative value would mean the opposite of the event.
        is_id: Whether it names something, so that blanks at its ends do not count.
    """

    sources: tuple[str, ...]
    form: str
    minus: str | None
    default: Any
    required: bool
    negate: bool = False
    not_negative: bool = False
    is_id: bool = False


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What becomes of one foreign event type.

    Args:
        to: Our type's name.
        fields: A rule for each of our fields that is filled.
        ignored: Names of foreign fields that may be left out.
        mentioned: The first parts of all paths that are read.
        as_is: Whether the payload is one of ours already, of the version that the line or `schema_version` names.
        schema_version: That version, where it is the same in every line; None where the line names it.
    """

    to: str
    fields: dict[str, FieldRule]
    ignored: frozenset[str]
    mentioned: frozenset[str]
    as_is: bool = False
    schema_version: int | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked.

    Args:
        envelope: Paths for each part of the envelope.
        envelope_ignored: Names beside the envelope that may be left out.
        types: The rule of each foreign type.
        ignored_types: Foreign types that are left out.
        minor_digits: How many decimals the minor unit has.
        first_version: The version of a stream's first event in the source.
        zone: The zone of times that name none.
        time_format: How times are written, if not as ISO 8601 has it.
        repeated_hour: Which one a local time is that the clock showed twice.
    """

    path: str
    envelope: dict[str, tuple[str, ...]]
    envelope_ignored: frozenset[str]
    types: dict[str, TypeRule]
    ignored_types: frozenset[str]
    minor_digits: int
    first_version: int
    zone: tzinfo
    time_format: str | None = None
    repeated_hour: str | None = None


def shipped_mappings() -> list[str]:
    """The names of the mappings that come with the package.

    Example:
        >>> shipped_mappings()
        ['order-service']
    """
    folder = resources.files("orders_es.sources.jsonl") / "mappings"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _envelopes() -> list[str]:
    """The names of the envelopes that come with the package."""
    folder = resources.files("orders_es.sources.jsonl") / "envelopes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_mapping(name: str | os.PathLike[str], registry: EventRegistry, *, currency: str | None = None) -> Mapping:
    """A mapping, from a file or of those that are shipped; read-only.

    Args:
        name: A file, or the name of a shipped mapping.
        registry: Our event types.
        currency: What fields named `currency` are where the source names none.

    Raises:
        BadSource: There is no such mapping, or it makes no sense.

    Example:
        >>> from orders_es.log import order_registry
        >>> load_mapping("order-service", order_registry()).types["item_added"].to
        'ItemAdded'
    """
    if str(name) in shipped_mappings():
        text = (resources.files("orders_es.sources.jsonl") / "mappings" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            shipped = ", ".join(shipped_mappings())
            raise BadSource(
                str(name),
                None,
                f"no mapping can be read there: {why}; give a TOML file, or one of those shipped: {shipped}",
            ) from error
    try:
        return _Reader(str(name), registry, currency).read(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSource(str(name), None, f"it is not TOML: {error}") from error


class _Reader:
    def __init__(self, path: str, registry: EventRegistry, currency: str | None) -> None:
        self._path, self._registry, self._currency = path, registry, currency

    def read(self, given: dict[str, Any]) -> Mapping:
        self._known(given, _TOP, "key")
        if isinstance(given.get("envelope"), str):
            given = {**given, "envelope": self._shipped_envelope(given["envelope"])}
        envelope = self._table(given, "envelope")
        self._known(envelope, frozenset({*ENVELOPE_KEYS, "ignore"}), "key of [envelope]")
        for key in _REQUIRED:
            if key not in envelope:
                raise self._bad(f"[envelope] lacks {key}")
        ignored = frozenset(self._names(given, "ignore_fields"))
        types = self._table(given, "types")
        digits, first = given.get("minor_digits", 2), given.get("first_version", 1)
        if type(digits) is not int or not 0 <= digits <= _MOST_MINOR_DIGITS:
            raise self._bad(f"minor_digits = {digits!r}: give a whole number from 0 to {_MOST_MINOR_DIGITS}")
        if type(first) is not int:
            raise self._bad(f"first_version = {first!r}: give a whole number")
        return Mapping(
            path=self._path,
            envelope={key: self._paths(envelope[key], f"envelope.{key}") for key in ENVELOPE_KEYS if key in envelope},
            envelope_ignored=frozenset(self._names(envelope, "ignore")),
            types={name: self._type(name, types[name], ignored, envelope) for name in types},
            ignored_types=frozenset(self._names(given, "ignore_types")),
            minor_digits=digits,
            first_version=first,
            zone=self._zone(given.get("tz", "UTC")),
            time_format=self._time_format(given.get("time_format")),
            repeated_hour=self._choice(given, "repeated_hour", ("earlier", "later")),
        )

    def _shipped_envelope(self, name: str) -> dict[str, Any]:
        if name not in _envelopes():
            raise self._bad(f"envelope = {name!r}: there are {', '.join(_envelopes())}; or write a table [envelope]")
        text = (resources.files("orders_es.sources.jsonl") / "envelopes" / f"{name}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)

    def _type(self, name: str, given: Any, ignored: frozenset[str], envelope: dict[str, Any]) -> TypeRule:
        if not isinstance(given, dict) or not isinstance(given.get("to"), str):
            raise self._bad(f'[types.{name}] lacks to = "…", the name of our event type')
        to = given["to"]
        if given.get("as_is") is True:
            return self._as_is(name, to, given, envelope)
        if to not in self._registry:
            raise self._bad(f"[types.{name}] goes to {to!r}, which is no event type of ours")
        ours = {field.name: field for field in self._registry[to].fields}
        rules = {key: value for key, value in given.items() if key not in ("to", "ignore")}
        self._known(rules, frozenset(ours), f"field of {to}")
        if self._currency is not None and "currency" in ours:
            rules.setdefault("currency", {"value": self._currency})
        fields = {key: self._field(f"types.{name}.{key}", value, ours[key], to) for key, value in rules.items()}
        for key, field in ours.items():
            if field.required and key not in fields:
                raise self._bad(f"[types.{name}] says nothing about {key}, and every {to} needs it")
        mentioned = {path.partition(".")[0] for rule in fields.values() for path in (*rule.sources, rule.minus or "")}
        return TypeRule(to, fields, ignored | set(self._names(given, "ignore")), frozenset(mentioned))

    def _as_is(self, name: str, to: str, given: dict[str, Any], envelope: dict[str, Any]) -> TypeRule:
        """The rule of a type whose payloads are ours, of today or of a version that upcasters read."""
        others = given.keys() - {"to", "as_is", "schema_version"}
        if others:
            raise self._bad(f"[types.{name}] says as_is, so that nothing is mapped; leave {min(others)!r} out")
        if "payload" not in envelope:
            raise self._bad(f"[types.{name}] says as_is, and [envelope] does not say where the payload is")
        version = given.get("schema_version")
        if version is not None and (type(version) is not int or version < 1):
            raise self._bad(f"[types.{name}] schema_version = {version!r}: give a whole number from 1")
        if (version is None) == ("schema_version" not in envelope):
            raise self._bad(
                f"[types.{name}] says as_is; say schema_version there, or in [envelope] where the line has it, and only in one place"
            )
        if version is not None and not (self._registry.is_today(to, version) or self._registry.upcasts(to, version)):
            raise self._bad(f"[types.{name}] goes to {to} v{version}, which this program does not read")
        return TypeRule(to, {}, frozenset(), frozenset(), as_is=True, schema_version=version)

    def _field(self, where: str, given: Any, field: Any, to: str) -> FieldRule:
        table = given if isinstance(given, dict) else {"from": given}
        self._known(table, frozenset({"from", "as", "minus", "value", "default", "negate"}), f"key of {where}")
        if field.kind not in _FORM_OF:
            raise self._bad(f"{where}: values of kind {field.kind} cannot be mapped")
        form = table.get("as", _FORM_OF[field.kind])
        natural = _FORM_OF[field.kind]
        if form not in _FORMS or (form != natural and (form, natural) not in (("minor", "decimal"), ("upper", "text"))):
            raise self._bad(f"{where}: as = {form!r} does not fit; {field.name} is {natural}")
        if ("from" in table) == ("value" in table):
            raise self._bad(f"{where}: give one of from and value")
        minus = table.get("minus")
        if minus is not None and (not isinstance(minus, str) or form not in ("integer", "decimal", "minor")):
            raise self._bad(f"{where}: minus names one foreign number, and only numbers can be taken off each other")
        default = table.get("value", table.get("default"))
        if field.name == "currency" and self._currency is not None:
            if default is not None and default != self._currency:
                raise self._bad(f"{where}: the mapping says {default!r}, and currency= (--currency) {self._currency!r}")
            default = self._currency
        negate = table.get("negate", False)
        if not isinstance(negate, bool) or (negate and form not in ("integer", "decimal", "minor")):
            raise self._bad(f"{where}: negate = {negate!r}: give true or false, and true only for numbers")
        sources = self._paths(table["from"], where) if "from" in table else ()
        return FieldRule(
            sources,
            form,
            minus,
            default,
            field.required,
            negate=negate,
            not_negative=field.name in _NOT_NEGATIVE.get(to, ()),
            is_id=field.name in ("item_id", "customer_id"),
        )

    def _time_format(self, given: Any) -> str | None:
        if given is None or given in EPOCHS or (isinstance(given, str) and "%" in given):
            return None if given is None else str(given)
        raise self._bad(f"time_format = {given!r}: give one such as '%d/%m/%Y %H:%M', or {', '.join(EPOCHS)}")

    def _choice(self, given: dict[str, Any], key: str, choices: tuple[str, ...]) -> str | None:
        value = given.get(key)
        if value is not None and value not in choices:
            raise self._bad(f"{key} = {value!r}: give {' or '.join(map(repr, choices))}")
        return None if value is None else str(value)

    def _zone(self, name: Any) -> tzinfo:
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError, TypeError) as error:
            raise self._bad(f"tz = {name!r} is not a time zone; give an IANA name such as UTC") from error

    def _paths(self, given: Any, where: str) -> tuple[str, ...]:
        paths = [given] if isinstance(given, str) else given
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
            raise self._bad(
                f"{where} = {given!r}: give a name, or a list of names of which the first that is there counts"
            )
        return tuple(paths)

    def _names(self, given: dict[str, Any], key: str) -> list[str]:
        names = given.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._bad(f"{key} = {names!r}: give a list of names")
        return names

    def _table(self, given: dict[str, Any], key: str) -> dict[str, Any]:
        table = given.get(key)
        if not isinstance(table, dict):
            raise self._bad(f"it lacks the table [{key}]")
        return table

    def _known(self, given: dict[str, Any], known: frozenset[str], what: str) -> None:
        for key in given:
            if key not in known:
                raise self._bad(f"{key!r} is no {what}; there are {', '.join(sorted(known))}")

    def _bad(self, reason: str) -> BadSource:
        return BadSource(self._path, None, f"the mapping makes no sense: {reason}")
