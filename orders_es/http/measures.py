"""What a server counts of itself, and of the projections of its log, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import NoReadModels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orders_es.http.settings import ServerSettings
    from orders_es.log import EventLog

__all__ = ["Measures"]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measures:
    """Counters of one server, in a registry of its own.

    Args:
        settings: Says which read-model file is watched.
    """

    def __init__(self, log: EventLog, settings: ServerSettings) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._requests = Counter(
            "orders_es_http_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "orders_es_http_request_seconds",
            "Until an answer began.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._streams = Gauge("orders_es_http_streams", "Who follows the events.", registry=self._registry)
        self._registry.register(_Log(log))
        if settings.models is not None:
            from orders_es.projections.lag import LagCollector

            self._registry.register(_Lag(LagCollector(log, settings.models, limits=settings.lag_limits)))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: The path as OpenAPI has it.
            seconds: How long it took until its answer began.
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def streaming(self, change: int) -> None:
        """Count who follows the events: one more, or one fewer."""
        self._streams.inc(change)

    def text(self) -> bytes:
        """All of it as Prometheus reads it."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class _Log:
    """The end of the log. Lag says the same where a read-model file is watched, under names of its own."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        head = self._log.head()
        yield GaugeMetricFamily("orders_es_http_log_position", "The log's last position.", value=head.position)

    def describe(self) -> Iterable[Any]:
        return ()


class _Lag:
    """Lag, or nothing where there is no read-model file yet."""

    def __init__(self, collector: Any) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Any]:
        try:
            yield from self._collector.collect()
        except NoReadModels:
            return

    def describe(self) -> Iterable[Any]:
        return ()
