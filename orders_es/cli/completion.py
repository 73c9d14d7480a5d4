"""The command `completion`: Tab finishes commands and options, in bash, zsh and fish."""

from __future__ import annotations

import os
from pathlib import Path

import click

from orders_es.cli.output import print_json, print_text
from orders_es.files import asked_for, write_whole

__all__ = ["completion"]

_NAME = "orders-es"
_PLACES = {
    "bash": ("XDG_DATA_HOME", ".local/share", f"bash-completion/completions/{_NAME}"),
    "zsh": ("XDG_DATA_HOME", ".local/share", f"zsh/site-functions/_{_NAME}"),
    "fish": ("XDG_CONFIG_HOME", ".config", f"fish/completions/{_NAME}.fish"),
}
_NEXT = {
    "bash": "open a new shell; it needs the package bash-completion",
    "zsh": "put its folder before compinit in ~/.zshrc: fpath+=({folder}); then open a new shell",
    "fish": "open a new shell",
}


@click.command(short_help="Let Tab finish commands and options, in bash, zsh and fish.")
@click.argument("shell", type=click.Choice(list(_PLACES)))
@click.option("--install", is_flag=True, help="Put it where the shell looks for it, for this user.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the script, and where it was put.")
def completion(shell: str, install: bool, as_json: bool) -> None:
    """The script by which a shell completes orders-es; --install puts it where the shell finds it.

    \b
    Example:
      orders-es completion bash --install
      eval "$(orders-es completion zsh)"
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from click.shell_completion import get_completion_class

    from orders_es.cli.main import main

    made = get_completion_class(shell)
    assert made is not None
    script = made(main, {}, _NAME, "_ORDERS_ES_COMPLETE").source()
    place = _place(shell) if install else None
    if place is not None:
        with asked_for(place):
            write_whole(place, script.encode(), durable=False)
    if as_json:
        print_json({"shell": shell, "installed": None if place is None else str(place), "script": script})
    elif place is None:
        print_text(script)
    else:
        print_text(f"installed in {place}\nnext: {_NEXT[shell].format(folder=place.parent)}")


def _place(shell: str) -> Path:
    variable, below_home, name = _PLACES[shell]
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / below_home) / name
