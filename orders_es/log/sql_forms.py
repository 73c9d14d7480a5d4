"""Old events in SQL without a copy: what the SQL forms of upcasters come to, from recorded columns to today's.

A form is used for events of which it is certain that it reads them as the function does; `judged` says of which. Their payload is,
to the byte, what this package writes for their columns: so the columns say what the payload says, and there is nothing that the
old shape does not know. Everything else is read from a copy that the functions made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from orders_es.errors import RegistrationClash
from orders_es.log.envelope import ENVELOPE
from orders_es.log.event_type import fields_of
from orders_es.log.relation import COLUMN_TYPES, event_columns, quoted, text
from orders_es.log.shredding import lacks, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orders_es.log.event_type import EventType, Field
    from orders_es.log.registry import EventRegistry
    from orders_es.upcaster import Upcaster

__all__ = ["Direct", "Form", "How", "Judged", "certain", "form_of", "judged", "read_directly", "refuse_other_types"]

How: TypeAlias = Literal["form", "unchanged", "retired"]
_Key = tuple[str, int]

_TAKEN = {
    "string": ("VARCHAR",),
    "int64": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL"),
    "bool": ("BOOLEAN",),
    "decimal": ("DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    "timestamp": ("TIMESTAMP WITH TIME ZONE",),
    "date": ("DATE",),
    "float64": ("DOUBLE",),
}
"""What an expression for a field of each kind may be of: nothing that a cast could round, or write otherwise than Python does."""
_FLOAT = r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}"
"""Floats that DuckDB and msgspec write alike."""
_PROBED = 64
"""So many events of each old version are held to the function, in each run of files."""


class Form(NamedTuple):
    """Events of one old type and version in SQL, through all steps of their chain.

    Args:
        key: Type and version, as recorded.
        reads: The fields of the old shape; None where such events are retired.
        name: SQL for the name of today's type, null for a retired event.
        targets: The types of today that it may be.
        may_retire: Whether the name may be null.
        values: SQL for the fields of today's types.
        conditions: SQL, all of which is true where the form holds.
        unchanged: Whether payloads in today's shape are read as they are.
    """

    key: _Key
    reads: tuple[Field, ...] | None
    name: str
    targets: tuple[EventType, ...]
    may_retire: bool
    values: dict[str, str]
    conditions: tuple[str, ...]
    unchanged: bool


class Direct(NamedTuple):
    """How some neighbouring files with old events are read without a copy.

    Args:
        hows: Type and version, as recorded, of the old events there, and how these are read.
        columns: Name and DuckDB type of the columns for payload fields that the files have.
    """

    hows: tuple[tuple[str, int, How], ...]
    columns: tuple[tuple[str, str], ...]

    @property
    def computes(self) -> bool:
        """Whether every question computes columns anew, which those of a copy spare."""
        return any(how == "form" for _, _, how in self.hows)


def form_of(registry: EventRegistry, key: _Key) -> Form | None:
    """What reads old events of a type and version in SQL; None where a step of their chain has no SQL form.

    Raises:
        RegistrationClash: A form gives a field that the next version does not know, or lacks one that it needs.
    """
    step = registry.step(key)
    if step is None or step.function is None:
        return Form(key, None, "NULL", (), True, {}, (), unchanged=False) if registry.upcasts(*key) else None
    unchanged = step.sql is not None and step.sql.unchanged and all(registry.is_today(*to) for to in step.targets)
    reads = None if step.sql is None else fields_of(step.sql.reads)
    given: dict[str, str] | None = None
    conditions: list[str] = []
    while step is not None:
        if step.sql is None:
            return None
        fields = fields_of(step.sql.reads)
        for f in fields:
            if f.kind == "json" or f.name.casefold() in ENVELOPE:
                raise _clash(step, f"reads {f.name!r}, which is in no column of its own; leave the form out")
        if given is None:
            inputs = {f.name: f"event.{quoted(f.name)}" for f in fields}
        else:
            inputs = {f.name: _cast(f, given) for f in fields}
            conditions += [_holds(f, given) for f in fields]
        inputs = {name: f"({sql})" for name, sql in inputs.items()}
        conditions.append(f"({step.sql.where.format_map(inputs)})")
        given = {name: f"({sql.format_map(inputs)})" for name, sql in step.sql.gives.items()}
        name = f"({step.sql.type.format_map(inputs)})" if step.sql.type else text(step.targets[0][0])
        ends = [registry.is_today(*to) for to in step.targets]
        if all(ends):
            break
        if any(ends) or len(step.targets) > 1 or step.may_retire:
            return None  # only the last step of a chain may part
        step = registry.step(step.targets[0])
        if step is None or step.function is None:
            return None
    assert step is not None
    assert given is not None
    targets = tuple(registry[name] for name, _ in step.targets)
    _check_gives(step, given, targets)
    return Form(key, reads, name, targets, step.may_retire, given, tuple(conditions), unchanged)


def _check_gives(step: Upcaster, given: Mapping[str, str], targets: Sequence[EventType]) -> None:
    known = {f.name: f for target in targets for f in target.fields}
    for name in given:
        if name not in known or known[name].kind == "json":
            raise _clash(step, f"gives {name!r}, for which {_names(targets)} has no column")
    for target in targets:
        for f in target.fields:
            if f.required and not f.optional and f.name not in given:
                raise _clash(step, f"gives no {f.name!r}, which {target.name} v{target.schema_version} needs")


def _clash(step: Upcaster, what: str) -> RegistrationClash:
    return RegistrationClash(f"{step.type} v{step.schema_version}", f"its SQL form {what}")


def _names(targets: Iterable[EventType]) -> str:
    return " or ".join(f"{t.name} v{t.schema_version}" for t in targets)


def _cast(field: Field, given: Mapping[str, str]) -> str:
    return f"CAST({given.get(field.name, 'NULL')} AS {COLUMN_TYPES[field.kind]})"


def _holds(field: Field, given: Mapping[str, str]) -> str:
    """SQL that is true where a field's value fits its column exactly and can be written as Python writes it."""
    if field.name not in given:
        return "false" if field.required and not field.optional else "true"
    value, cast = given[field.name], _cast(field, given)
    said = [f"{cast} IS NOT NULL"] if not field.optional or field.default is not None else []
    match field.kind:
        case "int64" | "decimal":
            said.append(f"{value} IS NOT DISTINCT FROM {cast}")
        case "timestamp" | "date":
            said.append(f"({cast} IS NULL OR year({cast}) BETWEEN 1000 AND 9999)")
        case "float64":
            said.append(f"({cast} IS NULL OR regexp_full_match({cast}::VARCHAR, {text(_FLOAT)}))")
        case "string":  # what JSON has no short escape for is written in two ways
            said.append(rf"({cast} IS NULL OR NOT contains(to_json({cast})::VARCHAR, '\u'))")
    return f"({' AND '.join(said) or 'true'})"


