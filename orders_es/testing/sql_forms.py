"""Made-up events of old versions, read by the SQL forms of upcasters and by their functions: what `check_sql` does."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.errors import InvalidEvent, UpcastFailed
from orders_es.log.relation import COLUMN_TYPES, ENVELOPE_TYPES, quoted, text
from orders_es.log.sql_forms import Direct, certain, form_of, read_directly, refuse_other_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from orders_es.log import EventRegistry
    from orders_es.log.event_type import Field
    from orders_es.log.sql_forms import Form, How

__all__ = ["read_by_forms"]

_MOST = 12
"""Payloads in one set."""


def read_by_forms(registry: EventRegistry, examples: int) -> dict[tuple[str, int], int]:
    """How many events each form read; see `check_sql`."""
    import duckdb

    counts: Counter[tuple[str, int]] = Counter()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        for step in registry.upcasters:
            form = form_of(registry, (step.type, step.schema_version))
            if form is not None and form.reads is not None:
                refuse_other_types(form, connection)
                _check(registry, form, connection, examples, counts)
                assert counts[form.key], (
                    f"the SQL form of {step!r} read none of the payloads that were drawn: see `where`"
                )
    return dict(counts)


def _check(
    registry: EventRegistry, form: Form, connection: Any, examples: int, counts: Counter[tuple[str, int]]
) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    assert form.reads is not None
    literals = _literals(form)
    shapes: dict[How, Any] = {"form": _payloads(form.reads, literals)}
    if form.unchanged:
        shapes["unchanged"] = _payloads(form.targets[0].fields, literals)
    tagged = [st.tuples(st.just(shape), payloads) for shape, payloads in shapes.items()]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )
    @given(st.lists(st.one_of(*tagged), min_size=1, max_size=_MOST))
    def alike(drawn: list[tuple[How, tuple[str, dict[str, Any]]]]) -> None:
        for how in shapes:
            mine = [(payload, values if shape == how else {}) for shape, (payload, values) in drawn]
            counts[form.key] += _compare(registry, form, connection, mine, how)

    alike()


def _compare(
    registry: EventRegistry, form: Form, connection: Any, drawn: Sequence[tuple[str, dict[str, Any]]], how: How
) -> int:
    """How many of some events the form reads so; all of them are the same by the function."""
    fields = form.reads if how == "form" else form.targets[0].fields
    columns = {f.name: COLUMN_TYPES[f.kind] for f in fields or () if f.kind in COLUMN_TYPES}
    for f in form.reads or ():
        columns.setdefault(f.name, COLUMN_TYPES[f.kind])
    named = {"position": "BIGINT", "payload": "VARCHAR"} | columns
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE drawn ({', '.join(f'{quoted(name)} {kind}' for name, kind in named.items())})"
    )
    marks = ", ".join("?" * len(named))
    for at, (payload, values) in enumerate(drawn):
        connection.execute(f"INSERT INTO drawn VALUES ({marks})", [at, payload, *map(values.get, columns)])
    said = {"stream_id": "'S'", "type": text(form.key[0]), "schema_version": str(form.key[1])}
    others = (
        f"{said.get(name, 'NULL')}::{kind} AS {quoted(name)}"
        for name, kind in ENVELOPE_TYPES.items()
        if name not in named
    )
    events = f"(SELECT *, {', '.join(others)} FROM drawn)"
    judged = certain(registry, {form.key: form}, columns)
    sure = judged.expressed if how == "form" else judged.kept
    some = f"(SELECT * FROM {events} AS event WHERE {sure})"
    read = [at for (at,) in connection.execute(f'SELECT "position" FROM {some} ORDER BY ALL').fetchall()]
    direct = Direct(((*form.key, how),), tuple(columns.items()))
    found = connection.execute(
        f'SELECT "position", type, schema_version, payload FROM ({read_directly(registry, direct, some)})'
    )
    by_form = {at: event for at, *event in found.fetchall()}
    for at in read:
        _hold(registry, form, drawn[at][0], by_form.get(at))
    return len(read)


def _hold(registry: EventRegistry, form: Form, payload: str, by_form: list[Any] | None) -> None:
    event = f"{form.key[0]} v{form.key[1]} {payload}"
    try:
        today = registry.today(*form.key, payload)
        registry.decode(*form.key, payload)
    except (InvalidEvent, UpcastFailed) as error:
        raise AssertionError(f"{event} is {by_form} by its SQL form, and the function fails: {error}") from error
    by_function = None if today is None else [*today]
    assert by_form == by_function, f"{event} is {by_form} by its SQL form, and {by_function} by the function"


def _literals(form: Form) -> list[str]:
    """The texts that stand in a form's conditions, so that some payloads have them."""
    found = re.findall(r"'((?:[^']|'')*)'", " ".join((form.name, *form.conditions)))
    return sorted({one.replace("''", "'") for one in found})


def _payloads(fields: Sequence[Field], literals: Sequence[str]) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    """Payloads as text, and what the columns beside them hold; most as this package writes them."""
    from hypothesis import strategies as st

    values = {f.name: _values(f, literals) for f in fields if f.kind in COLUMN_TYPES}
    needed = {f.name: values[f.name] for f in fields if f.name in values and f.required and not f.optional}
    others = {name: strategy for name, strategy in values.items() if name not in needed}

    @st.composite
    def drawn(draw: Any) -> tuple[str, dict[str, Any]]:
        given = draw(st.fixed_dictionaries(needed, optional=others))
        given = {f.name: given[f.name] for f in fields if f.name in given}
        written = {name: str(value) if isinstance(value, Decimal) else value for name, value in given.items()}
        payload = msgspec.json.encode(written).decode()
        match draw(
            st.sampled_from(("as written",) * 6 + ("unknown", "missing", "null", "twice", "blanks", "other column"))
        ):
            case "unknown":
                payload = json.dumps({**json.loads(payload), draw(st.sampled_from(("channel", "zz"))): 1})
            case "missing" if written:
                payload = json.dumps(dict(list(json.loads(payload).items())[1:]), separators=(",", ":"))
            case "null" if written:
                payload = json.dumps(json.loads(payload) | {next(iter(written)): None}, separators=(",", ":"))
            case "twice" if written:
                name = json.dumps(next(iter(written)))
                payload = f"{payload[:-1]},{name}:7}}"
            case "blanks":
                payload = json.dumps(json.loads(payload), indent=1)
            case "other column" if written:
                given = dict(list(given.items())[1:])
        return payload, given

    return drawn()


def _values(field: Field, literals: Sequence[str]) -> SearchStrategy[Any]:
    """Values of one field, the odd ones among them."""
    from hypothesis import strategies as st

    most = 2**63 - 1 if field.largest is None else field.largest
    texts = st.text(st.characters(codec="utf-8"), min_size=int(field.identifier), max_size=20)
    of_kind: dict[str, SearchStrategy[Any]] = {
        "string": st.one_of(st.sampled_from(literals), st.sampled_from(literals), texts) if literals else texts,
        "int64": st.one_of(st.integers(-min(most, 99_999), min(most, 99_999)), st.integers(-most, most)),
        "decimal": st.decimals(-99_999_999_999_999, 99_999_999_999_999, places=4, allow_nan=False),
        "bool": st.booleans(),
        "timestamp": st.datetimes(datetime(1900, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
        "date": st.dates(),
        "float64": st.floats(allow_nan=False, allow_infinity=False),
    }
    return of_kind[field.kind] if field.pattern is None else st.from_regex(field.pattern[0], fullmatch=True)
