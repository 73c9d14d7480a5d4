"""How answers look: JSON for programs, aligned text for people."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - the examples' too
from decimal import Decimal  # noqa: TC003 - as above
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.log_lines import teller
from orders_es.json_text import Verbatim, json_bytes
from orders_es.log.redacting import without_password
from orders_es.orders.money import format_amount
from orders_es.text_table import printable as plain
from orders_es.text_table import table

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLACES = ("log", "from", "to", "target")
__all__ = [
    "PASSED_OVER",
    "Verbatim",
    "count",
    "money",
    "print_json",
    "print_text",
    "printable",
    "size",
    "table",
    "tell_notes",
]

_KILO = 1024
_PIECE = 32 * _KILO


PASSED_OVER = "orders_es.passed_over"
"""Where a command keeps the note on unknown events that it passes over, which marks all that it says."""


def print_json(answer: Any) -> None:
    """Print an answer as JSON in UTF-8, indented, keys in the order given.

    Decimals become digits in strings, always with four decimals; times ISO 8601 in UTC with `Z`; bytes hex.
    """
    import msgspec

    if (note := _passed_over()) and isinstance(answer, dict):
        answer = answer | {"passed_over": note}
    if isinstance(answer, dict):  # what the caller named; a URL may hold a password
        places = {key: without_password(answer[key]) for key in _PLACES if isinstance(answer.get(key), str)}
        answer = answer | places
    text = json_bytes(answer)
    # Bytes go past the terminal's encoding, which may not have every character.
    print_text(msgspec.json.format(text, indent=2))


def print_text(answer: str | bytes) -> None:
    """Print an answer that may be long.

    In pieces: where Python does not buffer, one large write to a reader who leaves is cut short unnoticed.
    """
    for start in range(0, len(answer), _PIECE):
        click.echo(answer[start : start + _PIECE], nl=False)
    click.echo()


def _passed_over() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(PASSED_OVER)


def tell_notes(notes: Iterable[str]) -> None:
    """Say on standard error what has to be said beside an answer, so that the answer itself can be piped on."""
    tell = teller()
    for note in notes:
        if note == _passed_over():  # said already
            continue
        tell(note, level="warning", plain=f"note: {printable(note)}")


def money(amount: Decimal, currency: str | None = None) -> str:
    """An amount as people write it: the decimals of its currency, two where it is not known, more only where they are not zero.

    Example:
        >>> money(Decimal("1234.5")), money(Decimal("0.0010")), money(Decimal(-3)), money(Decimal(1200), "JPY")
        ('1,234.50', '0.001', '-3.00', '1,200')
    """
    return format_amount(amount, currency)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> count(1, "event"), count(1200, "event"), count(2, "entry", "entries")
        ('1 event', '1,200 events', '2 entries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """A number of bytes as people write it.

    Example:
        >>> size(512), size(2_500_000)
        ('512 bytes', '2.4 MiB')
    """
    if number < _KILO:
        return count(number, "byte")
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= _KILO
        if amount < _KILO:
            return f"{amount:.1f} {unit}"
    return f"{amount / _KILO:.1f} TiB"


def span(length: timedelta) -> str:
    """A length of time, in the largest unit that it is whole in.

    Example:
        >>> span(timedelta(hours=1)), span(timedelta(seconds=90))
        ('1 hour', '90 seconds')
    """
    seconds = int(length.total_seconds())
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % unit == 0:
            return count(seconds // unit, name)
    return count(seconds, "second")


def printable(text: str, width: int | None = None) -> str:
    """As `orders_es.text_table.printable`, and a URL of a database without its password.

    Example:
        >>> printable("postgresql://ann:secret@db/shop")
        'postgresql://ann@db/shop'
    """
    return plain(without_password(text) if text.startswith(("postgresql://", "postgres://")) else text, width)
