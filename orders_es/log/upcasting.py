"""What recorded events mean today: the steps of upcasters, walked one after the other. One seam for every read path.

Nothing here writes. An event of today's version passes untouched; an older one becomes type, version and payload of today, or
nothing, where it is retired. Python, SQL, projections and exports all get it from here, so that they cannot disagree.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec

from orders_es.errors import RegistrationClash, UpcastFailed
from orders_es.log.payload_shape import PayloadShape
from orders_es.log.sql_forms import form_of
from orders_es.upcaster import UNCHANGED, Renamed, Upcaster

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry

__all__ = ["Part", "Today", "Upcasters"]

_Key = tuple[str, int]
_LOOKED_AT = 32
"""So many of the events that are made today's together are looked at alone as well."""
_SEVERAL = (
    "it gave several events. An event stays one: versions, positions and hashes count what was recorded. Keep what belongs "
    "together in one event's payload, and let `evolve` or the read model take it apart"
)


class Today(NamedTuple):
    """What a recorded event is in today's schema.

    Args:
        type: Its type's name today.
        schema_version: That type's version today.
        payload: JSON text in that shape.
    """

    type: str
    schema_version: int
    payload: str


class Part(NamedTuple):
    """Some of many events of one type and version, which are of one type and version today.

    Args:
        rows: Which of them.
        key: Type and version today; None where they are retired.
        lines: Their payloads today, one a line, as UTF-8; None where they are as recorded.
    """

    rows: list[int]
    key: _Key | None
    lines: bytes | None


