"""Each command and option that docs/operations.md tells a scheduler to run is there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from orders_es.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
CALLS = sorted(
    {call.strip() for call in re.findall(r"orders-es ((?:[a-z-]+ ?)(?:[^`&>\n]*))", PAGE) if call.strip()[0] != '"'}
)


@pytest.mark.parametrize("call", CALLS)
def test_it_is_there(call):
    words = shlex.split(call)
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words[0]
        words, command = words[1:], found
    known = {option for param in command.params for option in param.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_page_has_such_calls():
    assert len(CALLS) > 8
