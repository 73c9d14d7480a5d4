"""`orders-es man` is made from the commands: nothing of them is missing, and groff finds nothing wrong with it."""

import shutil
import subprocess

import click
import pytest

from orders_es.cli import main


def test_it_has_every_command_with_every_option(run):
    page = run("man").out.replace("\\-", "-")

    def leaves(group, words=()):
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            if isinstance(command, click.Group):
                yield from leaves(command, (*words, name))
            else:
                yield " ".join((*words, name)), command

    for name, command in leaves(main):
        _, found, section = page.partition(f'\n.SS "orders-es {name} ')
        assert found, name
        section = section.partition("\n.SS ")[0]
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert param.opts[0] in section, (name, param.opts)


def test_it_is_put_where_man_looks(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    done = run("man", "--install", "--json").json
    place = tmp_path / "man" / "man1" / "orders-es.1"
    assert done["installed"] == str(place)
    assert place.read_text(encoding="utf-8") == done["page"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_groff_has_nothing_to_say_against_it(run):
    page = run("man").out
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-K", "utf8"], input=page, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    assert "orders-es project follow" in done.stdout.replace("\N{HYPHEN}", "-")