def _written(fields: Iterable[Field], values: Mapping[str, str]) -> str:
    """SQL for the payload that this package writes for some values: fields in their order, nulls left out."""
    members = [
        f"{text(json.dumps(f.name, ensure_ascii=False) + ':')} || {_value(f.kind, values[f.name])}"
        for f in fields
        if f.name in values
    ]
    return f"('{{' || concat_ws(',', {', '.join(members)}) || '}}')" if members else "'{}'"


def _as_written(fields: Sequence[Field], columns: Mapping[str, str]) -> str | None:
    """SQL that is true of an event whose payload is what this package writes for its columns; None where these cannot say it."""
    for f in fields:
        if f.kind not in COLUMN_TYPES or columns.get(f.name, COLUMN_TYPES[f.kind]) != COLUMN_TYPES[f.kind]:
            return None
    own = {f.name: f"event.{quoted(f.name)}" for f in fields if f.name in columns}
    needed = [own.get(f.name, "NULL") for f in fields if f.always]
    return " AND ".join([f"{_written(fields, own)} = event.payload", *(f"{value} IS NOT NULL" for value in needed)])


def _value(kind: str, sql: str) -> str:
    match kind:
        case "string":
            return f"to_json({sql})::VARCHAR"
        case "decimal" | "date":
            return f"""'"' || {sql}::VARCHAR || '"'"""
        case "timestamp":
            at = f"strftime({sql} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f') || 'Z'"
            return f"""'"' || replace({at}, '.000000Z', 'Z') || '"'"""
    return f"{sql}::VARCHAR"


