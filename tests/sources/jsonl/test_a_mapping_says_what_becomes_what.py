from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orders_es import orders as o
from orders_es.errors import BadSource
from orders_es.log import order_registry
from orders_es.replay import load_order
from orders_es.sources.jsonl import import_jsonl, shipped_mappings
from orders_es.sources.jsonl.mapping import load_mapping

LIFE = [
    ("order_created", {"customer_id": 17, "currency": "EUR", "channel": "web"}),
    ("item_added", {"product_id": "mug", "quantity": 2, "unit_price": 1250, "product_name": "Mug"}),
    ("item_added", {"sku": "jar", "quantity": 1, "price": 5, "order_id": "order-1"}),
    ("item_removed", {"sku": "jar", "quantity": 1, "price": 5}),
    ("item_quantity_changed", {"sku": "mug", "old_quantity": 2, "new_quantity": 3, "unit_price": 1250}),
    ("discount_applied", {"amount": 250, "code": "HELLO"}),
    ("shipping_charged", {"amount": 495}),
    ("order_placed", {}),
    ("payment_failed", {"amount": 3995, "reason": "declined"}),
    ("payment_received", {"amount": 3995, "payment_method": "card", "transaction_id": "t1"}),
    ("order_shipped", {"carrier": "Post", "tracking_number": "n1"}),
    ("order_delivered", None),
    ("item_returned", {"sku": "mug", "quantity": 1, "unit_price": 1250, "reason": "broken"}),
    ("refund_issued", {"amount": 1250, "refund_id": "r1"}),
    ("adjustment_recorded", {"amount": -1, "reason": "rounding"}),
    ("customer_assigned", {"customer_id": "c-2"}),
    ("order_cancelled", {"reason": "late"}),
]


@pytest.fixture
def life(foreign):
    return [foreign(i, kind, payload=payload) for i, (kind, payload) in enumerate(LIFE, 1)]


def test_the_shipped_mapping_reads_an_order_services_table(log, service, life):
    result = service(life)
    assert (result.events, result.streams) == (17, 1)
    mug: dict[str, Any] = {"item_id": "mug", "price": Decimal("12.50")}
    jar: dict[str, Any] = {"item_id": "jar", "quantity": 1, "price": Decimal("0.05")}
    assert [event.data for event in log.load("order-1")] == [
        o.OrderCreated(currency="EUR", customer_id="17", channel="web"),
        o.ItemAdded(**mug, quantity=2),
        o.ItemAdded(**jar),
        o.ItemRemoved(**jar),
        o.ItemQuantityChanged(**mug, difference=1),
        o.DiscountApplied(amount=Decimal("2.50"), code="HELLO"),
        o.ShippingCharged(amount=Decimal("4.95")),
        o.OrderPlaced(),
        o.PaymentFailed(amount=Decimal("39.95"), reason="declined"),
        o.PaymentReceived(amount=Decimal("39.95"), method="card", reference="t1"),
        o.OrderShipped(carrier="Post", tracking="n1"),
        o.OrderDelivered(),
        o.ItemReturned(**mug, quantity=1, reason="broken"),
        o.RefundIssued(amount=Decimal("12.50"), reference="r1"),
        o.AdjustmentRecorded(amount=Decimal("-0.01"), reason="rounding"),
        o.CustomerAssigned(customer_id="c-2"),
        o.OrderCancelled(reason="late"),
    ]
    assert log.load("order-1")[1].occurred_at == datetime(2026, 6, 1, 10, 2, tzinfo=UTC)
    assert load_order(log, "order-1").customer_id == "c-2"


def test_the_shipped_mapping_knows_every_event_type_of_ours():
    mapping = load_mapping("order-service", order_registry())
    assert {rule.to for rule in mapping.types.values()} == {kind.__name__ for kind in o.EVENT_TYPES}
    assert shipped_mappings() == ["order-service"]


