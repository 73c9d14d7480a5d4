"""The group `orders-es`: its commands, and what an error looks like to a person."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.ask import ask
from orders_es.cli.catalog import catalog
from orders_es.cli.checkpoint import checkpoint
from orders_es.cli.close import close
from orders_es.cli.compact import compact, vacuum
from orders_es.cli.copy import copy
from orders_es.cli.dead_letters import dead_letters
from orders_es.cli.demo import demo
from orders_es.cli.diff import diff
from orders_es.cli.doctor import doctor
from orders_es.cli.explain import explain
from orders_es.cli.export import export
from orders_es.cli.history import history
from orders_es.cli.import_ import import_, simulate
from orders_es.cli.import_table import import_orders_table
from orders_es.cli.info import info
from orders_es.cli.keygen import keygen
from orders_es.cli.lag import lag
from orders_es.cli.notebook import notebook
from orders_es.cli.output import printable
from orders_es.cli.project import project
from orders_es.cli.prove import prove, prove_consistency
from orders_es.cli.publish import publish, publish_tiles
from orders_es.cli.report import report
from orders_es.cli.show import show
from orders_es.cli.snapshots import snapshots
from orders_es.cli.sql import sql
from orders_es.cli.timestamp import timestamp
from orders_es.cli.unpaid import unpaid
from orders_es.cli.verify import verify
from orders_es.cli.verify_proof import verify_proof
from orders_es.cli.witness import witness
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
from orders_es.log.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

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


class _Commands(click.Group):
    """A group whose commands end in one line and an exit code, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn every error raised on purpose, and the system's refusals, into one line."""
        _never_choke_on_a_character()
        try:
            with _ctrl_c_as_such():
                result = super().invoke(ctx)
            # A full pipe shows only now; later, at exit, nobody could catch it.
            sys.stdout.flush()
        except OrdersEsError as error:
            _complain(str(error))
            ctx.exit(WRONG_CALL if isinstance(error, _MISTAKES) else BAD_NEWS)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            _complain(f"{error.format_message().rstrip('.')} ({command} --help says more)")
            ctx.exit(WRONG_CALL)
        except BrokenPipeError:
            # The reader left (`| head`), which is its right. Python would complain at exit about what is still buffered.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            _complain(f"{error.strerror or error}{where}")
            ctx.exit(BAD_NEWS)
        except KeyboardInterrupt:
            _complain("interrupted; whatever had been committed stays, nothing is half there")
            ctx.exit(INTERRUPTED)
        return result

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer meets them."""
        del ctx
        return list(self.commands)


@contextmanager
def _ctrl_c_as_such() -> Iterator[None]:
    """A block out of which Ctrl-C comes as one, also where a library made an error of its own of it."""
    try:
        yield
    except click.exceptions.Exit:  # of a command that ends well on Ctrl-C
        raise
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, KeyboardInterrupt) or is_interrupt(seen):
                raise KeyboardInterrupt from error
            seen = seen.__cause__ or seen.__context__
        raise


def _complain(text: str) -> None:
    click.echo(f"orders-es: {printable(' '.join(text.split()))}", err=True)


def _never_choke_on_a_character() -> None:
    """Show `?` where the terminal's encoding lacks a character; the default is a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


@click.group(
    cls=_Commands,
    name="orders-es",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="orders_es", prog_name="orders-es")
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


import_.add_command(import_orders_table)
for _command in (
    demo,
    simulate,
    import_,
    export,
    info,
    show,
    history,
    explain,
    diff,
    sql,
    catalog,
    report,
    copy,
    compact,
    vacuum,
    doctor,
    verify,
    keygen,
    checkpoint,
    publish,
    prove,
    verify_proof,
    prove_consistency,
    publish_tiles,
    witness,
    timestamp,
    close,
    ask,
    snapshots,
    project,
    lag,
    unpaid,
    dead_letters,
    notebook,
):
    main.add_command(_command)
