"""verify-proof.html in headless Chromium, opened as a file: it agrees with verify_proof.py, with WebCrypto's Ed25519 and its own.

Not a part of `make test`: it needs Chromium. `make test-browser` runs it.
"""

import base64
import html
import json
import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from orders_es.audit import checkpoint, generate_key, prove_order
from orders_es.log import ANY, NewEvent, RawEvent, open_log

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = files("orders_es.audit").joinpath("verify-proof.html").read_text(encoding="utf-8")
SIGNER = generate_key("example.com/shop")
ENGINES = {"the browser’s own": "", "this page’s own": "window.withoutEd25519 = true;"}


def receipt():
    with open_log(":memory:", create=True) as log:
        log.append("before", [RawEvent("Counted", "{}")] * 300, expected=ANY)
        payloads = ["{}", '{"name":"Zoë <b>☃</b>"}', '{"n":"9.9000"}']
        log.append("A-1", [NewEvent(data=RawEvent("Counted", text), actor="Zoë") for text in payloads], expected=ANY)
        return prove_order(log, "A-1", checkpoint=checkpoint(log, SIGNER)).text.decode()


RECEIPT = receipt()
LINES = RECEIPT.split("\n")


def with_line(number, text):
    return "\n".join([*LINES[:number], text, *LINES[number + 1 :]])


def with_extra(change):
    said = json.loads(base64.b64decode(LINES[1][6:]))
    change(said)
    return with_line(1, "extra " + base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode())


def one_bit(text):
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


SIGNATURE = next(line for line in LINES if line.startswith("— "))
FORGED = {
    "another index": with_line(2, "index 301"),
    "another hash": with_line(3, one_bit(LINES[3])),
    "a hash less": "\n".join(LINES[:3] + LINES[4:]),
    "another size": RECEIPT.replace("\n303\n", "\n304\n"),
    "another origin": RECEIPT.replace("example.com/shop\n303", "example.com/shoq\n303"),
    "another signature": RECEIPT.replace(SIGNATURE, f"— example.com/shop {one_bit(SIGNATURE.split(' ')[2])}"),
    "another payload": with_extra(lambda said: said["record"].update(payload='{"n":"8.9000"}')),
    "another record": with_extra(lambda said: said["record"].update(leaf=one_bit(said["record"]["leaf"]))),
    "a payload under another name": with_extra(
        lambda said: said["record"].update(pay1oad=said["record"].pop("payload"))
    ),
    "a record twice": with_extra(lambda said: said["records"].append(said["records"][0])),
    "no extra data": "\n".join(LINES[:1] + LINES[2:]),
    "nothing": "",
}


def answer(tmp_path, text, key=str(SIGNER.key), witnesses="", before=""):
    fill = f"{before} $('receipt').value = {json.dumps(text)}; $('key').value = {json.dumps(key)};"
    fill += f"$('witnesses').value = {json.dumps(witnesses)}; check();"
    (tmp_path / "page.html").write_text(PAGE.replace("</body>", f"<script>{fill}</script></body>"), encoding="utf-8")
    call = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [*call, f"file://{tmp_path}/page.html"], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r'<section id="answer".*?>(.*?)</section>', done.stdout, re.DOTALL)
    return html.unescape(re.sub("<[^>]*>", " ", found[1]))


@pytest.fixture(autouse=True)
def chromium():
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: apt install chromium")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_receipt_holds(tmp_path, engine):
    said = answer(tmp_path, RECEIPT, before=ENGINES[engine])
    assert "It holds. " in said
    assert '{"name":"Zoë <b>☃</b>"}' in said
    assert f"checked with  {engine.split(chr(8217))[0]}" in said


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_one_does_not(tmp_path, forgery, engine):
    said = answer(tmp_path, FORGED[forgery], before=ENGINES[engine])
    assert "It does NOT hold. " in said
    assert "could not be read" not in said


def test_another_key_and_a_missing_witness_are_refused(tmp_path):
    for key, witnesses in [
        (str(generate_key("example.com/shop").key), ""),
        ("nonsense", ""),
        (str(SIGNER.key), str(generate_key("w", witness=True).key)),
        (SIGNER.to_text(), ""),
    ]:
        assert "It does NOT hold. " in answer(tmp_path, RECEIPT, key, witnesses)