def test_a_uuid_stays_the_event_id_and_another_id_makes_one_of_its_own(log, service, foreign):
    own = "6c6011aa-189c-8d62-b3d8-8b1ace7f482a"
    service([foreign(1, "order_created", id=own), foreign(2), foreign(1, "order_created", "order-2", id="order-1-2")])
    ids = [event.event_id for event in log.load("order-1")]
    assert ids[0] == UUID(own)
    assert ids[1].version == 8
    assert log.load("order-2")[0].event_id != ids[1], "numbers that count within a stream are no clash"


def test_the_same_lines_again_add_nothing(log, service, life):
    service(life)
    assert service(life[:9]).duplicates == 9
    assert service(life, batch_events=4).duplicates == 17
    assert log.head().position == 17


def test_an_actor_and_correlations_come_along_where_the_lines_have_them(log, service, foreign):
    meta = {"user_id": "u1", "correlation_id": "x", "causation_id": "y"}
    service([foreign(1, "order_created", metadata=meta), foreign(2, actor="a", correlation_id="z")])
    first, second = log.load("order-1")
    assert (first.actor, first.correlation_id, first.causation_id) == ("u1", "x", "y")
    assert (second.actor, second.correlation_id, second.causation_id) == ("a", "z", None)


def test_an_order_without_a_currency_takes_the_one_given(log, service, foreign):
    rows = [foreign(1, "order_created", payload={"customer_id": "c"})]
    with pytest.raises(BadSource, match=r"currency is missing; say which with currency= \(--currency\)"):
        service(rows)
    service(rows, currency="BRL")
    assert log.load("order-1")[0].data.currency == "BRL"


BAD = [
    ({"type": "item_burnt"}, r"order-service has no \[types.item_burnt\]; add it, or add 'item_burnt' to ignore_types"),
    ({"payload": {"product_id": "mug", "quantity": 2}}, "price or unit_price or price_cents or .* is missing"),
    ({"payload": {"product_id": "mug", "quantity": 2, "price": 12.5}}, "price '12.5' is not a whole number"),
    ({"payload": {"product_id": "mug", "quantity": "2", "price": 5}}, "quantity '2' is not a whole number"),
    ({"payload": {"product_id": "", "quantity": 2, "price": 5}}, "product_id '' is not text"),
    ({"payload": {"product_id": "m", "quantity": 2, "price": 10**17}}, "does not fit 14 digits"),
    (
        {"payload": {"product_id": "m", "quantity": 2, "price": 5, "gift": 1}},
        r"the payload has 'gift', which \[types.item_added\] does not mention",
    ),
    ({"payload": []}, "payload is not an object"),
    ({"tenant": 1}, "'tenant': the mapping does not mention that"),
    ({"timestamp": "soon"}, "timestamp 'soon' is not a date and time"),
    ({"timestamp": None}, "timestamp is missing"),
    ({"version": "2"}, "version '2' is not a whole number"),
    ({"aggregate_id": None}, "aggregate_id is missing"),
    ({"id": None}, "id is missing"),
]


@pytest.mark.parametrize(("change", "reason"), BAD, ids=[str(change) for change, _ in BAD])
def test_a_line_that_the_mapping_cannot_read_is_named(log, service, foreign, change, reason):
    with pytest.raises(BadSource, match=reason) as caught:
        service([foreign(1, "order_created"), foreign(2) | change])
    assert caught.value.row == 2
    assert log.head().position == 0


OWN_MAPPING = """
minor_digits = 3
first_version = 0
tz = "Europe/Berlin"
ignore_types = ["Viewed"]

[envelope]
stream_id = "key.order"
type = "what"
occurred_at = "when"
version = "n"

[types.Opened]
to = "OrderCreated"
currency = { value = "KWD" }
channel = { from = "via", default = "shop" }
ignore = ["junk"]

[types.Line]
to = "ItemAdded"
item_id = "item"
quantity = { from = "count", default = 1 }
price = { from = "price.fils", as = "minor" }

[types.Fee]
to = "AdjustmentRecorded"
amount = "amount"
"""


