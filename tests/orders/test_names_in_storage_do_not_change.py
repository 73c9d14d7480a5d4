"""Event type names, field names and their kinds stand in every log that was ever written."""

from orders_es.log import order_registry

STORED = {
    "OrderCreated": (
        "currency:string customer_id:string? country:string? channel:string? postal_code:string? source_status:string?"
    ),
    "ItemAdded": "item_id:string quantity:int64 price:decimal description:string?",
    "ItemRemoved": "item_id:string quantity:int64 price:decimal",
    "ItemQuantityChanged": "item_id:string difference:int64 price:decimal",
    "DiscountApplied": "amount:decimal code:string? reason:string?",
    "ShippingCharged": "amount:decimal method:string?",
    "OrderPlaced": "",
    "PaymentReceived": "amount:decimal method:string? reference:string?",
    "PaymentFailed": "amount:decimal method:string? reason:string?",
    "OrderShipped": "carrier:string? tracking:string?",
    "OrderDelivered": "",
    "ItemReturned": "item_id:string quantity:int64 price:decimal description:string? reason:string?",
    "RefundIssued": "amount:decimal method:string? reason:string? reference:string?",
    "OrderCancelled": "reason:string? time_estimated:bool?",
    "AdjustmentRecorded": "amount:decimal reason:string? item_id:string? quantity:int64?",
    "CustomerAssigned": "customer_id:string",
}


def test_names_in_storage_do_not_change():
    registered = {
        kind.name: " ".join(f"{f.name}:{f.kind}{'?' if f.optional else ''}" for f in kind.fields)
        for kind in order_registry()
    }
    assert registered == STORED


def test_all_have_schema_version_1():
    assert {kind.schema_version for kind in order_registry()} == {1}
