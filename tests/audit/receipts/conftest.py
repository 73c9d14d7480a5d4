from decimal import Decimal

import pytest

from orders_es.audit import checkpoint, generate_key
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced


@pytest.fixture(scope="module")
def signer():
    return generate_key("example.com/shop")


@pytest.fixture(scope="module", params=["log", "log.duckdb"])
def log(request, signer, tmp_path_factory):
    """Two orders among others; A-1 has three events when the log is signed, at 606 events, and one more since."""
    with open_log(tmp_path_factory.mktemp("shop") / request.param, create=True, origin="shop") as log:
        log.append("before", [OrderPlaced()] * 300, expected=ANY)
        log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), actor="Zoë")], expected=ANY)
        log.append("A-2", [OrderCreated(currency="EUR"), OrderPlaced()], expected=ANY)
        log.append("A-1", [ItemAdded(item_id="R1", quantity=2, price=Decimal("9.90")), OrderPlaced()], expected=ANY)
        log.append("17", [OrderPlaced()], expected=ANY)
        log.append("after", [OrderPlaced()] * 300, expected=ANY)
        checkpoint(log, signer)
        log.append("A-1", [OrderPlaced()], expected=ANY)
        yield log
