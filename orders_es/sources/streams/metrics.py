"""How much waits in a source, as Prometheus metrics in a file. It needs the extra `metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import CannotGiveMetrics

if TYPE_CHECKING:
    import os

    from orders_es.sources.streams.source_lag import SourceLag

__all__ = ["write_source_metrics"]


def write_source_metrics(lag: SourceLag, path: str | os.PathLike[str]) -> None:
    """Put what was measured into a file, in one step, for the textfile collector of Prometheus' node exporter.

    Args:
        lag: What `Follower.lag` gave. What is unknown has no sample, and never reads 0.
        path: The file; the node exporter wants `.prom` at its end.

    Raises:
        CannotGiveMetrics: It cannot be written, or the extra `metrics` is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from orders_es.sources.streams import SourceLag
        >>> file = Path(tempfile.mkdtemp()) / "source.prom"
        >>> write_source_metrics(SourceLag("theirs", "17", 3, False, 2.5, 0), file)
        >>> 'orders_es_source_behind_lines{source="theirs"} 3.0' in file.read_text()
        True
    """
    try:
        from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
    except ImportError as error:
        raise CannotGiveMetrics(str(path), "pip install 'orders_es[metrics]'") from error
    registry = CollectorRegistry()
    told: tuple[tuple[str, str, float | None], ...] = (
        ("behind_lines", "Lines of a source that the log does not have yet.", lag.lines_behind),
        ("behind_seconds", "The age of the oldest of them.", lag.seconds_behind),
        ("refused_lines", "Lines recorded as ones that no event can be made of.", lag.refused),
        ("stopped", "Whether no event can be made of the next line, so that a follower stops.", bool(lag.reason)),
    )
    for name, text, value in told:
        if value is not None:
            Gauge(f"orders_es_source_{name}", text, ["source"], registry=registry).labels(lag.source).set(value)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise CannotGiveMetrics(str(path), error.strerror or str(error)) from error
