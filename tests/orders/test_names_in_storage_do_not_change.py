"""Event type names, field names and their kinds stand in every log that was ever written."""

from orders_es.log import order_registry

STORED = {
    "OrderCreated": (
        "currency:string customer_id:string? country:string? channel:string? postal_code:string? source_status:string? "
        "city:string? state:string? promised_at:timestamp? time_estimated:bool?"
    ),
    "ItemAdded": "item_id:string quantity:int64 price:decimal description:string? seller_id:string? time_estimated:bool?",
    "ItemRemoved": "item_id:string quantity:int64 price:decimal time_estimated:bool?",
    "ItemQuantityChanged": "item_id:string difference:int64 price:decimal time_estimated:bool?",
    "DiscountApplied": "amount:decimal code:string? reason:string? time_estimated:bool?",
    "ShippingCharged": "amount:decimal method:string? time_estimated:bool?",
    "OrderPlaced": "time_estimated:bool?",
    "PaymentReceived": "amount:decimal method:string? reference:string? installments:int64? time_estimated:bool?",
    "PaymentFailed": "amount:decimal method:string? reason:string? time_estimated:bool?",
    "OrderShipped": "carrier:string? tracking:string? time_estimated:bool?",
    "OrderDelivered": "time_estimated:bool?",
    "ItemReturned": "item_id:string quantity:int64 price:decimal description:string? reason:string? time_estimated:bool?",
    "RefundIssued": "amount:decimal method:string? reason:string? reference:string? time_estimated:bool?",
    "OrderCancelled": "reason:string? time_estimated:bool?",
    "AdjustmentRecorded": "amount:decimal reason:string? item_id:string? quantity:int64? time_estimated:bool?",
    "CustomerAssigned": "customer_id:string time_estimated:bool?",
}


def test_names_in_storage_do_not_change():
    registered = {
        kind.name: " ".join(f"{f.name}:{f.kind}{'?' if f.optional else ''}" for f in kind.fields)
        for kind in order_registry()
    }
    assert registered == STORED


def test_a_version_is_raised_only_with_the_shape_and_an_upcaster():
    versions = {kind.name: kind.schema_version for kind in order_registry() if kind.schema_version > 1}
    assert versions == {"OrderCreated": 2, "ItemAdded": 2}
    read = {(step.type, step.schema_version) for step in order_registry().upcasters}
    assert read == {("OrderCreated", 1), ("ItemAdded", 1), ("StatusChanged", 1)}
