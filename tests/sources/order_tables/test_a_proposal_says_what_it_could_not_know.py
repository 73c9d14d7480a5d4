import tomllib

import pyarrow as pa

from orders_es.sources.order_tables import import_table, propose_mapping


def test_what_is_clear_can_be_imported_as_it_is(log, shop, tmp_path):
    path = tmp_path / "shop.toml"
    path.write_text(propose_mapping(shop), encoding="utf-8")
    assert import_table(log, shop, path).streams == 2


def test_it_asks_about_dates_ids_and_columns_that_it_did_not_find():
    text = propose_mapping(
        pa.table(
            {
                "InvoiceNo": ["007", "007"],
                "InvoiceDate": ["01/12/2010 08:26", "02/12/2010 09:00"],
                "CustomerID": [17850.0, None],
                "StockCode": ["85123A", "22423"],
                "Quantity": [6, -1],
                "UnitPrice": [2.55, 12.75],
                "Note": ["", "late"],
            }
        )
    )
    assert tomllib.loads(text)["order"]["currency"] == {"value": "???"}
    for said in (
        "Not used: 'Note'",
        "InvoiceDate '01/12/2010 08:26' has two readings",
        "InvoiceNo has leading zeros",
        "CustomerID holds floats such as 17850.0",
        "1 rows have a negative quantity: are they returns?",
    ):
        assert said in text
