"""The command `catalog`: a DuckDB file with views of the log."""

from __future__ import annotations

import os
from pathlib import Path

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable

__all__ = ["catalog"]


@click.command(short_help="A DuckDB file with views of the log, for the plain duckdb client.")
@log_lines
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@log_option()
@as_json
def catalog(file: Path, replace: bool, log: str, as_json: bool) -> None:
    """Write a DuckDB file with the views and macros of `sql`, which anybody opens with the plain duckdb client.

    It holds no data, only where the log's files are, and shows the log as it is now. Write it again to see later events,
    and after a vacuum.

    \b
    Example:
      orders-es catalog orders.duckdb --log my-log
      duckdb orders.duckdb "SELECT * FROM orders_at('2011-06-30')"
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay.catalog import write_catalog

    if file.exists() and not replace:
        raise click.UsageError(f"{file} is there already; give --replace, or another name")
    with existing_log(log) as opened:
        head = write_catalog(opened, file)
    if as_json:
        print_json({"file": str(file), "log": os.fspath(log), "position": head.position, "root": head.root})
    else:
        print_text(f"{printable(str(file))} shows {printable(log)} up to position {head.position:,}")
