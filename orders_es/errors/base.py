"""The base of the tree, and how an error of it is declared: facts by annotations, its text by a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import collections.abc
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        """Nothing at run time: it is there for type checkers, who learn the arguments of each error from it."""
        return lambda function: function


__all__ = ["OrdersEsError", "stated"]

E = TypeVar("E", bound="OrdersEsError")


class _Signature:
    """What `inspect.signature` and `help` say of an error's arguments, made when they ask."""

    def __get__(self, error: OrdersEsError | None, cls: type[OrdersEsError]) -> Any:
        import inspect

        if not cls._facts or "__init__" in vars(cls):
            raise AttributeError("__signature__")
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        defaults = ((name, getattr(cls, name, inspect.Parameter.empty)) for name in cls._facts)
        return inspect.Signature([inspect.Parameter(name, kind, default=default) for name, default in defaults])


class OrdersEsError(Exception):
    """The base of every error raised on purpose by this package."""

    _facts: tuple[str, ...] = ()
    """The names of the facts, in the order in which they are given."""
    _text: str | None = None
    """A format of the facts; where there is none, an error says the one text that it was made with, or has its own `__str__`."""

    __signature__ = _Signature()

    def __init__(self, *given: Any, **named: Any) -> None:
        names = type(self)._facts  # noqa: SLF001 - its own class's
        if not names and not named:  # a base, which says a text
            super().__init__(*given)
            return
        facts = dict(zip(names, given, strict=False))
        wrong = [name for name in named if name in facts or name not in names]
        facts |= named
        missing = [name for name in names if name not in facts and not hasattr(type(self), name)]
        if len(given) > len(names) or wrong or missing:
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}: each once")
        values = tuple(facts[name] if name in facts else getattr(type(self), name) for name in names)
        super().__init__(*values[:2])  # OSError gives a third argument a meaning of its own
        self.args = values  # so it is pickled by its facts
        self.__dict__.update(zip(names, values, strict=True))

    def __str__(self) -> str:
        return super().__str__() if self._text is None else self._text.format_map(self.__dict__)


@dataclass_transform(eq_default=False)
def stated(text: str | None = None) -> collections.abc.Callable[[type[E]], type[E]]:
    """Declares an error: its annotations are its facts, after those of its parent, and become its arguments and attributes.

    Args:
        text: A format of the facts, which is what the error says; left out where `__str__` says it, or the parent's does.

    Example:
        >>> @stated("{place} is {degrees:.0f} degrees too hot")
        ... class TooHot(OrdersEsError, ValueError):
        ...     place: str
        ...     degrees: float = 1.0
        >>> str(TooHot("the oven", degrees=7.0)), TooHot("the oven").args
        ('the oven is 7 degrees too hot', ('the oven', 1.0))
    """

    def declared(cls: type[E]) -> type[E]:
        own = tuple(name for name in cls.__annotations__ if name not in cls._facts)
        cls._facts = (*cls._facts, *own)
        if text is not None:
            cls._text = text
            if "__str__" not in vars(cls):  # a parent may have one of its own
                cls.__str__ = OrdersEsError.__str__  # type: ignore[method-assign]
        return cls

    return declared
