"""Which package in which version wrote an event type, and what it looked like there: for what a log keeps beside its events.

Who meets a type or version that is newer than the program is told what to upgrade.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders_es.log.event_type import EventType
    from orders_es.log.registry import EventRegistry

__all__ = ["TypeWritten", "Writers", "types_written"]

_OURS = "orders_es"


class TypeWritten(NamedTuple):
    """One type and version of events in a data file, and what its writer knew of it.

    Args:
        type: The event type's name.
        schema_version: The version of its payloads' shape.
        fingerprint: What `schema_of` says of that version, 32 hexadecimal digits; empty where the writer did not know it.
        package: The package that has its class, and the package's version: `orders_es 1.4.0`; without a version where it is
            not installed. This package, where the writer did not know the type.
    """

    type: str
    schema_version: int
    fingerprint: str
    package: str


def types_written(registry: EventRegistry, pairs: Iterable[tuple[str, int]]) -> list[TypeWritten]:
    """What a program is to say of the types of events that it writes, sorted.

    Args:
        registry: The event types that it knows.
        pairs: Type and schema version of the events.

    Example:
        >>> from orders_es.log import order_registry
        >>> [written] = types_written(order_registry(), {("ItemAdded", 2)})
        >>> written.type, len(written.fingerprint), written.package.split()[0]
        ('ItemAdded', 32, 'orders_es')
    """
    return [
        _of_class(registry[name])
        if registry.is_today(name, version)
        else TypeWritten(name, version, "", package_of(_OURS))
        for name, version in sorted(set(pairs))
    ]


class Writers:
    """What a handle of a log has noted of the types that it wrote, for logs in databases: each once, with the first commit that has it.

    Args:
        registry: The event types that this program knows.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._noted: set[TypeWritten] = set()

    def new_in(self, events: Any) -> list[TypeWritten]:
        """Those types of a commit that this program knows and has not noted yet.

        Args:
            events: The commit's: an Arrow table, or of each column its kind and its values.
        """
        if hasattr(events, "group_by"):
            pairs = events.select(["type", "schema_version"]).group_by(["type", "schema_version"]).aggregate([])
            found = set(zip(*(pairs.column(i).to_pylist() for i in range(2)), strict=True))
        else:
            found = set(zip(events["type"][1], events["schema_version"][1], strict=True))
        return [one for one in types_written(self._registry, found) if one.fingerprint and one not in self._noted]

    def noted(self, types: Iterable[TypeWritten]) -> None:
        """They are in the log."""
        self._noted.update(types)


@functools.lru_cache(maxsize=1_000)
def _of_class(event_type: EventType) -> TypeWritten:
    from orders_es.log.schemas import schema_of

    said = schema_of(event_type)["fingerprint"]
    return TypeWritten(event_type.name, event_type.schema_version, said, package_of(event_type.cls.__module__))


@functools.cache
def package_of(module: str) -> str:
    """The package that a module is of, with its version where it is installed."""
    from importlib.metadata import PackageNotFoundError, version

    name = module.partition(".")[0]
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
