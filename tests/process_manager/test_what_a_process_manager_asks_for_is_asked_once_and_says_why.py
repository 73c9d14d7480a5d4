import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import ProjectionStopped
from orders_es.orders import (
    AssignCustomer,
    CancelOrder,
    OrderCancelled,
    OrderCreated,
    OrderPlaced,
    PaymentReceived,
    ShipOrder,
)
from orders_es.projections import Projector, ReadModels
from orders_es.projections.process_manager import Ask, ProcessManager, command_id_of
from orders_es.service import event_id_of


def run(shop, manager):
    Projector(shop.log, shop.models, [manager]).run()


def outcomes(shop, manager):
    table = ReadModels(shop.models).query(f"SELECT stream_id, command, outcome FROM {manager.commands_table}")
    return table.rows()


def ships(case):
    yield ShipOrder(carrier=f"carrier of {case.event.stream_id}")


SHIPS = ProcessManager("ships", 1, {PaymentReceived: ships})


def test_its_events_belong_to_the_conversation_of_their_cause(shop):
    shop.place("A-1", correlation_id="cart 7")
    shop.do("A-1", CancelOrder(), correlation_id="call 9")
    manager = ProcessManager("notes", 1, {OrderCancelled: lambda _: [AssignCustomer(customer_id="C-1")]}, actor="desk")
    run(shop, manager)
    cause, event = shop.log.load("A-1")[-2:]
    assert (event.type, event.actor) == ("CustomerAssigned", "desk")
    assert (event.correlation_id, event.causation_id) == ("call 9", str(cause.event_id))
    assert event.event_id == event_id_of("A-1", command_id_of(cause.event_id, "notes", "AssignCustomer"))


def test_an_event_of_no_conversation_begins_one(shop):
    shop.place("A-1", paid=10)
    run(shop, SHIPS)
    cause, event = shop.log.load("A-1")[-2:]
    assert (event.actor, event.correlation_id) == ("ships", str(cause.event_id))


def test_a_deleted_file_makes_it_ask_again_for_what_was_done_and_nothing_happens_twice(shop):
    shop.place("A-1", paid=10)
    shop.place("A-2", paid=10)
    run(shop, SHIPS)
    before = [shop.types("A-1"), shop.types("A-2")]
    shop.models.unlink()
    run(shop, SHIPS)
    assert [shop.types("A-1"), shop.types("A-2")] == before
    assert outcomes(shop, SHIPS) == [("A-1", "ShipOrder", "done"), ("A-2", "ShipOrder", "done")]


@pytest.mark.long
def test_a_rebuild_asks_for_nothing_and_keeps_what_came_of_it(shop):
    asked = []

    def cancels(case):
        asked.append(case.event.position)
        if len(asked) == 1:  # as a reaction of an older version may have done
            return []
        return [CancelOrder(reason="by the new version")]

    old = ProcessManager("cancels", 1, {PaymentReceived: cancels})
    shop.place("A-1", paid=10)
    shop.place("A-2", paid=10)
    run(shop, old)
    assert (shop.status("A-1"), shop.status("A-2")) == ("paid", "cancelled")
    before, end = outcomes(shop, old), shop.log.head().position
    new = ProcessManager("cancels", 2, {PaymentReceived: cancels})
    rebuilt = Projector(shop.log, shop.models, [new]).rebuild("cancels")
    assert len(asked) == 4, "it went through all of them again"
    assert shop.log.head().position == end
    assert rebuilt.promoted
    assert outcomes(shop, new) == before == [("A-2", "CancelOrder", "done")]
    shop.place("A-3", paid=10)
    run(shop, new)
    assert shop.status("A-3") == "cancelled", "and then it goes on"


def test_a_business_rule_that_says_no_is_an_answer_and_holds_up_nothing(shop):
    shop.place("A-1", paid=10)
    shop.do("A-1", ShipOrder())
    shop.place("A-2", paid=10)
    run(shop, SHIPS)
    assert outcomes(shop, SHIPS) == [("A-1", "ShipOrder", "refused"), ("A-2", "ShipOrder", "done")]
    [(reason,)] = ReadModels(shop.models).query("SELECT reason FROM ships_commands WHERE outcome = 'refused'").rows()
    assert "was shipped already" in reason


