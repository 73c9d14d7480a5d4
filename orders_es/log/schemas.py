"""What each version of each event type looks like, as a file to be committed: a change that breaks readers shows before it is recorded.

The file keeps old versions after their classes are gone. It is JSON, made by `described` and held to the code by `compared`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    import os

    from orders_es.log.event_type import EventType
    from orders_es.log.registry import EventRegistry

__all__ = ["Change", "compared", "described", "read_schemas", "schema_of", "written"]

_FORMAT = 1


class Change(NamedTuple):
    """One difference between a schema file and the code.

    Args:
        type: The event type's name.
        schema_version: The version that differs.
        field: The field, or an empty text where it is the type as a whole.
        what: What differs.
        breaks: Whether events that are recorded already would be read otherwise, or not at all.
        next: What to do.
    """

    type: str
    schema_version: int
    field: str
    what: str
    breaks: bool
    next: str

    def __str__(self) -> str:
        name = f"{self.type} v{self.schema_version}{'.' if self.field else ''}{self.field}"
        return f"{name}: {self.what}; {self.next}"


def schema_of(event_type: EventType) -> dict[str, Any]:
    """What an event type of today looks like: its fields, its JSON Schema, and a fingerprint of both.

    Args:
        event_type: As a registry gives it.

    Example:
        >>> from orders_es.log import order_registry
        >>> schema_of(order_registry()["OrderPlaced"])["fields"]["time_estimated"]
        {'kind': 'bool', 'optional': True, 'required': False}
    """
    fields = {}
    for field in event_type.fields:
        said: dict[str, Any] = {"kind": field.kind, "optional": field.optional, "required": field.required}
        said |= {
            name: value
            for name, value in (("largest", field.largest), ("pattern", field.pattern and field.pattern[0]))
            if value is not None
        }
        if field.identifier:
            said["identifier"] = True
        fields[field.name] = said
    try:
        schema: Any = msgspec.json.schema(event_type.cls)
    except TypeError:  # a field of a class that JSON Schema has no word for
        schema = None
    digest = sha256(json.dumps([fields, _without_prose(schema)], sort_keys=True, default=str).encode()).hexdigest()
    return {"fingerprint": digest[:32], "fields": fields, "json_schema": schema}


def _without_prose(schema: Any) -> Any:
    """A JSON Schema without descriptions and titles: words change and mean nothing to a reader of events."""
    if isinstance(schema, dict):
        return {key: _without_prose(value) for key, value in schema.items() if key not in ("description", "title")}
    return [_without_prose(value) for value in schema] if isinstance(schema, list) else schema


def described(registry: EventRegistry, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a schema file is to say: all types of today, and of older versions what the file said before.

    Args:
        before: What the file says now.
    """
    types: dict[str, dict[str, Any]] = {}
    for name, versions in (before or {}).get("types", {}).items():
        types[name] = dict(versions)
    for event_type in registry:
        types.setdefault(event_type.name, {})[f"v{event_type.schema_version}"] = schema_of(event_type)
    for step in registry.upcasters:
        known = types.setdefault(step.type, {}).setdefault(f"v{step.schema_version}", {})
        known["leads_to"] = step.leads_to
    return {
        "format": _FORMAT,
        "types": {name: dict(sorted(types[name].items(), key=lambda at: int(at[0][1:]))) for name in sorted(types)},
    }


def written(schemas: dict[str, Any]) -> str:
    """The text of a schema file."""
    return json.dumps(schemas, indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def read_schemas(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a schema file says.

    Raises:
        InvalidSetting: It is no schema file, or one of a later program.
        OSError: It cannot be read.
    """
    try:
        found: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["format"] != _FORMAT:
            raise InvalidSetting(
                "schemas", str(path), f"it is of format {found['format']}, and this program reads {_FORMAT}"
            )
        _ = [versions.items() for versions in found["types"].values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InvalidSetting):
            raise
        raise InvalidSetting(
            "schemas", str(path), f"it is no schema file ({error}); `orders-es schema write` makes one"
        ) from error
    return dict(found)


def compared(before: dict[str, Any], registry: EventRegistry) -> list[Change]:
    """How the code differs from what a schema file says, what breaks readers first.

    What is recorded has the shape that the file says, under that version. A field that is new and may be missing breaks nothing, and
    neither does one that is no longer read; all else needs a new version and an upcaster.

    Args:
        before: What the file says.
        registry: What the code says.
    """
    changes: list[Change] = []
    said = before.get("types", {})
    for event_type in registry:
        name, version = event_type.name, event_type.schema_version
        known = said.get(name, {}).get(f"v{version}")
        if known is None or "fields" not in known:
            changes.append(Change(name, version, "", "is not in the file", False, "write the file anew"))
        else:
            changes += _fields(event_type, known["fields"], schema_of(event_type)["fields"])
    for name, versions in said.items():
        changes += [
            Change(name, int(key[1:]), "", "is in the file, and the code reads it no more", True, _LOST)
            for key in versions
            if not registry.is_today(name, int(key[1:])) and not registry.upcasts(name, int(key[1:]))
        ]
    return sorted(changes, key=lambda change: (not change.breaks, change.type, change.schema_version, change.field))


_LOST = "register an upcaster that reads it, or retired(…) where it means nothing today"


def _fields(event_type: EventType, before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    name, version = event_type.name, event_type.schema_version
    new_version = f"give the class __schema_version__ = {version + 1}, and register an upcaster from v{version}"
    changes = []
    for field, said in before.items():
        if field not in now:
            what, after = (
                "was taken away, and its recorded values are read no more",
                f"if it was renamed, {new_version}",
            )
            changes.append(Change(name, version, field, what, bool(said["required"]), after))
        elif now[field]["kind"] != said["kind"]:
            what = f"was {said['kind']} and is {now[field]['kind']}"
            changes.append(Change(name, version, field, what, True, new_version))
        else:
            changes += [
                Change(name, version, field, what, True, new_version)
                for what, breaks in (
                    ("must be there now, and could be missing", now[field]["required"] and not said["required"]),
                    ("may be null no more", said["optional"] and not now[field]["optional"]),
                )
                if breaks
            ]
            if any(now[field].get(limit) != said.get(limit) for limit in ("largest", "identifier", "pattern")):
                changes.append(Change(name, version, field, "has other limits", False, "write the file anew"))
            elif (said["optional"], said["required"]) != (now[field]["optional"], now[field]["required"]) and not (
                (now[field]["required"] and not said["required"]) or (said["optional"] and not now[field]["optional"])
            ):
                changes.append(Change(name, version, field, "asks for less than it did", False, "write the file anew"))
    for field, wanted in now.items():
        if field not in before:
            needed = bool(wanted["required"])
            after = f"give it a default, or {new_version}" if needed else "write the file anew"
            what = "is new and must be there, which no recorded event has" if needed else "is new, and may be missing"
            changes.append(Change(name, version, field, what, needed, after))
    return changes
