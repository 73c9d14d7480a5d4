"""The page of a report: one HTML text with everything in it, for reading, printing and sending."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.evidence import shown
from orders_es.orders.moments import spoken
from orders_es.orders.money import format_amount
from orders_es.plots.style import duration
from orders_es.replay.answer import count_of
from orders_es.replay.cell_text import values_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa

    from orders_es.evidence import Sum
    from orders_es.export import Provenance
    from orders_es.read_models import ReadModel
    from orders_es.report.front import Front

__all__ = ["TOP", "WORTH", "Section", "head_html", "page", "table_html"]

TOP = {
    "daily_sales": "day DESC, currency",
    "restatements": "abs(net_change) DESC, day, currency",
    "product_sales": "currency, rank",
    "customer_value": "currency, monetary DESC, customer_id",
    "receivables": "currency, owed DESC, customer_id",
    "late_orders": "late DESC, order_id",
    "status_transitions": "orders DESC, from_status, to_status",
    "cycle_times": "week DESC, from_step, to_step",
    "activity": "hour DESC, type, actor",
    "orders": "last_occurred_at DESC, order_id",
}
"""Which rows of a read model are worth the first look."""
WORTH = {"order_funnel": "reached > 0"}
"""Which rows are worth a look at all: a step that no order has reached is not one of this log."""
_ORDER = (
    "daily_sales",
    "product_sales",
    "customer_value",
    "cohorts",
    "order_funnel",
    "status_transitions",
    "cycle_times",
    "late_orders",
    "receivables",
    "restatements",
)
_SECONDS = {
    "cycle_times": ("p50", "p90", "p99"),
    "late_orders": ("waited", "usual", "late"),
    "status_transitions": ("median_wait", "p90_wait"),
}
_CELL_MOST = 60
_OF_PAYMENTS = re.compile("paid|payment|refund|balance|failed_payments|owed")
_FOLDED_FROM = 8
"""Tables with as many rows or more are folded."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 72rem; margin: 2rem auto;
  padding: 0 1.5rem; }
