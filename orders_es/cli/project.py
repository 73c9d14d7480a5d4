"""The commands that keep read models up to date: `project run`, `follow`, `rebuild`, `rollback`, `status` and `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.log_lines import log_lines, somebody_watches, teller
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable, table
from orders_es.cli.project_options import definition_options, models_option, projector
from orders_es.cli.stopping import stopping
from orders_es.errors import NoReadModels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.errors import OrdersEsError
    from orders_es.projections import Difference, Ran

__all__ = ["project"]

_names = click.argument("names", metavar="[NAME]...", nargs=-1)
_name = click.argument("name", metavar="NAME")
_batch = click.option(
    "--batch-size",
    metavar="EVENTS",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="At most so many events a batch.",
)


@click.group(short_help="Keep read models up to date in a DuckDB file.")
def project() -> None:
    """Keep read models up to date in a DuckDB file, which notebooks read.

    A projection is a read model, by its name, or a Python object that --handlers names. Each has its own checkpoint, which is
    committed together with what it stands for. docs/projections.md says what is promised.
    """


@project.command(short_help="Catch up with the log, and stop.")
@_names
@_batch
@definition_options
@models_option
@log_option()
@log_lines
@as_json
def run(names: tuple[str, ...], models: str, log: str, as_json: bool, **options: Any) -> None:
    """Catch projections up with the log, one after the other; exits with 1 if one could not be.

    Without NAME: those handlers given and the read models that the file has; all read models, if it has none yet. What an
    earlier run was asked for that was killed is finished too; what cannot be is named, and the exit code is 1.

    \b
    Example:
      orders-es project run orders order_items --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.projections import ReadModels

    with existing_log(log, writes=True) as opened:
        runner = projector(opened, models, names, progress=somebody_watches(as_json), **options)
        ran = runner.try_run()
    there = {one.projection for one in ran}
    _tell(ran, models, as_json=as_json, missing=[name for name in ReadModels(models).unfinished() if name not in there])


@project.command(short_help="Catch up, then go on as the log grows, until stopped.")
@_names
@click.option(
    "--poll",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=0.05,
    show_default=True,
    help="Between two looks for a new commit.",
)
@_batch
@definition_options
@models_option
@log_option()
@log_lines
@as_json
def follow(names: tuple[str, ...], poll: float, models: str, log: str, as_json: bool, **options: Any) -> None:
    """Catch projections up, then process every commit as any process makes it. Ctrl-C or SIGTERM: finish the batch and end.

    Each projection goes its own way; one that fails says so at once and ends, and the others go on.

    \b
    Example:
      orders-es project follow orders order_items --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    said: set[tuple[str, str]] = set()
    tell = teller()

    def told(name: str, error: OrdersEsError, ended: bool) -> None:
        if ended or (name, type(error).__name__) not in said:
            said.add((name, type(error).__name__))
            text = f"{name}: {error}{'' if ended else '; trying again'}"
            tell(text, level="error" if ended else "warning", plain=f"orders-es: {text}", projection=name)

    with existing_log(log, writes=True) as opened, stopping() as stop:
        runner = projector(opened, models, names, **options)
        if not as_json:
            which = ", ".join(projection.name for projection in runner.projections)
            tell(f"following {printable(log)} into {printable(models)}: {which}; Ctrl-C ends it")
        ran = runner.try_follow(stop, poll=poll, notify=told)
    _tell(ran, models, as_json=as_json, said=True)


@project.command(short_help="Build a projection's tables anew beside the old, compare, and swap.")
@_name
@click.option("--dry-run", is_flag=True, help="Only compare; nothing changes.")
@definition_options
@models_option
@log_option()
@log_lines
@as_json
def rebuild(name: str, dry_run: bool, models: str, log: str, as_json: bool, **options: Any) -> None:
    """Build the tables of NAME anew from the log, compare them with those that serve, and let the new ones serve.

    Until that last step the old ones go on serving, whatever happens. They are kept, and `project rollback` lets them serve
    again. With --dry-run, exits with 1 if the tables differ.

    \b
    Example:
      orders-es project rebuild orders --dry-run --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    with existing_log(log, writes=True) as opened:
        runner = projector(opened, models, [name], progress=somebody_watches(as_json), **options)
        done = runner.rebuild(runner.projections[0].name, dry_run=dry_run)
    if as_json:
        print_json({"models": models, **{key: getattr(done, key) for key in done.__slots__}, "same": done.same})
    else:
        for difference in done.differences:
            _tell_difference(difference)
        what = f"generation {done.generation} serves" if done.promoted else "nothing was changed"
        print_text(f"{printable(name)}: compared at position {done.position:,}; {what} ({done.seconds:.1f} s)")
    if dry_run and not done.same:
        click.get_current_context().exit(1)


