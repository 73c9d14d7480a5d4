import base64
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from orders_es.audit import (
    Key,
    Signer,
    check_against_checkpoint,
    checkpoint,
    cosign,
    generate_key,
    keep_cosignatures,
    newest_checkpoint,
    prove_consistency,
    prove_position,
    verify_receipt,
)
from orders_es.errors import BadCheckpoint, BadKey, BadProof
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced

NOW = 1_780_000_000


@pytest.fixture
def signer():
    return generate_key("example.com/shop")


@pytest.fixture
def witness():
    return generate_key("witness.example.org/w1", witness=True)


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [OrderPlaced()] * 3, expected=ANY)
        yield log


@pytest.fixture
def seen(tmp_path):
    return tmp_path / "seen"


def first(log, signer):
    return prove_consistency(log, None, checkpoint(log, signer))


def grown(log, signer):
    old = newest_checkpoint(log)
    log.append("A-1", [OrderPlaced()] * 2, expected=ANY)
    return prove_consistency(log, old, checkpoint(log, signer))


def test_a_cosignature_is_a_line_of_c2sp(log, signer, witness, seen):
    line = cosign(first(log, signer), witness, signer.key, memory=seen, at=NOW)
    dash, name, encoded = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    assert (dash, name, len(raw)) == ("—", "witness.example.org/w1", 76)
    assert raw[:4] == witness.key.key_id
    assert int.from_bytes(raw[4:12], "big") == NOW


def test_it_is_kept_checked_and_handed_on_in_receipts(log, signer, witness, seen):
    line = cosign(first(log, signer), witness, signer.key, memory=seen, at=NOW)
    signed, names = keep_cosignatures(log, line.encode(), [witness.key])
    assert names == [witness.key.name]
    assert check_against_checkpoint(log, signed, signer.key, witnesses=[witness.key]) == {witness.key.name: NOW}
    receipt = prove_position(log, 2).text
    assert verify_receipt(receipt, signer.key, witnesses=[str(witness.key)]).cosigned == {witness.key.name: NOW}
    assert checkpoint(log, signer).note == signed.note


def test_it_cosigns_again_what_follows_on_what_it_saw(log, signer, witness, seen):
    cosign(first(log, signer), witness, signer.key, memory=seen)
    for _ in range(3):
        assert cosign(grown(log, signer), witness, signer.key, memory=seen)


def test_it_does_not_cosign_what_does_not_follow(log, signer, witness, seen, tmp_path):
    cosign(first(log, signer), witness, signer.key, memory=seen)
    later = grown(log, signer)
    with pytest.raises(BadProof, match="has seen 3"):
        cosign(prove_consistency(log, None, newest_checkpoint(log)), witness, signer.key, memory=seen)
    cosign(later, witness, signer.key, memory=seen)
    with pytest.raises(BadProof, match="has seen 5"):
        cosign(later, witness, signer.key, memory=seen)
    with open_log(tmp_path / "other", create=True) as other:
        other.append("B-1", [OrderPlaced()] * 5, expected=ANY)
        old = checkpoint(other, signer)
        other.append("B-1", [OrderPlaced()] * 5, expected=ANY)
        forked = prove_consistency(other, old, checkpoint(other, signer))
    with pytest.raises(BadProof, match="rewritten"):
        cosign(forked, witness, signer.key, memory=seen)


def test_a_log_not_seen_yet_begins_at_0(log, signer, witness, seen):
    checkpoint(log, signer)
    with pytest.raises(BadProof, match="begin at 0"):
        cosign(grown(log, signer), witness, signer.key, memory=seen)
    assert not seen.exists()


def test_the_right_kinds_of_keys_are_asked_for(log, signer, witness, seen):
    proof = first(log, signer)
    with pytest.raises(BadKey, match="--witness"):
        cosign(proof, signer, signer.key, memory=seen)
    with pytest.raises(BadCheckpoint):
        cosign(proof, witness, generate_key("example.com/shop").key, memory=seen)
    with pytest.raises(BadKey, match="witness"):
        checkpoint(log, witness)


