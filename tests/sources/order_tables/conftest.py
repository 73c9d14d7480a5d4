"""A shop's export as a spreadsheet of that country saves it, its mapping, and a way to change either."""

import copy

import pytest

from orders_es.log import open_log

CSV = (
    "Order No;Order Date;Customer;SKU;Product;Qty;Unit Price;Currency;Paid at;Paid\n"
    "A-1;03.06.2026 09:15;17850;007;Teapot;2;4,50;EUR;14.06.2026 10:00;21,00\n"
    "A-2;13.06.2026 11:00;;007;Teapot;1;4,50;EUR;;\n"
    "A-1;03.06.2026 09:20;17850;011;Jar;1;12,00;EUR;;\n"
)
MAPPING = {
    "rows": "line",
    "order": {
        "id": "Order No",
        "currency": "Currency",
        "customer_id": "Customer",
        "occurred": "Order Date",
        "placed": True,
    },
    "line": {"item_id": "SKU", "description": "Product", "quantity": "Qty", "price": "Unit Price"},
    "payment": {"at": "Paid at", "amount": "Paid"},
}


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


@pytest.fixture
def mapping():
    return copy.deepcopy(MAPPING)


@pytest.fixture
def log():
    with open_log(":memory:") as log:
        yield log
