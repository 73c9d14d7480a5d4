"""Simulated events in the order of their recording, window by window, with flat memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from orders_es.errors import InvalidSetting
from orders_es.sources.simulator.lives import block_of_lives
from orders_es.sources.simulator.settings import SimulatorSettings
from orders_es.sources.simulator.shop import Arrivals, open_shop
from orders_es.sources.simulator.steps import Steps, in_order
from orders_es.sources.simulator.tables import TableMaker
from orders_es.sources.simulator.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import pyarrow as pa

    from orders_es.sources.simulator.shop import Shop

__all__ = ["Window", "choose_window", "expected_events", "simulate", "steps_by_window", "windows"]

_EVENTS_PER_COMMIT = 131_072
_COMMITS = 400
_FEWEST = 24
# Each commit costs two fsyncs and a file, however little is in it.
_EVENTS_WORTH_A_COMMIT = 100
_HOURS = (1, 2, 3, 4, 6, 8, 12, 24)


@dataclass(frozen=True, slots=True)
class Window:
    """What is recorded in one stretch of simulated time.

    Args:
        end_ms: The end of the stretch, in milliseconds since 1970: when the log gets to see it.
        steps: The steps, in the order of their recording.
    """

    end_ms: int
    steps: Steps


def simulate(
    settings: SimulatorSettings | None = None,
    *,
    orders: int,
    seed: int,
    start: datetime,
    days: int,
    window: timedelta | None = None,
) -> Iterator[pa.Table]:
    """The events of a simulated shop, as tables for `EventLog.append_table`, in the order of their recording.

    The same arguments give the same bytes on every machine. Append the tables in turn with `expected=ANY`, since an
    order's life reaches from one table into the next; `simulate_into` does that, with a log on simulated time.

    Args:
        settings: The rates of the shop; the default shop if left out.
        orders: How many orders are created in the period.
        seed: Another seed gives another life of the same shop.
        start: When the period begins.
        days: How long it is.
        window: How much recording time one table covers. It changes where the tables end, not what is in them. If left
            out, between an hour and what keeps the number of tables reasonable.

    Returns:
        Tables with the columns `stream_id`, `type`, `occurred_at`, `event_id`, `actor`, `correlation_id`,
        `causation_id` and one typed column for each field of the order domain's events that it fills.

    Raises:
        InvalidSetting: An argument is out of range.
        NaiveTime: `start` has no time zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> tables = list(simulate(orders=50, seed=7, start=datetime(2024, 1, 1, tzinfo=UTC), days=10))
        >>> tables[0]["type"][0].as_py()
        'OrderCreated'
    """
    settings = settings or SimulatorSettings()
    shop = open_shop(settings, orders=orders, seed=seed, start=start, days=days)
    width = choose_window(shop, window)
    return _tables(shop, width)


def _tables(shop: Shop, width: timedelta) -> Iterator[pa.Table]:
    texts = Texts(shop.settings)
    maker = TableMaker(shop, texts)
    for window in windows(shop, texts, width):
        yield maker.table(window.steps)


def expected_events(shop: Shop) -> int:
    """About how many events a simulation makes: for progress bars and sizes of commits, exact enough."""
    settings = shop.settings
    weight = sum(w for _, w in settings.lines_per_order)
    lines = sum(count * w for count, w in settings.lines_per_order) / weight
    per_order = lines * (1 + settings.removed_line_share + settings.changed_line_share) + 5.7 + settings.discount_share
    return int(shop.orders * per_order + min(settings.long_orders, shop.orders // 2) * settings.long_order_lines)


def choose_window(shop: Shop, window: timedelta | None) -> timedelta:
    """The width of a window: the given one, or whole hours or days that make a reasonable number of commits.

    Raises:
        InvalidSetting: The given one is shorter than a second.
    """
    if window is not None:
        if window < timedelta(seconds=1):
            raise InvalidSetting("window", window, "give a timedelta of a second or more")
        return window
    events = expected_events(shop)
    most = max(events // _EVENTS_PER_COMMIT, min(_COMMITS, events // _EVENTS_WORTH_A_COMMIT), _FEWEST)
    hours = shop.days * 24
    for width in _HOURS:
        if hours <= most * width:
            return timedelta(hours=width)
    return timedelta(days=-(-hours // (most * 24)))


def windows(shop: Shop, texts: Texts, width: timedelta) -> Iterator[Window]:
    """The windows in which anything is recorded, in order.

    Args:
        texts: Its words.
        width: How much time a window covers.
    """
    for end_ms, steps in steps_by_window(shop, texts, width // timedelta(milliseconds=1)):
        yield Window(end_ms, steps)


def steps_by_window(shop: Shop, texts: Texts, width_ms: int) -> Iterator[tuple[int, Steps]]:
    """Each window's end and steps. A window is done once every order that could reach into it has been generated.

    Blocks of orders are generated one after the other and cut at the windows' ends; the parts wait in memory, each a
    copy, so that nothing but what is still to come is kept.
    """
    waiting: dict[int, list[Steps]] = {}
    for order, created, customer in Arrivals(shop).blocks():
        # Nothing of this block, or of a later one, is recorded before its first order is created.
        reached = (int(created[0]) - shop.start_ms) // width_ms
        for number in sorted(n for n in waiting if n < reached):
            yield _window(shop, width_ms, number, waiting.pop(number))
        steps = block_of_lives(shop, texts, order, created, customer)
        steps = steps.take(in_order(steps.recorded_at))
        if shop.settings.open_end:
            steps = steps.part(0, int(np.searchsorted(steps.recorded_at, shop.end_ms, side="left")))
        if not len(steps):
            continue
        numbers = (steps.recorded_at - shop.start_ms) // width_ms
        cuts = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        for first, last in zip([0, *cuts], [*cuts, len(steps)], strict=True):
            waiting.setdefault(int(numbers[first]), []).append(steps.part(first, last))
    for number in sorted(waiting):
        yield _window(shop, width_ms, number, waiting.pop(number))


def _window(shop: Shop, width_ms: int, number: int, parts: list[Steps]) -> tuple[int, Steps]:
    steps = Steps.joined(parts)
    if len(parts) > 1:
        steps = steps.take(in_order(steps.recorded_at))
    return shop.start_ms + (number + 1) * width_ms, steps
