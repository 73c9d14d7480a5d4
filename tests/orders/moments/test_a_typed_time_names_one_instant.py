from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import InvalidTime
from orders_es.orders.moments import format_instant, parse_instant, parse_zone

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # changed its clocks at midnight
    "America/Havana",  # still does
    "America/Toronto",  # once skipped from 23:30 to 00:30
    "Pacific/Apia",  # skipped a day
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kathmandu",  # +05:45
]

zones = st.sampled_from(ZONES).map(parse_zone)
walls = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2100-01-01"))
instants = walls.map(lambda wall: wall.replace(tzinfo=UTC))
days = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@given(instants, zones)
def test_what_is_shown_reads_back_as_the_same_instant(instant, zone):
    assume_minutes = instant.astimezone(zone).utcoffset() % timedelta(minutes=1) == timedelta(0)
    if assume_minutes:  # before standard time offsets had seconds, which no ISO 8601 offset can carry
        assert parse_instant(format_instant(instant, zone), UTC) == instant
    assert parse_instant(format_instant(instant), zone) == instant


@given(walls, zones)
def test_a_local_time_is_the_last_instant_that_the_clock_showed_it_or_an_error_if_it_never_did(wall, zone):
    # The reference asks every instant around: which of them does the zone show as this time?
    guess = wall.replace(tzinfo=UTC)
    offsets = {(guess + timedelta(hours=h)).astimezone(zone).utcoffset() for h in range(-30, 31)}
    showing = [guess - offset for offset in offsets if (guess - offset).astimezone(zone).replace(tzinfo=None) == wall]
    if showing:
        assert parse_instant(wall.isoformat(), zone) == max(showing)
    else:
        with pytest.raises(InvalidTime, match="there was no"):
            parse_instant(wall.isoformat(), zone)


@given(days, zones)
def test_a_bare_date_means_the_last_microsecond_of_that_local_day(day, zone):
    if (day, str(zone)) == (date(2011, 12, 30), "Pacific/Apia"):
        return
    end = parse_instant(day.isoformat(), zone)
    assert end.astimezone(zone).date() == day
    assert (end + timedelta(microseconds=1)).astimezone(zone).date() > day


@pytest.mark.parametrize(
    ("text", "zone", "meant"),
    [
        ("2026-06-03", "UTC", "2026-06-03T23:59:59.999999Z"),
        ("2026-06-03", "Europe/Berlin", "2026-06-03T21:59:59.999999Z"),
        ("2026-06-03 15:00", "Europe/Berlin", "2026-06-03T13:00:00Z"),
        ("2026-06-03T15:00:01.5", "UTC", "2026-06-03T15:00:01.500000Z"),
        ("2026-06-03T15:00Z", "Europe/Berlin", "2026-06-03T15:00:00Z"),
        ("2026-06-03t15:00z", "Europe/Berlin", "2026-06-03T15:00:00Z"),
        ("2026-06-03 15:00 +0530", "UTC", "2026-06-03T09:30:00Z"),
        ("2026-06-03T15:00-03:30", "UTC", "2026-06-03T18:30:00Z"),
        (" 2026-06-03 ", "UTC", "2026-06-03T23:59:59.999999Z"),
        # The clock showed 02:30 twice; the later one is meant, unless an offset says otherwise.
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25T01:30:00Z"),
        ("2026-10-25 02:30+02:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        # This day ended twice: at midnight the clock went back to 23:00.
        ("2018-02-17", "America/Sao_Paulo", "2018-02-18T02:59:59.999999Z"),
        # This day ended at 23:30.
        ("1919-03-30", "America/Toronto", "1919-03-31T04:29:59.999999Z"),
    ],
)
def test_spellings(text, zone, meant):
    assert format_instant(parse_instant(text, parse_zone(zone))) == meant


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("2026-03-29 02:30", "Europe/Berlin", "the clock went from 01:59:59 straight to 03:00:00"),
        ("2011-12-30", "Pacific/Apia", "the calendar skipped it"),
        ("2011-12-30 12:00", "Pacific/Apia", "straight to 00:00:00 on 2011-12-31"),
        ("yesterday", "UTC", "write 2026-06-03"),
        ("", "UTC", "write 2026-06-03"),
        ("03.06.2026", "UTC", "write 2026-06-03"),
        ("２０２６-06-03", "UTC", "write 2026-06-03"),
        ("2026-06", "UTC", "write 2026-06-03"),
        ("2026-06-03T15", "UTC", "write 2026-06-03"),
        ("2026-W23-3", "UTC", "write 2026-06-03"),
        ("2026-02-30", "UTC", "day is out of range"),
        ("2026-06-03 25:00", "UTC", "hour must be in"),
        ("2026-06-03 15:00:60", "UTC", "second must be in"),
        ("2026-06-03 15:00:00.1234567", "UTC", "7 decimals"),
        ("2026-06-03 15:00+25:00", "UTC", "no offset"),
        ("0001-01-01 00:00", "Asia/Kathmandu", "years 1 to 9999"),
        ("9999-12-31", "America/New_York", "years 1 to 9999"),
    ],
)
def test_what_is_no_instant_is_refused_with_the_reason(text, zone, words):
    with pytest.raises(InvalidTime) as caught:
        parse_instant(text, parse_zone(zone))
    assert words in str(caught.value)


@given(st.text())
def test_any_text_is_an_instant_or_a_time_error(text):
    with suppress(InvalidTime):
        assert parse_instant(text, UTC).tzinfo is UTC


def test_a_misspelt_zone_is_answered_with_close_ones():
    with pytest.raises(InvalidTime, match="did you mean Europe/Berlin"):
        parse_zone("europe/berlin")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "/etc/passwd", "Mars/Olympus_Mons", "\0"])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(InvalidTime):
        parse_zone(name)


def test_zones_are_shown_with_their_offset():
    assert (
        format_instant(datetime(2026, 6, 3, 15, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "2026-06-03T17:00:00+02:00"
    )
