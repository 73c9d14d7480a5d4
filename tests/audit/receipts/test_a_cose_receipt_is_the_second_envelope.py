"""RFC 9942. The signed structure is built here once more by the words of RFC 9052, without the package."""

from hashlib import sha256

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from orders_es.audit import check_file, checkpoint, cose_receipt, generate_key, newest_checkpoint, verify_cose_receipt
from orders_es.errors import BadCheckpoint, BadProof, InvalidSetting, NoCheckpoint
from orders_es.log import ANY, RawEvent, open_log

SIGNER = generate_key("example.com/shop")


def made():
    with open_log(":memory:", create=True) as small:
        small.append("A", [RawEvent("Counted", f'{{"n":{n}}}') for n in range(11)], expected=ANY)
        return cose_receipt(small, 7, SIGNER, checkpoint=checkpoint(small, SIGNER))


RECEIPT = made()


def test_its_parts_are_those_of_the_rfc(log, signer):
    tag = cbor2.loads(cose_receipt(log, 301, signer))
    protected, unprotected, payload, signature = tag.value
    assert (tag.tag, payload) == (18, None)
    header = cbor2.loads(protected)
    assert (header[1], header[395], header[15]) == (-8, 1, {1: "example.com/shop"})
    (proof,) = unprotected[396][-1]
    size, index, path = cbor2.loads(proof)
    root = sha256(b"\x00" + unprotected["orders_es"]["leaf"]).digest()
    at, last = index, size - 1
    for sibling in path:
        left = at & 1 or at == last
        root = sha256(b"\x01" + (sibling + root if left else root + sibling)).digest()
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    assert (size, index, root) == (606, 300, newest_checkpoint(log).root)
    signed = cbor2.dumps(["Signature1", protected, b"", root])
    Ed25519PublicKey.from_public_bytes(signer.key.public).verify(signature, signed)


def test_it_is_checked_without_the_log_and_says_what_it_does_not_bind(log, signer, tmp_path):
    (tmp_path / "r.cose").write_bytes(cose_receipt(log, 301, signer))
    checked = check_file(tmp_path / "r.cose", signer.key)
    assert checked.holds
    assert [event["position"] for event in checked.events] == [301]
    assert "is not signed in this form" in checked.lines[0]
    with pytest.raises(InvalidSetting, match=r"\.tlog-proof"):
        check_file(tmp_path / "r.cose", signer.key, witnesses=["w"])


def test_only_a_root_in_a_checkpoint_by_the_same_key_is_signed(log, signer):
    with pytest.raises(BadCheckpoint):
        cose_receipt(log, 301, generate_key("example.com/shop"))
    with pytest.raises(NoCheckpoint):
        cose_receipt(log, 607, signer)


def test_another_key_is_refused():
    for key in (generate_key("example.com/shop").key, generate_key("example.com/other").key):
        with pytest.raises(BadProof):
            verify_cose_receipt(RECEIPT, key)


def refused_or_the_same(raw):
    try:
        found = verify_cose_receipt(raw, SIGNER.key)
    except BadProof:
        return
    whole = verify_cose_receipt(RECEIPT, SIGNER.key)
    assert (found.origin, found.root, found.events) == (whole.origin, whole.root, whole.events)


@given(at=st.integers(0, len(RECEIPT) - 1), byte=st.integers(0, 255))
def test_another_byte(at, byte):
    refused_or_the_same(RECEIPT[:at] + bytes([byte]) + RECEIPT[at + 1 :])


@given(begin=st.integers(0, len(RECEIPT)), piece=st.binary(max_size=9), end=st.integers(0, len(RECEIPT)))
def test_cut_short_or_spliced(begin, piece, end):
    refused_or_the_same(RECEIPT[:begin] + piece + RECEIPT[end:])


@given(st.binary(max_size=60))
def test_nonsense(raw):
    with pytest.raises(BadProof):
        verify_cose_receipt(b"\xd2" + raw, SIGNER.key)
