"""The group `orders-es`: its commands, and what an error looks like to a person."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.lazy_group import LazyGroup
from orders_es.cli.log_lines import teller
from orders_es.cli.output import printable
from orders_es.errors import (
    BadDomain,
    BadKey,
    BadReadModel,
    BadSource,
    CannotExport,
    InvalidSetting,
    InvalidTime,
    NaiveTime,
    NoCheckpoint,
    NoSuchClose,
    NoSuchDeadLetter,
    NotALog,
    OrdersEsError,
    QueryError,
    TargetInLog,
    UnknownProjection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

_AS_JSON = "orders_es.as_json"
BAD_NEWS = 1
WRONG_CALL = 2
_MISTAKES = (
    BadKey,
    BadReadModel,
    BadSource,
    CannotExport,
    BadDomain,
    InvalidSetting,
    InvalidTime,
    NaiveTime,
    NoCheckpoint,
    NoSuchClose,
    NoSuchDeadLetter,
    NotALog,
    QueryError,
    TargetInLog,
    UnknownProjection,
)
INTERRUPTED = 130
"""128 + SIGINT, and below 128 + SIGPIPE: what a shell reports of a program that such a signal ended."""
BROKEN_PIPE = 141


_WHERE = {
    "demo": "orders_es.cli.demo:demo",
    "simulate": "orders_es.cli.import_:simulate",
    "import": "orders_es.cli.import_:import_",
    "follow": "orders_es.cli.follow:follow",
    "followed": "orders_es.cli.follow:followed",
    "export": "orders_es.cli.export:export",
    "info": "orders_es.cli.info:info",
    "show": "orders_es.cli.show:show",
    "history": "orders_es.cli.history:history",
    "explain": "orders_es.cli.explain:explain",
    "slide": "orders_es.cli.slide:slide",
    "diff": "orders_es.cli.diff:diff",
    "sql": "orders_es.cli.sql:sql",
    "events": "orders_es.cli.events:events",
    "read-models": "orders_es.cli.read_models:read_models",
    "catalog": "orders_es.cli.catalog:catalog",
    "audit": "orders_es.cli.audit:audit",
    "report": "orders_es.cli.report:report",
    "copy": "orders_es.cli.copy:copy",
    "compact": "orders_es.cli.compact:compact",
    "reshred": "orders_es.cli.reshred:reshred",
    "vacuum": "orders_es.cli.compact:vacuum",
    "schema": "orders_es.cli.schema:schema",
    "doctor": "orders_es.cli.doctor:doctor",
    "verify": "orders_es.cli.verify:verify",
    "keygen": "orders_es.cli.keygen:keygen",
    "checkpoint": "orders_es.cli.checkpoint:checkpoint",
    "publish": "orders_es.cli.publish:publish",
    "prove": "orders_es.cli.prove:prove",
    "verify-proof": "orders_es.cli.verify_proof:verify_proof",
    "prove-consistency": "orders_es.cli.prove:prove_consistency",
    "publish-tiles": "orders_es.cli.publish:publish_tiles",
    "witness": "orders_es.cli.witness:witness",
    "timestamp": "orders_es.cli.timestamp:timestamp",
    "close": "orders_es.cli.close:close",
    "erase": "orders_es.cli.erase:erase",
    "hold": "orders_es.cli.hold:hold",
    "ask": "orders_es.cli.ask:ask",
    "snapshots": "orders_es.cli.snapshots:snapshots",
    "project": "orders_es.cli.project:project",
    "lag": "orders_es.cli.lag:lag",
    "serve": "orders_es.cli.serve:serve",
    "mcp": "orders_es.cli.mcp:mcp",
    "unpaid": "orders_es.cli.unpaid:unpaid",
    "dead-letters": "orders_es.cli.dead_letters:dead_letters",
    "notebook": "orders_es.cli.notebook:notebook",
    "completion": "orders_es.cli.completion:completion",
    "man": "orders_es.cli.man:man",
}
"""Each command's name, in the order in which a newcomer meets them, and where it is."""


