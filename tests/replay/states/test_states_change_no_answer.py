"""With states or without, every question has one answer; and nothing of a state is believed whose bytes were changed."""

import itertools
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.audit import verify
from orders_es.log import ANY, NewEvent, RawEvent, StreamAppend, open_log
from orders_es.orders import AsOf, ItemAdded, OrderCreated, OrderPlaced
from orders_es.read_models import load_read_models
from orders_es.replay import connect, load_order
from orders_es.replay.states import build, make_states, using, wrong_states
from orders_es.replay.states.files import digest_of
from orders_es.replay.states.relation import OverStates, choice_of
from orders_es.replay.states.using import StatesInUse
from orders_es.sources.simulator import simulate_into

START = datetime(2024, 1, 1, tzinfo=UTC)
MODELS = {
    "orders": "order_id",
    "order_items": "order_id, item_id",
    "customer_value": "customer_id, currency",
    "product_sales": "item_id, currency",
    "largest": "stream_id",
}
OWN = """-- Largest: of each order, figures that are larger than a floating point number holds exactly.
-- Key: stream_id.
-- Stream: stream_id.
SELECT stream_id, sum(quantity) AS pieces, count(*) FILTER (WHERE price > 1) AS dear, max(price) AS dearest
FROM events GROUP BY stream_id
"""
SMALL = 400
"""So many events has the smallest span here: there are some of two times and of four times that, and a tail."""
LENIENT = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def however_few_events(monkeypatch):
    monkeypatch.setattr(using, "WORTH", {"narrow": 0, "wide": 0})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A log in which events came late, one came from the far future, and sources say when they knew; with states."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "models").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ORDERS_ES_UPKEEP", "off")  # which merges away the ends of spans as small as these
        _made(folder, patched)
    return folder


def _made(folder, patched):
    (folder / "models" / "largest.sql").write_text(OWN)
    simulate_into(folder / "log", orders=60, seed=5, start=START, days=20)
    with open_log(folder / "log") as log:
        ids = log.stream_ids(limit=15)
        far = [NewEvent(data=OrderPlaced(), occurred_at=datetime(2099, 1, 1, tzinfo=UTC))]
        log.append(ids[3], far, expected=ANY)
        items = [ItemAdded(item_id=f"x{i}", price=Decimal("2.5"), quantity=999_999_999) for i in range(2)]
        for day, order_id in enumerate(ids):
            known = START + timedelta(days=day, hours=5)
            late = [NewEvent(data=item, occurred_at=START + timedelta(days=day), entered_at=known) for item in items]
            log.append_batch([StreamAppend(order_id, late, ANY)])
    patched.setattr(build, "SPAN", SMALL)
    patched.setattr(build, "FANOUT", 2)
    with open_log(folder / "log") as log:
        assert make_states(log, read_models=folder / "models") == 10
    with open_log(folder / "log") as log:  # what is past the states
        log.append("Z-1", [OrderCreated(currency="GBP"), *items], expected=ANY)
        log.append(ids[0], [NewEvent(data=items[0], occurred_at=START + timedelta(days=1))], expected=ANY)


@pytest.fixture(scope="module")
def both(place):
    """A session that uses states, and one on the same log that does not."""
    plain = connect(place / "log", read_models=place / "models")

    def asked(query, **moment):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(StatesInUse, "put_before", lambda *_: None)
            patched.setattr(StatesInUse, "put_and_keep", lambda *_: None)
            return plain.sql(query, **moment).to_arrow()

    with connect(place / "log", read_models=place / "models") as session, plain:
        yield session, asked


def question(name):
    return f"SELECT * FROM {name} ORDER BY {MODELS[name]}"


COLUMNS = (
    "order_id",
    "status",
    "payment_status",
    "balance",
    "total",
    "currency",
    "estimated",
    "customer_id",
    "position",
)
ASKED = (
    "SELECT {0}, order_id AS o FROM orders ORDER BY o",
    "SELECT DISTINCT {0} FROM orders ORDER BY ALL",
    "SELECT count(*) AS n FROM (SELECT {0} FROM orders)",
    "WITH orders AS (SELECT * FROM orders) SELECT {0}, order_id AS o FROM orders ORDER BY o",
)
MOMENTS = st.none() | st.integers(-24, 24 * 24).map(lambda hours: START + timedelta(hours=hours))


@LENIENT
@given(name=st.sampled_from(sorted(MODELS)), at=MOMENTS, known_at=MOMENTS)
def test_every_moment_has_one_answer(both, name, at, known_at):
    session, plain = both
    found = session.sql(question(name), at=at, known_at=known_at).to_arrow()
    wanted = plain(question(name), at=at, known_at=known_at)
    assert found.schema == wanted.schema
    assert found.equals(wanted)


