"""What shops call the moment of an order is recognised, so that a proposal has no hole where the most ordinary name stands."""

import pytest

from orders_es.sources.order_tables import propose_mapping


@pytest.mark.parametrize("name", ["Placed at", "Order date", "Ordered at", "placed_on"])
def test_it_is_proposed(name, tmp_path):
    (tmp_path / "orders.csv").write_text(f"Order No,{name},SKU,Qty,Price\nA-1,2026-06-01 09:12,007,3,24.50\n")
    assert f'occurred = "{name}"' in propose_mapping(tmp_path / "orders.csv")
