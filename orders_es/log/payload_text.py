"""What JSON text may be a payload: the rule at the door, for text that somebody else wrote.

Payloads that this package writes are as `EventRegistry.encode` makes them, and need no look. Others are held to what every
reader (this package, DuckDB, PostgreSQL, JavaScript) reads alike; docs/format.md has the rule.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent

if TYPE_CHECKING:
    from orders_es.log.event_type import EventType

__all__ = ["DEEPEST", "check_payload_text"]

DEEPEST = 100
"""How many objects and lists may stand in one another, the payload itself included."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]{0,13})(?:\.[0-9]{1,4}0*)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6}0*)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_INT64 = 2**63
_INT64_DIGITS = 20
_HIGH, _LOW, _AFTER = 0xD800, 0xDC00, 0xE000


class _Number(str):
    """A number as the text that it stands as."""

    __slots__ = ()


class _BadJson(ValueError):
    pass


def check_payload_text(name: str, text: str, event_type: EventType | None = None) -> None:
    """Nothing, if this JSON text may be a payload.

    Args:
        name: The event type's name.
        text: The payload.
        event_type: What the registry knows of that type.

    Raises:
        InvalidEvent: It is not JSON or no object; it has a key twice, is more than 100 levels deep, holds a number that not
            every reader can hold, a NUL or half a character; or an amount or a time that has more than one reading.
    """
    try:
        _check_depth(text)
        _check_escapes(text)
        payload = json.loads(
            text, object_pairs_hook=_no_key_twice, parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
    except _BadJson as error:
        raise InvalidEvent(name, "payload", str(error)) from None
    except ValueError as error:
        raise InvalidEvent(name, "payload", f"it is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise InvalidEvent(name, "payload", "it is JSON, but not an object")
    for field in event_type.fields if event_type is not None else ():
        value = payload.get(field.name)
        if field.kind == "decimal" and value is not None and not _AMOUNT.fullmatch(str(value)):
            raise InvalidEvent(
                name,
                field.name,
                f"{str(value)!r} is no plain amount; write digits, a point and at most four decimals, "
                'at most 14 digits before the point: "2.5500"',
            )
        if field.kind == "timestamp" and value is not None and not _TIME.fullmatch(str(value)):
            raise InvalidEvent(
                name,
                field.name,
                f"{str(value)!r} is no plain time; write it with its zone and at most six decimals: "
                '"2026-06-03T15:00:00.000000Z"',
            )


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= DEEPEST:
        return
    depth = 0
    for token in _BRACKETS.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth > DEEPEST:
                raise _BadJson(f"it is more than {DEEPEST} levels deep, which not every program can read")
        elif mark in "]}":
            depth -= 1


def _check_escapes(text: str) -> None:
    if "\\u" not in text:
        return
    half = -1  # where the first half of a character ended, of which the second one must follow
    for escape in _ESCAPES.finditer(text):
        code = int(escape[1], 16) if escape[1] else -1
        if code == 0:
            raise _BadJson("a text in it holds a NUL (\\u0000), at which many programs end a text; leave it out")
        second = _LOW <= code < _AFTER
        if second if half < 0 else not (second and half == escape.start()):
            break
        half = escape.end() if _HIGH <= code < _LOW else -1
    else:
        if half < 0:
            return
    raise _BadJson("a text in it holds half a character (a lone surrogate), which cannot be written as UTF-8")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _BadJson(f"the key {twice!r} is there twice, and programs differ in which of the values they take")
    return found


def _integer(digits: str) -> _Number:
    if len(digits) > _INT64_DIGITS or not -_INT64 <= int(digits) < _INT64:
        raise _BadJson(f"the number {_short(digits)} does not fit 64 bits; write it as text")
    return _Number(digits)


def _float(digits: str) -> _Number:
    value = float(digits)
    if value in (float("inf"), float("-inf")) or (value == 0 and re.search("[1-9]", re.split("[eE]", digits)[0])):
        raise _BadJson(f"the number {_short(digits)} is beyond what a floating point number holds; write it as text")
    return _Number(digits)


def _constant(name: str) -> None:
    raise _BadJson(f"{name} is not JSON; leave the value out, or write it as text")


def _short(digits: str) -> str:
    return digits if len(digits) <= 40 else f"{digits[:20]}… ({len(digits):,} digits)"  # noqa: PLR2004 - for people
