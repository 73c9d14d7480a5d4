"""A hundred thousand real orders of a Brazilian marketplace, for everybody who brings a copy of the files.

*Brazilian E-Commerce Public Dataset by Olist*, as published: CSV files in one folder, or the same as Parquet.

How rows become events:

- One stream per order; the stream id is `order_id`. Streams stand in the log in the order of the orders' file.
- At the time of purchase `OrderCreated`, `ItemAdded` for each item row in the order of `order_item_id` (one piece, and
  with the products' file its category as description), `ShippingCharged` with the sum of the freight if there are items,
  and `OrderPlaced`.
- At the time of approval `PaymentReceived` for each payment row in the order of `payment_sequential`. If there is none, at
  that of the purchase, and `time_estimated` is true.
- `OrderShipped` at the hand-over to the carrier, and `OrderDelivered` at the delivery, if the file has a time for it.
- `OrderCancelled` if the status is `canceled` or `unavailable`, with that as its reason. The files have no time for it,
  so it is the latest time that they know of the order, and `time_estimated` is true. The estimated delivery date does
  not count: it is a promise.
- The status is one of eight words, whatever its case and the blanks around it; another one stops the import.
- Times stay as they are, also where an order was shipped before it was approved or even purchased. What was delivered
  without a date has no `OrderDelivered`; the status that the files give is `source_status` of `OrderCreated`.
- The customer is `customer_unique_id`, the person; `customer_id` is another one for each order. `postal_code` is the
  prefix that the files have, five digits with its leading zeros; `city` and `state` stand beside it.
- The estimated delivery date is `promised_at` of `OrderCreated`, the seller is `seller_id` of `ItemAdded`, and the number of
  instalments `installments` of `PaymentReceived`.
- Sellers' shipping limits, reviews, geolocation and the sizes of products are not imported.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from orders_es.errors import InvalidArgument
from orders_es.sources.batches import append_new
from orders_es.sources.olist.events import estimated_times, to_streams
from orders_es.sources.olist.files import find_files
from orders_es.sources.olist.rows import SetAside, check_folder
from orders_es.sources.options import check_import_options
from orders_es.sources.result import ImportResult
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from datetime import tzinfo

    from orders_es.log import EventLog
    from orders_es.sources.bad_rows import OnError

__all__ = ["BATCH_EVENTS", "import_olist"]

BATCH_EVENTS = 131_072
"""How many events a commit holds, unless told otherwise."""

_COUNTRY = "BR"


def import_olist(
    log: EventLog | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    tz: str | tzinfo | None = None,
    currency: str = "BRL",
    reading: TableOptions | None = None,
    skip_known: bool = False,
    batch_events: int = BATCH_EVENTS,
    progress: bool = False,
    actor: str = "import:olist",
) -> ImportResult:
    r"""What the import of a folder did. It appends to the log, and writes a quarantine folder if asked to and needed.

    Importing the same files (the same bytes) again adds nothing. An import that was interrupted is completed by running
    it again.

    All rows are checked before anything is appended. A row is bad if an id, the status, the time of purchase, a place in
    a sequence or an amount is empty; if a time or number cannot be read, an amount is negative or has more than four
    decimals; if the status is none of the files' own, or a postal code has other than up to five digits; if an order, a customer, a product or a place within an order is there twice; or if it names an order or a
    customer that the other file does not have.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        folder: The folder with `olist_orders_dataset.csv`, `olist_order_items_dataset.csv`,
            `olist_order_payments_dataset.csv`, `olist_customers_dataset.csv` and, if you like,
            `olist_products_dataset.csv`; each may be `.parquet` instead.
        on_error: `stop` at the first bad row, or `quarantine`: write the rows of every order that has a bad one to a
            folder, each with its reason, and import the other orders.
        quarantine: That folder; `<name of the source's folder>.quarantine` in the current one if None. Its files have the
            names and columns of the source's, so that it can be imported once it is corrected. A file that is there
            already is never overwritten.
        tz: The zone of the shop's clock: an IANA name, or a `tzinfo`. The files name none.
        currency: The currency of the prices, three letters.
        reading: What the files do not say themselves: whether days come first, where decimals stand, their encoding.
        skip_known: Leave out orders that the log has already, the same, from other files. One that differs is an error all
            the same.
        batch_events: How many events a commit may hold; an order is never cut.
        progress: Whether to show bars, on a terminal.
        actor: Who is recorded as the cause of the events.

    Raises:
        BadSource: A file is missing or cannot be read, or `on_error` is `stop` and a row is bad; nothing was appended.
        SourceConflict: The log holds one of the orders already, from somewhere else.
        ValueError: An option makes no sense.

    Example:
        >>> import pathlib, tempfile
        >>> from orders_es.log import open_log
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> files = {
        ...     "orders": "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
        ...     "order_delivered_carrier_date,order_delivered_customer_date\n"
        ...     "o1,c1,invoiced,2017-10-02 10:56:33,2017-10-02 11:07:15,,\n",
        ...     "order_items": "order_id,order_item_id,product_id,price,freight_value\no1,1,p1,29.99,8.72\n",
        ...     "order_payments": "order_id,payment_sequential,payment_type,payment_value\no1,1,boleto,38.71\n",
        ...     "customers": "customer_id,customer_unique_id,customer_zip_code_prefix\nc1,person1,03149\n",
        ... }
        >>> for name, text in files.items():
        ...     _ = (folder / f"olist_{name}_dataset.csv").write_text(text)
        >>> log = open_log(folder / "log", create=True)
        >>> import_olist(log, folder).events
        5
        >>> log.load("o1")[0].data.postal_code
        '03149'
    """
    check_import_options(log, on_error, quarantine, batch_events)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidArgument(f"currency={currency!r}: give three capital letters, such as BRL")
    reading = reading or TableOptions()
    if tz is not None:
        reading = dataclasses.replace(reading, tz=tz)
    with target_of(log) as target:
        files = find_files(folder, whole=on_error == "quarantine", options=reading)
        checked = check_folder(files, reading, progress=progress)
        rows, digest = files.rows, files.digest
        aside = SetAside()
        if on_error == "stop":
            checked.stop()
            olist = checked.all()
        else:
            olist, aside = checked.quarantine(quarantine)
        # What was read is twice as large as what is needed of it.
        del files, checked
        estimated = estimated_times(olist)
        streams = to_streams(olist, currency, _COUNTRY, actor)
        loaded = append_new(
            target,
            streams,
            digest.hex(),
            set_aside=aside.rows > 0,
            batch_events=batch_events,
            progress=progress,
            skip_known=skip_known,
        )
    return ImportResult(
        **dataclasses.asdict(loaded),
        source=str(folder),
        digest=digest.hex(),
        rows=rows,
        quarantined=aside.rows,
        quarantine_path=aside.folder,
        repeated=0,
        estimated=estimated,
    )
