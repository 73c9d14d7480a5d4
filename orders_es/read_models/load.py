"""Reading read models from `.sql` files: for sessions, and for whoever keeps such tables up to date."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orders_es.errors import BadReadModel, WrongType
from orders_es.read_models.header import read_header, without_header
from orders_es.read_models.mentions import Mentions, NotOneSelect
from orders_es.read_models.model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.resources.abc import Traversable

__all__ = ["Folders", "in_reading_order", "is_shipped", "load_read_models", "needed_by"]

Folders: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None"
"""A folder with read models, or several, or none."""

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_PACKAGE = str(resources.files("orders_es"))
_RESERVED = {"events", "moment", "log_head", "as_asked"}


def load_read_models(folder: Folders = None) -> tuple[ReadModel, ...]:
    """This package's read models and those in the `.sql` files of folders, each after those that it reads. Read-only.

    Args:
        folder: A folder with `.sql` files of one's own, or several; only the package's if left out.

    Raises:
        BadReadModel: A file holds something else than one SELECT, is named as no table can be here or as a read model that
            is there already, says of its rows what cannot be, or reads itself by way of others. The error names file and
            line.

    Example:
        >>> "orders" in [model.name for model in load_read_models()]
        True
    """
    if folder is not None and not hasattr(folder, "__iter__") and not isinstance(folder, os.PathLike):
        raise WrongType(f"read_models={folder!r} is {type(folder).__name__}; give a folder with .sql files, or several")
    models = house = _house()
    for place in () if folder is None else (folder,) if isinstance(folder, str | os.PathLike) else folder:
        models = (*models, *_own(Path(place), models))
    return house if models is house else _with_types(in_reading_order(_with_reads(models)))


def is_shipped(model: ReadModel) -> bool:
    """Whether a read model's file is one of this package's, which keeps what it promises by the package's own tests.

    Example:
        >>> all(is_shipped(model) for model in load_read_models())
        True
    """
    return model.path.startswith(f"{_PACKAGE}{os.sep}")


@functools.cache
def _house() -> tuple[ReadModel, ...]:
    place = resources.files("orders_es.read_models")
    return _with_types(in_reading_order(_with_reads(_files(place, Mentions()))))


def _own(folder: Path, house: Sequence[ReadModel]) -> list[ReadModel]:
    if not folder.is_dir():
        raise BadReadModel(str(folder), "it is no folder; give one that holds .sql files")
    own = _files_of_package(folder) if str(folder).startswith(f"{_PACKAGE}{os.sep}") else _files(folder, Mentions())
    taken = {model.name for model in house}
    for model in own:
        if model.name in taken:
            raise BadReadModel(
                model.path,
                f"there is a read model {model.name!r} already, in {_home(model.name, house)}; rename the file",
            )
        if model.name.removesuffix("_at") in taken | {"events"} | {m.name for m in own if m is not model}:
            raise BadReadModel(
                model.path, f"{model.name!r} is the name of a macro, {model.name}(at, known_at); rename the file"
            )
    return own


def _home(name: str, models: Sequence[ReadModel]) -> str:
    return next(model.path for model in models if model.name == name)


@functools.cache
def _files_of_package(folder: Path) -> list[ReadModel]:
    return _files(folder, Mentions())


def _files(folder: Traversable, mentions: Mentions) -> list[ReadModel]:
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [_read(file, folder, mentions) for file in files]


def _read(file: Traversable, folder: Traversable, mentions: Mentions) -> ReadModel:
    """One file's read model; in `reads` stand all relations that it mentions, until all read models are known."""
    path, name = str(file), file.name.removesuffix(".sql")
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise BadReadModel(
            path,
            "a read model is named after its file: small letters, digits and _, and none of "
            + ", ".join(sorted(_RESERVED)),
        )
    sql = _text(file)
    header = read_header(sql)
    if header.like is not None:
        sql = f"{sql}\n{_like(path, sql, header.like, folder)}"
    try:
        mentioned = mentions.of(sql)
    except NotOneSelect as error:
        reason, line = error.args
        raise BadReadModel(path, reason, line) from error
    if len(header.stream) > 1:
        raise BadReadModel(path, f"`-- Stream:` names {len(header.stream)} columns; name the one that holds the stream")
    if header.stream and header.key and header.stream[0] not in header.key:
        raise BadReadModel(
            path, f"its rows belong to the stream in {header.stream[0]!r}, so that column has to be part of `-- Key:`"
        )
    return ReadModel(
        name,
        sql,
        types=header.types,
        title=header.title,
        key=header.key,
        stream=header.stream[0] if header.stream else None,
        reads=tuple(sorted(mentioned)),
        reads_moment="moment" in mentioned,
        reads_events="events" in mentioned,
        internal=header.internal,
        columns=header.columns,
        path=path,
    )


