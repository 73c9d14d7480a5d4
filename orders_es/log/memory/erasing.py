"""Erasing personal data from a log in memory: what `CanErase` asks for, and nothing that a backend has to have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orders_es.log.core import LogCore
from orders_es.log.personal import erased

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log.event import Appended, NewEvent, RecordedEvent
    from orders_es.log.expected import ExpectedVersion

__all__ = ["Erases"]


class Erases(LogCore):
    """A log over lists of events, from which personal data can be erased."""

    _events: list[RecordedEvent]
    _by_stream: dict[str, list[RecordedEvent]]
    _by_id: dict[bytes, RecordedEvent]

    def erase_personal(
        self,
        stream_id: str,
        event: NewEvent,
        *,
        expected: ExpectedVersion,
        positions: Sequence[int],
        streams: Sequence[str],
    ) -> Appended:
        """Record an erasure, and erase the personal data of some events. See `CanErase.erase_personal`."""
        del streams  # nothing is derived here
        with self._turn:
            done = self.append(stream_id, [event], expected=expected)
            for position in positions:
                self._erase(position)
        return done

    def finish_erasing(self) -> None:
        """Nothing is ever left to be done. See `CanErase.finish_erasing`."""

    def _erase(self, position: int) -> None:
        old = self._events[position - 1]
        if old.personal is None:
            return
        known = self._registry[old.type] if self._registry.is_today(old.type, old.schema_version) else None
        texts = None if known is None else {field.name for field in known.fields if field.kind == "string"}
        payload, personal = erased(old.payload, old.personal, texts)
        new = replace(old, payload=payload, personal=personal)
        self._events[position - 1] = self._by_id[old.event_id.bytes] = new
        self._by_stream[old.stream_id][old.version - 1] = new