class _Commands(LazyGroup):
    """A group whose commands end in one line and an exit code, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn every error raised on purpose, and the system's refusals, into one line."""
        _never_choke_on_a_character()
        ctx.meta[_AS_JSON] = "--json" in ctx.args or "--json" in ctx._protected_args  # noqa: SLF001 - what is to come is nowhere else
        try:
            with _ctrl_c_as_such():
                result = super().invoke(ctx)
            # A full pipe shows only now; later, at exit, nobody could catch it.
            sys.stdout.flush()
        except OrdersEsError as error:
            code = WRONG_CALL if isinstance(error, _MISTAKES) else BAD_NEWS
            _complain(ctx, str(error), code, type(error).__name__)
            ctx.exit(code)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            _complain(
                ctx, f"{error.format_message().rstrip('.')} ({command} --help says more)", WRONG_CALL, "UsageError"
            )
            ctx.exit(WRONG_CALL)
        except BrokenPipeError:
            # The reader left (`| head`), which is its right. Python would complain at exit about what is still buffered.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        except OSError as error:
            _complain(ctx, _refused(error), BAD_NEWS, type(error).__name__)
            ctx.exit(BAD_NEWS)
        except KeyboardInterrupt:
            said = "interrupted; whatever had been committed stays, nothing is half there"
            _complain(ctx, said, INTERRUPTED, "KeyboardInterrupt")
            ctx.exit(INTERRUPTED)
        return result


@contextmanager
def _ctrl_c_as_such() -> Iterator[None]:
    """A block out of which Ctrl-C comes as one, also where a library made an error of its own of it."""
    try:
        yield
    except (
        click.exceptions.Exit,
        click.ClickException,
    ):  # of a command that ends well on Ctrl-C, or was called wrongly
        raise
    except Exception as error:
        from orders_es.log.interrupts import is_interrupt

        seen: BaseException | None = error
        known: set[int] = set()
        while seen is not None and id(seen) not in known:  # libraries raise errors that are their own cause
            if isinstance(seen, KeyboardInterrupt) or is_interrupt(seen):
                raise KeyboardInterrupt from error
            known.add(id(seen))
            seen = seen.__cause__ or seen.__context__
        raise


def _refused(error: OSError) -> str:
    """What the operating system refused, and to what; of a file that was to take another's place, the other's name.

    Example:
        >>> _refused(PermissionError(13, "Permission denied", "june/.orders.csv.1f2e3d4c5b6a.part"))
        'Permission denied: june/orders.csv; ask for the permission, act as a user who has it, or give another place'
    """
    name = re.sub(r"(^|/)\.([^/]+)\.[0-9a-f]{8,}\.part$", r"\1\2", str(error.filename or ""))
    where = f": {name}" if name else ""
    what_next = "; make room, and try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    if isinstance(error, PermissionError):
        what_next = "; ask for the permission, act as a user who has it, or give another place"
    return f"{error.strerror or error}{where}{what_next}"


def _complain(ctx: click.Context, text: str, code: int, kind: str) -> None:
    """Say what went wrong on standard error, in one line: as JSON where the answer would have been JSON."""
    line = printable(" ".join(text.split()))
    plain = f"orders-es: {line}"
    if ctx.meta.get(_AS_JSON):
        click.echo(
            json.dumps({"error": {"type": kind, "message": line, "exit_code": code}}, ensure_ascii=False), err=True
        )
    else:
        teller(ctx)(line, level="error", plain=plain, type=kind, exit_code=code)


def _never_choke_on_a_character() -> None:
    """Show `?` where the terminal's encoding lacks a character; the default is a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _tolerating(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    from orders_es.cli.options import TOLERATES

    ctx.meta[TOLERATES] = value


@click.group(
    cls=_Commands,
    where=_WHERE,
    name="orders-es",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="orders_es", prog_name="orders-es")
@click.option(
    "--tolerate-unknown",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tolerating,
    help="For looking: pass over events of types and versions that are newer than this program, and mark what is said without them.",
)
def main() -> None:
    """An embedded time machine for orders.

    Events go into an append-only log, a folder of Parquet files. Any moment of it can be asked about, on two clocks:
    what had happened by then (--at), and what was known by then (--known-at).

    Every command takes --log DIR, or reads ORDERS_ES_LOG. Everything that prints takes --json.

    Exit codes: 0 fine; 1 the answer is bad news (no such order, a conflict, a damaged log); 2 the call was wrong.

    \b
    Begin with:
      orders-es demo
      orders-es simulate --orders 1000 --log my-log
      orders-es info --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap", not an escape
