"""What no log may take, and what looks odd and every log takes: names of streams, payloads, amounts, whole events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from orders_es.errors import InvalidEvent, NaiveTime, UnknownEventType, WrongType
from orders_es.log import NewEvent, RawEvent
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

__all__ = ["BAD_AMOUNTS", "BAD_EVENTS", "BAD_PAYLOADS", "BEYOND_THE_CALENDAR", "ODD_STREAM_IDS", "envelope"]

ODD_STREAM_IDS = (
    "'; DROP TABLE events; --",
    'a "quoted" one',
    "with/slashes/../and\\back",
    "Größe-注文-😀",
    "line\nbreak",
    "  blanks  ",
    "%_*?[1]{x}",
    "0",
    "NULL",
    "é",
    "e\u0301",
)
BEYOND_THE_CALENDAR = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-12))),
)
BAD_PAYLOADS = (
    '{"a":1,"a":2}',
    '{"a":{"b":1,"b":1}}',
    '{"a":[{"b":1,"b":1}]}',
    f'{{"a":{"[" * 100}{"]" * 100}}}',
    f'{{"a":{"[" * 5000}{"]" * 5000}}}',
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":1e999999}',
    '{"a":1e-999999}',
    f'{{"a":1{"0" * 5000}}}',
    '{"a":9223372036854775808}',
    '{"a":"\\u0000"}',
    '{"a\\u0000":1}',
    '{"a":"\\ud800"}',
    '{"a":"\\udc00\\ud800"}',
    '{"a":"\\ud800\\\\udc00"}',
    '{"a":1,}',
    '\ufeff{"a":1}',
)
BAD_AMOUNTS = (
    "1e2",
    '"1e2"',
    '"+1"',
    '"007"',
    '" 1"',
    '"1_0"',
    '"\u0661"',
    '"NaN"',
    '"1.00001"',
    "true",
    '""',
    "null",
    "[]",
)


def envelope(**texts: str) -> NewEvent:
    """An event with such an envelope."""
    return NewEvent(data=OrderPlaced(), **texts)  # type: ignore[arg-type]


BAD_EVENTS: list[tuple[Any, type[Exception]]] = [
    (ItemAdded(item_id="I", quantity=1, price=9.95), InvalidEvent),  # type: ignore[arg-type]
    (ItemAdded(item_id="I", quantity=1, price=Decimal("0.00001")), InvalidEvent),
    (ItemAdded(item_id="I", quantity=1, price=Decimal(10**14)), InvalidEvent),
    (ItemAdded(item_id="I", quantity=1, price=Decimal("NaN")), InvalidEvent),
    (ItemAdded(item_id="I", quantity=True, price=Decimal(1)), InvalidEvent),
    (ItemAdded(item_id="I", quantity=2**63, price=Decimal(1)), InvalidEvent),
    (ItemAdded(item_id="I", quantity=1.0, price=Decimal(1)), InvalidEvent),  # type: ignore[arg-type]
    (ItemAdded(item_id=None, quantity=1, price=Decimal(1)), InvalidEvent),  # type: ignore[arg-type]
    (ItemAdded(item_id="\ud800", quantity=1, price=Decimal(1)), InvalidEvent),
    (NewEvent(data=OrderPlaced(), actor="\ud800"), InvalidEvent),
    (NewEvent(data=OrderPlaced(), actor=7), InvalidEvent),  # type: ignore[arg-type]
    (NewEvent(data=OrderPlaced(), event_id="1"), WrongType),  # type: ignore[arg-type]
    (NewEvent(data=OrderPlaced(), occurred_at=datetime(2026, 6, 3)), NaiveTime),  # noqa: DTZ001 - that is the point
    (object(), UnknownEventType),
    (RawEvent("", "{}"), InvalidEvent),
    (RawEvent("\ud800", "{}"), InvalidEvent),
    (RawEvent("Other", "{"), InvalidEvent),
    (RawEvent("Other", "[]"), InvalidEvent),
    (RawEvent("Other", b"{}"), InvalidEvent),  # type: ignore[arg-type]
    (RawEvent("Other", '{"a":"\ud800"}'), InvalidEvent),
    (RawEvent("Other", "{}", 0), InvalidEvent),
    (RawEvent("Other", "{}", 2**31), InvalidEvent),
    (RawEvent("Other", "{}", "1"), InvalidEvent),  # type: ignore[arg-type]
    (RawEvent("Other", "{}", True), InvalidEvent),
    (NewEvent(data=OrderPlaced(), occurred_at="2026-06-03"), WrongType),  # type: ignore[arg-type]
    *((NewEvent(data=OrderPlaced(), occurred_at=moment), InvalidEvent) for moment in BEYOND_THE_CALENDAR),
    *((envelope(**{name: "x" * 1025}), InvalidEvent) for name in ("correlation_id", "causation_id")),
    *((envelope(**{name: ""}), InvalidEvent) for name in ("correlation_id", "causation_id")),
    *((envelope(**{name: "a\0b"}), InvalidEvent) for name in ("actor", "causation_id")),
    (RawEvent("nul\0inside", "{}"), InvalidEvent),
    (RawEvent("x" * 1025, "{}"), InvalidEvent),
    *((RawEvent("Other", payload), InvalidEvent) for payload in BAD_PAYLOADS),
    *((ItemAdded(item_id="I", quantity=n, price=Decimal(1)), InvalidEvent) for n in (10**9, -(10**9), 2**63 - 1)),
    *((OrderCreated(currency=currency), InvalidEvent) for currency in ("", "E\0R", "E" * 1025)),
    (ItemAdded(item_id="", quantity=1, price=Decimal(1)), InvalidEvent),
    *((RawEvent("ShippingCharged", f'{{"amount":{amount}}}'), InvalidEvent) for amount in BAD_AMOUNTS),
    (RawEvent("ShippingCharged", '{"amount":"1","amount":"2"}'), InvalidEvent),
    (RawEvent("OrderPlaced", "{}", 2), InvalidEvent),
    (RawEvent("ShippingCharged", "{}"), InvalidEvent),
    (RawEvent("ShippingCharged", '{"amount":"1.00001"}'), InvalidEvent),
]
