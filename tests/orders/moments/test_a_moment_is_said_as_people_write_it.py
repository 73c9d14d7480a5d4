from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import NaiveTime
from orders_es.ipython.sliding import _said
from orders_es.orders import AsOf
from orders_es.orders.moments import parse_instant, parse_zone, resolve_since, spoken

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("2026-06-03", "UTC", "the end of 2026-06-03"),
        ("2026-06-03", "Europe/Berlin", "the end of 2026-06-03 (Europe/Berlin)"),
        ("2026-06-03T21:59:59.999999Z", "Europe/Berlin", "the end of 2026-06-03 (Europe/Berlin)"),
        ("2026-06-03T23:59:59.999999Z", "Europe/Berlin", "2026-06-04 01:59:59.999999+02:00"),
        ("2026-06-03 15:00", "UTC", "2026-06-03 15:00 UTC"),
        ("2026-06-03 15:00:01", "Europe/Berlin", "2026-06-03 15:00:01+02:00"),
        ("2026-10-25T00:30Z", "Europe/Berlin", "2026-10-25 02:30+02:00"),
        ("1919-03-30", "America/Toronto", "the end of 1919-03-30 (America/Toronto)"),
        ("9999-12-31T23:00Z", "Pacific/Apia", "9999-12-31 23:00 UTC"),
        ("0001-01-01T00:00Z", "America/New_York", "0001-01-01 00:00 UTC"),
    ],
)
def test_examples(text, zone, said):
    assert spoken(parse_instant(text, parse_zone("UTC" if text.endswith("Z") else zone)), zone) == said


@given(st.datetimes(datetime.fromisoformat("1950-01-01"), datetime.fromisoformat("2100-01-01")), st.sampled_from(ZONES))
def test_what_is_said_reads_back_as_the_same_moment(wall, zone):
    moment = wall.replace(tzinfo=UTC)
    said = spoken(moment, zone).removesuffix(f" ({zone})").removeprefix("the end of ").replace(" UTC", "Z")
    assert parse_instant(said, parse_zone(zone)) == moment


def test_a_question_says_both_clocks_in_a_zone():
    asked = AsOf(
        at=parse_instant("2026-06-03", parse_zone("Europe/Berlin")), known_at=datetime(2026, 6, 4, 12, tzinfo=UTC)
    )
    assert (
        asked.spoken("Europe/Berlin") == "at the end of 2026-06-03 (Europe/Berlin), as known at 2026-06-04 14:00+02:00"
    )


@pytest.mark.parametrize("day", ["2026-06-03", " 2026-06-03 ", date(2026, 6, 3), np.datetime64("2026-06-03")])
def test_since_a_date_means_from_its_beginning(day):
    assert resolve_since("since", day, "Europe/Berlin") == datetime(2026, 6, 2, 22, tzinfo=UTC)
    assert resolve_since("since", "2018-11-04", "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)
    with pytest.raises(NaiveTime):
        resolve_since("since", datetime(2026, 6, 3))  # noqa: DTZ001 - the point


def test_a_slider_shows_dates_as_they_are():
    assert [_said(date(2026, 6, 3)), _said("2026-06-03"), _said(datetime(2026, 6, 3, 15, tzinfo=UTC))] == [
        "2026-06-03",
        "2026-06-03",
        "2026-06-03 15:00",
    ]
