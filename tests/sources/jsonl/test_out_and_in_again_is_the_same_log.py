import io
import os
import threading
from datetime import UTC, datetime

import pytest

from orders_es.errors import BadSource, LogNotEmpty, SourceConflict
from orders_es.log import NO_STREAM, RawEvent, open_log
from orders_es.orders import OrderPlaced
from orders_es.replay import load_orders
from orders_es.sources.jsonl import export_jsonl, import_jsonl
from orders_es.sources.simulator import SimulatorSettings, simulate_into
from tests.sources.interrupted import StoppedAfter


def test_a_line_has_every_field_of_the_envelope_and_the_payload_as_it_was_recorded(shop, lines_of):
    first = lines_of(shop)[0]
    assert first == {
        "position": 1,
        "stream_id": "A/1",
        "version": 1,
        "event_id": "00000000-0000-0000-0000-000000000007",
        "type": "OrderCreated",
        "schema_version": 2,
        "occurred_at": "2026-06-01T10:00:00.000000Z",
        "recorded_at": "2026-06-01T10:00:01.000001Z",
        "actor": "web \t user",
        "correlation_id": "cart-1",
        "causation_id": "click",
        "payload": {"currency": "EUR", "customer_id": '"Käthe"\n\\ \u2028 £'},
    }


def test_money_stands_as_in_the_payload(shop):
    out = io.BytesIO()
    export_jsonl(shop, out)
    assert b'"price":"9.9000"' in out.getvalue()


def test_a_payload_with_line_breaks_stays_on_its_line(shop, lines_of):
    lines = lines_of(shop)
    assert [line["payload_text"] for line in lines if "payload_text" in line] == [
        ' {"currency": "EUR",\n  "country": null }'
    ]
    assert len(lines) == shop.head().position


def test_everything_but_the_time_of_recording_comes_back(shop, log, exported, events):
    result = import_jsonl(log, exported(shop))
    assert (result.events, result.streams, result.rows) == (7, 3, 7)
    assert events(log) == events(shop)
    assert {e["recorded_at"] for e in events(log, without=())}.isdisjoint(
        e["recorded_at"] for e in events(shop, without=())
    )


def test_as_recorded_gives_the_same_root_and_the_same_answers(shop, log, exported, events):
    result = import_jsonl(log, exported(shop), as_recorded=True)
    assert (result.events, result.streams, result.first_position, result.last_position) == (7, 3, 1, 7)
    assert events(log, without=()) == events(shop, without=())
    assert log.head() == shop.head()
    assert load_orders(log) == load_orders(shop)


@pytest.mark.parametrize("batch_events", [1, 3, 10**6])
def test_batches_of_any_size_give_the_same_root(shop, log, exported, batch_events):
    import_jsonl(log, exported(shop), as_recorded=True, batch_events=batch_events)
    assert log.head().root == shop.head().root


def simulated(place):
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(place, orders=60, seed=5, start=datetime(2025, 1, 1, tzinfo=UTC), days=30, settings=few_lines)


@pytest.mark.long_but_first
@pytest.mark.parametrize("place", ["copy", "copy.duckdb"])
def test_a_simulated_shop_survives_in_every_backend(tmp_path, exported, place):
    simulated(tmp_path / "sim")
    with open_log(tmp_path / "sim") as sim, open_log(tmp_path / place, create=True) as copy:
        import_jsonl(copy, exported(sim), as_recorded=True, batch_events=150)
        assert copy.head() == sim.head()
        assert load_orders(copy) == load_orders(sim)


def test_as_recorded_is_refused_where_something_is_recorded(shop, log, exported):
    log.append("Z", [OrderPlaced()], expected=NO_STREAM)
    with pytest.raises(LogNotEmpty, match="times of recording are kept only where nothing has been recorded"):
        import_jsonl(log, exported(shop), as_recorded=True)
    assert log.head().position == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: lines[2:4], "it has position 3 where a whole log has 1"),
        (lambda lines: [*lines[:2], lines[2] | {"recorded_at": lines[0]["recorded_at"]}], "recorded before line 2"),
        (lambda lines: [lines[0] | {"recorded_at": None}], "it has no recorded_at"),
        (lambda lines: [lines[0] | {"position": None}], "it has no position"),
    ],
)
def test_as_recorded_takes_a_whole_log_in_its_order(shop, log, lines_of, write, spoil, reason):
    with pytest.raises(BadSource, match=reason):
        import_jsonl(log, write(spoil(lines_of(shop))), as_recorded=True)
    assert log.head().position == 0


