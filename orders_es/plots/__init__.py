"""Plots of orders, for notebooks and reports: each takes data or a session, draws on the axes given, and returns them.

They set no global style, show nothing themselves, and are legible in greyscale. They need matplotlib, which is the extra
`plots`.
"""

from orders_es.plots.cohorts import plot_cohorts
from orders_es.plots.cycle_times import plot_cycle_times
from orders_es.plots.funnel import plot_funnel
from orders_es.plots.lag import plot_lag
from orders_es.plots.order_timeline import plot_order_timeline
from orders_es.plots.restatements import plot_restatements
from orders_es.plots.sales import plot_sales
from orders_es.plots.status_flow import plot_status_flow
from orders_es.plots.total_waterfall import plot_total_waterfall

__all__ = [
    "plot_cohorts",
    "plot_cycle_times",
    "plot_funnel",
    "plot_lag",
    "plot_order_timeline",
    "plot_restatements",
    "plot_sales",
    "plot_status_flow",
    "plot_total_waterfall",
]
