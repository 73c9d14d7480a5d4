"""Projections: read models kept in a DuckDB file as the log grows, each with a checkpoint that never disagrees with it.

`Projector` runs them, `ReadModels` asks them. A projection is a read model's SELECT (`SetProjection`), or Python functions
called event by event (`Handlers`); a `ProcessManager` reacts by commands. docs/projections.md says what is promised.
`measure_lag` and `check_sla` say how far behind they are.
"""

from orders_es.projections.definitions import Handlers, SetProjection, in_batches, set_projections
from orders_es.projections.file.dead_letters import DeadLetter
from orders_es.projections.file.reading import ReadModels, Rows
from orders_es.projections.file.tables import State
from orders_es.projections.handler_tables import Tables
from orders_es.projections.lag.facts import Freshness
from orders_es.projections.lag.judgement import Lag, LagLimits
from orders_es.projections.lag.measure import lag_history, measure_lag
from orders_es.projections.lag.sla import Breach, check_sla
from orders_es.projections.outlets import (
    FolderOutlet,
    KafkaOutlet,
    NatsOutlet,
    Outlet,
    OutletProjection,
    PostgresOutlet,
    RedisOutlet,
    SearchOutlet,
    Target,
    open_outlet,
)
from orders_es.projections.process_manager import Ask, Case, ProcessManager
from orders_es.projections.run.comparing import Difference, RowDifference
from orders_es.projections.run.projector import Projector
from orders_es.projections.run.rebuilding import Rebuilt
from orders_es.projections.run.running import Ran

__all__ = [
    "Ask",
    "Breach",
    "Case",
    "DeadLetter",
    "Difference",
    "FolderOutlet",
    "Freshness",
    "Handlers",
    "KafkaOutlet",
    "Lag",
    "LagLimits",
    "NatsOutlet",
    "Outlet",
    "OutletProjection",
    "PostgresOutlet",
    "ProcessManager",
    "Projector",
    "Ran",
    "ReadModels",
    "Rebuilt",
    "RedisOutlet",
    "RowDifference",
    "Rows",
    "SearchOutlet",
    "SetProjection",
    "State",
    "Tables",
    "Target",
    "check_sla",
    "in_batches",
    "lag_history",
    "measure_lag",
    "open_outlet",
    "set_projections",
]
