import pytest

from orders_es.errors import BadSource
from orders_es.sources.olist import import_olist

COMPANION = "nothing is wrong with this row, but its order has a bad one, and an order is imported whole or not at all"


def set_aside(read_csv, folder, what):
    return [row[:3] for row in read_csv(folder / f"olist_{what}_dataset.csv")[1:]]


def test_all_rows_of_the_order_are_set_aside_and_the_others_imported(log, write, files, tmp_path, read_csv):
    files["order_items"][2][5] = "free"
    target = tmp_path / "bad"
    result = import_olist(log, write(files), on_error="quarantine", quarantine=target)
    assert (result.streams, result.events, result.quarantined, result.quarantine_path) == (5, 23, 8, target)
    assert log.stream_version("plain") == 0
    assert set_aside(read_csv, target, "orders") == [["1", COMPANION, "plain"]]
    assert set_aside(read_csv, target, "customers") == [["2", COMPANION, "c1"]]
    assert set_aside(read_csv, target, "order_items") == [
        ["1", COMPANION, "plain"],
        ["3", "price 'free' is not a number", "plain"],
        ["5", COMPANION, "plain"],
    ]
    assert len(set_aside(read_csv, target, "order_payments")) == 3
    assert f"8 bad rows set aside in {target}" in str(result)


def test_the_folder_can_be_imported_once_it_is_corrected(log, write, files, tmp_path):
    files["order_items"][2][5] = "free"
    files["orders"][3][3] = ""
    target = tmp_path / "bad"
    first = import_olist(log, write(files), on_error="quarantine", quarantine=target)
    items, orders = target / "olist_order_items_dataset.csv", target / "olist_orders_dataset.csv"
    items.write_text(items.read_text().replace(",free,", ",29.99,"))
    orders.write_text(orders.read_text().replace("unavailable,,", "unavailable,2017-10-05 13:30:00,"))
    second = import_olist(log, target)
    assert (first.streams, second.streams, first.events + second.events) == (4, 2, 34)


def test_a_folder_of_orders_without_items_and_payments_can_be_imported(log, write, files, tmp_path):
    files["orders"][2][3] = "?"
    target = tmp_path / "bad"
    import_olist(log, write(files), on_error="quarantine", quarantine=target)
    orders = target / "olist_orders_dataset.csv"
    orders.write_text(orders.read_text().replace("delivered,?,", "delivered,2017-10-05 13:00:00,"))
    assert import_olist(log, target).events == 3


def test_a_bad_customer_takes_the_order_along(log, write, files, tmp_path):
    files["customers"][0][1] = ""
    import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert log.stream_version("unapproved") == 0
    assert len(log.stream_ids()) == 5


@pytest.mark.parametrize("what", ["order_items", "order_payments"])
def test_a_row_of_the_wrong_length_takes_the_order_along_that_it_names(log, write, files, tmp_path, what):
    files[what][0].append("more")
    import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert log.stream_version("plain") == 0
    assert len(log.stream_ids()) == 5


def test_a_row_of_no_order_is_set_aside_alone(log, write, files, tmp_path, read_csv):
    files["order_items"].append([*files["order_items"][0]])
    files["order_items"][-1][0] = "lost"
    result = import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert (result.events, result.quarantined) == (34, 1)
    assert set_aside(read_csv, tmp_path / "bad", "orders") == []


def test_no_folder_is_made_if_no_row_is_bad(log, write, files, tmp_path):
    result = import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert (result.quarantined, result.quarantine_path, result.events) == (0, None, 34)
    assert not (tmp_path / "bad").exists()


def test_it_is_named_after_the_source_and_stands_in_the_current_folder(log, write, files, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files["orders"][0][3] = "?"
    import_olist(log, write(files), on_error="quarantine")
    assert (tmp_path / "here" / "olist.quarantine" / "olist_orders_dataset.csv").is_file()


def test_importing_again_finds_its_own_files_and_adds_nothing(log, write, files, tmp_path):
    files["orders"][0][3] = "?"
    folder = write(files)
    first = import_olist(log, folder, on_error="quarantine", quarantine=tmp_path / "bad")
    again = import_olist(log, folder, on_error="quarantine", quarantine=tmp_path / "bad")
    assert (again.events, again.duplicates, again.quarantined) == (0, first.events, first.quarantined)


def test_a_file_with_something_else_in_it_is_never_overwritten(log, write, files, tmp_path):
    files["orders"][0][3] = "?"
    precious = tmp_path / "bad" / "olist_orders_dataset.csv"
    precious.parent.mkdir()
    precious.write_text("precious")
    with pytest.raises(BadSource, match="exists already and holds something else"):
        import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert precious.read_text() == "precious"
    assert log.head().position == 0


def test_a_folder_of_bad_orders_only_adds_nothing_and_says_so(log, write, files, tmp_path):
    for row in files["orders"]:
        row[3] = "?"
    result = import_olist(log, write(files), on_error="quarantine", quarantine=tmp_path / "bad")
    assert (result.events, result.first_position) == (0, None)
    assert "no row could be imported" in str(result)
