"""The examples of the C2SP documents, and of Go's `note` package, which the documents follow."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.audit import public_key, read_signer
from orders_es.audit.verify_proof import Checkpoint, Key, Note, Refused, check_signature

SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
BEHIND_THE_SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def of_note(note):
    return Checkpoint("", 0, b"", note)


def test_the_key_and_the_note_of_signed_note():
    key = public_key(SPEC_KEY)
    assert (key.name, key.kind, key.key_id.hex(), str(key)) == ("example.com/foo", 1, "530d903a", SPEC_KEY)
    note = Note.parse(SPEC_NOTE.encode())
    assert note.text == "This is an example message.\n"
    ((name, key_id, signature),) = note.signatures
    assert (name, key_id) == (key.name, key.key_id)
    check_signature(key, signature, of_note(note))
    with pytest.raises(Refused):
        check_signature(key, signature, of_note(Note("This is an example message!\n", ())))


def test_gos_private_key_signs_as_go_does(tmp_path):
    path = tmp_path / "k"
    path.write_text(GO_PRIVATE + "\n")
    path.chmod(0o600)
    signer = read_signer(path)
    assert str(signer.key) == GO_PUBLIC
    assert signer.to_text() == GO_PRIVATE
    assert base64.b64encode(signer.key.key_id + signer.sign(GO_TEXT.encode())).decode() == GO_SIGNATURE


def test_the_checkpoint_of_tlog_checkpoint_and_its_cosignature():
    checkpoint = Checkpoint.parse(BEHIND_THE_SOFA.encode())
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert base64.b64encode(checkpoint.root).decode() == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    (_, _, plain), (witness, _, timed) = checkpoint.note.signatures
    assert (len(plain), witness, len(timed)) == (64, "witness.example.com/w1", 72)
    assert int.from_bytes(timed[:8], "big") == 1679315147


def test_the_note_of_signed_note_in_italian():
    text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    line = (
        "— quasimodo.example/salvatore "
        "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    )
    note = Note.parse(f"{text}\n{line}".encode())
    assert note.text == text
    assert note.signatures[0][0] == "quasimodo.example/salvatore"


@pytest.mark.parametrize("key", [SPEC_KEY, GO_PUBLIC])
def test_no_part_of_a_key_is_a_key(key):
    for begin in range(len(key)):
        for end in range(begin + 1, len(key) + 1):
            if end - begin < len(key):
                with pytest.raises(Refused):
                    Key.parse(key[begin:end])


@given(st.integers(0, len(GO_PUBLIC) - 1), st.characters(codec="utf-8"))
def test_a_key_with_another_character_is_refused(at, character):
    changed = GO_PUBLIC[:at] + character + GO_PUBLIC[at + 1 :]
    if changed != GO_PUBLIC:
        with pytest.raises(Refused):
            Key.parse(changed)


@pytest.mark.parametrize(
    "key",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
    ids=["too long", "of an unknown kind"],
)
def test_a_key_that_is_none_is_refused_though_its_id_fits(key):
    with pytest.raises(Refused):
        Key.parse(key)


def test_a_key_under_which_everything_is_signed_is_refused():
    for public in (bytes(32), b"\x01" + bytes(31), bytes(31) + b"\x80"):
        with pytest.raises(Refused, match="no key of its kind"):
            Key.parse(str(Key("shop", 1, public)))
