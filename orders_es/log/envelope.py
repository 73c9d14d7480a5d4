"""The envelope: what every event has around its payload. The only place that spells it; files, tables and SQL derive from here.

Where upcasters come in one day, they act between the payload and the typed columns (`shredding`); nothing of the envelope changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["ENVELOPE", "FIELDS", "OPTIONAL", "EnvelopeField"]


class EnvelopeField(NamedTuple):
    """One column of the envelope.

    Args:
        name: Its name, everywhere.
        kind: `int64`, `int32`, `string`, `uuid` or `timestamp` (microseconds, UTC).
        required: Whether every event has a value for it.
    """

    name: str
    kind: str
    required: bool


FIELDS: Final = (
    EnvelopeField("position", "int64", required=True),
    EnvelopeField("stream_id", "string", required=True),
    EnvelopeField("version", "int32", required=True),
    EnvelopeField("event_id", "uuid", required=True),
    EnvelopeField("type", "string", required=True),
    EnvelopeField("schema_version", "int32", required=True),
    EnvelopeField("occurred_at", "timestamp", required=True),
    EnvelopeField("recorded_at", "timestamp", required=True),
    EnvelopeField("actor", "string", required=False),
    EnvelopeField("correlation_id", "string", required=False),
    EnvelopeField("causation_id", "string", required=False),
    EnvelopeField("payload", "string", required=True),
)
"""The columns, in the order they have in a file; the payload is the last. No payload field may take one of these names."""

ENVELOPE: Final = tuple(field.name for field in FIELDS)
"""Their names."""

OPTIONAL: Final = tuple(field.name for field in FIELDS if not field.required)
"""Those that an event may lack."""
