"""Where no payment was ever recorded, nobody knows what is owed: no debt is shown, and the answer says why."""

from decimal import Decimal

from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentFailed
from orders_es.replay import connect

PLACED = [OrderCreated(currency="EUR"), ItemAdded(item_id="mug", quantity=1, price=Decimal(10)), OrderPlaced()]


def test_receivables_has_no_rows_and_says_why_until_a_payment_was_at_least_tried():
    with open_log(":memory:") as log, connect(log) as session:
        log.append("A-1", PLACED, expected=ANY)
        answer = session.sql("SELECT owed FROM receivables")
        assert (answer.rows(), "records no payments" in answer.notes[0]) == ([], True)
        log.append("A-1", [PaymentFailed(amount=Decimal(10))], expected=ANY)
        answer = session.sql("SELECT owed FROM receivables")
        assert (answer.rows(), answer.notes) == ([(Decimal(10),)], ())
