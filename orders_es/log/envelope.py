"""The envelope: what every event has around its payload. The only place that spells it; files, tables and SQL derive from here.

Where upcasters come in one day, they act between the payload and the typed columns (`shredding`); nothing of the envelope changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["CURRENT_TYPE", "ENVELOPE", "FIELDS", "MOMENTS", "OPTIONAL", "OPTIONAL_TEXTS", "SPARSE", "EnvelopeField"]


CURRENT_TYPE: Final = "current_type"
"""A column that is not recorded: the type's name of today, null where the event is retired. `EventLog.read` makes it."""


class EnvelopeField(NamedTuple):
    """One column of the envelope.

    Args:
        name: Its name, everywhere.
        kind: `int64`, `int32`, `string`, `uuid` or `timestamp` (microseconds, UTC).
        required: Whether every event has a value for it.
        sparse: Whether files and tables do without the column where no event of theirs has a value for it.
        own: Whether the log itself says it, and no caller.
    """

    name: str
    kind: str
    required: bool
    sparse: bool = False
    own: bool = False


FIELDS: Final = (
    EnvelopeField("position", "int64", required=True),
    EnvelopeField("stream_id", "string", required=True),
    EnvelopeField("version", "int32", required=True),
    EnvelopeField("event_id", "uuid", required=True),
    EnvelopeField("type", "string", required=True),
    EnvelopeField("schema_version", "int32", required=True),
    EnvelopeField("occurred_at", "timestamp", required=True),
    EnvelopeField("recorded_at", "timestamp", required=True),
    EnvelopeField("entered_at", "timestamp", required=False, sparse=True),
    EnvelopeField("actor", "string", required=False),
    EnvelopeField("correlation_id", "string", required=False),
    EnvelopeField("causation_id", "string", required=False),
    EnvelopeField("personal", "string", required=False, sparse=True, own=True),
    EnvelopeField("payload", "string", required=True),
)
"""The columns, in the order they have in a file; the payload is the last. No payload field may take one of these names."""

ENVELOPE: Final = tuple(field.name for field in FIELDS)
"""Their names."""

OPTIONAL: Final = tuple(field.name for field in FIELDS if not field.required and not field.own)
"""Those that a caller may leave out."""

OPTIONAL_TEXTS: Final = tuple(field.name for field in FIELDS if field.name in OPTIONAL and field.kind == "string")
"""Those of them that are texts."""

MOMENTS: Final = tuple(field.name for field in FIELDS if field.kind == "timestamp")
"""The times: when it occurred, when the log recorded it, and when its source says that it was entered there."""

SPARSE: Final = tuple(field.name for field in FIELDS if field.sparse)
"""The columns that files and tables do without where no event of theirs has a value: those from before there was such a column
read as if it were null in them, and whoever never fills it pays nothing for it."""
