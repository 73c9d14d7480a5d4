"""What is odd in a table, so that whoever writes its mapping is told; for `orders_es.sources.order_tables.propose`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.order_tables.checks import UNIT, ten_thousandths
from orders_es.sources.tables.cells import cells_of, matches, shown, trimmed
from orders_es.sources.tables.ids import read_ids, read_texts
from orders_es.sources.tables.numbers import read_decimals, read_integers
from orders_es.sources.tables.times import read_times
from orders_es.sources.tables.zones import in_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["Findings"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

_ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Australia/Sydney")
"""Where clocks change on different days, or at different hours."""
_COMMA = "[+-]?[0-9.' \u00a0\u202f]*,([0-9]{1,2}|[0-9]{4})"
_KINDS = ("type", "event", "eventtype", "kind", "transactiontype", "rowtype", "recordtype", "action", "activity")
_MOST_KINDS, _FEW = 30, 5
_LIKELY = (
    ("OrderPlaced", ("order", "placed", "sale", "purchase", "bestellung")),
    ("ItemReturned", ("return", "returned")),
    ("RefundIssued", ("refund", "refunded", "credit")),
    ("PaymentReceived", ("payment", "paid", "pay", "charge", "capture")),
    ("OrderShipped", ("shipped", "shipment", "fulfilled", "dispatch")),
    ("OrderDelivered", ("delivered", "delivery")),
    ("OrderCancelled", ("cancelled", "canceled", "cancel", "void", "storno")),
    ("ShippingCharged", ("shipping", "freight", "postage")),
    ("DiscountApplied", ("discount", "coupon", "promotion")),
    ("ItemAdded", ("item", "line", "product")),
)


class Findings:
    """What was found in a table beside what its columns are.

    Args:
        table: What was read of the file.
        options: What is known about it.
        columns: Which column was guessed for each field.
    """

    def __init__(self, table: SourceTable, options: TableOptions, columns: dict[str, str]) -> None:
        self._table, self._options, self._columns = table, options, columns

    def all(self, total: str | None) -> Iterator[str]:
        """All that has to be asked about more than one column, or about a zone that nobody has named.

        Args:
            total: The column that looks like a total of each line.
        """
        yield from self._currencies()
        yield from self._changing_hours()
        yield from self._totals(total)

    def _currencies(self) -> Iterator[str]:
        column, ids = self._columns.get("order.currency"), self._columns.get("order.id")
        if column is None or ids is None:
            return
        order, currency = self._read(ids, "id"), self._read(column, "text")
        if order is None or currency is None:
            return
        pairs = pa.table({"order": order, "currency": currency}).drop_null()
        several = pairs.group_by("order").aggregate([("currency", "count_distinct")])
        names = several.filter(pc.greater(several.column("currency_count_distinct"), 1)).column("order")
        if len(names):
            first = names[0].as_py()
            there = pairs.filter(pc.equal(pairs.column("order"), first)).column("currency").unique().to_pylist()
            yield (
                f"{column} changes inside {len(names):,} orders, such as {first!r} ({', '.join(there)}): an order has one "
                "currency, so the import refuses them"
            )

    def _changing_hours(self) -> Iterator[str]:
        """Local times that some clocks showed twice or never: whether these did, the zone says."""
        if self._options.tz is not None:
            return  # the reader of times says so itself
        for field, column in self._columns.items():
            if field not in ("order.occurred", "payment.at", "shipped.at", "delivered.at", "cancelled.at"):
                continue
            values = self._read(column, "time")
            if values is None or self._names_zones(column):
                continue
            given = values.drop_null()
            local = given.cast(pa.int64()).to_numpy(zero_copy_only=False)
            said = []
            for zone in _ZONES:
                _, never, twice = in_zone(local, ZoneInfo(zone), None)
                for marks, what in ((twice, "twice"), (never, "never")):
                    if marks.any():
                        which = int(np.argmax(marks))
                        said.append(
                            f"{given[which].as_py():%Y-%m-%d %H:%M} was {what} in {zone} ({int(marks.sum()):,} such times)"
                        )
            if said:
                yield (
                    f"{column}: {'; '.join(said[:3])}. If the shop's clock is one that changes, say tz, and repeated_hour "
                    '("earlier" or "later") or skipped_hour ("before")'
                )

    def _names_zones(self, column: str) -> bool:
        kind = self._table.table.column(column).type
        if pa.types.is_timestamp(kind):
            return kind.tz is not None
        return pa.types.is_string(kind) and bool(
            pc.any(
                pc.match_substring_regex(self._table.table.column(column), r"[0-9](Z|[+-][0-9]{2}:?[0-9]{2})$")
            ).as_py()
        )

    def _totals(self, total: str | None) -> Iterator[str]:
        quantity, price = self._columns.get("line.quantity"), self._columns.get("line.price")
        if total is None or quantity is None or price is None:
            return
        pieces, each, sums = self._read(quantity, "integer"), self._read(price, "decimal"), self._read(total, "decimal")
        if pieces is None or each is None or sums is None:
            return
        known = pc.and_(pc.and_(pieces.is_valid(), each.is_valid()), sums.is_valid()).to_numpy(zero_copy_only=False)
        if not known.any():
            return
        count = pc.fill_null(pieces, 0).to_numpy(zero_copy_only=False)
        rest = np.where(known, ten_thousandths(sums) - ten_thousandths(each) * count, 0)
        differ = np.flatnonzero(rest)
        if not len(differ):
            yield f"{total} is {quantity} times {price} in each of {int(known.sum()):,} rows; total = {_quoted(total)} beside price lets the import check that"
            return
        rounded = np.abs(rest) <= (np.abs(count) + 1) * (UNIT // 200)
        row = int(differ[0])
        whole = (
            "rounding explains all of them"
            if rounded[differ].all()
            else f"rounding explains {int(rounded[differ].sum()):,} of them"
        )
        yield (
            f"{total} is not {quantity} times {price} in {len(differ):,} of {int(known.sum()):,} rows, such as row "
            f"{int(self._table.numbers[row]):,}: {sums[row].as_py().normalize():f} and {count[row]} x {each[row].as_py().normalize():f}; {whole}. "
            f'Which one holds? total = {_quoted(total)} with rounding = "adjustment", or the price alone'
        )

    def decimal_comma(self) -> str:
        """A column whose decimals stand behind a comma, with a cell that proves it; empty if there is none."""
        if self._options.decimal is not None:
            return ""
        for field, column in self._columns.items():
            if field.partition(".")[2] not in ("price", "total", "amount"):
                continue
            if not pa.types.is_string(self._table.table.column(column).type):
                continue
            cells = cells_of(self._table, column)
            commas = matches(trimmed(cells.texts), _COMMA)
            if commas.any():
                return f"{column} has {shown(cells.first_cell(commas))}; the import finds that in each column by itself"
        return ""

    def choosing(self, left: Sequence[str]) -> list[str]:
        """Lines of a mapping that lets a column choose what event a row is, as comments; none if no column looks like it.

        Args:
            left: The columns that nothing else was made of.
        """
        for name in left:
            if "".join(filter(str.isalnum, name.casefold())) not in _KINDS:
                continue
            values = self._read(name, "text")
            if values is None:
                continue
            kinds = [kind for kind in values.unique().to_pylist() if kind]
            if not 1 < len(kinds) <= _MOST_KINDS:
                continue
            shown_kinds = ", ".join(map(repr, kinds[:_FEW])) + (", …" if len(kinds) > _FEW else "")
            question = f'# ? {name} may say what each row is ({shown_kinds}). If a row is an event, say rows = "event" above, and'
            lines = [
                question,
                "# [event]",
                f"# type = {_quoted(name)}",
                "# [event.types]  # ? false for what is no event",
            ]
            return lines + [f"# {_quoted(kind)} = {_likely(kind)}" for kind in kinds]
        return []

    def _read(self, column: str, form: str) -> Any:
        """A column's values, or None where it has two readings and is asked about already."""
        readers: dict[str, Any] = {
            "id": read_ids,
            "time": read_times,
            "integer": read_integers,
            "decimal": read_decimals,
            "text": lambda source, name, _options: read_texts(source, name, trim=True),
        }
        try:
            values = readers[form](self._table, column, self._options).values
        except BadSource:
            return None
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _likely(kind: str) -> str:
    words = kind.casefold().replace("_", " ").replace("-", " ").split()
    for event, names in _LIKELY:
        if any(word in names for word in words):
            return _quoted(event)
    return "false"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
