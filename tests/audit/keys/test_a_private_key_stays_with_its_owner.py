import os
import stat
from pathlib import Path

import pytest

from orders_es.audit import generate_key, public_key, read_signer, write_key
from orders_es.errors import BadKey, CannotPublish, InvalidSetting


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "shop.key"
    write_key(generate_key("example.com/shop"), path)
    return path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_its_file_is_its_owners_alone_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_key(generate_key("shop"), tmp_path / "k")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o777])
def test_a_key_that_others_can_reach_is_refused(key, mode):
    key.chmod(mode)
    with pytest.raises(BadKey, match="chmod 600"):
        read_signer(key)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_of_ones_own_is_read(key, mode):
    key.chmod(mode)
    assert read_signer(key).key.name == "example.com/shop"


def test_no_file_is_ever_overwritten(key):
    before = key.read_bytes()
    with pytest.raises(BadKey, match="already"):
        write_key(generate_key("example.com/shop"), key)
    assert key.read_bytes() == before


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CannotPublish, match="No such file"):
        write_key(generate_key("shop"), tmp_path / "nowhere" / "k")


def test_the_secret_is_in_no_repr(key):
    signer = read_signer(key)
    assert signer.seed.hex() not in repr(signer)
    assert repr(signer.seed) not in repr(signer)


def test_the_public_key_lies_beside_it(key):
    assert public_key(f"{key}.pub") == public_key(Path(f"{key}.pub")) == read_signer(key).key
    assert public_key(str(read_signer(key).key)) == read_signer(key).key


def test_a_private_key_given_as_a_public_one_is_refused_and_not_shown(key):
    with pytest.raises(BadKey, match="private key") as refused:
        public_key(str(key))
    text = key.read_text().strip()
    with pytest.raises(BadKey, match="private key") as told:
        public_key(text)
    secret = text.rsplit("+", 1)[1]
    assert secret not in str(refused.value) + str(told.value)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there", "line\nbreak", "no\u00a0break", "\ud800"])
def test_a_name_that_no_note_can_hold_is_refused(name):
    with pytest.raises(InvalidSetting):
        generate_key(name)


@pytest.mark.parametrize("content", [b"", b"hello", b"PRIVATE+KEY+x", b"\xff\xfe", b"PRIVATE+KEY+shop+00000000+AAAA"])
def test_a_file_that_holds_no_private_key_is_refused(tmp_path, content):
    path = tmp_path / "k"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadKey, match="keygen"):
        read_signer(path)
