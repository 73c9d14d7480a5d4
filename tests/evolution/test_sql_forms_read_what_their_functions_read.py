"""An upcaster's SQL form spares the copy, and never gives another answer than its function: where that is not certain, there is a copy."""

import json
import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from xxhash import xxh3_128_hexdigest

from orders_es.audit import verify
from orders_es.errors import InvalidSetting, RegistrationClash, UpcastFailed
from orders_es.log import ANY, EventRegistry, RawEvent, open_log, order_registry
from orders_es.log.parquet import sql_form_files
from orders_es.log.protocol import HasUpcastCopies, NeedsUpkeep
from orders_es.testing import check_sql
from orders_es.upcaster import SqlForm, upcaster
from tests.evolution import parcels

CENTS = {"customer": "{customer}", "price": "{price} * 0.01"}
TEXT = {"customer": "'C-' || {customer}", "price": "{price}", "currency": "'GBP'"}
STATUS = SqlForm(
    parcels.StatusChanged,
    {"depot": "'early'"},
    type="CASE {status} WHEN 'shipped' THEN 'Shipped' WHEN 'lost' THEN 'Lost' END",
)
LOGS = Path(__file__).parents[1] / "data" / "order_logs"


def again(step, **options):
    return upcaster(step.type, step.schema_version, into=step.into, may_retire=step.may_retire, **options)(
        step.function
    )


FORMS = (
    again(parcels.exact_price, sql=SqlForm(parcels.Booked1, CENTS)),
    again(parcels.customer_as_text, sql=SqlForm(parcels.Booked2, TEXT)),
    again(parcels.what_happened, sql=STATUS),
    parcels.LABELS,
)


def with_forms():
    return EventRegistry([parcels.Booked, parcels.Shipped, parcels.Lost], FORMS)


def rows(url, registry):
    with open_log(url, registry=registry) as log, duckdb.connect() as connection:
        log.bind(connection)
        described = connection.execute("DESCRIBE events").fetchall()
        return described, connection.execute('SELECT * FROM events ORDER BY "position"').fetchall()


def copies(url):
    return sorted(Path(url).glob("derived/upcast/*/*.parquet"))


def early(url, *events):
    """A log that the first program wrote."""
    given = events or (parcels.Booked1(7, 1999), parcels.LabelPrinted("A"), parcels.StatusChanged("shipped"))
    with open_log(url, create=True, registry=parcels.first()) as log:
        log.append("P-1", list(given), expected=ANY)
        log.append("P-2", [parcels.StatusChanged("seen"), parcels.StatusChanged("lost")], expected=ANY)


@pytest.mark.long
def test_the_orders_forms_and_those_of_a_chain_are_held_to_their_functions():
    assert set(check_sql(order_registry(), examples=10)) == {
        (name, 1) for name in ("OrderCreated", "ItemAdded", "StatusChanged")
    }
    assert len(check_sql(with_forms(), examples=10)) == 3


def test_a_log_of_the_first_version_is_asked_without_a_copy_and_answers_alike(tmp_path):
    early(tmp_path / "log")
    found = rows(tmp_path / "log", with_forms())
    assert not copies(tmp_path / "log")
    assert found == rows(tmp_path / "log", parcels.today())
    assert copies(tmp_path / "log")
    assert [row[4] for row in found[1]] == ["Booked", "Shipped", "Lost"]


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", ["first", "second", "before_versions"])
def test_orders_of_earlier_programs_are_asked_alike_with_and_without_forms(name, tmp_path):
    url = shutil.copytree(LOGS / name, tmp_path / name)
    plain = EventRegistry([t.cls for t in order_registry()], [again(step) for step in order_registry().upcasters])
    found = rows(url, order_registry())
    # The second program went on with columns of other types in the same run of small files.
    assert bool(copies(url)) == (name == "second")
    assert found == rows(url, plain)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("Booked", '{"customer":7,"price":1999,"note":"what the old shape did not know"}'),
        ("Booked", '{"price":5,"customer":7}'),
        ("Booked", '{"customer": 7, "price": 5}'),
        ("Booked", '{"customer":7,"price":1000000000000000}'),
    ],
    ids=["unknown field", "another order", "blanks", "many digits"],
)
def test_what_a_form_may_read_otherwise_has_a_copy(name, payload, tmp_path):
    url = tmp_path / "log"
    early(url, RawEvent(name, payload))
    assert rows(url, with_forms()) == rows(url, parcels.today())
    assert copies(url)


def test_what_overflows_fails_as_the_function_does(tmp_path):
    early(tmp_path / "log", parcels.Booked1(7, 10**17))
    told = []
    for registry in (with_forms(), parcels.today()):
        with pytest.raises(UpcastFailed) as caught:
            rows(tmp_path / "log", registry)
        told.append((caught.value.position, caught.value.payload))
    assert told[0] == told[1] == (1, '{"customer":7,"price":100000000000000000}')


def test_columns_that_do_not_say_what_the_payload_says_are_not_believed(tmp_path):
    """As a program leaves them that did not know the type: null."""
    with open_log(tmp_path / "log", create=True, registry=EventRegistry()) as log:
        log.append("P-1", [RawEvent("Booked", '{"customer":7,"price":1999}')], expected=ANY)
    assert rows(tmp_path / "log", with_forms()) == rows(tmp_path / "log", parcels.today())
    assert copies(tmp_path / "log")


