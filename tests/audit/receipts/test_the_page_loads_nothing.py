import re
from importlib.resources import files

PAGE = files("orders_es.audit").joinpath("verify-proof.html").read_text(encoding="utf-8")


def test_it_names_no_address_and_forbids_itself_to_load_any():
    assert not re.search(
        r"https?://|//[a-z]+\.|import\s*\(|fetch\(|XMLHttpRequest|WebSocket|<link[^>]+stylesheet", PAGE
    )
    assert "default-src 'none'" in PAGE


def test_what_a_receipt_says_is_never_taken_for_markup():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", PAGE)
