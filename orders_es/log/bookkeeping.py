"""The event types by which this package keeps books of its own in a log. No domain registers them, and read models pass over them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog, InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orders_es.log.event import RecordedEvent

__all__ = [
    "BOOKKEEPING",
    "LEGAL_HOLD_PLACED",
    "LEGAL_HOLD_RELEASED",
    "LINE_REFUSED",
    "PERIOD_CLOSED",
    "PERSONAL_DATA_ERASED",
    "PRIVACY",
    "PRIVACY_STREAM",
    "SOURCE_FOLLOWED",
    "check_bookkeeping",
    "said_by",
]

PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED = (
    "PersonalDataErased",
    "LegalHoldPlaced",
    "LegalHoldReleased",
)
PRIVACY_STREAM = "log:privacy"
"""The stream that holds them, so that no two of them miss each other. Storage format."""
PRIVACY = (PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED)
"""The events by which `orders_es.audit` records what was erased, and what must not be. Storage format, and no domain's concern."""

PERIOD_CLOSED = "PeriodClosed"
"""The event that gives a moment a name (`orders_es.audit.close`). Storage format, and no domain's concern: read models pass over it."""

SOURCE_FOLLOWED = "SourceFollowed"
"""How far a source has been followed (`orders_es.sources.streams`), recorded with the events it led to. Storage format; read models pass over it."""

LINE_REFUSED = "SourceLineRefused"
"""What a source said and no event could be made of. Storage format; read models pass over it."""

BOOKKEEPING = frozenset({PERIOD_CLOSED, SOURCE_FOLLOWED, LINE_REFUSED, *PRIVACY})
"""All of them."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_root(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is_amount(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,34}(\.[0-9]{1,4})?", value) is not None


def _is_kind(value: Any) -> bool:
    return value in ("order", "customer")


def _all(each: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda values: isinstance(values, list) and all(map(each, values))


def _is_figure(value: Any) -> bool:
    form = {"orders": _is_count, "total": _is_amount, "paid": _is_amount}
    return isinstance(value, dict) and isinstance(value.get("currency"), str) and _wrong(value, form) is None


def _wrong(said: Mapping[str, Any], form: Mapping[str, Callable[[Any], bool]]) -> str | None:
    return next((name for name, right in form.items() if not right(said.get(name))), None)


_POSITIONS = _all(lambda value: _is_count(value) and value > 0)
_FORMS: dict[str, dict[str, Callable[[Any], bool]]] = {
    PERIOD_CLOSED: {
        "name": _is_text,
        "at": _is_moment,
        "known_at": _is_moment,
        "position": lambda value: _is_count(value) and value > 0,
        "root": _is_root,
        "figures": _all(_is_figure),
    },
    LEGAL_HOLD_PLACED: {"hold": _is_text, "kind": _is_kind, "why": _is_text, "subject": _is_text},
    LEGAL_HOLD_RELEASED: {"hold": _is_text, "why": _is_text},
    PERSONAL_DATA_ERASED: {"why": _is_text, "positions": _POSITIONS, "streams": _all(_is_text), "left": _POSITIONS},
}
"""What has to be in their payloads, so that whoever reads them can."""


def check_bookkeeping(name: str, payload: str) -> None:
    """Refuse what looks like one of these events and could not be read as one: `erase`, `verify` and `--as-closed` read them.

    Args:
        name: The event's type; of any other type nothing is asked.
        payload: Its payload, which is a JSON object.

    Raises:
        InvalidEvent: A field is missing or is of another form.

    Example:
        >>> check_bookkeeping("LegalHoldReleased", '{"hold":"H-1","why":"closed"}')
        >>> check_bookkeeping("LegalHoldReleased", '{"hold":1}')
        Traceback (most recent call last):
        ...
        orders_es.errors.events.InvalidEvent: LegalHoldReleased.hold: it is missing or of another form; such events are recorded by `close`, `erase`, `place_hold` and `release_hold`
    """
    form = _FORMS.get(name)
    wrong = None if form is None else _wrong(json.loads(payload), form)
    if wrong is not None:
        raise InvalidEvent(
            name,
            wrong,
            "it is missing or of another form; such events are recorded by `close`, `erase`, `place_hold` and `release_hold`",
        )


def said_by(event: RecordedEvent) -> dict[str, Any]:
    """What one of these events says.

    Raises:
        DamagedLog: It is not as this package writes them.
    """
    try:
        check_bookkeeping(event.type, event.payload)
    except InvalidEvent as error:
        raise DamagedLog(
            f"position {event.position}",
            f"somebody recorded there what is no {event.type}: {error.field!r} is not right",
        ) from None
    said: dict[str, Any] = json.loads(event.payload)
    return said
