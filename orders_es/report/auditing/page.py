"""The page of an audit: what was asked, what came of it, and how to check every figure. It loads nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orders_es.orders.moments import spoken
from orders_es.report.page import head_html, table_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.audit import Key, Verified
    from orders_es.evidence import Provenance
    from orders_es.report.auditing.writing import Written

__all__ = ["audit_page"]

_PROBLEMS = 20


def audit_page(tables: Sequence[Written], verified: Verified | None, key: Key | None) -> str:
    """The page as HTML; everything that comes from the log is text in it, whatever it says.

    Args:
        tables: The tables, in their order.
        verified: What came of reading the whole log; None if that was left out.
        key: The public half of the key that signs the evidence; None without one.
    """
    known = tables[0].provenance
    found = [each for each in tables if each.asked.finding and each.rows]
    name = escape(known.origin)
    lines = "".join(
        f'<tr><td>{_mark(each)}</td><td><a href="#{escape(each.asked.name)}">{escape(each.asked.title)}</a></td><td class="n">{each.rows:,}</td>'
        f'<td><a href="{escape(each.files[0].name)}">{escape(each.files[0].name)}</a></td></tr>'
        for each in tables
    )
    notes = dict.fromkeys(note for each in tables for note in each.notes)
    return f"""{head_html(f"Audit of {known.origin}")}
<body>
<h1>Audit of {name}</h1>
{_when(known)}
{_sound(verified)}
{"".join(f'<p class="note">{escape(note[:1].upper() + note[1:])}.</p>' for note in notes)}
<h2 class="front">What was asked</h2>
<p>{len(found)} of {sum(each.asked.finding for each in tables)} questions found something that wants an explanation: those with a mark.
What is found is a question and no verdict.</p>
<div class="wide"><table><thead><tr><th></th><th>question</th><th class="n">rows</th><th>file</th></tr></thead><tbody>{lines}</tbody></table></div>
{_evidence(known, key)}
{"".join(map(_section, tables))}
</body>
</html>
"""


def _mark(each: Written) -> str:
    """Whether it found something; what is only good to know has neither mark."""
    if not each.asked.finding:
        return ""
    return '<b title="found something">\u25cf</b>' if each.rows else '<span title="found nothing">\u2013</span>'


def _when(known: Provenance) -> str:
    def said(moment: object, otherwise: str) -> str:
        return escape(otherwise if moment is None else spoken(moment, known.time_zone))  # type: ignore[arg-type]

    return (
        f'<p class="meaning">What had happened by {said(known.asked_at, "the last event")}, as far as it was known by '
        f"{said(known.asked_known_at, 'the last event')}. Days begin in {escape(known.time_zone)}.</p>"
    )


def _sound(verified: Verified | None) -> str:
    if verified is None:
        return '<p class="loud">The log was not verified for this report: run orders-es verify.</p>'
    if verified.ok:
        erased = (
            f" Of {len(verified.erased):,} events the personal data are erased, as the log records."
            if verified.erased
            else ""
        )
        return (
            f"<p>All {verified.events:,} events were read and hashed: they are what the log says of itself, and give its root.{erased} "
            "That it is the log of last year is shown by a checkpoint that was signed then and kept elsewhere.</p>"
        )
    listed = "".join(f"<li>{escape(each.where)}: {escape(each.what)}</li>" for each in verified.problems[:_PROBLEMS])
    return f'<p class="loud">The log is NOT sound, and no figure below can be relied on.</p><ul>{listed}</ul>'


def _evidence(known: Provenance, key: Key | None) -> str:
    when = "" if known.recorded_at is None else spoken(known.recorded_at, known.time_zone)
    facts = [
        ("log", f"{known.origin} ({known.log_id})"),
        ("last position", f"{known.position:,}, recorded {when}" if when else "0"),
        ("root of its tree", known.root),
        ("computed by", f"orders_es {known.package}"),
        ("signed by", "nobody: no key was given" if key is None else str(key)),
    ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts)
    by = "" if key is None else " --key VKEY"
    return (
        f'<h2 class="front">Evidence</h2><dl>{rows}</dl><p class="note"><a href="evidence.json">evidence.json</a> names every file with its '
        "SHA-256, and every table with its query, rows and control totals"
        + (
            ""
            if key is None
            else ', and <a href="evidence.checkpoint">evidence.checkpoint</a> signs it together with the log\'s root'
        )
        + f". To check the folder: <code>orders-es export check DIR{by} --log LOG</code>; without the log, with <code>--alone</code>.</p>"
    )


def _section(each: Written) -> str:
    known = each.provenance
    sums = "".join(
        f"<tr><td>{escape(total.column)}</td><td class=n>{total.values:,}</td><td class=n>{escape(total.total)}</td></tr>"
        for total in known.sums or ()
    )
    totals = f"<table><thead><tr><th>column</th><th class=n>values</th><th class=n>sum</th></tr></thead><tbody>{sums}</tbody></table>"
    shown = (
        f"{len(each.first):,} of {each.rows:,} rows"
        if len(each.first) < each.rows
        else f"all {each.rows:,} rows"
        if each.rows > 1
        else "1 row"
    )
    table = f'<div class="wide">{table_html(each.first)}</div>' if each.rows else ""
    file = escape(each.files[0].name)
    more = "".join(f'<p class="note">{escape(said[:1].upper() + said[1:])}.</p>' for said in each.caveats)
    return (
        f'<section><h2 id="{escape(each.asked.name)}">{escape(each.asked.title)}</h2>'
        f'<p class="note">{shown if each.rows else "Nothing"}; in <a href="{file}">{file}</a></p>{more}{table}'
        f"<details><summary>Query and control totals</summary><pre><code>{escape(each.asked.query)}</code></pre>"
        f"{totals if sums else ''}</details></section>"
    )
