"""Options that several commands share, and how their text becomes a value."""

from __future__ import annotations

import os
import re
import shlex
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.order_lookup import FILLING
from orders_es.cli.output import PASSED_OVER, tell_notes
from orders_es.errors import InvalidTime, NotALog
from orders_es.log.limits import check_stream_id
from orders_es.log.redacting import without_password
from orders_es.orders.moments import parse_instant, parse_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.decider import Decider
    from orders_es.log import EventLog

__all__ = [
    "allow_files_option",
    "as_json",
    "both_clocks",
    "domain_option",
    "domains",
    "duration",
    "evidence_option",
    "existing_log",
    "find_modules_here",
    "instant",
    "log_option",
    "moments",
    "order_argument",
    "order_id",
    "read_model_folders",
    "read_models_option",
    "report_folder",
    "tables_form",
    "zone_option",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_AS_CLOSED = "orders_es.as_closed"
_CLOSE = "orders_es.close"
_DOMAINS = "orders_es.domains"
TOLERATES = "orders_es.tolerates"
"""Whether the command at hand passes over events that the program does not know."""
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON: money as strings, times in UTC with Z.")
evidence_option = click.option(
    "--evidence",
    metavar="OUT",
    type=click.Path(dir_okay=False),
    help="Write to this file where the answer comes from, its rows, and the sum of each numeric column.",
)


report_folder = click.option(
    "--out", metavar="DIR", required=True, type=click.Path(file_okay=False), help="The folder for the report."
)


tables_form = click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv", "xlsx"]),
    default="parquet",
    show_default=True,
    help="The kind of file for the tables.",
)


allow_files_option = click.option(
    "--allow-files",
    is_flag=True,
    help="Let SQL read and write files, attach databases and load extensions. Never into the log.",
)


