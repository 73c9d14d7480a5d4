"""Change events of Debezium, one envelope a line; for `orders_es.sources.history`.

Source of the format: Debezium's documentation of its connectors, "Data change events" and "Data type mappings". Values
that Kafka Connect sends as numbers or bytes (decimals, dates, times) are written out as the envelope's schema says.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.sources.history.records import Record, Row, Settings, key_of, loads, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["debezium"]

_OPS = {"c": "insert", "u": "update", "d": "delete", "r": "snapshot", "t": "truncate"}
_HEARTBEAT = {"ts_ms"}
_TRANSACTION = {"status", "id", "event_count", "data_collections", "ts_ms"}
"""The fields of a beat, and of a message that a transaction began or ended."""
_FILLERS = frozenset(("", "0", "0.0", "false", "AA==", "{}", "00:00:00Z"))
"""What stands in a column that may not be null and was not sent: an empty text, or nought of its kind."""
_UNCHANGED = "__debezium_unavailable_value"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_VARIABLE = "io.debezium.data.VariableScaleDecimal"
_DAYS = ("io.debezium.time.Date", "org.apache.kafka.connect.data.Date")
_SECOND = 1_000_000_000
_TIMES = {
    "io.debezium.time.Timestamp": 1_000_000,
    "org.apache.kafka.connect.data.Timestamp": 1_000_000,
    "io.debezium.time.MicroTimestamp": 1_000,
    "io.debezium.time.NanoTimestamp": 1,
}
_CLOCKS = {
    "io.debezium.time.Time": 1_000_000,
    "org.apache.kafka.connect.data.Time": 1_000_000,
    "io.debezium.time.MicroTime": 1_000,
    "io.debezium.time.NanoTime": 1,
}
"""How many nanoseconds one is."""


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
    elif isinstance(message, dict) and isinstance(message.get("payload"), dict) and "op" in message["payload"]:
        message = message["payload"]
    if message is None:  # a tombstone, which follows a deletion so that Kafka can forget the key
        return
    if isinstance(message, dict) and (set(message) == _HEARTBEAT or (set(message) | {"ts_ms"} == _TRANSACTION)):
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
    if op == "delete" and before is not None and source.get("connector") == "postgresql":
        before = _without_fillers(before, message["before"], settings)
    yield Record(
        table=str(source.get("table") or settings.table),
        key="" if op == "truncate" else key_of(before if op == "delete" else after, settings, "the row"),
        op=op,
        at=_commit_time(source, message),
        after=None if op == "delete" else after,
        before=before,
        whole=after is not None and _UNCHANGED not in (message.get("after") or {}).values(),
        order=_order(source),
        space=".".join(said for name in ("db", "schema") if (said := texts(source.get(name)))) or None,
        transaction=texts(source.get("txId") or source.get("gtid") or (message.get("transaction") or {}).get("id")),
    )


def _without_fillers(before: Row, sent: dict[str, Any], settings: Settings) -> Row:
    """A deleted row as far as PostgreSQL has sent it: without REPLICA IDENTITY FULL that is its key, and the other columns hold null, or a filler where they are NOT NULL."""
    if all(_is_filler(value) for name, value in sent.items() if name not in settings.key):
        return {name: value for name, value in before.items() if name in settings.key}
    return before


def _is_filler(value: Any) -> bool:
    text = texts(value)
    return text is None or text in _FILLERS or text.startswith("1970-01-01T00:00:00")


def _commit_time(source: dict[str, Any], message: dict[str, Any]) -> datetime:
    for given, name, factor in ((source, "ts_us", 1), (source, "ts_ms", 1_000), (message, "ts_ms", 1_000)):
        said = texts(given.get(name))
        if said is not None and said not in ("", "0"):
            return _EPOCH + timedelta(microseconds=int(said) * factor)
    raise ValueError("neither source.ts_ms nor ts_ms says when")


def _order(source: dict[str, Any]) -> int | None:
    """The place in the source's log, where that is one number in one log."""
    said = texts(source.get("lsn"))
    if said is not None:
        return int(said) if said.isascii() and said.isdecimal() else None
    # MySQL and MariaDB: the number of the log's file, the place in it, and the row within the event there.
    file = re.fullmatch(r".*\.([0-9]{1,7})", texts(source.get("file")) or "")
    place, row = texts(source.get("pos")) or "", texts(source.get("row")) or "0"
    if file is None or not place.isdecimal() or not row.isdecimal():
        return None
    order = (int(file[1]) << 44) + (int(place) << 12) + min(int(row), 4_095)
    return order if order < 1 << 63 else None


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
    return texts(value) if kind not in (*_DAYS, *_TIMES, *_CLOCKS) else _time(str(kind), int(texts(value) or 0))


def _time(kind: str, number: int) -> str:
    """A day, a time or a time of day that comes as a number, written out."""
    if kind in _DAYS:
        return (date(1970, 1, 1) + timedelta(days=number)).isoformat()
    seconds, below = divmod(number * (_TIMES | _CLOCKS)[kind], _SECOND)
    if kind in _CLOCKS:
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_below(below)}"
    return f"{(_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(' ')}{_below(below)}"


def _below(nanoseconds: int) -> str:
    """A fraction of a second, as far as it goes: to the microsecond, or else to the nanosecond."""
    if nanoseconds % 1_000 == 0:
        return f".{nanoseconds // 1_000:06}" if nanoseconds else ""
    return f".{nanoseconds:09}"


def _decimal(name: str, value: Any, scale: int) -> str | None:
    if not isinstance(value, str):
        return texts(value)
    try:
        unscaled = int.from_bytes(base64.b64decode(value, validate=True), "big", signed=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"{name} {value!r} is no decimal of Kafka Connect: base64 of its digits is") from None
    return format(Decimal(unscaled).scaleb(-scale), "f")
