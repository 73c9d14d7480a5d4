"""`Upcaster`: a pure function from an event's old payload shape to the next one, for whoever changes an event type.

What is recorded stays as it is for good. An upcaster says what it means today: `v1 → v2 → v3`, one step each, at reading. The
word is the field's own (Greg Young, "Versioning in an Event Sourced System", 2016).
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import string
import sys
from decimal import Decimal
from hashlib import sha256
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UNCHANGED", "Renamed", "SqlForm", "Upcaster", "retired", "upcaster"]

_PLAIN = (str, int, float, bool, bytes, Decimal, type(None))


class _Unchanged(enum.Enum):
    UNCHANGED = "the payload has the next version's shape already"


UNCHANGED: Final = _Unchanged.UNCHANGED
"""What an upcaster gives for a payload that has the next version's shape already: it is read just as it is recorded."""


class Renamed(NamedTuple):
    """What an upcaster gives where its event is of a type of another name today.

    Args:
        type: The other type's name, one of those that the upcaster declares in `into`.
        payload: The payload in that type's shape.
    """

    type: str
    payload: dict[str, Any]


class SqlForm:
    """What an upcaster does, said once more in DuckDB's SQL, so that questions need no copy of old events.

    It is an optimization and nothing else: the function decides. The form is used for those data files all of whose events of that
    version it certainly reads as the function does: their payloads are as this package writes a `reads`, their columns say the
    same, `where` is true, and every value fits its column exactly. For any other file there is a copy, as if there were no form. A few
    events of each are held to the function, and `check_sql` of `orders_es.testing` holds many.

    Args:
        reads: A dataclass of the old version's shape, with the fields in the order in which they were recorded.
        gives: For each field of the next version that has a value, an expression in which `{name}` stands for the old field of
            that name; double braces stand for themselves. What is left out is null.
        where: A condition on the old fields; events of which it is not true are none of this form's concern.
        type: Where the step leads to more than one type, or may retire: an expression for the name, null for a retired
            event. Of `gives`, a type then takes the fields that it has.
        unchanged: Whether the function gives `UNCHANGED` for payloads that have the next version's shape.

    Raises:
        InvalidSetting: `reads` is no dataclass, or an expression names a field that it does not have.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class InCents:
        ...     price: int
        >>> SqlForm(InCents, {"price": "{price} * 0.01", "currency": "'EUR'"})
        <SqlForm of InCents: price, currency>
    """

    def __init__(
        self,
        reads: type,
        gives: Mapping[str, str],
        *,
        where: str = "true",
        type: str = "",  # noqa: A002 - the envelope's word
        unchanged: bool = False,
    ) -> None:
        if not dataclasses.is_dataclass(reads):
            raise InvalidSetting("reads", reads, "give a dataclass of the old version's shape")
        self.reads = reads
        self.gives = dict(gives)
        self.where = where
        self.type = type
        self.unchanged = unchanged
        known = {field.name for field in dataclasses.fields(reads)}
        for expression in (*self.gives.values(), where, type):
            unknown = _placeholders(expression) - known
            if unknown:
                raise InvalidSetting("sql", expression, f"{reads.__name__} has no field {min(unknown)!r}")

    def __repr__(self) -> str:
        return f"<SqlForm of {self.reads.__name__}: {', '.join(self.gives) or 'nothing'}>"

    @property
    def said(self) -> tuple[str, ...]:
        """All that it says, as texts."""
        fields = [(field.name, str(field.type)) for field in dataclasses.fields(self.reads)]
        return repr(fields), repr(self.gives), self.where, self.type, repr(self.unchanged)


def _placeholders(expression: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(expression) if name is not None}
    except ValueError as error:
        raise InvalidSetting("sql", expression, f"{error}; write {{{{ for a brace") from None


