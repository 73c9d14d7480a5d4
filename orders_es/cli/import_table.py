"""The command `import table`: anybody's table of orders, by a mapping."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.import_ import tell_import
from orders_es.cli.import_options import (
    on_error_option,
    quarantine_option,
    require_quarantine,
    skip_known_option,
    table_options,
)
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, log_option, zone_option
from orders_es.cli.output import count, print_json, print_text

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.sources.order_tables.importer import Preview

__all__ = ["import_orders_table"]


@click.command(name="table")
@log_lines
@click.argument("sources", metavar="SRC...", nargs=-1, required=True)
@click.option("--table", "table", metavar="NAME", help="Of a database: which table to read, in the order of its key.")
@click.option("--query", metavar="SQL", help="Of a database: what to ask it. Rows are known by their place: ORDER BY.")
@click.option(
    "--lines",
    metavar="SRC",
    multiple=True,
    help="Where the lines stand, if they are in another table than the orders; give it again for more files.",
)
@click.option(
    "--map",
    "mapping",
    metavar="TOML",
    help="The mapping: which column is what; a file, or shopify. --propose writes a first one.",
)
@click.option("--propose", is_flag=True, help="Print a commented mapping for this table, and import nothing.")
@click.option("--dry-run", is_flag=True, help="Show the first orders as they would be, and import nothing.")
@click.option(
    "--orders",
    metavar="N",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="With --dry-run: how many orders to show.",
)
@on_error_option
@quarantine_option()
@table_options()
@zone_option("The zone of times that name none; the mapping's, or UTC, if left out.", default=None)
@skip_known_option
@log_option(makes=True, required=False)
@as_json
def import_orders_table(
    sources: tuple[str, ...],
    table: str | None,
    query: str | None,
    lines: tuple[str, ...],
    mapping: str | None,
    propose: bool,
    dry_run: bool,
    orders: int,
    on_error: str,
    quarantine: str | None,
    tz: tzinfo | None,
    skip_known: bool,
    log: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Your own table of orders: a CSV, Excel, Parquet or JSON lines file, or a table of a database.

    SRC may be several files, a pattern in quotes ('orders-*.csv'), - for standard input, a SQLite file with --table or --query,
    or the URL of a database (postgresql://user@host/shop). Several files are read as one table.

    A mapping says which column is what. Begin with --propose, which looks at the table and writes one with what it
    guessed and what it could not know; correct it; look at the first orders with --dry-run; then import. Nothing is
    guessed in the import itself.

    \b
    Example:
      orders-es import table orders.csv --propose > shop.toml
      orders-es import table orders.csv --map shop.toml --dry-run
      orders-es import table orders.csv --map shop.toml --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    policy = require_quarantine(on_error, quarantine, "file")
    if propose and (mapping or dry_run):
        raise click.UsageError("--propose writes a mapping; --map and --dry-run go with one that is written")
    from orders_es.sources.order_tables import import_table, preview_table, propose_mapping
    from orders_es.sources.tables.options import TableOptions

    options = TableOptions(tz=tz, **reading)
    source, apart, shown = list(sources), list(lines) or None, " ".join(sources)
    if propose:
        text = propose_mapping(source, query=query, table=table, reading=options)
        if as_json:
            print_json({"source": " ".join(sources), "mapping": text})
        else:
            print_text(text.rstrip("\n"))
        return
    if mapping is None:
        raise click.UsageError(
            f"which column is what? Give --map TOML; orders-es import table {shown} --propose writes a first one"
        )
    if dry_run:
        preview = preview_table(
            source,
            mapping,
            query=query,
            table=table,
            lines=apart,
            orders=orders,
            on_error=policy,
            reading=options,
        )
        _show(preview, as_json)
        return
    log = log or os.environ.get("ORDERS_ES_LOG")
    if not log:
        raise click.UsageError("which log? Give --log DIR, or set ORDERS_ES_LOG")
    done = import_table(
        log,
        source,
        mapping,
        query=query,
        table=table,
        lines=apart,
        on_error=policy,
        quarantine=quarantine,
        reading=options,
        skip_known=skip_known,
        progress=somebody_watches(as_json),
    )
    tell_import(done, log, as_json)


def _show(preview: Preview, as_json: bool) -> None:
    from orders_es.cli.order_text import order_text, plain_state

    if as_json:
        print_json(
            {
                "rows": preview.rows,
                "orders": preview.orders,
                "events": preview.events,
                "quarantined": preview.quarantined,
                "first": [plain_state(order) for order in preview.first],
            }
        )
        return
    aside = f"; {count(preview.quarantined, 'row')} would be set aside" if preview.quarantined else ""
    for order in preview.first:
        print_text(order_text(order, "as it would be") + "\n")
    click.echo(
        f"{count(preview.rows, 'row')} would become {count(preview.events, 'event')} in {count(preview.orders, 'order')}{aside}. "
        "Nothing was imported"
    )