def _is(key: _Key) -> str:
    return f"(event.type = {text(key[0])} AND event.schema_version = {key[1]})"


class _Today(NamedTuple):
    """SQL for what events of one form are today."""

    name: str
    schema_version: str
    payload: str
    values: dict[str, str]
    fits: str


def _today(form: Form) -> _Today:
    if len(form.targets) == 1 and not form.may_retire:
        [target] = form.targets
        return _Today(
            text(target.name), str(target.schema_version), *_of_type(target, form), _all_hold(target.fields, form)
        )

    def by_name(parts: Iterable[tuple[EventType, str]]) -> str:
        return f"CASE {form.name} {' '.join(f'WHEN {text(t.name)} THEN {sql}' for t, sql in parts)} END"

    of_each = [(target, *_of_type(target, form)) for target in form.targets]
    names = dict.fromkeys(name for _, _, values in of_each for name in values)
    whole = by_name((target, _all_hold(target.fields, form)) for target in form.targets)
    return _Today(
        form.name,
        by_name((target, str(target.schema_version)) for target in form.targets),
        by_name((target, payload) for target, payload, _ in of_each),
        {name: by_name((t, values[name]) for t, _, values in of_each if name in values) for name in names},
        f"({form.name} IS NULL OR {whole})" if form.may_retire else whole,
    )


def _of_type(target: EventType, form: Form) -> tuple[str, dict[str, str]]:
    values = {f.name: _cast(f, form.values) for f in target.fields if f.name in form.values}
    defaults = {f.name: value_of(f) for f in target.fields if f.name not in values and f.default is not None}
    return _written(target.fields, values), values | defaults


def _all_hold(fields: Iterable[Field], form: Form) -> str:
    return " AND ".join(_holds(f, form.values) for f in fields) or "true"


def refuse_other_types(form: Form, connection: Any) -> None:
    """Nothing, if all expressions of a form can be bound and are of a type that becomes the field's without any rounding.

    Args:
        connection: To a DuckDB, of which nothing is read.

    Raises:
        RegistrationClash: One is not; such as money that came out of a division, which is a float.
    """
    import duckdb

    if form.reads is None:
        return
    nulls = ", ".join(f"NULL::{COLUMN_TYPES[f.kind]} AS {quoted(f.name)}" for f in form.reads)
    kinds = {f.name: f.kind for target in form.targets for f in target.fields}
    listed = ", ".join(f"TRY({sql}) AS {quoted(name)}" for name, sql in form.values.items())
    others = ", ".join(f"TRY({sql}) AS said" for sql in (form.name, *form.conditions))
    where = f"{form.key[0]} v{form.key[1]}"
    try:
        found = connection.execute(
            f"DESCRIBE SELECT {', '.join(filter(None, (listed, others)))} FROM (SELECT {nulls or '1'}) AS event"
        )
        rows = found.fetchall()[: len(form.values)]
    except duckdb.Error as error:
        raise RegistrationClash(where, f"its SQL form cannot be read by DuckDB: {error}") from error
    for name, kind, *_ in rows:
        if kind.partition("(")[0] not in (*_TAKEN[kinds[name]], '"NULL"'):
            raise RegistrationClash(
                where,
                f"its SQL form gives {kind} for {name!r}, which is {COLUMN_TYPES[kinds[name]]}; cast it so that nothing is rounded "
                "(a division gives a float: multiply by 0.01 in place of dividing by 100)",
            )


class Judged(NamedTuple):
    """SQL that is true or false of each event in some files.

    Args:
        expressed: Its form certainly reads it as the function does.
        kept: It certainly is in today's shape already, and the function leaves it so.
        lacking: It is of today's version, and lacks values in its columns.
    """

    expressed: str
    kept: str
    lacking: str


