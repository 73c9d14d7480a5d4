"""The command `lag`: how far behind each projection is, whether that is in time, and the same as Prometheus metrics."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import click

from orders_es.cli.log_lines import log_lines, teller
from orders_es.cli.options import as_json, duration, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable, table
from orders_es.cli.project_options import models_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from orders_es.log import EventLog
    from orders_es.projections.lag.measure import Lag, LagLimits, LagState
    from orders_es.projections.lag.sla import Breach

__all__ = ["lag", "length", "seconds", "stopping"]

_CLEAR = "\x1b[H\x1b[J"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def length(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """The length of time that an option names, or None where it is not given; a callback."""
    return None if value is None else duration(ctx, param, value)


def _limit_option(name: str, default: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, metavar="LENGTH", default=default, show_default=True, callback=duration, help=text)


@click.command(short_help="How far behind each projection is, and how it fares.")
@click.option(
    "--sla", metavar="LENGTH", callback=length, help="Exit with 1 if one is further behind: 30s, 15m, 1h, 7d."
)
@click.option(
    "--breach-on",
    metavar="STATE",
    multiple=True,
    type=click.Choice(["stopped", "stuck", "falling_behind", "writer_silent"]),
    help="Exit with 1 if one is in this state, however late it is. May be given again.",
)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--every", metavar="LENGTH", default="2s", show_default=True, callback=duration, help="With --watch: how often."
)
@click.option("--prometheus-file", metavar="FILE", help="Put it as metrics into this file; .prom at its end.")
@click.option(
    "--prometheus-port",
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    help="Answer scrapes on this port of this machine, until Ctrl-C; 0 takes a free one.",
)
@_limit_option("--silent-after", "15m", "A log that got no event for so long has lost its writer.")
@_limit_option("--stuck-after", "30s", "A runner that committed nothing for so long is stuck.")
@_limit_option("--stopped-after", "10s", "A runner that gave no sign of life for so long is dead.")
@models_option
@log_option()
@log_lines
@as_json
def lag(
    sla: timedelta | None,
    breach_on: tuple[str, ...],
    watch: bool,
    every: timedelta,
    prometheus_file: str | None,
    prometheus_port: int | None,
    models: str,
    log: str,
    as_json: bool,
    **limits: timedelta,
) -> None:
    """How far behind the log each projection is: in events, in seconds, and in which state.

    Seconds are the age of the oldest event not processed yet. A runner that is dead is `stopped` however quiet the log is;
    a quiet log is `writer_silent`, which is not the same as healthy. What cannot be known is blank, never 0. docs/lag.md
    has all of it.

    \b
    Example:
      orders-es lag --models shop.duckdb --log my-log --sla 30s
      orders-es lag --models shop.duckdb --log my-log --prometheus-port 9188
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.projections.lag.measure import LagLimits, measure_lag
    from orders_es.projections.lag.sla import check_sla

    if not every:
        raise click.UsageError("--every 0s would never rest; give 1s or more")
    bounds = LagLimits(**limits)
    breaches: list[Breach] = []
    with existing_log(log) as opened:
        if prometheus_port is not None:
            _serve(opened, models, bounds, prometheus_port)
            return
        if prometheus_file is not None:
            from orders_es.log.target import check_target

            check_target(opened, prometheus_file)
        for _ in _rounds(every if watch else None):
            lags = measure_lag(opened, models, limits=bounds)
            breaches = check_sla(lags, sla, states=cast("tuple[LagState, ...]", breach_on))
            if prometheus_file is not None:
                from orders_es.projections.lag.metrics import write_metrics  # an extra

                write_metrics(lags, prometheus_file)
            _tell(lags, breaches, sla, as_json=as_json, clear=watch)
    if breaches:
        click.get_current_context().exit(1)


def _rounds(every: timedelta | None) -> Iterator[None]:
    """Once; or again and again until Ctrl-C or SIGTERM, which then is a good end."""
    if every is None:
        yield
        return
    with stopping() as stop:
        while not stop.is_set():
            yield
            stop.wait(every.total_seconds())


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, in a block."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _serve(log: EventLog, models: str, limits: LagLimits, port: int) -> None:
    from orders_es.projections.lag.metrics import LagCollector, serve_metrics  # an extra

    with stopping() as stop:
        port, end = serve_metrics(LagCollector(log, models, limits=limits), port)
        teller()(f"metrics at http://127.0.0.1:{port}/metrics; Ctrl-C ends it", port=port)
        try:
            stop.wait()
        finally:
            end()


def _tell(
    lags: Sequence[Lag], breaches: Sequence[Breach], sla: timedelta | None, *, as_json: bool, clear: bool
) -> None:
    if as_json:
        print_json(
            {
                "projections": [{f.name: getattr(one, f.name) for f in fields(one)} for one in lags],
                "sla_seconds": None if sla is None else sla.total_seconds(),
                "breaches": [
                    {"projection": one.projection, "over_seconds": one.over, "message": str(one)} for one in breaches
                ],
            }
        )
        return
    rows = [
        [
            printable(one.projection),
            one.state,
            "" if one.events_behind is None else f"{one.events_behind:,}",
            seconds(one.seconds_behind),
            seconds(one.freshness.p50 if one.freshness else None),
            seconds(one.freshness.p99 if one.freshness else None),
            "" if one.throughput is None else f"{one.throughput:,.0f}/s",
            seconds(one.eta_seconds),
            printable(one.reason),
        ]
        for one in lags
    ]
    heads = ["projection", "state", "events", "behind", "fresh p50", "p99", "speed", "ETA", "why"]
    text = table(rows, heads=heads, right="llrrrrrrl", indent=0) if rows else "no projections"
    if clear:
        text = f"{_CLEAR if sys.stdout.isatty() else ''}{time.strftime('%H:%M:%S')}\n{text}"
    print_text(text)
    for breach in breaches:
        teller()(str(breach), level="error", plain=f"orders-es: {printable(str(breach))}")


def seconds(length: float | None) -> str:
    """A length of time in the unit that suits its size; nothing for None.

    Example:
        >>> seconds(0.25), seconds(42.0), seconds(3 * 3600 + 120), seconds(None)
        ('0.25 s', '42.0 s', '3 h 02 min', '')
    """
    if length is None:
        return ""
    if length < 10:  # noqa: PLR2004 - below this, tenths are too coarse
        return f"{length:.2f} s" if length else "0 s"
    if length < _MINUTE:
        return f"{length:.1f} s"
    if length < _HOUR:
        return f"{int(length // _MINUTE)} min {int(length % _MINUTE):02} s"
    if length < _DAY:
        return f"{int(length // _HOUR)} h {int(length % _HOUR // _MINUTE):02} min"
    return f"{int(length // _DAY)} d {int(length % _DAY // _HOUR):02} h"
