"""Small files in every kind and edition, and the reference file where there is one."""

import csv
import io
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.log import open_log
from orders_es.sources.online_retail import import_online_retail

FIRST = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
SECOND = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
REFERENCE = Path(__file__).parents[4] / "shared" / "data" / "online_retail.parquet"


def line(invoice="536365", **changes):
    """An order line with nothing wrong with it, but for the changes."""
    cells = {
        "invoice": invoice,
        "code": "85123A",
        "description": "HEART HOLDER",
        "quantity": 6,
        "time": datetime(2010, 12, 1, 8, 26),  # noqa: DTZ001 - the file has no zone
        "price": Decimal("2.55"),
        "customer": 17850,
        "country": "United Kingdom",
    }
    assert changes.keys() <= cells.keys()
    return list((cells | changes).values())


def csv_text(rows, header=FIRST):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path, rows, header=FIRST):
    path.write_bytes(csv_text(rows, header).encode())


def write_xlsx(path, rows, header=FIRST):
    write_workbook(path, {"Online Retail": [header, *rows]})


def write_workbook(path, sheets):
    book = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            # A spreadsheet knows no decimals, only binary floats.
            sheet.append([float(cell) if isinstance(cell, Decimal) else cell for cell in row])
    book.save(path)


def write_parquet(path, rows, header=FIRST):
    columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    arrays = {}
    for name, cells in columns.items():
        mixed = len({type(cell) for cell in cells if cell is not None}) > 1
        arrays[name] = pa.array([None if c is None else str(c) for c in cells]) if mixed else pa.array(cells)
    pq.write_table(pa.table(arrays), path)


WRITERS = {".csv": write_csv, ".xlsx": write_xlsx, ".parquet": write_parquet}


@pytest.fixture(name="line")
def _line():
    return line


@pytest.fixture(params=["first", "second"])
def header(request):
    """The column names of either edition."""
    return {"first": FIRST, "second": SECOND}[request.param]


@pytest.fixture(params=[".csv", ".xlsx", ".parquet"])
def kind(request):
    return request.param


@pytest.fixture
def workbook(tmp_path):
    """Write a workbook of several sheets, each with the second edition's columns."""

    def workbook(sheets, name="two.xlsx"):
        path = tmp_path / name
        write_workbook(path, {title: [SECOND, *rows] for title, rows in sheets.items()})
        return path

    return workbook


@pytest.fixture
def as_csv():
    """The text of a CSV file."""
    return csv_text


@pytest.fixture
def write(tmp_path):
    """Write rows to a file of the kind that its extension names."""

    def write(rows, name="lines.csv", header=FIRST):
        path = tmp_path / name
        WRITERS[path.suffix](path, rows, header)
        return path

    return write


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


@pytest.fixture
def events_of(log, write):
    """Import rows and give back the events of one stream, as they were appended."""

    def events_of(rows, *, stream="536365", name="lines.csv", header=FIRST, **options):
        import_online_retail(log, write(rows, name, header), **options)
        return log.load(stream)

    return events_of


@pytest.fixture(scope="session")
def reference_path():
    if not REFERENCE.exists():
        pytest.skip("the reference data is not beside the project (../shared/data/online_retail.parquet)")
    return REFERENCE


@pytest.fixture(scope="session")
def reference(reference_path, tmp_path_factory):
    """A log with the whole reference file in it; and what the import said. Nobody writes to it."""
    with open_log(tmp_path_factory.mktemp("reference") / "log", create=True) as log:
        yield log, import_online_retail(log, reference_path)
