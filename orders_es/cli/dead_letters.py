"""The commands on events that projections could not process: `dead-letters list`, `show`, `retry` and `discard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable, table
from orders_es.cli.project_options import definition_options, models_option, number_argument, projector
from orders_es.errors import NoSuchDeadLetter
from orders_es.orders.moments import format_instant

if TYPE_CHECKING:
    from orders_es.projections import DeadLetter

__all__ = ["dead_letters"]

_ERROR_WIDTH = 60


@click.group(name="dead-letters", short_help="Events that projections could not process.")
def dead_letters() -> None:
    """Events that projections could not process, kept with their errors in the read-model file."""


@dead_letters.command("list", short_help="All open dead letters.")
@click.option("--projection", metavar="NAME", help="Only those of this projection.")
@click.option("--all", "all_", is_flag=True, help="Those that were retried or discarded as well.")
@models_option
@log_option(required=False)
@as_json
def list_(projection: str | None, all_: bool, models: str, log: str | None, as_json: bool) -> None:
    """The open dead letters, by position; exits with 1 if there are any.

    With --log also the lines of followed sources that no event could be made of. They stay where they are: mend the
    mapping, and follow the source into a log of its own.

    \b
    Example:
      orders-es dead-letters list --models shop.duckdb
      orders-es dead-letters list --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    lines = [] if log is None or projection is not None else _refused(log)
    found = [letter for letter in _letters(models, projection) if all_ or letter.state == "open"]
    if as_json:
        print_json({"models": models, "dead_letters": [_short(letter) for letter in found], "refused_lines": lines})
    elif not found:
        click.echo("no dead letters")
    else:
        cells = [
            [
                str(letter.id),
                printable(letter.projection),
                f"{letter.position:,}",
                printable(letter.stream_id, 30),
                printable(letter.type),
                "waits" if letter.blocked and letter.state == "open" else letter.state,
                str(letter.attempts),
                printable(letter.error, _ERROR_WIDTH),
            ]
            for letter in found
        ]
        heads = ["number", "projection", "position", "stream", "type", "state", "tries", "error"]
        print_text(table(cells, heads=heads, right="rlrlllrl", indent=0))
    if not as_json:
        for line in lines:
            print_text(
                f"{printable(line['source'])} at {printable(line['place'])}: {printable(line['reason'], _ERROR_WIDTH)}"
            )
        if lines:
            print_text(f"{count(len(lines), 'line')} of followed sources refused: orders-es followed --refused")
    if any(letter.state == "open" for letter in found):
        click.get_current_context().exit(1)


def _refused(log: str) -> list[dict[str, Any]]:
    """The lines of followed sources that a log keeps as refused."""
    from orders_es.sources.streams.progress import refused_lines

    with existing_log(log) as opened:
        return refused_lines(opened)


@dead_letters.command(short_help="One dead letter, with its traceback.")
@number_argument
@models_option
@log_option(required=False)
@as_json
def show(number: int, models: str, log: str | None, as_json: bool) -> None:
    """One dead letter: the event, how often it was tried, the error and its traceback.

    \b
    Example:
      orders-es dead-letters show 3 --models shop.duckdb
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    del log  # as above
    letter = _letter(models, number)
    if as_json:
        print_json(
            {
                "models": models,
                **{key: getattr(letter, key) for key in letter.__slots__},
                "event_id": str(letter.event_id),
            }
        )
        return
    print_text(
        f"dead letter {letter.id} of {printable(letter.projection)}: {letter.state}"
        f"{', waits behind an earlier one' if letter.blocked else ''}\n"
        f"event {letter.event_id}: {printable(letter.type)} at position {letter.position:,}, version {letter.version} of "
        f"{printable(letter.stream_id)}\n"
        f"{count(letter.attempts, 'try', 'tries')}, first {format_instant(letter.first_failed_at)}, last "
        f"{format_instant(letter.last_failed_at)}\n{printable(letter.error)}"
    )
    for line in letter.traceback.splitlines():
        print_text("  " + printable(line))


@dead_letters.command(short_help="Try dead letters again.")
@click.argument("number", metavar="[NUMBER]", type=click.IntRange(min=1), required=False)
@click.option("--projection", metavar="NAME", help="All of this projection.")
@definition_options
@models_option
@log_option()
@as_json
def retry(number: int | None, projection: str | None, models: str, log: str, as_json: bool, **options: Any) -> None:
    """Try dead letter NUMBER again, or all of a projection; exits with 1 if one fails again.

    Within a stream they are tried in order: those before NUMBER in its stream come first.

    \b
    Example:
      orders-es dead-letters retry 3 --handlers shop.mails:handlers --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if (number is None) == (projection is None):
        raise click.UsageError("which? Give the NUMBER of one, or --projection NAME for all of a projection")
    name = projection or _letter(models, number or 0).projection
    with existing_log(log, writes=True) as opened:
        tried = projector(opened, models, [name], **options).retry(name, number)
    still = [letter for letter in tried if letter.state == "open"]
    if as_json:
        print_json({"models": models, "dead_letters": [_short(letter) for letter in tried]})
    else:
        print_text(f"{len(tried) - len(still):,} of {count(len(tried), 'dead letter')} processed")
        for letter in still:
            print_text(f"{letter.id} at position {letter.position:,}: {printable(letter.error)}")
    if still:
        click.get_current_context().exit(1)


@dead_letters.command(short_help="Give a dead letter up.")
@number_argument
@models_option
@log_option()
@as_json
def discard(number: int, models: str, log: str, as_json: bool) -> None:
    """Give dead letter NUMBER up: its event is never processed. What waits behind it does so until it is tried again.

    \b
    Example:
      orders-es dead-letters discard 3 --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.projections import Projector

    with existing_log(log) as opened:
        letter = Projector(opened, models, []).discard(_letter(models, number).projection, number)
    if as_json:
        print_json({"models": models, **_short(letter)})
    else:
        click.echo(f"dead letter {number} is discarded; {letter.projection} goes on without that event")


def _letters(models: str, projection: str | None = None) -> list[DeadLetter]:
    from orders_es.projections import ReadModels

    return ReadModels(models).dead_letters(projection)


def _letter(models: str, number: int) -> DeadLetter:
    for letter in _letters(models):
        if letter.id == number:
            return letter
    raise NoSuchDeadLetter(number)


def _short(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter without its traceback, which `show` prints."""
    named = {key: getattr(letter, key) for key in letter.__slots__ if key != "traceback"}
    return named | {"event_id": str(letter.event_id)}
