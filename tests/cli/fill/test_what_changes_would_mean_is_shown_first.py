"""`import dumps` and `import history`: `--propose` writes a mapping that `--dry-run` can show, and neither imports anything."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main

CALL = ["import", "dumps", "orders-*.csv", "--key", "id", "--at-from-name", "%Y-%m-%d"]
NIGHTS = (
    "id,client,state,total\n007,C1,open,21.00\n2,,open,4.50\n",
    "id,client,state,total\n007,C1,paid,21.00\n2,,lost,5.00\n",
)


@pytest.fixture
def dumps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for day, text in enumerate(NIGHTS, 1):
        Path(f"orders-2026-06-{day:02}.csv").write_text(text, encoding="utf-8")


def run(*words, code=0):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.long
@pytest.mark.usefixtures("dumps")
def test_a_proposal_can_be_used_as_it_is_and_says_what_it_could_not_know():
    proposed = run(*CALL, "--propose")
    assert "# state has the values lost, open, paid" in proposed
    assert "# state = 'lost': which event is it, if any?" in proposed
    assert 'currency = { value = "EUR" }      # no column says it: which one is it?' in proposed
    Path("changes.toml").write_text(proposed, encoding="utf-8")
    shown = run(*CALL, "--map", "changes.toml", "--dry-run", "--orders", "1")
    assert "order 007: paid, paid" in shown
    assert "customer C1" in shown
    assert "Nothing was imported" in shown
    facts = json.loads(run(*CALL, "--map", "changes.toml", "--dry-run", "--json"))
    assert (facts["orders"], facts["first"][1]["total"]) == (2, "5.0000")
    assert not Path("shop").exists()
    run(*CALL, "--map", "changes.toml", "--log", "shop")
    assert json.loads(run("show", "2", "--log", "shop", "--json"))["order"]["total"] == "5.0000"


@pytest.mark.usefixtures("dumps")
def test_calls_that_make_no_sense_are_refused():
    assert "--map and --dry-run go with one that is written" in run(*CALL, "--propose", "--dry-run", code=2)
    assert "leave out --on-error" in run(*CALL, "--dry-run", "--on-error", "quarantine", code=2)
    assert "which log?" in run(*CALL, code=2)
    missing = run(*CALL, "--map", "nowhere.toml", "--dry-run", code=2)
    assert "these come with the package: shopify, stripe-charges, stripe-invoices" in " ".join(missing.split())
