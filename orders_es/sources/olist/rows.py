"""Rows of the Olist files as typed columns, each row checked against its own file and the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from tqdm.auto import tqdm

from orders_es.sources.bad_rows import BadRows
from orders_es.sources.olist.columns import (
    NEVER,
    read_amounts,
    read_integers,
    read_keys,
    read_prefixes,
    read_statuses,
    read_texts,
    read_times,
)
from orders_es.sources.olist.files import NAMES

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from orders_es.sources.olist.files import OlistFiles
    from orders_es.sources.tables.files import SourceTable
    from orders_es.sources.tables.options import TableOptions

__all__ = ["Items", "Olist", "Orders", "Payments", "check_folder"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
array: Any = pa.array

_LARGEST_SUM = 10**18 - 1
_COMPANION = "nothing is wrong with this row, but its order has a bad one, and an order is imported whole or not at all"


@dataclass(frozen=True, slots=True)
class Orders:
    """One element per order, in file order. Times are microseconds since 1970 UTC, or `NEVER`."""

    numbers: npt.NDArray[np.int64]
    order_id: Any
    customer: Any
    """Who the person is: `customer_unique_id`, not the id that each order gives its customer anew."""
    postal_code: Any
    city: Any
    state: Any
    status: Any
    purchased: npt.NDArray[np.int64]
    approved: npt.NDArray[np.int64]
    carrier: npt.NDArray[np.int64]
    delivered: npt.NDArray[np.int64]
    promised: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Items:
    """One element per item row, by order and `order_item_id`. Amounts are ten-thousandths."""

    numbers: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    product: Any
    description: Any
    seller: Any
    price: npt.NDArray[np.int64]
    freight: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Payments:
    """One element per payment row, by order and `payment_sequential`. Amounts are ten-thousandths."""

    numbers: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    method: Any
    installments: npt.NDArray[np.int64]
    """`NEVER` where the file does not say."""
    amount: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Olist:
    """The good orders of a folder, with what belongs to them."""

    path: Path
    digest: bytes
    orders: Orders
    items: Items
    payments: Payments


@dataclass(frozen=True, slots=True)
class SetAside:
    """What was not imported: how many rows of all files, and the folder they were written to."""

    rows: int = 0
    folder: Path | None = None


def check_folder(files: OlistFiles, options: TableOptions, *, progress: bool = False) -> _Checked:
    """Every row of every file, read and checked; nothing is decided yet about bad ones.

    Args:
        files: The folder's files.
        options: What was said about how to read columns that have two readings.
        progress: Whether to show a bar, on a terminal.

    Raises:
        BadSource: A file cannot be read.
    """
    return _Checked(files, options, progress=progress)


class _Checked:
    """The files' columns and what is wrong with their rows."""

    def __init__(self, files: OlistFiles, options: TableOptions, *, progress: bool) -> None:
        self._files = files
        self._bad: dict[str, BadRows] = {}
        self._options = options
        steps = (self._read_orders, self._read_customers, self._read_products, self._read_items, self._read_payments)
        # Each file is let go before the next one is read: together they would take several times the memory.
        for read in tqdm(steps, desc="reading", unit=" files", disable=None if progress else True):
            read()
            # Arrow would keep for itself what the file took, and NumPy takes what comes next from elsewhere.
            pa.default_memory_pool().release_unused()

    def _load(self, what: str) -> tuple[SourceTable, BadRows]:
        source = self._files.load(what)
        self._bad[what] = BadRows(self._files.tables[what])
        return source, self._bad[what]

    def _read_orders(self) -> None:
        source, bad = self._load("orders")
        self._order_id = read_keys(source, "order_id", self._options, bad)
        _no_id_twice(self._order_id, source.numbers, "order_id", bad)
        self._customer_id = read_keys(source, "customer_id", self._options, bad)
        self._status = read_statuses(source, "order_status", bad)
        self._purchased = read_times(source, "order_purchase_timestamp", self._options, bad)
        self._approved = read_times(source, "order_approved_at", self._options, bad, required=False)
        self._carrier = read_times(source, "order_delivered_carrier_date", self._options, bad, required=False)
        self._delivered = read_times(source, "order_delivered_customer_date", self._options, bad, required=False)
        self._promised = read_times(source, "order_estimated_delivery_date", self._options, bad, required=False)

    def _read_customers(self) -> None:
        source, bad = self._load("customers")
        customer_id = read_keys(source, "customer_id", self._options, bad)
        _no_id_twice(customer_id, source.numbers, "customer_id", bad)
        unique = read_keys(source, "customer_unique_id", self._options, bad)
        zips = read_prefixes(source, "customer_zip_code_prefix", bad)
        cities = read_texts(source, "customer_city", bad, required=False)
        states = read_texts(source, "customer_state", bad, required=False)
        row = pc.index_in(self._customer_id, value_set=customer_id)
        self._bad["orders"].add(
            _unknown(self._customer_id, row, "customer_id", self._files.tables["customers"].path.name)
        )
        self._customer, self._postal_code = unique.take(row), zips.take(row)
        self._city, self._state = cities.take(row), states.take(row)
        self._customer_row = row.fill_null(-1).to_numpy(zero_copy_only=False)
        del self._customer_id

    def _read_products(self) -> None:
        self._product_id, self._category = array([], pa.string()), array([], pa.string())
        if "products" in self._files.paths:
            source, bad = self._load("products")
            self._product_id = read_keys(source, "product_id", self._options, bad)
            _no_id_twice(self._product_id, source.numbers, "product_id", bad)
            self._category = read_texts(source, "product_category_name", bad, required=False)

    def _read_items(self) -> None:
        source, bad = self._load("items")
        self._item_order = self._order_of("items", source)
        self._item_seq = read_integers(source, "order_item_id", self._options, bad)
        self._product = read_keys(source, "product_id", self._options, bad)
        self._seller = read_texts(source, "seller_id", bad, required=False)
        self._price = read_amounts(source, "price", self._options, bad)
        self._freight = read_amounts(source, "freight_value", self._options, bad)
        _no_place_twice(self._item_order, self._item_seq, source.numbers, "order_item_id", bad)
        self._description = self._category.take(pc.index_in(self._product, value_set=self._product_id))
        for row in self._too_much_freight():
            bad.add({row: "with this row the order's freight has more than 14 digits before the point"})

    def _too_much_freight(self) -> list[int]:
        known = self._item_order >= 0
        sums = np.bincount(self._item_order[known], self._freight[known].astype(np.float64))
        over = np.flatnonzero(sums > _LARGEST_SUM)
        return [int(np.flatnonzero(self._item_order == order)[-1]) for order in over]

    def _read_payments(self) -> None:
        source, bad = self._load("payments")
        self._payment_order = self._order_of("payments", source)
        self._payment_seq = read_integers(source, "payment_sequential", self._options, bad)
        self._method = read_texts(source, "payment_type", bad, required=False)
        self._installments = read_integers(source, "payment_installments", self._options, bad, required=False)
        self._amount = read_amounts(source, "payment_value", self._options, bad)
        _no_place_twice(self._payment_order, self._payment_seq, source.numbers, "payment_sequential", bad)

    def _order_of(self, what: str, source: SourceTable) -> npt.NDArray[np.int64]:
        """For each row of a file, the row of its order; -1 where there is none."""
        order_id = read_keys(source, "order_id", self._options, self._bad[what])
        row = pc.index_in(order_id, value_set=self._order_id)
        self._bad[what].add(_unknown(order_id, row, "order_id", self._files.tables["orders"].path.name))
        rows: npt.NDArray[np.int64] = row.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return rows

    def stop(self) -> None:
        """Do nothing if all rows of all files are good.

        Raises:
            BadSource: They are not; it names the first file that has a bad row, and the first one in it.
        """
        for what in NAMES:
            if what in self._bad:
                self._bad[what].stop()

    def quarantine(self, target: str | os.PathLike[str] | None) -> tuple[Olist, SetAside]:
        """The good orders, and what became of the others: their rows are written to a folder of the same shape.

        An order one of whose rows is bad is set aside whole, with its customer: what is corrected there can be imported
        from there.

        Args:
            target: The folder; `<name of the source's folder>.quarantine` in the current one if None.

        Raises:
            BadSource: Something else is in the way there, or it cannot be written.
        """
        good = self._good_orders()
        if not any(len(bad) for bad in self._bad.values()):
            return self._select(good), SetAside()
        folder = self._files.folder.resolve().name + ".quarantine" if target is None else target
        self._set_companions_aside(good)
        for what, bad in self._bad.items():
            bad.quarantine(Path(folder) / f"{NAMES[what]}.csv", even_if_none=what != "products")
        return self._select(good), SetAside(sum(map(len, self._bad.values())), Path(folder))

    def all(self) -> Olist:
        """All orders; for when `stop` found nothing wrong."""
        return self._select(np.ones(len(self._order_id), dtype=np.bool_))

    def _good_orders(self) -> npt.NDArray[np.bool_]:
        good = self._bad["orders"].good
        customers = self._bad["customers"].good
        good &= (self._customer_row < 0) | customers[self._customer_row] if len(customers) else False
        for what, order in (("items", self._item_order), ("payments", self._payment_order)):
            of_bad_rows = order[~self._bad[what].good]
            good[of_bad_rows[of_bad_rows >= 0]] = False
            for damaged in self._files.tables[what].damaged:
                # Which order a row belongs to that cannot be cut into columns: one that it names anywhere.
                named = pc.index_in(array(damaged.fields, pa.string()), value_set=self._order_id).drop_null()
                good[named.to_numpy(zero_copy_only=False)] = False
        return good

    def _set_companions_aside(self, good: npt.NDArray[np.bool_]) -> None:
        wanted = self._customer_row[~good & (self._customer_row >= 0)]
        customers = np.zeros(self._files.tables["customers"].table.num_rows, dtype=np.bool_)
        customers[wanted] = True
        companions = {
            "orders": ~good,
            "customers": customers,
            "items": (self._item_order >= 0) & ~good[self._item_order],
            "payments": (self._payment_order >= 0) & ~good[self._payment_order],
        }
        for what, rows in companions.items():
            bad = self._bad[what]
            bad.add(dict.fromkeys(np.flatnonzero(rows & bad.good).tolist(), _COMPANION))

    def _select(self, good: npt.NDArray[np.bool_]) -> Olist:
        kept = np.flatnonzero(good)
        place = np.cumsum(good) - 1

        def of_orders(order: npt.NDArray[np.int64], sequence: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            rows = np.flatnonzero((order >= 0) & good[order])
            return rows[np.lexsort((sequence[rows], order[rows]))]

        items, payments = (
            of_orders(self._item_order, self._item_seq),
            of_orders(self._payment_order, self._payment_seq),
        )
        which, sources = array(kept), self._files.tables
        return Olist(
            path=sources["orders"].path,
            digest=self._files.digest,
            orders=Orders(
                numbers=sources["orders"].numbers[kept],
                order_id=self._order_id.take(which),
                customer=self._customer.take(which),
                postal_code=self._postal_code.take(which),
                city=self._city.take(which),
                state=self._state.take(which),
                status=self._status.take(which),
                purchased=self._purchased[kept],
                approved=self._approved[kept],
                carrier=self._carrier[kept],
                delivered=self._delivered[kept],
                promised=self._promised[kept],
            ),
            items=Items(
                numbers=sources["items"].numbers[items],
                order=place[self._item_order[items]],
                product=self._product.take(array(items)),
                description=self._description.take(array(items)),
                seller=self._seller.take(array(items)),
                price=self._price[items],
                freight=self._freight[items],
            ),
            payments=Payments(
                numbers=sources["payments"].numbers[payments],
                order=place[self._payment_order[payments]],
                method=self._method.take(array(payments)),
                installments=self._installments[payments],
                amount=self._amount[payments],
            ),
        )


def _unknown(ids: Any, found: Any, name: str, file: str) -> dict[int, str]:
    """The rows whose id is given but not found in the file that should have it."""
    missing = pc.and_(pc.is_valid(ids), pc.is_null(found)).to_numpy(zero_copy_only=False)
    return {int(row): f"{name} {ids[int(row)].as_py()!r} is in no row of {file}" for row in np.flatnonzero(missing)}


def _no_id_twice(ids: Any, numbers: npt.NDArray[np.int64], name: str, bad: BadRows) -> None:
    first = pc.index_in(ids, value_set=ids.drop_null()) if not ids.null_count else None
    rows = np.arange(len(ids))
    if first is None:
        given = np.flatnonzero(ids.is_valid().to_numpy(zero_copy_only=False))
        at = pc.index_in(ids, value_set=ids.drop_null()).fill_null(0).to_numpy(zero_copy_only=False)
        place = given[at] if len(given) else rows
        place[ids.is_null().to_numpy(zero_copy_only=False)] = rows[ids.is_null().to_numpy(zero_copy_only=False)]
    else:
        place = first.to_numpy(zero_copy_only=False)
    bad.add(
        {
            int(row): f"{name} {ids[int(row)].as_py()!r} is in row {numbers[place[row]]} already"
            for row in np.flatnonzero(place != rows)
        }
    )


def _no_place_twice(
    order: npt.NDArray[np.int64],
    sequence: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int64],
    name: str,
    bad: BadRows,
) -> None:
    rows = np.flatnonzero((order >= 0) & (sequence != NEVER))
    by_place = rows[np.lexsort((sequence[rows], order[rows]))]
    before, after = by_place[:-1], by_place[1:]
    twice = (order[before] == order[after]) & (sequence[before] == sequence[after])
    bad.add(
        {
            int(row): f"{name} {sequence[row]} of this order is in row {numbers[earlier]} already"
            for row, earlier in zip(after[twice], before[twice], strict=True)
        }
    )
