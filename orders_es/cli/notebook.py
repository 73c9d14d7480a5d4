"""The commands that run notebooks without anybody watching: `notebook list` and `notebook run`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.notebook_parameters import declared, value_of
from orders_es.cli.notebook_running import execute
from orders_es.cli.options import as_json
from orders_es.cli.output import print_json, print_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["notebook"]

_FOLDER = "notebooks"
_folder = click.option(
    "--folder",
    metavar="DIR",
    default=_FOLDER,
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where notebooks are looked for by name.",
)


@click.group(short_help="Run notebooks as batch jobs.")
def notebook() -> None:
    """Run notebooks as batch jobs, with parameters."""


@notebook.command(name="list", short_help="The notebooks, and the parameters that each takes.")
@_folder
@as_json
def list_(folder: str, as_json: bool) -> None:
    """The notebooks in a folder, and the parameters that each takes with their defaults.

    \b
    Example:
      orders-es notebook list
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    found = [
        {"name": path.stem, "parameters": {name: known.default for name, known in declared(path).items()}}
        for path in _notebooks(folder)
    ]
    if as_json:
        print_json({"folder": folder, "notebooks": found})
        return
    if not found:
        raise click.UsageError(f"there are no notebooks in {folder}; give --folder DIR")
    width = max(len(str(each["name"])) for each in found)
    for each in found:
        print_text(f"{printable(str(each['name'])):{width}}  {printable(_told(each['parameters']))}".rstrip())


@notebook.command(short_help="Run a notebook from top to bottom with other parameters.")
@click.argument("name", metavar="NAME")
@click.option(
    "-p",
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME[:TYPE]=VALUE",
    help="A parameter, of the type that the notebook declares, or of TYPE (str, int, float, bool, json). May be given again.",
)
@click.option(
    "-r",
    "--raw",
    "raw",
    multiple=True,
    metavar="NAME=TEXT",
    help="A parameter that is text, exactly as written, whatever the notebook declares. May be given again.",
)
@click.option(
    "--out", metavar="FILE", required=True, type=click.Path(dir_okay=False), help="Where the run notebook is written."
)
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@_folder
@as_json
def run(
    name: str, given: Sequence[str], raw: Sequence[str], out: str, replace: bool, folder: str, as_json: bool
) -> None:
    """Run a notebook from top to bottom and write it, with what it printed and drew, to a file.

    NAME is a file, or the name of a notebook in --folder, with or without its number. A value is read as what the notebook's
    cell of parameters declares: `order_id = "536365"` or `order_id: str` makes it text, and 007 stays 007. A parameter that
    the notebook does not have is refused. Exit code 1 if a cell fails or the kernel dies; the file then shows how far it got.

    \b
    Example:
      orders-es notebook list
      orders-es notebook run any_moment -p at=2025-01-31 -p orders=500 --out january.ipynb
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    path = _find(name, folder)
    known = declared(path)
    values = {}
    for text, is_text in [*((text, False) for text in given), *((text, True) for text in raw)]:
        key, value = value_of(text, known, path.name, raw=is_text)
        if key in values:
            raise click.UsageError(f"parameter {key!r} is given twice")
        values[key] = value
    used = {name: parameter.default for name, parameter in known.items()} | values
    if Path(out).exists() and not replace:
        raise click.UsageError(f"{out} is there already; give --replace, or another name")
    failed = execute(path, out, values)
    if as_json:
        print_json({"notebook": str(path), "out": out, "parameters": used, "ok": failed is None, "error": failed})
    elif failed is None:
        print_text(f"{printable(out)}: {printable(path.stem)} with {printable(_told(used))}")
    else:
        print_text(f"{printable(path.name)} failed {printable(failed)}; how far it got: {printable(out)}")
    if failed is not None:
        click.get_current_context().exit(1)


def _notebooks(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.ipynb"))


def _find(name: str, folder: str) -> Path:
    """The notebook that a name means: a file, or one in the folder, its number left out perhaps."""
    if Path(name).is_file():
        return Path(name)
    wanted = name.removesuffix(".ipynb").lower()
    there = _notebooks(folder)
    named = {path.stem.lower(): path for path in there}
    short = {path.stem.lower().lstrip("0123456789").lstrip("_-"): path for path in there}
    number = {path.stem.partition("_")[0].lstrip("0"): path for path in there}
    for names in (named, short, number):
        if wanted in names:
            return names[wanted]
    near = get_close_matches(wanted, [*named, *short], 1)
    hint = f"do you mean {near[0]}?" if near else f"there are {', '.join(named)}" if named else "there are none"
    raise click.UsageError(f"there is no notebook {name!r} in {folder}; {hint}")


def _told(parameters: object) -> str:
    assert isinstance(parameters, dict)
    return ", ".join(f"{name}={value}" for name, value in parameters.items()) or "no parameters"
