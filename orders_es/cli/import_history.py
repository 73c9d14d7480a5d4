"""The command `import history`: audit tables, history tables and change feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.import_dumps import strict_option, tell_rows
from orders_es.cli.import_options import on_error_option, quarantine_option, require_quarantine, table_options
from orders_es.cli.import_preview import look, looking_options, require_log
from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, log_option, zone_option

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.sources.history import HistoryResult

__all__ = ["column_scales", "import_row_history"]

_SHAPES = (
    *(
        "debezium",
        "django-simple-history",
        "django-auditlog",
        "sqlalchemy-continuum",
        "postgresql-triggers",
        "dbt-snapshot",
    ),
    *("fivetran", "paper-trail", "envers", "stripe", "shopify", "sap"),
)

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


def column_scales(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    """Columns and their numbers of decimals, out of texts such as `total=2`."""
    scales = {}
    for given in values:
        name, sign, digits = given.partition("=")
        if not sign or not digits.isdecimal():
            raise click.BadParameter(f"{given!r}: give a column and its number of decimals, such as total=2")
        scales[name] = int(digits)
    return scales


def _file_or_url(ctx: click.Context, param: click.Parameter, given: str) -> str:
    return given if "://" in given else str(_FILE.convert(given, param, ctx))


@click.command(name="history")
@log_lines
@click.argument("source", metavar="SRC", callback=_file_or_url)
@click.option(
    "--map",
    "mapping",
    metavar="TOML",
    help="What changes mean for orders: a file, or shopify, stripe-charges or stripe-invoices; only rows are recorded if left out. --propose writes a first one.",
)
@looking_options
@click.option("--shape", type=click.Choice(_SHAPES), help="What wrote it; told by its columns if left out.")
@click.option(
    "--query", metavar="SQL", help="Of a database: the SELECT of the history, as the docs have it for each shape."
)
@click.option(
    "--key",
    "keys",
    metavar="COLUMN",
    multiple=True,
    help="The column that names a row, where the history has none of its own for that; give it again for several.",
)
@click.option(
    "--table", metavar="NAME", help="What to call the table, where the history does not say it; SRC's name if left out."
)
@click.option(
    "--occurred", metavar="COLUMN", help="The column of the rows that says when they were changed, such as updated_at."
)
@click.option(
    "--scale",
    "scales",
    metavar="COLUMN=N",
    multiple=True,
    callback=column_scales,
    help="Of Debezium without schemas: how many decimals the numbers of a column have.",
)
@click.option(
    "--live",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="The table as it stands now; the gap report says where the history leaves it otherwise.",
)
@click.option(
    "--transactions",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="The table in which times stand, where that is another: Continuum's transaction, Envers' REVINFO, SAP's CDHDR.",
)
@on_error_option
@quarantine_option()
@strict_option
@table_options()
@zone_option("The zone of times that name none; UTC if left out.", default=None)
@log_option(makes=True, required=False)
@as_json
def import_row_history(
    source: str,
    mapping: str | None,
    propose: bool,
    dry_run: bool,
    orders: int,
    shape: str | None,
    query: str | None,
    keys: tuple[str, ...],
    table: str | None,
    occurred: str | None,
    scales: dict[str, int],
    live: str | None,
    transactions: str | None,
    on_error: str,
    quarantine: str | None,
    strict: bool,
    tz: tzinfo | None,
    log: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Audit tables, history tables and change feeds: each row or line says how a row of a table was changed.

    SRC is a .csv, .parquet, .xlsx, .json or .jsonl file; JSON may come from standard input, as -; or, with --query, a
    file of SQLite or DuckDB or the URL of a database. What wrote it is told by
    its columns, or by the keys of its documents. What a change is entered as is when the source learned of it. What is odd about the history is told in the
    end.

    \b
    Example:
      orders-es import history historicalorder.csv --key id --table orders --log shop
      kcat -C -t shop.public.orders -e | orders-es import history - --key id --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    policy = require_quarantine(on_error, quarantine, "file")
    from orders_es.sources.history import import_history
    from orders_es.sources.tables.options import TableOptions

    def bring(into: Any, rules: str | None) -> HistoryResult:
        return import_history(
            into,
            source,
            mapping=rules,
            shape=shape,
            key=keys,
            table=table,
            query=query,
            occurred=occurred,
            scales=scales,
            live=live,
            transactions=transactions,
            reading=TableOptions(tz=tz, **reading),
            on_error=policy,
            quarantine=quarantine,
        )

    asked: Any = {"mapping": mapping, "propose": propose, "dry_run": dry_run, "orders": orders}
    if look(bring, keys, **asked, on_error=on_error, as_json=as_json):
        return
    log = require_log(log)
    done = bring(log, mapping)
    facts = {
        "source": done.source,
        "shape": done.shape,
        "rows": done.rows,
        "records": done.records,
        "events": done.events,
        "duplicates": done.duplicates,
        "commits": done.commits,
        "first_position": done.first_position,
        "last_position": done.last_position,
        "quarantined": done.quarantined,
        "quarantine_path": None if done.quarantine_path is None else str(done.quarantine_path),
    }
    tell_rows(done, facts, log=log, strict=strict, as_json=as_json)
