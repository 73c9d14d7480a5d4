"""A moment in SQL, read as `orders_es.orders.moments` reads it in Python: the macros behind every `…_at(at, known_at := …)`."""

from __future__ import annotations

__all__ = ["CLOCK", "MOMENT", "moment_macros"]

MOMENT = "orders_es_moment"
"""The macro that makes an instant of what somebody gave as a limit."""
CLOCK = "orders_es_clock"
"""The macro that makes an instant of a time on the wall, in a zone; NULL where that clock never showed it."""

_DATE = r"^\d{4}-\d\d-\d\d$"
_HOUR = r"(?:[01]\d|2[0-3])"
_TIME = rf"^(\d{{4}}-\d\d-\d\d)[Tt ]({_HOUR}:[0-5]\d(?::[0-5]\d(?:\.\d{{1,6}})?)?) ?([Zz]|[+-]{_HOUR}(?::?[0-5]\d)?)?$"
_NO_TIME = "is no time; write 2026-06-03 (the end of that day), 2026-06-03 15:00 (in the zone of the session) or 2026-06-03T15:00:00Z"


def moment_macros() -> tuple[str, str]:
    """SQL that creates the two macros, in the order in which they have to be made.

    A clock that was set back showed a time twice, and the later one is meant. Of the two readings of a time on the wall,
    with the zone's offset a day and a half before and after, those count that the clock shows as that time again.
    """
    readings = []
    for sign in "-+":
        offset = (
            f"(((wall AT TIME ZONE 'UTC') {sign} INTERVAL 36 HOUR) AT TIME ZONE tz) - (wall {sign} INTERVAL 36 HOUR)"
        )
        instant = f"((wall - ({offset})) AT TIME ZONE 'UTC')"
        readings.append(f"CASE WHEN {instant} AT TIME ZONE tz = wall THEN {instant} END")
    clock = f"CREATE OR REPLACE MACRO {CLOCK}(wall, tz) AS greatest({', '.join(readings)})"
    said = "trim(given::VARCHAR)"
    zone = "current_setting('TimeZone')"
    wall = f"concat_ws(' ', regexp_extract({said}, '{_TIME}', 1), regexp_extract({said}, '{_TIME}', 2))::TIMESTAMP"
    offset = f"regexp_extract({said}, '{_TIME}', 3)"
    size = f"(substr({offset}, 2, 2)::INTEGER * 60 + CASE WHEN length({offset}) > 3 THEN right({offset}, 2)::INTEGER ELSE 0 END)"
    day = f"{said}::DATE::TIMESTAMP + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND"
    refused = f"there was no ' || {said} || ' in ' || {zone} || ': the clock skipped it; write a time before or after"
    moment = f"""
        CREATE OR REPLACE MACRO {MOMENT}(given) AS CASE
            WHEN given IS NULL THEN NULL::TIMESTAMPTZ
            WHEN typeof(given) = 'TIMESTAMP WITH TIME ZONE' THEN given::VARCHAR::TIMESTAMPTZ
            WHEN regexp_matches({said}, '{_DATE}') THEN
                coalesce({CLOCK}({day}, {zone}), error('{refused}')::TIMESTAMPTZ)
            WHEN NOT regexp_matches({said}, '{_TIME}') THEN error('''' || {said} || ''' {_NO_TIME}')::TIMESTAMPTZ
            WHEN {offset} = '' THEN coalesce({CLOCK}({wall}, {zone}), error('{refused}, or one with an offset')::TIMESTAMPTZ)
            WHEN lower({offset}) = 'z' THEN {wall} AT TIME ZONE 'UTC'
            ELSE ({wall} - to_minutes(CASE WHEN {offset}[1] = '-' THEN -{size} ELSE {size} END)) AT TIME ZONE 'UTC'
        END
    """
    return clock, moment
