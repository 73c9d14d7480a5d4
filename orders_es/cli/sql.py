"""The command `sql`: a query over all orders and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orders_es.cli.answers import json_rows, print_csv, print_rows, write_evidence, write_parquet
from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import (
    allow_files_option,
    as_json,
    existing_log,
    log_option,
    moments,
    read_model_folders,
    read_models_option,
)
from orders_es.cli.order_text import question_text
from orders_es.cli.output import count, print_json, print_text, printable, tell_notes

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

__all__ = ["sql"]


@click.command(short_help="A query over all orders and events, now or at any moment.")
@log_lines
@click.argument("query", metavar="[QUERY]", required=False)
@click.option(
    "-f",
    "--file",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Read the query from this file; - is standard input.",
)
@click.option(
    "--limit",
    metavar="ROWS",
    type=click.IntRange(min=0),
    help="Only so many rows, and only what they take is computed.",
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    default="",
    help="How much memory the query may use before it goes on in temporary files, such as 2GB.",
)
@moments
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in UTF-8: money as digits, times in UTC with Z.")
@click.option("--plain", is_flag=True, help="In CSV, leave text as it is that a spreadsheet would take for a formula.")
@click.option(
    "--parquet", metavar="OUT", type=click.Path(dir_okay=False), help="Write the answer to this Parquet file."
)
@click.option(
    "--evidence",
    "evidence",
    metavar="OUT",
    type=click.Path(dir_okay=False),
    help="Write to this file where the answer comes from: query, moments, log, root, rows, the sum of each numeric column.",
)
@read_models_option()
@allow_files_option
@log_option()
@as_json
def sql(
    query: str | None,
    file: str | None,
    limit: int | None,
    memory_limit: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    as_csv: bool,
    plain: bool,
    parquet: str | None,
    evidence: str | None,
    read_models: str | None,
    allow_files: bool,
    log: str,
    as_json: bool,
) -> None:
    """A query in DuckDB's SQL over `events`, `orders`, `order_items`, `daily_sales` and the other read models.

    --at and --known-at bind everything in the query to that moment, as in `show`. Each table also has a macro for moments
    of one's own: orders_at('2011-06-30', known_at := NULL). Days begin where --tz says.

    \b
    Example:
      orders-es sql "SELECT status, count(*), sum(total) FROM orders GROUP BY status" --at 2011-06-30 --log my-log
      orders-es sql "FROM daily_sales" --tz Europe/London --log my-log
      orders-es sql -f monthly.sql --csv --log my-log
      orders-es sql "FROM orders" --parquet orders.parquet --log my-log
      orders-es sql "FROM daily_sales" --csv --evidence june.csv.json --log my-log > june.csv
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay import connect
    from orders_es.replay.defining import MEMORY_LIMIT

    query = _query(query, file, limit)
    if plain and not as_csv:
        raise click.UsageError("--plain is about CSV; add --csv")
    if evidence is not None and parquet is not None:
        raise click.UsageError("a Parquet file has its evidence within; --evidence is for what is printed")
    if as_csv + as_json + (parquet is not None) > 1:
        raise click.UsageError("--csv, --json and --parquet are three forms of one answer; give one of them")
    with (
        existing_log(log) as opened,
        connect(
            opened,
            read_models=read_model_folders(read_models),
            tz=tz,
            memory_limit=memory_limit or MEMORY_LIMIT,
            allow_files=allow_files,
            recorded_by=recorded_by,
        ) as session,
    ):
        if parquet is not None:
            rows = write_parquet(session, query, parquet, at=at, known_at=known_at)
            tell_notes(session.notes(query, at=at, known_at=known_at))
            print_text(
                f"{count(rows, 'row')} in {printable(parquet)}, {question_text(at=at, known_at=known_at, recorded_by=recorded_by, zone=tz)}"
            )
            return
        answer = session.sql(query, at=at, known_at=known_at)
        if evidence is not None:
            write_evidence(session, answer, evidence, as_csv=as_csv, plain=plain)
    tell_notes(answer.notes)
    if as_csv:
        print_csv(answer, guard=not plain)
    elif as_json:
        names, rows_ = json_rows(answer)
        print_json(
            {"as_of": {"at": at, "known_at": known_at, "recorded_by": recorded_by}, "columns": names, "rows": rows_}
        )
    else:
        print_rows(answer, question_text(at=at, known_at=known_at, recorded_by=recorded_by, zone=tz), tz)


def _query(query: str | None, file: str | None, limit: int | None) -> str:
    """The query, wherever it stands, with its limit.

    Raises:
        click.UsageError: There is none, or there are two.
    """
    if (query is None) == (file is None):
        raise click.UsageError("give one query: as an argument, or with -f FILE (- is standard input)")
    if file is not None:
        with click.open_file(file, "rb") as opened:
            content = opened.read()
        try:
            query = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise click.UsageError(f"{file} is not text in UTF-8") from None
    assert query is not None
    if limit is None:
        return query
    # On lines of its own: the query may end in a comment.
    return f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) LIMIT {limit:d}"
