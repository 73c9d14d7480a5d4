import pytest

FILES = {
    "orders": "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    "order_delivered_carrier_date,order_delivered_customer_date\n"
    "o1,c1,shipped,2017-10-02 10:56:33,2017-10-02 11:07:15,2017-10-03 08:00:00,\n"
    "o2,c2,canceled,2017-10-02 12:00:00,,,\n",
    "order_items": "order_id,order_item_id,product_id,price,freight_value\no1,1,p1,29.99,8.72\n",
    "order_payments": "order_id,payment_sequential,payment_type,payment_value\no1,1,boleto,38.71\n",
    "customers": "customer_id,customer_unique_id,customer_zip_code_prefix\nc1,person,03149\nc2,person,03149\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "olist"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"olist_{name}_dataset.csv").write_text(text)
    return folder


def spoil(folder):
    path = folder / "olist_order_items_dataset.csv"
    path.write_text(path.read_text().replace("29.99", "free"))


def test_it_says_what_it_appended(run, folder):
    answer = run("import", "olist", folder, "--log", "log", "--json").json
    assert (answer["rows"], answer["events"], answer["orders"], answer["duplicates"]) == (6, 9, 2, 0)
    order = run("show", "o1", "--log", "log", "--json").json["order"]
    assert (order["total"], order["currency"], order["customer_id"]) == ("38.7100", "BRL", "person")
    assert "added nothing" in run("import", "olist", folder, "--log", "log").out


def test_a_cancellation_shows_that_its_time_is_estimated(run, folder):
    run("import", "olist", folder, "--tz", "America/Sao_Paulo", "--log", "log")
    last = run("history", "o2", "--log", "log", "--json").json["events"][-1]
    assert (last["type"], last["occurred_at"]) == ("OrderCancelled", "2017-10-02T15:00:00Z")
    assert last["summary"] == "cancelled (canceled, time estimated)"


def test_a_bad_row_stops_it_with_its_file_and_number(run, folder):
    spoil(folder)
    err = run("import", "olist", folder, "--log", "log", code=2).err
    assert "olist_order_items_dataset.csv, row 1: price 'free' is not a number" in err
    assert err.count("\n") == 1


def test_a_bad_order_can_be_set_aside(run, folder, tmp_path):
    spoil(folder)
    answer = run("import", "olist", folder, "--on-error", "quarantine", "--log", "log", "--json").json
    assert (answer["orders"], answer["quarantined"], answer["quarantine_path"]) == (1, 4, "olist.quarantine")
    assert "free" in (tmp_path / "olist.quarantine" / "olist_order_items_dataset.csv").read_text()


def test_wrong_calls_create_no_log(run, folder, tmp_path):
    assert (
        "add --on-error quarantine" in run("import", "olist", folder, "--quarantine", "b", "--log", "log", code=2).err
    )
    assert "does not exist" in run("import", "olist", "nowhere", "--log", "log", code=2).err
    assert not (tmp_path / "log").exists()