def judged(registry: EventRegistry, forms: Mapping[_Key, Form], columns: Mapping[str, str], events: str) -> str:
    """SQL that counts, for each type and version in some files, the events of which `certain` says the one and the other.

    Its columns are the type, the schema version, and how many events of it there are; of those how many are read by the form, how
    many are in today's shape already, and how many lack values in their columns; and the positions of a few.

    Args:
        forms: The forms of all old types and versions there.
        columns: Name and DuckDB type of the files' columns for payload fields.
        events: SQL for the events as recorded, with these columns.
    """
    said = certain(registry, forms, columns)
    counts = ", ".join(
        f"count(*) FILTER (WHERE {sql}) AS {name}" for name, sql in zip(Judged._fields, said, strict=True)
    )
    return (
        f"SELECT event.type AS type, event.schema_version AS schema_version, count(*) AS n, {counts}, "
        f'arg_min(event."position", hash(event."position"), {_PROBED}) AS probed FROM {events} AS event GROUP BY ALL'
    )


def certain(registry: EventRegistry, forms: Mapping[_Key, Form], columns: Mapping[str, str]) -> Judged:
    """What is certain of each of some events, `event` in SQL.

    Args:
        forms: The forms of all old types and versions among them.
        columns: Name and DuckDB type of their columns for payload fields.
    """
    expressed, kept = [], []
    for form in forms.values():
        if form.reads is None:
            expressed.append(f"WHEN {_is(form.key)} THEN true")
            continue
        as_written = _as_written(form.reads, columns)
        if as_written is not None:
            conditions = (as_written, *form.conditions, _today(form).fits)
            expressed.append(f"WHEN {_is(form.key)} THEN TRY({' AND '.join(conditions)})")
        as_written = _as_written(form.targets[0].fields, columns) if form.unchanged else None
        if as_written is not None:
            kept.append(f"WHEN {_is(form.key)} THEN {as_written}")
    there = {name: kind for name, kind in columns.items() if event_columns(registry.columns).get(name) == kind}
    clashing = columns.keys() - there.keys()
    lacking = []
    for known in registry:
        said = "true" if any(f.name in clashing for f in known.fields) else lacks(known, there)
        if said:
            lacking.append(f"WHEN {_is((known.name, known.schema_version))} THEN {said}")

    cases = (f"CASE {' '.join(some)} ELSE false END" if some else "false" for some in (expressed, kept, lacking))
    return Judged(*cases)


def read_directly(registry: EventRegistry, direct: Direct, events: str) -> str:
    """SQL for events as they are today, with the envelope and the registry's columns, from those of files that need no copy.

    Args:
        direct: How the files are read.
        events: SQL for their events as recorded, with the columns that it names.
    """
    names: list[str] = []
    versions: list[str] = []
    payloads: list[str] = []
    values: dict[str, list[str]] = {name: [] for name in registry.columns}
    kept: list[str] = []
    for name, version, how in direct.hows:
        key = (name, version)
        form = form_of(registry, key)
        assert form is not None
        if how == "retired":
            kept.append(f"NOT {_is(key)}")
        elif how == "unchanged":
            names += _branch(key, text(form.targets[0].name)) if form.targets[0].name != name else []
            versions += _branch(key, str(form.targets[0].schema_version))
        else:
            today = _today(form)
            if form.may_retire:
                kept.append(f"NOT ({_is(key)} AND {form.name} IS NULL)")
            names += _branch(key, today.name)
            versions += _branch(key, today.schema_version)
            payloads += _branch(key, today.payload)
            for column in registry.columns:
                values[column] += _branch(key, today.values.get(column, "NULL"))
    there = dict(direct.columns)
    changed = {"type": names, "schema_version": versions, "payload": payloads, **values}
    listed = []
    for column, kind in event_columns(registry.columns).items():
        own = f"event.{quoted(column)}"
        if column in registry.columns and there.get(column) != kind:
            own = f"NULL::{kind}"
        branches = changed.get(column)
        said = f"CASE {' '.join(branches)} ELSE {own} END" if branches else own
        listed.append(f"{said}::{kind} AS {quoted(column)}" if branches else f"{said} AS {quoted(column)}")
    where = f" WHERE {' AND '.join(kept)}" if kept else ""
    return f"SELECT {', '.join(listed)} FROM {events} AS event{where}"


def _branch(key: _Key, sql: str) -> list[str]:
    return [f"WHEN {_is(key)} THEN {sql}"]
