"""What a session knows of where its figures come from, as a `Provenance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.evidence.provenance import Provenance, definition_hash
from orders_es.log.event import from_micros
from orders_es.replay.notes import passed_over

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.log import Head
    from orders_es.orders import AsOf
    from orders_es.replay import Session

__all__ = ["provenance_of"]


def provenance_of(
    session: Session,
    cursor: Any,
    head: Head,
    asked: AsOf,
    *,
    name: str | None,
    query: str | None = None,
    columns: tuple[tuple[str, str], ...] = (),
) -> Provenance:
    """Where what a cursor shows comes from; its rows and sums are not known yet.

    Args:
        cursor: What `Session.using` gave.
        head: The head that it gave with it.
        asked: The moments that were asked for.
        name: The read model, or what is written; None for a query.
        query: The query; None for a read model.
        columns: Name and DuckDB type of each column.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import AsOf
        >>> from orders_es.replay import connect
        >>> with connect(open_log(":memory:", create=True)) as session:
        ...     found = session.using(
        ...         lambda cursor, head: provenance_of(session, cursor, head, AsOf(), name="orders"), "FROM orders"
        ...     )
        >>> found.name, found.position
        ('orders', 0)
    """
    from importlib.metadata import version  # loads half of the standard library

    last_at, last_known = asked.at, asked.known_at
    if last_at is None or last_known is None:
        [(occurred, known)] = cursor.execute(
            "SELECT epoch_us(max(occurred_at)), epoch_us(max(coalesce(entered_at, recorded_at))) FROM events"
        ).fetchall()
        last_at, last_known = last_at or _moment(occurred), last_known or _moment(known)
    [(zone,)] = cursor.execute("SELECT current_setting('TimeZone')").fetchall()
    return Provenance(
        name,
        query,
        definition_hash(name or query or "", session.models),
        asked.at,
        asked.known_at,
        last_at,
        last_known,
        zone.removeprefix("Etc/") if zone == "Etc/UTC" else zone,
        str(session.log.log_id),
        session.log.origin,
        head.position,
        head.recorded_at,
        head.root.hex(),
        version("orders_es"),
        columns,
        asked_recorded_by=asked.recorded_by or session.recorded_by,
        passed_over=passed_over(session.log),
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