class Upcaster:
    """One step from an old version of an event type to the next. `upcaster` makes one from a function.

    Args:
        type: The event type's name, as recorded.
        schema_version: The version that it reads.
        function: Takes a payload, a dict that it may change, and gives the next version's, or `UNCHANGED` where it has that
            shape already; None where all such events are retired.
        into: The types of other names that it leads to, each with the version that it makes of them; without it, the step
            leads to the next version of the same type.
        may_retire: Whether it may give None for an event that means nothing today.
        revision: Raise it where the function's answer changes and its own code does not show that.
        sql: The same once more in SQL, for questions without a copy.

    `targets` has the types and versions that the step may lead to; it is empty where all such events are retired.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - the envelope's word
        schema_version: int,
        function: Callable[[dict[str, Any]], Any] | None,
        *,
        into: Mapping[str, int] | None = None,
        may_retire: bool = False,
        revision: int = 1,
        sql: SqlForm | None = None,
    ) -> None:
        where = f"upcaster of {type} v{schema_version}"
        if schema_version < 1 or any(version < 1 for version in (into or {}).values()):
            raise InvalidSetting(where, schema_version, "versions start at 1")
        if function is not None and not callable(function):
            raise InvalidSetting(where, function, "give a function of one payload")
        if function is not None and (wrong := _not_of_one_payload(function)):
            raise InvalidSetting(where, function, wrong)
        self.type = type
        self.schema_version = schema_version
        self.function = function
        self.into = dict(into) if into else None
        self.may_retire = may_retire
        self.revision = revision
        self.sql = sql
        if sql is not None and (len(self.into or ()) > 1 or may_retire) != bool(sql.type):
            raise InvalidSetting(
                where, sql, "its SQL form says `type` where it leads to several types or may retire, and only there"
            )
        self.targets: tuple[tuple[str, int], ...] = ()
        if function is not None:
            self.targets = tuple((self.into or {type: schema_version + 1}).items())
            self.__module__ = getattr(function, "__module__", __name__)
            self.__qualname__ = getattr(function, "__qualname__", "")
            self.__doc__ = function.__doc__

    def __call__(self, payload: dict[str, Any]) -> Any:
        """What the function makes of a payload: for tests. None if the event is retired."""
        return None if self.function is None else self.function(payload)

    def __repr__(self) -> str:
        return f"<Upcaster {self.type} v{self.schema_version} → {self.leads_to}>"

    @property
    def leads_to(self) -> str:
        """Where the step leads, in words."""
        if self.function is None:
            return "nothing (retired)"
        said = [f"{name} v{version}" for name, version in self.targets] + ["nothing"] * self.may_retire
        return " or ".join(said)

    @property
    def fingerprint(self) -> str:
        """A hash of what decides what the step does: its declaration and the function's code, with what it uses of its module.

        What a function calls in other modules is not looked at; `revision` is for that.
        """
        said = [self.type, str(self.schema_version), repr(self.targets), str(self.may_retire), str(self.revision)]
        said += self.sql.said if self.sql is not None else ()
        return sha256("\0".join([*said, *_code_of(self.function, set())]).encode()).hexdigest()

    def __reduce__(self) -> str | tuple[Any, ...]:
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:  # the decorator put it in the function's place
            return str(self.__qualname__)
        declared = (self.type, self.schema_version, self.function, self.into, self.may_retire, self.revision, self.sql)
        return _again, declared


def _again(
    name: str,
    schema_version: int,
    function: Callable[[dict[str, Any]], Any] | None,
    into: Mapping[str, int] | None,
    may_retire: bool,  # noqa: FBT001 - pickle gives arguments by place
    revision: int,
    sql: SqlForm | None = None,
) -> Upcaster:
    return Upcaster(name, schema_version, function, into=into, may_retire=may_retire, revision=revision, sql=sql)


def _not_of_one_payload(function: Callable[..., Any]) -> str:
    """Why a function could not be called as upcasters are; empty where it can, or where there is no telling."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "an `async def` gives something to be awaited; give a plain function of one payload"
    if inspect.isgeneratorfunction(function):
        return "a function with `yield` gives several events. An event stays one: versions, positions and hashes count what was recorded; return one payload"
    try:
        inspect.signature(function).bind({})
    except TypeError as error:
        return (
            f"it cannot be called with one payload ({error}). An upcaster sees nothing but the payload; what the envelope says, such as "
            "occurred_at, `evolve` and read models take from the event"
        )
    except ValueError:  # written in C, and does not say what it takes
        return ""
    return ""


