"""The event types by which this package keeps books of its own in a log. No domain registers them, and read models pass over them."""

from __future__ import annotations

__all__ = [
    "BOOKKEEPING",
    "LEGAL_HOLD_PLACED",
    "LEGAL_HOLD_RELEASED",
    "LINE_REFUSED",
    "PERIOD_CLOSED",
    "PERSONAL_DATA_ERASED",
    "PRIVACY",
    "PRIVACY_STREAM",
    "SOURCE_FOLLOWED",
]

PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED = (
    "PersonalDataErased",
    "LegalHoldPlaced",
    "LegalHoldReleased",
)
PRIVACY_STREAM = "log:privacy"
"""The stream that holds them, so that no two of them miss each other. Storage format."""
PRIVACY = (PERSONAL_DATA_ERASED, LEGAL_HOLD_PLACED, LEGAL_HOLD_RELEASED)
"""The events by which `orders_es.audit` records what was erased, and what must not be. Storage format, and no domain's concern."""

PERIOD_CLOSED = "PeriodClosed"
"""The event that gives a moment a name (`orders_es.audit.close`). Storage format, and no domain's concern: read models pass over it."""

SOURCE_FOLLOWED = "SourceFollowed"
"""How far a source has been followed (`orders_es.sources.streams`), recorded with the events it led to. Storage format; read models pass over it."""

LINE_REFUSED = "SourceLineRefused"
"""What a source said and no event could be made of. Storage format; read models pass over it."""

BOOKKEEPING = frozenset({PERIOD_CLOSED, SOURCE_FOLLOWED, LINE_REFUSED, *PRIVACY})
"""All of them."""
