"""The command `mcp`: the log for assistants, over standard input and output."""

from __future__ import annotations

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import existing_log, log_option, read_model_folders, read_models_option

__all__ = ["mcp"]


@click.command(short_help="The log for assistants: questions over the Model Context Protocol, nothing is written.")
@log_lines
@read_models_option("folder")
@click.option(
    "--most-rows",
    metavar="N",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Rows in an answer, at most.",
)
@click.option(
    "--seconds",
    metavar="N",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="How long a query may take.",
)
@click.option("--memory", metavar="SIZE", default="1GB", show_default=True, help="How much memory queries may use.")
@log_option()
def mcp(folder: str | None, most_rows: int, seconds: int, memory: str, log: str) -> None:
    """Answer an assistant that speaks the Model Context Protocol, over standard input and output, until it ends.

    SQL at a moment, show, history, diff, explain, restatements, closes, verify: all read, none writes. Every answer carries moment, position and root.

    \b
    Example (what an assistant's configuration calls):
      orders-es mcp --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.mcp import Questions

    try:
        from orders_es.mcp.server import create_server
    except ImportError as error:
        raise click.UsageError(f"{error.name} is missing; install the extra: pip install 'orders_es[mcp]'") from error
    with (
        existing_log(log) as opened,
        Questions(
            opened,
            read_models=read_model_folders(folder),
            most_rows=most_rows,
            seconds=seconds,
            memory_limit=memory,
        ) as questions,
    ):
        create_server(questions).run("stdio")
