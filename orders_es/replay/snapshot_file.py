"""One snapshot as a file: the order after one of its events, and what ties it to that event. See `snapshots`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec looks at it
from decimal import Decimal
from functools import cache
from hashlib import sha256
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.orders import EVENT_TYPES, Order, OrderFold
from orders_es.orders import order_fold as fold_module
from orders_es.orders.order import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders_es.log import EventRegistry

__all__ = ["Snapshot", "fold_version", "read_snapshot", "snapshot_bytes"]

FORMAT = 1
_DIGEST = 32
_ID = 8

_ORDER_FIELDS = tuple(f.name for f in dataclasses.fields(Order) if f.name not in ("as_of", "order_id", "lines"))
_ORDER_MONEY = tuple(f.name for f in dataclasses.fields(Order) if isinstance(f.default, Decimal))
_LINE_FIELDS = tuple(f.name for f in dataclasses.fields(Line))
_LINE_SETTERS = tuple(getattr(Line, name).__set__ for name in _LINE_FIELDS)
_LINE_MONEY = tuple(i for i, f in enumerate(dataclasses.fields(Line)) if isinstance(f.default, Decimal))
_LINE_PRICE = _LINE_FIELDS.index("price")


class _Record(msgspec.Struct, array_like=True, frozen=True):
    format: int
    log_id: str
    stream_id: str
    version: int
    position: int
    event_id: bytes
    recorded_at: datetime
    ids: bytes
    fields: list[Any]
    lines: list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An order after one of its events, and which event that was.

    Args:
        log_id: The log, as text.
        order: The order, with no question noted on it.
        event_id: The id of the event after which it stood so, as 16 bytes.
        recorded_at: When that event was recorded; none before it was recorded later.
        ids: The first 8 bytes of the ids of all events up to there, one after the other.
    """

    log_id: str
    order: Order
    event_id: bytes
    recorded_at: datetime
    ids: bytes

    def may_hold(self, event_id: bytes) -> bool:
        """Whether one of the events may have this id; a wrong yes is possible, a wrong no is not."""
        prefix = event_id[:_ID]
        at = self.ids.find(prefix)
        while at >= 0 and at % _ID:
            at = self.ids.find(prefix, at + 1)
        return at >= 0


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """The snapshot as a file: MessagePack, and the SHA-256 of it."""
    order = snapshot.order
    data = msgspec.msgpack.encode(
        _Record(
            FORMAT,
            snapshot.log_id,
            order.order_id,
            order.version,
            order.position,
            snapshot.event_id,
            snapshot.recorded_at,
            snapshot.ids,
            [getattr(order, name) for name in _ORDER_FIELDS],
            [[getattr(line, name) for name in _LINE_FIELDS] for line in order.lines],
        )
    )
    return data + sha256(data).digest()


def read_snapshot(
    data: bytes, unless: Callable[[datetime | None, datetime, int], bool] | None = None
) -> Snapshot | None:
    """The snapshot in a file; None if it is none, of another format, cut short or altered.

    Args:
        data: The file's bytes.
        unless: Called with when the last of its events occurred, when the last was recorded, and its position; True spares
            the making of the order, and gives None.
    """
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if sha256(body).digest() != digest:
        return None
    try:
        record = msgspec.msgpack.decode(body, type=_Record)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    if record.format != FORMAT or len(record.fields) != len(_ORDER_FIELDS):
        return None
    fields = dict(zip(_ORDER_FIELDS, record.fields, strict=True))
    if unless is not None and unless(fields["last_occurred_at"], record.recorded_at, record.position):
        return None
    for name in _ORDER_MONEY:
        fields[name] = Decimal(fields[name])
    order = Order(order_id=record.stream_id, lines=tuple(map(_line, record.lines)), **fields)
    return Snapshot(
        log_id=record.log_id,
        order=order,
        event_id=record.event_id,
        recorded_at=record.recorded_at,
        ids=record.ids,
    )


def _line(values: list[Any]) -> Line:
    for i in _LINE_MONEY:
        values[i] = Decimal(values[i])
    if values[_LINE_PRICE] is not None:
        values[_LINE_PRICE] = Decimal(values[_LINE_PRICE])
    line = object.__new__(Line)  # a frozen dataclass's own `__init__` takes more than twice as long
    for put, value in zip(_LINE_SETTERS, values, strict=True):
        put(line, value)
    return line


def fold_version(registry: EventRegistry) -> str:
    """A name for how events become an order here and now; another fold, event type or schema version has another name.

    It is a hash over the compiled fold, so that nobody has to remember to raise a number. Another Python compiles it
    otherwise, and then snapshots are simply taken anew.

    Args:
        registry: The event types that the program knows.
    """
    types = sorted(
        (t.name, t.schema_version, [(f.name, str(f.type)) for f in dataclasses.fields(t.cls)])
        for t in registry
        if t.cls in EVENT_TYPES
    )
    return sha256(repr((FORMAT, _code_of_the_fold(), types)).encode()).hexdigest()[:16]


@cache
def _code_of_the_fold() -> tuple[Any, ...]:
    classes = [OrderFold, Order, Line, *(c for c in vars(fold_module).values() if isinstance(c, type))]
    members = [(c.__qualname__, name, value) for c in classes for name, value in sorted(vars(c).items())]
    functions = [(f"{owner}.{name}", value) for owner, name, value in members if isinstance(value, FunctionType)]
    functions += [(name, value) for name, value in vars(fold_module).items() if isinstance(value, FunctionType)]
    fields = [(f.name, str(f.type)) for c in (Order, Line) for f in dataclasses.fields(c)]
    return (sorted({(name, code) for name, f in functions for code in _codes(f.__code__)}), fields)


def _codes(code: CodeType) -> Iterator[str]:
    """A function's instructions and constants, and those of the functions in it, as text without addresses."""
    plain = [repr(value) for value in code.co_consts if not isinstance(value, CodeType)]
    yield repr((code.co_name, code.co_code.hex(), code.co_names, code.co_varnames, plain))
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _codes(value)
