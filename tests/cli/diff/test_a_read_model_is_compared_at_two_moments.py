"""`orders-es diff --model`: the rows of any read model that differ, in what, and by which events."""

import json

import pytest


@pytest.mark.long
def test_rows_figures_and_causes_are_said(run, shop):
    sides = ("--from", "2026-06-02", "--to", "2026-06-02", "--known-from", "2026-06-02")
    out = run("diff", "--model", "customer_value", *sides, "--log", shop).out
    assert "1 row of customer_value changed" in out.splitlines()[0]
    assert "monetary 35.10 -> 32.60" in out
    assert "1 event by web: DiscountApplied" in out


def test_as_json_the_causes_are_events(run, shop):
    out = run("diff", "--model", "orders", "--from", "2026-06-01", "--to", "2026-06-03", "--log", shop, "--json").out
    said = json.loads(out)
    assert (said["model"], said["from"]["at"]) == ("orders", "2026-06-01T23:59:59.999999Z")
    [change] = said["changes"]
    assert [cause["type"] for cause in change["causes"]] == ["OrderShipped", "DiscountApplied"]
    assert change["change"] == "changed"
    assert "version_after" not in change


def test_what_cannot_be_meant_is_refused_with_a_way_out(run, shop):
    assert "did you mean 'customer_value'" in run("diff", "--model", "custmer_value", "--log", shop, code=2).err
    assert "leave one out" in run("diff", "--model", "orders", "--order", "A-1", "--log", shop, code=2).err
    assert "--model" in run("diff", "--read-models", ".", "--log", shop, code=2).err
