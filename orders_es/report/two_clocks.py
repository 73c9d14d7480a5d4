"""Both clocks in one page: what had happened by then, and what was known by then, each on a slider. Without a network or a kernel.

All states are computed beforehand and stand in the page once each, with the moments at which they hold; a little script shows the
one that belongs to where the two sliders stand. Where no script runs, the last state stands there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting, OrderNotFound
from orders_es.files import asked_for, write_whole
from orders_es.log.event import to_micros
from orders_es.log.log_argument import check_log, check_session
from orders_es.log.target import check_target
from orders_es.orders import ORDERS, AsOf
from orders_es.orders.moments import format_instant, resolve, spoken
from orders_es.replay.moments import counts
from orders_es.report.clocks_shown import SCRIPT, STYLE, order_html, plot_html, rows_html, slider_html

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime, tzinfo

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Session

__all__ = ["TwoClocks", "clocks_of_order", "clocks_of_plot", "clocks_of_rows", "write_order"]

_MOST_MOMENTS = 120
_MOST_DRAWN = 400


@dataclass(frozen=True)
class TwoClocks:
    """A page with two sliders. Shown by itself in a notebook; `write` makes a file of it that needs nothing else.

    Args:
        title: What it is about.
        at: The moments of the business clock, in order, in UTC.
        known_at: The moments up to which things were known, in order, in UTC.
        states: What can be seen, each different one once, as HTML.
        grid: For each of `at`, and in it for each of `known_at`, the place in `states`.
        call: The call that reproduces what is seen; `{at}` and `{known_at}` stand in for the moments.
        zone: The zone in which moments are said.
        every: Whether nothing came to be known between the moments of `known_at`, so that each stands for all until the next.
    """

    title: str
    at: tuple[datetime, ...]
    known_at: tuple[datetime, ...]
    states: tuple[str, ...]
    grid: tuple[tuple[int, ...], ...]
    call: str
    zone: tzinfo
    every: bool = False

    def html(self) -> str:
        """The page, whole."""
        data = {
            "at": [_told(moment, self.zone) for moment in self.at],
            "known": [_told(moment, self.zone) for moment in self.known_at],
            "every": self.every,
            "states": self.states,
            "grid": self.grid,
            "call": self.call,
        }
        # In a script nothing ends but by its end tag, which no text of an event may spell.
        text = (
            json.dumps(data, ensure_ascii=False)
            .replace("<", "\\u003c")
            .replace("\u2028", "\\u2028")
            .replace("\u2029", "\\u2029")
        )
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'; img-src data:\">"
            f'<meta name="viewport" content="width=device-width"><title>{escape(self.title)}</title><style>{STYLE}</style></head><body>'
            f"<h1>{escape(self.title)}</h1>"
            f'<form id="clocks" hidden autocomplete="off">{slider_html("at", "what had happened by", len(self.at))}'
            f"{slider_html('known', 'as it was known by', len(self.known_at))}"
            '<p><label><input type="checkbox" id="both"> both at one moment: what somebody saw who looked then</label></p></form>'
            f'<div id="state">{self.states[self.grid[-1][-1]]}</div>'
            '<p id="same" class="note"></p>'
            f'<pre id="call">{escape(self._call(self.at[-1], self.known_at[-1]))}</pre>'
            '<button id="copy" type="button" hidden>Copy the call</button>'
            f'<script type="application/json" id="data">{text}</script><script>{SCRIPT}</script></body></html>\n'
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Where it was written, after it was: one file, which is replaced if it is there.

        Raises:
            CannotWriteFile: The disk refuses.
        """
        target = Path(path)
        with asked_for(target):
            write_whole(target, self.html().encode(), durable=False)
        return target

    def _call(self, at: datetime, known_at: datetime) -> str:
        return self.call.replace("{at}", format_instant(at)).replace("{known_at}", format_instant(known_at))

    def __repr__(self) -> str:
        return f"<TwoClocks {self.title}: {len(self.at)} x {len(self.known_at)} moments, {len(self.states)} different states>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own; below it, for where no frame is shown, the last state as it stands."""
        return (
            f'<iframe srcdoc="{escape(self.html())}" sandbox="allow-scripts" style="width:100%;height:660px;border:0" '
            f'title="{escape(self.title)}"></iframe><details><summary>{escape(self.title)}: as it stands at the last of these '
            f"moments, without sliders</summary>{self.states[self.grid[-1][-1]]}</details>"
        )