@pytest.fixture
def by_mapping(log, write, tmp_path):
    def by_mapping(rows, text=OWN_MAPPING, **options):
        (tmp_path / "mapping.toml").write_text(text)
        return import_jsonl(log, write(rows), mapping=tmp_path / "mapping.toml", **options)

    return by_mapping


def flat(n, what, **fields):
    return {"key": {"order": "K"}, "what": what, "when": "2026-06-01 10:00:00", "n": n} | fields


def test_a_mapping_of_ones_own_reads_flat_lines_without_ids(log, by_mapping):
    rows = [
        flat(0, "Opened", junk=[1]),
        flat(1, "Viewed", whatever=1),
        flat(2, "Line", item="jar", price={"fils": 1250}),
        flat(3, "Fee", amount=0.125),
    ]
    assert by_mapping(rows).events == 3
    assert [event.data for event in log.load("K")] == [
        o.OrderCreated(currency="KWD", channel="shop"),
        o.ItemAdded(item_id="jar", quantity=1, price=Decimal("1.25")),
        o.AdjustmentRecorded(amount=Decimal("0.125")),
    ]
    assert log.load("K")[0].occurred_at == datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
    assert by_mapping(rows).duplicates == 3


def test_lines_that_are_left_out_still_count_for_the_versions(by_mapping):
    with pytest.raises(BadSource, match="version 1 is missing"):
        by_mapping([flat(0, "Opened"), flat(2, "Line", item="jar", price={"fils": 1})])


NONSENSE = [
    ("[envelope", "it is not TOML"),
    ("x = 1", "'x' is no key"),
    ("[types.a]", r"lacks the table \[envelope\]"),
    ('[envelope]\ntype = "t"\n[types]', r"\[envelope\] lacks stream_id"),
    (OWN_MAPPING.replace('to = "OrderCreated"', 'to = "Order"'), "which is no event type of ours"),
    (OWN_MAPPING.replace('to = "OrderCreated"', ""), r"\[types.Opened\] lacks to"),
    (OWN_MAPPING.replace('item_id = "item"', ""), "says nothing about item_id, and every ItemAdded needs it"),
    (OWN_MAPPING.replace("item_id =", "colour ="), "'colour' is no field of ItemAdded"),
    (OWN_MAPPING.replace('as = "minor"', 'as = "text"'), "as = 'text' does not fit; price is decimal"),
    (OWN_MAPPING.replace("minor_digits = 3", "minor_digits = 5"), "whole number from 0 to 4"),
    (OWN_MAPPING.replace("Europe/Berlin", "Europe/Berlni"), "is not a time zone"),
    (OWN_MAPPING.replace('"what"', "[]"), r"envelope.type = \[\]"),
    (OWN_MAPPING.replace('value = "KWD"', 'value = "KWD", from = "c"'), "give one of from and value"),
    (OWN_MAPPING.replace('default = "shop"', 'minus = "x"'), "only numbers can be taken off each other"),
]


@pytest.mark.parametrize(("text", "reason"), NONSENSE, ids=[reason for _, reason in NONSENSE])
def test_a_mapping_that_makes_no_sense_is_refused(log, by_mapping, text, reason):
    with pytest.raises(BadSource, match=reason) as caught:
        by_mapping([flat(0, "Opened")], text)
    assert caught.value.path.endswith("mapping.toml")
    assert log.head().position == 0


def test_a_mapping_that_is_not_there_names_those_shipped(log, write):
    with pytest.raises(BadSource, match="give a TOML file, or one of those shipped: order-service"):
        import_jsonl(log, write(["{}"]), mapping="order-sevrice")


def test_amounts_do_not_depend_on_the_callers_decimal_context(log, service, foreign):
    import decimal

    with decimal.localcontext(prec=3):
        service([foreign(1, "order_created"), foreign(2, payload={"sku": "m", "quantity": 1, "price": 123456789})])
    assert log.load("order-1")[1].data.price == Decimal("1234567.89")