h1 { margin-bottom: 0.1rem; } h2 { margin: 2.2rem 0 0.2rem; border-top: 1px solid #ccc; padding-top: 1.2rem; }
h2.front { border: 0; padding: 0; margin: 1.6rem 0 0.3rem; font-size: 1.15rem; } h3 { font-size: 1rem; margin: 1rem 0 0.2rem; }
p.loud { border-left: 6px solid #d55e00; background: #fdf1e7; padding: 0.8rem 1rem; font-size: 1.1rem; }
p.meaning, p.note { margin: 0.2rem 0 0.8rem; color: #555; }
div.figures { display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 0.5rem 0; }
div.figures p { border: 1px solid #ddd; border-radius: 4px; padding: 0.4rem 0.9rem; margin: 0; color: #555; font-size: 0.85rem; }
div.figures strong { display: block; color: #1a1a1a; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0.15rem 1rem; } dt { color: #555; } dd { margin: 0; }
code { font-size: 0.92em; overflow-wrap: anywhere; }
summary { cursor: pointer; color: #0b57a4; }
div.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.88rem; margin: 0.5rem 0; }
th, td { padding: 0.2rem 0.7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid #e5e5e5; }
th { border-bottom: 2px solid #999; } th.n, td.n { text-align: right; }
ul.attention li { margin: 0.25rem 0; }
nav a { margin-right: 0.9rem; white-space: nowrap; }
@media print { section { break-before: page; } nav { display: none; } details::details-content { content-visibility: visible; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One read model on the page.

    Args:
        rows: How many rows it has in all.
        file: The name of the file beside the page that has them.
        first: Those that the page shows.
        sums: The exact sum of each numeric column, over all rows.
        picture: An `<svg>` element, or nothing.
        nothing: Why there is no picture, where there could be one.
    """

    model: ReadModel
    rows: int
    file: str
    first: pa.Table
    sums: Sequence[Sum]
    picture: str
    nothing: str = ""


def page(
    provenance: Provenance,
    front: Front,
    sections: Sequence[Section],
    notes: Sequence[str] = (),
    last: datetime | None = None,
    figures: str = "",
) -> str:
    """The page as HTML. It loads nothing, and everything that comes from the log is text in it, whatever it says.

    Args:
        provenance: Where all of it comes from.
        front: What a reader wants to know first. Where it has no figures, no section is shown.
        sections: The read models; those without rows get one line each.
        notes: What has to be said before all else.
        last: When the last event happened that counts.
        figures: The name of the file beside the page that has the key figures.
    """
    if not front.figures:
        sections = []
        notes = (*notes, "there are no orders to show")
    places = {name: number for number, name in enumerate(_ORDER)}
    ordered = sorted(sections, key=lambda section: (places.get(section.model.name, len(places)), section.model.name))
    full = [section for section in ordered if section.rows]
    links = " ".join(f'<a href="#{escape(s.model.name)}">{escape(_title(s.model))}</a>' for s in full)
    body = "\n".join(_section(section, payments=front.payments) for section in full)
    name = escape(provenance.origin)
    return f"""{head_html(f"Orders of {provenance.origin}")}
<body>
<h1>Orders of {name}</h1>
{_when(provenance, last)}
{"".join(f'<p class="loud">{escape(note[:1].upper() + note[1:])}.</p>' for note in notes)}
{_front(front, {section.model.name for section in full}) if front.figures else ""}
{_cover(provenance, figures)}
<nav>{links}</nav>
{body}
{_without_rows([section for section in ordered if not section.rows])}
</body>
</html>
"""


def _when(known: Provenance, last: datetime | None) -> str:
    """Which moment the page is of; where one was asked for, also how far before it the last event lies."""
    at = _moment(known.asked_at, known.at, "as the log's last event left it", known.time_zone)
    known_at = _moment(known.asked_known_at, known.known_at, "everything recorded", known.time_zone)
    zone = escape(known.time_zone)
    if known.asked_at is not None and last is not None:
        at += f"; the last event until then happened at {_time(last, known.time_zone)}"
    return f'<p class="meaning">As it stood at {at}. As known at {known_at}. Days begin in {zone}.</p>'


def _cover(known: Provenance, figures: str) -> str:
    facts = [
        *(
            [("as recorded by", spoken(known.asked_recorded_by, known.time_zone))]
            if known.asked_recorded_by is not None
            else []
        ),
        ("log", f"{known.origin} ({known.log_id})"),
        ("up to position", f"{known.position:,}"),
        ("root of its tree", known.root),
        ("computed by", f"orders_es {known.package}"),
    ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f'<h2 class="front">Where this comes from</h2><dl>{rows}</dl>'
        '<p class="note">Each table below is whole in a file beside this page, which names the same log and root, and so are the key figures above '
        f'(<a href="{escape(figures)}">{escape(figures)}</a>). <a href="evidence.json">evidence.json</a> has the SHA-256 of this page and of each file, and their rows and control totals: '
        "<code>orders-es export check FOLDER --log LOG</code> computes all of it anew and compares.</p>"
    )


def _front(front: Front, shown: Collection[str]) -> str:
    """Key figures, what has changed, and what needs attention."""
    parts = ['<h2 class="front">In short</h2>']
    for currency, figures in front.figures:
        if len(front.figures) > 1:
            parts.append(f"<h3>{escape(currency)}</h3>")
        tiles = "".join(f"<p>{escape(name)}<strong>{escape(value)}</strong></p>" for name, value in figures)
        parts.append(f'<div class="figures">{tiles}</div>')
    for comparison in front.comparisons:
        heads = ("", *comparison.heads, "difference")
        head = "".join(f"<th{' class=n' if n else ''}>{escape(text)}</th>" for n, text in enumerate(heads))
        lines = "".join(
            "<tr>"
            + "".join(f"<td{' class=n' if n else ''}>{escape(cell)}</td>" for n, cell in enumerate(row))
            + "</tr>"
            for row in comparison.rows
        )
        parts.append(
            f'<h2 class="front">{escape(comparison.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
            f'<tbody>{lines}</tbody></table></div><p class="note">{escape(comparison.note)}</p>'
        )
    parts.append('<h2 class="front">What needs attention</h2>')
    if front.attention:
        points = []
        for text, model in front.attention:
            said = escape(text[:1].upper() + text[1:])
            more = f' <a href="#{escape(model)}">{escape(model.replace("_", " "))}</a>' if model in shown else ""
            points.append(f"<li>{said}.{more}</li>")
        parts.append(f'<ul class="attention">{"".join(points)}</ul>')
    else:
        parts.append(
            '<p class="note">Nothing was found of what this page looks for: what waits, is owed, has changed or is odd.</p>'
        )
    return "".join(parts)


def _moment(asked: datetime | None, last: datetime | None, otherwise: str, zone: str) -> str:
    """A moment as HTML: as people say it, and to the microsecond for programs."""
    if asked is not None:
        return _time(asked, zone)
    return escape(otherwise) if last is None else f"{_time(last, zone)}, {escape(otherwise)}"


def _time(moment: datetime, zone: str) -> str:
    return f'<time datetime="{escape(shown(moment))}">{escape(spoken(moment, zone))}</time>'


def _title(model: ReadModel) -> str:
    return model.title.partition(":")[0] or model.name.replace("_", " ").capitalize()


def _section(section: Section, *, payments: bool) -> str:
    meaning = section.model.title.partition(":")[2].strip()
    number = len(section.first)
    rest = number < section.rows
    shown_rows = f"{number} of {section.rows:,} rows; all of them" if rest else f"{count_of(number, 'row')}, also"
    rows, left_out = _telling(section.first, section.model.key, payments=payments)
    table = f'<div class="wide">{table_html(rows, _SECONDS.get(section.model.name, ()))}</div>'
    if left_out:
        table += f'<p class="note">Left out here, as there is nothing in these rows: {escape(", ".join(left_out))}.</p>'
    if number >= _FOLDED_FROM:
        table = f"<details><summary>Show {'these' if rest else 'the'} {number} rows</summary>{table}</details>"
    picture = f'<div class="wide">{section.picture}</div>' if section.picture else ""
    if section.nothing:
        picture = f'<p class="note">No picture: {escape(section.nothing)}.</p>'
    return (
        f'<section><h2 id="{escape(section.model.name)}">{escape(_title(section.model))}</h2>'
        f'<p class="meaning">{_code(escape(meaning[:1].upper() + meaning[1:]))}</p>{picture}'
        f'<p class="note">{shown_rows} in <a href="{escape(section.file)}">{escape(section.file)}</a></p>'
        f"{table}{_control_totals(section, payments=payments)}</section>"
    )


def _control_totals(section: Section, *, payments: bool) -> str:
    """The sum of every numeric column over all rows, as `export check` computes them anew."""
    sums = [each for each in section.sums if payments or not _OF_PAYMENTS.search(each.column)]
    if not sums:
        return ""
    lines = "".join(
        f'<tr><td>{escape(each.column)}</td><td class="n">{escape(each.total)}</td><td class="n">{each.values:,}</td></tr>'
        for each in sums
    )
    return (
        f"<details><summary>Control totals: {count_of(section.rows, 'row')}, {count_of(len(sums), 'sum')}</summary>"
        f'<table><tr><th>column</th><th class="n">sum of all its values</th><th class="n">values</th></tr>{lines}</table></details>'
    )


def _code(text: str) -> str:
    """HTML in which what stands between backticks is set as code."""
    return re.sub("`([^`<>]+)`", r"<code>\1</code>", text)


def _without_rows(sections: Sequence[Section]) -> str:
    """One line for each read model without rows."""
    if not sections:
        return ""
    lines = "".join(
        f'<li id="{escape(s.model.name)}">{escape(_title(s.model))}: no rows (<a href="{escape(s.file)}">{escape(s.file)}</a>)</li>'
        for s in sections
    )
    return f'<h2>Nothing to show</h2><ul class="note">{lines}</ul>'


def _telling(rows: pa.Table, key: Collection[str], *, payments: bool) -> tuple[pa.Table, list[str]]:
    """The rows without the columns that say nothing in any of them, and the names of those columns.

    Of a log that records no payments, what would speak of them says nothing either, and is not named.
    """
    kept: list[str] = []
    left_out: list[str] = []
    for name in rows.column_names:
        values = rows.column(name).to_pylist() if name not in key else [True]
        if payments or not _OF_PAYMENTS.match(name):
            (kept if any(values) else left_out).append(name)
    return rows.select(kept), [name.replace("_", " ") for name in left_out]


def head_html(title: str) -> str:
    """The head of a page that needs no network and no other file to be read."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>"""


def table_html(rows: pa.Table, seconds: Collection[str] = ()) -> str:
    """Rows as an HTML table; everything in them is text, whatever it says.

    Args:
        seconds: The columns that are lengths of time in seconds, which people read in hours and days.
    """
    import pyarrow as pa

    def numeric(kind: Any) -> bool:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))

    marks = [' class="n"' if numeric(field.type) else "" for field in rows.schema]
    lengths = [name in seconds for name in rows.column_names]
    names = [name.replace("_", " ") for name in rows.column_names]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(names, marks, strict=True))
    lines = []
    place = rows.column_names.index("currency") if "currency" in rows.column_names else None
    for row in zip(*(values_of(column) for column in rows.columns), strict=True):
        currency = None if place is None else row[place]
        cells = "".join(
            f"<td{mark}>{escape(duration(value) if long and value is not None else _cell(value, currency))}</td>"
            for value, mark, long in zip(row, marks, lengths, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value: Any, currency: str | None) -> str:  # noqa: PLR0911 - one for each kind of value
    """A value as people read it; money with its currency's decimals, or more where they say something."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format_amount(value, currency) if value.as_tuple().exponent else f"{value:,f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"  # noqa: PLR2004 - figures that fit
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return text if len(text) <= _CELL_MOST else f"{text[: _CELL_MOST - 1]}…"