def _text(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().removesuffix(";").rstrip()
    except UnicodeDecodeError as error:
        raise BadReadModel(str(file), f"it is not UTF-8 text at byte {error.start}; save it as UTF-8") from error


def _like(path: str, sql: str, like: tuple[str, str, str], folder: Traversable) -> str:
    """The SELECT of the file that `-- Like:` names, with one expression in it for another."""
    name, new, old = like
    line = next(number for number, text in enumerate(sql.splitlines(), 1) if re.match(r"--\s?Like:", text))
    if not name:
        reason = "`-- Like:` has to say: another_model, with `one expression` for `the expression that it has`."
        raise BadReadModel(path, reason, line)
    if not all(text.startswith("--") or not text.strip() for text in sql.splitlines()):
        raise BadReadModel(path, f"it has a SELECT of its own beside that of {name!r}; drop it, or `-- Like:`", line)
    other = folder / f"{name}.sql"
    if not other.is_file():
        raise BadReadModel(path, f"`-- Like:` names {name!r}, and there is no {name}.sql beside it", line)
    text = without_header(_text(other))
    if text.count(old) != 1:
        raise BadReadModel(path, f"{name}.sql holds `{old}` {text.count(old)} times; it has to be there once", line)
    return text.replace(old, new)


def _with_reads(models: Sequence[ReadModel]) -> list[ReadModel]:
    """The same read models, with only read models in `reads`."""
    names = {model.name for model in models}
    return [replace(model, reads=tuple(name for name in model.reads if name in names)) for model in models]


def _with_types(models: Sequence[ReadModel]) -> tuple[ReadModel, ...]:
    """The same read models, in the same order; those that name no types and read no events have the types of what they read."""
    done: dict[str, ReadModel] = {}
    for model in models:
        types = model.types
        if not types and not model.reads_events and all(done[name].types for name in model.reads):
            types = tuple(dict.fromkeys(name for read in model.reads for name in done[read].types))
        done[model.name] = replace(model, types=types)
    return tuple(done.values())


def in_reading_order(models: Iterable[ReadModel]) -> tuple[ReadModel, ...]:
    """Read models so that each comes after those that it reads; by name where that leaves a choice.

    Args:
        models: The read models; what they read and is not among them is taken as given.

    Raises:
        BadReadModel: One reads itself, by way of others perhaps; or its rows cannot belong to one stream, as it says,
            because it reads `moment` or read models of many streams.

    Example:
        >>> totals = ReadModel("totals", "SELECT sum(total) AS total FROM orders", reads=("orders",))
        >>> [model.name for model in in_reading_order([totals, ReadModel("orders", "…", stream="order_id")])]
        ['orders', 'totals']
    """
    left = {model.name: model for model in sorted(models, key=lambda model: model.name)}
    done: dict[str, ReadModel] = {}
    while left:
        ready = next((m for m in left.values() if not any(name in left for name in m.reads)), None)
        if ready is None:
            raise _cycle(left)
        done[ready.name] = left.pop(ready.name)
        if ready.stream is not None:
            _check_stream(ready, done)
    return tuple(done.values())


def needed_by(model: ReadModel, models: Iterable[ReadModel]) -> tuple[ReadModel, ...]:
    """The read models that one needs, directly or not, each after those that it reads itself.

    Args:
        models: Those that there are.

    Example:
        >>> by_name = {model.name: model for model in load_read_models()}
        >>> [model.name for model in needed_by(by_name["orders"], by_name.values())]
        ['order_effects']
    """
    known = {m.name: m for m in models}
    wanted, found = list(model.reads), {}
    while wanted:
        name = wanted.pop()
        if name in known and name not in found:
            found[name] = known[name]
            wanted += known[name].reads
    return in_reading_order(found.values())


def _check_stream(model: ReadModel, known: dict[str, ReadModel]) -> None:
    if model.reads_moment:
        raise BadReadModel(
            model.path or model.name,
            "its rows depend on `moment`, so they change without any event of their stream; drop `-- Stream:`",
        )
    for name in model.reads:
        if name in known and known[name].stream is None:
            raise BadReadModel(
                model.path or model.name,
                f"it reads {name!r}, whose rows belong to no one stream, so its own cannot either; drop `-- Stream:`",
            )


def _cycle(left: dict[str, ReadModel]) -> BadReadModel:
    """The error for read models none of which can come first; it names a round trip."""
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in left[path[-1]].reads if name in left))
    path = path[path.index(path[-1]) :]
    model = left[path[0]]
    return BadReadModel(model.path or model.name, f"read models read each other in a circle: {' → '.join(path)}")
