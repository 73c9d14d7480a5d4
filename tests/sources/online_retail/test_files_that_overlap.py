"""Orders that a log has already: the same again, the same from another file, or others."""

import pytest

from orders_es.errors import SourceConflict
from orders_es.sources.online_retail import import_online_retail


def test_orders_that_are_there_and_the_same_can_be_skipped(log, write, line):
    import_online_retail(log, write([line("1"), line("2")], "first.csv"))
    second = write([line("2"), line("3")], "second.csv")
    with pytest.raises(SourceConflict, match="--skip-known"):
        import_online_retail(log, second)
    result = import_online_retail(log, second, skip_known=True)
    assert (result.streams, result.skipped, result.duplicates) == (1, 1, 3)
    assert log.stream_ids() == ["1", "2", "3"]
    assert import_online_retail(log, second, skip_known=True).events == 0


def test_those_that_differ_are_named_and_nothing_is_appended(log, write, line):
    import_online_retail(log, write([line("1"), line("2")], "first.csv"))
    path = write([line("1", quantity=7), line("2", quantity=7), line("3")], "second.csv")
    with pytest.raises(SourceConflict, match=r"all that differ: '1', '2'") as raised:
        import_online_retail(log, path, skip_known=True)
    assert '"quantity":6' in str(raised.value)
    assert log.stream_ids() == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"currency": "EUR"}, '"currency":"GBP".* in the log and .*"currency":"EUR"'),
        ({"tz": "Europe/Athens"}, r"2010-12-01 08:26:00Z in the log and at 2010-12-01 06:26:00Z in the file.*--tz"),
    ],
)
def test_the_same_file_with_another_option_is_refused_with_the_difference(log, write, line, options, words):
    path = write([line("1"), line("2")])
    import_online_retail(log, path)
    with pytest.raises(SourceConflict, match=words):
        import_online_retail(log, path, **options)


def test_the_corrected_file_completes_an_import_that_set_orders_aside(log, write, line, tmp_path):
    rows = [line("1"), line("2"), line("2", price="free"), line("3")]
    first = import_online_retail(log, write(rows), on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (first.streams, first.quarantined) == (2, 2)
    rows[2] = line("2")
    corrected = import_online_retail(log, write(rows, "corrected.csv"))
    assert (corrected.streams, corrected.skipped) == (1, 2)
    assert len(log.load("2")) == 4


def test_an_order_of_fewer_lines_is_another(log, write, line):
    import_online_retail(log, write([line("1")], "first.csv"))
    with pytest.raises(SourceConflict, match="event 3 is OrderPlaced in the log and ItemAdded in the file"):
        import_online_retail(log, write([line("1"), line("1")], "second.csv"), skip_known=True)