class Upcasters:
    """The upcasters of a registry, by the type and version that they read.

    Args:
        registry: What knows today's types.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._by_key: dict[_Key, Upcaster] = {}
        self._checked = -1
        self._ends: dict[_Key, frozenset[_Key]] = {}
        self._shapes: dict[str, PayloadShape] = {}

    def __iter__(self) -> Iterator[Upcaster]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def step(self, key: _Key) -> Upcaster | None:
        """What reads a type and version."""
        return self._by_key.get(key)

    def add(self, step: Upcaster) -> None:
        """Take in one more.

        Raises:
            RegistrationClash: Another one reads that type and version already.
        """
        key = (step.type, step.schema_version)
        known = self._by_key.get(key)
        if known is not None and known is not step and known.fingerprint != step.fingerprint:
            raise RegistrationClash(
                f"{step.type} v{step.schema_version}",
                f"two upcasters read it: one of {known.__module__}, one of {step.__module__}; only one can be right",
            )
        self._by_key.setdefault(key, step)

    def ends(self, key: _Key) -> frozenset[_Key]:
        """The types and versions of today that events of an old one may come to; none where they are all retired."""
        self.check()
        return self._ends[key]

    def check(self) -> None:
        """Make sure that every chain of steps ends at a type and version of today.

        Raises:
            RegistrationClash: One goes in a circle, lacks a step, or begins at a version that is no older one.
        """
        if self._checked == self._registry.revision:
            return
        for name, version in self._by_key:
            if name in self._registry and version >= self._registry[name].schema_version:
                raise RegistrationClash(
                    f"{name} v{version}",
                    f"an upcaster reads it, and today's version is v{self._registry[name].schema_version}; register the class "
                    f"with the version that the last upcaster leads to, such as __schema_version__ = {version + 1}",
                )
        ends: dict[_Key, frozenset[_Key]] = {}
        for key in self._by_key:
            self._follow(key, (), ends)
        for key, step in self._by_key.items():
            if step.sql is not None:
                form_of(self._registry, key)
        self._ends, self._checked, self._shapes = ends, self._registry.revision, {}

    def _follow(self, key: _Key, before: tuple[_Key, ...], ends: dict[_Key, frozenset[_Key]]) -> frozenset[_Key]:
        if key in ends:
            return ends[key]
        name, version = key
        if key in before:
            raise RegistrationClash(
                f"{name} v{version}", f"its upcasters go in a circle: {_shown((*before[before.index(key) :], key))}"
            )
        step = self._by_key.get(key)
        if step is None:
            if name in self._registry and self._registry[name].schema_version == version:
                return frozenset({key})
            known = (
                f"today's is v{self._registry[name].schema_version}"
                if name in self._registry
                else "nobody registered it"
            )
            raise RegistrationClash(
                f"{name} v{version}",
                f"an upcaster leads to it ({_shown((*before, key))}), {known}, and there is no upcaster that leads on",
            )
        found = frozenset(end for target in step.targets for end in self._follow(target, (*before, key), ends))
        ends[key] = found
        return found

    def today(
        self, name: str, schema_version: int, payload: str, position: int = 0, stream_id: str = ""
    ) -> Today | None:
        """What an event of an old type or version is today; None if it is retired.

        Args:
            payload: JSON text, as recorded.
            position: Where it stands, for the error.
            stream_id: Its stream, for the error.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish, or the payload is no JSON object.
        """
        at = (name, schema_version)

        def failed(reason: str, cause: Exception | None = None) -> NoReturn:
            raise UpcastFailed(name, "", reason, schema_version, position, stream_id, payload) from cause

        try:
            data = _decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            end = self._only_end(at)
            if end is not None:  # no upcaster saw it: it is read as if there were none, and fits its type no better
                return Today(*end, payload)
            failed(f"its payload is no JSON object ({error})", error)
        try:
            walked = self._walked(at, data)
        except _Rubbish as error:
            failed(str(error), error.__cause__ if isinstance(error.__cause__, Exception) else None)
        if walked is None:
            return None
        at, today = walked
        if today is None:
            return Today(*at, payload)
        try:
            return Today(*at, self._shape(at[0]).written(today))
        except (TypeError, ValueError, RecursionError) as error:
            failed(f"what its upcasters gave cannot be written as JSON of {at[0]} v{at[1]} ({error})", error)

    def _walked(self, at: _Key, data: dict[str, Any]) -> tuple[_Key, dict[str, Any] | None] | None:
        """Type, version and payload at the end of a chain; None for a payload that no step changed, and None for a retired event.

        Raises:
            _Rubbish: A step raised, or gave what no step may give.
        """
        today = None
        while (step := self._by_key.get(at)) is not None:
            if step.function is None:
                return None
            try:
                given = step.function(data if today is None else today)
            except Exception as error:
                raise _Rubbish(f"its upcaster ({step!r}) raised {type(error).__name__}: {error}") from error
            targets = step.targets
            if given.__class__ is dict and len(targets) == 1:
                at, today = targets[0], given
            elif given is UNCHANGED and len(targets) == 1:
                at = targets[0]
            else:
                led = _led_to(step, given)
                if led is None:
                    return None
                at, today = led
        return at, today

    def many(self, key: _Key, payloads: pa.Array) -> list[Part]:
        """What many events of one type and version are today, in a third of the time that each alone takes.

        Args:
            payloads: JSON texts, an Arrow array.

        Raises:
            Exception: Something is wrong with one of them, or they are not plain enough; `today` says of each what it is.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        whole = pa.ListArray.from_arrays(pa.array([0, len(payloads)], pa.int32()), payloads)
        lines = pc.binary_join(whole, "\n")[0].as_buffer().to_pybytes()
        if lines.count(b"\n") != len(payloads) - 1:
            raise ValueError("a payload holds a line break")
        decoded = _decode_lines(lines)
        if len(decoded) != len(payloads):
            raise ValueError("a payload is empty")
        parts: list[Part] = []
        waiting: list[tuple[_Key, Sequence[int], list[dict[str, Any]], bool]] = []
        waiting.append((key, range(len(payloads)), decoded, False))
        while waiting:
            at, rows, datas, changed = waiting.pop()
            step = self._by_key.get(at)
            if step is None:
                parts.append(Part(list(rows), at, self._shape(at[0]).lines(datas) if changed else None))
            elif step.function is None:
                parts.append(Part(list(rows), None, None))
            else:
                waiting += self._stepped(step, rows, datas, changed, parts)
        self._hold_some(key, payloads, parts)
        return parts

    def _hold_some(self, key: _Key, payloads: pa.Array, parts: list[Part]) -> None:
        """Look at some events alone: a function that gives one dict again and again, or changes what it gave, shows here.

        Raises:
            ValueError: One is another event alone.
        """
        last = len(payloads) - 1
        some = {last * i // (_LOOKED_AT - 1) for i in range(_LOOKED_AT)}
        for part in parts:
            wanted = [(place, row) for place, row in enumerate(part.rows) if row in some]
            lines = part.lines.split(b"\n") if part.lines is not None and wanted else None
            for place, row in wanted:
                payload = payloads[row].as_py()
                alone = self.today(*key, payload)
                text = payload if lines is None else lines[place].decode()
                if alone != (None if part.key is None else Today(*part.key, text)):
                    raise ValueError("an event is another one alone than among others")

    @staticmethod
    def _stepped(
        step: Upcaster,
        rows: Sequence[int],
        datas: list[dict[str, Any]],
        changed: bool,  # noqa: FBT001 - of a tuple
        parts: list[Part],
    ) -> list[tuple[_Key, Sequence[int], list[dict[str, Any]], bool]]:
        """Where one step leads these events, those together that go one way; retired ones go to `parts`."""
        assert step.function is not None
        made = list(map(step.function, datas))
        if len(made) != len(datas):  # a StopIteration ends `map`
            raise ValueError("the upcaster raised StopIteration")
        kinds = set(map(type, made))
        if len(step.targets) == 1 and kinds == {dict}:
            return [(step.targets[0], rows, made, True)]
        if len(step.targets) == 1 and kinds == {type(UNCHANGED)}:
            return [(step.targets[0], rows, datas, changed)]
        ways: dict[tuple[_Key, bool] | None, tuple[list[int], list[dict[str, Any]]]] = {}
        for row, data, given in zip(rows, datas, made, strict=True):
            if given is UNCHANGED and len(step.targets) == 1:
                way, today = (step.targets[0], changed), data
            elif type(given) is dict and len(step.targets) == 1:
                way, today = (step.targets[0], True), given
            elif (led := _led_to(step, given)) is None:
                parts.append(Part([row], None, None))
                continue
            else:
                way, today = (led[0], True), led[1]
            there = ways.setdefault(way, ([], []))
            there[0].append(row)
            there[1].append(today)
        return [(way[0], rows, datas, way[1]) for way, (rows, datas) in ways.items() if way is not None]

    def _shape(self, name: str) -> PayloadShape:
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = PayloadShape(self._registry[name])
        return shape

    def _only_end(self, key: _Key) -> _Key | None:
        ends = self._ends.get(key, frozenset())
        return next(iter(ends)) if len(ends) == 1 and not self._may_retire(key) else None

    def _may_retire(self, key: _Key) -> bool:
        step = self._by_key.get(key)
        return step is not None and (step.may_retire or any(map(self._may_retire, step.targets)))


class _Rubbish(Exception):
    """What an upcaster gave is nothing that an upcaster may give."""


def _shown(keys: Iterable[_Key]) -> str:
    return " → ".join(f"{name} v{version}" for name, version in keys)


def _led_to(step: Upcaster, given: object) -> tuple[_Key, dict[str, Any]] | None:
    """Type, version and payload after a step that names a type; None if the event is retired. `_Rubbish` where the step gave that."""
    if isinstance(given, Renamed) and type(given.payload) is dict:
        for target in step.targets:
            if target[0] == given.type:
                return target, given.payload
        raise _Rubbish(_wrong(step, f"it gave the type {given.type!r}, which it does not declare in `into`"))
    if given is None and step.may_retire:
        return None
    raise _Rubbish(_wrong(step, _rubbish(given)))


def _wrong(step: Upcaster, what: str) -> str:
    return f"its upcaster ({step!r}) is wrong: {what}"


def _rubbish(given: object) -> str:
    if given is None:
        return "it gave None; return the payload, or declare may_retire=True where an event may mean nothing today"
    if isinstance(given, list | tuple | set) or hasattr(given, "__next__"):
        return _SEVERAL
    if isinstance(given, dict) or given is UNCHANGED:
        return "it leads to more than one type; return Renamed(type, payload)"
    return f"it gave {type(given).__name__}, not a payload (a dict)"


_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
"""Numbers with a point come as `Decimal`, so that no step of the way is a float."""
_decode, _decode_lines = _decoder.decode, _decoder.decode_lines