@pytest.mark.long
@LENIENT
@given(
    moments=st.lists(st.tuples(MOMENTS, MOMENTS), min_size=1, max_size=3),
    limit=MOMENTS,
    written=st.sampled_from(["", "TIMESTAMPTZ "]),
)
def test_macros_have_one_answer(both, moments, limit, written):
    session, plain = both
    calls = (
        "orders_at({}, known_at := {})".format(*(f"{written}'{m.isoformat()}'" if m else "NULL" for m in pair))
        for pair in moments
    )
    parts = (f"SELECT {n} AS n, order_id, status, total FROM {call}" for n, call in enumerate(calls))
    query = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY ALL"
    assert session.sql(query, at=limit).to_arrow().equals(plain(query, at=limit))


@LENIENT
@given(at=MOMENTS, columns=st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True), asked=st.sampled_from(ASKED))
def test_a_question_has_the_columns_that_it_names(both, at, columns, asked):
    session, plain = both
    query = asked.format(", ".join(columns))
    assert session.sql(query, at=at).to_arrow().equals(plain(query, at=at))


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", sorted(MODELS))
def test_now_has_one_answer_however_often_it_is_asked(both, name):
    session, plain = both
    wanted = plain(question(name))
    for _ in range(3):  # what does not change is kept from the second time on
        assert session.sql(question(name)).to_arrow().equals(wanted)
        assert session.sql(f"SELECT count(*) AS n FROM {name}").rows() == [(wanted.num_rows,)]
    for limit in ({"position": 900}, {"recorded_by": START + timedelta(days=9)}):
        assert session.sql(question(name), **limit).to_arrow().equals(plain(question(name), **limit))


def test_several_moments_and_recorded_by_have_one_answer(both, place):
    session, plain = both
    days = [START + timedelta(days=day) for day in (5, 12, 18)]
    query = "SELECT status, count(*) AS n, sum(total) AS total FROM orders GROUP BY status ORDER BY status"
    assert session.sql(query, at=days).to_arrow().equals(plain(query, at=days))
    with connect(place / "log", recorded_by=days[1]) as early:
        assert early._states is None


@pytest.mark.long
def test_states_are_in_use(both):
    session, _ = both
    session.sql("SELECT 1 FROM orders")
    assert session._states.models == {"orders", "order_items", "largest"}
    mine = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'orders' AND temporary AND contains(sql, '/states/')"
    for moment in (START + timedelta(days=15), START - timedelta(days=15)):
        before = session.using(lambda c, _: c.execute(mine).fetchall(), "SELECT * FROM orders", at=moment)
        assert before == [(1,)]
    # One event from the far future leaves no span out.
    for one, _, spans in session._states._found.values():
        assert all(found.span.between["occurred"][1] < 4 * 10**15 for found in itertools.chain(*spans.values()))
        # And all that is whole is taken in as few pieces as there are.
        chosen = choice_of(spans, AsOf(), lambda _: True)
        assert [found.span.last for found in chosen.whole][:2] == [4 * SMALL, 6 * SMALL][: len(chosen.whole)], one


@pytest.mark.long
def test_rows_that_are_grouped_are_found_where_they_stand(both):
    session, plain = both
    with pytest.MonkeyPatch.context() as patched:
        found = []
        kept = OverStates._ranges

        def noted(*given):
            found.append(kept(*given))
            return found[-1]

        patched.setattr(OverStates, "_ranges", noted)
        for name, day in itertools.product(("orders", "order_items"), range(2, 22, 3)):
            moment = {"at": START + timedelta(days=day)}
            assert session.sql(question(name), **moment).to_arrow().equals(plain(question(name), **moment))
    assert any("orders_es_last BETWEEN" in each for each in found)


@pytest.mark.long
def test_a_log_that_grows_is_asked_anew(place, tmp_path):
    shutil.copytree(place / "log", tmp_path / "log")
    query = "SELECT count(*) AS n, sum(item_count) AS items FROM orders"
    with open_log(tmp_path / "log") as log, connect(tmp_path / "log") as session:
        for number in range(3):
            asked = [session.sql(query).rows() for _ in range(3)]
            fold = [load_order(log, order_id) for order_id in log.stream_ids()]
            assert asked == 3 * [[(len(fold), sum(order.item_count for order in fold))]]
            item = ItemAdded(item_id="late", price=Decimal(1), quantity=3)
            log.append(log.stream_ids()[number], [item], expected=ANY)
            log.append(f"new-{number}", [OrderCreated(currency="GBP"), item], expected=ANY)


def test_whole_numbers_stay_exact(both):
    session, _ = both
    kinds = {field.name: field.type for field in session.sql(question("largest")).to_arrow().schema}
    assert not pa.types.is_floating(kinds["pieces"])
    assert session.sql("SELECT max(pieces) FROM largest").rows()[0][0] >= 2 * 999_999_999


