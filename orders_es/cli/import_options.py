"""The options that all imports of tables have; for `orders_es.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.sources.bad_rows import OnError

__all__ = ["on_error_option", "quarantine_option", "require_quarantine", "skip_known_option", "table_options"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def on_error_option(command: _Command) -> _Command:
    """`--on-error`: what is done about a bad row."""
    return click.option(
        "--on-error",
        type=click.Choice(["stop", "quarantine"]),
        default="stop",
        show_default=True,
        help="What to do about a bad row: import nothing and name it, or write all bad rows with their reasons to a file "
        "and import the rest.",
    )(command)


def quarantine_option(
    *, rows: str = "bad rows", of: str = "SRC", folder: str = "", metavar: str = "FILE"
) -> Callable[[_Command], _Command]:
    """`--quarantine`: where bad rows go.

    Args:
        rows: What goes there.
        of: The argument after which the file is called.
        folder: What the help says where it is a folder.
        metavar: What stands for the file in the help.
    """
    return click.option(
        "--quarantine",
        metavar="DIR" if folder else metavar,
        type=click.Path(file_okay=False) if folder else click.Path(dir_okay=False),
        help=folder
        or f"Where {rows} go; '<name of {of}>.quarantine.csv' in this folder if left out. Never overwritten.",
    )


def table_options(*, workbooks: bool = True) -> Callable[[_Command], _Command]:
    """What a file of rows may leave open.

    Args:
        workbooks: Whether the file may be one.
    """
    options = [
        click.option(
            "--verbatim",
            metavar="COLUMN",
            multiple=True,
            help="Take the ids of this column exactly as they are written.",
        ),
        click.option(
            "--repeated-hour",
            type=click.Choice(["earlier", "later"]),
            help="Which one a time is that the clock showed twice when summer time ended.",
        ),
        click.option(
            "--skipped-hour",
            type=click.Choice(["before"]),
            help="Read a time that the clock skipped when summer time began with the offset from before; refused if left out.",
        ),
        click.option(
            "--decimal", type=click.Choice(["point", "comma"]), help="What the decimals of numbers stand behind."
        ),
        click.option(
            "--date-format",
            metavar="FORMAT",
            help="How times are written, such as %d.%m.%y or epoch-s, epoch-ms, epoch-us, excel.",
        ),
        click.option(
            "--day-first/--month-first",
            "day_first",
            default=None,
            help="What comes first in 01/12/2010, where no other date of the column says it.",
        ),
        click.option(
            "--header-row",
            metavar="N",
            type=click.IntRange(min=1),
            help="The line or row in which the column names stand.",
        ),
        click.option(
            "--delimiter", metavar="CHAR", help="What stands between the fields of a CSV file: a character, or tab."
        ),
        click.option("--encoding", metavar="NAME", help="The encoding of a CSV file, such as utf-8 or cp1252."),
    ]
    if workbooks:
        options.append(
            click.option(
                "--hidden-rows",
                type=click.Choice(["read", "skipped"]),
                help="What becomes of rows that a filter or somebody has hidden in a workbook; a sheet that has some is refused if left out.",
            )
        )
        options.append(
            click.option(
                "--sheet",
                "sheets",
                metavar="NAME",
                multiple=True,
                help="Of a workbook, only this sheet; give it again for another.",
            )
        )

    def decorate(command: _Command) -> _Command:
        for option in options:
            command = option(command)
        return command

    return decorate


skip_known_option = click.option(
    "--skip-known",
    is_flag=True,
    help="Leave out orders that the log has already, the same, from another file. One that differs is an error all the same.",
)


def require_quarantine(on_error: str, quarantine: str | None, what: str) -> OnError:
    """What `--on-error` says, once `--quarantine` does not contradict it.

    Args:
        what: What `--quarantine` names: a file or a folder.

    Raises:
        click.UsageError: It names one, and nothing is set aside.
    """
    if quarantine is not None and on_error != "quarantine":
        raise click.UsageError(f"--quarantine names a {what} for bad rows; add --on-error quarantine to set them aside")
    return "quarantine" if on_error == "quarantine" else "stop"
