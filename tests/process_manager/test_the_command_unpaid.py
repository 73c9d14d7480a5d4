import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from orders_es.cli import main


@pytest.fixture
def old_order(shop):
    """An order of four days before this day, of which 4 pounds are paid."""
    shop.clock.now = datetime.now(UTC) - timedelta(days=4)
    shop.place("A-1", paid=4)
    shop.log.close()


def call(shop, *args):
    words = ["unpaid", "--log", shop.url, "--models", str(shop.models), *args]
    return CliRunner().invoke(main, words, prog_name="orders-es")


@pytest.mark.long
@pytest.mark.usefixtures("old_order")
def test_it_says_what_it_would_do_does_it_and_has_nothing_left_to_do(shop):
    told = json.loads(call(shop, "--after", "3d", "--dry-run", "--json").stdout)
    assert ([order["order_id"] for order in told["cancelled"]], told["dry_run"]) == (["A-1"], True)
    assert told["after_seconds"] == 3 * 86_400
    assert shop.status("A-1") == "paid"
    answer = call(shop, "--after", "3d")
    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (0, "1 order not paid within 3 days, cancelled")
    assert shop.types("A-1")[-2:] == ["OrderCancelled", "RefundIssued"]
    assert call(shop, "--after", "3d").stdout == "0 orders not paid within 3 days, cancelled\n"


@pytest.mark.usefixtures("old_order")
def test_an_order_of_before_since_is_left_alone(shop):
    assert json.loads(call(shop, "--after", "3d", "--since", "2999-01-01", "--json").stdout)["cancelled"] == []


@pytest.mark.parametrize("args", [[], ["--after", "soon"], ["--after", "3d", "--dry-run", "--follow"]])
def test_a_wrong_call_exits_with_2(shop, args):
    assert call(shop, *args).exit_code == 2


@pytest.mark.long
@pytest.mark.usefixtures("old_order")
def test_following_it_ends_well_on_sigterm(shop):
    command = [
        sys.executable,
        "-c",
        "from orders_es.cli import main; main()",
        "unpaid",
        "--after",
        "3d",
        "--follow",
        "--log",
        shop.url,
    ]
    command += ["--models", str(shop.models)]
    following = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert following.stdout.readline().startswith("cancelled A-1, placed ")
        following.send_signal(signal.SIGTERM)
        assert following.wait() == 0
    finally:
        following.kill()
        following.wait()
        following.stdout.close()
    assert shop.types("A-1").count("OrderCancelled") == 1
