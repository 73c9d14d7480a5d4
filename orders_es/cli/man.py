"""The command `man`: the manual page, made from the commands as they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.output import print_json, print_text
from orders_es.files import asked_for, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["man"]

_EXIT_CODES = (
    ("0", "fine"),
    (
        "1",
        "the answer is bad news: no such order, a conflict, a breached limit, a log that does not verify, a full disk",
    ),
    ("2", "the call was wrong: an unknown option, a time that is none, a path that holds no log"),
    ("130", "interrupted with Ctrl-C; what was committed stays"),
    ("141", "whoever read the output left early, as head does"),
)


@click.command(short_help="The manual page, for man.")
@click.option("--install", is_flag=True, help="Put it where man looks for it, for this user.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the page, and where it was put.")
def man(install: bool, as_json: bool) -> None:
    """The manual page orders-es(1): every command with its options, as this version has them.

    \b
    Example:
      orders-es man | man -l -
      orders-es man --install
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    text = "\n".join(_page()) + "\n"
    place = None
    if install:
        base = os.environ.get("XDG_DATA_HOME")
        place = (Path(base) if base else Path.home() / ".local/share") / "man/man1/orders-es.1"
        with asked_for(place):
            write_whole(place, text.encode(), durable=False)
    if as_json:
        print_json({"installed": None if place is None else str(place), "page": text})
    elif place is None:
        print_text(text.rstrip("\n"))
    else:
        print_text(f"installed in {place}\nnext: man orders-es")


def _page() -> Iterator[str]:
    """The lines of the page, in roff."""
    from importlib.metadata import version

    from orders_es.cli.main import main

    context = click.Context(main, info_name="orders-es")
    number = _plain(version("orders_es"))
    yield f'.TH "ORDERS\\-ES" "1" "" "orders_es {number}" "User commands"'
    yield ".ad l"
    yield from (".SH NAME", "orders\\-es \\- an embedded time machine for orders")
    yield from (".SH SYNOPSIS", "\\fBorders\\-es\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...")
    yield ".SH DESCRIPTION"
    yield from _text(main.help or "")
    yield ".SH COMMANDS"
    yield from _commands(main, context)
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODES:
        yield from (".TP", f"\\fB{code}\\fR", _plain(meaning))
    yield ".SH ENVIRONMENT"
    yield from (".TP", "\\fBORDERS_ES_LOG\\fR", "the log, where no \\-\\-log is given")
    yield from (".TP", "\\fBORDERS_ES_MODELS\\fR", "the read\\-model file, where no \\-\\-models is given")


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, below)
            continue
        usage = " ".join([below.command_path, *command.collect_usage_pieces(below)])
        yield f'.SS "{_plain(usage)}"'
        yield from _text(command.help or "")
        for parameter in command.get_params(below):
            record = parameter.get_help_record(below)
            if record is not None:
                yield from (".TP", f"\\fB{_plain(record[0])}\\fR", _plain(record[1]) or "\\&")


def _text(text: str) -> Iterator[str]:
    """A help text as paragraphs; what click was told not to wrap is not filled."""
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and lines[0] == "\b":
            yield from (".PP", ".nf", *map(_plain, lines[1:]), ".fi")
        else:
            yield from (".PP", _plain(" ".join(lines)))


def _plain(text: str) -> str:
    r"""A text as roff shows it: no backslash, hyphen, quote or leading dot that it would take for a command.

    Example:
        >>> _plain(".duckdb --log")
        '\\&.duckdb \\-\\-log'
    """
    shown = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{shown}" if shown[:1] in {".", "'"} else shown
