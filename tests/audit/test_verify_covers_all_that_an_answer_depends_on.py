"""Files forged together with their digests: whatever an answer can depend on is recomputed from the events."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.audit import verify
from orders_es.errors import DamagedLog
from orders_es.log import ANY, NO_STREAM, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.digests import CHECK, DIGITS, sealed
from orders_es.log.parquet.footer import KEY
from orders_es.orders import DiscountApplied, ItemAdded, OrderCreated


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as opened:
        fill(opened)
        yield opened


def fill(log):
    for n in range(3):
        created = OrderCreated(currency="GBP", customer_id=f"C-{n}", country="GB")
        log.append(f"o-{n}", [created, DiscountApplied(amount=Decimal(n), reason="loyal")], expected=NO_STREAM)


def rewritten(log, change=lambda table: table, **fields):
    """Verify after the second commit was written anew, with its digest, and with some fields of its footer changed."""
    path = Path(log.files()[1].path)
    footer = json.loads(pq.read_metadata(path).metadata[KEY]) | fields
    text = json.dumps(footer, separators=(",", ":")).encode()
    table = change(pq.read_table(path)).replace_schema_metadata(None)
    with pq.ParquetWriter(path, table.schema, store_decimal_as_integer=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({KEY: text[: -len(CHECK)] + CHECK})
    path.write_bytes(sealed(path.read_bytes()))
    return verify(log.url)


def said(found):
    return " | ".join(f"{problem.where}: {problem.what}" for problem in found.problems)


@pytest.mark.parametrize("field", ["customer_id", "country", "reason"])
def test_an_optional_value_that_is_null_while_the_payload_has_it(log, field):
    def nulled(table):
        index = table.schema.get_field_index(field)
        return table.set_column(index, table.schema.field(field), pa.nulls(2, table.schema.field(field).type))

    found = rewritten(log, nulled)
    assert f"column {field} holds None and the payload says" in said(found)
    assert "position 3" in said(found) or "position 4" in said(found)


def test_a_time_of_recording_in_a_footer_that_is_not_the_last_events(log):
    later = json.loads(pq.read_metadata(log.files()[1].path).metadata[KEY])["recorded_at"] + 315_360_000_000_000
    assert "the time of recording that is stated is not that of its last event" in said(
        rewritten(log, recorded_at=later)
    )


def test_a_version_in_a_footer_that_its_events_do_not_come_to(log):
    assert "stream 'o-1' is stated to be at version 7 and is at 2" in said(rewritten(log, streams={"o-1": 7}))


def test_hashes_in_a_footer_that_are_not_those_of_its_events(log):
    assert "its events do not have the hashes that are stated" in said(rewritten(log, range="00" * 32))


def test_a_commit_id_that_stands_twice(log):
    first = json.loads(pq.read_metadata(log.files()[0].path).metadata[KEY])["commit_id"]
    assert "it has the commit id of" in said(rewritten(log, commit_id=first))


def test_a_kind_that_is_not_that_of_the_folder(log):
    assert "its footer says that it is a segment" in said(rewritten(log, kind="segment"))


def test_positions_in_a_footer_that_are_not_those_of_the_name(log):
    assert "its footer says positions 4 to 4, and its name and place 3 to 4" in said(rewritten(log, first=4))


@pytest.mark.parametrize("other", [b"o-0", b"o-2"])
def test_statistics_that_are_not_those_of_the_values(log, other):
    """A reader that believes them skips the row."""
    path = Path(log.files()[1].path)
    data = path.read_bytes()
    check = json.loads(pq.read_metadata(path).metadata[KEY])["check"].encode()
    smallest = data.rindex(b"\x18\x03o-1") + 2
    path.write_bytes(sealed((data[:smallest] + other + data[smallest + 3 :]).replace(check, b"0" * DIGITS)))
    assert "column stream_id: its statistics say" in said(verify(log.url))


def test_a_bloom_filter_that_hides_an_order(log):
    log.compact()
    path = Path(log.files()[0].path)
    chunk = pq.read_metadata(path).row_group(0).column(1)
    data = path.read_bytes()
    end = chunk.bloom_filter_offset + chunk.bloom_filter_length
    emptied = chunk.bloom_filter_length - 16  # behind its header
    path.write_bytes(data[: end - emptied] + bytes(emptied) + data[end:])
    assert "column stream_id: its Bloom filter says that 'o-" in said(verify(log.url))


def test_an_event_id_that_stands_twice(tmp_path):
    """Nothing appends such a thing any more."""
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        for n in range(2):
            log.append(f"o-{n}", [NewEvent(data=OrderCreated(currency="GBP"), event_id=UUID(int=n + 1))], expected=ANY)
        path = Path(log.files()[1].path)
        table = pq.read_table(path)
        ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([UUID(int=1).bytes], pa.binary(16)))
        found = rewritten(log, lambda _: table.set_column(3, table.schema.field("event_id"), ids))
    assert f"event id {UUID(int=1)} is there 2 times: at 1, 2" in said(found)


def test_a_forged_copy_sorted_by_stream(tmp_path):
    """One made of other events that claims to be of this log's, directory, checksums and all."""
    logs = {}
    for name in ("right", "other"):
        log = logs[name] = open_log(tmp_path / name, create=True)
        assert isinstance(log, ParquetLog)
        for n in range(3):
            log.append(f"o-{n}", [ItemAdded(item_id="P", quantity=1, price=Decimal(1))], expected=ANY)
        log.append("o-1", [DiscountApplied(amount=Decimal(380 if name == "right" else 7777))], expected=ANY)
        log.compact()
    copies = {name: next((tmp_path / name / "derived" / "by-stream").iterdir()) for name in logs}
    directories = {name: copies[name].read_bytes().rpartition(b'{"log_id"') for name in logs}
    facts = {name: json.loads(b'{"log_id"' + directories[name][2][:-12]) for name in logs}
    forged = json.dumps(facts["other"] | {k: facts["right"][k] for k in ("log_id", "events")}).encode()
    copies["right"].write_bytes(directories["other"][0] + forged + len(forged).to_bytes(4, "little") + b"OESBLK11")
    assert "its events are not those of its data file" in said(verify(tmp_path / "right"))
    copies["right"].unlink()
    assert verify(tmp_path / "right").ok


