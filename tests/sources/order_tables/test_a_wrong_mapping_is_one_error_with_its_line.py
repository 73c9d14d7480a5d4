from zoneinfo import ZoneInfo

import pytest

from orders_es.errors import BadSource
from orders_es.sources.order_tables import import_table, propose_mapping
from orders_es.sources.tables.options import TableOptions


@pytest.fixture
def written(shop, tmp_path):
    """The proposed mapping with one text replaced by another, and the number of the line on which that happened."""

    def write(old, new):
        text = propose_mapping(shop)
        assert old in text
        path = tmp_path / "shop.toml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path, text[: text.index(old)].count("\n") + 1

    return write


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"Qty"', '"Quantity"', "has none; it has 'Order No'"),
        ('customer_id = "Customer"', 'customer_id = ["Customer", "SKU"]', "two columns for one field"),
        ('price = "Unit Price"', 'cost = "Unit Price"', "'cost' is no key of [line]"),
        ('currency = "Currency"', 'currency = { value = "???" }', "is no currency"),
        ('id = "Order No"', 'id = "???"', "has none"),
        ('customer_id = "Customer"', 'custmer = "Customer"', "'custmer' is no key of"),
        ("placed = true", "# placed", ""),
        ('rows = "line"', 'rows = "lines"', "give 'line' or 'order' or 'event'"),
        ('rows = "line"', 'rows = "event"', "there is no [event]"),
        ('amount = "Paid"', 'per = "line"\namount = "Paid"', "give 'row'"),
        ('delimiter = ";"', 'delimiter = ";;"', "give one character"),
        ("day_first = true", 'day_first = "yes"', "give true or false"),
        ('delimiter = ";"', 'sheets = "Orders"', "give a list of names"),
        ('delimiter = ";"', 'tz = "Berlin"', "it is not a time zone"),
        ('occurred = "Order Date"', 'occurred = { from = "Order Date", tz = 1 }', "give a text"),
    ],
)
def test_it_names_the_line_and_appends_nothing(log, shop, written, old, new, says):
    path, line = written(old, new)
    with pytest.raises(BadSource) as caught:
        import_table(log, shop, path)
    assert says in str(caught.value)
    if says:
        assert f"line {line}: " in str(caught.value)
    else:
        assert "says nothing about placed" in str(caught.value)
    assert log.head().position == 0


def test_what_is_said_twice_is_named_with_both_lines(log, shop, written):
    for old, new, named in (
        ('price = "Unit Price"', 'price = "Unit Price"\nprice = "Paid"', "line.price"),
        ("[payment]", "[payment]\n[payment]", "[payment]"),
    ):
        path, line = written(old, new)
        with pytest.raises(BadSource) as caught:
            import_table(log, shop, path)
        assert f"line {line + 1}: {named} is said a second time, and stands on line {line} already" in str(caught.value)


def test_an_option_may_repeat_the_mapping_and_never_contradict_it(log, shop, written):
    path, line = written('delimiter = ";"', 'tz = "Europe/Berlin"')
    with pytest.raises(BadSource, match=f"line {line}: tz = 'Europe/Berlin', and as an option"):
        import_table(log, shop, path, reading=TableOptions(tz="UTC"))
    assert import_table(log, shop, path, reading=TableOptions(tz=ZoneInfo("Europe/Berlin"))).streams == 2


def test_a_currency_that_changes_inside_an_order_names_both_rows_and_the_line(log, shop, written):
    shop.write_text(shop.read_text().replace("12,00;EUR", "12,00;USD"))
    path, line = written('currency = "Currency"', 'currency = "Currency"')
    with pytest.raises(BadSource, match="Currency is 'USD' here and 'EUR' in row 1") as caught:
        import_table(log, shop, path)
    assert f"shop.toml, line {line})" in str(caught.value)


def test_an_id_that_could_be_cut_in_two_ways_is_refused(log, shop, mapping):
    mapping["order"]["id"] = ["Order No", "Currency"]
    with pytest.raises(BadSource, match="holds '-', which stands between the parts"):
        import_table(log, shop, mapping)


def test_an_order_that_comes_twice_is_refused_where_a_row_is_an_order(log, shop, mapping):
    with pytest.raises(BadSource, match="the order stands in row 1 already"):
        import_table(log, shop, mapping | {"rows": "order"})
