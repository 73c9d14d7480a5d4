import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.audit import checkpoint, generate_key
from orders_es.audit.der import certificates_sorted
from orders_es.audit.timestamps import check_timestamp, request_timestamp


@pytest.fixture
def chained(authority):
    """Gives the answer of an authority that sends its root's certificate along, in front of its own or after it."""
    import subprocess

    def answer(request):
        (authority / "q").write_bytes(request)
        (authority / "chain.pem").write_bytes((authority / "ca.pem").read_bytes())
        command = [
            "openssl",
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "q",
            "-chain",
            "chain.pem",
            "-out",
            "r",
        ]
        subprocess.run(command, cwd=authority, check=True, capture_output=True)
        return (authority / "r").read_bytes()

    return answer


def der(path):
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_a_stamp_with_a_chain_is_checked(log, chained, authority):
    signed = checkpoint(log, generate_key("example.com/shop"))
    request = request_timestamp(signed)
    seen = set()
    for _ in range(6):  # the order depends on the signature's certificates, which openssl writes as it has them
        raw = chained(request)
        seen.add(raw == certificates_sorted(raw))
        assert check_timestamp(signed, raw, authority / "ca.pem").size == 3
    assert certificates_sorted(certificates_sorted(raw)) == certificates_sorted(raw)
    assert len(certificates_sorted(raw)) == len(raw)
    assert seen


@given(st.binary(max_size=200))
def test_nonsense_stays_what_it_is(raw):
    assert sorted(certificates_sorted(raw)) == sorted(raw)
