"""An empty order or query, which an unset variable of a script gives, is a wrong call in one line."""

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import open_log


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    place = tmp_path_factory.mktemp("shop") / "log"
    open_log(place, create=True).close()
    return str(place)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["show", ""], "it is empty; name an order"),
        (["history", ""], "it is empty; name an order"),
        (["explain", ""], "it is empty; name an order"),
        (["diff", "--order", ""], "it is empty; name an order"),
        (["show", "x" * 2000], "2,000 bytes long"),
        (["sql", ""], "the query is empty"),
        (["sql", " ; "], "the query is empty"),
    ],
)
def test_it_is_a_wrong_call(log, call, said):
    result = CliRunner().invoke(main, [*call, "--log", log])
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert len(result.output.splitlines()) == 1
