"""docs/read-models.md says of every read model what its file says, and what it shows runs."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, ItemReturned, OrderCreated, OrderPlaced
from orders_es.read_models import load_read_models

PAGE = (Path(__file__).parents[2] / "docs" / "read-models.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^### |^## Write", PAGE, flags=re.MULTILINE)[1:]}


@pytest.mark.parametrize("model", load_read_models(), ids=lambda model: model.name)
def test_every_read_model_is_there_with_its_grain_its_key_and_its_columns(model):
    section = SECTIONS[model.name]
    grain = model.title.partition(": ")[2]
    assert grain[1:] in section
    assert f"Key: {', '.join(f'`{name}`' for name in model.key)}." in section
    assert ("stream by stream" in section) == (model.stream is not None)
    for name, meaning in model.columns:
        assert re.search(rf"^\| .*`{name}`.* \| {re.escape(meaning)} \|$", section, re.MULTILINE), name


def test_what_it_shows_runs(tmp_path, run_page):
    june = datetime(2011, 6, 3, tzinfo=UTC)
    with open_log("my-log", create=True) as log:
        mug = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        back = ItemReturned(item_id="mug", quantity=1, price=Decimal("2.50"))
        facts = [OrderCreated(currency="GBP", customer_id="7"), mug, OrderPlaced(), back]
        log.append("A-1", [NewEvent(data=data, occurred_at=june) for data in facts], expected=ANY)
    own = re.search(r"<!-- runs: (\S+) -->\n```sql\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / own[1]
    path.parent.mkdir()
    path.write_text(own[2], encoding="utf-8")
    names = run_page("docs/read-models.md")
    assert names["returned"] == [("7", 1, Decimal("2.5000"))]
