"""The files of the Olist data set in a folder, each as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import BadSource
from orders_es.sources.tables.files import read_source

if TYPE_CHECKING:
    import os

    from orders_es.sources.tables.files import SourceTable
    from orders_es.sources.tables.options import TableOptions

__all__ = ["COLUMNS", "MAY_LACK", "NAMES", "OlistFiles", "find_files"]

NAMES = {
    "orders": "olist_orders_dataset",
    "items": "olist_order_items_dataset",
    "payments": "olist_order_payments_dataset",
    "customers": "olist_customers_dataset",
    "products": "olist_products_dataset",
}
"""What the importer calls each file, and its name as published, without the extension."""

COLUMNS = {
    "orders": (
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ),
    "items": ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"),
    "payments": ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
    "customers": (
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ),
    "products": ("product_id", "product_category_name"),
}
"""The columns that are read. The files have more; those stay where they are."""

MAY_LACK = (
    "order_estimated_delivery_date",
    "seller_id",
    "payment_installments",
    "customer_city",
    "customer_state",
)
"""Those of them that a file may lack; nothing depends on them."""

_OPTIONAL = frozenset({"products"})
# Orders without an item or a payment are real, so a folder of a few orders may well have none of either.
_MAY_HAVE_NO_ROWS = frozenset({"items", "payments", "products"})
_KINDS = (".csv", ".parquet")


@dataclass(slots=True)
class OlistFiles:
    """The files of one folder.

    Args:
        folder: The folder, as it was named.
        paths: Each file that is there, by the name that the importer has for it.
        whole: Whether all columns are read, and rows are kept for a quarantine; or only what is needed, as long as it is.
        options: What was said about how to read them.
        tables: The files that were read. Without `whole` they have no cells.
    """

    folder: Path
    paths: dict[str, Path]
    whole: bool
    options: TableOptions
    tables: dict[str, SourceTable] = field(default_factory=dict)

    def load(self, what: str) -> SourceTable:
        """One file, with its cells.

        Raises:
            BadSource: It cannot be read.
        """
        wanted = {name: (name,) for name in COLUMNS[what]}
        source = read_source(
            self.paths[what],
            wanted,
            options=self.options,
            optional=MAY_LACK,
            rows_required=what not in _MAY_HAVE_NO_ROWS,
            only_wanted=not self.whole,
        )
        self.tables[what] = source if self.whole else source.without_cells()
        return source

    @property
    def rows(self) -> int:
        """All rows of all files, good and bad."""
        return sum(source.table.num_rows + len(source.damaged) for source in self.tables.values())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the files' own digests, in the order of `NAMES`; 32 zero bytes stand for one that is absent."""
        digests = [self.tables[what].digest if what in self.tables else bytes(32) for what in NAMES]
        return sha256(b"".join(digests)).digest()


def find_files(folder: str | os.PathLike[str], *, whole: bool, options: TableOptions) -> OlistFiles:
    """The files of a folder, each `.csv` or `.parquet`, not read yet.

    Args:
        folder: Where they lie, under the names with which they were published.
        whole: See `OlistFiles`.
        options: See `OlistFiles`.

    Raises:
        BadSource: It is no folder, or a file other than the products' is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        there = "it is a file" if folder.exists() else "there is no such folder"
        raise BadSource(str(folder), None, f"{there}; give the folder into which the data set was unpacked")
    # All are looked for before one is read: a missing file is better said at once.
    paths = {what: path for what in NAMES if (path := _find(folder, what)) is not None}
    return OlistFiles(folder, paths, whole, options)


def _find(folder: Path, what: str) -> Path | None:
    found = [path for kind in _KINDS if (path := folder / f"{NAMES[what]}{kind}").exists()]
    if len(found) > 1:
        raise BadSource(
            str(folder), None, f"both {found[0].name} and {found[1].name} are there; which one counts? Move one away"
        )
    if not found and what not in _OPTIONAL:
        raise BadSource(
            str(folder / f"{NAMES[what]}.csv"),
            None,
            f"there is no such file (nor {NAMES[what]}.parquet); the data set as published has it, so unpack all of it "
            "into one folder",
        )
    return found[0] if found else None
