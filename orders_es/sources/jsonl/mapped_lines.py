"""Lines of another system's shape as events of ours, by a mapping; for `orders_es.sources.jsonl`."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from orders_es.errors import InvalidEvent
from orders_es.log.limits import check_new_stream_id
from orders_es.sources.jsonl.line_reader import BadLine, Line, check_known, check_payload
from orders_es.sources.jsonl.strict_json import TimeReader, repeated_key
from orders_es.sources.tables.ids import clean_id

if TYPE_CHECKING:
    from orders_es.log import EventRegistry
    from orders_es.sources.jsonl.mapping import FieldRule, Mapping, TypeRule

__all__ = ["ForeignLines"]

_ABSENT: Any = object()
_EXACT = Context(prec=60)
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_AS_WRITTEN = msgspec.json.Encoder(decimal_format="number")
"""Numbers keep their digits."""
_CURRENCY = re.compile("[A-Z]{3}")


class ForeignLines:
    """Lines of the shape that a mapping describes.

    A number with a point is never a binary float on its way: its digits are read.

    Args:
        registry: Our event types.
        mapping: Which foreign type and field becomes which of ours.
    """

    def __init__(self, registry: EventRegistry, mapping: Mapping) -> None:
        self._registry, self._mapping = registry, mapping
        self._decoder = msgspec.json.Decoder(float_hook=Decimal)
        self._times = TimeReader(mapping.zone, mapping.time_format, mapping.repeated_hour)
        known = {path.partition(".")[0] for paths in mapping.envelope.values() for path in paths}
        self._envelope_names = known | mapping.envelope_ignored
        self.first_version = mapping.first_version

    def read(self, text: bytes) -> Line | None:
        """The event that a line holds. See `LineReader.read`."""
        try:
            given = self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadLine(f"it is not JSON: {error}") from error
        if not isinstance(given, dict):
            raise BadLine("it is JSON, but not an object")
        if (name := repeated_key(text)) is not None:
            raise BadLine(f"{name!r} is there twice in one object; which one counts? Leave one of them")
        ignored = self._is_ignored(given)
        if ignored and _find(given, self._mapping.envelope["stream_id"])[1] in (_ABSENT, None, ""):
            return None
        stream_id = self._stream(given)
        try:
            return self._left_out(given, stream_id) if ignored else self._event(given, stream_id)
        except BadLine:
            raise
        except ValueError as error:
            raise BadLine(str(error), stream_id) from error

    def _is_ignored(self, given: dict[str, Any]) -> bool:
        foreign = _find(given, self._mapping.envelope["type"])[1]
        return isinstance(foreign, str) and foreign in self._mapping.ignored_types

    def _left_out(self, given: dict[str, Any], stream_id: str) -> Line:
        """A line of which only the version counts."""
        version = _integer(*self._part(given, "version")) if "version" in self._mapping.envelope else None
        return Line(stream_id, version, self._event_id(given, stream_id), "", 1, 0, None, None, None, "")

    def _stream(self, given: dict[str, Any]) -> str:
        name, value = self._part(given, "stream_id")
        try:
            return check_new_stream_id(_id(name, value))
        except ValueError as error:
            raise BadLine(str(error)) from error

    def _event(self, given: dict[str, Any], stream_id: str) -> Line:
        mapping = self._mapping
        foreign = _text(*self._part(given, "type"))
        version = None
        if "version" in mapping.envelope:
            version = _integer(*self._part(given, "version"))
        name, moment = self._part(given, "occurred_at")
        try:
            occurred_at = self._times.micros(moment)
        except ValueError as error:
            raise ValueError(f"{name} {moment!r} {error}") from error
        name, moment = _find(given, mapping.envelope.get("entered_at", ()))
        try:
            entered_at = None if moment is _ABSENT or moment is None else self._times.micros(moment)
        except ValueError as error:
            raise ValueError(f"{name} {moment!r} {error}") from error
        rule = mapping.types.get(foreign)
        if rule is None:
            raise ValueError(
                f"{mapping.path} has no [types.{foreign}]; add it, or add {foreign!r} to ignore_types to leave such lines out"
            )
        if rule.as_is:
            schema_version, payload = self._as_is(given, rule, stream_id)
        else:
            schema_version, payload = self._registry[rule.to].schema_version, self._payload(given, foreign, rule)
        return Line(
            stream_id=stream_id,
            version=version,
            event_id=self._event_id(given, stream_id),
            type=rule.to,
            schema_version=schema_version,
            occurred_at=occurred_at,
            actor=self._optional_text(given, "actor"),
            correlation_id=self._optional_text(given, "correlation_id"),
            causation_id=self._optional_text(given, "causation_id"),
            payload=payload,
            entered_at=entered_at,
        )

    def _as_is(self, given: dict[str, Any], rule: TypeRule, stream_id: str) -> tuple[int, str]:
        """Version and payload of an event of ours, perhaps of an old version: upcasters read it, as they read recorded ones."""
        version = rule.schema_version
        if version is None:
            version = _integer(*self._part(given, "schema_version"))
        check_known(self._registry, rule.to, version, stream_id)
        name, source = self._part(given, "payload")
        if not isinstance(source, dict):
            raise BadLine(f"{name} is not an object", stream_id)
        self._check_beside(given)
        payload = _AS_WRITTEN.encode(source).decode()
        check_payload(self._registry, rule.to, payload, version, stream_id)
        return version, payload

    def _check_beside(self, given: dict[str, Any]) -> None:
        beside = {*given} - self._envelope_names
        if beside:
            raise ValueError(f"{_listed(beside)}: the mapping does not mention that; add it to ignore of [envelope]")

    def _payload(self, given: dict[str, Any], foreign: str, rule: TypeRule) -> str:
        paths = self._mapping.envelope.get("payload")
        if paths is None:
            source, extra = given, {*given} - self._envelope_names
        else:
            name, source = _find(given, paths)
            source = {} if source is _ABSENT or source is None else source
            if not isinstance(source, dict):
                raise ValueError(f"{name} is not an object")
            self._check_beside(given)
            extra = set(source)
        extra -= rule.mentioned | rule.ignored
        if extra:
            raise ValueError(
                f"the payload has {_listed(extra)}, which [types.{foreign}] does not mention; map it, or add it to ignore"
            )
        values = {
            name: value
            for name, field in rule.fields.items()
            if (value := self._value(source, name, field, foreign)) is not None
        }
        try:
            data = self._registry[rule.to].cls(**values)
            return self._registry.encode(data)[1]
        except InvalidEvent as error:
            raise ValueError(str(error)) from error

    def _value(self, source: dict[str, Any], ours: str, rule: FieldRule, foreign: str) -> Any:
        name, value = _find(source, rule.sources)
        if value is _ABSENT or value is None or (ours == "currency" and value == ""):
            if rule.default is not None:
                return self._checked(
                    name or "value", ours, self._convert(name or "value", rule.default, rule.form), rule, foreign
                )
            if rule.required:
                hint = "; say which with currency= (--currency)" if "currency" in rule.sources else ""
                raise ValueError(f"{' or '.join(rule.sources)} is missing{hint}")
            return None
        converted = self._convert(name, value, rule.form)
        if rule.minus is not None:
            less, taken = _find(source, (rule.minus,))
            if taken is not _ABSENT and taken is not None:
                taken = self._convert(less, taken, rule.form)
                converted = converted - taken if rule.form == "integer" else _EXACT.subtract(converted, taken)
        if rule.negate:
            converted = -converted if isinstance(converted, int) else converted.copy_negate()
        return self._checked(name, ours, converted, rule, foreign)

    def _checked(self, name: str, ours: str, value: Any, rule: FieldRule, foreign: str) -> Any:
        """The value, if it can mean only one thing."""
        if ours == "currency" and not _CURRENCY.fullmatch(value):
            hint = f'; say currency = {{ from = "{name}", as = "upper" }}' if _CURRENCY.fullmatch(value.upper()) else ""
            raise ValueError(f"{name} {value!r} is not a code of three capital letters, such as EUR{hint}")
        if rule.not_negative and value < 0:
            raise ValueError(
                f"{name} is {value}, and a negative {ours} would mean the opposite of {foreign!r}; if the source writes it so, say "
                f"negate = true in {ours} of [types.{foreign}]"
            )
        return _id(name, value) if rule.is_id else value

    def _convert(self, name: str, value: Any, form: str) -> Any:  # noqa: PLR0911 - one line for each form
        match form:
            case "text":
                return _text(name, value)
            case "upper":
                return _text(name, value).upper()
            case "integer":
                return _integer(name, value)
            case "minor":
                # Spelt, not multiplied: a product would be rounded to the precision of the caller's decimal context.
                return Decimal(f"{_integer(name, value)}E-{self._mapping.minor_digits}")
            case "decimal":
                return _decimal(name, value)
            case "boolean":
                if not isinstance(value, bool):
                    raise ValueError(f"{name} {value!r} is not true or false")  # noqa: TRY004 - the line is wrong, not the call
                return value
            case _:
                return self._time(name, value)

    def _time(self, name: str, value: Any) -> Any:
        try:
            return self._times.instant(value)
        except ValueError as error:
            raise ValueError(f"{name} {value!r} {error}") from error

    def _part(self, given: dict[str, Any], key: str) -> tuple[str, Any]:
        paths = self._mapping.envelope[key]
        name, value = _find(given, paths)
        if value is _ABSENT or value is None:
            raise BadLine(f"{' or '.join(paths)} is missing")
        return name, value

    def _optional_text(self, given: dict[str, Any], key: str) -> str | None:
        name, value = _find(given, self._mapping.envelope.get(key, ()))
        return None if value is _ABSENT or value is None else _text(name, value)

    def _event_id(self, given: dict[str, Any], stream_id: str) -> bytes | None:
        """A UUID stays what it is; another name becomes one, the same at every import."""
        if "event_id" not in self._mapping.envelope:
            return None
        name = _text(*self._part(given, "event_id"))
        try:
            return UUID(name).bytes
        except ValueError:
            key = f"{len(stream_id)}:{stream_id}{name}".encode()
            raw = bytearray(sha256(b"orders_es jsonl event\0" + key).digest()[:16])
            raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80
            return bytes(raw)


def _find(given: Any, paths: tuple[str, ...]) -> tuple[str, Any]:
    for path in paths:
        value = given
        for part in (path,) if path in given else path.split("."):
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is not _ABSENT:
            return path, value
    return (paths[0] if paths else ""), _ABSENT


def _text(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} {value!r} is not text")
    return value


def _id(name: str, value: Any) -> str:
    text = _text(name, value)
    try:
        return clean_id(text)
    except ValueError as error:
        raise ValueError(f"{name} {text!r} {error}") from error


def _integer(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} {str(value)!r} is not a whole number")  # noqa: TRY004 - the line is wrong, not the call
    return value


def _decimal(name: str, value: Any) -> Decimal:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    if plain or (isinstance(value, int | Decimal) and not isinstance(value, bool)):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise ValueError(f"{name} {str(value)!r} is not a number")


def _listed(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
