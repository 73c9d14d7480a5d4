"""Lag as Prometheus metrics: `LagCollector` measures at every scrape, `write_metrics` makes a file for the node exporter.

They need the extra `metrics`. Names follow Prometheus' conventions: base units, the unit as suffix, `_total` on what only
grows. What is unknown has no sample, and never reads 0.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotGiveMetrics
from orders_es.projections.lag.judgement import STATES
from orders_es.projections.lag.measure import measure_lag

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from prometheus_client.core import Metric

    from orders_es.log import EventLog
    from orders_es.projections.file.reading import ReadModels
    from orders_es.projections.lag.judgement import Lag, LagLimits

__all__ = ["LagCollector", "lag_metrics", "serve_metrics", "write_metrics"]

_QUANTILES = {"0.5": "p50", "0.95": "p95", "0.99": "p99", "1": "max"}


class LagCollector:
    """Measures lag whenever it is asked for metrics: register it with a `prometheus_client` registry.

    Args:
        models: The read-model file.
        limits: Where one state ends and the next begins.
        clock: Gives the current time, with time zone; the system's clock if left out.

    Example:
        >>> import tempfile
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.projections import Projector, set_projections
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> path = tempfile.mkdtemp() + "/shop.duckdb"
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> _ = Projector(log, path, set_projections(["orders"])).run()
        >>> registry = CollectorRegistry()
        >>> registry.register(LagCollector(log, path))
        >>> b'orders_es_projection_behind_events{projection="orders"} 0.0' in generate_latest(registry)
        True
    """

    def __init__(
        self,
        log: EventLog,
        models: ReadModels | str | os.PathLike[str],
        *,
        limits: LagLimits | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._log = log
        self._models = models
        self._limits = limits
        self._clock = clock
        self._turn = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now. Raises as `measure_lag` does: a scrape that cannot be answered fails, as it should."""
        with self._turn:  # two scrapes at once would open the file twice
            lags = measure_lag(self._log, self._models, now=self._clock and self._clock(), limits=self._limits)
        yield from lag_metrics(lags)

    def describe(self) -> Iterable[Metric]:
        """Nothing: a registry then does not measure merely to learn the names."""
        return ()


def lag_metrics(lags: Iterable[Lag]) -> list[Metric]:
    """What was measured, as metrics.

    Args:
        lags: What `measure_lag` gave.

    Raises:
        CannotGiveMetrics: The extra `metrics` is not installed.
    """
    lags = list(lags)
    core = _prometheus("a registry").core
    families = []

    def family(name: str, text: str, value: Callable[[Lag], float | None], kind: str = "Gauge") -> None:
        made = getattr(core, f"{kind}MetricFamily")(f"orders_es_projection_{name}", text, labels=["projection"])
        for lag in lags:
            found = value(lag)
            if found is not None:
                made.add_metric([lag.projection], found)
        families.append(made)

    family("behind_events", "Events in the log that are not processed yet.", lambda lag: lag.events_behind)
    family("behind_seconds", "Age of the oldest event not processed yet; 0 if none.", lambda lag: lag.seconds_behind)
    family(
        "definition_lag_seconds",
        "Record time of the log's last event less that of the last processed one.",
        lambda lag: lag.definition_seconds,
    )
    family("processed_events", "Events processed: the checkpoint.", lambda lag: lag.position, "Counter")
    family("dead_letters", "Events put aside because they could not be processed.", lambda lag: lag.dead_letters)
    family("eta_seconds", "Time until it has caught up; absent if it will not.", lambda lag: lag.eta_seconds)
    family("heartbeat_timestamp_seconds", "Last sign of life of the runner.", lambda lag: _epoch(lag.beat_at))
    return [*families, _freshness(core, lags), _states(core, lags), *_of_the_log(core, lags)]


def write_metrics(lags: Iterable[Lag], path: str | os.PathLike[str]) -> None:
    """Put what was measured into a file, in one step, for the textfile collector of Prometheus' node exporter.

    Args:
        lags: What `measure_lag` gave.
        path: The file; the node exporter wants `.prom` at its end.

    Raises:
        CannotGiveMetrics: It cannot be written, or the extra `metrics` is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp(), "orders_es.prom")
        >>> write_metrics([], path)
        >>> path.exists()
        True
    """
    client = _prometheus(str(path))
    registry = client.CollectorRegistry()
    registry.register(_Measured(lag_metrics(lags)))
    try:
        client.write_to_textfile(str(path), registry)
    except OSError as error:
        raise CannotGiveMetrics(str(path), error.strerror or str(error)) from error


def serve_metrics(collector: LagCollector, port: int, *, host: str = "127.0.0.1") -> tuple[int, Callable[[], None]]:
    """Answer scrapes in threads of their own, at any path, until told to end.

    Args:
        collector: What measures.
        port: The port; 0 takes any that is free.
        host: The address to listen at; this machine alone if left out.

    Returns:
        The port, and a function that ends it.

    Raises:
        CannotGiveMetrics: The port cannot be had, or the extra `metrics` is not installed.
    """
    client = _prometheus(f"{host}:{port}")
    registry = client.CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = client.start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise CannotGiveMetrics(f"{host}:{port}", error.strerror or str(error)) from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, end


class _Measured:
    """Metrics that were made already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _freshness(core: Any, lags: list[Lag]) -> Metric:
    # The label `quantile` belongs to summaries. Sum and count, which only ever grow, are not to be had of a sliding window.
    name = "orders_es_projection_freshness_seconds"
    made: Metric = core.Metric(name, "Age of events when they could be seen, of those processed lately.", "summary")
    for lag in lags:
        for quantile, field in _QUANTILES.items():
            if lag.freshness is not None:
                labels = {"projection": lag.projection, "quantile": quantile}
                made.add_sample(name, labels, getattr(lag.freshness, field))
    return made


def _states(core: Any, lags: list[Lag]) -> Metric:
    made: Metric = core.GaugeMetricFamily(
        "orders_es_projection_state", "1 for the state that it is in, 0 for the others.", labels=["projection", "state"]
    )
    for lag in lags:
        for state in STATES:
            made.add_metric([lag.projection, state], float(lag.state == state))  # type: ignore[attr-defined]
    return made


def _of_the_log(core: Any, lags: list[Lag]) -> list[Metric]:
    """What is the same for all projections, without their label."""
    events = core.CounterMetricFamily("orders_es_log_events", "Events in the log.")
    written = core.GaugeMetricFamily("orders_es_log_last_event_timestamp_seconds", "When the last event was recorded.")
    measured = core.GaugeMetricFamily("orders_es_lag_measured_timestamp_seconds", "When all this was measured.")
    known = [lag for lag in lags if lag.head_position is not None]
    if known:
        events.add_metric([], known[0].head_position)
        if known[0].head_recorded_at is not None:
            written.add_metric([], known[0].head_recorded_at.timestamp())
    if lags:
        measured.add_metric([], lags[0].measured_at.timestamp())
    return [events, written, measured]


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _prometheus(place: str) -> Any:
    try:
        import prometheus_client  # an extra
        import prometheus_client.core  # an extra
    except ImportError as error:
        missing = "the library prometheus-client is missing; install it: pip install 'orders_es[metrics]'"
        raise CannotGiveMetrics(place, missing) from error
    return prometheus_client
