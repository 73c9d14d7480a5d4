import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import InvalidSetting
from orders_es.projections.lag.facts import Facts, Runner
from orders_es.projections.lag.judgement import judge
from orders_es.projections.lag.sla import check_sla

from .conftest import NOON

LIVE = Runner(holds=True, beat_at=NOON, pid=7, host="shop-1")
LATE = Facts(
    projection="late",
    now=NOON,
    head_position=9,
    position=4,
    next_recorded_at=NOON - timedelta(seconds=30),
    progress_at=NOON,
    runner=LIVE,
)
PROMPT = Facts(projection="prompt", now=NOON, head_position=9, head_recorded_at=NOON, position=9, runner=LIVE)


def test_exactly_as_late_as_was_promised_is_in_time():
    lags = [judge(LATE), judge(PROMPT)]
    assert check_sla(lags, 30) == []
    [breach] = check_sla(lags, timedelta(seconds=12))
    assert (breach.projection, breach.over) == ("late", 18)
    assert str(breach).startswith("late is 30.0 s behind, 18.0 s over the 12 s promised (catching_up: ")


def test_a_limit_of_nothing_wants_everything_processed():
    assert [one.projection for one in check_sla([judge(LATE), judge(PROMPT)], 0)] == ["late"]


def test_what_nobody_can_measure_is_a_breach():
    [breach] = check_sla([judge(replace(PROMPT, position=None))], 3600)
    assert breach.over is None
    assert str(breach).startswith("nobody can say how far behind prompt is")


def test_every_callback_hears_of_every_breach():
    told, too = [], []
    breaches = check_sla(
        [judge(LATE), judge(replace(LATE, projection="later"))], 1, on_breach=[told.append, too.append]
    )
    assert told == too == breaches
    assert [one.projection for one in told] == ["late", "later"]


def test_a_state_may_be_a_breach_in_itself():
    dead = judge(replace(PROMPT, runner=replace(LIVE, holds=False)))
    assert check_sla([dead], 30) == [], "it has nothing to do, so it is not late"
    for limit in (30, None):
        [breach] = check_sla([dead], limit, states=["stopped"])
        assert str(breach) == "prompt is stopped: its runner, process 7 on shop-1, has ended"
    assert check_sla([judge(LATE)], None, states=["stopped"]) == [], "without a limit nobody is late"


def test_a_limit_below_nothing_and_an_unknown_state_are_mistakes():
    with pytest.raises(InvalidSetting, match="limit"):
        check_sla([], -1)
    with pytest.raises(InvalidSetting, match="writer_silent"):
        check_sla([], 1, states=["asleep"])  # type: ignore[list-item]


def call(shop, *args):
    words = ["lag", "--log", shop.log.url, "--models", str(shop.models), *args]
    return CliRunner().invoke(main, words, prog_name="orders-es")


def test_the_command_exits_with_1_and_says_who_and_by_how_much(shop):
    shop.order()
    shop.run()
    assert call(shop, "--sla", "30s").exit_code == 0
    shop.order()
    answer = call(shop, "--sla", "30s")
    assert answer.exit_code == 1
    assert answer.stdout.splitlines()[1].split()[:3] == ["orders", "stopped", "1"]
    assert "orders is " in answer.stderr
    assert "over the 30 s promised (stopped: its runner, process " in answer.stderr
    told = json.loads(call(shop, "--sla", "30s", "--json").stdout)
    assert told["sla_seconds"] == 30
    [breach], [lag] = told["breaches"], told["projections"]
    assert breach["over_seconds"] == pytest.approx(lag["seconds_behind"] - 30)
    assert (lag["state"], lag["events_behind"], lag["eta_seconds"]) == ("stopped", 1, None)


def test_the_command_exits_with_1_on_a_state_that_was_named(shop):
    shop.order()
    shop.run()
    assert call(shop, "--breach-on", "stuck").exit_code == 0
    answer = call(shop, "--breach-on", "stopped")
    assert (answer.exit_code, "orders is stopped" in answer.stderr) == (1, True)


def test_the_command_without_a_file_exits_with_1_and_one_line(shop):
    answer = call(shop)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("orders-es: there is no read-model file")