def test_the_same_lines_again_add_nothing(shop, log, exported):
    path = exported(shop)
    import_jsonl(log, path)
    head = log.head()
    again = import_jsonl(log, path, batch_events=2)
    assert (again.events, again.duplicates, again.first_position, again.last_position) == (0, 7, 1, 7)
    assert log.head() == head
    assert "added nothing" in str(again)


def test_lines_of_a_log_that_has_grown_add_what_is_new(shop, log, exported, events):
    import_jsonl(log, exported(shop))
    shop.append("B", [OrderPlaced()], expected=2)
    result = import_jsonl(log, exported(shop, "later.jsonl"))
    assert (result.events, result.duplicates) == (1, 7)
    assert events(log) == events(shop)


def test_an_interrupted_import_is_completed(shop, log, exported, events):
    path = exported(shop)
    with pytest.raises(KeyboardInterrupt):
        import_jsonl(StoppedAfter(log, 2), path, batch_events=2)
    assert log.head().position == 4
    assert import_jsonl(log, path, batch_events=3).events == 3
    assert events(log) == events(shop)


@pytest.mark.long
def test_two_imports_at_once_add_the_lines_once(tmp_path, log, exported, events):
    simulated(tmp_path / "sim")
    with open_log(tmp_path / "sim") as sim:
        path, wanted = exported(sim), events(sim)
    results = []

    def run():
        with open_log(tmp_path / "log") as mine:
            results.append(import_jsonl(mine, path, batch_events=50))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert sum(result.events for result in results) == len(wanted)
    assert sorted(e["event_id"] for e in events(log)) == sorted(e["event_id"] for e in wanted)


def test_another_history_of_a_stream_is_a_conflict_and_adds_nothing(shop, log, exported):
    log.append("B", [OrderPlaced()], expected=NO_STREAM)
    with pytest.raises(SourceConflict, match=r"row 3: 'B' is in this log already: version 1 of its 1"):
        import_jsonl(log, exported(shop))
    assert log.head().position == 1


def test_events_added_to_a_stream_since_make_no_difference(shop, log, exported):
    path = exported(shop)
    import_jsonl(log, path)
    log.append("B", [OrderPlaced()], expected=2)
    assert import_jsonl(log, path).duplicates == 7


def test_events_of_unknown_types_are_kept_if_asked_for(no_types, log, exported, events):
    no_types.append("P", [RawEvent("ParcelLost", '{"parcel":1}', schema_version=3)], expected=NO_STREAM)
    path = exported(no_types)
    with pytest.raises(BadSource, match=r"line 1: nobody registered the event type 'ParcelLost'.*--keep-unknown"):
        import_jsonl(log, path)
    import_jsonl(log, path, keep_unknown=True)
    assert events(log) == events(no_types)


def test_an_empty_log_exports_no_lines(log, exported):
    path = exported(log)
    assert path.read_bytes() == b""
    with pytest.raises(BadSource, match="it has no lines"):
        import_jsonl(log, path)


def test_a_file_that_is_there_is_not_overwritten(shop, tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(FileExistsError):
        export_jsonl(shop, tmp_path / "precious")
    assert (tmp_path / "precious").read_text() == "x"


def test_a_byte_order_mark_empty_lines_and_windows_line_ends_do_no_harm(shop, log, exported, events):
    path = exported(shop)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    import_jsonl(log, path)
    assert events(log) == events(shop)


def test_a_pipe_is_refused(log, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    both_ends = os.open(tmp_path / "pipe", os.O_RDWR)  # so that nobody waits for the other end
    try:
        with pytest.raises(BadSource, match="it is a pipe"):
            import_jsonl(log, tmp_path / "pipe")
    finally:
        os.close(both_ends)
