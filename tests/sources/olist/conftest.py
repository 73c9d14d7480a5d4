"""A small folder of the published shape, with every oddity of the real one in it."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.log import open_log
from orders_es.sources.olist import import_olist

HEADERS = {
    "orders": [
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ],
    "order_items": [
        "order_id",
        "order_item_id",
        "product_id",
        "seller_id",
        "shipping_limit_date",
        "price",
        "freight_value",
    ],
    "order_payments": ["order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"],
    "customers": [
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ],
    "products": ["product_id", "product_category_name", "product_weight_g"],
}
PROMISED = "2017-12-24 00:00:00"
LIMIT = "2017-10-09 11:07:15"

ORDERS = [
    (
        "plain",
        "c1",
        "delivered",
        "2017-10-02 10:56:33",
        "2017-10-02 11:07:15",
        "2017-10-04 19:55:00",
        "2017-10-10 21:25:13",
    ),
    ("early", "c2", "shipped", "2017-10-05 12:00:00", "2017-10-06 09:00:00", "2017-10-05 11:00:00", ""),
    ("undated", "c3", "delivered", "2017-10-05 13:00:00", "2017-10-05 14:00:00", "2017-10-06 10:00:00", ""),
    ("bare", "c4", "unavailable", "2017-10-05 13:30:00", "2017-10-05 15:00:00", "", ""),
    ("gone", "c5", "canceled", "2017-10-06 13:00:00", "", "2017-10-08 10:00:00", ""),
    ("unapproved", "c6", "created", "2017-10-07 08:00:00", "", "", ""),
]
ITEMS = [
    ("plain", "2", "p2", "10.50", "1.25"),
    ("gone", "1", "p1", "0.85", "0.00"),
    ("plain", "1", "p1", "29.99", "8.72"),
    ("early", "1", "p9", "5.00", "3.00"),
    ("plain", "3", "p1", "29.99", "8.72"),
    ("unapproved", "1", "p1", "29.99", "0.00"),
]
PAYMENTS = [
    ("plain", "3", "voucher", "0.00"),
    ("plain", "1", "credit_card", "71.17"),
    ("bare", "1", "boleto", "33.00"),
    ("plain", "2", "voucher", "18.00"),
    ("unapproved", "1", "not_defined", "29.99"),
]
CUSTOMERS = [
    ("c6", "person-6", "99999"),
    ("c1", "person-1", "03149"),
    ("c2", "person-1", "00001"),
    ("c3", "person-3", "74000"),
    ("c4", "person-4", "01037"),
    ("c5", "person-5", "20000"),
]
PRODUCTS = [("p1", "perfumaria", "225"), ("p2", "", "10")]


def shop():
    """The folder's rows, by the middle of the file's name."""
    return {
        "orders": [[*row, PROMISED] for row in ORDERS],
        "order_items": [[*row[:3], "s1", LIMIT, *row[3:]] for row in ITEMS],
        "order_payments": [[*row[:3], "1", row[3]] for row in PAYMENTS],
        "customers": [[*row, "são paulo", "SP"] for row in CUSTOMERS],
        "products": [list(row) for row in PRODUCTS],
    }


@pytest.fixture
def files():
    """Rows to change before they are written."""
    return shop()


@pytest.fixture
def write(tmp_path):
    """Write such rows as CSV, as published: quoted headers, and a byte-order mark; or as Parquet."""

    def write(files, name="olist", *, kind=".csv", encoding="utf-8-sig"):
        folder = tmp_path / name
        folder.mkdir()
        for what, rows in files.items():
            path = folder / f"olist_{what}_dataset{kind}"
            if kind == ".parquet":
                columns = zip(*rows, strict=True) if rows else [[] for _ in HEADERS[what]]
                cells = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
                pq.write_table(pa.table(dict(zip(HEADERS[what], cells, strict=True))), path)
            else:
                with path.open("w", newline="", encoding=encoding) as file:
                    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([HEADERS[what], *rows])
        return folder

    return write


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


@pytest.fixture
def imported(log, write, files):
    """A log with the whole folder in it."""
    import_olist(log, write(files))
    return log


@pytest.fixture
def read_csv():
    """A CSV file's rows, header first."""

    def read_csv(path: Path):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    return read_csv