def clocks_of_order(
    log: EventLog,
    order_id: str,
    *,
    at: Iterable[Moment] | None = None,
    known_at: Iterable[Moment] | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
) -> TwoClocks:
    """An order on both clocks: its figures, its moments and its lines. Read-only.

    Where its source says when it learned of events, each state says of how many, and up to when.

    Args:
        order_id: The order, which is a stream of that name.
        at: The moments of the business clock; those of its events if left out.
        known_at: The moments up to which things were known; those at which its events came to be known if left out.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        tz: The zone in which a date is a day, and moments are said; UTC if left out.

    Raises:
        OrderNotFound: There is no such order, or nothing of it was recorded by then.
        InvalidSetting: There are no moments, or more than 120 on a clock.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(":memory:", create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> clocks_of_order(log, "A-1")
        <TwoClocks Order A-1: 1 x 1 moments, 1 different states>
    """
    from orders_es.orders.moments import zone_of

    check_log(log)
    zone = zone_of(tz)
    limit = AsOf(recorded_by=resolve("recorded_by", recorded_by, zone))
    events = [event for event in log.load(order_id) if counts(event, limit)]
    if not events:
        by = f" by {spoken(limit.recorded_by, zone)}" if limit.recorded_by is not None else ""
        raise OrderNotFound(order_id, f"the log {log.url!r} holds no such order{by}")
    ats = _moments("at", at, zone, {event.occurred_at for event in events})
    knowns = _moments("known_at", known_at, zone, {event.known_at for event in events})

    def state(moment: datetime, known: datetime) -> str:
        asked = AsOf(at=moment, known_at=known)
        counted = [event for event in events if counts(event, asked)]
        if not counted:
            return '<p class="note">Nothing of this order was known of that time yet.</p>'
        return order_html(ORDERS.after(counted, ORDERS.initial(order_id)), counted, zone)

    own = "" if limit.recorded_by is None else f", recorded_by='{format_instant(limit.recorded_by)}'"
    call = f"load_order(log, {order_id!r}, at='{{at}}', known_at='{{known_at}}'{own})"
    cells = [[state(a, k) for k in knowns] for a in ats]
    return replace(_made(f"Order {order_id}", ats, knowns, cells, call, zone), every=known_at is None)


def clocks_of_rows(
    session: Session,
    query: str,
    *,
    at: Iterable[Moment],
    known_at: Iterable[Moment],
    recorded_by: Moment | None = None,
    title: str = "",
) -> TwoClocks:
    """The answer to a query on both clocks: a read model, such as `FROM receivables`, or anything else.

    Args:
        query: One SELECT. The first 200 rows are in the page, which says how many there are.
        at: The moments of the business clock.
        known_at: The moments up to which things were known.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        title: What it is about; the query if left out.

    Raises:
        InvalidSetting: There are no moments, or more than 120 on a clock.
        QueryError: DuckDB refuses the query.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> session = connect(open_log(":memory:", create=True))
        >>> days = ["2026-06-01", "2026-06-02"]
        >>> both = clocks_of_rows(session, "SELECT count(*) AS orders FROM orders", at=days, known_at=days)
        >>> type(both).__name__
        'TwoClocks'
    """
    check_session(session)
    ats = _moments("at", at, session.tz, set())
    knowns = _moments("known_at", known_at, session.tz, set())
    limit = resolve("recorded_by", recorded_by, session.tz)
    columns = [_by_moment(session, query, ats, known, limit) for known in knowns]
    cells = [[column[place] for column in columns] for place in range(len(ats))]
    own = "" if limit is None else f", recorded_by='{format_instant(limit)}'"
    call = f"session.sql({query!r}, at='{{at}}', known_at='{{known_at}}'{own})"
    return _made(title or " ".join(query.split()), ats, knowns, cells, call, session.tz)


