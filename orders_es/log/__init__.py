"""Append-only logs of events, with version checks: for applications and imports that write, and for everything that reads."""

from __future__ import annotations

from orders_es.log.event import Appended, Head, LogFile, NewEvent, RawEvent, RecordedEvent, StreamAppend
from orders_es.log.event_type import EventType, Field
from orders_es.log.expected import ANY, NO_STREAM, STREAM_EXISTS, Expected, ExpectedVersion
from orders_es.log.maintenance import Compacted, Vacuumed
from orders_es.log.open import open_log, order_registry, survey_of
from orders_es.log.protocol import EventLog
from orders_es.log.registry import EventRegistry

__all__ = [
    "ANY",
    "NO_STREAM",
    "STREAM_EXISTS",
    "Appended",
    "Compacted",
    "EventLog",
    "EventRegistry",
    "EventType",
    "Expected",
    "ExpectedVersion",
    "Field",
    "Head",
    "LogFile",
    "NewEvent",
    "RawEvent",
    "RecordedEvent",
    "StreamAppend",
    "Vacuumed",
    "open_log",
    "order_registry",
    "survey_of",
]
