"""What an event may hold, so that every reader can hold it too: checked wherever events come into a log.

A log cannot give an event back, so what one reader cannot show (a time zone away, in SQL, in a plot, in another database)
is refused before it is recorded. What older or other programs recorded all the same is read as far as it can be.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from orders_es.errors import InvalidArgument, InvalidEvent, WrongType
from orders_es.log.event import to_micros

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "FIRST_DAY",
    "FIRST_MOMENT",
    "LAST_DAY",
    "LAST_MOMENT",
    "LONGEST_ID",
    "YEARS",
    "check_day",
    "check_form",
    "check_id",
    "check_moment",
    "check_new_stream_id",
    "check_stream_id",
    "check_text",
]

LONGEST_ID = 1024
"""Bytes of UTF-8 in an id or a name of the envelope."""
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)
"""A day off each end of Python's calendar, so that a time can be shown in any zone, and an axis drawn past it."""
FIRST_MOMENT = to_micros(datetime(1, 1, 2, tzinfo=UTC), "moment")
LAST_MOMENT = to_micros(datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC), "moment")
"""The same as microseconds since 1970-01-01 UTC; both can be recorded."""
YEARS = (
    "a log holds the years 1 to 9999, from 0001-01-02 to 9999-12-30 in UTC, so that every time can be shown in any zone"
)


def check_stream_id(stream_id: object) -> str:
    """The stream id itself, if a log can hold a stream of that name.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty, longer than 1,024 bytes, or not UTF-8.
    """
    if not isinstance(stream_id, str):
        whole = hasattr(stream_id, "__index__") and not isinstance(stream_id, bool)
        shown = f": write {str(stream_id)!r}" if whole else ""
        raise WrongType(f"stream_id={stream_id!r} is {type(stream_id).__name__}; an id is text{shown}")
    try:
        size = len(stream_id.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"stream_id={stream_id!r} cannot be written as UTF-8") from error
    if not size:
        raise InvalidArgument("stream_id='' is empty, and no stream has an empty id; name one, such as an order's id")
    if size > LONGEST_ID:
        raise InvalidArgument(f"stream_id is {size:,} bytes long; 1 to {LONGEST_ID:,} are allowed")
    return stream_id


def check_new_stream_id(stream_id: object) -> str:
    """The stream id itself, if events may be appended under it. Raises as `check_stream_id` does."""
    text = check_stream_id(stream_id)
    if "\0" in text:
        raise InvalidArgument(f"stream_id={text!r} holds a NUL, at which many programs end a text; leave it out")
    return text


def check_text(value: object, event_type: str, name: str) -> str:
    """The value itself, if it is text that every reader can hold.

    Raises:
        InvalidEvent: It is not text, not UTF-8, or holds a NUL.
    """
    if not isinstance(value, str):
        raise InvalidEvent(event_type, name, f"{value!r} is {type(value).__name__}, not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidEvent(event_type, name, f"{value!r} cannot be written as UTF-8") from error
    if "\0" in value:
        raise InvalidEvent(event_type, name, f"{value!r} holds a NUL, at which many programs end a text; leave it out")
    return value


def check_id(value: object, event_type: str, name: str) -> str:
    """The value itself, if it can be an id or a name: text of 1 to 1,024 bytes. Raises as `check_text` does."""
    text = check_text(value, event_type, name)
    if not text:
        raise InvalidEvent(event_type, name, "it is empty; give it a value or leave it out")
    if len(text) * 4 > LONGEST_ID and len(text.encode()) > LONGEST_ID:
        raise InvalidEvent(event_type, name, f"it is {len(text.encode()):,} bytes long; {LONGEST_ID:,} are allowed")
    return text


def check_form(value: str, pattern: tuple[str, str], event_type: str, name: str) -> None:
    """Refuse a text that has not the form of its field, such as a currency in small letters."""
    expression, words = pattern
    if not re.fullmatch(expression, value):
        raise InvalidEvent(event_type, name, f"{value!r} is not {words}")


def check_moment(moment: Any, event_type: str, name: str) -> int:
    """Microseconds since 1970-01-01 UTC of a moment that can be recorded, exact.

    Raises:
        TypeError: It is no datetime.
        NaiveTime: It has no time zone.
        InvalidEvent: It is finer than a microsecond, or outside the years that every reader holds.
    """
    if not isinstance(moment, datetime):
        raise WrongType(f"{name}={moment!r} is {type(moment).__name__}; give a datetime with a time zone")
    if getattr(moment, "nanosecond", 0):  # as pandas has them
        raise InvalidEvent(event_type, name, f"{moment} is finer than a microsecond; round it first")
    micros = to_micros(moment, name)
    if not FIRST_MOMENT <= micros <= LAST_MOMENT:
        raise InvalidEvent(event_type, name, f"{moment.isoformat()} cannot be recorded: {YEARS}")
    return micros


def check_day(day: date, event_type: str, name: str) -> None:
    """Refuse a day outside the years that every reader holds.

    Raises:
        InvalidEvent: The day is outside of them.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidEvent(event_type, name, f"{day.isoformat()} cannot be recorded: {YEARS}")
