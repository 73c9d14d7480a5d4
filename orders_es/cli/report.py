"""`orders-es report`: all read models at a moment, as files and one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import (
    allow_files_option,
    as_json,
    existing_log,
    log_option,
    moments,
    read_model_folders,
    read_models_option,
    report_folder,
    tables_form,
)
from orders_es.cli.output import count, print_json, print_text, printable, tell_notes

if TYPE_CHECKING:
    from datetime import datetime, tzinfo
    from typing import Literal

__all__ = ["report"]


@click.command(short_help="All read models at a moment, as files and one page that shows them.")
@report_folder
@moments
@tables_form
@click.option("--replace", is_flag=True, help="Replace a report that is there.")
@read_models_option(more="; they are in the report")
@allow_files_option
@log_option()
@log_lines
@as_json
def report(
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    form: Literal["parquet", "csv", "xlsx"],
    replace: bool,
    read_models: str | None,
    allow_files: bool,
    log: str,
    as_json: bool,
) -> None:
    """Write every read model to a folder, and index.html, one page with plots and the first rows of each.

    The page needs no network. It and each file say which log gave them, up to which position, and its root; all are of the
    same moment, even if others append meanwhile.

    \b
    Example:
      orders-es report --at 2011-06-30 --out june --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay import connect
    from orders_es.report import write_report

    if (Path(out) / "index.html").exists() and not replace:
        raise click.UsageError(f"{out} holds a report already; give --replace, or another folder")
    with (
        existing_log(log) as opened,
        connect(
            opened, read_models=read_model_folders(read_models), tz=tz, allow_files=allow_files, recorded_by=recorded_by
        ) as session,
    ):
        try:
            done = write_report(
                session,
                out,
                at=at,
                known_at=known_at,
                form=form,
                replace=replace,
                progress=somebody_watches(as_json),
            )
        except ImportError as error:
            raise click.UsageError(str(error)) from error
    tell_notes(done.notes)
    known = done.tables[0].provenance
    if as_json:
        tables = [{"name": table.provenance.name, "file": table.path, "rows": table.rows} for table in done.tables]
        print_json({"log": log, "page": done.page, "tables": tables, "provenance": known.to_dict()})
        return
    print_text(
        f"{printable(done.page)}: {count(len(done.tables), 'table')}, log up to position {known.position:,}, root {known.root}"
    )
    print_text(f"next: open {printable(done.page)} in a browser")
