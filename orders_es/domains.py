"""Which domains a program knows: orders, rows of imported tables, what installed packages offer, and what the caller names. For the command line.

A package offers its domain as an entry point, and `orders-es` then shows its streams, projects its read models and answers SQL
over its fields::

    [project.entry-points."orders_es.domains"]
    parcels = "my_package:PARCELS"          # a `Decider`
"""

from __future__ import annotations

import importlib
import sys
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.decider import Decider
from orders_es.errors import BadDomain, RegistrationClash
from orders_es.log.personal import mark_by_environment
from orders_es.log.registry import EventRegistry
from orders_es.orders import ORDERS
from orders_es.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orders_es.log import RecordedEvent

__all__ = ["GROUP", "domain_of", "known_domains", "registry_of"]

GROUP = "orders_es.domains"
"""The entry-point group in which packages offer their domains."""


def known_domains(named: Iterable[str] = ()) -> list[Decider[Any]]:
    """The domains: orders, rows, those of installed packages by name, and then the ones named here; each once.

    Args:
        named: `module:name` of deciders that no installed package offers.

    Raises:
        BadDomain: One cannot be imported, is no `Decider`, or takes another one's name.

    Example:
        >>> known_domains()[0].name
        'orders'
    """
    found: list[Decider[Any]] = [ORDERS, ROWS]
    for name in (*_offered(tuple(map(_as_it_is, sys.path))), *named):
        decider = _imported(name)
        if decider in found:
            continue
        if any(decider.name == other.name for other in found):
            raise BadDomain(name, f"there is another domain {decider.name!r}; give it a name of its own")
        found.append(decider)
    return found


def registry_of(domains: Iterable[Decider[Any]]) -> EventRegistry:
    """A registry with the event types of all these domains.

    Raises:
        BadDomain: Two of them claim one event type, field name or old version, or a chain of upcasters leads nowhere.

    Example:
        >>> "OrderCreated" in registry_of(known_domains())
        True
    """
    registry = EventRegistry()
    for decider in domains:
        for cls in decider.event_types:
            try:
                registry.register(cls)
            except RegistrationClash as error:
                raise BadDomain(decider.name, str(error)) from error
        try:
            registry.upcast(*decider.upcasters)
            registry.check()
        except RegistrationClash as error:
            raise BadDomain(decider.name, str(error)) from error
    return mark_by_environment(registry)


def domain_of(domains: Sequence[Decider[Any]], event: RecordedEvent) -> Decider[Any] | None:
    """The domain that an event is of, by its type; None if it is nobody's here."""
    name = event.current_type
    if event.registry is None or name is None or name not in event.registry:
        return None
    cls = event.registry[name].cls
    return next((decider for decider in domains if cls in decider.event_types), None)


@lru_cache(maxsize=1)
def _offered(_path: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """The values of the group's entry points. To read those of all packages takes 50 ms, so they are kept while nothing is installed."""
    return tuple(point.value for point in sorted(entry_points(group=GROUP), key=lambda point: point.name))


def _as_it_is(place: str) -> tuple[str, int]:
    """A place where packages are found, and when something was last put there or taken away."""
    try:
        return place, Path(place).stat().st_mtime_ns
    except OSError:
        return place, 0


def _imported(name: str) -> Decider[Any]:
    module, colon, path = name.partition(":")
    if not colon or not module or not path:
        raise BadDomain(name, "write module:name, such as my_package:PARCELS")
    try:
        value: Any = importlib.import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
    except Exception as error:  # it is somebody else's code, and may fail in any way when it is imported
        raise BadDomain(name, f"it cannot be imported ({type(error).__name__}: {error})") from error
    if not isinstance(value, Decider):
        raise BadDomain(name, f"it is {type(value).__name__}, not a Decider")
    return value
