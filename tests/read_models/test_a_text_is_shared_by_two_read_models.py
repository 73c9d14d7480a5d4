"""`-- Like:` takes another file's SELECT with one expression exchanged, and says what is wrong where it cannot."""

import pytest

from orders_es.errors import BadReadModel
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.read_models import load_read_models
from orders_es.replay import connect

TEXT = "-- Daily: one row per day.\nSELECT d, count(*) AS events FROM (SELECT {} AS d FROM events) GROUP BY d"
DAILY = TEXT.format("occurred_at")
LIKE = "-- Recorded: one row per day.\n-- Key: d.\n-- Like: daily, with `recorded_at` for `occurred_at`."


def write(folder, daily=DAILY, like=LIKE):
    (folder / "daily.sql").write_text(daily)
    (folder / "recorded.sql").write_text(like)
    return {model.name: model for model in load_read_models(folder)}


def test_the_select_is_the_other_with_one_expression_exchanged(tmp_path):
    models = write(tmp_path)
    body = models["daily"].sql.partition("\n")[2]
    assert models["recorded"].sql.endswith(body.replace("occurred_at", "recorded_at"))
    assert models["recorded"].key == ("d",)


def test_a_session_asks_both(tmp_path):
    write(tmp_path)
    with open_log(":memory:") as log:
        log.append("A", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        with connect(log, read_models=tmp_path) as session:
            assert session.sql("SELECT d = max(recorded_at) FROM recorded, events GROUP BY d").rows() == [(True,)]


@pytest.mark.parametrize(
    ("daily", "like", "reason"),
    [
        (TEXT.format("position"), LIKE, r"line 3.*`occurred_at` 0 times"),
        (TEXT.format("occurred_at, occurred_at"), LIKE, r"line 3.*`occurred_at` 2 times"),
        (DAILY, LIKE.replace("daily", "weekly"), r"line 3.*no weekly\.sql beside"),
        (DAILY, LIKE.replace(" for", ""), r"line 3.*has to say"),
        (DAILY, f"{LIKE}\nSELECT 1", r"line 3.*SELECT of its own"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(tmp_path, daily, like, reason):
    with pytest.raises(BadReadModel, match=rf"recorded\.sql', {reason}"):
        write(tmp_path, daily if "{}" not in daily else daily.format("occurred_at"), like)
