"""Every `orders-es …` that a page shows in a block names a command that there is, with options that it takes, each with its value."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from orders_es.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("notebooks/*.md")]
BLOCK = re.compile(r"^ *```[ \t]*(?:sh|bash|console|shell)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
"""A block of no language, or of a shell's."""
ENDS = {"|", "||", "&&", ";", ">", ">>", "<", "2>", "&", "2>&1"}


def calls_of(page):
    """The calls that a page shows, as words without `orders-es`."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )*orders-es (.*)", line)
            if found and "…" not in line and "..." not in line and not re.search(r"[\[\]{}]", line):
                words = shlex.split(found[1], comments=True)
                end = next((n for n, word in enumerate(words) if word in ENDS), len(words))
                yield tuple(words[:end])


CALLS = {page: sorted(set(calls_of(page))) for page in PAGES}


@pytest.mark.parametrize("page", [page for page in PAGES if CALLS[page]], ids=lambda page: page.name)
def test_it_is_a_call_that_the_command_takes(page):
    for call in CALLS[page]:
        command: Any = main
        words, context = list(call), click.Context(main, info_name="orders-es")
        while isinstance(command, click.Group):
            while words and words[0].startswith("-"):
                assert words.pop(0) in {option for param in command.get_params(context) for option in param.opts}, call
            if not words:
                break
            if command.name == "close" and words[0] not in command.commands:
                words.insert(0, "new")  # a name stands for giving it
            found = command.get_command(context, words[0])
            assert found is not None, call
            words, command = words[1:], found
            context = click.Context(command, parent=context, info_name=command.name)
        try:
            command.make_parser(context).parse_args(words)
        except click.UsageError as error:
            raise AssertionError(f"{' '.join(call)}: {error.format_message()}") from error


def test_there_are_many_such_calls():
    assert sum(map(len, CALLS.values())) > 150
