"""Helpers for tests of upcasters, and of event types that must not change unnoticed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from orders_es.log.schemas import compared, read_schemas

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from orders_es.log import EventRegistry

__all__ = ["check_pure", "check_schemas", "check_sql"]

_TIMES = 3


def check_pure(registry: EventRegistry, examples: Iterable[tuple[str, int, str]]) -> int:
    """How many examples were read through upcasters, each step of them the same every time and fit for today's type.

    Each function is called again with an equal payload, and once after all others: one that looks at a clock, counts, draws a
    number, or keeps a payload that it was given and changes it later, gives another answer then. That an upcaster
    is pure cannot be proven so, only that it is not.

    Args:
        registry: What has the upcasters.
        examples: Type, schema version and payload (JSON text) of some old events, such as of a log.

    Raises:
        AssertionError: An upcaster gave two answers to one payload.
        UpcastFailed: One raised or gave rubbish.

    Example:
        >>> from orders_es.log import EventRegistry
        >>> from orders_es.upcaster import retired
        >>> check_pure(EventRegistry([], [retired("LabelPrinted")]), [("LabelPrinted", 1, "{}")])
        1
    """
    old = [example for example in examples if registry.upcasts(example[0], example[1])]
    first = [_answer(registry, example) for example in old]
    for _ in range(_TIMES - 1):
        for example, before in zip(reversed(old), reversed(first), strict=True):
            after = _answer(registry, example)
            if after != before:
                raise AssertionError(
                    f"{example[0]} v{example[1]} {example[2]} was read as {before} and then as {after}: an upcaster on its way looks "
                    "at something other than the payload; it must be pure"
                )
    return len(old)


def _answer(registry: EventRegistry, example: tuple[str, int, str]) -> Any:
    registry.decode(*example)  # which holds it to today's type
    return copy.deepcopy(registry.today(*example))


def check_schemas(registry: EventRegistry, path: str | os.PathLike[str]) -> None:
    """Nothing, if events as a schema file describes them can be read by the registry, and mean what they meant.

    Args:
        registry: The event types of today and the upcasters.
        path: The file, which `orders-es schema write` makes.

    Raises:
        AssertionError: A change is not compatible and has no new version; each is named, with what to do.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from orders_es.log import order_registry
        >>> from orders_es.log.schemas import described, written
        >>> path = Path(tempfile.mkdtemp(), "schemas.json")
        >>> _ = path.write_text(written(described(order_registry())))
        >>> check_schemas(order_registry(), path)
    """
    breaking = [str(change) for change in compared(read_schemas(path), registry) if change.breaks]
    if breaking:
        raise AssertionError("events that are recorded already would be read otherwise:\n" + "\n".join(breaking))


def check_sql(registry: EventRegistry, *, examples: int = 100) -> dict[tuple[str, int], int]:
    """How many made-up events of each old version its SQL form read, each as the function reads it.

    Payloads are drawn by Hypothesis from what the version's JSON Schema says: of the old shape, of today's, and with fields that are
    missing, unknown, null or there twice. What a form does not read is read by the function alone, and no fault.

    Args:
        registry: The event types of today, and the upcasters.
        examples: How many sets of payloads are drawn for each version.

    Raises:
        AssertionError: A form and its function give two answers, or a form reads nothing at all.
        RegistrationClash: A form cannot be bound, or would round.

    Example:
        >>> from orders_es.log import order_registry
        >>> sorted(check_sql(order_registry(), examples=10))
        [('ItemAdded', 1), ('OrderCreated', 1), ('StatusChanged', 1)]
    """
    from orders_es.testing.sql_forms import read_by_forms

    return read_by_forms(registry, examples)
