"""The alert that notebook 3 shows is what people copy: it has to work on the night on which it is needed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orders_es.projections import check_sla
from orders_es.projections.lag.facts import Facts
from orders_es.projections.lag.judgement import judge
from tests.late import late

nbformat = late("nbformat")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "03_projection_lag.ipynb"
NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)
LATE = Facts(projection="mails", now=NOON, head_position=2, position=1, next_recorded_at=NOON - timedelta(seconds=45))
STOPPED = Facts(projection="mails", now=NOON, head_position=2, position=2)
UNKNOWN = Facts(projection="mails", now=NOON, head_position=2, position=None)


@pytest.fixture
def pager():
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if "def pager(" in cell.source]
    [source] = cells
    names = {"sla": 1.0}
    exec(source.partition("\n\n\n")[0], names)
    return names["pager"]


@pytest.mark.parametrize(
    ("facts", "limit", "over"), [(LATE, 1, True), (LATE, None, False), (STOPPED, 1, False), (UNKNOWN, 1, False)]
)
def test_it_prints_one_line_that_names_the_projection(pager, capsys, facts, limit, over):
    [breach] = check_sla([judge(facts)], limit, states=["stopped"], on_breach=pager)
    assert (breach.over is not None) is over
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "mails" in said