def log_option(*, makes: bool = False, required: bool = True) -> Callable[[_Command], _Command]:
    """The option `--log`, which `ORDERS_ES_LOG` stands in for.

    Args:
        makes: Whether the command creates the log if there is none.
        required: Whether the command cannot do without. One that can does not look at `ORDERS_ES_LOG` either.
    """

    def callback(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        if required and not value:
            raise click.UsageError("which log? Give --log DIR, or set ORDERS_ES_LOG", ctx)
        if value == ":memory:":
            raise click.UsageError(
                "a log in memory is gone when the command ends; name a folder, or a .duckdb file", ctx
            )
        return value

    chosen = click.option(
        "--log",
        metavar="DIR",
        envvar="ORDERS_ES_LOG" if required else None,
        show_envvar=True,
        is_eager=True,  # --as-closed looks into it
        callback=callback,
        help=f"The log: a folder, or a .duckdb file{'; created if there is none' if makes else ''}.",
    )
    return chosen if makes else lambda command: chosen(domain_option(command))


def domain_option(command: _Command) -> _Command:
    """The option `--domain`, which no command is handed: `domains` looks at it."""

    def callback(ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> None:
        ctx.meta[_DOMAINS] = value

    return click.option(
        "--domain",
        "named_domains",
        metavar="MODULE:NAME",
        multiple=True,
        envvar="ORDERS_ES_DOMAINS",
        show_envvar=True,
        expose_value=False,
        callback=callback,
        help="A Decider of your own, beside orders and those of installed packages. May be given again.",
    )(command)


def domains() -> list[Decider[Any]]:
    """The domains that the command at hand knows: orders, those of installed packages, and what `--domain` names.

    Raises:
        BadDomain: One of them cannot be used.
    """
    from orders_es.domains import known_domains

    find_modules_here()
    return known_domains(click.get_current_context().meta.get(_DOMAINS, ()))


def find_modules_here() -> None:
    """Let modules of the current folder be imported, as `python -m` does."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def read_model_folders(folder: str | None) -> list[str | os.PathLike[str]]:
    """Where read models lie beside the house's own: the folder that the caller named, and those of the domains.

    Args:
        folder: What `--read-models` names.
    """
    of_domains = [decider.read_models for decider in domains() if decider.read_models is not None]
    return [*([] if folder is None else [folder]), *of_domains]


def read_models_option(name: str = "read_models", more: str = "") -> Callable[[_Command], _Command]:
    """`--read-models`: where read models of one's own are.

    Args:
        name: The argument that takes it.
        more: What the help says besides.
    """
    return click.option(
        "--read-models",
        name,
        metavar="FOLDER",
        type=click.Path(exists=True, file_okay=False),
        help=f"A folder with read models of your own, each a .sql file{more}.",
    )


def zone_option(text: str, *, default: str | None = "UTC") -> Callable[[_Command], _Command]:
    """The option `--tz`. It is eager, because the times beside it are read in it.

    Args:
        text: What the zone is for, in this command.
        default: The zone if none is given; None where it matters whether one was.
    """

    def callback(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tzinfo | None:
        try:
            return None if value is None else parse_zone(value)
        except InvalidTime as error:
            raise click.BadParameter(str(error)) from None

    return click.option(
        "--tz", metavar="ZONE", default=default, show_default=True, is_eager=True, callback=callback, help=text
    )


def moments(command: _Command) -> _Command:
    """The options `--at`, `--known-at`, `--recorded-by`, `--as-closed` and `--tz`."""
    return _moments(command, recorded_by=True)


def instant(ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """The callback of an option that takes a time, read in `--tz`."""
    if value is None:
        return None
    try:
        return parse_instant(value, ctx.params["tz"])
    except InvalidTime as error:
        raise click.BadParameter(str(error)) from None


def both_clocks(command: _Command) -> _Command:
    """As `moments`, without `--recorded-by`: for what takes the log as it is now."""
    return _moments(command, recorded_by=False)


def _moments(command: _Command, *, recorded_by: bool) -> _Command:

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
        name = ctx.meta.get(_AS_CLOSED)
        if name is not None:
            if value is not None:
                raise click.UsageError(
                    "--as-closed says all moments; leave out --at, --known-at and --recorded-by, or --as-closed", ctx
                )
            return _closed_moment(ctx, name, str(param.name))
        return instant(ctx, param, value)

    def remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        ctx.meta[_AS_CLOSED] = value

    own = click.option(
        "--recorded-by",
        metavar="TIME",
        callback=callback,
        help="Only what this log itself had recorded by then, whatever sources say.",
    )
    for option in (
        zone_option("Where a time without a zone is read, and where times are shown."),
        click.option(
            "--as-closed",
            metavar="NAME",
            is_eager=True,
            expose_value=False,
            callback=remember,
            help="The moment that was closed under this name, on both clocks.",
        ),
        *([own] if recorded_by else []),
        click.option(
            "--known-at",
            metavar="TIME",
            callback=callback,
            help="Only what was known by then: entered, as its source says, or else recorded.",
        ),
        click.option("--at", metavar="TIME", callback=callback, help="Only what had happened by then."),
    ):
        command = option(command)
    return command


def _closed_moment(ctx: click.Context, name: str, which: str) -> datetime:
    """One of the moments of a close of the log that the command names."""
    from orders_es.audit import closed

    known = ctx.meta.get(_CLOSE)
    if known is None:
        with existing_log(ctx.params["log"]) as log:
            known = ctx.meta[_CLOSE] = closed(log, name)
    moment: datetime = getattr(known, which)
    return moment


def duration(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    """The length of time that a text such as 90s, 15m, 1h or 7d names; a callback for an option."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", value.strip().lower(), re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is no length of time; write 90s, 15m, 1h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def order_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The id of an order, if there can be one of that name; a callback for arguments and options."""
    if value is None:
        return None
    if not value:
        raise click.BadParameter("it is empty; name an order")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{value!r} is not text in UTF-8") from None
    try:
        return check_stream_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("stream_id", "it", 1)) from None


def order_argument(command: _Command) -> _Command:
    """`ORDER`: the id of one order, or of a stream of another domain."""
    return click.argument("order", metavar="ORDER", callback=order_id)(command)


def existing_log(url: str, *, writes: bool = False) -> EventLog:
    """The log at that place; what ORDERS_ES_LEAVE_OUT names are event types of other domains.

    Args:
        url: Its place.
        writes: Whether the command writes to the log or beside it; others cannot, whatever they call.

    Raises:
        NotALog: There is none; an empty log is one.
    """
    from orders_es.domains import registry_of
    from orders_es.log import open_log

    try:
        registry = registry_of(domains())
        if tolerates := click.get_current_context().meta.get(TOLERATES, False):
            if writes:
                raise click.UsageError("--tolerate-unknown is for looking: this command writes")
            registry.tolerate_unknown()
        log = open_log(url, registry=registry, read_only=not writes)
    except NotALog as error:
        # The error speaks to programmers; who calls from a shell needs a command.
        command = f"fill one: {FILLING.format(log=without_password(url))}"
        reason = error.reason.replace("create a log there with open_log(url, create=True)", command)
        raise NotALog(error.url, reason) from error
    log.registry.leave_out(*_left_out())
    if tolerates:
        _mark(log)
    return log


def _mark(log: EventLog) -> None:
    """Have every answer of this command say what was passed over."""
    from orders_es.replay.notes import passed_over

    note = passed_over(log)
    if note is not None:
        tell_notes([note])
        click.get_current_context().meta[PASSED_OVER] = note


def _left_out() -> list[str]:
    """The names in ORDERS_ES_LEAVE_OUT, between blanks or commas; one that holds such stands in quotes."""
    names = shlex.shlex(os.environ.get("ORDERS_ES_LEAVE_OUT", ""), posix=True, punctuation_chars=False)
    names.whitespace += ","
    names.whitespace_split, names.commenters = True, ""
    try:
        return list(names)
    except ValueError as error:
        raise click.UsageError(
            f"ORDERS_ES_LEAVE_OUT cannot be read: {str(error).lower()}; names stand between blanks"
        ) from None
