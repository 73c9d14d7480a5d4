"""Payloads as instances of their dataclasses: one at a time, or many at once. `EventRegistry` says what is promised."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.errors import InvalidEvent, UnknownEventType, UpcastFailed
from orders_es.log.event_type import check_values
from orders_es.log.shredding import misfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orders_es.log.registry import EventRegistry

__all__ = ["PayloadDecoder"]

_FEW = 64


class PayloadDecoder:
    """The decoders of a registry's types.

    Args:
        registry: Says of which type and version a payload is today.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}

    def of(self, name: str, schema_version: int, position: int = 0, stream_id: str = "") -> msgspec.json.Decoder[Any]:
        """What decodes payloads of a type and version, which have to be today's.

        Args:
            position: Where an event of it stands, for the error.
            stream_id: Its stream, for the error.

        Raises:
            UnknownEventType, InvalidEvent: They are not known.
        """
        if not self._registry.is_today(name, schema_version):
            raise self._registry.not_known(name, schema_version, position, stream_id)
        decoder = self._decoders.get(name)
        if decoder is None:
            decoder = self._decoders[name] = _decoder(self._registry[name].cls)
        return decoder

    def one(self, name: str, schema_version: int, payload: str, position: int = 0, stream_id: str = "") -> Any:
        """See `EventRegistry.decode`."""
        if self._registry.upcasts(name, schema_version):
            return self._decode_old(name, schema_version, payload, position, stream_id)
        decoder = self.of(name, schema_version, position, stream_id)
        try:
            event = decoder.decode(payload)
            check_values(self._registry[name], event)
        except InvalidEvent as error:
            raise misfit(name, error.field, error.reason, position, stream_id) from error
        except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
            raise misfit(name, "", str(error), position, stream_id) from error
        return event

    def _decode_old(self, name: str, schema_version: int, payload: str, position: int, stream_id: str) -> Any:
        today = self._registry.today(name, schema_version, payload, position, stream_id)
        if today is None:
            return None
        if today.payload is payload:  # what it lacks, it lacked when it was recorded
            return self.one(*today, position, stream_id)
        if (decoder := self._decoders.get(today.type)) is not None:  # of today's version, which chains end at
            with suppress(InvalidEvent, msgspec.DecodeError, ValueError, TypeError, RecursionError):
                event = decoder.decode(today.payload)
                check_values(self._registry[today.type], event)
                return event
        try:
            return self.one(*today)
        except InvalidEvent as error:
            reason = f"what its upcasters gave is no {today.type} v{today.schema_version} ({error.reason})"
            facts = (name, error.field, reason, schema_version, position, stream_id, payload)
            raise UpcastFailed(*facts) from error

    def many(
        self,
        names: Sequence[str],
        schema_versions: Sequence[int],
        payloads: Sequence[str],
        positions: Iterable[int],
        stream_ids: Iterable[str],
        texts: Any = None,
    ) -> list[Any]:
        """See `EventRegistry.decode_many`."""
        pairs = set(zip(names, schema_versions, strict=True))
        if self._registry.evolves and any(self._registry.upcasts(*pair) for pair in pairs):
            return list(map(self.one, names, schema_versions, payloads, positions, stream_ids))
        try:
            decode = {name: self.of(name, v).decode for name, v in pairs}
            events = [decode[name](payload) for name, payload in zip(names, payloads, strict=True)]
            for row in self._others(payloads, texts):
                check_values(self._registry[names[row]], events[row])
        except (UnknownEventType, InvalidEvent, msgspec.DecodeError, ValueError, TypeError, RecursionError):
            # One by one, so that the error says which it is.
            return list(map(self.one, names, schema_versions, payloads, positions, stream_ids))
        return events

    def _others(self, payloads: Sequence[str], texts: Any) -> Iterable[int]:
        """The rows of payloads that are not as `encode` writes them; of a few, all."""
        if len(payloads) <= _FEW:
            return range(len(payloads))
        import pyarrow as pa

        from orders_es.log.canonical import others

        rows: list[int] = others(self._registry, pa.array(payloads, pa.string()) if texts is None else texts).tolist()
        return rows


@functools.lru_cache(maxsize=1_000)
def _decoder(cls: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)
