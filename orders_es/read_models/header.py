"""What the comment at the top of a read model's file says, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Header", "read_header", "without_header"]

_TAG = re.compile(r"--\s?(Key|Stream|Types|Internal|Like|Columns):(.*)")
_NAME = re.compile(r"[^\s,.]+")
_COLUMN = re.compile(r"--\s{2,4}([\w…]+(?:, [\w…]+)*): (.*)")
_LIKE = re.compile(r"\s*(\w+), with `([^`]+)` for `([^`]+)`\.?\s*")
_MORE = re.compile(r"--\s{3,}(\S.*)")


@dataclass(frozen=True, slots=True)
class Header:
    """The values of the lines `-- Key:`, `-- Stream:`, `-- Types:`, `-- Internal:`, `-- Like:` and `-- Columns:`, and the title."""

    title: str
    key: tuple[str, ...]
    stream: tuple[str, ...]
    types: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    internal: bool
    like: tuple[str, str, str] | None


def read_header(text: str) -> Header:
    r"""What the comment at the top of a file says. Comment lines that are set in belong to the tag above them.

    Args:
        text: The file's text.

    Example:
        >>> header = read_header("-- Sales: one row per day.\n-- Key: day, currency.\nSELECT 1")
        >>> header.title, header.key
        ('Sales: one row per day.', ('day', 'currency'))
    """
    title = ""
    told: dict[str, str] = {}
    columns: list[tuple[str, str]] = []
    tag = ""
    together: list[str] = []
    for line in text.strip().splitlines():
        if not line.startswith("--"):
            break
        title = title or line.removeprefix("--").strip()
        if found := _TAG.match(line):
            tag = found[1]
            told[tag] = found[2]
        elif tag == "Columns" and (found := _COLUMN.match(line)):
            together = found[1].split(", ")
            columns += [(name, found[2]) for name in together]
        elif tag and (found := _MORE.match(line)):
            if tag == "Columns" and columns:
                columns[-len(together) :] = [
                    (name, f"{meaning} {found[1]}") for name, meaning in columns[-len(together) :]
                ]
            else:
                told[tag] += " " + found[1]
        else:
            tag = ""
    key = told.get("Key", "").split(". ", maxsplit=1)[0]
    return Header(
        title,
        tuple(_NAME.findall(key)),
        tuple(_NAME.findall(told.get("Stream", ""))),
        tuple(re.findall(r"[^\s,]+", told.get("Types", ""))),
        tuple(columns),
        "Internal" in told,
        _like(told["Like"]) if "Like" in told else None,
    )


def _like(words: str) -> tuple[str, str, str]:
    found = _LIKE.fullmatch(words)
    return ("", "", "") if found is None else (found[1], found[2], found[3])


def without_header(text: str) -> str:
    r"""A read model's text without the comment at its top, which decides nothing about its rows.

    Args:
        text: The file's text.

    Example:
        >>> without_header("-- Sales: one row a day.\n-- Key: day.\nSELECT 1")
        'SELECT 1'
    """
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[start:])
