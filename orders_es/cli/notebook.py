"""The commands that run notebooks without anybody watching: `notebook list` and `notebook run`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.notebook_parameters import declared, month_ends, value_of
from orders_es.cli.notebook_running import execute
from orders_es.cli.options import as_json
from orders_es.cli.output import print_json, print_text, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orders_es.cli.notebook_parameters import Parameter

__all__ = ["notebook"]

_FOLDER = "notebooks"
_SHIPPED = "09_month_end.ipynb"
_folder = click.option(
    "--folder",
    metavar="DIR",
    default=None,
    type=click.Path(file_okay=False),
    help="Where notebooks are looked for by name: 'notebooks', and those that come with the package, if left out.",
)


@click.group(short_help="Run notebooks as batch jobs.")
def notebook() -> None:
    """Run notebooks as batch jobs, with parameters."""


@notebook.command(name="list", short_help="The notebooks, and the parameters that each takes.")
@_folder
@as_json
def list_(folder: str | None, as_json: bool) -> None:
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
        print_json({"folder": folder or _FOLDER, "notebooks": found})
        return
    if not found:
        raise click.UsageError(f"there are no notebooks in {folder or _FOLDER}; give --folder DIR")
    width = max(len(str(each["name"])) for each in found)
    for each in found:
        print_text(f"{printable(str(each['name'])):{width}}  {printable(_told(each['parameters']))}".rstrip())


@notebook.command(short_help="Run a notebook from top to bottom with other parameters.")
@log_lines
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
    "--each",
    metavar="NAME=VALUES",
    help="Run once for each of these values, with commas between them, or for each month end of 2025-01..2025-12. --out names a file for "
    "each, with {NAME} in it.",
)
@click.option(
    "--out", metavar="FILE", required=True, type=click.Path(dir_okay=False), help="Where the run notebook is written."
)
@click.option("--replace", is_flag=True, help="Replace the file if it is there.")
@_folder
@as_json
def run(
    name: str,
    given: Sequence[str],
    raw: Sequence[str],
    each: str | None,
    out: str,
    replace: bool,
    folder: str | None,
    as_json: bool,
) -> None:
    """Run a notebook from top to bottom and write it, with what it printed and drew, to a file.

    NAME is a file, or the name of a notebook in --folder, with or without its number. A value is read as what the notebook's
    cell of parameters declares: `order_id = "536365"` or `order_id: str` makes it text, and 007 stays 007. A parameter that
    the notebook does not have is refused. Exit code 1 if a cell fails or the kernel dies; the file then shows how far it got.
    With --each, the others are run all the same.

    \b
    Example:
      orders-es notebook list
      orders-es notebook run any_moment -p at=2025-01-31 -p orders=500 --out january.ipynb
      orders-es notebook run month_end -p log=my-log --each at=2025-01..2025-12 --out 'year/{at}.ipynb'
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    path = _find(name, folder)
    known = declared(path)
    values = _values(given, raw, known, path.name)
    runs = _runs(each, values, known, path.name, out)
    taken = [file for _, file in runs if Path(file).exists()]
    if taken and not replace:
        raise click.UsageError(f"{taken[0]} is there already; give --replace, or another name")
    defaults = {name: parameter.default for name, parameter in known.items()}
    done = []
    for these, file in runs:
        if each:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        failed = execute(path, file, these)
        used = defaults | these
        done.append({"notebook": str(path), "out": file, "parameters": used, "ok": failed is None, "error": failed})
        if as_json:
            continue
        if failed is None:
            print_text(f"{printable(file)}: {printable(path.stem)} with {printable(_told(used))}")
        else:
            print_text(f"{printable(path.name)} failed {printable(failed)}; how far it got: {printable(file)}")
    if as_json:
        print_json({"runs": done} if each else done[0])
    if not all(run["ok"] for run in done):
        click.get_current_context().exit(1)


def _values(given: Sequence[str], raw: Sequence[str], known: Mapping[str, Parameter], notebook: str) -> dict[str, Any]:
    """The parameters that were given, by their names."""
    values: dict[str, Any] = {}
    for text, is_text in [*((text, False) for text in given), *((text, True) for text in raw)]:
        key, value = value_of(text, known, notebook, raw=is_text)
        if key in values:
            raise click.UsageError(f"parameter {key!r} is given twice")
        values[key] = value
    # The kernel's folder is the notebook's; a log is named from where the command is given.
    if values.get("log") and isinstance(values["log"], str) and not re.match(r"[a-z][a-z0-9+.-]*:", values["log"]):
        values["log"] = str(Path(values["log"]).resolve())
    return values


def _runs(
    each: str | None, values: dict[str, Any], known: Mapping[str, Parameter], notebook: str, out: str
) -> list[tuple[dict[str, Any], str]]:
    """The values of each run, and the file that it goes to."""
    if each is None:
        return [(values, out)]
    name, equals, text = each.partition("=")
    if not equals or not text:
        raise click.UsageError(f"--each {each}: write it as NAME=VALUE,VALUE or NAME=2025-01..2025-12")
    if name in values:
        raise click.UsageError(f"parameter {name!r} is given twice")
    if f"{{{name}}}" not in out:
        raise click.UsageError(
            f"--out {out}: with --each it needs {{{name}}} in it, so that each run has a file of its own"
        )
    runs = []
    for single in month_ends(text) or [part.strip() for part in text.split(",")]:
        key, value = value_of(f"{name}={single}", known, notebook, raw=False)
        safe = re.sub(r"[^\w.+-]", "_", single)
        runs.append((values | {key: value}, out.replace(f"{{{name}}}", safe)))
    if len({file for _, file in runs}) < len(runs):
        raise click.UsageError(f"--each {each}: two of these values would be written to one file")
    return runs


def _notebooks(folder: str | None) -> list[Path]:
    """Those of a folder; where none is given those of `notebooks`, and those that come with the package and are not there."""
    there = {path.name: path for path in Path(folder or _FOLDER).glob("*.ipynb")}
    if folder is None:
        there = {path.name: path for path in _shipped()} | there
    return [there[name] for name in sorted(there)]


def _shipped() -> list[Path]:
    """The notebooks that come with the package, in a wheel or beside its source."""
    import orders_es

    package = Path(orders_es.__file__).parent
    return [path for path in (package / _FOLDER / _SHIPPED, package.parent / _FOLDER / _SHIPPED) if path.is_file()][:1]


def _find(name: str, folder: str | None) -> Path:
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
    raise click.UsageError(f"there is no notebook {name!r} in {folder or _FOLDER}; {hint}")


def _told(parameters: object) -> str:
    assert isinstance(parameters, dict)
    return ", ".join(f"{name}={value}" for name, value in parameters.items()) or "no parameters"
