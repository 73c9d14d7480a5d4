"""The commands that hand tables on, and that check one: `export model`, `export sql` and `export check`."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.jsonl import export
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import (
    allow_files_option,
    as_json,
    existing_log,
    log_option,
    moments,
    read_model_folders,
    read_models_option,
)
from orders_es.cli.output import count, print_json, print_text, printable
from orders_es.orders.moments import spoken

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from orders_es.export import Exported
    from orders_es.log import EventLog
    from orders_es.read_models import Folders

__all__ = ["check", "export", "model", "query"]

_Answer = TypeVar("_Answer")
_Command = TypeVar("_Command", bound="Callable[..., Any]")

_MARKS = {True: "ok", False: "BAD", None: "note"}
_out = click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))


def _written(command: _Command) -> _Command:
    """What is written, and where to: the options that `_export` takes."""
    for option in (
        as_json,
        log_option(),
        allow_files_option,
        read_models_option(),
        click.option("--replace", is_flag=True, help="Replace the file if it is there."),
        click.option(
            "--plain", is_flag=True, help="In CSV, leave text as it is that a spreadsheet would take for a formula."
        ),
        moments,
        _out,
    ):
        command = option(command)
    return command


@export.command(short_help="A read model, at any moment, as a Parquet, CSV or Excel file.")
@log_lines
@click.argument("name", metavar="NAME")
@_written
def model(name: str, out: str, **given: Any) -> None:
    """Write the read model NAME, or `events`, to OUT, whose ending says how: .parquet, .csv or .xlsx.

    The file says which log gave it: its identity, its last position and root, the moment, and the definition's hash. A
    Parquet file has that in its metadata, a workbook on its first sheet, a CSV file in OUT.json beside it.

    \b
    Example:
      orders-es export model orders june.xlsx --at 2011-06-30 --log my-log
      orders-es export check june.xlsx --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if not re.fullmatch(r"\w+", name):
        raise click.UsageError(f"{name!r} is no read model's name; for a query there is export sql")
    _export(name, out, **given)


@export.command(name="sql", short_help="The answer to a query, at any moment, as a Parquet, CSV or Excel file.")
@log_lines
@click.argument("query", metavar="QUERY")
@_written
def query(query: str, out: str, **given: Any) -> None:
    """Write the answer to QUERY, one SELECT as in `sql`, to OUT, as `export model` does. OUT holds the query as well.

    \b
    Example:
      orders-es export sql "SELECT status, sum(total) AS total FROM orders GROUP BY ALL ORDER BY 1" totals.csv --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    _export(query, out, **given)


@export.command(short_help="Check an exported file against a log.")
@log_lines
@click.argument("file", metavar="FILE", type=click.Path(exists=True))
@click.option("--key", metavar="VKEY", help="Of a folder: the public key that should have signed it, or its file.")
@click.option("--alone", is_flag=True, help="Hold the file to what it says of itself only; that needs no log.")
@read_models_option()
@allow_files_option
@log_option(required=False)
@as_json
def check(
    file: str, key: str | None, alone: bool, read_models: str | None, allow_files: bool, log: str | None, as_json: bool
) -> None:
    """Check that FILE is as it was written and holds what the log gives: an exported file, or a folder that `audit` or `report` filled.

    First its rows are counted and its numeric columns added up, and JSON lines hashed to the log's root: that finds a file that was
    edited. Then the log's events up to the position that FILE names are hashed and compared with the root that it names, and the table
    is computed again and compared row by row. The log may have grown since, or be a copy. Exit code 1 if anything differs.

    \b
    Example:
      orders-es export check june.xlsx --log my-log
      orders-es export check june.xlsx --alone
      orders-es export check audit-june --key shop.key.pub --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from pathlib import Path

    from orders_es.export import check_export

    if Path(file).suffix == ".html" and Path(file).with_name("evidence.json").is_file():
        file = os.path.dirname(file) or "."  # noqa: PTH120 - as it was given
    is_folder = Path(file).is_dir()
    if key is not None and not is_folder:
        raise click.UsageError("--key is about a folder that audit filled and signed; a single file has no signature")
    log = None if alone else log or os.environ.get("ORDERS_ES_LOG") or None
    if log is None and not alone:
        raise click.UsageError("which log? Give --log DIR, or set ORDERS_ES_LOG, or look at the file alone: --alone")
    with nullcontext() if log is None else existing_log(log) as opened:
        if is_folder:
            _check_folder(file, opened, key, read_model_folders(read_models), as_json=as_json, allow_files=allow_files)
            return
        checked = _reading(
            lambda: check_export(
                file,
                opened,
                read_models=read_model_folders(read_models),
                allow_files=allow_files,
                progress=somebody_watches(as_json),
            )
        )
    if as_json:
        findings = [{"about": f.about, "good": f.good, "text": f.text} for f in checked.findings]
        print_json({"file": file, "ok": checked.ok, "findings": findings, "provenance": checked.provenance.to_dict()})
    else:
        for finding in checked.findings:
            print_text(f"{_MARKS[finding.good]:<5} {printable(finding.text)}")
        known = checked.provenance
        what = f"{printable(known.title)} as of position {known.position:,} of {printable(known.origin)}"
        says = "says that it holds" if alone else "holds"
        print_text(f"{printable(file)} {says} {what}" if checked.ok else f"{printable(file)} is NOT {what}")
    if not checked.ok:
        click.get_current_context().exit(1)


