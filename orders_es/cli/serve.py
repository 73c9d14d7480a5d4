"""The command `serve`: a log over HTTP, and a page for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.lag import stopping
from orders_es.cli.log_lines import log_lines, teller
from orders_es.cli.options import as_json, existing_log, log_option, read_model_folders, read_models_option
from orders_es.cli.output import print_json
from orders_es.errors import InvalidSetting
from orders_es.log.redacting import without_password

if TYPE_CHECKING:
    from orders_es.http import Token

__all__ = ["serve"]

_TOKEN, _READ_TOKEN = "ORDERS_ES_HTTP_TOKEN", "ORDERS_ES_HTTP_READ_TOKEN"


@click.command(short_help="A log over HTTP: commands, orders at any moment, events, read models, lag; and a page.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65_535),
    default=8_765,
    show_default=True,
    help="The port; 0 takes any that is free.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Tokens that permit everything, one on each line: TOKEN or NAME:TOKEN. Or one in {_TOKEN}.",
)
@click.option(
    "--read-token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Tokens that permit reading, likewise. Or one in {_READ_TOKEN}.",
)
@click.option("--read-only", is_flag=True, help="Take no commands from anybody.")
@click.option("--currency", metavar="CODE", help="The currency of new orders that name none; without it each has to.")
@click.option(
    "--models",
    metavar="FILE",
    envvar="ORDERS_ES_MODELS",
    show_envvar=True,
    help="The read-model file, to watch its lag.",
)
@read_models_option("folder")
@click.option(
    "--most-body",
    metavar="BYTES",
    type=click.IntRange(min=1),
    default=65_536,
    show_default=True,
    help="How long a request's body may be.",
)
@click.option(
    "--most-streams",
    metavar="N",
    type=click.IntRange(min=1),
    default=2_000,
    show_default=True,
    help="How many may follow the events at a time.",
)
@click.option("--access-log", is_flag=True, help="Write a line for each request.")
@log_option()
@log_lines
@as_json
def serve(
    host: str,
    port: int,
    token_file: Path | None,
    read_token_file: Path | None,
    read_only: bool,
    currency: str | None,
    models: str | None,
    folder: str | None,
    most_body: int,
    most_streams: int,
    access_log: bool,
    log: str,
    as_json: bool,
) -> None:
    """Answer HTTP requests until Ctrl-C: POST /orders, POST /orders/add-item, GET /orders, and all that docs/http.md describes.

    Only programs of this machine reach it unless --host says otherwise, which needs tokens. / is a page for people, /openapi.json the description
    for programs.

    \b
    Example:
      orders-es serve --log my-log
      orders-es serve --log my-log --host 0.0.0.0 --port 80 --token-file tokens --read-token-file auditors --models shop.duckdb
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    try:
        from orders_es.http import ServerSettings, listen
        from orders_es.http import serve as run
    except ImportError as error:
        raise click.UsageError(f"{error.name} is missing; install the extra: pip install 'orders_es[http]'") from error

    settings = ServerSettings(
        tokens=tuple(_tokens(token_file, read_token_file)),
        read_only=read_only,
        currency=currency,
        models=models,
        read_models=read_model_folders(folder),
        most_body=most_body,
        most_streams=most_streams,
    )
    with existing_log(log, writes=not read_only) as opened, listen(host, port) as taken, stopping():
        tell = teller()

        def started() -> None:
            url = _url(host, taken.getsockname()[1])
            if as_json:
                print_json({"log": log, "url": url, "pid": os.getpid()})
            else:
                tell(f"serving {without_password(log)} at {url}; Ctrl-C ends it", url=url)

        run(opened, taken, settings, started=started, access_log=access_log)


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _tokens(writers: Path | None, readers: Path | None) -> list[Token]:
    from orders_es.http import tokens_in

    found: list[Token] = []
    for file, variable, right in ((writers, _TOKEN, "write"), (readers, _READ_TOKEN, "read")):
        texts = [] if file is None else [file.read_text(encoding="utf-8")]
        texts += [os.environ[variable]] if os.environ.get(variable) else []
        named: Any = right
        mine = [token for text in texts for token in tokens_in(text, named)]
        if file is not None and not mine:
            raise InvalidSetting("token-file", str(file), "it holds no token; write one on each line")
        found += mine
    return found
