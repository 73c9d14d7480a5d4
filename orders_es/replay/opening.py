"""Opening a session: the log, the read models, and the connection that shows them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from orders_es.log.open import open_log
from orders_es.read_models import load_read_models
from orders_es.replay.defining import MEMORY_LIMIT
from orders_es.replay.session import Session

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.read_models import Folders

__all__ = ["connect"]


def connect(
    log: EventLog | str | os.PathLike[str],
    *,
    read_models: Folders = None,
    tz: str | tzinfo | None = None,
    memory_limit: str = MEMORY_LIMIT,
    allow_files: bool = False,
    recorded_by: Moment | None = None,
) -> Session:
    """A session for SQL over the log: `events` and all read models, at any moment.

    Args:
        log: The log, or its place, as for `open_log`: then it is opened, and closed with the session.
        read_models: A folder with `.sql` files, or several, whose read models are there beside the house's own. They are looked at
            once, now.
        tz: The time zone of days, weeks and months, and of moments that name none, such as `"Europe/London"`; UTC if left
            out. Instants are in UTC in every answer.
        memory_limit: How much memory DuckDB may use before it goes on in temporary files, such as `"8GB"`.
        allow_files: Let queries and read models read and write files, attach databases and load extensions. Left out, they
            read this log and nothing else. Into the log no query writes in any case.
        recorded_by: Show the log as it was at that moment by its own clock, whatever sources say of when they knew: a time with
            its zone, or a date, which is the whole day. `at` and `known_at` then ask of what was there.

    Raises:
        BadReadModel: A file in that folder defines no read model, or DuckDB refuses it; the error names file and line.
        InvalidSetting: There is no such time zone, or the limit is none.
        NotALog: There is no log at that place.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> session = connect(log)
        >>> session.sql("SELECT order_id, status, total FROM orders").rows()
        [('A-1', 'placed', Decimal('0.0000'))]
    """
    models = load_read_models(read_models)
    if isinstance(log, str | os.PathLike):
        with ExitStack() as opened:
            session = Session(
                opened.enter_context(open_log(log, read_only=True)),
                models,
                tz=tz,
                memory_limit=memory_limit,
                allow_files=allow_files,
                recorded_by=recorded_by,
            )
            session.check_own_models()
            session.owns = opened.pop_all()
            return session
    session = Session(log, models, tz=tz, memory_limit=memory_limit, allow_files=allow_files, recorded_by=recorded_by)
    session.check_own_models()
    return session
