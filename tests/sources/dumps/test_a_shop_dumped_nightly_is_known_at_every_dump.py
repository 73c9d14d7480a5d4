"""A simulated shop whose true changes are known, dumped every night: the log shows every dump, row for row, and makes nothing up."""

import csv
import random
from datetime import UTC, datetime, timedelta

import pytest

from orders_es.log import open_log
from orders_es.sources.dumps import import_dumps
from orders_es.sources.rows import rows_at, unknown_at

NIGHT = datetime(2026, 6, 1, 2, tzinfo=UTC)
NIGHTS = 7


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of dumps, what each held, and every change with its true time."""
    folder = tmp_path_factory.mktemp("shop")
    draw = random.Random(7)
    rows, truth, dumps, gone = {}, [], [], {}
    for night in range(NIGHTS):
        at = NIGHT + timedelta(days=night)
        for _ in range(draw.randrange(0, 12) if night else 30):
            when = at - timedelta(seconds=draw.randrange(1, 86_400))
            what = draw.random()
            key = str(draw.randrange(1, 40))
            if what < 0.15 and key in rows:
                gone[key] = rows.pop(key)
            else:
                row = rows.setdefault(key, {"id": key, "status": "open", "note": "", "updated_at": ""})
                row[draw.choice(["status", "note"])] = draw.choice(["paid", 'a "quoted", one', "zwei\nZeilen", "ø", ""])
                row["updated_at"] = when.isoformat()
            truth.append((key, when))
        dumps.append({key: dict(row) for key, row in rows.items()})
        with (folder / f"orders-{at:%Y%m%dT%H%M}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "status", "note", "updated_at"])
            writer.writeheader()
            writer.writerows(rows.values())
    return folder, dumps, truth


def imported(shop, log, **how):
    return import_dumps(log, shop[0] / "orders-*.csv", key="id", at_from_name="%Y%m%dT%H%M", **how)


@pytest.mark.long
@pytest.mark.parametrize("occurred", [None, "updated_at"])
def test_as_of_every_dump_the_log_shows_its_rows_one_for_one(shop, occurred):
    log = open_log(":memory:")
    done = imported(shop, log, occurred=occurred)
    assert done.dumps == NIGHTS
    for night, dump in enumerate(shop[1]):
        moment = NIGHT + timedelta(days=night)
        shown = rows_at(log, "orders", at=moment).to_pylist()
        assert rows_at(log, "orders", known_at=moment).to_pylist() == shown
        assert {row["id"]: row for row in shown} == {
            key: {name: value or None for name, value in row.items()} for key, row in dump.items()
        }
        assert not unknown_at(log, "orders", NIGHT + timedelta(days=night)).num_rows or occurred


def test_a_change_that_nobody_timed_lies_between_two_dumps_and_its_true_time_too(shop):
    log = open_log(":memory:")
    imported(shop, log)
    changes = [event for key in range(1, 40) for event in log.load(f"orders/{key}")]
    assert changes
    for event in changes:
        assert event.entered_at == event.occurred_at
        if event.data.changed_after is None:
            assert event.occurred_at == NIGHT
            assert event.data.opening
            continue
        assert event.occurred_at - event.data.changed_after == timedelta(days=1)
        assert any(
            key == event.data.row_key and event.data.changed_after < when <= event.occurred_at for key, when in shop[2]
        )


@pytest.mark.long
def test_one_dump_at_a_time_comes_to_the_same_as_all_at_once_and_again_to_nothing(shop, tmp_path, monkeypatch):
    # So few rows are put together at a time that there are several parts of this table.
    monkeypatch.setattr("orders_es.sources.rows.rows_in_log._BUCKET", 5)
    whole = open_log(":memory:")
    first = imported(shop, whole)
    with open_log(tmp_path / "log", create=True) as log:
        for file in sorted(shop[0].glob("*.csv")):
            import_dumps(log, file, key="id", at_from_name="%Y%m%dT%H%M")
        again = imported(shop, log)
        assert (again.dumps, again.known, again.events) == (0, NIGHTS, 0)
        assert again.gaps == first.gaps, "what was odd is told again, and not that nothing was"
        assert first.gaps
        said = [(event.stream_id, event.type, event.occurred_at, event.payload) for event in _all(log)]
        assert said == [(event.stream_id, event.type, event.occurred_at, event.payload) for event in _all(whole)]


@pytest.mark.long
def test_an_interrupted_import_is_completed_by_running_it_again(shop, monkeypatch):
    whole, log = open_log(":memory:"), open_log(":memory:")
    imported(shop, whole)
    append, left = log.append_table, iter(range(9))

    def dies(table, *, expected):
        next(left)
        return append(table, expected=expected)

    monkeypatch.setattr(log, "append_table", dies)
    with pytest.raises(StopIteration):
        imported(shop, log, batch_events=7)
    monkeypatch.setattr(log, "append_table", append)
    imported(shop, log, batch_events=7)
    for night in range(NIGHTS):
        at = NIGHT + timedelta(days=night)
        assert rows_at(log, "orders", at=at).equals(rows_at(whole, "orders", at=at))
    assert log.head().position == whole.head().position


@pytest.mark.long
def test_the_row_is_there_for_show_and_history(shop):
    log = open_log(":memory:")
    imported(shop, log)
    first = log.load("orders/1") or log.load("orders/2")
    assert first[0].type == "RowInserted"


def _all(log):
    return [event for name in log.stream_ids() for event in log.load(name)]
