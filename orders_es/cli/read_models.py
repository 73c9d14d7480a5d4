"""The command `read-models`: the tables that can be asked for, and the meaning of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, existing_log, log_option, read_model_folders, read_models_option
from orders_es.cli.output import print_json, print_text, printable, table
from orders_es.cli.suggesting import unknown

if TYPE_CHECKING:
    from orders_es.read_models import ReadModel

__all__ = ["read_models"]


@click.command("read-models", short_help="The read models and the meaning of their columns.")
@click.argument("name", metavar="[NAME]", required=False)
@read_models_option("folder")
@click.option("--sql", "as_sql", is_flag=True, help="Print the definition, as it stands in its file.")
@log_option(required=False)
@as_json
def read_models(name: str | None, folder: str | None, as_sql: bool, log: str | None, as_json: bool) -> None:
    """The read models, or one of them with its columns: what tells its rows apart, its types, and what each means.

    With --log, the types of event that the log's own program registered count as well.

    \b
    Example:
      orders-es read-models
      orders-es read-models customer_value
      orders-es read-models orders --sql
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.log import open_log
    from orders_es.read_models import load_read_models
    from orders_es.replay import connect

    if as_sql and name is None:
        raise click.UsageError("--sql prints one definition; name the read model")
    folders = read_model_folders(folder)
    models = {model.name: model for model in load_read_models(folders)}
    if name is not None and name not in models:
        raise unknown("read model", name, models)
    if as_sql and name is not None and not as_json:
        print_text(models[name].sql.strip())
        return
    if name is None:
        shown = [model for model in models.values() if not model.internal]
        if as_json:
            print_json({"read_models": [_as_dict(model) for model in shown]})
            return
        rows = [[model.name, ", ".join(model.key), printable(model.title, 90)] for model in shown]
        print_text(table(rows, heads=["read model", "key", "what it is"], indent=0))
        return
    with (
        open_log(":memory:", registry=_registry()) if log is None else existing_log(log) as opened,
        connect(opened, read_models=folders) as session,
    ):
        described = session.sql(f'DESCRIBE "{name}"').rows()
    model = models[name]
    meanings = dict(model.columns)
    columns = [{"name": row[0], "type": row[1], "meaning": meanings.get(row[0], "")} for row in described]
    if as_json:
        print_json(_as_dict(model) | {"columns": columns, "sql": model.sql.strip()})
        return
    print_text(
        f"{model.name}: {model.title}\nkey: {', '.join(model.key) or 'none'}; also {name}_at(at, known_at := …)\n"
    )
    rows = [
        [printable(c["name"]), c["type"].removesuffix("WITH TIME ZONE").strip(), printable(c["meaning"], 110)]
        for c in columns
    ]
    print_text(table(rows, heads=["column", "type", "meaning"], indent=0))


def _registry() -> Any:
    from orders_es.cli.options import domains
    from orders_es.domains import registry_of

    return registry_of(domains())


def _as_dict(model: ReadModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "key": list(model.key),
        "stream": model.stream,
        "reads": list(model.reads),
        "columns": [{"name": column, "meaning": meaning} for column, meaning in model.columns],
    }