def test_a_copy_of_a_file_that_was_replaced_is_not_used(log):
    log.compact()
    copy = next((log.derived / "by-stream").iterdir())
    with open_log(log.url + "-2", create=True) as other:
        assert isinstance(other, ParquetLog)
        fill(other)
        other.compact()
        shutil.copy(copy, next((other.derived / "by-stream").iterdir()))
        with open_log(other.url) as again:
            assert [event.event_id for event in again.load("o-1")] == [event.event_id for event in other.load("o-1")]
        assert "is damaged or of another file, and is not used" in said(verify(other))


def test_a_log_that_cannot_be_opened_is_verified_by_its_place(log):
    last = Path(log.files()[-1].path)
    last.write_bytes(last.read_bytes()[:-20])
    with pytest.raises(DamagedLog):
        open_log(log.url)
    found = verify(log.url)
    assert (found.events, found.heads) == (4, 2)
    assert [problem.where for problem in found.problems] == ["positions 5 to 5"]
    assert str(last) in said(found)


def test_a_missing_commit_is_a_gap_and_what_follows_is_still_held_to_the_log(log):
    Path(log.files()[1].path).unlink()
    found = verify(log.url)
    assert "positions 3 to 4: their events are missing" in said(found)
    assert (found.events, len(found.problems)) == (4, 1)


def test_a_name_in_a_file_that_is_no_text(log):
    path = Path(log.files()[1].path)
    data = path.read_bytes()
    at = data.rindex(b"customer_id")
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    assert str(path) in said(verify(log.url))


def test_a_column_of_a_large_file_is_named(log):
    with open_log(log.url) as writer:
        assert isinstance(writer, ParquetLog)
        writer.append("big", [DiscountApplied(amount=Decimal(1))] * 100, expected=ANY)
        path = Path(writer.files()[-1].path)
    column = pq.read_metadata(path).row_group(0).column(11)
    data = bytearray(path.read_bytes())
    data[(column.dictionary_page_offset or column.data_page_offset) + 40] ^= 4
    path.write_bytes(data)
    assert "positions 7 to 106: " in said(verify(log.url))
    assert "the bytes of column payload are not those that were written" in said(verify(log.url))


def test_a_duckdb_log_is_recomputed_as_well(tmp_path):
    place = tmp_path / "log.duckdb"
    with open_log(place, create=True) as log:
        fill(log)
    with duckdb.connect(str(place)) as connection:
        connection.execute("UPDATE events SET country = NULL WHERE position = 3")
        connection.execute('UPDATE commits SET recorded_at = recorded_at + INTERVAL 1 DAY WHERE "first" = 5')
    found = verify(place)
    assert "position 3: column country holds None and the payload says 'GB'" in said(found)
    assert "commit of positions 5 to 6: the time of recording that is stated" in said(found)
    place.write_bytes(place.read_bytes()[:5_000])
    assert not verify(place).ok


@pytest.mark.parametrize("change", ["another version", "one is left out", "one is made up"])
def test_the_types_that_a_footer_says_are_in_its_file(log, change):
    said_there = json.loads(pq.read_metadata(log.files()[1].path).metadata[KEY])["types"]
    first, *others = said_there
    forged = {
        "another version": [[first[0], first[1] + 1, *first[2:]], *others],
        "one is left out": others,
        "one is made up": [*said_there, ["OrderBlessed", 1, "", "a package 9.9"]],
    }[change]
    assert "its footer and its events differ in the types that are in it" in said(rewritten(log, types=forged))
