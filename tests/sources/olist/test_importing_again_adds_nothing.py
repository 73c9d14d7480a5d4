import pytest

from orders_es.errors import SourceConflict
from orders_es.log import open_log
from orders_es.sources.olist import import_olist
from tests.sources.interrupted import StoppedAfter


def test_the_same_folder_a_second_time_and_a_copy_of_it(log, write, files):
    first = import_olist(log, write(files))
    head = log.head()
    again = import_olist(log, write(files, "copy"))
    assert (first.events, first.streams, first.rows, first.commits) == (34, 6, 25, 1)
    assert (again.events, again.duplicates, again.streams, again.digest) == (0, 34, 0, first.digest)
    assert log.head() == head
    assert "added nothing" in str(again)


def test_an_interrupted_import_is_completed_with_batches_of_another_size(log, write, files, tmp_path):
    folder = write(files)
    with open_log(tmp_path / "whole", create=True) as whole:
        import_olist(whole, folder)
        expected = [(e["stream_id"], e["event_id"]) for batch in whole.read() for e in batch.to_pylist()]
    with pytest.raises(KeyboardInterrupt):
        import_olist(StoppedAfter(log, 2), folder, batch_events=8)
    assert 0 < log.head().position < 34
    import_olist(log, folder, batch_events=15)
    assert [(e["stream_id"], e["event_id"]) for batch in log.read() for e in batch.to_pylist()] == expected


@pytest.mark.long_but_first
@pytest.mark.parametrize("what", ["orders", "order_items", "order_payments", "customers", "products"])
def test_another_content_of_any_file_is_another_source(log, write, files, what):
    import_olist(log, write(files))
    files[what][0][1 if what == "products" else -1] = "2017-12-25 00:00:00" if what == "orders" else "999"
    with pytest.raises(SourceConflict, match=r"is in this log already: .* with another history"):
        import_olist(log, write(files, "changed"))


def test_equal_items_of_one_order_are_two_events_with_ids_of_their_own(imported):
    ids = [event.event_id for event in imported.load("plain") if event.type == "ItemAdded"]
    assert len(set(ids)) == 3
