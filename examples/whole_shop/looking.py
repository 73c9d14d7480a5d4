"""What each of the other systems shows, asked as its own people ask it: none of this looks into the log."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["dashboard", "events_of_the_dashboard", "found", "late", "packed"]


def dashboard(shop: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of the dashboard, from Redis; none where there is no Redis.

    Args:
        shop: Where everything is, as `facts` says.
    """
    if "redis" not in shop["servers"]:
        return []
    import redis

    client: Any = redis.Redis.from_url(shop["servers"]["redis"], decode_responses=True)
    keys = sorted(client.smembers("dashboard:rows"))
    rows = [client.hgetall(f"dashboard:row:{key}") for key in keys]
    client.close()
    return rows


def events_of_the_dashboard(shop: dict[str, Any], count: int = 10) -> list[dict[str, str]]:
    """The last changes that the dashboard was told, from its stream."""
    if "redis" not in shop["servers"]:
        return []
    import redis

    client: Any = redis.Redis.from_url(shop["servers"]["redis"], decode_responses=True)
    told = [{"id": name, **fields} for name, fields in client.xrevrange("dashboard:changes", count=count)]
    client.close()
    return told


def found(shop: dict[str, Any], words: str) -> list[dict[str, Any]]:
    """The orders that the search index finds; none where there is no index.

    Args:
        shop: As above.
        words: In the index's own language: `status:paid`, `customer_id:c-1`, `*`.
    """
    if "search" not in shop["servers"]:
        return []
    place = shop["servers"]["search"].replace("opensearch://", "http://")
    urllib.request.urlopen(urllib.request.Request(f"{place}/orders/_refresh", method="POST"), timeout=30).close()
    hits: list[dict[str, Any]] = _asked(f"{place}/orders/_search?size=1000&q={quote(words)}")["hits"]["hits"]
    return [hit["_source"] for hit in hits]


def packed(shop: dict[str, Any]) -> list[dict[str, Any]]:
    """What the warehouse has noted."""
    file = Path(shop["packed"])
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def late(shop: dict[str, Any]) -> list[dict[str, Any]]:
    """How far behind the log each projection is, as the door says."""
    rows: list[dict[str, Any]] = _asked(f"{shop['door']}/lag")["projections"]
    return rows


def _asked(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        said: dict[str, Any] = json.loads(answer.read())
    return said