@project.command(short_help="Let the tables of before the last rebuild serve again.")
@_name
@definition_options
@models_option
@log_option()
@as_json
def rollback(name: str, models: str, log: str, as_json: bool, **options: Any) -> None:
    """Let the generation of tables serve that did before the last rebuild of NAME. Asked again, it goes back.

    \b
    Example:
      orders-es project rollback orders --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    with existing_log(log) as opened:
        state = projector(opened, models, [name], **options).rollback(name)
    if as_json:
        print_json({"models": models, **{key: getattr(state, key) for key in state.__slots__}})
    else:
        click.echo(f"{name}: generation {state.generation} serves, up to position {state.checkpoint:,}")


@project.command(short_help="Which projections the file has, and how far each is.")
@models_option
@log_option(required=False)
@as_json
def status(models: str, log: str | None, as_json: bool) -> None:
    """Which projections the file has, who runs them, and up to which position their tables go. Changes nothing.

    How far behind they are, and whether that is a worry, `lag` says.

    \b
    Example:
      orders-es project status --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from datetime import UTC, datetime

    from orders_es.projections import ReadModels
    from orders_es.projections.file.runner_file import sources_folder, who_runs
    from orders_es.projections.lag.judgement import LagLimits
    from orders_es.projections.lag.sources import lag_of_sources

    file = ReadModels(models)
    missing = file.unfinished()
    try:
        states, letters = file.status(), file.dead_letters()
    except NoReadModels:
        if not missing and not any(sources_folder(file.path).glob("*.json")):
            raise
        states, letters = [], []  # a run was killed before it had made the file
    head = None
    if log:
        with existing_log(log) as opened:
            head = opened.head().position
    rows = [
        {
            **{key: getattr(state, key) for key in state.__slots__},
            "head_position": head,
            "runner": who_runs(file.path, state.name),
            "dead_letters": sum(letter.projection == state.name and letter.state == "open" for letter in letters),
        }
        for state in states
    ]
    sources = lag_of_sources(file.path, datetime.now(UTC), LagLimits())
    if as_json:
        followed = [one.to_dict() for one in sources]
        print_json({"models": models, "log": log, "projections": rows, "sources": followed, "unfinished": missing})
        return
    heads = ["projection", "kind", "version", "generation", "position", "of", "status", "runner", "dead letters"]
    cells = [
        [
            printable(row["name"]),
            row["kind"],
            str(row["version"]),
            str(row["generation"]),
            f"{row['checkpoint']:,}",
            "" if head is None else f"{head:,}",
            row["status"],
            "" if row["runner"] is None else f"process {row['runner']['pid']}",
            f"{row['dead_letters']:,}" if row["dead_letters"] else "",
        ]
        for row in rows
    ]
    print_text(table(cells, heads=heads, right="llrrrrllr", indent=0) if cells else "no projections yet")
    for row in rows:
        if row["error"]:
            print_text(f"{printable(row['name'])}: {printable(row['error'])}")
    for one in sources:
        refused = f"; {count(one.dead_letters, 'line')} refused" if one.dead_letters else ""
        print_text(f"{printable(one.projection)}: {one.state}, {printable(one.reason)}{refused}")
    if missing:
        print_text(_incomplete(models, missing))


def _incomplete(models: str, names: list[str]) -> str:
    return (
        f"incomplete: a run was asked for {', '.join(map(printable, names))} and ended before that was done; "
        f"`orders-es project run --models {printable(models)}` finishes it"
    )


@project.command(short_help="Remove a projection and its tables from the file.")
@_name
@models_option
@log_option()
@as_json
def drop(name: str, models: str, log: str, as_json: bool) -> None:
    """Remove NAME from the file: its tables, its checkpoint, its dead letters. The log is not touched.

    \b
    Example:
      orders-es project drop orders --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.projections import Projector

    with existing_log(log) as opened:
        Projector(opened, models, []).drop(name)
    if as_json:
        print_json({"models": models, "dropped": name})
    else:
        click.echo(f"{name} is gone from {models}")


def _tell(ran: list[Ran], models: str, *, as_json: bool, said: bool = False, missing: Sequence[str] = ()) -> None:
    """Print what projections came to, and exit with 1 if one has an error, or one that was asked for earlier is missing."""
    errors = [one for one in ran if one.error is not None]
    if as_json:
        print_json(
            {
                "models": models,
                "projections": [
                    {key: getattr(one, key) for key in one.__slots__ if key != "error"}
                    | {"error": None if one.error is None else str(one.error)}
                    for one in ran
                ],
                "unfinished": list(missing),
            }
        )
    else:
        for one in ran:
            print_text(
                f"{printable(one.projection)}: {'up to' if one.error is None else 'stands at'} position {one.position:,} of "
                f"{one.head_position:,}, {count(one.events, 'event')} in {count(one.batches, 'batch', 'batches')} "
                f"({one.seconds:.1f} s)"
            )
    tell = teller()
    if errors and not said:
        for one in errors:
            text = f"{one.projection}: {one.error}"
            tell(text, level="error", plain=f"orders-es: {text}", projection=one.projection)
    if missing:
        text = (
            f"not done yet, though an earlier run was asked for it: {', '.join(missing)}. Run it by its name (with "
            "--handlers, --read-models or --to, as then), or give it up by `orders-es project drop`"
        )
        tell(text, level="error", plain=f"orders-es: {text}", unfinished=list(missing))
    if errors or missing:
        click.get_current_context().exit(1)


def _tell_difference(difference: Difference) -> None:
    name = printable(difference.table)
    if difference.same:
        print_text(f"{name}: the same {count(difference.rows_after, 'row')}")
        return
    print_text(
        f"{name}: {difference.rows_before:,} rows before, {difference.rows_after:,} rebuilt; {difference.only_before:,} only "
        f"before, {difference.only_after:,} only rebuilt, {difference.changed:,} changed"
    )
    for what, columns in (("removed", difference.columns_removed), ("added", difference.columns_added)):
        if columns:
            print_text(f"  columns {what}: {', '.join(map(printable, columns))}")
    for sample in difference.samples:
        print_text(
            f"  {sample.kind}: {_row(sample.before)}{' -> ' if sample.kind == 'changed' else ''}{_row(sample.after)}"
        )


def _row(values: dict[str, Any]) -> str:
    return ", ".join(f"{printable(name)}={printable(str(value), 40)}" for name, value in values.items())
