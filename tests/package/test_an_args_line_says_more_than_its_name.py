"""An `Args:` line that only repeats the name (`log: The log.`) is left out."""

import re
from pathlib import Path

import pytest

import orders_es

ROOT = Path(orders_es.__file__).parent
LINE = re.compile(r"^ +\*{0,2}(\w+): (?:The |An? |Its |One )?([\w ]+)\.$", re.MULTILINE)


def empty_lines(text):
    return [match[0].strip() for match in LINE.finditer(text) if match[2].lower().replace(" ", "_") == match[1].lower()]


def test_an_empty_line_is_seen():
    assert empty_lines("Args:\n    log: The log.\n    stream_id: A stream id.\n    folder: Where it is.\n") == [
        "log: The log.",
        "stream_id: A stream id.",
    ]


@pytest.mark.parametrize("room", sorted({path.relative_to(ROOT).parts[0] for path in ROOT.rglob("*.py")}))
def test_no_line_repeats_its_name(room):
    place = ROOT / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        assert empty_lines(path.read_text(encoding="utf-8")) == [], path
