"""The parts of a page with two clocks: orders, rows and plots at one moment, sliders, and the script that moves them."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.orders import format_amount
from orders_es.orders.moments import spoken
from orders_es.replay.cell_text import are_numbers, shown_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from orders_es.log import RecordedEvent
    from orders_es.orders import Order

__all__ = ["SCRIPT", "STYLE", "order_html", "plot_html", "rows_html", "slider_html"]

_SHOWN_ROWS = 200
_FIGURES = ("status", "payment_status", "customer_id", "item_count", "total", "paid", "refunded", "balance")
_STEPS = ("created_at", "placed_at", "paid_at", "shipped_at", "delivered_at", "cancelled_at")


def order_html(order: Order, events: Sequence[RecordedEvent], zone: tzinfo) -> str:
    """An order as it stood, with the events that made it so."""

    def said(name: str) -> str:
        value = getattr(order, name)
        if name in {"total", "paid", "refunded", "balance"}:
            return format_amount(value, order.currency)
        return "" if value is None else str(value).replace("_", " ")

    facts = [(name.replace("_", " "), said(name)) for name in _FIGURES]
    facts += [
        (name.removesuffix("_at"), spoken(value, zone))
        for name in _STEPS
        if (value := getattr(order, name)) is not None
    ]
    figures = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts if value)
    lines = "".join(
        f"<tr><td>{escape(line.item_id)}</td><td>{escape(line.description or '')}</td><td class='n'>{line.quantity:,}</td>"
        f"<td class='n'>{format_amount(line.amount, order.currency)}</td></tr>"
        for line in order.lines[:_SHOWN_ROWS]
    )
    heads = "<tr><th>item</th><th>description</th><th class='n'>quantity</th><th class='n'>amount</th></tr>"
    more = order.line_count - _SHOWN_ROWS
    note = f"<p class='note'>… and {more:,} more lines</p>" if more > 0 else ""
    said_when = [event.entered_at for event in events if event.entered_at is not None]
    entered = (
        f"; {len(said_when):,} entered, as their source says, up to {spoken(max(said_when), zone)}" if said_when else ""
    )
    currency = f", amounts in {escape(order.currency)}" if order.currency else ""
    return (
        f"<p class='note'>{len(events):,} events count{currency}{entered}</p><div class='side'><table>{figures}</table>"
        f"<table>{heads}{lines}</table></div>{note}"
    )


def rows_html(rows: Any, zone: tzinfo) -> str:
    """The first rows of a table."""
    shown = rows.slice(0, _SHOWN_ROWS)
    sides = [" class='n'" if number else "" for number in are_numbers(shown)]
    heads = "".join(f"<th{side}>{escape(name)}</th>" for name, side in zip(shown.column_names, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{escape(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in shown_rows(shown, zone)
    )
    what = (
        f"{rows.num_rows:,} rows"
        if rows.num_rows <= _SHOWN_ROWS
        else f"the first {_SHOWN_ROWS} of {rows.num_rows:,} rows"
    )
    return f"<p class='note'>{what}</p><div class='wide'><table><tr>{heads}</tr>{body}</table></div>"


def plot_html(drawn: Any) -> str:
    """A plot's picture, within the page itself."""
    figure = drawn.figure if hasattr(drawn, "figure") and not hasattr(drawn, "savefig") else drawn
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=80, metadata={"Software": None})
    from matplotlib import pyplot as plt

    plt.close(figure)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def slider_html(name: str, label: str, number: int) -> str:
    """A slider over so many moments."""
    return (
        f'<p><label for="{name}">{label} <output id="{name}_said"></output></label>'
        f'<input type="range" id="{name}" min="0" max="{number - 1}" value="{number - 1}"></p>'
    )


STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.25rem;overflow-wrap:anywhere}form p{margin:.5rem 0}input[type=range]{display:block;width:100%;accent-color:#0072b2}
output{font-weight:600}table{border-collapse:collapse;margin:.3rem 1.5rem .8rem 0}th,td{text-align:left;padding:.15rem .7rem .15rem 0;
border-bottom:1px solid #ddd;vertical-align:top}th{font-weight:600;color:#444}.n{text-align:right;font-variant-numeric:tabular-nums}
.side{display:flex;flex-wrap:wrap;align-items:flex-start}.wide{overflow-x:auto}.note{color:#555;margin:.3rem 0}
pre{background:#f3f3f0;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}img{max-width:100%}
"""
SCRIPT = """
(() => {
  const $ = id => document.getElementById(id);
  const data = JSON.parse($('data').textContent);
  const at = $('at'), known = $('known'), both = $('both');
  const last = data.known.length - 1;
  const follow = () => {  // the last moment of the other clock that is not after this one
    const moment = data.at[at.value][2];
    let place = -1;
    data.known.forEach((k, i) => { if (k[2] <= moment) place = i; });
    return place;
  };
  const show = () => {
    let k = Number(known.value);
    known.disabled = both.checked;
    if (both.checked) { k = follow(); known.value = Math.max(k, 0); }
    const a = data.at[at.value];
    $('at_said').value = a[0];
    const asked = k < 0 || (both.checked && data.every) ? a : data.known[k];
    $('known_said').value = asked[0];
    const place = k < 0 ? null : data.grid[at.value][k];
    $('state').innerHTML = place === null ? '<p class="note">Nothing had been recorded by then.</p>' : data.states[place];
    const now = data.grid[at.value][last];
    $('same').textContent = place === now ? 'Nothing came to be known of it later.' : 'Later it was known differently: move the second slider.';
    $('call').textContent = data.call.replaceAll('{at}', () => a[1]).replaceAll('{known_at}', () => asked[1]);
  };
  for (const input of [at, known, both]) input.addEventListener('input', show);
  $('copy').addEventListener('click', async () => {
    try { await navigator.clipboard.writeText($('call').textContent); $('copy').textContent = 'Copied'; }
    catch { getSelection().selectAllChildren($('call')); $('copy').textContent = 'Selected: press Ctrl+C'; }
    setTimeout(() => { $('copy').textContent = 'Copy the call'; }, 2000);
  });
  $('clocks').hidden = $('copy').hidden = false;
  show();
})();
"""
