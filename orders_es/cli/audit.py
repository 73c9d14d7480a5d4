"""`orders-es audit`: every question of an auditor at a moment, as files and one page, with evidence over all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, duration, existing_log, log_option, moments, report_folder, tables_form
from orders_es.cli.output import count, print_json, print_text, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta, tzinfo
    from typing import Literal

__all__ = ["audit"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def _length(name: str, what: str) -> Callable[[_Command], _Command]:
    return click.option(name, metavar="LENGTH", default="1d", show_default=True, callback=duration, help=what)


@click.command(short_help="Everything auditors ask, in one folder with its evidence, signed if a key is given.")
@report_folder
@moments
@tables_form
@click.option("--key", metavar="FILE", help="Sign the evidence, and the log's root with it, with this private key.")
@_length("--late-after", "Events entered longer after they happened are late: 90s, 15m, 1h, 7d.")
@_length("--silent-after", "Times without events are gaps when they are longer.")
@_length("--twice-within", "Like orders of a customer within so long may be one that was entered twice.")
@click.option("--multiple-of", metavar="AMOUNT", default="100", show_default=True, help="What counts as round.")
@click.option(
    "--limit",
    "limits",
    metavar="AMOUNT",
    multiple=True,
    help="List what stays just below this amount; may be repeated.",
)
@click.option(
    "--rule", "rules", metavar="SQL", multiple=True, help="List what breaks this rule, as in ask rule; may be repeated."
)
@click.option("--skip-verify", is_flag=True, help="Do not read and hash the whole log first; the report says so.")
@click.option("--replace", is_flag=True, help="Replace a report that is there.")
@log_option()
@log_lines
@as_json
def audit(
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    form: Literal["parquet", "csv", "xlsx"],
    key: str | None,
    late_after: timedelta,
    silent_after: timedelta,
    twice_within: timedelta,
    multiple_of: str,
    limits: tuple[str, ...],
    rules: tuple[str, ...],
    skip_verify: bool,
    replace: bool,
    log: str,
    as_json: bool,
) -> None:
    """Verify a log, ask it everything that `ask` knows, and write answers, a page and the evidence to a folder. Never writes to the log.

    index.html needs no network. evidence.json names every file with its SHA-256, and every table with its query, rows and
    control totals; with --key, evidence.checkpoint signs that and the log's root. Exit code 1 if a question found something, or the
    log is not sound.

    \b
    Example:
      orders-es audit --at 2026-06-30 --out audit-june --key shop.key --log my-log
      orders-es export check audit-june --key shop.key.pub --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.report.auditing import Thresholds, write_audit

    if (Path(out) / "index.html").exists() and not replace:
        raise click.UsageError(f"{out} holds a report already; give --replace, or another folder")
    with existing_log(log) as opened:
        try:
            done = write_audit(
                opened,
                out,
                at=at,
                known_at=known_at,
                recorded_by=recorded_by,
                tz=tz,
                thresholds=Thresholds(late_after, silent_after, twice_within, multiple_of, limits, rules),
                form=form,
                key=key,
                whole=not skip_verify,
                replace=replace,
                progress=somebody_watches(as_json),
            )
        except ImportError as error:
            raise click.UsageError(str(error)) from error
    sound = done.verified is None or done.verified.ok
    known = done.tables[0].provenance
    if as_json:
        tables = [
            {
                "name": each.asked.name,
                "title": each.asked.title,
                "file": str(each.files[0]),
                "rows": each.rows,
                "finding": each.asked.finding,
            }
            for each in done.tables
        ]
        print_json(
            {
                "log": log,
                "page": done.page,
                "verified": None if done.verified is None else done.verified.ok,
                "tables": tables,
                "signed": None if done.signed is None else str(done.signed),
                "provenance": known.to_dict(),
            }
        )
    else:
        for each in done.tables:
            if each.asked.finding and each.rows:
                print_text(f"{each.rows:>8,}  {printable(each.asked.title)}")
        asked = sum(each.asked.finding for each in done.tables)
        verified = "not verified" if done.verified is None else "verified" if sound else "NOT sound"
        print_text(
            f"{printable(done.page)}: {len(done.findings)} of {count(asked, 'question')} found something; log {verified}, up to position "
            f"{known.position:,}, root {known.root}"
        )
        by = "" if done.signed is None else f" --key {key}.pub"
        print_text(
            f"next: open {printable(done.page)}; to check it: orders-es export check {printable(out)}{by} --log {printable(log)}"
        )
    if done.findings or not sound:
        click.get_current_context().exit(1)
