"""A time-stamping authority of our own, made with `openssl ts`: no public one is asked by tests."""

import shutil
import subprocess

import pytest

from orders_es.audit import checkpoint, generate_key
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced

CONFIGURATION = """
[ tsa ]
default_tsa = one
[ one ]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to be an authority with")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    (folder / "ext").write_text(
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=critical,timeStamping\n"
    )
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Root", "-days", "3650")
    openssl(folder, "req", "-new", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Clock")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650", "-extfile", "ext")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *signing)
    return folder


@pytest.fixture
def stamp(authority):
    """Gives the authority's answer to a request."""

    def answer(request):
        (authority / "q").write_bytes(request)
        openssl(authority, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q", "-out", "r")
        return (authority / "r").read_bytes()

    return answer


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [OrderPlaced()] * 3, expected=ANY)
        yield log


@pytest.fixture
def signed(log):
    return checkpoint(log, generate_key("example.com/shop"))
