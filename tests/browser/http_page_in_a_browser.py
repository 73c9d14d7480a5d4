"""The page that `orders-es serve` has at `/`, in headless Chromium, on a real server: orders, one order's history and clocks, and lag.

Not a part of `make test`: it needs Chromium. `make test-browser` runs it.
"""

import json
import re
import shutil
import subprocess
import sys
from urllib.parse import quote

import pytest

from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder, PlaceOrder
from orders_es.projections import Projector, set_projections
from orders_es.service import handle

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ODD = "A/2 <b>ü</b>"


@pytest.fixture
def url(tmp_path):
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: apt install chromium")
    with open_log(tmp_path / "log", create=True) as log:
        for order in ("A-1", ODD):
            handle(log, order, CreateOrder(currency="GBP", customer_id="<script>alert(1)</script>"))
            handle(log, order, AddItem(item_id="mug", quantity=2, price=5))
        handle(log, "A-1", PlaceOrder())
        Projector(log, tmp_path / "m.duckdb", set_projections(["orders"])).run()
    words = [sys.executable, "-m", "orders_es", "serve", "--port", "0", "--json"]
    words += ["--log", str(tmp_path / "log"), "--models", str(tmp_path / "m.duckdb")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = ""
            while not said.rstrip().endswith("}"):
                said += server.stdout.readline()
            yield json.loads(said)["url"]
        finally:
            server.terminate()


def shown(url):
    """What the page has after its scripts ran."""
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom", url]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert "<script>alert(1)</script>" not in re.sub(r"<head>.*</head>", "", done.stdout, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", done.stdout.partition("<header>")[2]))


def test_orders_lag_and_the_first_order_are_shown(url):
    page = shown(url)
    assert "log up to position 5" in page
    for said in ("A-1 placed", "Order A-1", "added 2 x mug at 5.00", "stopped", "orders"):
        assert said in page, page


def test_an_order_of_an_odd_name_is_shown_as_it_is_called(url):
    page = shown(f"{url}/#{quote(ODD, safe='')}")
    assert "Order A/2 &lt;b&gt;ü&lt;/b&gt;" in page, page
