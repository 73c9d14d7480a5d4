"""Change events of Debezium, one envelope a line; for `orders_es.sources.history`.

Source of the format: Debezium's documentation of its connectors, "Data change events" and "Data type mappings". Values
that Kafka Connect sends as numbers or bytes (decimals, dates, times) are written out as the envelope's schema says.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.sources.history.records import Record, Row, Settings, key_of, loads, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["debezium"]

_OPS = {"c": "insert", "u": "update", "d": "delete", "r": "snapshot", "t": "truncate"}
_UNCHANGED = "__debezium_unavailable_value"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_VARIABLE = "io.debezium.data.VariableScaleDecimal"
_DAYS = ("io.debezium.time.Date", "org.apache.kafka.connect.data.Date")
_TIMES = {
    "io.debezium.time.Timestamp": 1_000,
    "org.apache.kafka.connect.data.Timestamp": 1_000,
    "io.debezium.time.MicroTimestamp": 1,
}


def debezium(line: Row, settings: Settings) -> Iterator[Record]:
    """What an envelope says; nothing for a tombstone, a heartbeat or a message.

    Args:
        line: The text under `line`.

    Raises:
        ValueError: It is no envelope.
    """
    message = loads(line["line"], "the line")
    fields: dict[str, dict[str, Any]] = {}
    if isinstance(message, dict) and "payload" in message and "schema" in message:
        fields = _fields(message["schema"] or {})
        message = message["payload"]
    if message is None:  # a tombstone, which follows a deletion so that Kafka can forget the key
        return
    if not isinstance(message, dict) or "op" not in message or "source" not in message:
        raise ValueError(
            "the line is no envelope of Debezium: it has no op and source; was it flattened by a transformation?"
        )
    if message["op"] == "m":
        return
    if message["op"] not in _OPS:
        raise ValueError(f"op {message['op']!r} is none of {', '.join(_OPS)}")
    op, source = _OPS[message["op"]], message["source"]
    before, after = (
        None if message.get(side) is None else _row(message[side], fields.get(side, {}), settings)
        for side in ("before", "after")
    )
    if op in ("insert", "update", "snapshot") and after is None:
        raise ValueError(f"op is {message['op']!r}, and after is null")
    yield Record(
        table=str(source.get("table") or settings.table),
        key="" if op == "truncate" else key_of(before if op == "delete" else after, settings, "the row"),
        op=op,
        at=_commit_time(source, message),
        after=None if op == "delete" else after,
        before=before,
        whole=after is not None and _UNCHANGED not in (message.get("after") or {}).values(),
        order=_order(source),
        transaction=texts(source.get("txId") or source.get("gtid") or (message.get("transaction") or {}).get("id")),
    )


def _commit_time(source: dict[str, Any], message: dict[str, Any]) -> datetime:
    for given, name, factor in ((source, "ts_us", 1), (source, "ts_ms", 1_000), (message, "ts_ms", 1_000)):
        said = texts(given.get(name))
        if said is not None and said not in ("", "0"):
            return _EPOCH + timedelta(microseconds=int(said) * factor)
    raise ValueError("neither source.ts_ms nor ts_ms says when")


def _order(source: dict[str, Any]) -> int | None:
    """The place in the source's log, where that is one number in one log."""
    said = texts(source.get("lsn"))
    return int(said) if said is not None and said.isascii() and said.isdecimal() else None


def _fields(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of each column, on each side."""
    return {
        side["field"]: {column["field"]: column for column in side.get("fields") or ()}
        for side in schema.get("fields") or ()
        if side.get("field") in ("before", "after")
    }


def _row(values: dict[str, Any], fields: dict[str, Any], settings: Settings) -> Row:
    # A large value that did not change is not sent.
    return {
        name: _value(name, value, fields.get(name) or {}, settings)
        for name, value in values.items()
        if value != _UNCHANGED
    }


def _value(name: str, value: Any, schema: dict[str, Any], settings: Settings) -> str | None:
    kind = schema.get("name")
    if value is None:
        return None
    if kind == _DECIMAL or name in settings.scales:
        scale = settings.scales.get(name)
        said = texts((schema.get("parameters") or {}).get("scale")) if scale is None else str(scale)
        return _decimal(name, value, int(said or 0))
    if kind == _VARIABLE and isinstance(value, dict):
        return _decimal(name, value["value"], int(texts(value["scale"]) or 0))
    if kind in _DAYS:
        return (date(1970, 1, 1) + timedelta(days=int(texts(value) or 0))).isoformat()
    if kind in _TIMES:
        return (
            (_EPOCH + timedelta(microseconds=int(texts(value) or 0) * _TIMES[kind])).replace(tzinfo=None).isoformat(" ")
        )
    return texts(value)


def _decimal(name: str, value: Any, scale: int) -> str | None:
    if not isinstance(value, str):
        return texts(value)
    try:
        unscaled = int.from_bytes(base64.b64decode(value, validate=True), "big", signed=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"{name} {value!r} is no decimal of Kafka Connect: base64 of its digits is") from None
    return format(Decimal(unscaled).scaleb(-scale), "f")
