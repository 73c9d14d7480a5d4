"""A year of real orders: UCI's *Online Retail* and *Online Retail II*, for everybody who brings a copy of the file.

Chen, D. (2015 and 2019), doi 10.24432/C5BW33 and 10.24432/C5CG6D, CC BY 4.0. One row is one line of an invoice.

How rows become events:

- One stream per invoice; the stream id is the invoice's number. Lines of an invoice that stand apart in the file are
  one stream, in file order. Streams stand in the log in the order of their first lines.
- `OrderCreated` at the time of the invoice's earliest line, with its first customer and country, if it has any. Then
  one event per line, in file order, at the line's own time. Then `OrderPlaced` at the time of the latest line.
- A line is `ItemAdded`; with a negative quantity `ItemReturned`, and the quantity positive. A quantity of 0 is
  `ItemAdded` with 0: it changes no total, and no line of a file is lost.
- On an invoice whose number starts with `A` a line is `AdjustmentRecorded`: quantity times price with its sign.
- Descriptions stay as they are in the file, blanks included; an empty one is absent. Invoice numbers, stock codes,
  customers and countries lose blanks at both ends. A customer is `17850`, also where the file has 17850.0.
- A row is identified by its place in the file, never by its content: equal lines are two lines.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.errors import InvalidArgument
from orders_es.sources.bad_rows import BadRows
from orders_es.sources.batches import append_new
from orders_es.sources.online_retail.events import to_streams
from orders_es.sources.online_retail.invoice_lines import read_lines
from orders_es.sources.online_retail.sheets import without_repeated_invoices
from orders_es.sources.options import check_import_options
from orders_es.sources.result import ImportResult
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from datetime import tzinfo
    from pathlib import Path

    from orders_es.log import EventLog
    from orders_es.sources.bad_rows import OnError
    from orders_es.sources.batches import StreamTable

__all__ = ["BATCH_EVENTS", "COLUMNS", "import_online_retail"]

COLUMNS = {
    "invoice": ("InvoiceNo", "Invoice"),
    "stock_code": ("StockCode",),
    "description": ("Description",),
    "quantity": ("Quantity",),
    "time": ("InvoiceDate",),
    "price": ("UnitPrice", "Price"),
    "customer": ("CustomerID",),
    "country": ("Country",),
    "row_no": ("row_no",),
}
"""The columns, and their names in the two editions. `row_no`, where a file has it, gives the order of the rows."""

BATCH_EVENTS = 131_072
"""How many events a commit holds, unless told otherwise."""


def import_online_retail(
    log: EventLog | str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    tz: str | tzinfo | None = None,
    currency: str = "GBP",
    reading: TableOptions | None = None,
    skip_known: bool = False,
    batch_events: int = BATCH_EVENTS,
    progress: bool = False,
    actor: str = "import:online-retail",
) -> ImportResult:
    r"""What the import of a file did. It appends to the log, and writes a quarantine file if asked to and needed.

    Importing the same file (the same bytes) again adds nothing. An import that was interrupted is completed by running
    it again; one that set invoices aside, by importing the corrected file.

    All rows are checked before anything is appended. A row is bad if its invoice number or stock code is empty, its
    quantity is missing or not a whole number, its time cannot be read, or its price is missing, has more than four
    decimals, or is negative on an invoice that is no adjustment. A whole column is looked at before one cell of it is
    read, and one with two readings stops the import, whatever `on_error` says: `reading` decides.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: A `.csv`, `.xlsx` (with the extra `excel`) or `.parquet` file with either edition's column names. Of a
            workbook, all sheets with these columns are read; an invoice that two sheets hold alike counts once.
        on_error: `stop` at the first bad row, or `quarantine`: write all rows of every invoice that has a bad one
            to a file, each with its reason, and import the other invoices.
        quarantine: That file; `<name of the source>.quarantine.csv` in the current folder if None. A file that is there
            already is never overwritten.
        tz: The zone of the shop's clock: an IANA name, or a `tzinfo`; UTC where nothing is said.
        currency: The currency of the prices, three letters.
        reading: What the file does not say itself: whether days come first, where decimals stand, its encoding, its sheets.
        skip_known: Leave out invoices that the log has already with the same lines, from another file. One that differs
            is an error all the same.
        batch_events: How many events a commit may hold; an invoice is never cut.
        progress: Whether to show bars, on a terminal.
        actor: Who is recorded as the cause of the events.

    Raises:
        BadSource: The file cannot be imported, or `on_error` is `stop` and a row is bad; nothing was appended.
        SourceConflict: The log holds one of the invoices already, with other events or from another file.
        ValueError: An option makes no sense.

    Example:
        >>> import pathlib, tempfile
        >>> from orders_es.log import open_log
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "lines.csv").write_text(
        ...     "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        ...     "536365,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"
        ... )
        >>> log = open_log(folder / "log", create=True)
        >>> import_online_retail(log, folder / "lines.csv").events
        3
        >>> import_online_retail(log, folder / "lines.csv").duplicates
        3
    """
    check_import_options(log, on_error, quarantine, batch_events)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidArgument(f"currency={currency!r}: give three capital letters, such as GBP")
    reading = reading or TableOptions()
    if tz is not None:
        reading = dataclasses.replace(reading, tz=tz)
    with target_of(log) as target:
        streams, facts = _read(
            source,
            on_error=on_error,
            quarantine=quarantine,
            options=reading,
            currency=currency,
            actor=actor,
            progress=progress,
        )
        loaded = append_new(
            target,
            streams,
            facts["digest"],
            set_aside=facts["quarantined"] > 0,
            batch_events=batch_events,
            progress=progress,
            skip_known=skip_known,
        )
    return ImportResult(
        **dataclasses.asdict(loaded),
        **facts,
    )


def _read(
    source: str | os.PathLike[str],
    *,
    on_error: OnError,
    quarantine: str | os.PathLike[str] | None,
    options: TableOptions,
    currency: str,
    actor: str,
    progress: bool,
) -> tuple[StreamTable, dict[str, Any]]:
    whole = read_source(source, COLUMNS, options=options, optional=("row_no",), order_by="row_no", progress=progress)
    table = without_repeated_invoices(whole)
    bad = BadRows(table)
    lines = read_lines(table, options, bad)
    quarantine_path: Path | None = None
    if on_error == "stop":
        bad.stop()
    else:
        bad.add_companions(lines.invoice, whole.columns["invoice"])
        quarantine_path = bad.quarantine(quarantine)
    facts = {
        "source": str(whole.path),
        "digest": whole.digest.hex(),
        "rows": whole.table.num_rows + len(whole.damaged),
        "quarantined": len(bad),
        "quarantine_path": quarantine_path,
        "repeated": whole.table.num_rows - table.table.num_rows,
    }
    lines = lines.select(bad.good)
    # What was read is larger than what is needed of it.
    whole = whole.without_cells()
    del table, bad
    pa.default_memory_pool().release_unused()
    return to_streams(whole, lines, currency, actor), facts