def upcaster(
    type: str,  # noqa: A002 - the envelope's word
    schema_version: int,
    *,
    into: str | Mapping[str, int] | None = None,
    may_retire: bool = False,
    revision: int = 1,
    sql: SqlForm | None = None,
) -> Callable[[Callable[[dict[str, Any]], Any]], Upcaster]:
    """A decorator that makes a function of one payload an `Upcaster`, to be listed in a `Decider` or given to a registry.

    Args:
        type: The event type's name, as recorded.
        schema_version: The version that the function reads.
        into: Where the event is of another name today: that name, whose version 1 the function then gives; or the names that
            it may have, each with a version, where the function gives a `Renamed`.
        may_retire: Whether the function may give None, for an event that means nothing today.
        revision: Raise it where the function's answer changes and its own code does not show that.
        sql: The same once more in SQL, for questions without a copy.

    Example:
        >>> @upcaster("Scanned", 1)
        ... def with_a_depot(payload):
        ...     return payload | {"depot": "unknown"}
        >>> with_a_depot, with_a_depot({"parcel": "P-1"})
        (<Upcaster Scanned v1 → Scanned v2>, {'parcel': 'P-1', 'depot': 'unknown'})
    """
    names = {into: 1} if isinstance(into, str) else into

    def made(function: Callable[[dict[str, Any]], Any]) -> Upcaster:
        return Upcaster(type, schema_version, function, into=names, may_retire=may_retire, revision=revision, sql=sql)

    return made


def retired(type: str, schema_version: int = 1) -> Upcaster:  # noqa: A002 - the envelope's word
    """The upcaster of events that mean nothing today: they stay in the log, and no answer knows them.

    Args:
        type: The event type's name, as recorded.
        schema_version: The version that is retired.

    Example:
        >>> retired("LabelPrinted")
        <Upcaster LabelPrinted v1 → nothing (retired)>
    """
    return Upcaster(type, schema_version, None)


def _code_of(value: Any, seen: set[int]) -> list[str]:
    """Texts that are others where a function's own code is another one, or a function or plain value of its module that it uses."""
    while not isinstance(value, FunctionType) and hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    if isinstance(value, Upcaster):
        value = value.function
    if not isinstance(value, FunctionType):
        return [_shown(value)]
    if id(value) in seen:
        return []
    seen.add(id(value))
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items()]
    parts = _bytes_of(value.__code__) + [text for used in (*defaults, *cells) for text in _code_of(used, seen)]
    for name in sorted(_names_of(value.__code__)):
        if name in value.__globals__:
            used = value.__globals__[name]
            own = not isinstance(used, FunctionType) or used.__module__ == value.__module__
            parts += [name, *(_code_of(used, seen) if own else [_shown(used)])]
    return parts


def _bytes_of(code: CodeType) -> list[str]:
    parts = [code.co_code.hex(), repr(code.co_names), repr(code.co_varnames)]
    for constant in code.co_consts:
        parts += _bytes_of(constant) if isinstance(constant, CodeType) else [_shown(constant)]
    return parts


def _names_of(code: CodeType) -> set[str]:
    inner = [_names_of(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _shown(value: Any) -> str:
    """A text for a value, the same in every process."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, set | frozenset):
        return f"{{{','.join(sorted(map(_shown, value)))}}}"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_shown(k)}:{_shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"({','.join(map(_shown, value))})"
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
