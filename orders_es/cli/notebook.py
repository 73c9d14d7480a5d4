"""The commands that run notebooks without anybody watching: `notebook list` and `notebook run`."""

from __future__ import annotations

import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
    found = [{"name": path.stem, "parameters": _parameters(path)} for path in _notebooks(folder)]
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
    "-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter. May be given again."
)
@click.option(
    "--out", metavar="FILE", required=True, type=click.Path(dir_okay=False), help="Where the run notebook is written."
)
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@_folder
@as_json
def run(name: str, given: Sequence[str], out: str, replace: bool, folder: str, as_json: bool) -> None:
    """Run a notebook from top to bottom and write it, with what it printed and drew, to a file.

    NAME is a file, or the name of a notebook in --folder, with or without its number. Values are read as numbers, true or
    false where they look like that, and as text otherwise. A parameter that the notebook does not have is refused: nobody
    should wait for a result that took no notice of it. Exit code 1 if a cell fails; the file then shows how far it got.

    \b
    Example:
      orders-es notebook list
      orders-es notebook run any_moment -p at=2025-01-31 -p orders=500 --out january.ipynb
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    path = _find(name, folder)
    known = _parameters(path)
    values = dict(_value(text) for text in given)
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; do you mean {near[0]}?" if near else ""
            raise click.UsageError(f"{path.name} has no parameter {key!r}{hint} It has {', '.join(known) or 'none'}")
    if Path(out).exists() and not replace:
        raise click.UsageError(f"{out} is there already; give --replace, or another name")
    failed = _execute(path, out, values)
    if as_json:
        print_json(
            {"notebook": str(path), "out": out, "parameters": known | values, "ok": failed is None, "error": failed}
        )
    elif failed is None:
        print_text(f"{printable(out)}: {printable(path.stem)} with {printable(_told(known | values))}")
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


def _parameters(path: Path) -> dict[str, Any]:
    """A notebook's parameters and their defaults, as its cell of parameters has them."""
    try:
        import nbformat  # noqa: PLC0415 - only who runs notebooks has it
        import papermill  # noqa: PLC0415 - as above
    except ImportError as error:
        raise click.UsageError(
            "running notebooks needs papermill and Jupyter: pip install 'orders_es[notebooks]'"
        ) from error
    try:
        found = papermill.inspect_notebook(str(path))
    except (nbformat.reader.NotJSONError, OSError, ValueError, AttributeError, KeyError) as error:
        raise click.UsageError(f"{path} is no notebook: {' '.join(str(error).split())[:200]}") from error
    return {name: _read(facts["default"].strip("'\"")) for name, facts in found.items()}


def _value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"-p {text}: write it as NAME=VALUE")
    return name, _read(value)


def _read(text: str) -> Any:
    """A number, true, false or null where a text is one, and the text otherwise."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _told(parameters: object) -> str:
    assert isinstance(parameters, dict)
    return ", ".join(f"{name}={value}" for name, value in parameters.items()) or "no parameters"


def _execute(path: Path, out: str, values: dict[str, Any]) -> str | None:
    """Run a notebook in its own folder, and say why it failed if it did.

    In a process of its own, so that what kernels write to the terminal stays out of the answer.
    """
    import json  # noqa: PLC0415 - beside the others that only the call needs

    program = (
        "import json, sys, papermill\n"
        "path, out, cwd, values = json.load(sys.stdin)\n"
        "try:\n"
        "    papermill.execute_notebook(path, out, values, cwd=cwd, progress_bar=False)\n"
        "except papermill.PapermillExecutionError as error:\n"
        "    print(json.dumps(f'in cell {error.exec_count}: {error.ename}: {error.evalue}'))\n"
        "    sys.exit(3)\n"
    )
    request = json.dumps([str(path), str(Path(out).resolve()), str(path.parent), values])
    done = subprocess.run(  # noqa: S603 - this Python, and a program that stands above
        [sys.executable, "-c", program], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    told = done.stdout.strip().splitlines()
    if told:
        return " ".join(str(json.loads(told[-1])).split())
    last = done.stderr.strip().splitlines()[-1:] or [f"its process ended with {done.returncode}"]
    raise click.ClickException(f"{path.name} could not be run: {last[0]}")
