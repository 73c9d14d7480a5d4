from pathlib import Path

import click
import pytest

from orders_es.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def leaves(group, words=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(leaves(main))


def section(name):
    _, found, rest = PAGE.partition(f"\n## {name}\n")
    assert found, f"docs/cli.md has no section '## {name}'"
    return rest.partition("\n## ")[0]


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_a_section_that_names_each_of_its_options(name):
    text = section(name) + section("What every command has in common").partition("**Your own domain.**")[2]
    for param in COMMANDS[name].params:
        if isinstance(param, click.Option):
            assert f"`{param.opts[0]}" in text or param.opts[0] in text, f"docs/cli.md: {name} lacks {param.opts[0]}"
    assert f"orders-es {name}" in text, f"docs/cli.md: {name} lacks an example"


def test_it_describes_no_command_that_is_not_there():
    shown = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]
    about_all = {"What every command has in common"}
    assert set(shown) - about_all == set(COMMANDS)


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", COMMANDS)
def test_its_help_says_what_it_does_and_shows_an_example(name, run):
    text = run(*name.split(), "--help").out
    assert "Example" in text
    assert f"orders-es {name}" in text
    for param in COMMANDS[name].params:
        if isinstance(param, click.Option):
            assert param.help, f"{name} {param.opts[0]} has no help"


# A shell is completed without a log; `copy` names two, as arguments; notebooks say in their parameters what they read, if they read
# a log at all; a proof is checked without the log, and a witness has none. `schema` is about the program's event types, whatever the log.
# `mcp` speaks a protocol of its own.
@pytest.mark.parametrize(
    "name",
    sorted(
        {name for name in COMMANDS if not name.startswith("schema ")}
        - {
            "completion",
            "copy",
            "man",
            "mcp",
            "notebook list",
            "notebook run",
            "verify-proof",
            "witness sign",
            "timestamp check",
        }
    ),
)
def test_it_takes_log_and_json(name):
    options = {option for param in COMMANDS[name].params for option in param.opts}
    assert {"--log", "--json"} <= options
