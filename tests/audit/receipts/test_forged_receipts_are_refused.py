"""Whatever is done to a receipt, a checkpoint, a key or a proof: refused, never a crash, never accepted."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.audit import checkpoint, generate_key, prove_consistency, prove_order
from orders_es.audit.proofs import ConsistencyProof
from orders_es.audit.verify_proof import Checkpoint, Key, Note, Receipt, Refused, check_checkpoint, check_receipt
from orders_es.log import ANY, RawEvent, open_log

SIGNER = generate_key("example.com/shop")


def made():
    with open_log(":memory:", create=True) as log:
        log.append("B", [RawEvent("Counted", "{}")] * 20, expected=ANY)
        old = checkpoint(log, SIGNER)
        log.append("A", [RawEvent("Counted", f'{{"n":{n}}}') for n in range(3)], expected=ANY)
        log.append("B", [RawEvent("Counted", "{}")] * 20, expected=ANY)
        new = checkpoint(log, SIGNER)
        return prove_order(log, "A", checkpoint=new).text, new.note, prove_consistency(log, old, new), old


RECEIPT, NOTE, PROOF, OLD = made()
SAID = check_receipt(Receipt.parse(RECEIPT), SIGNER.key)


def outcome(check, raw):
    try:
        return check(raw)
    except Refused:
        return None


def of_receipt(raw):
    return check_receipt(Receipt.parse(raw), SIGNER.key)


def of_note(raw):
    parsed = Checkpoint.parse(raw)
    check_checkpoint(parsed, SIGNER.key)
    return parsed.origin, parsed.size, parsed.root


def of_proof(raw):
    proof = ConsistencyProof.parse(raw)
    check_checkpoint(proof.checkpoint, SIGNER.key)
    proof.check(OLD.parsed)
    return proof.checkpoint.size, proof.checkpoint.root


KINDS = {"receipt": (of_receipt, RECEIPT), "checkpoint": (of_note, NOTE), "consistency proof": (of_proof, PROOF)}
each = pytest.mark.parametrize("kind", KINDS)


@each
def test_as_it_was_made_it_holds(kind):
    check, raw = KINDS[kind]
    assert outcome(check, raw)


@each
@given(data=st.data())
def test_another_byte_anywhere(kind, data):
    check, raw = KINDS[kind]
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255))
    if raw[at] != byte:
        assert outcome(check, raw[:at] + bytes([byte]) + raw[at + 1 :]) is None


@each
@given(data=st.data())
def test_cut_short_or_with_a_piece_missing_or_more(kind, data):
    check, raw = KINDS[kind]
    begin = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(begin, len(raw)))
    piece = data.draw(st.binary(max_size=20))
    changed = raw[:begin] + piece + raw[end:]
    found = outcome(check, changed)
    assert found is None or found == outcome(check, raw)


@each
@given(data=st.data())
def test_lines_swapped_doubled_or_dropped(kind, data):
    check, raw = KINDS[kind]
    lines = raw.split(b"\n")
    chosen = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=len(lines) + 3))
    found = outcome(check, b"\n".join(lines[i] for i in chosen))
    assert found is None or found == outcome(check, raw)


@pytest.mark.long_but_first
@each
@settings(max_examples=200)
@given(raw=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_nonsense(kind, raw):
    check, _ = KINDS[kind]
    assert outcome(check, raw) is None


def with_extra(extra):
    lines = RECEIPT.split(b"\n")
    lines[1] = b"extra " + base64.b64encode(extra)
    return b"\n".join(lines)


def said_in_extra():
    return json.loads(base64.b64decode(RECEIPT.split(b"\n")[1][6:]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(place=st.sampled_from(["record", "records", "orders_es"]), value=json_values)
def test_extra_data_of_another_shape(place, value):
    said = said_in_extra() | {place: value}
    if place == "records" and value == []:
        return
    found = outcome(of_receipt, with_extra(json.dumps(said, separators=(",", ":")).encode()))
    assert found is None or (place == "records" and not value)


@given(name=st.sampled_from(["leaf", "payload", "salt"]), value=json_values)
def test_a_record_with_another_part(name, value):
    said = said_in_extra()
    said["record"][name] = value
    found = outcome(of_receipt, with_extra(json.dumps(said, separators=(",", ":")).encode()))
    unsaid = {"payload": (None,), "salt": (None, "", 0, 0.0, False, [], {}), "leaf": ()}[name]
    assert found is None or value in unsaid


def test_extra_data_that_is_deep_or_huge():
    for extra in (
        b'{"orders_es":' + b"[" * 100_000,
        b'{"orders_es":' + b"9" * 10_000 + b"}",
        b'{"orders_es":"receipt 2"}',
    ):
        assert outcome(of_receipt, with_extra(extra)) is None


def test_a_record_of_another_event_in_its_place():
    said = said_in_extra()
    said["record"], said["records"][0] = (
        {name: said["records"][0][name] for name in ("leaf", "payload")},
        said["records"][0] | said["record"],
    )
    assert outcome(of_receipt, with_extra(json.dumps(said, separators=(",", ":")).encode())) is None


def test_a_record_twice():
    said = said_in_extra()
    said["records"] *= 2
    assert outcome(of_receipt, with_extra(json.dumps(said, separators=(",", ":")).encode())) is None


def test_a_checkpoint_of_another_log_in_it():
    other = generate_key("example.com/shop")
    with open_log(":memory:", create=True) as log:
        log.append("A", [RawEvent("Counted", "{}")] * 43, expected=ANY)
        note = checkpoint(log, other).note
    head = RECEIPT[: RECEIPT.index(b"\n\n") + 2]
    assert outcome(of_receipt, head + note) is None
    with pytest.raises(Refused):
        check_receipt(Receipt.parse(head + note), other.key)


@given(st.one_of(st.text(max_size=80), st.text(alphabet="PRIVATE+KEY0aA=/", max_size=80)))
def test_nonsense_as_a_key(text):
    with pytest.raises(Refused):
        Key.parse(text)


@given(
    st.lists(st.sampled_from(["— ", "a ", "AAAAAAAA", "\n", "\n\n", "shop", "=", "\u2028", "\x85", " "]), max_size=12)
)
def test_nonsense_as_a_note_never_crashes(parts):
    outcome(Note.parse, "".join(parts).encode())
    outcome(Checkpoint.parse, "".join(parts).encode())


@pytest.mark.parametrize("place", ["beside the record", "in the record"])
def test_a_part_that_does_not_belong_there(place):
    said = said_in_extra()
    (said if place == "beside the record" else said["record"])["note"] = "and he owes me 5.00"
    assert outcome(of_receipt, with_extra(json.dumps(said, separators=(",", ":")).encode())) is None
