"""Each kind of damage is made for real, by rewriting a data file or a row, and has to be found."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orders_es.audit import examine, verify
from orders_es.errors import InvalidSetting
from orders_es.log import ANY, RawEvent, open_log
from orders_es.log.parquet.digests import CHECK, sealed
from orders_es.log.parquet.footer import KEY
from orders_es.orders import ORDERS, DiscountApplied, OrderCreated
from orders_es.replay import Snapshots
from orders_es.replay.snapshot_file import read_snapshot, snapshot_bytes


@pytest.fixture(params=["log", "log.duckdb"])
def any_log(request, tmp_path):
    with open_log(tmp_path / request.param, create=True) as log:
        fill(log)
        yield log


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as opened:
        fill(opened)
        yield opened


def fill(log):
    for n in range(4):
        log.append(f"o-{n % 2}", [OrderCreated(currency="GBP"), DiscountApplied(amount=Decimal(n))], expected=ANY)


def rewritten(log, change):
    """Write the second commit anew, with its footer and a digest, as somebody would who means to rewrite the past."""
    path = log.files()[1].path
    table = pq.read_table(path)
    footer = pq.read_metadata(path).metadata[KEY]
    changed = change(table).replace_schema_metadata(None)
    with pq.ParquetWriter(path, changed.schema, write_page_checksum=True) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({KEY: footer[: -len(CHECK)] + CHECK})
    Path(path).write_bytes(sealed(Path(path).read_bytes()))
    with open_log(log.url) as again:
        return verify(again)


def column(name, values):
    return lambda table: table.set_column(
        table.schema.get_field_index(name), table.schema.field(name), pa.array(values, table.schema.field(name).type)
    )


def said(found):
    return " | ".join(f"{problem.where}: {problem.what}" for problem in found.problems)


def test_a_sound_log_has_no_problems(any_log):
    found = verify(any_log)
    assert found.ok
    assert (found.events, found.head) == (8, any_log.head())
    assert found.values == 8  # a currency or an amount each


def test_an_empty_log_is_sound(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert verify(log).ok


def test_each_file_states_a_root_and_compaction_leaves_one(log):
    assert verify(log).heads == 4
    log.compact()
    assert verify(log).heads == 1


def test_events_of_unknown_types_are_hashed_like_all_others(any_log):
    any_log.append("o-9", [RawEvent("Weighed", '{"grams":5}')], expected=ANY)
    assert verify(any_log).ok


def test_a_file_replaced_by_an_older_one_is_found(log):
    older, newer, *_ = (Path(file.path) for file in log.files())
    newer.write_bytes(older.read_bytes())
    assert newer.name in said(verify(log.url))


def test_a_file_of_another_log_in_the_place_of_one_is_found(log, tmp_path):
    with open_log(tmp_path / "other", create=True) as other:
        fill(other)
        theirs = sorted((tmp_path / "other" / "commits").iterdir())[1]
        Path(log.files()[1].path).write_bytes(theirs.read_bytes())
    assert not verify(log.url).ok


def test_a_changed_payload_gives_another_root(log):
    found = rewritten(log, column("payload", ['{"currency":"EUR"}', '{"amount":"1"}']))
    assert "position 4: the tree's root is stated as" in said(found)


def test_a_changed_typed_column_does_not_say_what_the_payload_says(log):
    found = rewritten(log, column("amount", [None, 900]))
    assert "position 4: column amount holds Decimal('900.0000') and the payload says Decimal('1" in said(found)
    assert "root" not in said(found)


def test_a_typed_column_that_is_missing_is_no_damage_for_views_read_the_payload(log):
    assert rewritten(log, lambda table: table.drop_columns(["amount"])).ok


def test_a_version_that_does_not_go_on_is_found(log):
    assert "it is version 5 of 'o-1', after 1" in said(rewritten(log, column("version", [1, 5])))


def test_a_time_that_runs_backwards_is_found(log):
    def earlier(table):
        times = pc.subtract(table.column("recorded_at"), pa.scalar(10**12, pa.duration("us")))
        return table.set_column(table.schema.get_field_index("recorded_at"), "recorded_at", times)

    assert "position 3: it was recorded before the event in front of it" in said(rewritten(log, earlier))


def test_a_damaged_file_is_named_and_what_is_around_it_is_still_read(log):
    path = log.files()[1].path
    with Path(path).open("r+b") as file:
        file.write(b"PAR2")
        file.seek(40)
        file.write(b"\xff" * 30)
    with open_log(log.url) as again:
        found = verify(again)
    assert path in said(found)
    assert found.events == 6


def test_a_changed_row_of_a_duckdb_log_gives_another_root(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        fill(log)
    with duckdb.connect(str(tmp_path / "log.duckdb")) as connection:
        [(table,)] = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'payload'"
        ).fetchall()
        connection.execute(f"UPDATE {table} SET actor = 'somebody else' WHERE position = 3")
    with open_log(tmp_path / "log.duckdb") as log:
        assert "the tree's root is stated as" in said(verify(log))


def test_a_snapshot_that_is_not_what_the_log_gives_is_found(any_log, tmp_path):
    kept = Snapshots(any_log, every=2)
    assert kept.take("o-0") + kept.take("o-1") == 4
    assert verify(any_log).snapshots == 4
    with open_log(tmp_path / "other", create=True) as other:
        for _ in range(2):
            other.append("o-0", [DiscountApplied(amount=Decimal(77))] * 2, expected=ANY)
        forged = forge(other, any_log)
    path = next(file.path for file in kept.files() if kept.stream_of(file) == "o-0")
    path.write_bytes(forged)
    assert "'o-0' at version 2 is another one in the log" in said(verify(any_log))


def forge(other, log):
    """A snapshot of another past that claims to be of this log, digest and all."""
    Snapshots(other, every=2).take("o-0")
    snapshot = read_snapshot(next(Snapshots(other).files()).path.read_bytes(), ORDERS.snapshots)
    return snapshot_bytes(replace(snapshot, log_id=str(log.log_id)), ORDERS.snapshots)


def test_a_damaged_snapshot_is_found(any_log):
    kept = Snapshots(any_log, every=4)
    kept.take("o-0")
    [file] = kept.files()
    file.path.write_bytes(file.path.read_bytes()[:-1])
    assert "it is damaged, and not used" in said(verify(any_log))


@pytest.mark.long_but_first
def test_giants_are_named_longest_first_and_the_rest_is_counted(any_log):
    for n in range(25):
        any_log.append(f"g-{n:02}", [DiscountApplied(amount=Decimal(1))] * (10 + n), expected=ANY)
    advice = [a for a in examine(any_log, giant=10) if a.about != "derived"]
    assert [a.about for a in advice] == [f"g-{n:02}" for n in range(24, 4, -1)] + ["streams"]
    assert advice[-1].what == "5 more giant streams"


def test_many_small_files_are_worth_a_compaction(log):
    for _ in range(200):
        log.append("o-0", [DiscountApplied(amount=Decimal(1))], expected=ANY)
    assert [a.about for a in examine(log)] == ["commits"]


def test_snapshots_of_another_version_are_told(any_log):
    Snapshots(any_log, every=2).take("o-0")
    [fold] = (any_log.derived / "snapshots").iterdir()
    fold.rename(fold.with_name("0123456789abcdef"))
    [what] = [a.what for a in examine(any_log) if a.about == "snapshots"]
    assert what.startswith("2 made by another version")


def test_a_giant_needs_a_size(log):
    with pytest.raises(InvalidSetting, match="2 or more"):
        examine(log, giant=1)
