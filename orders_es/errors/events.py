"""What can be wrong with an event or its type."""

from __future__ import annotations

import re
import shlex

from orders_es.errors.base import OrdersEsError, stated

__all__ = ["EventError", "InvalidEvent", "RegistrationClash", "UnknownEventType", "UpcastFailed"]

_SHOWN = 500
"""Characters of a payload that a message repeats."""


class EventError(OrdersEsError):
    """Something about an event or its type."""


@stated()
class UnknownEventType(EventError, LookupError):
    """The meaning of an event is needed, and its type is not in the registry.

    Args:
        type: The event type's name.
        position: Where the event stands in the log; 0 if it is not recorded.
        written_by: The package that wrote it, with its version, where the log knows.
    """

    type: str
    position: int = 0
    stream_id: str = ""
    written_by: str = ""

    def __str__(self) -> str:
        where = f" (position {self.position}, stream {self.stream_id!r})" if self.position else ""
        writer = f"; {self.written_by} wrote it, so install that or a later version, or" if self.written_by else ";"
        return (
            f"event type {self.type!r}{where} is not registered, so its meaning is unknown{writer} "
            "register its dataclass: open_log(url, registry=…); or, if it is another domain's and no concern here, "
            f"registry.leave_out({self.type!r}), in a shell {self._export()}"
        )

    def _export(self) -> str:
        """A line to be pasted into a shell, which keeps what is left out already."""
        plain = re.fullmatch(r"[\w.:/-]+", self.type, re.ASCII)
        name = f' {self.type}"' if plain else ' "' + shlex.quote(shlex.quote(self.type))
        return f'export ORDERS_ES_LEAVE_OUT="$ORDERS_ES_LEAVE_OUT{name}'


@stated()
class InvalidEvent(EventError, ValueError):
    """An event cannot be recorded, or a recorded payload does not fit its type.

    Args:
        type: The event type's name.
        field: The field, or an empty string where it is the event as a whole.
        reason: What is wrong with it, and what would be right.
    """

    type: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.type}.{self.field}: {self.reason}" if self.field else f"{self.type}: {self.reason}"


@stated("cannot register {name!r}: {reason}")
class RegistrationClash(EventError, ValueError):
    """An event type's name, or one of its fields, is taken with another meaning.

    Args:
        name: The type or field.
        reason: What it clashes with.
    """

    name: str
    reason: str


@stated()
class UpcastFailed(InvalidEvent):
    """An upcaster raised, or gave what is no payload of the type and version that it leads to.

    Args:
        schema_version: The version that the event was recorded with.
        position: Where it stands in the log; 0 if it is not recorded.
        payload: What is recorded.
    """

    schema_version: int
    position: int
    stream_id: str
    payload: str

    def __str__(self) -> str:
        where = f"position {self.position}, stream {self.stream_id!r}: " if self.position else ""
        shown = self.payload if len(self.payload) <= _SHOWN else f"{self.payload[:_SHOWN]}…"
        field = f"{self.field}: " if self.field else ""
        return (
            f"{where}{self.type} was recorded as v{self.schema_version}, and {field}{self.reason}. The payload is {shown}; "
            "mend the upcaster, nothing recorded has to change"
        )