def _check_folder(
    folder: str, log: EventLog | None, key: str | None, read_models: Folders, *, as_json: bool, allow_files: bool
) -> None:
    from orders_es.report.auditing import check_audit

    watched = somebody_watches(as_json)
    checked = _reading(
        lambda: check_audit(folder, log, key=key, read_models=read_models, progress=watched, allow_files=allow_files)
    )
    said = checked.evidence
    if as_json:
        findings = [{"about": f.about, "good": f.good, "text": f.text} for f in checked.findings]
        print_json({"file": folder, "ok": checked.ok, "findings": findings, "evidence": said})
    else:
        for finding in checked.findings:
            print_text(f"{_MARKS[finding.good]:<5} {printable(finding.about)}: {printable(finding.text)}")
        kind = "report" if "report" in said["format"] else "audit"
        what = f"the {kind} of {printable(said['origin'])} as of position {said['position']:,}"
        print_text(f"{printable(folder)} {'is' if checked.ok else 'is NOT'} {what}")
    if not checked.ok:
        click.get_current_context().exit(1)


def _reading(ask: Callable[[], _Answer]) -> _Answer:
    """What a question gives; without the library that it needs, an error in one line."""
    try:
        return ask()
    except ImportError as error:
        raise click.UsageError(str(error)) from error


def _export(
    source: str,
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    plain: bool,
    replace: bool,
    read_models: str | None,
    allow_files: bool,
    log: str,
    as_json: bool,
) -> None:
    from pathlib import Path

    from orders_es.export import export as write
    from orders_es.replay import connect

    if Path(out).exists() and not replace:
        raise click.UsageError(f"{out} is there already; give --replace, or another name")
    with (
        existing_log(log) as opened,
        connect(
            opened, read_models=read_model_folders(read_models), tz=tz, allow_files=allow_files, recorded_by=recorded_by
        ) as session,
    ):
        done = write(session, source, out, at=at, known_at=known_at, guard=not plain)
    if as_json:
        known = done.provenance.to_dict()
        print_json({"log": log, "files": list(done.files), "rows": done.rows, "provenance": known})
    else:
        print_text(f"{' and '.join(map(printable, done.files))}: {count(done.rows, 'row')}, {_standing(done, tz)}")


def _standing(done: Exported, tz: tzinfo) -> str:
    known = done.provenance
    moments = [
        f"{name} {spoken(moment, tz)}"
        for name, moment in (
            ("at", known.at),
            ("known at", known.known_at),
            ("recorded by", known.asked_recorded_by),
        )
        if moment is not None
    ]
    return ", ".join([*moments, f"log up to position {known.position:,}, root {known.root}"])