def clocks_of_plot(
    draw: Callable[[Any, Any], Any],
    at: Iterable[Moment],
    known_at: Iterable[Moment],
    *,
    title: str = "",
    tz: str | tzinfo | None = None,
) -> TwoClocks:
    """A picture on both clocks: each is drawn once, now.

    Args:
        draw: Makes a matplotlib figure, or Axes, of `at` and `known_at`.
        at: The moments of the business clock.
        known_at: The moments up to which things were known.
        title: What it is about; the function's name if left out.
        tz: The zone in which a date is a day, and moments are said; UTC if left out.

    Raises:
        InvalidSetting: There are no moments, or more than 400 pictures would be drawn.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.plots import plot_funnel
        >>> from orders_es.replay import connect
        >>> session = connect(open_log(":memory:", create=True))
        >>> days = ["2026-06-01", "2026-06-02"]
        >>> both = clocks_of_plot(lambda at, known_at: plot_funnel(session, at=at, known_at=known_at), days, days)
        >>> type(both).__name__
        'TwoClocks'
    """
    from orders_es.orders.moments import zone_of

    zone = zone_of(tz)
    ats, knowns = _moments("at", at, zone, set()), _moments("known_at", known_at, zone, set())
    if len(ats) * len(knowns) > _MOST_DRAWN:
        raise InvalidSetting("at", len(ats), f"that is {len(ats) * len(knowns)} pictures; draw at most {_MOST_DRAWN}")
    name = getattr(draw, "__name__", "draw").replace("<lambda>", "draw")
    cells = [[plot_html(draw(a, k)) for k in knowns] for a in ats]
    return _made(title or name, ats, knowns, cells, f"{name}('{{at}}', '{{known_at}}')", zone)


def write_order(
    log: EventLog,
    order_id: str,
    path: str | os.PathLike[str],
    *,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
) -> TwoClocks:
    """The page of an order, after writing it to a file that is not the log's."""
    check_target(log, path)
    page = clocks_of_order(log, order_id, recorded_by=recorded_by, tz=tz)
    page.write(path)
    return page


def _moments(argument: str, given: Iterable[Moment] | None, zone: tzinfo, own: set[datetime]) -> list[datetime]:
    if given is None:
        found = own
    else:
        values = list(given)
        if None in values:
            raise InvalidSetting(argument, values, "None is no moment; leave it out")
        found = {moment for value in values if (moment := resolve(argument, value, zone)) is not None}
    if not found:
        raise InvalidSetting(argument, [], "give at least one moment")
    if len(found) > _MOST_MOMENTS:
        raise InvalidSetting(argument, len(found), f"a slider has at most {_MOST_MOMENTS} moments; choose some")
    return sorted(found)


def _told(moment: datetime, zone: tzinfo) -> tuple[str, str, int]:
    """A moment for people, for calls, and for the script, which has no smaller unit than this in its own times."""
    return spoken(moment, zone), format_instant(moment), to_micros(moment, "moment")


def _by_moment(
    session: Session, query: str, ats: Sequence[datetime], known: datetime, recorded_by: datetime | None
) -> list[str]:
    answer = session.sql(query, at=ats, known_at=known, recorded_by=recorded_by).to_arrow()
    import pyarrow.compute as pc

    tables = (answer.filter(pc.equal(answer.column(0), moment)).drop_columns(["at"]) for moment in ats)
    return [rows_html(table, session.tz) for table in tables]


def _made(
    title: str,
    ats: Sequence[datetime],
    knowns: Sequence[datetime],
    cells: Sequence[Sequence[str]],
    call: str,
    zone: tzinfo,
) -> TwoClocks:
    places: dict[str, int] = {}
    grid = tuple(tuple(places.setdefault(cell, len(places)) for cell in row) for row in cells)
    return TwoClocks(title, tuple(ats), tuple(knowns), tuple(places), grid, call, zone)
