"""Values as JSON has them, the same on the command line and over HTTP: exact money, times in UTC, payloads as recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

__all__ = ["Verbatim", "json_bytes", "today_facts", "today_facts_of"]


class Verbatim(str):
    """JSON text that goes into JSON as it stands, such as an event's payload."""

    __slots__ = ()


def json_bytes(answer: Any) -> bytes:
    """An answer as JSON in UTF-8, keys in the order given.

    Decimals become digits in strings, always with four decimals; times ISO 8601 in UTC with `Z`, or as they
    are where they have no zone; bytes hex.

    Example:
        >>> json_bytes({"total": Decimal("12.5"), "at": datetime(2026, 6, 3, 15, tzinfo=UTC), "root": bytes(2)})
        b'{"total":"12.5000","at":"2026-06-03T15:00:00Z","root":"0000"}'
    """
    import msgspec

    return msgspec.json.encode(_plain(answer, msgspec.Raw))


def today_facts(event: Any) -> dict[str, Any] | None:
    """What an event of an old version is today, its three facts null where it is retired; None where it is read as recorded.

    Args:
        event: A `RecordedEvent`.
    """
    if event.recorded_as is None:
        return None
    if (today := event.today) is None:
        return {"type": None, "schema_version": None, "payload": None}
    return {"type": today.type, "schema_version": today.schema_version, "payload": Verbatim(today.payload)}


def today_facts_of(registry: Any, event: tuple[str, int, str, int, str]) -> dict[str, Any] | None:
    """As `today_facts`, of an event that is at hand as type, schema version, payload, position and stream; `error` where its upcasters fail.

    Whoever carries events on goes on behind such a one; whoever asks what it is gets the error.

    Args:
        registry: The log's.
        event: The five.
    """
    from orders_es.errors import UpcastFailed

    if not registry.upcasts(*event[:2]):
        return None
    try:
        today = registry.today(*event)
    except UpcastFailed as error:
        return {"error": str(error)}
    if today is None:
        return {"type": None, "schema_version": None, "payload": None}
    if (today.type, today.schema_version) == event[:2]:
        return None
    return {"type": today.type, "schema_version": today.schema_version, "payload": Verbatim(today.payload)}


def _plain(value: Any, raw: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item, raw) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), raw) for field in fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item, raw) for item in value]
    return _plain_scalar(value, raw)


def _plain_scalar(value: Any, raw: Any) -> Any:
    match value:
        case Verbatim():
            return raw(value.encode())
        case Decimal():
            return f"{value:.4f}" if value == round(value, 4) else f"{value:f}"
        case datetime():
            return value if value.tzinfo is None else value.astimezone(UTC)
        case bytes():
            return value.hex()
    return value
