"""What commands say while they run, on standard error: for people as it is, for collectors of logs with time and level, or not at all."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.text_table import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[..., None]

__all__ = ["is_quiet", "log_lines", "somebody_watches", "teller"]

_QUIET, _FORMAT = "orders_es.quiet", "orders_es.log_format"
_COMMAND = TypeVar("_COMMAND", bound="Callable[..., Any]")


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    assert param.name is not None
    if value:
        ctx.meta[f"orders_es.{param.name}"] = value


def log_lines(command: _COMMAND) -> _COMMAND:
    """The command with `--quiet` and `--log-format`, which `teller` heeds."""
    quiet = click.option(
        "--quiet",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="Say on standard error only what is wrong: no progress, no start.",
    )
    form = click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="Put time and level before each line on standard error, or make it one JSON object.",
    )
    return quiet(form(command))


def is_quiet() -> bool:
    """Whether no bar may be drawn: nobody wants it, or a program reads the lines."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(_QUIET) or ctx.meta.get(_FORMAT))


def somebody_watches(as_json: bool) -> bool:
    """Whether a person looks at standard error, so that a bar makes sense."""
    return sys.stderr.isatty() and not as_json and not is_quiet()


def teller(ctx: click.Context | None = None) -> Tell:
    """What says a line on standard error as this call of the command wants it; it may be called from any thread.

    Called with the text, and `level`: `info`, which `--quiet` leaves out, `warning` or `error`. Other facts are named, and are keys of
    the JSON object. `plain` is the text where no form was asked for.
    """
    known = ctx or click.get_current_context(silent=True)
    meta = {} if known is None else known.meta
    quiet, form = bool(meta.get(_QUIET)), meta.get(_FORMAT)
    name = "orders-es" if known is None else known.command_path

    def tell(text: str, *, level: str = "info", plain: str | None = None, **facts: Any) -> None:
        if quiet and level == "info":
            return
        if form is None:
            click.echo(text if plain is None else plain, err=True)
            return
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        said = printable(" ".join(text.split()))
        if form == "json":
            line = {"time": now, "level": level, "command": name, "message": said, **facts}
            click.echo(json.dumps(line, ensure_ascii=False), err=True)
        else:
            click.echo(f"{now} {level.upper():7} {said}", err=True)

    return tell
