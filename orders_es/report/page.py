"""The page of a report: one HTML text with everything in it, for reading, printing and sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.export.provenance import shown
from orders_es.orders.moments import spoken
from orders_es.orders.money import format_amount
from orders_es.replay.shown import values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orders_es.export import Provenance
    from orders_es.read_models import ReadModel

__all__ = ["TOP", "Section", "page"]

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
_CELL_MOST = 60

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 80rem; margin: 2rem auto;
  padding: 0 1.5rem; }
h1 { margin-bottom: 0.2rem; } h2 { margin: 3rem 0 0.2rem; border-top: 1px solid #ccc; padding-top: 1.5rem; }
p.loud { border-left: 6px solid #d55e00; background: #fdf1e7; padding: 0.8rem 1rem; font-size: 1.1rem; }
p.meaning, p.note { margin: 0.2rem 0 0.8rem; color: #555; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0.15rem 1rem; } dt { color: #555; } dd { margin: 0; }
code { font-size: 0.92em; overflow-wrap: anywhere; }
div.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.88rem; margin: 0.5rem 0; }
th, td { padding: 0.2rem 0.7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid #e5e5e5; }
th { border-bottom: 2px solid #999; } th.n, td.n { text-align: right; }
nav a { margin-right: 0.9rem; white-space: nowrap; }
@media print { h2 { break-before: page; } h2.none { break-before: auto; } nav { display: none; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One read model on the page.

    Args:
        rows: How many rows it has in all.
        file: The name of the file beside the page that has them.
        first: Those that the page shows.
        picture: An `<svg>` element, or nothing.
    """

    model: ReadModel
    rows: int
    file: str
    first: pa.Table
    picture: str


def page(provenance: Provenance, figures: pa.Table, sections: Sequence[Section], notes: Sequence[str] = ()) -> str:
    """The page as HTML. It loads nothing, and everything that comes from the log is text in it, whatever it says.

    Args:
        provenance: Where all of it comes from.
        figures: One row per currency, with what a reader wants to know first.
        sections: The read models. Where there are no figures, none of them is shown.
        notes: What has to be said before all else.
    """
    if not figures.num_rows:
        sections = []
        notes = (*notes, "there are no orders to show")
    places = {name: number for number, name in enumerate(_ORDER)}
    ordered = sorted(sections, key=lambda section: (places.get(section.model.name, len(places)), section.model.name))
    links = " ".join(f'<a href="#{escape(s.model.name)}">{escape(_title(s.model))}</a>' for s in ordered)
    body = "\n".join(_section(section) for section in ordered)
    name = escape(provenance.origin)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orders of {name}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Orders of {name}</h1>
{_cover(provenance)}
{"".join(f'<p class="loud">{escape(note[:1].upper() + note[1:])}.</p>' for note in notes)}
{"<h2>In short</h2>" + _table(figures) if figures.num_rows else ""}
<nav>{links}</nav>
{body}
</body>
</html>
"""


def _cover(known: Provenance) -> str:
    facts = [
        ("as it stood", _moment(known.asked_at, known.at, "as the log's last event left it", known.time_zone)),
        ("as known", _moment(known.asked_known_at, known.known_at, "everything recorded", known.time_zone)),
        *(
            [("as recorded by", escape(spoken(known.asked_recorded_by, known.time_zone)))]
            if known.asked_recorded_by is not None
            else []
        ),
        ("days begin in", known.time_zone),
        ("log", f"{known.origin} ({known.log_id})"),
        ("up to position", f"{known.position:,}"),
        ("root of its tree", known.root),
        ("computed by", f"orders_es {known.package}"),
    ]
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{value if name.startswith('as ') else escape(value)}</dd>" for name, value in facts
    )
    return (
        f"<dl>{rows}</dl>"
        '<p class="note">Each table below is whole in a file beside this page, which names the same log and root: '
        "<code>orders-es export check FILE --log LOG</code> computes it anew and compares.</p>"
    )


def _moment(asked: datetime | None, last: datetime | None, otherwise: str, zone: str) -> str:
    """A moment as HTML: as people say it, and to the microsecond for programs."""
    if asked is not None:
        return _time(asked, zone)
    return escape(otherwise) if last is None else f"{_time(last, zone)}, {escape(otherwise)}"


def _time(moment: datetime, zone: str) -> str:
    return f'<time datetime="{escape(shown(moment))}">{escape(spoken(moment, zone))}</time>'


def _title(model: ReadModel) -> str:
    return model.title.partition(":")[0] or model.name.replace("_", " ").capitalize()


def _section(section: Section) -> str:
    meaning = section.model.title.partition(":")[2].strip()
    if not section.rows:
        return (
            f'<h2 id="{escape(section.model.name)}" class="none">{escape(_title(section.model))}</h2>'
            f'<p class="meaning">{escape(meaning[:1].upper() + meaning[1:])}</p>'
            f'<p class="note">0 of 0 rows; all of them in <a href="{escape(section.file)}">{escape(section.file)}</a></p>'
        )
    number = len(section.first)
    shown_rows = "all rows" if number == section.rows else f"{number} of {section.rows:,} rows"
    note = f'{shown_rows}; all of them in <a href="{escape(section.file)}">{escape(section.file)}</a>'
    return (
        f'<h2 id="{escape(section.model.name)}">{escape(_title(section.model))}</h2>'
        f'<p class="meaning">{escape(meaning[:1].upper() + meaning[1:])}</p>'
        f'<div class="wide">{section.picture}</div>'
        f'<p class="note">{note}</p>'
        f'<div class="wide">{_table(section.first)}</div>'
    )


def _table(rows: pa.Table) -> str:
    import pyarrow as pa

    def numeric(kind: Any) -> bool:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))

    marks = [' class="n"' if numeric(field.type) else "" for field in rows.schema]
    names = [name.replace("_", " ") for name in rows.column_names]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(names, marks, strict=True))
    lines = []
    place = rows.column_names.index("currency") if "currency" in rows.column_names else None
    for row in zip(*(values_of(column) for column in rows.columns), strict=True):
        currency = None if place is None else row[place]
        cells = "".join(
            f"<td{mark}>{escape(_cell(value, currency))}</td>" for value, mark in zip(row, marks, strict=True)
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
