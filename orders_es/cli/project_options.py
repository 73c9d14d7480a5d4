"""What the commands on projections share: their options, and from names to what can be run."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.options import allow_files_option, find_modules_here, read_model_folders, read_models_option
from orders_es.errors import NoReadModels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orders_es.log import EventLog
    from orders_es.projections import Handlers, OutletProjection, ProcessManager, Projector, SetProjection

__all__ = ["definition_options", "loaded_handlers", "models_option", "number_argument", "projector"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def models_option(command: _Command) -> _Command:
    """The option `--models`, which `ORDERS_ES_MODELS` stands in for."""

    def callback(ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
        if not value:
            raise click.UsageError("which read-model file? Give --models FILE, or set ORDERS_ES_MODELS", ctx)
        return value

    return click.option(
        "--models",
        metavar="FILE",
        envvar="ORDERS_ES_MODELS",
        show_envvar=True,
        callback=callback,
        help="The read-model file, in DuckDB's format.",
    )(command)


def definition_options(command: _Command) -> _Command:
    """The options `--handlers`, `--read-models`, `--to` and `--tz`: what decides which projections there are."""
    for option in (
        click.option(
            "--tz", metavar="ZONE", default="UTC", show_default=True, help="Where days begin, in read models."
        ),
        read_models_option(),
        allow_files_option,
        click.option(
            "--handlers",
            metavar="MODULE:NAME",
            multiple=True,
            help="Python projections: a Handlers or ProcessManager object, or a list of them, in a module. May be given again.",
        ),
        click.option(
            "--to",
            metavar="URL",
            help="Carry the read models' changes into another place, such as folder:out or postgresql://host/db; see docs/outlets.md.",
        ),
    ):
        command = option(command)
    return command


def number_argument(command: _Command) -> _Command:
    """The argument `NUMBER` of a dead letter."""
    return click.argument("number", metavar="NUMBER", type=click.IntRange(min=1))(command)


def loaded_handlers(places: Iterable[str]) -> list[Handlers | ProcessManager]:
    """The projections that `--handlers` names, in order.

    Args:
        places: Each `MODULE:NAME`; modules of the current folder are found.
    """
    from orders_es.projections import Handlers, ProcessManager

    find_modules_here()
    found: list[Handlers | ProcessManager] = []
    for place in places:
        module, colon, name = place.partition(":")
        if not (module and colon and name):
            raise click.UsageError(f"--handlers {place}: write it MODULE:NAME, such as shop.mails:handlers")
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise click.UsageError(f"--handlers {place}: {error}") from error
        several = list(value) if isinstance(value, list | tuple) else [value]
        for one in several:
            if not isinstance(one, Handlers | ProcessManager):
                raise click.UsageError(
                    f"--handlers {place}: it is {type(one).__name__}, not orders_es.projections.Handlers"
                )
        found += several
    return found


def projector(
    log: EventLog,
    models: str,
    names: Iterable[str],
    *,
    handlers: Iterable[str],
    read_models: str | None,
    tz: str,
    allow_files: bool = False,
    to: str | None = None,
    progress: bool = False,
    **settings: Any,
) -> Projector:
    """What runs the projections of these names; without names, all handlers given and the read models that the file has.

    A file that has none yet, or is not there, gets all read models. What earlier runs were asked for and left undone is
    run as well, as far as it can be found.

    Args:
        models: The read-model file.
        names: Of projections.
        handlers: What `--handlers` names.
        read_models: A folder with read models of one's own.
        tz: The time zone in which days begin.
        allow_files: Let read models read files.
        to: Where the read models' changes go, if not into tables of the file.
        progress: Show progress bars.
        settings: Given on to `Projector`.
    """
    from orders_es.projections import Projector, SetProjection, set_projections
    from orders_es.read_models import load_read_models

    folders = read_model_folders(read_models)
    own = {one.name: one for one in loaded_handlers(handlers)}
    wanted = list(dict.fromkeys(names))
    chosen: list[SetProjection | OutletProjection | Handlers | ProcessManager]
    if wanted:
        chosen = [own[name] if name in own else SetProjection.of(name, folders) for name in wanted]
    else:
        known = {model.name for model in load_read_models(folders)}
        there = [name for name in _wanted(models) if name in known]
        chosen = [*set_projections(there or None, folders), *own.values()] if there or not own else [*own.values()]
    if to is not None:
        if not wanted:
            raise click.UsageError("--to: name the read models that are to go there")
        chosen = [_into(to, one, several=len(chosen) > 1) for one in chosen]
    return Projector(log, models, chosen, tz=tz, allow_files=allow_files, progress=progress, **settings)


def _into(to: str, projection: SetProjection | Handlers | ProcessManager, *, several: bool) -> OutletProjection:
    """A read model's projection into an outlet; of several, each gets a place of its own below the one named."""
    from orders_es.projections import OutletProjection, SetProjection, open_outlet

    if not isinstance(projection, SetProjection):
        raise click.UsageError(f"--to carries read models; {projection.name} is none")
    below = several and "://" not in to  # a database has a table for each of them anyway
    return OutletProjection.into(open_outlet(f"{to.rstrip('/')}/{projection.name}" if below else to), projection)


def _wanted(models: str) -> list[str]:
    """The set-based projections that a file has, and what earlier runs were asked for and left undone."""
    from orders_es.projections import ReadModels

    file = ReadModels(models)
    there = []
    if Path(models).exists():
        with suppress(NoReadModels):
            there = [state.name for state in file.status() if state.kind == "set"]
    return list(dict.fromkeys([*there, *file.unfinished()]))
