import pickle
from decimal import Decimal

import pytest

from orders_es.errors import BadSource
from orders_es.sources.online_retail import import_online_retail

BAD = {
    "a time that is none": ({"time": "yesterday"}, "InvoiceDate 'yesterday' is not a date and time"),
    "a day that is none": ({"time": "2010-02-30 08:26"}, "InvoiceDate '2010-02-30 08:26' is not a date"),
    "a month after the twelfth": ({"time": "2010-13-12 8:26"}, "is not a date and time"),
    "an hour after the twelfth": ({"time": "2010-12-01 13:26 PM"}, "is not a date and time"),
    "a serial number for a time": ({"time": "40513"}, "InvoiceDate '40513' is not a date and time"),
    "no time": ({"time": None}, "InvoiceDate is empty"),
    "no invoice number": ({"invoice": None}, "InvoiceNo is empty"),
    "a blank invoice number": ({"invoice": "   "}, "InvoiceNo is empty"),
    "an endless invoice number": ({"invoice": "9" * 1025}, "is longer than 1,024 bytes"),
    "no stock code": ({"code": None}, "StockCode is empty"),
    "no quantity": ({"quantity": None}, "Quantity is empty"),
    "half a piece": ({"quantity": 1.5}, "Quantity '1.5' is not a whole number"),
    "a quantity in words": ({"quantity": "six"}, "Quantity 'six' is not a whole number"),
    "a quantity beyond 64 bits": ({"quantity": "9223372036854775808"}, "does not fit 64 bits"),
    "no price": ({"price": None}, "UnitPrice is empty"),
    "a price in words": ({"price": "free"}, "UnitPrice 'free' is not a number"),
    "a price with its currency": ({"price": "£2.55"}, "UnitPrice '£2.55' is not a number"),
    "an endless price": ({"price": "Infinity"}, "UnitPrice 'Infinity' is not a number"),
    "a price with five decimals": ({"price": Decimal("0.00001")}, "UnitPrice '0.00001' has more than 4 decimals"),
    "a price with fifteen digits": ({"price": "123456789012345"}, "more than 14 digits"),
    "a negative price": ({"price": Decimal("-0.5")}, "UnitPrice -0.5000 is negative"),
    "a negative price on a credit note": ({"invoice": "C1", "price": Decimal("-0.5")}, "is negative"),
    "an adjustment too large": ({"invoice": "A1", "quantity": 10**12, "price": Decimal(100)}, "more than 14 digits"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD)
def test_it_names_the_row_and_the_reason_and_appends_nothing(log, write, line, changes, reason):
    path = write([line(), line(), line(**changes), line("536366")])
    with pytest.raises(BadSource) as raised:
        import_online_retail(log, path)
    assert (raised.value.path, raised.value.row) == (str(path), 3)
    assert reason in str(raised.value)
    assert "Nothing was appended" in str(raised.value)
    assert "more row" not in str(raised.value)
    assert log.head().position == 0


def test_it_is_found_in_every_kind_of_file(log, write, line, kind):
    path = write([line(), line(price=Decimal("2.55555")), line()], "lines" + kind)
    with pytest.raises(BadSource, match=r"2\.55555'? has more than 4 decimals") as raised:
        import_online_retail(log, path)
    assert raised.value.row == 2


def test_the_first_of_several_is_named_and_the_others_counted(log, write, line):
    rows = [line(), line(price="a"), line(code=None), line(quantity="b", price="c")]
    with pytest.raises(BadSource, match=r"row 2: UnitPrice 'a' is not a number \(2 more rows are bad\)"):
        import_online_retail(log, write(rows))


def test_several_reasons_of_one_row_are_named_together(log, write, line):
    with pytest.raises(BadSource, match="row 1: InvoiceNo is empty; Quantity 'b' is not a whole number"):
        import_online_retail(log, write([line(invoice="", quantity="b")]))


def test_a_row_with_too_few_or_too_many_fields_is_bad(log, tmp_path, line, as_csv):
    path = tmp_path / "lines.csv"
    good = as_csv([line()])
    path.write_text(good + "536366,85123A,HEART\r\n\r\n536367,A,B,1,2010-12-01,2.5,1,Malta,surplus\r\n")
    with pytest.raises(BadSource, match=r"row 2: 3 fields where the header has 8.*\(1 more row is bad\)"):
        import_online_retail(log, path)


def test_blank_lines_of_a_workbook_count_as_its_row_numbers_do(log, write, line):
    path = write([line(), [None] * 8, line(price="free")], "lines.xlsx")
    with pytest.raises(BadSource) as raised:
        import_online_retail(log, path)
    assert raised.value.row == 3


def test_the_error_survives_a_trip_to_another_process(log, write, line):
    with pytest.raises(BadSource) as raised:
        import_online_retail(log, write([line(code=None)]))
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
