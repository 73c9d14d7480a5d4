from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.log.columns import ENVELOPE_SCHEMA, TIMESTAMP
from orders_es.log.event import to_micros
from orders_es.log.leaf import leaf_bytes, leaf_hashes, leaves_of, payload_hash
from orders_es.log.merkle import leaf_hash

MICROS = st.integers(to_micros(datetime.min.replace(tzinfo=UTC), "m"), to_micros(datetime.max.replace(tzinfo=UTC), "m"))
OPTIONAL = st.none() | st.text(max_size=12)
ROW = st.tuples(
    st.integers(1, 2**63 - 1),
    st.text(min_size=1, max_size=12),
    st.integers(1, 2**31 - 1),
    st.binary(min_size=16, max_size=16),
    st.text(max_size=12),
    st.integers(1, 2**31 - 1),
    MICROS,
    MICROS,
    st.none() | MICROS,
    OPTIONAL,
    OPTIONAL,
    OPTIONAL,
    st.text(max_size=40),
)


# What personal data do to a leaf is tested where they are.
PLAIN = pa.schema([field for field in ENVELOPE_SCHEMA if field.name != "personal"])


def as_table(rows):
    columns = []
    for field, values in zip(PLAIN, zip(*rows, strict=True), strict=True):
        if field.name == "event_id":
            columns.append(pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16))))
        elif field.type == TIMESTAMP:
            columns.append(pa.array(values, pa.int64()).cast(TIMESTAMP))
        else:
            columns.append(pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=PLAIN)


def one_by_one(row):
    position, stream_id, version, event_id, name, schema_version, occurred, recorded, entered, *texts, payload = row
    return leaf_hash(
        leaf_bytes(
            position,
            version,
            schema_version,
            occurred,
            recorded,
            event_id,
            payload_hash(payload.encode()),
            stream_id,
            name,
            *texts,
            entered_at=entered,
        )
    )


@given(st.lists(ROW, min_size=1, max_size=30), st.data())
def test_a_table_gives_the_hashes_of_its_rows(rows, data):
    table = as_table(rows)
    assert leaf_hashes(table) == [one_by_one(row) for row in rows]
    start = data.draw(st.integers(0, len(rows)))
    assert leaf_hashes(table.slice(start)) == [one_by_one(row) for row in rows[start:]]
    chunked = pa.concat_tables([table.slice(0, start), table.slice(start)])
    assert leaf_hashes(chunked) == leaf_hashes(table)


@pytest.mark.long
@given(ROW, ROW)
def test_different_events_have_different_leaves(one, other):
    assert (one_by_one(one) == one_by_one(other)) == (one == other)


def test_text_cannot_move_from_one_field_to_the_next():
    row = (1, "ab", 1, bytes(16), "c", 1, 0, 0, None, None, "", None, "{}")
    shifted = (1, "a", 1, bytes(16), "bc", 1, 0, 0, None, None, "", None, "{}")
    swapped = (1, "ab", 1, bytes(16), "c", 1, 0, 0, None, "", None, None, "{}")
    assert len({one_by_one(row), one_by_one(shifted), one_by_one(swapped)}) == 3


def test_a_table_without_rows_has_no_leaves():
    assert leaf_hashes(ENVELOPE_SCHEMA.empty_table()) == []


def test_an_event_without_a_time_of_entry_has_the_leaf_that_it_had_before_there_was_one():
    row = (1, "ab", 1, bytes(16), "c", 1, 0, 0, None, None, "", None, "{}")
    table = as_table([row])
    assert leaf_hashes(table.drop_columns(["entered_at"])) == leaf_hashes(table) == [one_by_one(row)]
    assert leaves_of(table)[0][0] == 1
    assert leaves_of(as_table([(*row[:8], 0, *row[9:])]))[0][0] == 2
