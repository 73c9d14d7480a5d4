import tomllib

import pyarrow as pa

from orders_es.sources.order_tables import import_table, preview_table, propose_mapping


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


def test_it_finds_the_header_below_titles_and_names_rows_that_are_no_rows(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Export of orders\n\nOrder No\tOrder Date\nA-1\t2026-06-03\nA-2\n", encoding="utf-8")
    text = propose_mapping(path)
    assert tomllib.loads(text)["file"] == {"delimiter": "tab", "header_row": 3}
    assert "1 bad rows: row 2 has 1 fields where the header has 2" in text


def test_a_column_whose_cells_are_not_what_its_name_says_is_not_taken():
    text = propose_mapping(pa.table({"Order": ["A-1"], "Date": ["soon"], "Created": ["2026-06-03"], "Qty": ["many"]}))
    proposed = tomllib.loads(text)
    assert proposed["order"]["occurred"] == "Created"
    assert "Not used: 'Date', 'Qty'" in text


def test_a_total_without_items_is_what_was_paid_for_the_order():
    text = propose_mapping(
        pa.table({"Order": ["A-1"], "Date": ["2026-06-03"], "Total": ["9"], "Paid at": ["2026-06-04"]})
    )
    proposed = tomllib.loads(text)
    assert (proposed["rows"], proposed["payment"]) == ("order", {"at": "Paid at", "amount": "Total"})


def proposed(**columns):
    length = max(map(len, columns.values()))
    table = {"Order No": ["A"] * length, "Order Date": ["2026-06-03"] * length, "SKU": ["x"] * length} | columns
    return propose_mapping(pa.table(table))


def test_a_currency_that_changes_inside_an_order_is_found():
    text = proposed(Currency=["EUR", "EUR", "USD"], Qty=[1] * 3, Price=["1"] * 3)
    assert "# ? Currency changes inside 1 orders, such as 'A' (EUR, USD)" in text
    assert "changes" not in proposed(Currency=["EUR"] * 3, Qty=[1] * 3, Price=["1"] * 3)


def test_local_times_that_some_clocks_showed_twice_or_never_are_found():
    times = {"Order Date": ["2026-10-25 02:30", "2026-03-29 02:30", "2026-06-01 12:00"]}
    text = proposed(**times)
    assert (
        "2026-10-25 02:30 was twice in Europe/Berlin (1 such times); 2026-03-29 02:30 was never in Europe/Berlin"
        in text
    )
    assert "clock" not in proposed(**{"Order Date": ["2026-06-01 12:00"]})
    assert "clock" not in proposed(**{"Order Date": ["2026-10-25T02:30:00+02:00"]})


def test_decimal_commas_are_said_with_a_cell_that_proves_them():
    assert "# decimal = \"comma\"  # found: Unit Price has '1,50'" in proposed(Qty=[1], **{"Unit Price": ["1,50"]})
    assert "comma" not in proposed(Qty=[1], **{"Unit Price": ["1.50"]})


def test_a_total_beside_a_price_is_compared_with_it():
    both = {"Unit Price": ["0.33", "2"], "Line Total": ["0.99", "2"], "Qty": [3, 1]}
    assert "Line Total is Qty times Unit Price in each of 2 rows" in proposed(**both)
    text = proposed(**both | {"Line Total": ["1.00", "2"]})
    assert (
        "Line Total is not Qty times Unit Price in 1 of 2 rows, such as row 1: 1 and 3 x 0.33; rounding explains all"
        in text
    )


def test_a_column_that_could_choose_the_event_is_offered_as_such():
    text = proposed(Type=["order", "payment", "memo"], Qty=[1] * 3, Price=["1"] * 3)
    assert "# ? Type may say what each row is ('order', 'payment', 'memo')" in text
    assert '# "payment" = "PaymentReceived"' in text
    assert '# "memo" = false' in text


def test_columns_are_known_by_their_names_in_other_languages(tmp_path):
    german = "Bestellnr;Datum;Kunde;Artikel;Menge;Einzelpreis;Währung;Versand;Bezahlt am\n01;13.03.2026;C1;7;2;4,50;EUR;4,90;\n"
    french = (
        "Numéro commande;Date commande;Client;Référence;Quantité;Prix unitaire;Devise\nA1;13/03/2026;C1;7;2;4,50;EUR\n"
    )
    for number, text in enumerate((german, french)):
        path = tmp_path / f"{number}.csv"
        path.write_text(text, encoding="utf-8")
        proposed = propose_mapping(path)
        assert "???" not in proposed
        (tmp_path / "map.toml").write_text(proposed, encoding="utf-8")
        assert preview_table(path, tmp_path / "map.toml").first[0].gross == 9
    assert "Bezahlt am looks like the time of a payment, and no column says how much" in propose_mapping(
        tmp_path / "0.csv"
    )


def test_a_column_that_can_be_read_one_way_settles_those_that_fit_both_and_it_is_said():
    table = pa.table(
        {"No": ["A", "B"], "Bestelldatum": ["02.03.2026", "29.03.2026"], "Bezahlt am": ["02.03.2026", "03.04.2026"]}
    )
    text = propose_mapping(table)
    assert "day_first = true  # guessed for all dates: those of Bestelldatum cannot be read the other way" in text
    assert "two readings" not in text
    both = propose_mapping(table.set_column(1, "Bestelldatum", pa.array(["02.03.2026", "03.04.2026"])))
    assert "day_first = " not in both
    assert "two readings" in both
