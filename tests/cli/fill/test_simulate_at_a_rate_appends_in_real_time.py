import json

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import open_log


@pytest.mark.long
def test_simulate_at_a_rate_appends_in_real_time(tmp_path):
    folder = str(tmp_path / "log")
    done = CliRunner().invoke(
        main, ["simulate", "--rate", "40", "--writers", "2", "--seconds", "1", "--log", folder, "--json"]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["events"] > 0
    assert (said["stopped"], len(said["writers"])) == (False, 2)
    with open_log(folder) as log:
        assert log.head().position == said["events"]


@pytest.mark.parametrize(
    "arguments", [["--rate", "5", "--orders", "7"], ["--rate", "5", "--days", "7"], ["--writers", "3"], ["--rate", "0"]]
)
def test_options_of_the_other_mode_are_refused(tmp_path, arguments):
    done = CliRunner().invoke(main, ["simulate", *arguments, "--log", str(tmp_path / "log")])
    assert done.exit_code == 2
    assert not (tmp_path / "log").exists()