@pytest.mark.long
def test_a_flipped_byte_is_found_before_it_is_used(place, tmp_path):
    shutil.copytree(place / "log", tmp_path / "log")
    with open_log(tmp_path / "log") as log, connect(log) as session:
        query = "SELECT sum(hash(o)) FROM orders o"
        right = session.sql(query).rows()
        _, states, spans = session._states._found["orders"]
        chosen = choice_of(spans, AsOf(), states.sound)
        for number, path in enumerate(chosen.whole[0].paths.values()):  # each kind of file
            whole = Path(path).read_bytes()
            at = (number * 7919) % len(whole)
            Path(path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert session.sql(query).rows() == right
            with connect(log) as afresh:
                assert afresh.sql(query).rows() == right
                _, again, found = afresh._states._found["orders"]
                assert not any(path in each.paths.values() for each in choice_of(found, AsOf(), again.sound).whole)
            Path(path).write_bytes(whole)
        shutil.rmtree(tmp_path / "log" / "derived")  # deletable at any time
        assert session.sql(query).rows() == right


def test_where_they_spare_little_events_are_read_until_a_question_comes_again(both, monkeypatch):
    session, _ = both
    monkeypatch.setattr(using, "WORTH", {"narrow": 10**9, "wide": 10**9})
    mine = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'orders' AND temporary AND contains(sql, '/states/')"
    before = session.using(lambda c, _: c.execute(mine).fetchall(), "SELECT * FROM orders", at=START)
    assert before == [(0,)]
    query = "SELECT count(*) AS n, sum(total) AS total FROM orders"
    with connect(session.log) as afresh:
        assert [afresh.sql(query).rows() for _ in range(3)] == 3 * [session.sql(query).rows()]
        assert afresh._states._kept["orders"][1]


def test_states_of_another_log_are_not_used(place, tmp_path):
    simulate_into(tmp_path / "log", orders=60, seed=6, start=START, days=20)
    shutil.copytree(place / "log" / "derived" / "states", tmp_path / "log" / "derived" / "states", dirs_exist_ok=True)
    with open_log(tmp_path / "log") as log, connect(log) as session:
        session.sql("SELECT 1 FROM orders")
        assert session._states.models == frozenset()


def test_a_log_with_events_of_other_domains_is_read_event_by_event(place, tmp_path):
    shutil.copytree(place / "log", tmp_path / "log")
    with open_log(tmp_path / "log") as log:
        assert StatesInUse(log, connect(log).models).models == {"orders", "order_items"}
        log.append("other", [RawEvent(type="Odd", payload="{}")], expected=ANY)
        assert StatesInUse(log, connect(log).models).models == frozenset()


def test_states_are_made_once_and_again_where_one_is_damaged(place, tmp_path, monkeypatch):
    shutil.copytree(place / "log", tmp_path / "log")
    monkeypatch.setattr(build, "SPAN", SMALL)
    monkeypatch.setattr(build, "FANOUT", 2)
    with open_log(tmp_path / "log") as log:
        make_states(log)
        assert make_states(log) == 0
        for of_a_model in (tmp_path / "log" / "derived" / "states").iterdir():
            min(of_a_model.glob("*.late.parquet")).write_bytes(b"")
        assert make_states(log) == 1
        assert make_states(log) == 0


@pytest.mark.long
def test_what_was_forged_together_with_its_digest_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "SPAN", 30)
    monkeypatch.setattr(build, "FANOUT", 2)
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "off")
    with open_log(tmp_path / "log", create=True) as log:
        for number in range(30):
            log.append(f"A-{number}", [OrderCreated(currency="GBP"), OrderPlaced()], expected=ANY)
        assert make_states(log) == 3
        assert list(wrong_states(log)) == []
        one = build.qualified(load_read_models(None), log)["orders"]
        states = build.states_of(log, one)
        forged = [forge(states, found, tmp_path) for found in states.spans(build.ends_of(log))[1]]
        problems = verify(log).problems
        assert sorted(problem.where for problem in problems) == sorted(f"states {name}" for name in forged)
        assert {problem.what for problem in problems} == {"orders.0 is not what its events came to"}


def forge(states, found, tmp_path):
    """The name of what describes a span, after one order in it has one event more, and every digest has been made to fit."""
    rows = pq.read_table(found.paths["orders.0.begun"])
    more = pc.add(rows["p40"], pa.array([1] + [0] * (rows.num_rows - 1)))
    copy = tmp_path / "forged.parquet"
    pq.write_table(rows.set_column(rows.schema.get_field_index("p40"), "p40", more), copy)
    span = msgspec.structs.replace(found.span, files=found.span.files | {"orders.0.begun": digest_of(copy)})
    copies = {name: tmp_path / name for name in span.files}
    for name, path in copies.items():
        shutil.copy(copy if name == "orders.0.begun" else found.paths[name], path)
    Path(found.paths[""]).unlink()
    _, _, at, end, _ = Path(found.paths[""]).name.split("-")
    return Path(states.put(span, int(at), end, copies).paths[""]).name


@pytest.mark.long
def test_who_asks_for_the_catalog_gets_views_and_no_tables(both):
    session, plain = both
    tables = "SELECT count(*) FROM duckdb_tables() WHERE temporary AND starts_with(table_name, 'orders_')"
    at = START + timedelta(days=15)
    assert session.sql(tables, at=at).rows() == [(0,)]
    query = "SELECT order_id, total FROM orders WHERE (SELECT count(*) FROM duckdb_tables()) >= 0 ORDER BY ALL"
    assert session.sql(query, at=at).to_arrow().equals(plain(query, at=at))
