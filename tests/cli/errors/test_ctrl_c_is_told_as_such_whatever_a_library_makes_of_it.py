"""DuckDB makes a RuntimeError of Ctrl-C, Arrow an OSError of that, and others an error while they handle it."""

import click
import pytest
from click.testing import CliRunner

from orders_es.cli.main import main
from orders_es.errors import NotALog


def raised_while_handled():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise ImportError("numpy._core.multiarray failed to import") from None


def raised_from():
    try:
        raise RuntimeError("Query interrupted")
    except RuntimeError as error:
        raise NotALog("log", "it cannot be read") from error


def duckdb_says():
    raise RuntimeError("Query interrupted")


def arrow_says():
    raise OSError("INTERRUPT Error: Interrupted!")


def ends_well():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        click.get_current_context().exit(0)


@pytest.mark.parametrize(
    ("command", "code"),
    [(raised_while_handled, 130), (raised_from, 130), (duckdb_says, 130), (arrow_says, 130), (ends_well, 0)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_it_is_one_line_and_130_unless_the_command_ends_well(command, code, monkeypatch):
    monkeypatch.setitem(main.commands, "waits", click.command("waits")(command))
    answer = CliRunner().invoke(main, ["waits"])
    assert answer.exit_code == code
    assert answer.stderr.startswith("orders-es: interrupted") is (code == 130)