def test_a_form_with_another_answer_is_found_by_the_first_question_and_by_the_helper(tmp_path):
    early(tmp_path / "log")
    wrong = again(parcels.customer_as_text, sql=SqlForm(parcels.Booked2, TEXT | {"currency": "'EUR'"}))
    registry = EventRegistry([parcels.Booked, parcels.Shipped, parcels.Lost], (FORMS[0], wrong, *FORMS[2:]))
    with pytest.raises(UpcastFailed, match=r'form of its upcaster gives Booked v3 .*"EUR"') as caught:
        rows(tmp_path / "log", registry)
    assert caught.value.position == 1
    with pytest.raises(AssertionError, match="by its SQL form, and"):
        check_sql(registry, examples=5)


@dataclass(frozen=True)
class Paid:
    amount: Decimal

    __schema_version__ = 2


@dataclass(frozen=True)
class EarlyPaid:
    cents: int
    at: str | None = None


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("{cents} / 100", "gives DOUBLE for 'amount'.*multiply by 0.01"),
        ("{cents}::VARCHAR", "gives VARCHAR"),
        ("{cents} * random()", "cannot be read by DuckDB: .*volatile"),
        ("no_such_function({cents})", "cannot be read by DuckDB"),
    ],
)
def test_a_form_that_would_round_or_cannot_be_bound_is_refused(amount, says, tmp_path):
    step = upcaster("Paid", 1, sql=SqlForm(EarlyPaid, {"amount": amount}))(lambda payload: payload)
    with open_log(tmp_path / "log", create=True, registry=EventRegistry()) as log:
        log.append("P-1", [RawEvent("Paid", '{"cents":1}')], expected=ANY)
    with pytest.raises(RegistrationClash, match=says):
        rows(tmp_path / "log", EventRegistry([Paid], [step]))
    with pytest.raises(RegistrationClash, match=says):
        check_sql(EventRegistry([Paid], [step]), examples=1)


def test_a_form_that_cannot_be_right_is_refused_when_it_is_declared_or_registered():
    with pytest.raises(InvalidSetting, match="EarlyPaid has no field 'price'"):
        SqlForm(EarlyPaid, {"amount": "{price} * 0.01"})
    with pytest.raises(InvalidSetting, match="where it leads to several types"):
        upcaster("Paid", 1, may_retire=True, sql=SqlForm(EarlyPaid, {"amount": "{cents}"}))(lambda _: None)
    for gives, says in (({}, "gives no 'amount'"), ({"amount": "1", "fee": "1"}, "gives 'fee'")):
        step = upcaster("Paid", 1, sql=SqlForm(EarlyPaid, gives))(lambda payload: payload)
        with pytest.raises(RegistrationClash, match=says):
            EventRegistry([Paid], [step])


def test_what_was_found_is_written_down_mended_and_recomputed_by_verify(tmp_path, monkeypatch):
    monkeypatch.setattr(sql_form_files, "_KEPT_FROM", 1)
    url = tmp_path / "log"
    early(url)
    wanted = rows(url, with_forms())
    [kept] = Path(url).glob("derived/upcast/*/*.direct")
    data = kept.read_bytes()
    assert rows(url, with_forms()) == wanted
    kept.write_bytes(data.replace(b"Booked", b"Looked"))
    with open_log(url, registry=with_forms()) as log:
        assert "its bytes are not those that its name says" in str(verify(log).problems)
    assert rows(url, with_forms()) == wanted
    assert kept.read_bytes() == data, "it was made anew"
    forged = json.dumps(json.loads(data) | {"hows": []}).encode()
    kept.with_name(kept.name.rpartition("-")[0] + f"-{xxh3_128_hexdigest(forged)}.direct").write_bytes(forged)
    kept.unlink()
    with open_log(url, registry=with_forms()) as log:
        assert "it is not what a look at its data files finds" in str(verify(log).problems)


def test_other_files_beside_them_have_their_copies_and_all_stay_in_order(tmp_path):
    url = tmp_path / "log"
    early(url)
    with open_log(url, registry=parcels.today()) as log:
        log.append("P-3", [parcels.Booked("C-10", Decimal("7.5"))], expected=ANY)
        assert isinstance(log, NeedsUpkeep)
        log.compact()
    with open_log(url, registry=with_forms()) as log:
        assert isinstance(log, HasUpcastCopies)
        assert len(list(log.reshred())) == 1, "a column that was of two types is in no merged file"
        log.append("P-4", [parcels.Booked("C-11", Decimal(1))], expected=ANY)
    assert rows(url, with_forms()) == rows(url, parcels.today())


def test_steps_with_forms_can_be_sent_to_another_process_and_are_told_apart_by_them():
    import pickle

    step = pickle.loads(pickle.dumps(order_registry().step(("ItemAdded", 1))))
    assert step.sql.gives["item_id"] == "{sku}"
    assert len({step.fingerprint for step in (parcels.exact_price, FORMS[0])}) == 2
