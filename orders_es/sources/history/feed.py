"""Records of rows into a log as they come: one commit for some of them, beside what else goes into it; for `orders_es.sources.streams`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.sources.history.known import identify, spread_truncations
from orders_es.sources.history.reading import Source, read_records
from orders_es.sources.history.shapes import SHAPES
from orders_es.sources.history.weaving import Oddities, start_woven_changes, weave
from orders_es.sources.rows.gaps import start_gaps
from orders_es.sources.rows.instants import Instants
from orders_es.sources.rows.landing import Landed, land
from orders_es.sources.rows.meaning import derive
from orders_es.sources.rows.work_database import value, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.sources.history.records import Record, Row, Settings
    from orders_es.sources.rows.mapping import ChangeMapping

__all__ = ["take_records"]


def take_records(
    log: EventLog,
    said: Sequence[Sequence[Record]],
    settings: Settings,
    *,
    rules: ChangeMapping | None,
    occurred: str | None,
    actor: str,
    run: str,
    beside: Callable[[int], pa.Table],
) -> None:
    """Append what records say and the log does not have yet, in one commit, as `import_history` does.

    Args:
        said: The records, those of each line together.
        settings: How they were read.
        rules: What changes mean for orders; None for events of rows alone.
        occurred: The column of the rows that says when something happened in the business.
        actor: Who is recorded as the cause.
        run: The conversation that they belong to, where the source names no transaction.
        beside: From the number of events of rows and orders to what is appended in the same commit, with `version`.

    Raises:
        BadSource: A value cannot be read, or the mapping does not fit; nothing was appended.
        VersionConflict: Somebody else appended to one of the streams meanwhile; nothing was appended.
    """
    settings = replace(settings, instants=Instants(settings.options))
    with workspace() as work:
        start_gaps(work)
        prepared = iter(said)
        shape = replace(SHAPES["debezium"], read=lambda _row, _settings: iter(next(prepared)))
        lines: Iterator[Row] = ({"line": str(number)} for number in range(len(said)))
        source = Source(Path(settings.table), shape, lines, (), ["line"], hashlib.sha256())
        _, bad = read_records(work, source, settings, occurred)
        if bad is not None:
            bad.stop()
        spread_truncations(work, log)
        identify(work, log)
        weave(work, Oddities())
        start_woven_changes(work, actor, run)
        meanings = None
        count = int(value(work, "SELECT count(*) FROM change"))
        if rules is not None:
            meanings = derive(work, rules, log, log.registry, settings.instants or Instants(settings.options))
        meant = sum(part.num_rows for part in meanings.between(0, count)) if meanings is not None else 0
        land(work, log, Landed(), batch_events=max(count, 1), meanings=meanings, last=beside(count + meant))
