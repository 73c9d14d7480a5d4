import pickle

import pytest

from orders_es.errors import SourceConflict, VersionConflict
from orders_es.sources.online_retail import import_online_retail


def test_the_invoice_is_named_and_nothing_is_appended(log, write, line):
    import_online_retail(log, write([line("2"), line("3")], "first.csv"), actor="Tuesday")
    path = write([line("1"), line("1"), line("2")], "second.csv")
    with pytest.raises(SourceConflict) as raised:
        import_online_retail(log, path)
    error = raised.value
    assert (error.path, error.row, error.stream_id, error.actual) == (str(path), 3, "2", 3)
    assert "'2' is in this log already" in str(error)
    assert "by Tuesday" in str(error)
    assert "the log has 1 of the file's 2 streams" in str(error)
    assert "Nothing was appended" in str(error)
    assert log.stream_ids() == ["2", "3"]


def test_it_is_a_version_conflict_and_survives_a_trip_to_another_process(log, write, line):
    import_online_retail(log, write([line()], "first.csv"))
    with pytest.raises(VersionConflict) as raised:
        import_online_retail(log, write([line(), line()], "second.csv"))
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.row) == (str(raised.value), 1)


def test_the_same_lines_in_another_kind_of_file_are_another_source(log, write, line):
    import_online_retail(log, write([line()], "first.csv"))
    with pytest.raises(SourceConflict):
        import_online_retail(log, write([line()], "first.parquet"))


def test_invoices_that_the_log_does_not_have_are_added_beside_the_others(log, write, line):
    import_online_retail(log, write([line("1")], "first.csv"))
    assert import_online_retail(log, write([line("2")], "second.csv")).streams == 1
    assert log.stream_ids() == ["1", "2"]
