"""From a URL to an outlet."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.projections.outlets.folder import FolderOutlet
from orders_es.projections.outlets.kafka import KafkaOutlet
from orders_es.projections.outlets.nats import NatsOutlet
from orders_es.projections.outlets.postgres import PostgresOutlet
from orders_es.projections.outlets.redis import RedisOutlet
from orders_es.projections.outlets.search import SearchOutlet

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.projections.outlets.outlet import Outlet

__all__ = ["GROUP", "open_outlet"]

GROUP = "orders_es.outlets"
"""The entry-point group in which packages offer outlets: the scheme of their URLs, and a function from a URL to an `Outlet`."""

_SERVERS: dict[str, Callable[[str], Outlet]] = {
    "elasticsearch": SearchOutlet,
    "kafka": KafkaOutlet,
    "nats": NatsOutlet,
    "opensearch": SearchOutlet,
    "postgres": PostgresOutlet,
    "postgresql": PostgresOutlet,
    "redis": RedisOutlet,
    "rediss": RedisOutlet,
    "tls": NatsOutlet,
}
"""What is known by the scheme of its URL."""


def open_outlet(url: str) -> Outlet:
    """The outlet that a URL names, by its scheme.

    Args:
        url: `folder:DIR` for files, `postgresql://…?table=NAME` for a table, `redis://…?prefix=NAME` for hashes, `nats://…?bucket=NAME` for a bucket,
            `opensearch://…?index=NAME` or `elasticsearch://…` for a search index, `kafka://…?topic=NAME` for a topic; other schemes are offered by packages.

    Raises:
        InvalidSetting: No such scheme is known.

    Example:
        >>> open_outlet("folder:out").url
        'folder:out'
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "folder" and rest:
        return FolderOutlet(rest)
    if scheme in _SERVERS and rest.startswith("//"):
        return _SERVERS[scheme](url)
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if colon and scheme in offered:
        outlet: Outlet = offered[scheme].load()(url)
        return outlet
    known = ", ".join(f"{name}:…" for name in ("folder", *_SERVERS, *sorted(offered)))
    raise InvalidSetting("outlet", url, f"give one of {known}")
