"""How far behind the log projections are. `formula` says what lag is, `facts` what is known, `measure` asks, `sla` compares.

`samples` is what runners note of it, `metrics` what Prometheus is told.
"""

from orders_es.projections.lag.facts import Freshness
from orders_es.projections.lag.judgement import STATES, Lag, LagLimits, LagState
from orders_es.projections.lag.lags import Lags
from orders_es.projections.lag.measure import lag_history, measure_lag
from orders_es.projections.lag.metrics import LagCollector, write_metrics
from orders_es.projections.lag.sla import Breach, check_sla

__all__ = [
    "STATES",
    "Breach",
    "Freshness",
    "Lag",
    "LagCollector",
    "LagLimits",
    "LagState",
    "Lags",
    "check_sla",
    "lag_history",
    "measure_lag",
    "write_metrics",
]
