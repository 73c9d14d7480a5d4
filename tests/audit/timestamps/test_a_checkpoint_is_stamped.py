import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.audit import checkpoint, generate_key
from orders_es.audit.timestamps import check_timestamp, fetch_timestamp, keep_timestamp, request_timestamp
from orders_es.errors import BadKey, BadProof, CannotPublish
from orders_es.log import ANY
from orders_es.orders import OrderPlaced


def test_a_stamp_is_checked_and_kept(log, signed, authority, stamp):
    answer = stamp(request_timestamp(signed))
    kept = keep_timestamp(log, answer, authority / "ca.pem")
    assert kept.size == 3
    assert datetime.now(UTC) - kept.at < timedelta(minutes=5)
    assert kept.path.name == "00000000000000000003.1.tsr"
    assert keep_timestamp(log, answer, authority / "ca.pem").path == kept.path
    assert keep_timestamp(log, stamp(request_timestamp(signed)), authority / "ca.pem").path.name.endswith(".2.tsr")
    assert check_timestamp(signed.path, kept.path, authority / "ca.pem").at == kept.at


def test_openssl_checks_it_as_well(signed, authority, stamp, tmp_path):
    (tmp_path / "r").write_bytes(stamp(request_timestamp(signed)))
    (tmp_path / "text").write_text(signed.parsed.note.text)
    call = ["openssl", "ts", "-verify", "-data", "text", "-in", "r", "-CAfile", authority / "ca.pem"]
    subprocess.run([*call, "-untrusted", authority / "tsa.pem"], cwd=tmp_path, check=True, capture_output=True)


def test_a_stamp_of_another_checkpoint_is_refused(log, signed, authority, stamp):
    answer = stamp(request_timestamp(signed))
    log.append("A-1", [OrderPlaced()], expected=ANY)
    later = checkpoint(log, generate_key("example.com/shop"))
    with pytest.raises(BadProof):
        keep_timestamp(log, answer, authority / "ca.pem", checkpoint=later)


def test_another_authority_is_refused(signed, authority, stamp, tmp_path):
    answer = stamp(request_timestamp(signed))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made = ["openssl", "req", "-x509", *curve, "-keyout", "k", "-out", "ca.pem", "-subj", "/CN=Root"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(BadProof):
        check_timestamp(signed, answer, tmp_path / "ca.pem")
    (tmp_path / "none.pem").write_text("nonsense")
    for wrong in (tmp_path / "none.pem", tmp_path / "nowhere"):
        with pytest.raises(BadKey, match="PEM"):
            check_timestamp(signed, answer, wrong)
    assert (authority / "ca.pem").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_stamp_is_refused_or_says_the_same(signed, authority, stamp, data):
    answer = whole.setdefault("answer", stamp(request_timestamp(signed)) if not whole else None)
    text = whole.setdefault("signed", signed)
    at = data.draw(st.integers(0, len(answer) - 1))
    changed = answer[:at] + bytes([data.draw(st.integers(0, 255))]) + answer[at + 1 :]
    changed = data.draw(st.sampled_from([changed, answer[:at], answer[at:], answer + answer]))
    try:
        found = check_timestamp(text, changed, authority / "ca.pem")
    except BadProof:
        return
    assert found.at == check_timestamp(text, answer, authority / "ca.pem").at


whole: dict = {}


def test_an_authority_is_asked_over_http(log, signed, authority, stamp):
    class Authority(BaseHTTPRequestHandler):
        def do_POST(self):
            answer = stamp(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Authority)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        answer = fetch_timestamp(f"http://127.0.0.1:{server.server_port}/", signed)
        assert keep_timestamp(log, answer, authority / "ca.pem").size == 3
    finally:
        server.shutdown()
        server.server_close()
    for url in (f"http://127.0.0.1:{server.server_port}/", "file:///etc/hosts", "http://[", "nonsense"):
        with pytest.raises(CannotPublish):
            fetch_timestamp(url, signed)
