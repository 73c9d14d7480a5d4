"""Lag, for those who only watch: how far behind the log each projection is, and whether that was promised otherwise.

The formula is in `orders_es.projections.lag.formula`; docs/lag.md says what each number means.
"""

from orders_es.projections.lag import (
    STATES,
    Breach,
    Freshness,
    Lag,
    LagCollector,
    LagLimits,
    Lags,
    LagState,
    check_sla,
    lag_history,
    measure_lag,
    write_metrics,
)

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