def test_a_cosignature_of_something_else_is_not_kept(log, signer, witness, seen):
    line = cosign(first(log, signer), witness, signer.key, memory=seen)
    grown(log, signer)
    with pytest.raises(BadCheckpoint, match="not by its key"):
        keep_cosignatures(log, line.encode(), [witness.key])
    before = newest_checkpoint(log).note
    for given in (b"", b"nonsense\n", line.encode()[:-1], line.encode()[:-10] + b"\n", b"\xff\n"):
        with pytest.raises(BadCheckpoint):
            keep_cosignatures(log, given, [witness.key])
    with pytest.raises(BadCheckpoint, match="no cosignature"):
        keep_cosignatures(log, line.encode(), [generate_key("w2", witness=True).key])
    assert newest_checkpoint(log).note == before


def test_answers_of_several_witnesses_are_kept_at_once_or_none_of_them(log, signer, witness, tmp_path):
    other, proof = generate_key("w2", witness=True), first(log, signer)
    for name, key in (("one", witness), ("two", other)):
        (tmp_path / name).write_text(cosign(proof, key, signer.key, memory=tmp_path / f"seen-{name}"))
    before, keys = newest_checkpoint(log).note, [witness.key, other.key]
    (tmp_path / "three").write_text("nonsense\n")
    with pytest.raises(BadCheckpoint, match="three"):
        keep_cosignatures(log, [tmp_path / "one", tmp_path / "three"], keys)
    assert newest_checkpoint(log).note == before
    assert keep_cosignatures(log, [tmp_path / "one", tmp_path / "two"], keys)[1] == [witness.key.name, "w2"]
    assert set(check_against_checkpoint(log, newest_checkpoint(log), signer.key, witnesses=keys)) == {
        witness.key.name,
        "w2",
    }


def test_a_quorum_counts_keys_and_not_names(log, signer, witness, seen):
    again = Signer(Key("another.example/name", 4, witness.key.public), witness.seed)
    other = generate_key("w2", witness=True)
    proof = first(log, signer)
    lines = [cosign(proof, one, signer.key, memory=seen / one.key.name) for one in (witness, again)]
    signed, _ = keep_cosignatures(log, "".join(lines).encode(), [witness.key, again.key])
    three = [witness.key, again.key, other.key]
    assert len(check_against_checkpoint(log, signed, signer.key, witnesses=three, quorum=1)) == 1
    with pytest.raises(BadCheckpoint, match="1 of the witnesses cosigned, 2 are asked for"):
        check_against_checkpoint(log, signed, signer.key, witnesses=three, quorum=2)


def test_a_bad_signature_of_a_known_witness_refuses_the_whole(log, signer, witness, seen):
    line = cosign(first(log, signer), witness, signer.key, memory=seen)
    signed, _ = keep_cosignatures(log, line.encode(), [witness.key])
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[-1] ^= 1
    bad = f"— {witness.key.name} {base64.b64encode(raw).decode()}\n".encode()
    (log.derived.parent / "bad").write_bytes(signed.note + bad)
    with pytest.raises(BadCheckpoint, match="not by its key"):
        check_against_checkpoint(log, log.derived.parent / "bad", signer.key, witnesses=[witness.key], quorum=0)


def test_ml_dsa_44_cosignatures_are_checked(log, signer):
    private = MLDSA44PrivateKey.generate()
    key = Key("witness.example.org/pq", 6, private.public_key().public_bytes_raw())
    signed = checkpoint(log, signer)
    name, origin = key.name.encode(), signed.origin.encode()
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", NOW)
    message += bytes([len(origin)]) + origin + struct.pack(">QQ", 0, signed.size) + signed.root
    raw = key.key_id + struct.pack(">Q", NOW) + private.sign(message)
    line = f"— {key.name} {base64.b64encode(raw).decode()}\n"
    kept, names = keep_cosignatures(log, line.encode(), [str(key)])
    assert names == [key.name]
    assert check_against_checkpoint(log, kept, signer.key, witnesses=[str(key)]) == {key.name: NOW}
    other = Key("witness.example.org/pq2", 6, key.public)
    renamed = f"— {other.name} {base64.b64encode(other.key_id + raw[4:]).decode()}\n"
    with pytest.raises(BadCheckpoint):  # unlike the older kind, it commits to the cosigner's name
        keep_cosignatures(log, renamed.encode(), [str(other)])
