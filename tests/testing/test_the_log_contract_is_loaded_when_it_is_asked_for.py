import subprocess
import sys

import pytest

import orders_es.testing


def test_given_needs_no_pytest():
    code = "import sys, orders_es.testing as t; t.given; assert 'pytest' not in sys.modules and 'hypothesis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    assert orders_es.testing.__all__ == sorted(orders_es.testing.__all__)
    assert all(hasattr(orders_es.testing, name) for name in orders_es.testing.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="LogKontract"):
        _ = orders_es.testing.LogKontract
