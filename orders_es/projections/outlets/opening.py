"""From a URL to an outlet."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.projections.outlets.folder import FolderOutlet
from orders_es.projections.outlets.nats import NatsOutlet
from orders_es.projections.outlets.postgres import PostgresOutlet
from orders_es.projections.outlets.redis import RedisOutlet

if TYPE_CHECKING:
    from orders_es.projections.outlets.outlet import Outlet

__all__ = ["GROUP", "open_outlet"]

GROUP = "orders_es.outlets"
"""The entry-point group in which packages offer outlets: the scheme of their URLs, and a function from a URL to an `Outlet`."""


def open_outlet(url: str) -> Outlet:
    """The outlet that a URL names, by its scheme.

    Args:
        url: `folder:DIR` for files, `postgresql://…?table=NAME` for a table, `redis://…?prefix=NAME` for hashes, `nats://…?bucket=NAME` for a bucket; other schemes are offered by packages.

    Raises:
        InvalidSetting: No such scheme is known.

    Example:
        >>> open_outlet("folder:out").url
        'folder:out'
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "folder" and rest:
        return FolderOutlet(rest)
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        return PostgresOutlet(url)
    if scheme in ("redis", "rediss") and rest.startswith("//"):
        return RedisOutlet(url)
    if scheme in ("nats", "tls") and rest.startswith("//"):
        return NatsOutlet(url)
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if colon and scheme in offered:
        outlet: Outlet = offered[scheme].load()(url)
        return outlet
    known = ", ".join(f"{name}:…" for name in ("folder", "nats", "postgresql", "redis", *sorted(offered)))
    raise InvalidSetting("outlet", url, f"give one of {known}")
