"""Checked rows as streams of order events, without a loop over rows; for `orders_es.sources.order_tables`.

A stream is `OrderCreated` at the earliest time of its rows; shipping and discount at that time; an event for each row
in the table's order; `OrderPlaced`; then what came later, by its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.batches import StreamTable
from orders_es.sources.event_ids import event_ids_of_places
from orders_es.sources.order_tables.checks import first_given, ten_thousandths
from orders_es.sources.order_tables.mapping import EVENTS, place_of, table_of
from orders_es.sources.tables.values import DECIMAL

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.order_tables.mapping import TableMapping
    from orders_es.sources.order_tables.rows import OrderRows
    from orders_es.sources.tables.source import SourceTable

__all__ = ["to_streams"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_TYPES = (
    *("OrderCreated", "ShippingCharged", "DiscountApplied", "ItemAdded", "ItemReturned", "AdjustmentRecorded"),
    *("OrderPlaced", "PaymentReceived", "OrderShipped", "OrderDelivered", "RefundIssued", "OrderCancelled"),
)
"""In the order in which they happen where nothing else says it."""
(
    _CREATED,
    _SHIPPING,
    _DISCOUNT,
    _ADDED,
    _RETURNED,
    _ADJUSTED,
    _PLACED,
    _PAID,
    _SHIPPED,
    _DELIVERED,
    _REFUND,
    _CANCELLED,
) = range(12)
_LATER = {"payment": _PAID, "shipped": _SHIPPED, "delivered": _DELIVERED, "refund": _REFUND, "cancelled": _CANCELLED}
_AMOUNTS = {
    _SHIPPING: "shipping.amount",
    _DISCOUNT: "discount.amount",
    _PAID: "payment.amount",
    _REFUND: "refund.amount",
}
_TEXTS = {
    "currency": {_CREATED: "order.currency"},
    "customer_id": {_CREATED: "order.customer_id"},
    "country": {_CREATED: "order.country"},
    "channel": {_CREATED: "order.channel"},
    "city": {_CREATED: "order.city"},
    "postal_code": {_CREATED: "order.postal_code"},
    "state": {_CREATED: "order.state"},
    "source_status": {_CREATED: "order.source_status"},
    "method": {_SHIPPING: "shipping.method", _PAID: "payment.method", _REFUND: "refund.method"},
    "code": {_DISCOUNT: "discount.code"},
    "reference": {_PAID: "payment.reference"},
    "carrier": {_SHIPPED: "shipped.carrier"},
    "tracking": {_SHIPPED: "shipped.tracking"},
    "reason": {_REFUND: "refund.reason", _CANCELLED: "cancelled.reason", _ADJUSTED: "adjustment.reason"},
}
_SECTIONS = {"shipping": _SHIPPING, "discount": _DISCOUNT, **_LATER}
_STEP = 16
"""What is added to the number of a kind for each further table of one name, and once for adjustments of whole orders."""
_BASE = _STEP - 1
_LATE = np.iinfo(np.int64).max
_ROWS_KINDS = np.array([_TYPES.index(name) for name in EVENTS])
_WIDTHS = (np.int8, np.int32, np.int32, np.int64, np.int8, np.int64, np.int64)
_ROUNDING = "rounding of a line total"


def to_streams(source: SourceTable, rows: OrderRows, mapping: TableMapping, actor: str) -> StreamTable:
    """One stream per order, in the order of first rows. The events are made as they are asked for.

    Args:
        source: Where the rows come from; its cells are not needed.
        rows: Good rows.
        actor: Who is recorded as the cause.
    """
    events = _Events(source, rows, mapping, actor)
    return StreamTable(source.path, events, events.ids, events.starts, events.first_rows)


class _Events:
    """A table of all events that is never there as a whole: it has a length, and slices of whole streams."""

    def __init__(self, source: SourceTable, rows: OrderRows, mapping: TableMapping, actor: str) -> None:
        self._source, self._actor = source, actor
        self._rows_are_events, self._places = bool(len(rows.kinds)), mapping.placed
        self._sections = _numbered(rows.values, events=self._rows_are_events)
        self._estimated = [number for name, number in self._sections.items() if name in mapping.estimated]
        self._rows_place = "OrderPlaced" in mapping.types.values()
        encoded = rows.ids.dictionary_encode()
        self.ids = encoded.dictionary
        self._code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        streams = len(self.ids)
        self._first = np.full(streams, len(self._code), dtype=np.int64)
        np.minimum.at(self._first, self._code, np.arange(len(self._code)))
        self.first_rows = rows.numbers[self._first]
        # Of the rows only what is said of each of them is needed from here on.
        self._of_row = {
            name: values
            for name, values in rows.values.items()
            if name.startswith("line.") or mapping.belongs_to_row(name)
        }
        self._numbers, self._price, self._adjustment = rows.numbers, rows.price, rows.adjustment
        self._of_order = {
            name: first_given(values, self._code, streams)
            for name, values in rows.values.items()
            if name not in self._of_row and name not in ("order.occurred", "order.entered")
        }
        self._entered = self._entered_of(rows, mapping, streams) if mapping.has_entered else None
        parts = self._parts(rows, mapping, streams)
        columns = [list(column) for column in zip(*parts, strict=True)]
        del parts
        tie, key, rank, time, row, stream, kind = (np.concatenate(columns.pop()) for _ in range(7))
        order = np.lexsort((tie * 128 + kind, key, stream.astype(np.int64) * 8 + rank))
        del tie, key, rank
        self._kind, self._stream, self._row, self._time = (column[order] for column in (kind, stream, row, time))
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(stream, minlength=streams))]).astype(np.int64)

    def _entered_of(
        self, rows: OrderRows, mapping: TableMapping, streams: int
    ) -> tuple[Any, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """When each row was entered; the first and, of what was bought, the last time of each stream; and which row creates."""
        entered = rows.values.get("order.entered")
        if entered is None:
            entered = pa.nulls(len(rows.numbers), pa.timestamp("us", tz="UTC"))
        given = np.flatnonzero(entered.is_valid().to_numpy(zero_copy_only=False))
        times = _micros(entered)
        first, last = np.full(streams, _LATE), np.full(streams, -_LATE)
        np.minimum.at(first, self._code[given], times[given])
        bought = given
        if "line.quantity" in rows.values:
            quantity = pc.fill_null(rows.values["line.quantity"], 0).to_numpy(zero_copy_only=False)
            bought = given[(rows.is_line & (quantity >= 0))[given]]
        np.maximum.at(last, self._code[bought], times[bought])
        creates = np.zeros(len(rows.numbers), dtype=np.bool_)
        if len(rows.kinds):
            creates = _ROWS_KINDS[rows.kinds] == _CREATED
            creates &= rows.kinds >= 0
        return entered, first, last if mapping.placed else np.full(streams, -_LATE), creates

    def _entered_at(
        self, kind: npt.NDArray[np.int64], stream: npt.NDArray[np.int64], row: npt.NDArray[np.int64]
    ) -> Any:
        """When the source says that it learned of each event; null where it does not say."""
        assert self._entered is not None
        of_rows, first, last, creates = self._entered
        result = np.full(len(kind), _LATE)
        of_order = [n for name, n in self._sections.items() if table_of(name) in ("shipping", "discount", "adjustment")]
        whole = ((kind == _CREATED) & ~creates[row]) | np.isin(kind, of_order)
        of_row = np.isin(kind, [_ADDED, _RETURNED, _ADJUSTED]) | ((kind == _CREATED) & creates[row])
        if self._rows_are_events:
            of_row = ((kind != _CREATED) | creates[row]) & ((kind != _PLACED) | self._rows_place)
            whole = (kind == _CREATED) & ~creates[row]
        result[whole] = first[stream[whole]]
        own = of_rows.take(_array(row[of_row]))
        result[of_row] = np.where(own.is_valid().to_numpy(zero_copy_only=False), _micros(own), _LATE)
        if self._places:
            placed = kind == _PLACED
            result[placed] = last[stream[placed]]
        for section, which in self._sections.items():
            name = f"{section}.entered"
            some = kind == which
            values, at = (self._of_row.get(name), row) if name in self._of_row else (self._of_order.get(name), stream)
            if values is not None and some.any():
                own = values.take(_array(at[some]))
                result[some] = np.where(own.is_valid().to_numpy(zero_copy_only=False), _micros(own), _LATE)
        return _array(result, mask=np.abs(result) == _LATE).cast(pa.timestamp("us", tz="UTC"))

    def _parts(self, rows: OrderRows, mapping: TableMapping, streams: int) -> list[tuple[npt.NDArray[np.int64], ...]]:
        """Kind, stream, row, time, rank, place within the rank and what decides between equals, of all events of a sort."""
        parts: list[tuple[npt.NDArray[np.int64], ...]] = []
        every = np.arange(streams)

        def add(kind: Any, stream: Any, row: Any, time: Any, rank: int, key: Any, tie: Any = None) -> None:
            tie = row if tie is None else tie
            shape = np.zeros(len(stream), dtype=np.int64)
            given = zip((kind, stream, row, time, rank, key, tie), _WIDTHS, strict=True)
            parts.append(tuple((shape + column).astype(width) for column, width in given))

        times = _micros(rows.values["order.occurred"])
        earliest = np.full(streams, np.iinfo(np.int64).max)
        np.minimum.at(earliest, self._code, times)
        if len(rows.kinds):
            self._add_events(add, rows, mapping, times, earliest)
            return parts
        add(_CREATED, every, self._first, earliest, 0, 0)
        for section, kind in self._sections.items():
            name = f"{section}.amount"
            if table_of(section) not in ("shipping", "discount", "adjustment"):
                continue
            if name in self._of_row:
                some = np.flatnonzero(ten_thousandths(self._of_row[name]))
                add(kind, self._code[some], some, times[some], 1, some)
            elif name in self._of_order:
                some = np.flatnonzero(ten_thousandths(self._of_order[name]))
                add(kind, some, self._first[some], earliest[some], 1, 0)
        bought = self._add_lines(add, rows, times) if mapping.has_lines else np.ones(len(self._code), dtype=np.bool_)
        if "order.placed" in self._of_order:
            self._add_at(add, "order.placed", _PLACED, 3)
        elif mapping.placed:
            # With the last line that was bought: a return comes later, and places nothing.
            latest = earliest.copy()
            np.maximum.at(latest, self._code[bought], times[bought])
            add(_PLACED, every, self._first, latest, 3, 0)
        self._add_later(add)
        return parts

    def _add_later(self, add: Any) -> None:
        for section, kind in self._sections.items():
            if table_of(section) not in _LATER:
                continue
            if f"{section}.at" in self._of_order:
                self._add_at(add, f"{section}.at", kind, 4)
            elif f"{section}.at" in self._of_row:
                some = np.flatnonzero(self._moved(section, self._of_row))
                at = _micros(self._of_row[f"{section}.at"])[some]
                add(kind, self._code[some], some, at, 4, at)

    def _moved(self, section: str, values: dict[str, Any]) -> npt.NDArray[np.bool_]:
        """Where something happened: there is a time, and money that went back is more than nothing."""
        there: npt.NDArray[np.bool_] = values[f"{section}.at"].is_valid().to_numpy(zero_copy_only=False)
        return there & (ten_thousandths(values[f"{section}.amount"]) != 0) if table_of(section) == "refund" else there

    def _add_lines(self, add: Any, rows: OrderRows, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """An event for each line; which rows are no return, to say when the last thing was bought."""
        quantity = pc.fill_null(rows.values["line.quantity"], 0).to_numpy(zero_copy_only=False)
        line = np.flatnonzero(rows.is_line)
        add(np.where(quantity[line] < 0, _RETURNED, _ADDED), self._code[line], line, times[line], 2, line)
        left = np.flatnonzero(rows.adjustment)
        add(_ADJUSTED, self._code[left], left, times[left], 2, left)
        bought: npt.NDArray[np.bool_] = quantity >= 0
        return bought

    def _add_events(
        self,
        add: Any,
        rows: OrderRows,
        mapping: TableMapping,
        times: npt.NDArray[np.int64],
        earliest: npt.NDArray[np.int64],
    ) -> None:
        """The events of a table in which a row is one: by their times, and as they stand in it where those are equal."""
        kinds = np.where(rows.kinds >= 0, _ROWS_KINDS[rows.kinds], -1)
        created = np.flatnonzero(kinds == _CREATED)
        begins, first = earliest.copy(), self._first.copy()
        begins[self._code[created]], first[self._code[created]] = times[created], created
        add(_CREATED, np.arange(len(earliest)), first, begins, 0, 0)
        quantity = rows.values.get("line.quantity")
        if quantity is not None:
            below = pc.fill_null(pc.less(quantity, 0), fill_value=False).to_numpy(zero_copy_only=False)
            kinds = np.where((kinds == _ADDED) & below, _RETURNED, kinds)
        some = np.flatnonzero((kinds >= 0) & (kinds != _CREATED))
        add(kinds[some], self._code[some], some, times[some], 2, times[some])
        left = np.flatnonzero(rows.adjustment)
        add(_ADJUSTED, self._code[left], left, times[left], 2, times[left])
        if "order.placed" in self._of_order:
            at = _micros(self._of_order["order.placed"])
            given = np.flatnonzero(self._of_order["order.placed"].is_valid().to_numpy(zero_copy_only=False))
            add(_PLACED, given, self._first[given], at[given], 2, at[given], len(self._code))
        elif mapping.placed:
            latest = begins.copy()
            bought = np.flatnonzero(kinds == _ADDED)
            np.maximum.at(latest, self._code[bought], times[bought])
            add(_PLACED, np.arange(len(earliest)), self._first, latest, 2, latest, len(self._code))

    def _add_at(self, add: Any, field: str, kind: int, rank: int) -> None:
        at = self._of_order[field]
        some = np.flatnonzero(self._moved(field.partition(".")[0], {**self._of_order, "order.at": at}))
        times = _micros(at)[some]
        add(kind, some, self._first[some], times, rank, times)

    @property
    def num_rows(self) -> int:
        return len(self._kind)

    def _amounts(
        self, kind: npt.NDArray[np.int64], stream: npt.NDArray[np.int64], row: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        amount = np.zeros(len(kind), dtype=np.int64)
        for section, which in self._sections.items():
            name = f"{section}.amount"
            if not (some := kind == which).any():
                continue
            if name in self._of_order:
                amount[some] = ten_thousandths(self._of_order[name].take(_array(stream[some])))
            elif name in self._of_row:
                amount[some] = ten_thousandths(self._of_row[name].take(_array(row[some])))
        return amount

    def _named(self, field: str) -> list[tuple[int, str]]:
        """Which columns say a text, and of events of which number."""
        found = [(which, name) for which, name in _TEXTS[field].items() if table_of(name) not in self._sections]
        for section, number in self._sections.items():
            which = number & _BASE
            if which in _TEXTS[field]:
                found.append((number, f"{section}.{_TEXTS[field][which].partition('.')[2]}"))
        return found

    def slice(self, offset: int, length: int) -> pa.Table:
        part = slice(offset, offset + length)
        kind, stream, row = self._kind[part], self._stream[part], self._row[part]
        values = self._of_row
        moved = (kind == _ADDED) | (kind == _RETURNED)
        base = kind & _BASE

        def texts(field: str) -> Any:
            result = pa.nulls(length, pa.string())
            for which, name in self._named(field):
                if name in self._of_order:
                    result = pc.coalesce(result, self._of_order[name].take(_array(stream, mask=kind != which)))
                elif name in self._of_row:
                    result = pc.coalesce(result, self._of_row[name].take(_array(row, mask=kind != which)))
            return result

        def of_line(name: str, only: npt.NDArray[np.bool_], form: pa.DataType) -> Any:
            if name not in values:
                return pa.nulls(length, form)
            return values[name].take(_array(row, mask=~only))

        amount = self._amounts(kind, stream, row)
        adjusted = kind == _ADJUSTED
        price = amount.copy()
        rounded = adjusted
        if len(self._price):
            rounded = adjusted & (self._adjustment[row] != 0)
            amount[rounded] = self._adjustment[row[rounded]]
            price = self._price[row]
        reason = pc.coalesce(
            _array([_ROUNDING]).take(_array(np.zeros(length, dtype=np.int8), mask=~rounded)), texts("reason")
        )
        guessed = np.isin(kind, self._estimated)
        with_amount = np.isin(base, [*_AMOUNTS, _ADJUSTED])
        return pa.table(
            {
                "stream_id": self.ids.take(_array(stream)),
                "type": _array(_TYPES).take(_array(base)),
                "occurred_at": _array(self._time[part]).cast(pa.timestamp("us", tz="UTC")),
                **({} if self._entered is None else {"entered_at": self._entered_at(kind, stream, row)}),
                "event_id": event_ids_of_places(self._source.digests(self._numbers[row]), self._numbers[row], kind),
                "actor": pa.repeat(pa.scalar(self._actor), length),
                **{field: texts(field) for field in _TEXTS if field != "reason"},
                "reason": reason,
                "item_id": of_line("line.item_id", moved | rounded, pa.string()),
                "description": of_line("line.description", moved, pa.string()),
                "quantity": pc.abs(of_line("line.quantity", moved, pa.int64())),
                "price": _decimals(price, moved),
                "amount": _decimals(amount, with_amount),
                **({"time_estimated": _array(guessed, mask=~guessed)} if self._estimated else {}),
            }
        )


def _numbered(values: dict[str, Any], *, events: bool) -> dict[str, int]:
    """The tables of the mapping that make events of their own, each with the number of what it makes."""
    found: dict[str, int] = {}
    for name in values:
        table = table_of(name)
        if table == "adjustment":
            found[name.partition(".")[0]] = _ADJUSTED + (0 if events else _STEP * place_of(name))
        elif table in _SECTIONS:
            found[name.partition(".")[0]] = _SECTIONS[table] + _STEP * (place_of(name) - 1)
    return found


def _decimals(amounts: npt.NDArray[np.int64], only: npt.NDArray[np.bool_]) -> Any:
    words = np.stack([amounts, amounts >> 63], axis=1)
    values = pa.Array.from_buffers(DECIMAL, len(amounts), [None, pa.py_buffer(words.tobytes())])
    return values.take(_array(np.arange(len(amounts)), mask=~only))


def _micros(times: Any) -> npt.NDArray[np.int64]:
    micros: npt.NDArray[np.int64] = pc.fill_null(times.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return micros