def test_what_is_no_longer_wanted_is_not_done(shop):
    ask = Ask(CancelOrder(), provided=lambda order: order.balance > 0)
    manager = ProcessManager("cancels", 1, {OrderPlaced: lambda _: [ask]})
    shop.place("A-1", paid=10)
    shop.place("A-2", paid=9)
    run(shop, manager)
    assert (shop.status("A-1"), shop.status("A-2")) == ("paid", "cancelled")
    assert outcomes(shop, manager) == [("A-1", "CancelOrder", "not wanted"), ("A-2", "CancelOrder", "done")]


def test_it_sees_the_order_as_the_event_left_it(shop):
    seen = []
    manager = ProcessManager("looks", 1, {OrderCreated: lambda case: seen.append(case.state.status)})
    shop.place("A-1", paid=10)
    run(shop, manager)
    assert seen == ["created"]


def test_one_event_may_lead_to_several_commands_of_one_name_and_to_other_orders(shop):
    def assigns(case):
        yield AssignCustomer(customer_id="C-1")
        yield AssignCustomer(customer_id="C-2")
        yield Ask(CancelOrder(reason=f"with {case.event.stream_id}"), stream_id="A-2")

    shop.place("A-2")
    shop.place("A-1")
    shop.do("A-1", CancelOrder())
    manager = ProcessManager("assigns", 1, {OrderCancelled: assigns})
    run(shop, manager)
    run(shop, manager)  # A-2 was cancelled by it, to which it reacts too
    assert shop.types("A-1").count("CustomerAssigned") == 2
    assert shop.types("A-2").count("OrderCancelled") == 1
    assert shop.types("A-2").count("CustomerAssigned") == 2


def test_the_past_can_be_left_alone(shop):
    shop.place("A-1", paid=10)
    past = shop.log.head().position
    shop.place("A-2", paid=10)
    run(shop, ProcessManager("ships", 1, {PaymentReceived: ships}, react_after=past))
    assert (shop.status("A-1"), shop.status("A-2")) == ("paid", "shipped")


def test_a_reaction_that_fails_stops_it_before_that_event_and_what_was_done_stays(shop):
    def reacts(case):
        if case.event.stream_id == "A-2":
            raise RuntimeError("no carrier")
        yield ShipOrder()

    def manager(reaction):
        return ProcessManager("ships", 1, {PaymentReceived: reaction}, attempts=2, pause=0)

    shop.place("A-1", paid=10)
    shop.place("A-2", paid=10)
    with pytest.raises(ProjectionStopped, match="no carrier"):
        run(shop, manager(reacts))
    assert (shop.status("A-1"), shop.status("A-2")) == ("shipped", "paid")
    run(shop, manager(ships))
    assert (shop.status("A-1"), shop.status("A-2")) == ("shipped", "shipped")
    assert [shop.types(order).count("OrderShipped") for order in ("A-1", "A-2")] == [1, 1]


def test_it_runs_from_the_command_line_by_its_module_and_name(shop, tmp_path, monkeypatch):
    (tmp_path / "sagas_of_a_shop.py").write_text(
        "from orders_es.orders import PaymentReceived, ShipOrder\n"
        "from orders_es.projections import ProcessManager\n"
        "ships = ProcessManager('ships', 1, {PaymentReceived: lambda case: [ShipOrder()]})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shop.place("A-1", paid=10)
    args = ["--handlers", "sagas_of_a_shop:ships", "--models", str(shop.models), "--log", shop.url]
    for _ in range(2):
        answer = CliRunner().invoke(main, ["project", "run", "ships", *args], catch_exceptions=False)
        assert answer.exit_code == 0, answer.stderr
    assert shop.types("A-1").count("OrderShipped") == 1
