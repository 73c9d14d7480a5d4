from __future__ import annotations

from uuid import RFC_4122, UUID

import pyarrow.compute as pc


def test_no_id_is_given_twice_and_each_is_a_version_8_uuid(year):
    ids = year.column("event_id").combine_chunks().storage
    assert pc.count_distinct(ids).as_py() == len(ids) > 300_000
    some = [UUID(bytes=one) for one in ids.slice(0, 5_000).to_pylist()]
    assert all(one.version == 8 and one.variant == RFC_4122 for one in some)


def test_a_cause_is_an_event_of_the_same_order(shop, hectic):
    rows = shop.table(hectic, orders=800).to_pylist()
    events = {str(row["event_id"]): row for row in rows}
    caused = [row for row in rows if row["causation_id"] is not None]
    assert len(caused) > 1_000
    for row in caused:
        cause = events[row["causation_id"]]
        assert cause["stream_id"] == row["stream_id"]
        assert cause["occurred_at"] <= row["occurred_at"]
