"""Rows of a table: the SQL of `table_rows` and the fold in Python come to the same, at every moment and in every order."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.domains import known_domains, registry_of
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.replay import connect, load_state
from orders_es.rows import ROWS, RowChanged, RowDeleted, RowInserted

DAY = datetime(2026, 6, 1, tzinfo=UTC)
VALUES = st.dictionaries(st.sampled_from(["a", "b", 'c"d']), st.sampled_from(["1", "x'y", None]), min_size=1)
KINDS = st.sampled_from([RowInserted, RowChanged, RowDeleted])


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(KINDS, VALUES, st.integers(0, 4)), min_size=1, max_size=7))
def test_sql_says_what_the_fold_says(lives):
    events = []
    for kind, values, day in lives:
        said = {} if kind is RowDeleted else {"row_after": json.dumps(values)}
        data = kind(source_table="t", row_key="1", **said)
        events.append(NewEvent(data=data, occurred_at=DAY + timedelta(days=day)))
    log = open_log(":memory:", registry=registry_of(known_domains()))
    log.append("t/1", events, expected=NO_STREAM)
    with connect(log, read_models=ROWS.read_models) as session:
        for day in range(5):
            at = DAY + timedelta(days=day)
            found = session.sql("SELECT row_values FROM table_rows", at=at).rows()
            seen = any(event.occurred_at <= at for event in events)
            row = load_state(log, "t/1", ROWS, at=at) if seen else ROWS.initial("t/1")
            assert [json.loads(values) for (values,) in found] == ([row.values] if row.there else [])


def test_an_event_is_told_in_words():
    change = RowChanged(source_table="t", row_key="1", row_after='{"s":"paid","n":null}', row_before='{"s":"open"}')
    assert ROWS.summarize(change) == "row changed: s open → paid, n nothing"
    assert ROWS.summarize(RowInserted(source_table="t", row_key="1", row_after='{"s":"open","n":null}')) == (
        "row inserted: s open"
    )
