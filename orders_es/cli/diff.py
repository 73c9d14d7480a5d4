"""The command `diff`: what changed between two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.answers import write_evidence
from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import (
    as_json,
    evidence_option,
    existing_log,
    instant,
    log_option,
    order_id,
    read_model_folders,
    read_models_option,
    zone_option,
)
from orders_es.cli.order_lookup import order_lookup
from orders_es.cli.order_text import question_text
from orders_es.cli.output import count, money, print_json, print_text, printable, table, tell_notes

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from orders_es.log import EventLog
    from orders_es.orders import AsOf

__all__ = ["diff"]

_SHOWN_ROWS = 100


@click.command(short_help="What changed between two moments.")
@log_lines
@click.option("--from", "from_", metavar="TIME", callback=instant, help="The first moment; now if left out.")
@click.option("--to", metavar="TIME", callback=instant, help="The second moment; now if left out.")
@click.option("--known-from", metavar="TIME", callback=instant, help="The first state as it was known then.")
@click.option("--known-to", metavar="TIME", callback=instant, help="The second state as it was known then.")
@click.option(
    "--recorded-by-from", metavar="TIME", callback=instant, help="The first state as this log had recorded it by then."
)
@click.option(
    "--recorded-by-to", metavar="TIME", callback=instant, help="The second state as this log had recorded it by then."
)
@click.option("--order", metavar="ORDER", callback=order_id, help="Only this order.")
@click.option("--model", metavar="NAME", help="The rows of this read model that differ, and what made them differ.")
@read_models_option()
@zone_option("Where a time without a zone is read, and where times are shown.")
@evidence_option
@log_option()
@as_json
def diff(
    from_: datetime | None,
    to: datetime | None,
    known_from: datetime | None,
    known_to: datetime | None,
    recorded_by_from: datetime | None,
    recorded_by_to: datetime | None,
    order: str | None,
    model: str | None,
    read_models: str | None,
    tz: tzinfo,
    evidence: str | None,
    log: str,
    as_json: bool,
) -> None:
    """Which orders differ between two moments, and in what; with --model, which rows of a read model, and by which events.

    --from and --to are moments at which things happened, as known today. --known-from and --known-to say what was known
    by then: entered, as its source says, or else recorded. So the same moment twice, known differently, shows what came to be known
    about it later. --recorded-by-from and --recorded-by-to ask the log's own clock alone, whatever sources say.

    \b
    Example:
      orders-es diff --from 2011-05-31 --to 2011-06-30 --log my-log
      orders-es diff --from 2011-05-31 --known-from 2011-05-31 --to 2011-05-31 --log my-log
      orders-es diff --model customer_value --from 2011-05-31 --to 2011-06-30 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import replay
    from orders_es.orders import AsOf

    asked: list[dict[str, Any]] = [
        {"at": at, "known_at": known_at, "recorded_by": recorded_by}
        for at, known_at, recorded_by in ((from_, known_from, recorded_by_from), (to, known_to, recorded_by_to))
    ]
    before, after = (AsOf(**side) for side in asked)
    if model is not None and order is not None:
        raise click.UsageError(
            "--order is for orders, and a read model's rows are told apart by other things; leave one out"
        )
    if model is None and read_models is not None:
        raise click.UsageError("--read-models says where --model looks; name the read model with --model")
    if model is not None:
        with existing_log(log) as opened:
            _diff_of_model(opened, model, read_models, (before, after), asked, tz, evidence, as_json=as_json)
        return
    with existing_log(log) as opened, order_lookup(opened, order or ""):
        answer = replay.diff(opened, before, after, order_id=order)
        if evidence is not None:
            with replay.connect(opened, tz=tz) as session:
                write_evidence(session, answer, evidence)
    rows = answer.to_arrow().to_pylist()
    if as_json:
        print_json({"from": asked[0], "to": asked[1], "changes": rows})
        return
    spoken = [question_text(**side, zone=tz) for side in asked]
    print_text(f"{count(len(rows), 'order')} changed; from: {spoken[0]}; to: {spoken[1]}")
    if rows:
        heads = ["order", "", "status", "total", "difference", "what"]
        print_text("\n" + table([_cells(row) for row in rows[:_SHOWN_ROWS]], heads=heads, right="lllrrl", indent=0))
    if len(rows) > _SHOWN_ROWS:
        print_text(f"… and {len(rows) - _SHOWN_ROWS:,} more; --json gives all")


def _diff_of_model(
    log: EventLog,
    model: str,
    folder: str | None,
    sides: tuple[AsOf, AsOf],
    asked: list[dict[str, Any]],
    tz: tzinfo,
    evidence: str | None,
    *,
    as_json: bool,
) -> None:
    """Print which rows of a read model differ, what of them, and the events that made it so."""
    from orders_es.replay import connect

    with connect(log, tz=tz, read_models=read_model_folders(folder)) as session:
        answer = session.diff(model, from_=sides[0], to=sides[1])
        rows = answer.to_arrow().to_pylist()
        known = next(each for each in session.models if each.name == model)
        if evidence is not None:
            write_evidence(session, answer, evidence)
    if as_json:
        print_json({"model": model, "from": asked[0], "to": asked[1], "changes": rows, "notes": list(answer.notes)})
        return
    tell_notes(answer.notes)
    spoken = [question_text(**side, zone=tz) for side in asked]
    print_text(f"{count(len(rows), 'row')} of {model} changed; from: {spoken[0]}; to: {spoken[1]}")
    if rows:
        cells = [
            [
                *(printable("" if row[key] is None else str(row[key]), 40) for key in known.key),
                row["change"],
                printable(_figures(row, tz), 80),
                printable(row["caused_by"] or "", 60),
            ]
            for row in sorted(rows, key=lambda row: not row["causes"])[:_SHOWN_ROWS]
        ]
        without = sum(not row["causes"] for row in rows)
        if without:
            print_text(
                f"{count(without, 'row')} without a cause of their own, last: ages and ranks move with time and with others"
            )
        print_text("\n" + table(cells, heads=[*known.key, "", "what", "caused by"], indent=0))
    if len(rows) > _SHOWN_ROWS:
        print_text(f"… and {len(rows) - _SHOWN_ROWS:,} more; --json gives all")


def _figures(row: dict[str, Any], tz: tzinfo) -> str:
    """What differs of a row that was there before and after, as it was and is."""
    from orders_es.replay.cell_text import cell_of

    if row["change"] != "changed":
        return ""
    return ", ".join(
        f"{name} {' -> '.join(cell_of(row[f'{name}_{side}'], tz, row.get('currency')) or '-' for side in ('before', 'after'))}"
        for name in row["changed"]
    )


def _cells(row: dict[str, Any]) -> list[str]:
    was, is_ = row["status_before"], row["status_after"]
    status = is_ if was == is_ else " -> ".join(text for text in (was, is_) if text)
    total = "" if row["total_after"] is None else money(row["total_after"], row["currency_after"])
    what = ", ".join(row["changed"]) if row["change"] == "changed" else ""
    return [
        printable(row["order_id"]),
        row["change"],
        status,
        total,
        money(row["total_difference"], row["currency_after"] or row["currency_before"]),
        printable(what, 60),
    ]
