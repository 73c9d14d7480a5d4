"""A first mapping for a table that nobody has described yet: what was guessed, and what only a person can know.

For whoever brings a table. The import itself guesses nothing: it reads what the mapping says, once somebody has read it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.order_tables.findings import Findings
from orders_es.sources.order_tables.foreign_headers import WORDS
from orders_es.sources.order_tables.inputs import given_as
from orders_es.sources.order_tables.several_files import files_of, joined
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.ids import read_ids, read_texts
from orders_es.sources.tables.numbers import read_decimals, read_integers
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.tables.times import read_times

if TYPE_CHECKING:
    from orders_es.sources.order_tables.inputs import Given
    from orders_es.sources.tables.source import SourceTable

__all__ = ["propose_mapping"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

_READERS: dict[str, Any] = {
    "id": read_ids,
    "time": read_times,
    "integer": read_integers,
    "decimal": read_decimals,
    "text": lambda source, name, _options: read_texts(source, name),
}
_GUESSES: dict[str, tuple[str, str]] = {
    "order.id": (
        "id",
        "orderid orderno ordernumber ordernr order invoiceno invoice invoicenumber invoiceid ordername name no number",
    ),
    "order.currency": ("text", "currency currencycode ordercurrency"),
    "order.customer_id": ("id", "customerid customerno customernumber customer clientid client email customeremail"),
    "order.country": ("text", "country shippingcountry billingcountry countrycode"),
    "order.channel": ("text", "channel saleschannel source"),
    "order.occurred": (
        "time",
        "orderdate orderedat placedat placedon placed orderplacedat createdat invoicedate datecreated ordertime purchasedate date created timestamp time day ordered orderedon orderedat dateordered boughton bought",
    ),
    "order.entered": ("time", "enteredat enteredon entered dateentered entrydate entrytime recordedat bookedat"),
    "order.source_status": ("text", "status orderstatus state"),
    "line.item_id": (
        "id",
        "sku itemid itemno item productid productcode productno stockcode articleno article lineitemsku",
    ),
    "line.description": (
        "text",
        "description product productname itemname title lineitemname item itemdescription articlename",
    ),
    "line.quantity": ("integer", "quantity qty pieces units count lineitemquantity orderedquantity"),
    "line.price": ("decimal", "unitprice price priceeach pricepereach itemprice lineitemprice eachprice"),
    "line.total": ("decimal", "linetotal total amount totalprice lineamount sales"),
    "shipping.amount": ("decimal", "shipping shippingcost shippingcosts shippingamount freight postage"),
    "discount.amount": ("decimal", "discount discountamount orderdiscount"),
    "payment.at": ("time", "paidat paymentdate paiddate datepaid paidon paid"),
    "payment.amount": ("decimal", "paidamount amountpaid paymentamount paid ordertotal grandtotal total"),
    "payment.method": ("text", "paymentmethod"),
    "shipped.at": ("time", "shippedat shipdate shippingdate shippeddate fulfilledat shippedon shipped"),
    "shipped.tracking": ("id", "trackingnumber trackingno tracking"),
    "delivered.at": ("time", "deliveredat deliverydate delivereddate deliveredon delivered"),
    "cancelled.at": ("time", "cancelledat canceledat cancelleddate cancellationdate"),
}
_UNKNOWN = "???"
_FIRST = 20
"""So many lines are looked at for a header."""
_ASKED = {
    "order.id": "which column names the order? A list of several is joined",
    "order.currency": 'no column looks like it: { value = "EUR" } says it for all orders',
    "order.occurred": "which column says when it happened?",
    "line.item_id": "which column names what was bought?",
    "line.quantity": "how many? { value = 1 } where a row is always one piece",
    "line.price": "the price of a piece; or total = what the line comes to",
}


def propose_mapping(
    source: Any, *, query: Any = None, table: str | None = None, reading: TableOptions | None = None
) -> str:
    """A commented mapping for a table, as TOML; read-only, never writes.

    Columns are found by their names, and every cell of them is looked at. What has to be said by a person stands there as
    `???` or as a comment with a question mark.

    Args:
        source: As `import_table` takes it.
        query: What to ask a database.
        table: Which table of a database to read.
        reading: What is known about the file already, such as its delimiter.

    Raises:
        BadSource: It cannot be read as a table at all.

    Example:
        >>> text = propose_mapping(pa.table({"Order No": ["A-1"], "Order Date": ["2026-06-03"]}))
        >>> 'id = "Order No"' in text, 'currency = { value = "???" }' in text
        (True, True)
    """
    options = reading or TableOptions()
    layout: dict[str, str | int] = {}
    found = []
    for one in files_of(source):
        with given_as(one, query=query, table=table) as given:
            found.append(given.table or _read_file(given, options, layout))
            found[-1].columns.update({name: name for name in found[-1].table.column_names})
    whole = joined(found)
    nested = [name for name in whole.table.column_names if pa.types.is_nested(whole.table.column(name).type)]
    whole = dataclasses.replace(whole, table=_single_values(whole.table, nested))
    whole.columns.update({name: name for name in whole.table.column_names})
    options, days = _days_or_months(whole, options)
    return _Proposal(whole, options, layout, nested, days).text()


def _days_or_months(table: SourceTable, options: TableOptions) -> tuple[TableOptions, str]:
    """Which comes first in dates that fit both ways, where another column of the same file fits one; and that as a line of the mapping."""
    if options.day_first is not None or options.date_format is not None:
        return options, ""
    certain: dict[bool, str] = {}
    for name in table.table.column_names:
        column = table.table.column(name)
        if not pa.types.is_string(column.type):
            continue
        dates = pc.match_substring_regex(column.drop_null(), r"^\s*[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}\b")
        if not len(dates) or not pc.all(dates).as_py():
            continue
        fits = [first for first in (True, False) if _fits(table, name, dataclasses.replace(options, day_first=first))]
        if len(fits) == 1:
            certain.setdefault(fits[0], name)
    if len(certain) != 1:
        return options, ""
    [(first, name)] = certain.items()
    line = f"day_first = {str(first).lower()}  # guessed for all dates: those of {name} cannot be read the other way"
    return dataclasses.replace(options, day_first=first), line


def _fits(table: SourceTable, name: str, options: TableOptions) -> bool:
    try:
        return not read_times(table, name, options).failures
    except BadSource:
        return False


def _single_values(table: pa.Table, nested: list[str]) -> pa.Table:
    """What can be proposed: columns of single values, each as it is and not by numbers of a dictionary."""
    kept = table.drop_columns(nested)
    plain_columns: dict[str, Any] = {}
    for name, column in zip(kept.column_names, kept.columns, strict=True):
        coded = pa.types.is_dictionary(column.type)
        plain_columns[name] = column.cast(column.type.value_type) if coded else column
    return pa.table(plain_columns)


def _read_file(given: Given, options: TableOptions, layout: dict[str, str | int]) -> SourceTable:
    delimiter, header = _layout(given)
    delimiter, header = options.delimiter or delimiter, options.header_row or header
    if delimiter not in (None, ",") and options.delimiter is None:
        layout["delimiter"] = "tab" if delimiter == "\t" else str(delimiter)
    if header is not None and options.header_row is None:
        layout["header_row"] = header
    return read_source(
        given.path,
        {},
        options=TableOptions(encoding=options.encoding, delimiter=delimiter, header_row=header, sheets=options.sheets),
        at=given.at,
    )


def _layout(given: Given) -> tuple[str | None, int | None]:
    """What stands most often in the first lines of a text file, and the line of the header if titles stand above it."""
    path = given.at or given.path
    if not path.is_file():
        return None, None
    with path.open("rb") as file:
        head = file.read(65_536)
    if head.startswith((b"PK\x03\x04", b"PAR1", b"{")) or given.path.suffix.lower() in (".jsonl", ".ndjson"):
        return None, None
    lines = head.replace(b"\0", b"").decode("latin-1").splitlines()[:_FIRST]
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not filled or filled[0][1].lower().startswith("sep="):
        return None, None
    delimiter = max(",;\t|", key=lambda sign: max(line.count(sign) for _, line in filled))
    most = max(line.count(delimiter) for _, line in filled)
    header = next(number for number, line in filled if line.count(delimiter) == most)
    titled = most > 0 and header != filled[0][0] and filled[0][1].count(delimiter) == 0
    return delimiter, header if titled else None


class _Proposal:
    def __init__(
        self, table: SourceTable, options: TableOptions, file: dict[str, str | int], nested: list[str], days: str
    ) -> None:
        self._days = days
        self._table, self._options, self._file = table, options, file
        self._by_name = {plain(name): name for name in table.table.column_names}
        self._questions: list[str] = [
            f"{len(table.damaged):,} bad rows: row {row.number:,} has {row.reason}" for row in table.damaged[:1]
        ]
        self._questions += [f"{name} holds no single values; unpack it first if it is needed" for name in nested]
        self._used: set[str] = set()
        self._columns: dict[str, str] = {}

    def text(self) -> str:
        for field in _GUESSES:
            self._guess(field)
        rows, why = self._rows()
        total = self._columns.get("line.total")
        self._weed(rows)
        found = Findings(self._table, self._options, self._columns)
        self._questions += found.all(total)
        chosen = found.choosing([name for name in self._table.table.column_names if name not in self._used])
        body = ["", "[order]", *map(self._entry, ("order.id", "order.currency", "order.occurred"))]
        body.append(
            "placed = true  # guessed: every order was placed, with its last line. A column says when, false says never"
        )
        body += self._optional("order", ("entered", "customer_id", "country", "channel", "source_status"))
        if rows == "line" or "line.item_id" in self._columns:
            body += ["", "[line]", *map(self._entry, ("line.item_id", "line.quantity"))]
            body.append(self._entry("line.total" if "line.total" in self._columns else "line.price"))
            if "line.total" in self._columns:
                body.append('# rounding = "adjustment"  # ? for totals that the quantity does not divide')
            body += self._optional("line", ("description",))
            body += self._negative()
        for section in ("shipping", "discount", "payment", "shipped", "delivered", "cancelled"):
            names = [field.partition(".")[2] for field in self._columns if field.startswith(f"{section}.")]
            if names:
                body += ["", f"[{section}]", *self._optional(section, tuple(names))]
        if chosen:
            body += ["", *chosen]
        left = [name for name in self._table.table.column_names if name not in self._used]
        head = [
            f"# A mapping for {self._table.path.name}, proposed from its {self._table.table.num_rows:,} rows. Names were guessed by their",
            "# likeness: read every line, answer what has a question mark, then look at the first orders with --dry-run.",
            *([f"# Not used: {', '.join(map(repr, left))}"] if left else []),
            *(f"# ? {' '.join(question.split())}" for question in self._questions),
            "",
            f'rows = "{rows}"  # {why}',
            "",
            "[file]",
            *(f"{key} = {_quoted(value) if isinstance(value, str) else value}" for key, value in self._file.items()),
            *([f'# decimal = "comma"  # found: {comma}'] if (comma := found.decimal_comma()) else []),
            *([self._days] if self._days else []),
            '# tz = "Europe/London"  # ? the zone of times that name none, this one for example; UTC if left out',
        ]
        return "\n".join([*head, *body]) + "\n"

    def _weed(self, rows: str) -> None:
        """Leave out guesses that make no sense together."""
        if rows == "order" and "line.item_id" not in self._columns and "line.total" in self._columns:
            # Without items it is what the whole order comes to.
            total = self._columns.pop("line.total")
            if "payment.at" in self._columns:
                self._columns.setdefault("payment.amount", total)
            if total not in self._columns.values():
                self._used.discard(total)
        if "line.price" in self._columns and "line.total" in self._columns:
            self._used.discard(self._columns.pop("line.total"))
        if "payment.at" not in self._columns or "payment.amount" not in self._columns:
            if "payment.at" in self._columns:
                self._questions.append(
                    f"{self._columns['payment.at']} looks like the time of a payment, and no column says how much was paid: with one, "
                    "write [payment], at and amount"
                )
            for field in ("payment.at", "payment.amount", "payment.method"):
                self._used.discard(self._columns.pop(field, ""))
        if "shipped.at" not in self._columns:
            self._used.discard(self._columns.pop("shipped.tracking", ""))

    def _guess(self, field: str) -> None:
        form, names = _GUESSES[field]
        for name in (*names.split(), *WORDS.get(field, "").split()):
            column = self._by_name.get(name)
            if column is None or column in self._used:
                continue
            reads, question = self._try(column, form)
            if not reads:
                continue
            self._columns[field] = column
            self._used.add(column)
            if question:
                self._questions.append(question)
            return

    def _try(self, column: str, form: str) -> tuple[bool, str]:
        """Whether a column can be what its name says, and what a person has to say about it."""
        try:
            parsed = _READERS[form](self._table, column, self._options)
        except BadSource as error:
            return True, error.reason.replace(" Nothing was appended", "").rstrip(".")
        given = self._table.table.num_rows - self._table.column(column).null_count
        if parsed.failures and len(parsed.failures) >= given / 2:
            return False, ""
        if parsed.failures:
            first = next(iter(parsed.failures.values()))
            return True, f"{len(parsed.failures):,} bad rows: {first}"
        return True, self._spelling(column, form)

    def _spelling(self, column: str, form: str) -> str:
        values = self._table.column(column)
        if form != "id":
            return ""
        if pa.types.is_floating(values.type):
            return f"{column} holds floats such as {values.drop_null()[0].as_py()!r}; they are read as whole numbers"
        if not pa.types.is_string(values.type):
            return ""
        for pattern, what in (
            (r"^0[0-9]+$", "has leading zeros, which are part of the id ({!r})"),
            (r"^[0-9]+\.0+$", "holds floats such as {!r}; they are read as whole numbers"),
        ):
            some = values.filter(pc.fill_null(pc.match_substring_regex(values, pattern), fill_value=False))
            if len(some):
                return f"{column} {what.format(some[0].as_py())}"
        return ""

    def _rows(self) -> tuple[str, str]:
        column = self._columns.get("order.id")
        if column is None:
            return "line", "? one row is a line of an order, or an order"
        values = self._table.column(column).drop_null()
        if pc.count_distinct(values).as_py() < len(values):
            return "line", f"ids of {column!r} come more than once"
        if "line.item_id" in self._columns:
            return "line", f'? no id of {column!r} comes twice: "order" would also fit'
        return "order", f"no id of {column!r} comes twice"

    def _entry(self, field: str) -> str:
        key = field.partition(".")[2]
        column = self._columns.get(field)
        if column is not None:
            return f"{key} = {_quoted(column)}  # such as {self._sample(column)}"
        unknown = f'{{ value = "{_UNKNOWN}" }}' if field == "order.currency" else f'"{_UNKNOWN}"'
        return f"{key} = {unknown}  # ? {_ASKED[field]}"

    def _optional(self, section: str, keys: tuple[str, ...]) -> list[str]:
        return [self._entry(f"{section}.{key}") for key in keys if f"{section}.{key}" in self._columns]

    def _negative(self) -> list[str]:
        column = self._columns.get("line.quantity")
        if column is None or self._try(column, "integer")[1]:
            return []
        negative = int(pc.sum(pc.less(read_integers(self._table, column, self._options).values, 0)).as_py() or 0)
        return (
            [f'# negative = "return"  # ? {negative:,} rows have a negative quantity: are they returns?']
            if negative
            else []
        )

    def _sample(self, column: str) -> str:
        values = self._table.column(column).drop_null()
        if pa.types.is_string(values.type):
            values = values.filter(pc.not_equal(values, ""))
        return _quoted(str(values[0].as_py())[:40]) if len(values) else "(empty)"


def _quoted(text: str) -> str:
    """A text as TOML has it, in one line."""
    return json.dumps(text, ensure_ascii=False)
