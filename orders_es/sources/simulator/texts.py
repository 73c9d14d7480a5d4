"""The words in simulated events. They travel as numbers until a table is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orders_es.sources.simulator.settings import SimulatorSettings

__all__ = ["Texts"]

_REASONS: dict[str, tuple[str, ...]] = {
    "offer": ("seasonal offer", "welcome back", "newsletter"),
    "failure": ("card declined", "insufficient funds", "timed out"),
    "abandoned": ("basket abandoned",),
    "given up": ("payment failed",),
    "cancelled": ("changed mind", "ordered by mistake", "found elsewhere", "takes too long"),
    "returned": ("does not fit", "damaged", "not as described", "changed mind", "arrived too late"),
    "refund cancelled": ("order cancelled",),
    "refund returned": ("goods returned",),
    "refund goodwill": ("goodwill",),
    "refund corrected": ("correction",),
    "goodwill": ("late delivery", "damaged packaging", "regular customer"),
    "corrected down": ("price corrected", "parcel was incomplete", "charged twice"),
    "corrected up": ("price corrected", "charged too little"),
    "transfer": ("transfer",),
}


class Texts:
    """The words of a simulation, numbered.

    Args:
        settings: The shop's rates, which name its channels, countries, methods and carriers.

    Example:
        >>> from orders_es.sources.simulator.settings import SimulatorSettings
        >>> texts = Texts(SimulatorSettings())
        >>> texts.words[texts.first("transfer")]
        'transfer'
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        groups: dict[str, tuple[str, ...]] = {
            **_REASONS,
            "channels": tuple(name for name, _ in settings.channels),
            "countries": tuple(name for name, _ in settings.countries),
            "payment_methods": tuple(name for name, _ in settings.payment_methods),
            "shipping_methods": tuple(name for (name, _), _ in settings.shipping_methods),
            "carriers": tuple(name for name, _ in settings.carriers),
            "discount_percents": tuple(f"SAVE{percent}" for percent, _ in settings.discount_percents),
        }
        self.words: list[str] = []
        self._first: dict[str, int] = {}
        self._count: dict[str, int] = {}
        for name, words in groups.items():
            self._first[name] = len(self.words)
            self._count[name] = len(words)
            self.words.extend(words)

    def first(self, group: str) -> int:
        """The number of a group's first word."""
        return self._first[group]

    def count(self, group: str) -> int:
        """How many words a group has."""
        return self._count[group]
