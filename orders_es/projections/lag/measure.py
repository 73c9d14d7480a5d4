"""`measure_lag`: how far behind the log each projection is, for the person on call; and `lag_history`, how it got there.

Both only read. What they say rests on three sources: the head of the log, the tables of the read-model file, and the runner
files, which alone are enough while the read-model file is locked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import DamagedReadModels, NoReadModels, ReadModelsInUse
from orders_es.log.log_argument import check_log
from orders_es.projections.file.holding import held
from orders_es.projections.file.reading import ReadModels
from orders_es.projections.file.runner_file import runners_folder, sources_folder
from orders_es.projections.lag.facts import Freshness
from orders_es.projections.lag.gathering import Edge, facts_of, noted_in, seen_runner
from orders_es.projections.lag.judgement import STATES, Lag, LagLimits, LagState, judge
from orders_es.projections.lag.lags import Lags
from orders_es.projections.lag.sources import lag_of_sources
from orders_es.replay.moments import instant

if TYPE_CHECKING:
    import os

    import pandas as pd

    from orders_es.log import EventLog
    from orders_es.projections.lag.gathering import Noted, Seen

__all__ = ["STATES", "Freshness", "Lag", "LagLimits", "LagState", "lag_history", "measure_lag"]

PATIENCE = 1.0


def measure_lag(
    log: EventLog,
    models: ReadModels | str | os.PathLike[str],
    *,
    now: datetime | None = None,
    limits: LagLimits | None = None,
    timeout: float = PATIENCE,
) -> Lags:
    """How far behind the log each projection of a read-model file is, and how it fares, by name. Read-only, never writes.

    Behind them come the sources whose followers are watched beside that file (`follow --models`), each as `follow:` and its name.

    Args:
        models: The read-model file.
        now: The time, with time zone; the system's if left out.
        limits: Where one state ends and the next begins.
        timeout: How many seconds to wait while others hold the file. After that the runner files are asked alone: each
            answer says so, and has neither freshness nor throughput.

    Raises:
        NoReadModels: There is no read-model file, and nobody is making one.
        DamagedReadModels: It is no sound read-model file.
        NaiveTime: `now` has no time zone.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.projections import Projector, set_projections
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> path = tempfile.mkdtemp() + "/shop.duckdb"
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> _ = Projector(log, path, set_projections(["orders"])).run()
        >>> _ = log.append("A-2", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> [(lag.projection, lag.events_behind, lag.state) for lag in measure_lag(log, path)]
        [('orders', 1, 'stopped')]
    """
    check_log(log)
    limits = limits or LagLimits()
    path = models.path if isinstance(models, ReadModels) else Path(models)
    asked = instant("now", now)
    runners = _runners(path)
    locked = ""
    try:
        noted = _noted(path, asked or datetime.now(UTC), limits, timeout)
    except ReadModelsInUse as error:
        noted = {}
        who = "another process" if error.pid is None else f"process {error.pid}"
        locked = f"the read-model file is held by {who}, so this is by the runner file alone"
    except NoReadModels:
        if not any(map(_lives, runners.values())) and not any(sources_folder(path).glob("*.json")):
            raise
        noted = {}
    if not locked:
        # What the file does not know is being made just now, or it was dropped and its runner file is all that is left.
        runners = {name: seen for name, seen in runners.items() if name in noted or _lives(seen)}
    # The tables first, then the log, then the clock: so a position is never past the head, nor an event in the future.
    at = asked or datetime.now(UTC)
    edge = Edge(log, at, limits)
    lags = Lags()
    for name in sorted(noted.keys() | runners.keys()):
        facts = facts_of(log, edge, name, noted.get(name), runners.get(name))
        lags.append(judge(replace(facts, note="; ".join(filter(None, [facts.note, locked]))), limits))
    lags += lag_of_sources(path, at, limits)
    return lags


def lag_history(models: ReadModels | str | os.PathLike[str], *, timeout: float = 10.0) -> pd.DataFrame:
    """The samples that runners have left, about one a second and projection, oldest first: what `plot_lag` draws.

    A runner that is not running leaves none: where they break off, it had stopped.

    Args:
        models: The read-model file.
        timeout: How many seconds to wait while others hold the file.

    Raises:
        NoReadModels: There is no read-model file.
        ReadModelsInUse: Others held it all that time.
        DamagedReadModels: It is no sound read-model file.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> from orders_es.projections import Projector, set_projections
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> path = tempfile.mkdtemp() + "/shop.duckdb"
        >>> _ = Projector(log, path, set_projections(["orders"])).run()
        >>> list(lag_history(path).columns[:4])
        ['projection', 'sampled_at', 'head_position', 'head_recorded_at']
    """
    models = models if isinstance(models, ReadModels) else ReadModels(models)
    samples = models.query("SELECT * FROM orders_es.lag_samples ORDER BY sampled_at, rowid", timeout=timeout)
    return samples.to_pandas()


def _noted(path: Path, now: datetime, limits: LagLimits, timeout: float) -> dict[str, Noted]:
    """What the read-model file says of each projection; it is held no longer than that takes."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with held(connection, path, write=False, patience=timeout):
            try:
                names = connection.execute("SELECT name FROM orders_es.projections").fetchall()
                found = [noted_in(connection, name, now=now, limits=limits) for (name,) in names]
            except duckdb.CatalogException as error:
                raise DamagedReadModels(str(path), "it is a DuckDB file of something else") from error
    return {noted.projection: noted for noted in found if noted is not None}


def _lives(seen: Seen) -> bool:
    return seen.runner.holds is not False


def _runners(path: Path) -> dict[str, Seen]:
    """What each runner file says, by projection."""
    seen = {file.stem: seen_runner(file) for file in runners_folder(path).glob("*.json")}
    return {name: one for name, one in seen.items() if one is not None}
