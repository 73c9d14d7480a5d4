"""The command `import dumps`: full copies of a table, taken one after another."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.import_options import on_error_option, quarantine_option, require_quarantine, table_options
from orders_es.cli.import_preview import look, looking_options, require_log
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, log_option, zone_option
from orders_es.cli.output import print_json, print_text

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.sources.dumps.result import DumpsResult
    from orders_es.sources.history.importer import HistoryResult
    from orders_es.sources.rows import GapReport

__all__ = ["import_table_dumps", "strict_option", "tell_rows"]

strict_option = click.option(
    "--strict", is_flag=True, help="Exit with 1 if the gap report names anything; what was imported stays imported."
)


@click.command(name="dumps")
@log_lines
@click.argument("sources", metavar="FILE…", nargs=-1, required=True)
@click.option(
    "--key",
    "keys",
    metavar="COLUMN",
    multiple=True,
    required=True,
    help="The column that names a row; give it again where several do together.",
)
@click.option(
    "--at-from-name",
    metavar="FORMAT",
    required=True,
    help="How the time of a dump stands in the name of its file, such as %Y-%m-%d or %Y%m%dT%H%M.",
)
@click.option(
    "--map",
    "mapping",
    metavar="TOML",
    help="What changes mean for orders; only rows are recorded if left out. --propose writes a first one.",
)
@looking_options
@click.option(
    "--time-of-day",
    metavar="HH:MM",
    help="When the dumps were taken, where their names say only the day; the end of that day if left out.",
)
@click.option(
    "--occurred", metavar="COLUMN", help="The column that says when a row was changed last, such as updated_at."
)
@click.option(
    "--table", metavar="NAME", help="What to call the table; what stands before the time in the names if left out."
)
@on_error_option
@quarantine_option(
    folder="Where the bad rows of each dump go; '<table>.quarantine' in this folder if left out. Nothing there is overwritten."
)
@strict_option
@table_options()
@zone_option("The zone of times that name none, in the files and in their names; UTC if left out.", default=None)
@log_option(makes=True, required=False)
@as_json
def import_table_dumps(
    sources: tuple[str, ...],
    keys: tuple[str, ...],
    at_from_name: str,
    mapping: str | None,
    propose: bool,
    dry_run: bool,
    orders: int,
    time_of_day: str | None,
    occurred: str | None,
    table: str | None,
    on_error: str,
    quarantine: str | None,
    strict: bool,
    tz: tzinfo | None,
    log: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Nightly dumps: full copies of a table, from which the events are found that lead from one to the next.

    Each FILE is a dump, or a pattern in quotes. A row is new, changed field by field, gone, or there again. Where no column
    says when, the time between two dumps in which it must have happened is kept, and no moment is made up. Tomorrow's dump
    comes in after today's by the same command. What is odd about the history is told in the end.

    \b
    Example:
      orders-es import dumps 'orders-*.csv' --key id --at-from-name %Y-%m-%d --log shop
      orders-es sql "SELECT row_key, row_values->>'status' FROM table_rows" --at 2026-06-03 --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    policy = require_quarantine(on_error, quarantine, "folder")
    from orders_es.sources.dumps import import_dumps
    from orders_es.sources.tables.options import TableOptions

    moment = None
    if time_of_day is not None:
        try:
            moment = datetime.strptime(time_of_day, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
        except ValueError:
            raise click.BadParameter(
                f"{time_of_day!r}: give hours and minutes, such as 02:30", param_hint="--time-of-day"
            ) from None

    def bring(into: Any, rules: str | None) -> DumpsResult:
        return import_dumps(
            into,
            sources,
            key=keys,
            at_from_name=at_from_name,
            mapping=rules,
            table=table,
            time_of_day=moment,
            occurred=occurred,
            reading=TableOptions(tz=tz, **reading),
            on_error=policy,
            quarantine=quarantine,
            progress=somebody_watches(as_json),
        )

    asked: Any = {"mapping": mapping, "propose": propose, "dry_run": dry_run, "orders": orders}
    if look(bring, keys, **asked, on_error=on_error, as_json=as_json):
        return
    log = require_log(log)
    done = bring(log, mapping)
    facts = {
        "table": done.table,
        "dumps": done.dumps,
        "known": done.known,
        "rows": done.rows,
        "inserted": done.inserted,
        "changed": done.changed,
        "deleted": done.deleted,
        "events": done.events,
        "commits": done.commits,
        "first_position": done.first_position,
        "last_position": done.last_position,
        "quarantined": done.quarantined,
        "quarantine_paths": [str(path) for path in done.quarantine_paths],
    }
    tell_rows(done, facts, log=log, strict=strict, as_json=as_json)


def tell_rows(
    done: DumpsResult | HistoryResult, facts: dict[str, Any], *, log: str, strict: bool, as_json: bool
) -> None:
    """Say what an import of rows came to and what is odd about their history; exit 1 where that counts.

    Args:
        done: What the import gave.
        facts: The same for `--json`, without the gaps.
        log: Where the log is.
        strict: Whether anything odd is bad news.
        as_json: Whether to print JSON.
    """
    if as_json:
        print_json({**facts, "gaps": _plain(done.gaps)})
    else:
        print_text(str(done))
        print_text(str(done.gaps))
        if done.events:
            click.echo(f"next: orders-es sql 'FROM table_rows' --log {log}")
    if strict and done.gaps:
        click.get_current_context().exit(1)


def _plain(gaps: GapReport) -> list[dict[str, Any]]:
    """A gap report as `--json` prints it."""
    return [
        {
            "gap": gap.kind,
            "table": gap.table,
            "count": gap.count,
            "first": gap.first,
            "meaning": gap.meaning,
            "examples": list(gap.examples),
        }
        for gap in gaps.gaps
    ]
